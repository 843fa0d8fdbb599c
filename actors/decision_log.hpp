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
  /// Calls load() for what earlier processes stored, until it has once succeeded or found them damaged.
  template <class Load>
  Result<void> load_once(const Load& load) {
    const std::lock_guard alone(storing_);
    if (loaded_) return {};
    Result<std::vector<storage::DecisionEntry>> stored = load();
    loaded_ = stored.ok() || stored.error().code() == ErrorCode::corrupt;
    unread_ = !loaded_;
    if (!stored) return stored.error();
    const std::lock_guard hold(mutex_);
    for (auto d = stored->rbegin(); d != stored->rend() && entries_.size() < kDecisionsMax; ++d)
      entries_.push_front({d->time, d->action, d->subject, d->reason});
    return {};
  }
  /// True after a load that failed though the stored decisions may be sound: it should be tried again.
  bool unread() const {
    const std::lock_guard alone(storing_);
    return unread_;
  }
  /// Calls store(entries) if there is something new since it last did so with success. While stored decisions are
  /// unread nothing is stored over them.
  template <class Store>
  Result<void> store_if_new(const Store& store) {
    const std::lock_guard alone(storing_);
    if (unread_) return Error(ErrorCode::io, "those of earlier processes could not be read");
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
  mutable std::mutex storing_;  ///< taken before mutex_; one load or store at a time
  bool loaded_ = false;
  bool unread_ = false;
  std::deque<Decision> entries_;
  std::uint64_t version_ = 0, stored_ = 0;
};

}  // namespace firn::runtime
