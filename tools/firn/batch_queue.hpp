// Batches on their way from the thread that reads to the one that writes: at most `bound`, then the reader waits.
#pragma once
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>

#include "schema/batch.hpp"

namespace firn::cli {

class BatchQueue {
 public:
  explicit BatchQueue(std::size_t bound) : bound_(bound) {}

  /// Waits for room. False: nobody takes batches any more.
  bool push(Batch batch) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return batches_.size() < bound_ || abandoned_; });
    if (abandoned_) return false;
    batches_.push_back(std::move(batch));
    changed_.notify_all();
    return true;
  }

  /// The reader's last word; `error` if it did not come to the end of its input.
  void finish(std::optional<Error> error) {
    const std::lock_guard lock(mutex_);
    finished_ = true;
    error_ = std::move(error);
    changed_.notify_all();
  }

  /// The next batch; nothing if none came in this time, or at the end (see finished()).
  std::optional<Batch> pop(std::chrono::milliseconds patience) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, patience, [&] { return !batches_.empty() || finished_; });
    if (batches_.empty()) return std::nullopt;
    Batch batch = std::move(batches_.front());
    batches_.pop_front();
    changed_.notify_all();
    return batch;
  }

  /// All batches were taken, and no more will come.
  bool finished() const {
    const std::lock_guard lock(mutex_);
    return finished_ && batches_.empty();
  }

  std::optional<Error> error() const {
    const std::lock_guard lock(mutex_);
    return error_;
  }

  /// The writer stops: push() answers false from now on.
  void abandon() {
    const std::lock_guard lock(mutex_);
    abandoned_ = true;
    batches_.clear();
    changed_.notify_all();
  }

  /// Waits until the reader has said its last word; false if it did not in this time.
  bool wait_finished(std::chrono::milliseconds patience) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, patience, [&] { return finished_; });
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Batch> batches_;
  std::size_t bound_;
  std::optional<Error> error_;
  bool finished_ = false, abandoned_ = false;
};

}  // namespace firn::cli
