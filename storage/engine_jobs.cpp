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
namespace {

bool planted_drop(const StoreOptions& options, const RowFileInfo& info) {
  return options.job_faults.drop && options.job_faults.drop(info.csn_min, info.end_max);
}

}  // namespace

bool Engine::version_needed(std::uint64_t begin, std::uint64_t end, std::uint64_t horizon) const {
  if (end > horizon) return true;
  std::lock_guard lock(pins_->mutex);
  const auto pin = pins_->csns.lower_bound(begin);
  return pin != pins_->csns.end() && *pin < end;
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
  if (const std::string why = read_only_reason(); !why.empty()) return Error(ErrorCode::read_only, why);
  try {
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

/// Every version of these files must be out of reach. Their descriptions say so, and were proved when they were written.
Result<void> Engine::check_past(std::span<const FileEntryPtr> files, std::uint64_t horizon) {
  for (const FileEntryPtr& f : files) {
    if (f->info.history && gone_for_all({0, 0, f->info.csn_min, f->info.end_max, false}, horizon)) continue;
    return refuse_job(Error(ErrorCode::internal, f->info.path + " would be dropped though it may be read"),
                      files);
  }
  return {};
}

Result<void> Engine::expire() {
  FIRN_TRY(check_open());
  const View now = view();
  const std::int64_t until = std::max(clock->now().us, now.time_us) - now.catalog->config.history_us;
  std::uint64_t horizon = now.catalog->horizon;
  if (const auto csn = csn_at(Timestamp{until})) horizon = std::max(horizon, csn->value);
  LogRecord record;
  record.horizon = horizon;
  const auto files_past = [&] {
    std::vector<FileEntryPtr> gone;
    for (const FileEntryPtr& f : now.catalog->files)
      if (f->info.history && !f->lent && f->rests_until_us <= clock->now().us &&
          (!version_needed(f->info.csn_min, f->info.end_max, horizon) || planted_drop(options, f->info)))
        gone.push_back(f);
    return gone;
  };
  if (files_past().empty()) return {};
  const auto set_floor = [&](std::uint64_t floor) {
    std::lock_guard lock(pins_->mutex);
    pins_->floor = floor;
  };
  set_floor(horizon);  // from here on nobody pins what goes
  const std::vector<FileEntryPtr> gone = files_past();
  // A horizon that moved by little is no reason for a commit of its own.
  Result<void> done = check_past(gone, horizon);
  if (done && !gone.empty()) {
    const auto lease = InputLease::take(gone);
    done = lease ? publish(std::move(record), gone) : Result<void>(lease.error());
  }
  set_floor(0);  // the catalog's horizon says it now
  return done;
}

}  // namespace firn::storage
