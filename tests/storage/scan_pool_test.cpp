// The pool that helps with scans: one for the process, whoever asks.
#include "storage/scan_pool.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

namespace firn::storage {
namespace {

TEST(ConcurrentScanPool, TheCallerTakesPartAndEveryPartRunsAtMostOnce) {
  std::vector<std::atomic<int>> runs(8);
  std::atomic<int> left = 1'000;
  run_in_scan_pool(8, [&](std::uint32_t i) {
    ++runs[i];
    while (left.fetch_sub(1) > 0) std::this_thread::yield();
  });
  EXPECT_EQ(runs[0], 1);
  for (auto& r : runs) EXPECT_LE(r, 1);
  EXPECT_LE(left, 0);
}

TEST(ConcurrentScanPool, ThreadsStayBoundedHoweverManyCall) {
  constexpr int kCallers = 6;
  std::mutex mutex;
  std::set<std::thread::id> seen;
  std::atomic<std::uint64_t> done = 0;
  std::vector<std::thread> callers;
  for (int c = 0; c < kCallers; ++c) {
    callers.emplace_back([&] {
      for (int i = 0; i < 50; ++i) {
        std::atomic<int> left = 64;
        run_in_scan_pool(4, [&](std::uint32_t) {
          {
            const std::lock_guard hold(mutex);
            seen.insert(std::this_thread::get_id());
          }
          while (left.fetch_sub(1) > 0) ++done;
        });
        EXPECT_LE(left, 0);
      }
    });
  }
  for (auto& c : callers) c.join();
  EXPECT_EQ(done, 64u * 50 * kCallers);
  EXPECT_LE(seen.size(), kCallers + scan_pool_threads());
}

TEST(ConcurrentScanPool, AHelperMayAskForHelp) {
  std::atomic<int> inner = 0;
  run_in_scan_pool(
      4, [&](std::uint32_t) { run_in_scan_pool(4, [&](std::uint32_t part) { inner += part == 0; }); });
  EXPECT_GE(inner, 1);
  EXPECT_LE(inner, 4);
}

}  // namespace
}  // namespace firn::storage
