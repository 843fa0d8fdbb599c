// What nobody can read any more goes: superseded versions in the hot tier whose end lies at or below the horizon with no
// pin inside, and history files that hold mostly such versions.
//
// A purge of the hot tier is a log record a slice: key range, horizon, the CSNs that pins keep, and whether tombstones
// with nothing below them go too. Which versions it drops follows from these and from the hot tier as the records before
// left it, so that replay drops the same. A version ends at the next newer one of its key *in hot*, at the latest; where
// a file ended it earlier, it is kept longer than it must be, never shorter. A pin below the horizon was taken before
// that horizon was, so nobody can pin what a purge has not kept.
#include <algorithm>

#include "storage/engine.hpp"
#include "storage/job_parts.hpp"
#include "storage/purge_look.hpp"

namespace firn::storage {
namespace {

constexpr std::int64_t kLookRestUs = 60'000'000;
constexpr std::int64_t kHorizonStepUs =
    3'600'000'000;  // a commit that only moves the horizon, at most so often

/// A slice is looked at again so often if rows were moved into or out of the hot tier meanwhile.
constexpr int kLooksMax = 8;

/// Ends what take_floor() began.
class FloorHold {
 public:
  explicit FloorHold(Pins& pins) : pins_(pins) {}
  ~FloorHold() { pins_.set_floor(0); }  // the catalog's horizon says it by now, or nothing went
  FloorHold(const FloorHold&) = delete;
  FloorHold& operator=(const FloorHold&) = delete;

