// What is read comes up, what is no longer read goes down, and the table says what it did and why.
#include "fixture.hpp"

namespace firn::testing {
namespace {

constexpr std::uint64_t kRows = 5'000;
constexpr std::int64_t kDayUs = 86'400'000'000;
constexpr int kEnoughReads = 20;  // above the heat from which a cold file is promoted

class Promotion : public DatabaseTest {
 protected:
  void open_again() {
    DatabaseOptions options;
    options.clock = clock_;
    open(options);
  }
  HybridTable cold_table() {
    open_again();
    auto t = table();
    t.write(events(1, kRows)).value();
    t.compact({.to = StorageTier::cold}).value();
    EXPECT_EQ(t.get_stats().value().cold.rows, kRows);
    return t;
  }
  std::string ask(const HybridTable& t) const {
    return t.query("SELECT count(*) AS n, sum(amount) AS s, min(id) AS low, max(id) AS high FROM events")
        .value()
        .to_csv();
  }
  void read_often(const HybridTable& t) const {
    for (int i = 0; i < kEnoughReads; ++i) ask(t);
  }
  /// Looks around as the timer would until `there` holds; false if it never does.
  template <class Condition>
  bool settle(Condition there) {
    for (int i = 0; i < 400; ++i) {
      if (there()) return true;
      TableActorAccess::core(db_)->tick();
      std::this_thread::sleep_for(5ms);
    }
    return false;
  }
  static const Decision* find(const std::vector<Decision>& decisions, const std::string& action) {
    for (const Decision& d : decisions)
      if (d.action == action) return &d;
    return nullptr;
  }
  std::shared_ptr<io::ManualClock> clock_ = std::make_shared<io::ManualClock>();
};

TEST_F(Promotion, ColdBlockThatIsReadComesUpAndGoesDownAgain) {
  auto t = cold_table();
  const std::string answer = ask(t);
  read_often(t);
  ASSERT_TRUE(settle([&] { return t.get_stats().value().warm.rows == kRows; }));
  EXPECT_EQ(t.get_stats().value().cold.rows, 0u);
  EXPECT_EQ(ask(t), answer);
  // The journal hears of a job after its rows are visible.
  ASSERT_TRUE(settle([&] { return find(t.decisions().value(), "promote_to_warm") != nullptr; }));
  const auto up = t.decisions().value();
  const Decision* promoted = find(up, "promote_to_warm");
  ASSERT_NE(promoted, nullptr);
  EXPECT_NE(promoted->reason.find("reads an hour"), std::string::npos) << promoted->reason;

  // A week and a day pass in which nobody reads: the heat is gone and the block is old.
  clock_->advance_us(8 * kDayUs);
  ASSERT_TRUE(settle([&] { return t.get_stats().value().cold.rows == kRows; }));
  EXPECT_EQ(ask(t), answer);
  ASSERT_TRUE(settle([&] { return find(t.decisions().value(), "archive_to_cold") != nullptr; }));
  const auto down = t.decisions().value();
  const Decision* archived = find(down, "archive_to_cold");
  ASSERT_NE(archived, nullptr);
  EXPECT_FALSE(archived->reason.empty());
}

TEST_F(Promotion, BlockThatIsReadOnStaysUp) {
  auto t = cold_table();
  read_often(t);
  ASSERT_TRUE(settle([&] { return t.get_stats().value().warm.rows == kRows; }));
  // Then the look that follows a job is over: it must not see next week.
  EXPECT_TRUE(t.optimize().value().decisions.empty());
  clock_->advance_us(8 * kDayUs);
  read_often(t);
  EXPECT_TRUE(t.optimize().value().decisions.empty());
  EXPECT_EQ(t.get_stats().value().warm.rows, kRows);
}

TEST_F(Promotion, OptimizeListsWhatItChangedAndWhy) {
  auto t = cold_table();
  EXPECT_TRUE(t.optimize().value().decisions.empty());
  read_often(t);
  const OptimizationResult done = t.optimize().value();
  const Decision* promoted = find(done.decisions, "promote_to_warm");
  ASSERT_NE(promoted, nullptr);
  EXPECT_EQ(promoted->subject, "1 file(s)");
  EXPECT_NE(promoted->reason.find("the hottest with 20.0 reads an hour"), std::string::npos)
      << promoted->reason;
  EXPECT_EQ(t.get_stats().value().warm.rows, kRows);
  EXPECT_TRUE(t.optimize().value().decisions.empty());
}

TEST_F(Promotion, AccessCountsPersistOverCloseAndOpen) {
  auto t = cold_table();
  read_often(t);
  const auto before = t.access_report().value().files;
  ASSERT_EQ(before.size(), 1u);
  EXPECT_EQ(before[0].reads, static_cast<std::uint64_t>(kEnoughReads));
  ASSERT_TRUE(db_.close());

  open_again();
  t = db_.table("events").value();
  const auto after = t.access_report().value().files;
  ASSERT_EQ(after.size(), 1u);
  EXPECT_EQ(after[0].id, before[0].id);
  EXPECT_EQ(after[0].reads, before[0].reads);
  EXPECT_EQ(after[0].heat, before[0].heat);
  // And they still count: what was hot before the close is promoted after it.
  EXPECT_NE(find(t.optimize().value().decisions, "promote_to_warm"), nullptr);
}

}  // namespace
}  // namespace firn::testing
