// Superseded versions that nobody can read any more: they go from the hot tier, from moves and from history files, and
// what a pin or the history needs stays.
#include <filesystem>
#include <future>
#include <thread>

#include "storage/log_record.hpp"
#include "tests/scale.hpp"
#include "tests/storage/store_fixture.hpp"

namespace firn::storage {
namespace {

class PurgeTest : public model::StoreFixture {
 protected:
  void SetUp() override {
    config.history_us = 0;
    create();
  }
};

TEST_F(PurgeTest, OfManyVersionsOfAKeyTheNewestIsLeft) {
  for (int i = 0; i < 20; ++i) write(0, 30, i);
  EXPECT_EQ(stats().versions, 600U);
  const JobReport done = purge();
  EXPECT_TRUE(done.done);
  EXPECT_EQ(done.rows_dropped, 570U);
  EXPECT_EQ(stats().versions, 30U);
  expect_rows();
}

TEST_F(PurgeTest, ReplayDropsTheSameVersions) {
  std::vector<StoreSnapshot> held;
  for (int i = 0; i < 20; ++i) {
    write(i, 30, i);
    if (i % 6 == 0) held.push_back(store->snapshot().value());
  }
  remove(3);
  purge();
  write(5, 30, 99);
  purge();
  const std::uint64_t left = stats().versions;
  held.clear();
  kill_and_open();
  EXPECT_EQ(stats().versions, left);
  EXPECT_TRUE(store->verify(true).value().empty());
  expect_rows();
}

TEST_F(PurgeTest, APinKeepsTheOneVersionOfEachKeyThatItSees) {
  for (int i = 0; i < 10; ++i) write(0, 30, i);
  const StoreSnapshot held = store->snapshot().value();
  for (int i = 10; i < 30; ++i) write(0, 30, i);
  purge();
  EXPECT_EQ(stats().versions, 60U);
  expect_rows(held);
  expect_rows();
}

TEST_F(PurgeTest, RetainedHistoryStays) {
  config.history_us = kHour;
  configure();
  write(0, 30, 1);
  clock->advance_us(2 * kHour);
  const std::uint64_t before = write(0, 30, 2).csn.value;
  clock->advance_us(kHour / 2);
  write(0, 30, 3);
  purge();
  EXPECT_EQ(stats().versions, 90U) << "the horizon is the last commit that is an hour old";
  model::expect_equal(model::read_state(*store, before).value(), oracle.state(before), "half an hour ago");
  clock->advance_us(2 * kHour);
  purge();
  EXPECT_EQ(stats().versions, 30U);
  const auto gone = store->snapshot(Csn{before});
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().code(), ErrorCode::horizon);
}

TEST_F(PurgeTest, ATombstoneWithNothingBelowGoesOnlyWhereNoFileHasItsKey) {
  write(0, 30, 1);
  remove(7);
  purge();
  EXPECT_EQ(stats().versions, 29U);
  write(100, 200, 1);  // a block
  remove(150);
  purge();
  EXPECT_EQ(stats().hot.rows, 29U);
  EXPECT_EQ(stats().versions, 29U + 200U + 1U) << "the tombstone hides the block's row";
  expect_rows();
  kill_and_open();
  expect_rows();
}

TEST_F(PurgeTest, ADemotionThatBeganBeforeTombstonesWentIsVoid) {
  write(0, 30, 1);
  options.job_hook = [&](std::string_view stage) {
    if (stage != "written") return;
    remove(7);
    purge();
  };
  kill_and_open();
  JobOrder order;
  order.from_hot = true;
  order.to = StorageTier::warm;
  const auto done = store->run_job(order);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code(), ErrorCode::conflict);
  expect_rows();
}

