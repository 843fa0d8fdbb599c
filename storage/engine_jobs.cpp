// Moves: rows leave one tier and enter another without changing an answer.
//
//   1. pin a base CSN B and resolve the inputs to it: every end <= B of their rows is known
//   2. merge the inputs by key: versions without an end go to current files, ended ones to history files, ended ones that
//      nobody can read any more are dropped, as are tombstones with nothing below them
//   3. write and sync the new files
//   4. prove that nothing changed: what was read = what the finished files hold + what was dropped (job_proof.hpp)
//   5. publish one record: adds these, retires those, drops these hot versions (inputs must still be live)
//   6. the old names go when the last reader lets go
// New files start as resolved to B: what ended their rows since is found by the next read, as for any file.
#include <algorithm>

#include "storage/engine.hpp"
#include "storage/job_parts.hpp"

namespace firn::storage {

bool Engine::version_needed(std::uint64_t begin, std::uint64_t end, std::uint64_t horizon) const {
  return end > horizon || pins_.inside(begin, end);
}

Result<void> Engine::may_go_on() const {
  if (options.stop_jobs == nullptr || !*options.stop_jobs) return {};
  return Error(ErrorCode::closed, "table " + name + " is being closed");
}

/// So that no such job is offered again.
void Engine::leave_damaged_alone(std::span<const std::uint64_t> ids) const {
  const View now = view();
  for (const std::uint64_t id : ids) {
    const FileEntryPtr f = now.catalog->find(id);
    if (!f || f->unreadable) continue;
    const auto file = f->open();
    const Result<void> sound = file ? (*file)->verify() : Result<void>(file.error());
    if (!sound) f->leave_alone(sound.error());
  }
}

Result<JobReport> Engine::run_job(const JobOrder& order) {
  FIRN_TRY(check_open());
  FIRN_TRY(may_go_on());
  if (const std::string why = read_only_reason(); !why.empty()) return Error(ErrorCode::read_only, why);
  try {
    if (order.from_hot && order.to == StorageTier::hot) return purge_hot();
    if (order.from_hot) return demote_hot(order.to, order.hot_upto == 0 ? kCsnMax.value : order.hot_upto);
    if (order.inputs.empty()) return JobReport{};
    Result<JobReport> done = rewrite_files(order);
    if (!done && done.error().code() == ErrorCode::corrupt) leave_damaged_alone(order.inputs);
    return done;
  } catch (const Error& e) {
    return e;
  } catch (const std::bad_alloc&) {
    return Error(ErrorCode::memory, "no memory for the job");
  }
}

}  // namespace firn::storage
