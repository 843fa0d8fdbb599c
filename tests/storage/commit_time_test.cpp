// Commit times and what goes by them, while the wall clock steps by an hour and by a year: order, AS OF, moves by age, and
// expiry, which must neither rush nor stand still.
#include <gtest/gtest.h>

#include <random>

#include "io/sim_disk.hpp"
#include "storage/commit_ages.hpp"
#include "storage/table_store.hpp"
#include "tests/scale.hpp"

namespace firn::storage {
namespace {

constexpr std::int64_t kSecondUs = 1'000'000, kHourUs = 3'600 * kSecondUs, kDayUs = 24 * kHourUs,
                       kYearUs = 365 * kDayUs;

class CommitTimeTest : public ::testing::Test {
 protected:
  CommitTimeTest() {
    options_.clock = clock_;
    store_ = TableStore::create(disk_, "t", "t", 1, schema_, {}, options_).value();
  }
  CommitInfo write(std::int64_t v, std::uint64_t key = 1) {
    WriteRequest r;
    BatchBuilder rows(schema_);
    rows.append(key, v);
    r.rows = rows.finish().value();
    commits_.push_back(store_->commit_one(std::move(r)).value());
    written_us_[commits_.back().csn.value] = clock_->monotonic_us();
    return commits_.back();
  }
  std::int64_t value_as_of(const std::string& when) {
    const Batch answer =
        store_->query(parse_query("SELECT v FROM t AS OF " + when).value(), store_->snapshot().value())
            .value();
    return answer.rows() == 0 ? -1 : answer[0].value_at(0).to_i64();
  }
  void reopen() {
    store_->close().value();
    store_ = TableStore::open(disk_, "t", options_).value();
  }
  std::uint64_t horizon() { return store_->stats().value().horizon.value; }
  /// Writes and overwrites every hour, moves and expires; each time the horizon must be one that a day ago allows.
  void live(int hours, bool reopening = false) {
    for (int h = 0; h < hours; ++h) {
      clock_->advance_us(kHourUs);
      const std::uint64_t before = horizon();
      write(h);
      while (const auto order = store_->next_job_towards(StorageTier::cold)) store_->run_job(*order).value();
      store_->expire().value();
      if (reopening && h % 5 == 4) reopen();
      EXPECT_GE(horizon(), before);
      const auto first_kept = written_us_.upper_bound(horizon());
      if (first_kept != written_us_.begin()) {
        EXPECT_LE(std::prev(first_kept)->second, clock_->monotonic_us() - kDayUs)
            << "went too fast, hour " << h;
      }
    }
  }
  /// How old the newest write is that may be forgotten.
  std::int64_t horizon_age_us() {
    const auto first_kept = written_us_.upper_bound(horizon());
    return first_kept == written_us_.begin() ? INT64_MAX
                                             : clock_->monotonic_us() - std::prev(first_kept)->second;
  }

