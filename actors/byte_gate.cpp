#include "byte_gate.hpp"

#include <algorithm>

namespace firn::runtime {

Result<Pin> ByteGate::acquire(std::uint64_t bytes) {
  bytes = std::min(bytes, max_);
  std::unique_lock hold(mutex_);
  const std::uint64_t mine = next_turn_++;
  changed_.wait(hold, [&] { return closed_ || (turn_ == mine && free_ >= bytes); });
  if (closed_) return Error(ErrorCode::closed, "the database is closed");
  ++turn_;
  free_ -= bytes;
  hold.unlock();
  changed_.notify_all();
  return permit(bytes);
}

Pin ByteGate::try_acquire(std::uint64_t bytes) {
  bytes = std::min(bytes, max_);
  {
    const std::lock_guard hold(mutex_);
    if (closed_ || turn_ != next_turn_ || free_ < bytes) return nullptr;
    free_ -= bytes;
  }
  return permit(bytes);
}

void ByteGate::close() {
  {
    const std::lock_guard hold(mutex_);
    closed_ = true;
  }
  changed_.notify_all();
}

Pin ByteGate::permit(std::uint64_t bytes) {
  return {static_cast<void*>(this), [gate = shared_from_this(), bytes](void*) { gate->release(bytes); }};
}

void ByteGate::release(std::uint64_t bytes) {
  {
    const std::lock_guard hold(mutex_);
    free_ += bytes;
  }
  changed_.notify_all();
}

}  // namespace firn::runtime
