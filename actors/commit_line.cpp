#include "commit_line.hpp"

#include <algorithm>

#include "commit_queue.hpp"

namespace firn::runtime {

Result<Commit> CommitLine::commit(Parcel parcel, const CommitCall& call) {
  Caller me;
  me.group.parcels.reserve(1);  // to lead takes no memory that might be missing
  me.parcel = std::move(parcel);
  me.parcel.slot = CommitSlot([this, &me](Result<Commit> answer) {
    // Notified under the lock: the caller may be gone the moment it sees the answer.
    const std::lock_guard hold(mutex_);
    me.answer.emplace(std::move(answer));
    me.changed.notify_one();
  });
  std::unique_lock hold(mutex_);
  *end_ = &me;
  end_ = &me.next;
  ++waiting_;
  if (led_) {
    if (waiting_ >= company_) arrived_.notify_one();
    me.changed.wait(hold, [&] { return me.answer.has_value() || me.leads; });
  } else {
    led_ = me.leads = true;
  }
  if (!me.answer) lead(hold, me, call);
  return std::move(*me.answer);
}

/// The leader is the first of those who wait, so its own change is in the group.
void CommitLine::lead(std::unique_lock<std::mutex>& hold, Caller& me, const CommitCall& call) {
  if (company_ > 1) arrived_.wait_for(hold, kCompanyWait, [&] { return waiting_ >= company_; });
  const std::size_t taken = take(me.group);
  hold.unlock();
  try {
    call(me.group);
  } catch (...) {
    // Whoever has no answer yet gets that of a dropped request.
  }
  me.group.parcels.clear();
  hold.lock();
  company_ = taken + waiting_;
  led_ = first_ != nullptr;
  if (!led_) return;
  first_->leads = true;
  first_->changed.notify_one();
}

/// Moves parcels of those who wait into the group. Requires the lock.
std::size_t CommitLine::take(CommitGroup& group) {
  try {
    group.parcels.reserve(std::min(waiting_, kGroupRequestsMax));
  } catch (const std::bad_alloc&) {
    // Fewer at a time, then.
  }
  while (first_ != nullptr && group.parcels.size() < group.parcels.capacity()) {
    group.parcels.push_back(std::move(first_->parcel));
    first_ = first_->next;
    --waiting_;
  }
  if (first_ == nullptr) end_ = &first_;
  return group.parcels.size();
}

}  // namespace firn::runtime
