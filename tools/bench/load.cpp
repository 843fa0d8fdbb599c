#include "tools/bench/load.hpp"

#include <sys/prctl.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>

namespace firn::bench {

namespace {

constexpr double kSlots = 20;  // points of a throughput curve

/// What one writer notes; nobody else looks at it until the writer has ended.
struct Notes {
  Histogram us;
  std::vector<std::uint64_t> per_slot;
};

class LoadRun {
 public:
  LoadRun(const Load& load, const std::function<void()>& request)
      : load_(load), request_(request), slot_s_(load.seconds / kSlots) {}

  LoadOutcome run() {
    std::vector<Notes> notes(static_cast<std::size_t>(load_.writers));
    watch_ = {};
    {
      std::vector<std::jthread> threads;
      threads.reserve(notes.size());
      for (Notes& own : notes) threads.emplace_back([this, &own] { write(own); });
    }
    if (failure_) std::rethrow_exception(failure_);
    LoadOutcome all;
    all.seconds = watch_.s();
    all.slot_s = slot_s_;
    for (const Notes& own : notes) {
      all.us.merge(own.us);
      all.per_slot.resize(std::max(all.per_slot.size(), own.per_slot.size()));
      for (std::size_t i = 0; i < own.per_slot.size(); ++i)
        all.per_slot[i] += static_cast<double>(own.per_slot[i]) / slot_s_;
    }
    // The last slots are cut off by the end of the run.
    all.per_slot.resize(std::min(all.per_slot.size(), static_cast<std::size_t>(kSlots)));
    return all;
  }

 private:
  void write(Notes& own) {
    ::prctl(PR_SET_TIMERSLACK, 1UL);  // wakes on time; the default is 50 us late
    try {
      load_.per_s > 0 ? open_loop(own) : closed_loop(own);
    } catch (...) {
      const std::lock_guard lock(failing_);
      failure_ = std::current_exception();
      failed_ = true;
    }
  }
  void closed_loop(Notes& own) {
    while (!failed_) {
      const double begin = watch_.us();
      if (begin >= load_.seconds * 1e6) return;
      request_();
      note(own, begin);
    }
  }
  void open_loop(Notes& own) {
    while (!failed_) {
      const double planned = static_cast<double>(next_++) / load_.per_s * 1e6;
      if (planned >= load_.seconds * 1e6) return;
      const double early = planned - watch_.us();
      if (early > 0) std::this_thread::sleep_for(std::chrono::duration<double, std::micro>(early));
      if (watch_.s() < 2 * load_.seconds) request_();
      note(own, planned);
    }
  }
  void note(Notes& own, double begin_us) const {
    const double now = watch_.us();
    own.us.add(now - begin_us);
    const auto slot = static_cast<std::size_t>(now / 1e6 / slot_s_);
    if (slot >= own.per_slot.size()) own.per_slot.resize(slot + 1);
    own.per_slot[slot] += 1;
  }

  const Load load_;
  const std::function<void()>& request_;
  const double slot_s_;
  Stopwatch watch_;
  std::atomic<std::uint64_t> next_{0};
  std::atomic<bool> failed_{false};
  std::mutex failing_;
  std::exception_ptr failure_;
};

}  // namespace

Rates rates_of(const std::vector<double>& ends_s, double part) {
  if (ends_s.empty()) return {};
  Rates r;
  r.slot_s = ends_s.back() / kSlots;
  r.per_slot.resize(static_cast<std::size_t>(kSlots));
  double begin = 0;
  for (const double end : ends_s) {
    for (std::size_t i = 0; i < r.per_slot.size(); ++i) {
      const double from = static_cast<double>(i) * r.slot_s;
      const double shared = std::min(end, from + r.slot_s) - std::max(begin, from);
      if (shared > 0 && end > begin) r.per_slot[i] += part * shared / (end - begin) / r.slot_s;
    }
    begin = end;
  }
  return r;
}

LoadOutcome run_load(const Load& load, const std::function<void()>& request) {
  return LoadRun(load, request).run();
}

}  // namespace firn::bench