  const Schema schema_ = Schema::parse("id u64, v i64", {.key = {"id"}, .time = ""}).value();
  std::shared_ptr<io::ManualClock> clock_ = std::make_shared<io::ManualClock>();
  std::shared_ptr<io::SimDisk> disk_ = std::make_shared<io::SimDisk>();
  StoreOptions options_;
  std::unique_ptr<TableStore> store_;
  std::vector<CommitInfo> commits_;
  std::map<std::uint64_t, std::int64_t> written_us_;  ///< CSN -> monotonic
};

TEST_F(CommitTimeTest, TimesIncreaseAndAsOfFindsEachCommitWhateverTheClockDoes) {
  std::int64_t before = store_->stats().value().last_commit_time.us;
  for (std::int64_t v = 0; v < 60; ++v) {
    if (v % 20 == 5) clock_->step_us(kHourUs);
    if (v % 20 == 10) clock_->step_us(-kHourUs);
    if (v % 20 == 15) clock_->advance_us(7 * kSecondUs);
    const CommitInfo commit = write(v);
    EXPECT_EQ(commit.time.us, std::max(clock_->now().us, before + 1));
    before = commit.time.us;
  }
  reopen();
  for (std::size_t v = 0; v < commits_.size(); ++v) {
    const std::string at = std::to_string(commits_[v].time.us),
                      just_before = std::to_string(commits_[v].time.us - 1);
    EXPECT_EQ(value_as_of(at), static_cast<std::int64_t>(v));
    EXPECT_EQ(value_as_of(just_before), static_cast<std::int64_t>(v) - 1);
    EXPECT_EQ(store_->csn_at(commits_[v].time).value(), commits_[v].csn);
  }
}

TEST_F(CommitTimeTest, MovesByAgeFollowTimeThatPassedNotSteps) {
  write(1);
  clock_->step_us(kYearUs);
  EXPECT_FALSE(store_->next_job()) << "a year's step made rows old";
  write(2);
  clock_->step_us(-kYearUs);
  write(3);  // its time is a year ahead as well
  clock_->advance_us(kDayUs - kHourUs);
  EXPECT_FALSE(store_->next_job());
  clock_->advance_us(2 * kHourUs);
  const auto demotion = store_->next_job();
  ASSERT_TRUE(demotion && demotion->from_hot);
  EXPECT_EQ(demotion->hot_upto, commits_.back().csn.value);
  store_->run_job(*demotion).value();
  clock_->advance_us(6 * kDayUs);
  EXPECT_FALSE(store_->next_job());
  clock_->advance_us(2 * kDayUs);
  const auto archive = store_->next_job();
  ASSERT_TRUE(archive);
  EXPECT_EQ(archive->to, StorageTier::cold);
}

TEST_F(CommitTimeTest, ExpiryKeepsADayAndNoMoreThanItMust) {
  live(60);
  EXPECT_LE(horizon_age_us(), kDayUs + 8 * kHourUs);
}

TEST_F(CommitTimeTest, ExpiryIgnoresAnHourForwardAndBack) {
  for (int i = 0; i < 6; ++i) {
    live(10);
    clock_->step_us(i % 2 == 0 ? kHourUs : -kHourUs);
  }
  EXPECT_LE(horizon_age_us(), kDayUs + 8 * kHourUs);
}

TEST_F(CommitTimeTest, AYearAheadAndBackNeitherExpiresAllNorBlocksExpiry) {
  live(40);
  clock_->step_us(kYearUs);
  live(3);
  clock_->step_us(-kYearUs);
  live(60);
  EXPECT_LE(horizon_age_us(), kDayUs + 8 * kHourUs);
}

TEST_F(CommitTimeTest, AYearBackDoesNotBlockExpiry) {
  live(30);
  clock_->step_us(-kYearUs);
  live(60);
  EXPECT_LE(horizon_age_us(), kDayUs + 8 * kHourUs);
}

TEST_F(CommitTimeTest, ReopeningWithAClockAYearAheadDoesNotExpireAll) {
  live(40);
  clock_->step_us(kYearUs);
  reopen();
  live(10);
  clock_->step_us(-kYearUs);
  live(40, true);
}

TEST_F(CommitTimeTest, ReopeningDoesNotBlockExpiry) {
  live(80, true);
  EXPECT_LE(horizon_age_us(), kDayUs + 12 * kHourUs);
}

/// Against the truth: for each commit the moment in which it was made.
TEST(CommitAges, NoCommitIsTakenForOlderThanItIs) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    std::mt19937_64 rng(seed);
    CommitAges ages;
    std::int64_t monotonic = 1'000, wall = 1'700'000'000'000'000, time = 0;
    std::vector<std::int64_t> times, made;  // by CSN - 1
    ages.begin(0, 0, Timestamp{wall}, monotonic);
    for (int i = 0; i < testing::scaled(30'000); ++i) {
      const std::int64_t passed = static_cast<std::int64_t>(rng() % 3'000'000);
      monotonic += passed;
      wall += passed;
      if (rng() % 5'000 == 0) wall += (rng() % 2 == 0 ? 1 : -1) * (rng() % 2 == 0 ? kHourUs : kYearUs);
      time = std::max(wall, time + 1);
      times.push_back(time);
      made.push_back(monotonic);
      ages.note(times.size(), time, monotonic);
      if (rng() % 50 != 0) continue;
      const std::int64_t age = static_cast<std::int64_t>(rng() % (20'000 * kSecondUs));
      const auto bound = ages.at_age(age, monotonic, CommitAges::Closed::ignored);
      const auto by_time = static_cast<std::uint64_t>(
          std::upper_bound(times.begin(), times.end(), bound.time_us) - times.begin());
      const std::uint64_t csn =
          std::clamp(by_time, bound.csn_min, std::min<std::uint64_t>(bound.csn_max, times.size()));
      if (csn > 0) {
        ASSERT_LE(made[csn - 1], monotonic - age) << "seed " << seed << ", commit " << csn;
      }
      const auto exact = static_cast<std::uint64_t>(
          std::upper_bound(made.begin(), made.end(), monotonic - age) - made.begin());
      if (exact > 0 && times.size() < 4'000) {  // later stretches may have been joined
        ASSERT_GE(csn == 0 ? 0 : made[csn - 1], made[exact - 1] - 7 * kSecondUs) << "seed " << seed;
      }
    }
  }
}

}  // namespace
}  // namespace firn::storage