TEST_F(PurgeTest, OneKeyOfAnyNumberOfVersionsHoldsUpWritersForAPieceAtATime) {
  std::vector<std::uint64_t> left;
  options.purge_bounds = {100, 300};
  options.job_hook = [&](std::string_view stage) {
    if (stage == "searched") left.push_back(stats().versions);
  };
  kill_and_open();
  write(0, 30, 1);
  for (int i = 0; i < 500; ++i) write(7, 1, i);
  const StoreSnapshot held = store->snapshot().value();
  for (int i = 0; i < 500; ++i) write(7, 1, 1'000 + i);
  remove(7);
  EXPECT_EQ(purge().rows_dropped, 1'000U);
  left.push_back(stats().versions);
  EXPECT_EQ(left.back(), 29U + 2U) << "the row that the snapshot sees, and that it is gone since";
  EXPECT_EQ(left.size(), 11U);
  for (std::size_t i = 1; i < left.size(); ++i) EXPECT_LE(left[i - 1] - left[i], 100U);
  expect_rows(held);
  expect_rows();
  kill_and_open();
  EXPECT_EQ(stats().versions, 31U);
  expect_rows();
}

TEST_F(PurgeTest, ATombstoneBelowAnyNumberOfKeptVersionsHasAPieceOfItsOwn) {
  config.history_us = kHour;
  configure();
  options.purge_bounds = {100, 300};
  int tombstones = 0;
  options.job_faults.purge = [&](HotPurge& p) {
    if (!p.rule.tombstones || p.key_max < shape.encoded(7) || p.key_min > shape.encoded(7)) return;
    ++tombstones;
    EXPECT_NE(p.rule.below, 0U) << "a thousand versions above it would be visited while writers wait";
    EXPECT_EQ(p.dropped.count, 1U);
  };
  kill_and_open();
  write(0, 30, 1);
  remove(3);  // one that hides nothing, in the same slice
  remove(7);
  clock->advance_us(2 * kHour);
  for (int i = 0; i < 1'000; ++i) write(7, 1, i);
  purge();
  EXPECT_EQ(tombstones, 1);
  EXPECT_EQ(stats().versions, 28U + 1'000U);
  EXPECT_TRUE(store->verify(true).value().empty());
  expect_rows();
  kill_and_open();
  EXPECT_EQ(stats().versions, 28U + 1'000U);
  expect_rows();
}

TEST_F(PurgeTest, OneThatEndsInTheMidstOfAKeyHasDroppedItsOldestVersions) {
  int pieces = 0;
  options.purge_bounds = {100, 300};
  options.job_faults.purge = [&](HotPurge& p) {
    if (++pieces == 3) p.rule.horizon = 0;
  };
  kill_and_open();
  for (int i = 0; i < 500; ++i) write(7, 1, i);
  JobOrder order;
  order.from_hot = true;
  order.to = StorageTier::hot;
  EXPECT_FALSE(store->run_job(order));
  EXPECT_EQ(stats().versions, 500U - 199U) << "what was left over of hundreds came first";
  kill_and_open();
  EXPECT_EQ(stats().versions, 301U);
  expect_rows();
  purge();
  EXPECT_EQ(stats().versions, 1U);
  expect_rows();
}

TEST_F(PurgeTest, WritesMeanwhileNeitherStopItNorAreTouched) {
  write(0, 30, 1);
  remove(7);
  remove(8);
  options.job_hook = [&](std::string_view stage) {
    if (stage != "searched") return;
    write(7, 2, 2);
    remove(8);
    write(20, 5, 2);
  };
  kill_and_open();
  purge();
  // 28 rows of old, both tombstones gone; 7, 8 and its second tombstone, and five rows came.
  EXPECT_EQ(stats().versions, 28U + 3U + 5U);
  EXPECT_EQ(stats().jobs_refused, 0U);
  expect_rows();
  kill_and_open();
  expect_rows();
}

TEST_F(PurgeTest, RowsThatLeaveTheHotTierMeanwhileAreNotLookedForThere) {
  for (int i = 0; i < 5; ++i) write(0, 30, i);
  std::promise<void> moving, go_on;
  std::thread mover;
  options.job_hook = [&](std::string_view stage) {
    if (stage == "written") {
      moving.set_value();
      go_on.get_future().wait();
    } else if (stage == "searched" && mover.joinable()) {
      go_on.set_value();
      mover.join();
    }
  };
  kill_and_open();
  mover = std::thread([&] { run(StorageTier::warm, true); });
  moving.get_future().wait();
  purge();
  EXPECT_FALSE(mover.joinable());
  EXPECT_EQ(stats().hot.rows, 0U);
  EXPECT_EQ(stats().jobs_refused, 0U);
  expect_rows();
}

TEST_F(PurgeTest, EndsThatAreFoundAfterAPurgeAreLateNeverWrong) {
  write(0, 200, 1);  // a block that nobody has asked yet
  const StoreSnapshot held = store->snapshot().value();
  for (int i = 0; i < 10; ++i) write(0, 50, 10 + i);
  purge();
  kill_and_open();  // all but one of the versions that ended its rows are gone
  expect_rows();
}

TEST_F(PurgeTest, AClockSetBackDoesNotMakeItTheOnlyWork) {
  config.history_us = 24 * kHour;  // keeps all that is superseded
  configure();
  options.purge_versions_min = 100;
  kill_and_open();
  for (int i = 0; i < 30; ++i) write(0, 30, i);
  purge();
  clock->step_us(-365 * 24 * kHour);
  EXPECT_FALSE(store->next_job()) << "it has just looked";
  clock->advance_us(2 * kHour);
  ASSERT_TRUE(store->next_job());
  store->run_job(*store->next_job()).value();
  EXPECT_FALSE(store->next_job());
}

TEST_F(PurgeTest, ThereIsAPurgeToDoOnlyWhenEnoughHasGathered) {
  options.purge_versions_min = 1'000;
  kill_and_open();
  for (int i = 0; i < 30; ++i) write(0, 30, i);
  EXPECT_FALSE(store->next_job());
  for (int i = 0; i < 30; ++i) write(0, 30, i);
  const auto order = store->next_job();
  ASSERT_TRUE(order);
  EXPECT_TRUE(order->from_hot);
  EXPECT_EQ(order->to, StorageTier::hot);
  store->run_job(*order).value();
  EXPECT_FALSE(store->next_job());
  EXPECT_EQ(stats().versions, 30U);
}

TEST_F(PurgeTest, NewRowsAreLookedThroughOnceNotAgainAndAgain) {
  options.purge_versions_min = 100;
  kill_and_open();
  int looks = 0;
  for (int i = 0; i < 100; ++i) {
    write(i * 50, 50, i);
    for (; store->next_job(); ++looks) run_jobs();
  }
  EXPECT_LT(looks, 15) << "5,000 rows, each look at half as many again as the last";
  EXPECT_EQ(stats().versions, 5'000U);
}

TEST_F(PurgeTest, AHistoryFileOfMostlyUnneededVersionsIsRewritten) {
  config.history_us = kHour;
  configure();
  for (int i = 0; i < 10; ++i) write(0, 50, i);
  const StoreSnapshot held = store->snapshot().value();
  for (int i = 10; i < 20; ++i) write(0, 50, i);
  run(StorageTier::warm, true);
  EXPECT_EQ(stats().history_rows, 19U * 50U);
  clock->advance_us(2 * kHour);
  store->expire().value();
  EXPECT_EQ(stats().history_rows, 19U * 50U) << "the pin lies in the file";
  run_jobs();
  EXPECT_EQ(stats().history_rows, 50U);
  expect_rows(held);
  expect_rows();
}

// --- what a snapshot costs ---------------------------------------------------------------------------------------------

struct Cost {
  std::uint64_t versions = 0, bytes = 0;
};

/// A table under heavy overwriting, with jobs and expiry as the background runs them.
class HeldSnapshotTest : public PurgeTest {
 protected:
  static constexpr int kKeys = 4'000, kBatch = 100;

  Cost overwrite(bool hold, std::uint64_t hot_tier_max_size) {
    store.reset();
    disk = std::make_shared<io::SimDisk>();
    oracle = {};
    options.purge_versions_min = 2'000;
    options.checkpoint_log_bytes = 1 << 20;
    options.hot_map_bytes = std::size_t{8} << 20;
    config.hot_tier_max_size = hot_tier_max_size;
    create();
    for (int k = 0; k < kKeys; k += kBatch) write(k, kBatch, 0);
    StoreSnapshot held;
    if (hold) held = store->snapshot(std::nullopt, "long").value();
    Cost most;
    const int rounds = firn::testing::scaled(40);
    for (int round = 1; round <= rounds; ++round) {
      for (int k = 0; k < kKeys; k += kBatch) {
        write(k, kBatch, round);
        clock->advance_us(kSecond / 10);
      }
      store->follow_ends().value();
      while (const auto order = store->next_job()) {
        moves += order->from_hot && order->to == StorageTier::warm ? 1 : 0;
        store->run_job(*order).value();
      }
      if (store->checkpoint_due()) store->checkpoint().value();
      store->expire().value();
      const StoreStats s = stats();
      most.versions = std::max(most.versions, s.versions);
      most.bytes = std::max(most.bytes, s.bytes);
    }
    if (hold) expect_rows(held);
    expect_rows();
    return most;
  }
  void expect_bounded(std::uint64_t hot_tier_max_size) {
    const Cost without = overwrite(false, hot_tier_max_size), with = overwrite(true, hot_tier_max_size);
    std::printf("most versions: %llu without, %llu with a snapshot held; most bytes: %llu, %llu\n",
                static_cast<unsigned long long>(without.versions),
                static_cast<unsigned long long>(with.versions),
                static_cast<unsigned long long>(without.bytes), static_cast<unsigned long long>(with.bytes));
    // It sees one version a key. What waits for the next job is a round's worth in both.
    EXPECT_LE(with.versions, without.versions + 2 * kKeys);
    EXPECT_LE(with.bytes, without.bytes + (std::uint64_t{4} << 20));
  }

  int moves = 0;
};

TEST_F(HeldSnapshotTest, CostsTheVersionsThatItSeesNotThoseThatAreWritten) {
  expect_bounded(64 << 20);
  EXPECT_EQ(moves, 0);
}

TEST_F(HeldSnapshotTest, CostsNoMoreWhereRowsLeaveTheHotTierAllTheTime) {
  expect_bounded(64 << 10);
  EXPECT_GE(moves, firn::testing::scaled(20));
}

}  // namespace
}  // namespace firn::storage
