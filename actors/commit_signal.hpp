// Tells threads that a table has a newer commit, or will have none any more. Never blocks whoever commits.
#pragma once
#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>

#include "schema/result.hpp"

namespace firn::runtime {

// Beside another process's writer nobody announces commits: so often is looked for them. A look that finds none costs some
// microseconds.
inline constexpr std::chrono::milliseconds kPollEvery{100};

inline Error gone_error() { return {ErrorCode::closed, "the database, or the table, is closed"}; }

/// Thread-safe.
class CommitSignal {
 public:
  void announce(std::uint64_t csn) {
    const std::lock_guard hold(mutex_);
    csn_ = std::max(csn_, csn);
    changed_.notify_all();
  }
  /// The newest commit that was announced; 0: none yet.
  std::uint64_t newest() const {
    const std::lock_guard hold(mutex_);
    return csn_;
  }
  /// Ends all waiting, for good.
  void close() {
    const std::lock_guard hold(mutex_);
    closed_ = true;
    changed_.notify_all();
  }
  /// True once a commit above `csn` was announced, false if the time came first; {closed}.
  Result<bool> wait_past(std::uint64_t csn, std::chrono::steady_clock::time_point until) {
    std::unique_lock hold(mutex_);
    const bool due = changed_.wait_until(hold, until, [&] { return closed_ || csn_ > csn; });
    if (closed_) return gone_error();
    return due;
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t csn_ = 0;
  bool closed_ = false;
};

}  // namespace firn::runtime
