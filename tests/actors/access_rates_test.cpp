// What kind of work a table sees, from counts of its reads and writes over virtual time.
#include "fixture.hpp"

namespace firn::testing {
namespace {

constexpr std::int64_t kSecondUs = 1'000'000, kHourUs = 3'600 * kSecondUs;

/// So many reads and writes a second, for as many seconds.
class Rates {
 public:
  void go(double reads, double writes, int seconds) {
    for (int i = 0; i < seconds; ++i) {
      now_us_ += kSecondUs;
      reads_ += reads;
      writes_ += writes;
      rates_.count(static_cast<std::uint64_t>(reads_), static_cast<std::uint64_t>(writes_), now_us_);
    }
  }
  void rest(std::int64_t us) {
    now_us_ += us;
    rates_.count(static_cast<std::uint64_t>(reads_), static_cast<std::uint64_t>(writes_), now_us_);
  }
  const runtime::AccessRates& now() const { return rates_; }

 private:
  runtime::AccessRates rates_;
  std::int64_t now_us_ = 1'700'000'000 * kSecondUs;
  double reads_ = 0, writes_ = 0;
};

TEST(AccessRates, ReadHeavyWriteHeavyMixedAndIdle) {
  Rates r;
  r.go(100, 1, 600);
  EXPECT_EQ(r.now().workload(), Workload::read_heavy);
  r.go(100, 60, 3'600);
  EXPECT_EQ(r.now().workload(), Workload::mixed);
  r.go(1, 100, 7'200);
  EXPECT_EQ(r.now().workload(), Workload::write_heavy);
  r.rest(24 * kHourUs);
  EXPECT_EQ(r.now().workload(), Workload::idle);
}

TEST(AccessRates, ApproachWhatIsAndDecay) {
  Rates r;
  r.go(100, 10, 3'600);
  EXPECT_NEAR(r.now().reads_per_s(), 100, 3);
  EXPECT_NEAR(r.now().writes_per_s(), 10, 0.3);
  r.rest(600 * kSecondUs);  // ten minutes halve them
  EXPECT_NEAR(r.now().reads_per_s(), 50, 2);
  EXPECT_NEAR(r.now().writes_per_s(), 5, 0.2);
  const double before = r.now().reads_per_s();
  r.rest(0);
  EXPECT_EQ(r.now().reads_per_s(), before) << "no time, no change";
}

/// Through the actors: the table says what it is used for.
TEST_F(DatabaseTest, StatisticsSayWhatATableIsUsedFor) {
  const auto clock = std::make_shared<io::ManualClock>();
  DatabaseOptions options;
  options.clock = clock;
  open(options);
  auto t = table();
  const auto becomes = [&](Workload expected, int reads, int writes) {
    for (int round = 0; round < 400; ++round) {
      for (int i = 0; i < reads; ++i) t.get(Key{std::uint64_t{1}}).value();
      for (int i = 0; i < writes; ++i) t.write(events(1, 1)).value();
      clock->advance_us(60 * kSecondUs);
      TableActorAccess::core(db_)->tick();
      if (round > 20 && t.access_report().value().workload == expected) break;
      std::this_thread::sleep_for(1ms);
    }
    EXPECT_EQ(name_of(t.access_report().value().workload), name_of(expected));
    EXPECT_EQ(name_of(t.get_stats().value().workload), name_of(expected));
  };
  becomes(Workload::write_heavy, 0, 3);
  becomes(Workload::read_heavy, 20, 1);
  becomes(Workload::mixed, 4, 4);
}

}  // namespace
}  // namespace firn::testing
