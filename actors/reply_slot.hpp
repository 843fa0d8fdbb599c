// Where an answer goes: to a waiting thread, or to a function. It travels in messages; whoever holds it may answer, the
// first answer counts, and a slot that dies unanswered (its message was dropped, its actor failed) answers by itself.
// So nobody who waits for a slot can be forgotten.
#pragma once
#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>

#include "schema/result.hpp"

namespace firn::runtime {

inline Error dropped_request() {
  return {
      ErrorCode::internal,
      "the actor that held this request failed before it answered; if it was a write, read to see whether it "
      "committed, or repeat it with its token"};
}

/// Cheap to copy; any thread.
template <class T>
class ReplySlot {
 public:
  using Sink = std::function<void(Result<T>)>;
  ReplySlot() = default;
  /// `sink` is called once, on the thread that answers; it must not throw.
  explicit ReplySlot(Sink sink) : state_(std::make_shared<State>(std::move(sink))) {}
  void deliver(Result<T> answer) const {
    if (state_) state_->answer(std::move(answer));
  }
  explicit operator bool() const noexcept { return state_ != nullptr; }

 private:
  struct State {
    explicit State(Sink s) : sink(std::move(s)) {}
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    ~State() { answer(dropped_request()); }
    void answer(Result<T> x) {
      if (answered.exchange(true)) return;
      std::exchange(sink, nullptr)(std::move(x));
    }
    Sink sink;
    std::atomic<bool> answered{false};
  };
  std::shared_ptr<State> state_;
};

/// A thread that waits for a slot: WaitingCall<Commit> c; send(..., c.slot()); c.wait().
template <class T>
class WaitingCall {
 public:
  /// Call once.
  ReplySlot<T> slot() {
    return ReplySlot<T>([core = core_](Result<T> answer) {
      // Notified under the lock: the waiter may be gone the moment it sees the answer.
      const std::lock_guard hold(core->mutex);
      core->answer.emplace(std::move(answer));
      core->arrived.notify_one();
    });
  }
  Result<T> wait() {
    std::unique_lock hold(core_->mutex);
    core_->arrived.wait(hold, [&] { return core_->answer.has_value(); });
    return std::move(*core_->answer);
  }
  /// Nothing if no answer came in time.
  std::optional<Result<T>> wait_for(std::chrono::milliseconds time) {
    std::unique_lock hold(core_->mutex);
    if (!core_->arrived.wait_for(hold, time, [&] { return core_->answer.has_value(); })) return std::nullopt;
    return std::move(*core_->answer);
  }

 private:
  struct Core {
    std::mutex mutex;
    std::condition_variable arrived;
    std::optional<Result<T>> answer;
  };
  std::shared_ptr<Core> core_ = std::make_shared<Core>();
};

}  // namespace firn::runtime
