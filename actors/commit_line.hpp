// Changes of blocking callers, committed in groups by the callers themselves: whoever comes while nobody commits leads,
// commits its own change and those that have come meanwhile with one sync, and hands over (leader and followers of group
// commit). A lone writer meets no other thread.
#pragma once
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>

#include "parcels.hpp"

namespace firn::runtime {

/// One a table; any thread.
class CommitLine {
 public:
  /// Commits all parcels of a group and answers each of their slots, on the thread of a caller.
  using CommitCall = std::function<void(CommitGroup&)>;

  /// Waits until `parcel` is answered; its slot is the line's. Callers of one line pass calls that do the same.
  Result<Commit> commit(Parcel parcel, const CommitCall& call);

 private:
  /// Lives on its thread's stack: once answered it may be gone.
  struct Caller {
    Parcel parcel;
    std::optional<Result<Commit>> answer;
    bool leads = false;
    std::condition_variable changed;
    Caller* next = nullptr;
    CommitGroup group;  ///< when it leads
  };
  void lead(std::unique_lock<std::mutex>& hold, Caller& me, const CommitCall& call);
  std::size_t take(CommitGroup& group);

  std::mutex mutex_;
  std::condition_variable arrived_;  ///< for a leader that waits for company
  Caller* first_ = nullptr;          ///< those who wait, first come first served
  Caller** end_ = &first_;
  std::size_t waiting_ = 0;
  std::size_t company_ = 1;  ///< callers that were around when the last group ended
  bool led_ = false;
};

}  // namespace firn::runtime
