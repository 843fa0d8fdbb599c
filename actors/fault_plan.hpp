// Makes a named actor fail, for tests of supervision. Empty plans cost one load a message.
#pragma once
#include <atomic>
#include <map>
#include <mutex>
#include <stdexcept>
#include <string>
#include <string_view>

namespace firn::runtime {

/// Thread-safe.
class FaultPlan {
 public:
  /// The next `times` messages to actors of this name ("hot", "io_worker" ...) throw.
  void arm(const std::string& actor, int times = 1) {
    const std::lock_guard hold(mutex_);
    left_[actor] = times;
    armed_ = true;
  }
  /// How often the actor has failed.
  int fired(const std::string& actor) {
    const std::lock_guard hold(mutex_);
    return fired_[actor];
  }
  /// Called first by every handler.
  void check(std::string_view actor) {
    if (!armed_.load(std::memory_order_relaxed)) return;
    const std::lock_guard hold(mutex_);
    const auto found = left_.find(actor);
    if (found == left_.end() || found->second == 0) return;
    --found->second;
    ++fired_[std::string(actor)];
    throw std::runtime_error("fault planned for actor " + std::string(actor));
  }

 private:
  std::atomic<bool> armed_{false};
  std::mutex mutex_;
  std::map<std::string, int, std::less<>> left_, fired_;
};

}  // namespace firn::runtime
