// Bounds what producers may have under way, in bytes: a producer that is too fast waits here, in its own thread.
#pragma once
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>

#include "schema/result.hpp"

namespace firn::runtime {

/// Keeps something taken for as long as it is held: a share of a gate, a place in a queue.
using Pin = std::shared_ptr<void>;

/// Thread-safe; first come, first served.
class ByteGate : public std::enable_shared_from_this<ByteGate> {
 public:
  explicit ByteGate(std::uint64_t bytes_max) : free_(bytes_max), max_(bytes_max) {}
  /// Waits until `bytes` (at most the whole gate) are free. {closed} after close().
  Result<Pin> acquire(std::uint64_t bytes);
  /// Without waiting; nullptr if there is no room.
  Pin try_acquire(std::uint64_t bytes);
  /// Wakes all who wait; nobody gets in any more.
  void close();

 private:
  Pin permit(std::uint64_t bytes);
  void release(std::uint64_t bytes);
  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t free_;
  const std::uint64_t max_;
  std::uint64_t next_turn_ = 0, turn_ = 0;
  bool closed_ = false;
};

}  // namespace firn::runtime
