// Requests at a rate: how many there are, and what a stall counts for.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <numeric>
#include <stdexcept>
#include <thread>

#include "tools/bench/load.hpp"

namespace firn::bench {
namespace {

using std::chrono::milliseconds;

TEST(BenchLoad, ClosedLoopAsksAsOftenAsItIsAnswered) {
  std::atomic<int> calls{0};
  const LoadOutcome o = run_load({3, 0.2}, [&] {
    ++calls;
    std::this_thread::sleep_for(milliseconds(1));
  });
  EXPECT_EQ(o.us.count(), static_cast<std::uint64_t>(calls));
  EXPECT_GE(o.seconds, 0.2);
  EXPECT_GE(o.us.quantile(0), 1000 * 0.98);
  EXPECT_LE(o.per_slot.size(), 20U);
  EXPECT_DOUBLE_EQ(o.slot_s, 0.01);
}

TEST(BenchLoad, OpenLoopHasAsManyArrivalsAsPlanned) {
  const LoadOutcome o = run_load({4, 0.25, 2000}, [] {});
  EXPECT_EQ(o.us.count(), 500U);
}

// One request of 100 ms among a planned thousand a second: a closed loop would note one slow request, but a hundred
// arrivals waited for it, the first of them 100 ms.
TEST(BenchLoad, AStallCountsForAllThatWereToArriveMeanwhile) {
  std::atomic<int> calls{0};
  const LoadOutcome o = run_load({1, 0.4, 1000}, [&] {
    if (calls++ == 50) std::this_thread::sleep_for(milliseconds(100));
  });
  EXPECT_EQ(o.us.count(), 400U);
  std::uint64_t late = 0;
  for (const auto& b : o.us.buckets()) late += b.from_us > 20'000 ? b.count : 0;
  EXPECT_GE(late, 80U);
  EXPECT_GE(o.us.max(), 100'000 * 0.98);
}

// What cannot keep up ends all the same, and what was not begun counts with the time that it had waited.
TEST(BenchLoad, ARateOutOfReachEndsAtTwiceTheTime) {
  std::atomic<int> calls{0};
  const Stopwatch watch;
  const LoadOutcome o = run_load({1, 0.1, 1000}, [&] {
    ++calls;
    std::this_thread::sleep_for(milliseconds(20));
  });
  EXPECT_EQ(o.us.count(), 100U);
  EXPECT_LT(calls, 50);
  EXPECT_GE(o.us.max(), 90'000);
}

TEST(BenchLoad, WhatARequestThrowsEndsTheRun) {
  EXPECT_THROW(run_load({4, 10}, [] { throw std::runtime_error("broken"); }), std::runtime_error);
}

TEST(BenchLoad, RatesSpreadAPartOverTheTimeThatItTook) {
  // Four parts of 10: a second each, and the last takes five.
  const Rates r = rates_of({1, 2, 3, 8}, 10);
  ASSERT_EQ(r.per_slot.size(), 20U);
  EXPECT_DOUBLE_EQ(r.slot_s, 0.4);
  EXPECT_NEAR(r.per_slot[0], 10, 1e-9);
  EXPECT_NEAR(r.per_slot[19], 2, 1e-9);
  EXPECT_NEAR(std::accumulate(r.per_slot.begin(), r.per_slot.end(), 0.0) * r.slot_s, 40, 1e-9);
  EXPECT_TRUE(rates_of({}, 1).per_slot.empty());
}

}  // namespace
}  // namespace firn::bench
