#include "commit_line.hpp"

#include <algorithm>
#include <thread>

#include "commit_queue.hpp"
#include "io/thread_priority.hpp"

namespace firn::runtime {

Result<Commit> CommitLine::commit(Parcel parcel, const CommitCall& call) {
  Caller me;
  me.group.parcels.reserve(1);  // to lead takes no memory that might be missing
  me.parcel = std::move(parcel);
  me.parcel.slot = CommitSlot([&me](Result<Commit> answer) { me.answer.emplace(std::move(answer)); });
  bool leads = false, company = false;
  {
    const std::lock_guard hold(mutex_);
    *end_ = &me;
    end_ = &me.next;
    ++waiting_;
    leads = !std::exchange(led_, true);
    company = company_ || !leads;  // who waited for its turn has some
  }
  // Woken, or behind the sync that it waits for, it is let in at once whatever scans and loads keep the processors busy.
  // That costs some microseconds, which a lone writer is spared.
  std::optional<io::TimeSlices> urgent;
  if (company) urgent.emplace(io::kShortSliceNs);
  if (!leads) me.woken.sleep();
  if (!me.answer) lead(me, call, company);
  return std::move(*me.answer);
}

/// The leader is the first of those who wait, so its own change is in the group.
void CommitLine::lead(Caller& me, const CommitCall& call, bool company) {
  // Those who have just been answered get the processor first: they come with their next change.
  if (company) std::this_thread::yield();
  Caller* follower = take(me.group);
  try {
    call(me.group);
  } catch (...) {
    // Whoever has no answer yet gets that of a dropped request.
  }
  me.group.parcels.clear();
  hand_over();  // first, so that the next group is under way while these wake up
  while (follower != nullptr) {
    Caller& woken = *follower;
    follower = woken.next;  // its thread may end at once
    if (&woken != &me) woken.woken.wake();
  }
}

/// Moves parcels of those who wait into the group; a list of their callers.
CommitLine::Caller* CommitLine::take(CommitGroup& group) {
  const std::lock_guard hold(mutex_);
  try {
    group.parcels.reserve(std::min(waiting_, kGroupRequestsMax));
  } catch (const std::bad_alloc&) {
    // Fewer at a time, then.
  }
  Caller* const taken = first_;
  Caller* last = nullptr;
  while (first_ != nullptr && group.parcels.size() < group.parcels.capacity()) {
    group.parcels.push_back(std::move(first_->parcel));
    last = std::exchange(first_, first_->next);
    --waiting_;
  }
  last->next = nullptr;
  company_ = group.parcels.size() > 1;
  if (first_ == nullptr) end_ = &first_;
  return taken;
}

void CommitLine::hand_over() {
  const std::lock_guard hold(mutex_);
  led_ = first_ != nullptr;
  if (led_) first_->woken.wake();
}

}  // namespace firn::runtime
