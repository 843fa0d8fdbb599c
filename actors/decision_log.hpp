// What was decided about a table and why: the newest decisions, in memory, and when they are to be stored.
#pragma once
#include <deque>
#include <mutex>
#include <vector>

#include "firn/firn.hpp"
#include "storage/decision_file.hpp"

namespace firn::runtime {

using storage::kDecisionsMax;

/// Thread-safe.
class DecisionLog {
 public:
  /// The oldest goes when the log is full.
  void record(Decision decision) {
    const std::lock_guard hold(mutex_);
    if (entries_.size() == kDecisionsMax) entries_.pop_front();
    entries_.push_back(std::move(decision));
    ++version_;
  }
  std::vector<Decision> list() const {
    const std::lock_guard hold(mutex_);
    return {entries_.begin(), entries_.end()};
  }
  /// Calls load() for what earlier processes stored, the first time only.
  template <class Load>
  Result<void> load_once(const Load& load) {
    const std::lock_guard alone(storing_);
    if (std::exchange(loaded_, true)) return {};
    FIRN_ASSIGN(const std::vector<storage::DecisionEntry> stored, load());
    const std::lock_guard hold(mutex_);
    for (auto d = stored.rbegin(); d != stored.rend() && entries_.size() < kDecisionsMax; ++d)
      entries_.push_front({d->time, d->action, d->subject, d->reason});
    return {};
  }
  /// Calls store(entries) if there is something new since it last did so with success.
  template <class Store>
  Result<void> store_if_new(const Store& store) {
    const std::lock_guard alone(storing_);
    std::vector<storage::DecisionEntry> entries;
    std::uint64_t version = 0;
    {
      const std::lock_guard hold(mutex_);
      if (version_ == stored_) return {};
      version = version_;
      for (const Decision& d : entries_) entries.push_back({d.time, d.action, d.subject, d.reason});
    }
    FIRN_TRY(store(entries));
    const std::lock_guard hold(mutex_);
    stored_ = version;
    return {};
  }

 private:
  mutable std::mutex mutex_;
  std::mutex storing_;  ///< taken before mutex_; one load or store at a time
  bool loaded_ = false;
  std::deque<Decision> entries_;
  std::uint64_t version_ = 0, stored_ = 0;
};

}  // namespace firn::runtime
