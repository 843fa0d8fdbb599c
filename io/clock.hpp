// Time, injected: every part of the engine that asks for the time asks a Clock, so a test sees eight days pass.
#pragma once
#include <atomic>
#include <cstdint>

#include "schema/types.hpp"

namespace firn::io {

class Clock {
 public:
  virtual ~Clock() = default;
  /// UTC wall clock; may step.
  virtual Timestamp now() const = 0;
  /// Microseconds that only go forward.
  virtual std::int64_t monotonic_us() const = 0;
};

class SystemClock final : public Clock {
 public:
  Timestamp now() const override { return Timestamp::now(); }
  std::int64_t monotonic_us() const override {
    return std::chrono::duration_cast<std::chrono::microseconds>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
  }
};

/// A clock that a test moves by hand. Thread-safe.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(Timestamp start = {1'700'000'000'000'000}) : us_(start.us) {}
  Timestamp now() const override { return {us_.load() + stepped_us_.load()}; }
  std::int64_t monotonic_us() const override { return us_.load(); }
  void advance_us(std::int64_t us) { us_ += us; }
  /// Sets the wall clock forward or back; no time passes.
  void step_us(std::int64_t us) { stepped_us_ += us; }

 private:
  std::atomic<std::int64_t> us_;
  std::atomic<std::int64_t> stepped_us_ = 0;
};

}  // namespace firn::io
