// What was decided about a table and why: the last 1,000 decisions, in memory.
#pragma once
#include <deque>
#include <mutex>
#include <vector>

#include "firn/firn.hpp"

namespace firn::runtime {

inline constexpr std::size_t kDecisionsMax = 1'000;

/// Thread-safe.
class DecisionLog {
 public:
  /// The oldest goes when the log is full.
  void record(Decision decision) {
    const std::lock_guard hold(mutex_);
    if (entries_.size() == kDecisionsMax) entries_.pop_front();
    entries_.push_back(std::move(decision));
  }
  std::vector<Decision> list() const {
    const std::lock_guard hold(mutex_);
    return {entries_.begin(), entries_.end()};
  }

 private:
  mutable std::mutex mutex_;
  std::deque<Decision> entries_;
};

}  // namespace firn::runtime
