// A table without actors: rows through all tiers, kills and reopens, on the simulated disk.
#include "storage/table_store.hpp"

#include <gtest/gtest.h>

#include "io/sim_disk.hpp"
#include "tests/storage/model_table.hpp"

namespace firn::storage {
namespace {

class TableStoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    disk = std::make_shared<io::SimDisk>();
    clock = std::make_shared<io::ManualClock>();
    options.clock = clock;
    store = TableStore::create(disk, "t", "events", 7, schema, {}, options).value();
  }
  void reopen(bool clean) {
    if (clean) store->close().value();
    store.reset();
    store = TableStore::open(disk, "t", options).value();
  }
  Batch rows(std::uint64_t first, std::uint64_t count, const std::string& text) {
    BatchBuilder b(schema);
    for (std::uint64_t i = first; i < first + count; ++i)
      b.append(i, Timestamp{static_cast<std::int64_t>(i) * 1000}, text, static_cast<double>(i) / 4);
    return b.finish().value();
  }
  CommitInfo write(const Batch& batch) {
    return store->commit_one(model::upsert_of(*store, batch).value()).value();
  }
  Batch ask(const std::string& sql) {
    return store->query(parse_query(sql).value(), store->snapshot().value()).value();
  }
  std::int64_t number(const std::string& sql) { return ask(sql)[0].value_at(0).to_i64(); }
  void settle(StorageTier to) {
    for (int i = 0; i < 200; ++i) {
      const auto order = store->next_job_towards(to);
      if (!order) return;
      store->run_job(*order).value();
    }
    FAIL() << "did not settle";
  }
  std::string text_of(std::uint64_t id) {
    const Value key(id);
    const auto row = store->get(store->snapshot().value(), std::span<const Value>(&key, 1)).value();
    return row ? (*row)[2].to_string() : "-";
  }

  Schema schema =
      Schema::parse("id u64, ts timestamp, text utf8, amount f64", {.key = {"id"}, .time = "ts"}).value();
  std::shared_ptr<io::SimDisk> disk;
  std::shared_ptr<io::ManualClock> clock;
  StoreOptions options;
  std::unique_ptr<TableStore> store;
};

TEST_F(TableStoreTest, SmallWritesAreHotAndSurviveAKill) {
  EXPECT_EQ(write(rows(1, 10, "a")).tier, StorageTier::hot);
  EXPECT_EQ(number("SELECT count(*) FROM t"), 10);
  EXPECT_EQ(text_of(3), "a");
  reopen(false);
  EXPECT_EQ(number("SELECT count(*) FROM t"), 10);
  reopen(true);
  EXPECT_EQ(number("SELECT count(*) FROM t WHERE id >= 5"), 6);
  EXPECT_EQ(text_of(11), "-");
}

