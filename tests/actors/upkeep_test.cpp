// What the background does for reads to come: ended rows are found without a query, snapshots are listed with who holds
// them, old ones are given up, and superseded rows go, each without anybody asking.
#include "fixture.hpp"

namespace firn::testing {
namespace {

constexpr std::int64_t kMinuteUs = 60'000'000;

class Upkeep : public DatabaseTest {
 protected:
  HybridTable open_table() {
    DatabaseOptions options;
    options.clock = clock_;
    open(options);
    return table();
  }
  /// Looks around as the timer would until `there` holds; false if it never does.
  template <class Condition>
  bool background_until(Condition there) {
    for (int i = 0; i < 400; ++i) {
      if (there()) return true;
      TableActorAccess::core(db_)->tick();
      std::this_thread::sleep_for(5ms);
    }
    return false;
  }
  std::shared_ptr<io::ManualClock> clock_ = std::make_shared<io::ManualClock>();
};

TEST_F(Upkeep, EndedRowsAreFoundBeforeAnybodyAsks) {
  auto t = open_table();
  t.write(events(1, 5'000)).value();
  // A look at the statistics resolves what it has counted, so each attempt ends other rows first.
  t.write(events(1, 10, "again")).value();
  EXPECT_GT(t.get_stats().value().lag_commits, 0u) << "nothing has ticked yet";
  std::uint64_t i = 0;
  EXPECT_TRUE(background_until([&] {
    t.write(events(2 + ++i % 4'000, 10, "and again")).value();
    TableActorAccess::core(db_)->tick();
    std::this_thread::sleep_for(20ms);
    const TableStats s = t.get_stats().value();
    return s.lag_commits == 0 && s.lag_keys == 0;
  }));
}

TEST_F(Upkeep, SnapshotsAreListedWithOwnerCsnAndAge) {
  auto t = open_table();
  const Commit first = t.write(events(1, 10)).value();
  const Snapshot report = t.snapshot(std::nullopt, "report").value();
  clock_->advance_us(kMinuteUs);
  const Snapshot other = t.snapshot().value();
  const TableStats s = t.get_stats().value();
  EXPECT_EQ(s.pins, 2u);
  ASSERT_EQ(s.pin_list.size(), 2u);
  EXPECT_EQ(s.pin_list[0].owner, "report");
  EXPECT_EQ(s.pin_list[0].csn, first.csn);
  EXPECT_EQ(s.pin_list[0].age_us, kMinuteUs);
  EXPECT_EQ(s.pin_list[1].owner, "snapshot");
}

TEST_F(Upkeep, ASnapshotOlderThanTheLimitFailsWithAClearError) {
  auto t = open_table();
  t.write(events(1, 10)).value();
  HybridTableConfig config = t.config();
  config.set("pin_max_age", "2m").value();
  t.configure(config).value();
  const Snapshot held = t.snapshot(std::nullopt, "report").value();
  EXPECT_TRUE(held.query("SELECT count(*) FROM events"));
  clock_->advance_us(3 * kMinuteUs);
  ASSERT_TRUE(background_until([&] { return t.get_stats().value().pins == 0; }));
  const auto refused = held.query("SELECT count(*) FROM events");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::horizon);
  EXPECT_NE(refused.error().message().find("pin_max_age"), std::string::npos) << refused.error().message();
  EXPECT_EQ(count(t), 10);
}

TEST_F(Upkeep, SupersededRowsGoAndTheDecisionIsToBeSeen) {
  auto t = open_table();
  HybridTableConfig config = t.config();
  config.history_us = 0;
  t.configure(config).value();
  constexpr std::uint64_t kKeys = 500;
  for (int i = 0; i < 40; ++i) t.write(events(1, kKeys, "kind " + std::to_string(i))).value();
  EXPECT_EQ(t.get_stats().value().versions, 40 * kKeys);
  ASSERT_TRUE(background_until([&] { return t.get_stats().value().versions == kKeys; }));
  ASSERT_TRUE(background_until([&] {
    const auto decisions = t.decisions().value();
    return std::any_of(decisions.begin(), decisions.end(),
                       [](const Decision& d) { return d.action == "purge_hot"; });
  }));
  EXPECT_EQ(count(t), static_cast<std::int64_t>(kKeys));
}

TEST_F(Upkeep, ClosingDoesNotWaitForALongMerge) {
  auto t = open_table();
  for (int i = 0; i < 3; ++i) t.write(events(1, 500'000, "merged " + std::to_string(i))).value();
  std::atomic<bool> asked = false;
  std::thread compacting([&] {
    asked = true;
    const auto done = t.compact({.to = StorageTier::cold});
    EXPECT_TRUE(done || done.error().code() == ErrorCode::closed) << done.error().message();
  });
  while (!asked) std::this_thread::sleep_for(1ms);
  std::this_thread::sleep_for(50ms);
  EXPECT_TRUE(db_.close());
  compacting.join();
}

TEST_F(Upkeep, CompactingBesideAWriterReturnsWithWhatWasThereBefore) {
  constexpr std::uint64_t kRounds = 100;  // more blocks than a slow build can resolve help nobody
  auto t = open_table();
  for (int i = 0; i < 5; ++i) t.write(events(1 + 1'000 * static_cast<std::uint64_t>(i), 3'000)).value();
  t.write(events(500, 100, "small")).value();
  std::atomic<bool> done = false;
  std::thread writer([&] {
    for (std::uint64_t i = 0; !done && i < kRounds; ++i) {
      t.write(events(1 + i % 3'000, 50, "again")).value();
      t.write(events(1 + i % 2'000, 2'000, "and again")).value();
      std::this_thread::sleep_for(5ms);
    }
  });
  for (const StorageTier to : {StorageTier::cold, StorageTier::warm}) {
    const OptimizationResult settled = t.compact({.to = to}).value();
    EXPECT_LT(settled.decisions.size(), 300u) << "it took what came meanwhile along";
  }
  done = true;
  writer.join();
  EXPECT_EQ(count(t), 7'000);
}

}  // namespace
}  // namespace firn::testing
