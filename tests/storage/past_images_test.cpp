// AS OF in the hot tier: every retained CSN answers as its commit left it, from a version image or without one, whatever
// was written, moved, purged or altered since.
#include "storage/past_images.hpp"

#include "tests/storage/store_fixture.hpp"

namespace firn::storage {
namespace {

class PastImagesTest : public model::StoreFixture {
 protected:
  static constexpr std::size_t kCacheBytes = std::size_t{100} << 20;

  void SetUp() override {
    options.segment_rows = 100;
    create();
    BlockCache::process().set_capacity(kCacheBytes);
  }
  void TearDown() override { BlockCache::process().set_capacity(kCacheBytes); }

  static std::size_t cached_bytes() { return BlockCache::process().stats().bytes; }
  static std::uint64_t cache_hits() { return BlockCache::process().stats().hits; }
  void expect_at(std::uint64_t at) {
    model::expect_equal(model::read_state(*store, at).value(), oracle.state(at),
                        "AS OF CSN " + std::to_string(at));
  }
  /// All CSNs from `first` on: without images, when they are built, and from them.
  void expect_all(std::uint64_t first = 1) {
    for (const std::size_t capacity : {std::size_t{0}, kCacheBytes, kCacheBytes}) {
      BlockCache::process().set_capacity(capacity);
      for (std::uint64_t at = first; at <= csn; ++at) expect_at(at);
    }
  }
  std::uint64_t count_at(std::uint64_t at) {
    const auto query = parse_query("SELECT count(*) FROM t AS OF CSN " + std::to_string(at)).value();
    return store->query(query, store->snapshot().value()).value()[0].value_at(0).to_u64();
  }
};

TEST_F(PastImagesTest, TheSecondReadOfThePastBuildsAnImage) {
  for (int i = 0; i < 10; ++i) write(0, 30, i);
  expect_rows();
  const std::size_t before = cached_bytes();
  expect_at(3);
  EXPECT_EQ(cached_bytes(), before);
  expect_at(4);
  EXPECT_GT(cached_bytes(), before);
  const std::uint64_t hits = cache_hits();
  for (std::uint64_t at = 1; at < csn; ++at) expect_at(at);
  EXPECT_EQ(cache_hits(), hits + csn - 1) << "each was read from it";
  EXPECT_EQ(count_at(5), 30U);
}

TEST_F(PastImagesTest, OverwritesDeletionsAndReturns) {
  for (int i = 0; i < 12; ++i) {
    write(i, 25, i);
    remove(i + 3);
    if (i % 3 == 0) write(i + 3, 1, 100 + i);
    remove(500);  // was never there
  }
  expect_all();
}

TEST_F(PastImagesTest, LaterCommitsAreAddedToAnImage) {
  for (int i = 0; i < 10; ++i) write(0, 30, i);
  expect_at(2);
  expect_at(3);  // the image is as of now
  const std::size_t before = cached_bytes();
  const std::uint64_t built = csn;
  for (int i = 0; i < 5; ++i) {
    write(20, 20, 50 + i);
    remove(2 * i);
    write(2 * i, 1, 70 + i);
    remove(35);
  }
  expect_at(built + 3);  // one read, so nothing can be built anew
  EXPECT_GT(cached_bytes(), before);
  for (std::uint64_t at = 1; at < csn; ++at) expect_at(at);
  expect_all();
}

TEST_F(PastImagesTest, BlocksEndHotRows) {
  for (int i = 0; i < 5; ++i) write(0, 30, i);
  write(10, 150, 20);  // as a block
  for (int i = 0; i < 5; ++i) write(25, 30, 30 + i);
  expect_all();
  expect_at(2);
  expect_at(3);
  write(0, 120, 40);  // ends rows of the image
  write(5, 3, 41);
  write(0, 120, 42);
  write(5, 3, 43);
  for (std::uint64_t at = 1; at < csn; ++at) expect_at(at);
  run(StorageTier::cold, false, {store->files().at(0).info.id});
  expect_all();
}

TEST_F(PastImagesTest, RowsThatMoveOutOfHotAndBack) {
  for (int i = 0; i < 6; ++i) write(0, 30, i);
  remove(4);
  expect_all();
  run(StorageTier::warm, true);
  csn = store->snapshot().value().csn().value;
  expect_all();
  for (int i = 0; i < 6; ++i) write(10, 30, 10 + i);
  expect_all();
  while (const auto order = store->next_job_towards(StorageTier::hot)) {
    if (!store->run_job(*order).value().done) break;
  }
  csn = store->snapshot().value().csn().value;
  expect_all();
  write(0, 40, 99);
  write(0, 40, 100);
  expect_all();
}

TEST_F(PastImagesTest, APurgeTakesWhatNobodyMayRead) {
  config.history_us = kHour;
  configure();
  for (int i = 0; i < 8; ++i) write(0, 30, i);
  const StoreSnapshot held = store->snapshot(Csn{csn - 5}).value();
  expect_at(csn - 3);
  expect_at(csn - 3);
  clock->advance_us(2 * kHour);
  for (int i = 0; i < 4; ++i) write(5, 30, 20 + i);
  const std::uint64_t first = csn;
  purge();
  clock->advance_us(kHour / 2);
  for (int i = 0; i < 4; ++i) write(0, 30, 30 + i), remove(3);
  expect_rows(held);
  expect_rows(held);
  for (int i = 0; i < 3; ++i)
    for (std::uint64_t at = first; at <= csn; ++at) expect_at(at);
  clock->advance_us(kHour / 2);
  purge();  // the horizon passes the image
  write(0, 30, 50);
  write(0, 30, 51);
  expect_rows(held);
  expect_at(csn - 1);
  expect_at(csn);
  EXPECT_EQ(store->snapshot(Csn{1}).error().code(), ErrorCode::horizon);
}

TEST_F(PastImagesTest, AQueryForMoreColumnsIsAnsweredToo) {
  for (int i = 0; i < 10; ++i) write(0, 30, i);
  for (std::uint64_t at = 2; at < 5; ++at) EXPECT_EQ(count_at(at), 30U);
  for (std::uint64_t at = 2; at < 6; ++at) expect_at(at);
  const std::uint64_t hits = cache_hits();
  expect_at(6);
  EXPECT_EQ(count_at(6), 30U);
  EXPECT_EQ(cache_hits(), hits + 2) << "one image has the columns of both";
}

TEST_F(PastImagesTest, AnImageThatDoesNotFitIsNotBuilt) {
  for (int i = 0; i < 10; ++i) write(0, 90, i);
  BlockCache::process().set_capacity(20'000);  // more than nothing, less than 900 rows
  for (std::uint64_t at = 1; at <= csn; ++at) expect_at(at);
  EXPECT_LE(cached_bytes(), 20'000U);
  BlockCache::process().set_capacity(kCacheBytes);
  for (std::uint64_t at = 1; at <= csn; ++at) expect_at(at);
}

TEST_F(PastImagesTest, ClosingATableLetsItsImageGo) {
  for (int i = 0; i < 10; ++i) write(0, 30, i);
  const std::size_t before = cached_bytes();
  expect_all();
  EXPECT_GT(cached_bytes(), before);
  store->close().value();
  store.reset();
  EXPECT_EQ(cached_bytes(), before);
}

}  // namespace
}  // namespace firn::storage
