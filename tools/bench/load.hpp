// Requests from several threads, as fast as they are answered or at a fixed rate.
//
// A closed loop finds the saturated rate, but its latencies flatter: while the system stalls nobody asks. The open loop
// plans arrivals ahead, whatever the system does, and counts from the planned arrival (no coordinated omission).
#pragma once
#include <chrono>
#include <functional>

#include "tools/bench/histogram.hpp"

namespace firn::bench {

/// Time since some start.
class Stopwatch {
 public:
  double us() const { return std::chrono::duration<double, std::micro>(Clock::now() - start_).count(); }
  double s() const { return us() / 1e6; }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point start_ = Clock::now();
};

/// The course of something done in equal parts, from the times at which they ended: in slots of equal length, what was
/// done a second, each part spread evenly over the time that it took.
struct Rates {
  double slot_s = 0;
  std::vector<double> per_slot;
};
Rates rates_of(const std::vector<double>& ends_s, double part);

struct Load {
  int writers = 1;
  double seconds = 2;
  double per_s = 0;  ///< arrivals a second over all writers; 0: closed loop
};

struct LoadOutcome {
  Histogram us;        ///< open loop: from the planned arrival to the answer
  double seconds = 0;  ///< from the start to the last answer
  double slot_s = 0;
  std::vector<double> per_slot;  ///< answers a second, a value for each slot
  double per_s() const { return static_cast<double>(us.count()) / seconds; }
};

/// Calls `request` from load.writers threads at once. In an open loop the next free writer takes the next arrival; what
/// is not begun at twice the time counts as if it were answered then. Throws what a request threw.
LoadOutcome run_load(const Load& load, const std::function<void()>& request);

}  // namespace firn::bench
