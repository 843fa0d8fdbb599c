// cache_size: how much of a table stays in memory, and how tables, the cold tier's chunks and memory beside the cache share
// one budget.
#include "storage/block_cache.hpp"
#include "tests/storage/store_fixture.hpp"

namespace firn::storage {
namespace {

using Piece = std::shared_ptr<const int>;

Piece piece(int i) { return std::make_shared<const int>(i); }

class CacheShares : public ::testing::Test {
 protected:
  static constexpr std::size_t kPiece = 100;
  void put(CacheShare& share, std::uint64_t first, std::uint64_t n) {
    for (std::uint64_t i = first; i < first + n; ++i) share.insert({1, i}, piece(int(i)), kPiece);
  }
  bool has(CacheShare& share, std::uint64_t i) { return share.find<int>({1, i}) != nullptr; }
  BlockCache cache{1'000};
};

TEST_F(CacheShares, AShareHoldsItsOwnBoundAndTakesNothingFromOthers) {
  const auto small = cache.open_share(300), large = cache.open_share(1'000);
  put(*large, 100, 5);
  put(*small, 0, 20);
  EXPECT_EQ(small->bytes(), 300U);
  EXPECT_EQ(large->bytes(), 500U) << "the small one made room among its own";
  EXPECT_TRUE(has(*small, 19));
  EXPECT_FALSE(has(*small, 16));
}

TEST_F(CacheShares, AllTogetherHoldNoMoreThanTheCacheAndTheOldestGoes) {
  const auto a = cache.open_share(1'000), b = cache.open_share(1'000);
  put(*a, 0, 8);
  put(*b, 100, 8);
  EXPECT_EQ(cache.stats().bytes, 1'000U);
  EXPECT_EQ(a->bytes(), 200U);
  EXPECT_TRUE(has(*a, 7));
  EXPECT_FALSE(has(*a, 5));
}

TEST_F(CacheShares, AGreaterShareMakesTheCacheGreaterWhileItIsThere) {
  auto great = cache.open_share(5'000);
  const auto other = cache.open_share(1'000);
  put(*great, 0, 45);
  EXPECT_EQ(great->bytes(), 4'500U);
  put(*other, 100, 8);
  EXPECT_EQ(cache.stats().bytes, 5'000U);
  great.reset();
  EXPECT_EQ(cache.stats().bytes, 800U) << "what a table held goes with it";
  EXPECT_EQ(cache.capacity(), 1'000U);
}

TEST_F(CacheShares, AChangedBoundTakesEffectAtOnce) {
  const auto share = cache.open_share(1'000);
  put(*share, 0, 10);
  share->set_bytes_max(450);
  EXPECT_EQ(share->bytes(), 400U);
  share->set_bytes_max(0);
  EXPECT_EQ(cache.stats().entries, 0U);
  put(*share, 0, 10);
  EXPECT_EQ(share->bytes(), 0U);
  share->set_bytes_max(200);
  put(*share, 0, 10);
  EXPECT_EQ(share->bytes(), 200U);
}

TEST_F(CacheShares, WhatWasUsedBesideTheCacheIsSparedOnce) {
  struct Marked {
    std::atomic<bool> used{false};
  };
  const auto share = cache.open_share(1'000);
  const auto marked = std::make_shared<Marked>();
  share->insert({1, 0}, marked, kPiece, &marked->used);
  marked->used = true;
  put(*share, 1, 10);
  EXPECT_TRUE(share->find<Marked>({1, 0}));
  put(*share, 20, 10);
  EXPECT_FALSE(share->find<Marked>({1, 0}));
}

std::size_t beside_the_cache = 0;

TEST(CacheBeside, OtherMemoryMakesTheCacheSmallerByHalfAtMost) {
  BlockCache cache(1'000, [] { return beside_the_cache; });
  for (std::uint64_t i = 0; i < 10; ++i) cache.common()->insert({1, i}, piece(1), 100);
  EXPECT_EQ(cache.stats().bytes, 1'000U);
  beside_the_cache = 200;
  cache.common()->insert({1, 10}, piece(1), 100);
  EXPECT_EQ(cache.stats().bytes, 800U);
  beside_the_cache = 10'000;
  cache.common()->insert({1, 11}, piece(1), 100);
  EXPECT_EQ(cache.stats().bytes, 500U);
  beside_the_cache = 0;
}

class CacheSize : public model::StoreFixture {
 protected:
  static constexpr int kRows = 2'000, kBlocks = 6;

  void SetUp() override {
    BlockCache::process().set_capacity(BlockCache::kNoBound);
    options.segment_rows = 1'000;
    create();
  }
  /// As many rows in cold segments as in warm blocks.
  void fill() {
    for (int b = 0; b < kBlocks; ++b) write(b * kRows, kRows, b);
    std::vector<std::uint64_t> half;
    for (const FileView& f : store->files())
      if (half.size() < kBlocks / 2) half.push_back(f.info.id);
    run(StorageTier::cold, false, half);
  }
  void set_cache_size(std::uint64_t bytes) {
    config.tuning.cache_size = bytes;
    configure();
  }
  static std::size_t held() { return BlockCache::process().stats().bytes; }
};

TEST_F(CacheSize, AChangedOneChangesWhatIsHeld) {
  fill();
  expect_rows();
  const std::size_t all = held();
  ASSERT_GT(all, 60'000U);
  set_cache_size(all / 3);
  EXPECT_LE(held(), all / 3) << "at once, while the table is open";
  expect_rows();
  EXPECT_LE(held(), all / 3);
  EXPECT_GT(held(), 0U);
  set_cache_size(0);
  EXPECT_EQ(held(), 0U);
  expect_rows();
  EXPECT_EQ(held(), 0U) << "caching is off";
  set_cache_size(2 * all);
  expect_rows();
  EXPECT_EQ(held(), all);
}

TEST_F(CacheSize, TheOneThatWasSetHoldsAtTheNextOpenToo) {
  fill();
  expect_rows();
  const std::size_t bound = held() / 2;
  set_cache_size(bound);
  for (const bool clean : {true, false}) {
    clean ? close_and_open() : kill_and_open();
    EXPECT_EQ(held(), 0U) << "what a table held goes with it";
    expect_rows();
    EXPECT_LE(held(), bound);
    EXPECT_GT(held(), bound / 4);
  }
}

TEST_F(CacheSize, IsThatOfATableFromItsCreationOn) {
  store.reset();
  disk = std::make_shared<io::SimDisk>();
  config.tuning.cache_size = 0;
  create();
  oracle = {};
  fill();
  expect_rows();
  EXPECT_EQ(held(), 0U);
}

TEST_F(CacheSize, AScanStaysWithinIt) {
  fill();
  expect_rows();
  const std::size_t bound = held() / 4;
  set_cache_size(bound);
  std::size_t most = 0, batches = 0;
  store
      ->scan_all(store->snapshot().value(),
                 [&](const Batch&) -> Result<void> {
                   most = std::max(most, held());
                   ++batches;
                   return {};
                 })
      .value();
  EXPECT_GE(batches, 4U) << "three blocks and a segment";
  EXPECT_LE(most, bound);
  EXPECT_GT(most, 0U);
}

TEST_F(CacheSize, ATableThatIsOffLeavesTheOthersAlone) {
  fill();
  expect_rows();
  const std::size_t before = held();
  HybridTableConfig off = config;
  off.tuning.cache_size = 0;
  const auto other = TableStore::create(disk, "u", "others", 8, shape.schema(), off, options).value();
  EXPECT_EQ(held(), before);
  expect_rows();
  EXPECT_EQ(held(), before);
}

TEST_F(CacheSize, ExplainAnalyzeCountsARowGroupOnce) {
  fill();
  const auto groups_read = [&](std::string_view text) {
    QueryProfile profile;
    (void)store->query(parse_query(text).value(), store->snapshot().value(), &profile).value();
    EXPECT_EQ(profile.cost.groups_read, profile.warm.groups + profile.cold.groups) << text;
    return profile.cost.groups_read;
  };
  EXPECT_EQ(groups_read("SELECT * FROM t"), 4U);
  EXPECT_EQ(groups_read("SELECT * FROM t WHERE id BETWEEN 100 AND 120"), 1U) << "some rows of one";
}

}  // namespace
}  // namespace firn::storage