TEST_F(TableStoreTest, OpeningAndReadingWritesNothing) {
  write(rows(1, 10, "a"));
  write(rows(100, 5'000, "b"));
  store->close().value();
  store.reset();
  const std::uint64_t before = disk->operations();
  for (int round = 0; round < 2; ++round) {  // the second finds the marker that the first left alone
    store = TableStore::open(disk, "t", options).value();
    EXPECT_EQ(text_of(3), "a");
    EXPECT_EQ(number("SELECT count(*) FROM t"), 5'010);
    store->close().value();
    EXPECT_EQ(disk->operations(), before);
  }
  store = TableStore::open(disk, "t", options).value();
  write(rows(50, 1, "c"));
  reopen(false);  // the marker went before the change
  EXPECT_EQ(number("SELECT count(*) FROM t"), 5'011);
}

TEST_F(TableStoreTest, ACheckpointOfAnUnchangedTableKeepsItsLog) {
  write(rows(1, 10, "a"));
  reopen(true);
  for (int i = 0; i < 3; ++i) store->checkpoint().value();
  reopen(false);
  EXPECT_EQ(number("SELECT count(*) FROM t"), 10);
  write(rows(20, 1, "b"));
  store->checkpoint().value();
  reopen(true);
  EXPECT_EQ(number("SELECT count(*) FROM t"), 11);
}

TEST_F(TableStoreTest, LargeWritesAreWarmAndTheNewerVersionWinsInWhateverTier) {
  EXPECT_EQ(write(rows(0, 5000, "a")).tier, StorageTier::warm);
  write(rows(10, 10, "b"));
  EXPECT_EQ(number("SELECT count(*) FROM t"), 5000);
  EXPECT_EQ(number("SELECT count(*) FROM t WHERE text = 'b'"), 10);
  write(rows(0, 5000, "c"));
  EXPECT_EQ(number("SELECT count(*) FROM t WHERE text = 'c'"), 5000);
  EXPECT_EQ(number("SELECT count(*) FROM t"), 5000);
  EXPECT_EQ(text_of(12), "c");
  reopen(false);
  EXPECT_EQ(number("SELECT count(*) FROM t WHERE text = 'c'"), 5000);
  EXPECT_EQ(number("SELECT count(*) FROM t"), 5000);
}

TEST_F(TableStoreTest, MovesChangeNoAnswer) {
  write(rows(0, 5000, "a"));
  write(rows(100, 50, "b"));
  WriteRequest removal;
  removal.kind = WriteRequest::Kind::remove_where;
  removal.remove_where = parse_condition("id < 10 OR id BETWEEN 120 AND 124").value();
  EXPECT_EQ(store->commit_one(std::move(removal)).value().rows, 15U);
  const auto before = store->snapshot().value();
  const auto check = [&] {
    EXPECT_EQ(number("SELECT count(*) FROM t"), 4985);
    EXPECT_EQ(number("SELECT count(*) FROM t WHERE text = 'b'"), 45);
    EXPECT_EQ(text_of(5), "-");
    EXPECT_EQ(text_of(110), "b");
    EXPECT_EQ(text_of(200), "a");
    EXPECT_EQ(number("SELECT count(*) FROM t AS OF CSN 2"), 5000);
    EXPECT_EQ(number("SELECT count(*) FROM t AS OF CSN 3 WHERE text = 'b'"), 50);
  };
  check();
  for (const StorageTier to :
       {StorageTier::warm, StorageTier::cold, StorageTier::warm, StorageTier::hot, StorageTier::cold}) {
    settle(to);
    check();
    const StoreStats s = store->stats().value();
    const TierStats& tier = to == StorageTier::cold ? s.cold : to == StorageTier::warm ? s.warm : s.hot;
    EXPECT_EQ(tier.rows, 4985U) << "tier " << name_of(to);
    EXPECT_EQ(s.rows, 4985U);
    reopen(to == StorageTier::warm);
    check();
  }
}

TEST_F(TableStoreTest, InsertRefusesAKeyInAnyTierAndNamesIt) {
  write(rows(0, 5000, "a"));
  settle(StorageTier::cold);
  WriteRequest r;
  r.rows = rows(4999, 2, "x");
  r.mode = WriteMode::insert;
  const auto answer = store->commit_one(std::move(r));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code(), ErrorCode::already_exists);
  EXPECT_NE(answer.error().message().find("4999"), std::string::npos);
  EXPECT_EQ(text_of(5000), "-");
}

TEST_F(TableStoreTest, ATokenCommitsOnce) {
  for (int i = 0; i < 3; ++i) {
    WriteRequest r;
    r.rows = rows(1, 2, "v" + std::to_string(i));
    r.token = WriteToken{"p", 9};
    const CommitInfo answer = store->commit_one(std::move(r)).value();
    EXPECT_EQ(answer.csn, Csn{2});
    EXPECT_EQ(answer.repeated, i > 0);
    if (i == 1) reopen(false);
  }
  EXPECT_EQ(text_of(1), "v0");
}

TEST_F(TableStoreTest, BlocksOfAnEarlierOpeningAreRefusedAndThoseOfThisOneCommitOnce) {
  for (const bool clean : {true, false}) {
    WriteRequest stale;
    stale.kind = WriteRequest::Kind::blocks;
    stale.blocks = store->prepare_blocks(rows(0, 2000, "stale")).value();
    reopen(clean);
    write(rows(5000, 2000, "fresh"));  // may take the ids over
    EXPECT_EQ(store->commit_one(stale).error().code(), ErrorCode::conflict);
    EXPECT_EQ(number("SELECT count(*) FROM t"), 2000);
  }
  WriteRequest twice;
  twice.kind = WriteRequest::Kind::blocks;
  twice.blocks = store->prepare_blocks(rows(0, 2000, "once")).value();
  EXPECT_TRUE(store->commit_one(twice).ok());
  EXPECT_EQ(store->commit_one(twice).error().code(), ErrorCode::conflict);
  reopen(false);
  EXPECT_EQ(number("SELECT count(*) FROM t"), 4000);
}

TEST_F(TableStoreTest, EightDaysTakeRowsFromHotToCold) {
  write(rows(0, 100, "a"));
  write(rows(200, 3000, "b"));
  const auto work = [&] {
    while (const auto order = store->next_job()) store->run_job(*order).value();
  };
  work();
  EXPECT_EQ(store->stats().value().hot.rows, 100U);
  clock->advance_us(25LL * 3'600'000'000);
  work();
  EXPECT_EQ(store->stats().value().hot.rows, 0U);
  EXPECT_EQ(store->stats().value().warm.rows, 3100U);
  clock->advance_us(8LL * 24 * 3'600'000'000);
  work();
  EXPECT_EQ(store->stats().value().cold.rows, 3100U);
  EXPECT_EQ(number("SELECT count(*) FROM t"), 3100);
}

TEST_F(TableStoreTest, FilesAreMergedWhenTheyAreABurdenAndNotBefore) {
  const auto bulk = [&](std::uint64_t first) { write(rows(first, 1'001, "a")); };
  for (std::uint64_t i = 0; i < 20; ++i) bulk(2'000 * i);  // side by side
  EXPECT_FALSE(store->next_job());
  for (std::uint64_t i = 20; i < 40; ++i) bulk(2'000 * i);  // too many in all
  while (const auto order = store->next_job()) store->run_job(*order).value();
  EXPECT_LE(store->files().size(), 24U);
  for (int i = 0; i < 10; ++i) bulk(2'000'000 + 5 * static_cast<std::uint64_t>(i));  // one above the other
  EXPECT_FALSE(store->next_job());
  bulk(2'000'100);
  while (const auto order = store->next_job()) store->run_job(*order).value();
  EXPECT_LT(store->files().size(), 12U);
  EXPECT_EQ(number("SELECT count(*) FROM t"), 40 * 1'001 + 1'101);
}

TEST_F(TableStoreTest, ACheckpointCutsTheLog) {
  for (std::uint64_t i = 0; i < 50; ++i) write(rows(i * 10, 10, "a"));
  store->checkpoint().value();
  write(rows(1000, 5, "b"));
  store->checkpoint().value();
  store->checkpoint().value();
  reopen(false);
  EXPECT_EQ(number("SELECT count(*) FROM t"), 505);
  EXPECT_TRUE(store->verify(true).value().empty());
}

}  // namespace
}  // namespace firn::storage
