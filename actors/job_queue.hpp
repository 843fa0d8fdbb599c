// Which maintenance job runs next: the plain part of the compaction scheduler.
#pragma once
#include <cstdint>
#include <optional>
#include <set>
#include <vector>

#include "parcels.hpp"
#include "table_directory.hpp"

namespace firn::runtime {

/// What background jobs may read a second on average, and at once after a rest. Jobs that somebody waits for pass.
inline constexpr std::uint64_t kBackgroundBytesPerSecond = 200u << 20;
inline constexpr std::uint64_t kBackgroundBurstBytes = 1u << 30;

/// Owned by one thread.
class JobQueue {
 public:
  struct Job {
    flat<fb::JobOrder> order;
    JobSlot slot;
    TableRef table;
  };
  explicit JobQueue(std::size_t jobs_max) : jobs_max_(jobs_max) {}
  void add(Job job) { waiting_.push_back(std::move(job)); }
  /// The most urgent job that may start now: its table has none running, a place is free, the budget allows it.
  std::optional<Job> next(std::int64_t now_us);
  void finished(std::uint64_t table_id) { running_.erase(table_id); }
  /// Something waits for the budget alone.
  bool waits_for_budget() const noexcept { return starved_; }
  std::size_t running() const noexcept { return running_.size(); }

 private:
  void refill(std::int64_t now_us);
  std::size_t jobs_max_;
  std::vector<Job> waiting_;
  std::set<std::uint64_t> running_;  ///< tables
  std::int64_t budget_ = kBackgroundBurstBytes;
  std::int64_t refilled_us_ = 0;
  bool starved_ = false;
};

}  // namespace firn::runtime
