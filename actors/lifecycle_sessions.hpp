// Who is waiting for which table to settle, and what was done for them: the plain part of the lifecycle manager.
#pragma once
#include <map>

#include "parcels.hpp"

namespace firn::runtime {

/// Jobs after which a session ends even if more could be done: a guard against an order that never settles.
inline constexpr int kSessionJobsMax = 10'000;
/// Orders that found their inputs gone or lent (a background job was faster) are made again this often.
inline constexpr int kSessionRetriesMax = 50;

struct Session {
  TableRef table;
  SettleSlot slot;
  StorageTier goal = StorageTier::none;  ///< none: the table's rules
  OptimizationResult result;
  std::uint64_t upto = 0;  ///< with a goal: what commits up to here left is settled; 0: the first look says
  int jobs = 0, retries = 0;
  bool idle_before = false;  ///< the last job found nothing to do
};

/// Owned by one thread.
class LifecycleSessions {
 public:
  std::uint64_t open(Session session) {
    sessions_.emplace(++last_, std::move(session));
    return last_;
  }
  Session* find(std::uint64_t id) {
    const auto found = sessions_.find(id);
    return found == sessions_.end() ? nullptr : &found->second;
  }
  /// Answers and forgets the session.
  void finish(std::uint64_t id, const Result<void>& outcome) {
    const auto found = sessions_.find(id);
    if (found == sessions_.end()) return;
    Session s = std::move(found->second);
    sessions_.erase(found);
    if (outcome)
      s.slot.deliver(std::move(s.result));
    else
      s.slot.deliver(outcome.error());
  }
  /// Another job, or a writer that merges, had its inputs first: no failure, what is due by then is looked for again.
  static bool is_overtaken(const fb::JobReport& report) {
    return static_cast<ErrorCode>(report.error()) == ErrorCode::conflict;
  }
  /// What follows a job's report.
  enum class Next : std::uint8_t { look_again, finished, failed };
  static Next after(Session& s, const fb::JobReport& report) {
    const auto code = static_cast<ErrorCode>(report.error());
    if (is_overtaken(report)) return ++s.retries <= kSessionRetriesMax ? Next::look_again : Next::failed;
    if (code != ErrorCode::ok) return Next::failed;
    const bool idle_twice = !report.done() && std::exchange(s.idle_before, !report.done());
    return idle_twice || ++s.jobs >= kSessionJobsMax ? Next::finished : Next::look_again;
  }

 private:
  std::map<std::uint64_t, Session> sessions_;
  std::uint64_t last_ = 0;
};

}  // namespace firn::runtime
