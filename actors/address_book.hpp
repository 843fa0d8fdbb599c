// Where actors are: the one thing that changes under everybody's hands when the supervisor replaces an actor. A reader
// gets a handle to the present one; what is sent to a dead one is dropped, and its reply slot answers.
#pragma once
#include <mutex>

namespace firn::runtime {

/// Thread-safe.
template <class Handle>
class Address {
 public:
  Handle get() const {
    const std::lock_guard hold(mutex_);
    return handle_;
  }
  void set(Handle handle) {
    // The old handle dies outside the lock: it may be the last one.
    const std::lock_guard hold(mutex_);
    std::swap(handle_, handle);
  }
  void clear() { set(Handle{}); }

 private:
  mutable std::mutex mutex_;
  Handle handle_;
};

}  // namespace firn::runtime
