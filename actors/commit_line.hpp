// Changes of blocking callers, committed in groups by the callers themselves: whoever comes while nobody commits leads,
// commits its own change and those that have come meanwhile with one sync, and hands over (leader and followers of group
// commit). A lone writer meets no other thread.
#pragma once
#include <semaphore.h>

#include <functional>
#include <mutex>
#include <optional>

#include "parcels.hpp"

namespace firn::runtime {

/// Lets one thread sleep until another wakes it, once. May be destroyed as soon as sleep() returned, even though wake() has
/// not (POSIX demands that of semaphores; a condition variable would have to be notified under a lock, on which all who
/// are woken then queue).
class WakeUp {
 public:
  WakeUp() noexcept { ::sem_init(&semaphore_, 0, 0); }
  ~WakeUp() { ::sem_destroy(&semaphore_); }
  WakeUp(const WakeUp&) = delete;
  WakeUp& operator=(const WakeUp&) = delete;
  void sleep() noexcept {
    while (::sem_wait(&semaphore_) != 0) {
    }
  }
  void wake() noexcept { ::sem_post(&semaphore_); }

 private:
  sem_t semaphore_;
};

/// One a table; any thread.
class CommitLine {
 public:
  /// Commits all parcels of a group and answers each of their slots, on the thread of a caller.
  using CommitCall = std::function<void(CommitGroup&)>;

  /// Waits until `parcel` is answered; its slot is the line's. Callers of one line pass calls that do the same.
  Result<Commit> commit(Parcel parcel, const CommitCall& call);

 private:
  /// Lives on its thread's stack: gone once its thread was woken and has its answer.
  struct Caller {
    Parcel parcel;
    std::optional<Result<Commit>> answer;
    WakeUp woken;  ///< by its answer, or to lead
    Caller* next = nullptr;
    CommitGroup group;  ///< when it leads
  };
  void lead(Caller& me, const CommitCall& call, bool company);
  Caller* take(CommitGroup& group);
  void hand_over();

  std::mutex mutex_;
  Caller* first_ = nullptr;  ///< those who wait, first come first served
  Caller** end_ = &first_;
  std::size_t waiting_ = 0;
  bool led_ = false;
  bool company_ = false;  ///< the last group had more than its leader
};

}  // namespace firn::runtime
