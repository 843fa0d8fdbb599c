#include "io/thread_priority.hpp"

#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace firn::io {
namespace {

constexpr int kNicer = 10;  // a tenth of the weight of a thread that does not give way

/// sched_setattr(2), which Debian 12's C library does not declare: the first version of its argument.
struct SchedulingAttributes {
  std::uint32_t size = sizeof(SchedulingAttributes);
  std::uint32_t policy = 0;
  std::uint64_t flags = 0;
  std::int32_t nice = 0;
  std::uint32_t priority = 0;
  std::uint64_t runtime = 0;  ///< the slice, ns; 0: the system's
  std::uint64_t deadline = 0, period = 0;
};

bool read(SchedulingAttributes& a) noexcept {
  return ::syscall(SYS_sched_getattr, 0, &a, sizeof a, 0) == 0 && a.policy == SCHED_OTHER;
}

bool set_slice(std::uint64_t ns) noexcept {
  SchedulingAttributes a;
  if (!read(a)) return false;
  a.runtime = ns;
  return ::syscall(SYS_sched_setattr, 0, &a, 0) == 0;
}

}  // namespace

void give_way_to_others() noexcept {
  // Linux keeps a nice value for each thread. A system that refuses loses nothing but the order.
  const auto thread = static_cast<id_t>(::gettid());
  (void)::setpriority(PRIO_PROCESS, thread, ::getpriority(PRIO_PROCESS, thread) + kNicer);
  (void)set_slice(kLongSliceNs);
}

TimeSlices::TimeSlices(std::uint64_t ns) noexcept {
  SchedulingAttributes now;
  if (!read(now)) return;
  before_ns_ = now.runtime;
  set_ = set_slice(ns);
}

TimeSlices::~TimeSlices() {
  if (set_) (void)set_slice(before_ns_);
}

}  // namespace firn::io
