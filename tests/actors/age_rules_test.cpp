// Days of virtual time pass, and nobody calls compact(): rows go down by age alone, and no answer changes.
#include "fixture.hpp"

namespace firn::testing {
namespace {

constexpr std::int64_t kHourUs = 3'600'000'000;
constexpr int kHoursADay = 24, kDays = 8;
constexpr std::uint64_t kSmallRows = 20, kLargeRows = 3'000;

class AgeRules : public DatabaseTest {
 protected:
  void SetUp() override {
    DatabaseOptions options;
    options.clock = clock_;
    open(options);
    table_ = table();
  }
  void write(std::uint64_t rows) {
    table_.write(events(next_, rows)).value();
    next_ += rows;
    // An update: its old version ends wherever it lies by now.
    table_.write(events(next_ / 2, 1, "again")).value();
  }
  void an_hour_passes() {
    clock_->advance_us(kHourUs);
    ++hour_;
  }
  /// Looks around as the timer would until `there` holds; false if it never does.
  template <class Condition>
  bool settle(Condition there) {
    for (int i = 0; i < 1'000; ++i) {
      TableActorAccess::core(db_)->tick();
      if (there(table_.get_stats().value())) return true;
      std::this_thread::sleep_for(2ms);
    }
    return false;
  }
  void expect_all_rows() {
    const auto n = static_cast<double>(next_ - 1);
    const DataFrame f = table_.query("SELECT count(*), sum(amount), min(id), max(id) FROM events").value();
    EXPECT_EQ(f.at(0, 0).to_i64(), static_cast<std::int64_t>(next_ - 1));
    EXPECT_EQ(f.at(0, 1).as_double(), n * (n + 1) / 4) << "day " << hour_ / kHoursADay;
    EXPECT_EQ(f.at(0, 2).to_i64(), 1);
    EXPECT_EQ(f.at(0, 3).to_i64(), static_cast<std::int64_t>(next_ - 1));
  }
  bool decided(const std::string& action) const {
    const auto decisions = table_.decisions().value();
    return std::any_of(decisions.begin(), decisions.end(),
                       [&](const Decision& d) { return d.action == action && !d.reason.empty(); });
  }

  std::shared_ptr<io::ManualClock> clock_ = std::make_shared<io::ManualClock>();
  HybridTable table_;
  std::uint64_t next_ = 1;
  int hour_ = 0;
};

TEST_F(AgeRules, EightDaysTakeRowsFromHotToWarmToColdWithoutCompact) {
  write(kSmallRows);
  write(kLargeRows);
  const std::uint64_t rows = next_ - 1;
  for (; hour_ < kDays * kHoursADay + 2; an_hour_passes()) {
    TableActorAccess::core(db_)->tick();
    if (hour_ % kHoursADay == 0) expect_all_rows();
    if (hour_ == kHoursADay - 1) {
      const TableStats s = table_.get_stats().value();
      EXPECT_GE(s.hot.rows, kSmallRows) << "nothing is older than a day";
      EXPECT_EQ(s.cold.rows, 0u);
    }
    if (hour_ == kHoursADay + 1) {
      EXPECT_TRUE(settle([&](const TableStats& s) { return s.hot.rows == 0 && s.warm.rows == rows; }));
    }
    if (hour_ == 7 * kHoursADay - 1) {
      EXPECT_EQ(table_.get_stats().value().cold.rows, 0u) << "nothing is older than a week";
    }
  }
  EXPECT_TRUE(settle([&](const TableStats& s) { return s.cold.rows == rows; }));
  EXPECT_TRUE(
      settle([&](const TableStats&) { return decided("demote_to_warm") && decided("archive_to_cold"); }));
  expect_all_rows();
}

TEST_F(AgeRules, WhileWritersGoOnOnlyWhatIsOldGoesDown) {
  // Rows of the last day, the hour that has begun, and updates.
  constexpr std::uint64_t kYoungRows = (kHoursADay + 1) * (kSmallRows + 2);
  while (hour_ < kDays * kHoursADay) {
    write(kSmallRows);
    if (hour_ % kHoursADay == 0) write(kLargeRows);
    an_hour_passes();
    ASSERT_TRUE(settle([&](const TableStats& s) { return s.hot.rows <= kYoungRows; })) << "hour " << hour_;
    if (hour_ % kHoursADay != 0) continue;
    expect_all_rows();
    const TableStats s = table_.get_stats().value();
    EXPECT_GT(s.hot.rows, kHoursADay * kSmallRows / 2) << "young rows stay";
    EXPECT_GT(s.warm.rows, kLargeRows / 2) << "day " << hour_ / kHoursADay;
    if (hour_ <= 6 * kHoursADay) {
      EXPECT_EQ(s.cold.rows, 0u) << "nothing is older than 7 days";
    }
  }

  // Nobody writes any more: in the end all of it is cold.
  for (int day = 0; day < kDays + 1; ++day) {
    for (int i = 0; i < kHoursADay; ++i) an_hour_passes();
    TableActorAccess::core(db_)->tick();
  }
  EXPECT_TRUE(settle([&](const TableStats& s) { return s.cold.rows == next_ - 1; }));
  expect_all_rows();
  EXPECT_TRUE(table_.verify(true).value().empty());
  close_in_time();
}

}  // namespace
}  // namespace firn::testing