 private:
  Pins& pins_;
};

}  // namespace

/// The horizon that the configuration asks for and cursors let pass, never below the catalog's.
std::uint64_t Engine::due_horizon(const View& now) {
  const std::int64_t kept_us = now.catalog->config.history_us;
  const auto old =
      kept_us == 0 ? Result<std::uint64_t>(now.csn) : csn_of_age(kept_us, CommitAges::Closed::ignored);
  const auto held = old ? held_horizon(std::min(*old, now.csn)) : old;
  return held ? std::max(now.catalog->horizon, *held) : now.catalog->horizon;
}

/// Requires horizon_mutex_. The horizon that is due; nobody pins below it and no cursor is made or moved there until a
/// FloorHold ends.
std::uint64_t Engine::take_floor() {
  const std::uint64_t asked = due_horizon(view());
  {
    std::lock_guard lock(commit_mutex_);  // a cursor whose commit is under way is seen below
    pins_.set_floor(asked);
  }
  const std::uint64_t horizon = std::min(asked, due_horizon(view()));
  const View now = view();
  std::lock_guard lock(quiet_mutex_);
  if (now.rows_csn <= horizon) quiet_ = {now.rows_csn, horizon};
  return horizon;
}

/// The horizon goes along with commits that change no row, so one who has read everything may be passed by it.
bool Engine::quiet_between(std::uint64_t from, std::uint64_t horizon) const {
  std::lock_guard lock(quiet_mutex_);
  return from >= quiet_.after && horizon <= quiet_.upto;
}

/// Takes the horizon that is due, so that the job which asks moves nothing that nobody can read.
Result<void> Engine::advance_horizon() {
  break_old_pins();
  std::lock_guard alone(horizon_mutex_);
  const View now = view();
  if (due_horizon(now) <= now.catalog->horizon) return {};
  const FloorHold hold(pins_);
  const std::uint64_t horizon = take_floor();
  if (horizon <= now.catalog->horizon) return {};
  LogRecord record;
  record.horizon = horizon;
  return publish(std::move(record), {});
}

void Engine::break_old_pins() {
  const std::int64_t limit = view().catalog->config.pin_max_age_us, now = clock->monotonic_us();
  if (limit == 0) return;
  for (const PinView& p : pins_.break_older_than(now - limit, now))
    note("table " + name + ": gave up the snapshot of \"" + p.owner + "\" at CSN " + std::to_string(p.csn) +
         ", which was " + std::to_string(p.age_us / 1'000'000) + " s old (pin_max_age)");
}

/// Whether enough has gathered in hot for a look to be worth it: it reads the whole hot tier once.
bool Engine::purge_due(const hot::HotState& hot) const {
  if (clock->monotonic_us() < purge_rests_until_us_ || hot_rests()) return false;
  const std::uint64_t least = options.purge_versions_min;
  const std::uint64_t needed = std::min<std::uint64_t>(hot_needed_, hot.versions);
  if (hot.versions >= needed + std::max(least, needed / 2)) return true;
  // What history or pins kept the last time may be free by now.
  return std::min<std::uint64_t>(hot_superseded_, hot.versions) >= least &&
         clock->monotonic_us() - hot_looked_us_ >= kLookRestUs;
}

/// Searches the hot tier from this key on for what can go at that horizon.
Result<Engine::PurgeSlice> Engine::look_for_purge(const std::string& from, std::uint64_t horizon) {
  PurgeLook look(
      {horizon, pins_.below(horizon)}, options.purge_bounds,
      [&](const Pick& pick) { return gone_for_all(pick, horizon); }, options.job_faults.drop);
  FIRN_ASSIGN(const ReadContext context, begin_read());
  PurgeSlice slice;
  FIRN_TRY(
      context.hot.visit_versions(from, [&](std::string_view key, const hot::HotVersion& v) -> Result<bool> {
        slice.more = !look.visit(key, v);
        return !slice.more;
      }));
  if (!slice.more) look.end_of_key();
  if (!look.unproved().empty()) return refuse_job(Error(ErrorCode::internal, look.unproved()), {});
  // Tombstones go where no file has rows that they might hide.
  const Catalog& catalog = *context.view.catalog;
  const bool hide_nothing =
      std::none_of(catalog.files.begin(), catalog.files.end(), [&](const FileEntryPtr& f) {
        return ranges_overlap(f->info, look.tombstones_min(), look.tombstones_max());
      });
  slice.pieces = look.pieces(hide_nothing);
  slice.next = look.next();
  slice.visited = look.visited();
  slice.superseded_kept = look.superseded_kept();
  slice.hot_epoch = catalog.hot_epoch;
  return slice;
}

/// Publishes a slice piece by piece. Each is compared with what was found, by what it does drop, before it is logged.
/// Error {conflict} if moves have changed what there is; counts what went.
Result<void> Engine::publish_purge(PurgeSlice& slice, std::uint64_t horizon, JobReport& report) {
  for (HotPurge& purge : slice.pieces) {
    const std::uint64_t count = purge.dropped.count;
    const bool tombstones = purge.rule.tombstones;
    if (options.job_hook) options.job_hook("searched");
    if (options.job_faults.purge) options.job_faults.purge(purge);
    LogRecord record;
    record.horizon = horizon;
    record.purges.push_back(std::move(purge));
    const Result<void> published = publish(std::move(record), {}, slice.hot_epoch);
    if (!published && published.error().code() == ErrorCode::internal)
      return refuse_job(published.error(), {});
    FIRN_TRY(published);
    slice.hot_epoch += tombstones ? 1 : 0;  // by this very record; a move meanwhile is still found out
    report.rows_dropped += count;
    report.done = true;
  }
  return {};
}

Result<JobReport> Engine::purge_hot() {
  JobReport report;
  report.from = report.to = StorageTier::hot;
  break_old_pins();
  std::lock_guard alone(horizon_mutex_);
  hot_looked_us_ = clock->monotonic_us();
  purge_rests_until_us_ = hot_looked_us_ + kLookRestUs;  // unless it comes to its end
  const FloorHold hold(pins_);
  const std::uint64_t horizon = take_floor();
  std::uint64_t superseded = 0;
  std::string from;
  int looks = 0;
  for (bool more = true; more;) {
    FIRN_TRY(may_go_on());
    FIRN_ASSIGN(PurgeSlice slice, look_for_purge(from, horizon));
    const std::uint64_t dropped_before = report.rows_dropped;
    const Result<void> published = publish_purge(slice, horizon, report);
    if (!published && published.error().code() == ErrorCode::conflict) {
      report.rows_in += report.rows_dropped - dropped_before;  // the rest is met again
      if (report.rows_dropped != dropped_before) looks = 0;
      if (++looks < kLooksMax) continue;
      report.rows_out = report.rows_in - report.rows_dropped;
      if (report.done) return report;  // what is left has its turn after the rest
    }
    FIRN_TRY(published);
    looks = 0;
    report.rows_in += slice.visited;
    superseded += slice.superseded_kept;
    more = slice.more;
    from = std::move(slice.next);
  }
  purge_rests_until_us_ = 0;
  report.rows_out = report.rows_in - report.rows_dropped;
  hot_needed_ = report.rows_out;
  hot_superseded_ = superseded;
  return report;
}

/// Whether enough of a history file may lie below the horizon, by its CSNs; once in a while.
bool Engine::worth_a_look(const FileEntry& history, std::uint64_t horizon, std::int64_t monotonic_us) const {
  const RowFileInfo& info = history.info;
  return info.csn_min + (info.end_max - info.csn_min) / 2 <= horizon &&
         history.due_for_a_look(monotonic_us, kLookRestUs);
}

/// Whether more than half of a history file's versions could go at that horizon.
Result<bool> Engine::mostly_unneeded(const FileEntry& history, std::uint64_t horizon) const {
  const hot::PurgeRule rule{horizon, pins_.below(horizon), false};
  FIRN_ASSIGN(const auto file, history.open());
  std::uint64_t unneeded = 0;
  ReadCost cost;
  for (std::size_t g = 0; g < file->groups(); ++g) {
    FIRN_ASSIGN(const Column begins, file->csns(g, cost));
    FIRN_ASSIGN(const Column ends, file->ends(g, cost));
    const Column b = begins.to_plain(), e = ends.to_plain();
    const auto begin = b.as<std::uint64_t>(), end = e.as<std::uint64_t>();
    for (std::size_t i = 0; i < begin.size(); ++i) unneeded += rule.covers(begin[i], end[i]) ? 1 : 0;
  }
  return unneeded * 2 > history.info.rows;
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

/// History files of which nothing can be read once the horizon is there.
std::vector<FileEntryPtr> Engine::files_past(const Catalog& catalog, std::uint64_t horizon) const {
  std::vector<FileEntryPtr> gone;
  for (const FileEntryPtr& f : catalog.files) {
    const RowFileInfo& i = f->info;
    const bool planted = options.job_faults.drop && options.job_faults.drop(i.csn_min, i.end_max);
    if (i.history && !f->lent && f->rests_until_us <= clock->monotonic_us() &&
        (!version_needed(i.csn_min, i.end_max, horizon) || planted))
      gone.push_back(f);
  }
  return gone;
}

Result<void> Engine::expire() {
  FIRN_TRY(check_open());
  break_old_pins();
  std::lock_guard alone(horizon_mutex_);
  const View now = view();
  const std::int64_t monotonic_us = clock->monotonic_us();
  FIRN_ASSIGN(const bool due, horizon_step_due(now, monotonic_us));
  if (files_past(*now.catalog, due_horizon(now)).empty() && !due) return {};
  const FloorHold hold(pins_);
  LogRecord record;
  record.horizon = take_floor();
  const std::vector<FileEntryPtr> gone = files_past(*now.catalog, record.horizon);
  FIRN_TRY(check_past(gone, record.horizon));
  if (gone.empty() && !due) return {};
  FIRN_ASSIGN(const auto lease, InputLease::take(gone));
  FIRN_TRY(publish(std::move(record), gone));
  horizon_moved_us_ = monotonic_us;
  return {};
}

/// Whether the horizon is worth a commit though no file goes with it. It is if files carry dropped columns only for states
/// before it; or once in a while if there is history at all: small history files are merged, so the newest end of one may
/// never be old enough, and what lies before the horizon is dropped by the next merge.
Result<bool> Engine::horizon_step_due(const View& now, std::int64_t monotonic_us) {
  const std::uint64_t horizon = due_horizon(now);
  if (horizon <= now.catalog->horizon) return false;
  const SchemaHistory& schemas = *now.catalog->schemas;
  FIRN_ASSIGN(const Schema stored, storage_schema(schemas, now.catalog->horizon));
  FIRN_ASSIGN(const Schema needed, storage_schema(schemas, horizon));
  if (needed.size() < stored.size()) return true;
  const bool history = std::any_of(now.catalog->files.begin(), now.catalog->files.end(),
                                   [](const FileEntryPtr& f) { return f->info.history; });
  const std::int64_t step = std::max(now.catalog->config.history_us / 4, kHorizonStepUs);
  return history && monotonic_us - horizon_moved_us_ >= step;
}

}  // namespace firn::storage
