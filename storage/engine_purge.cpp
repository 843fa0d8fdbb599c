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

namespace firn::storage {
namespace {

// Dropping a slice must not stop writers for long (measured: 2 to 4 us a version).
constexpr std::size_t kSliceDropped = 8'192, kSliceVisited = 65'536;
constexpr std::int64_t kLookRestUs = 60'000'000;
constexpr std::int64_t kHorizonStepUs =
    3'600'000'000;  // a commit that only moves the horizon, at most so often

/// Walks a slice of the hot tier and counts what a purge would drop.
class PurgeLook {
 public:
  explicit PurgeLook(hot::PurgeRule rule) : rule_(std::move(rule)) {}

  /// False at the first key behind the slice, which next() names then.
  bool visit(std::string_view key, const hot::HotVersion& v) {
    if (visited_ == 0 || key != key_) {
      end_of_key();
      if (superseded_gone_ + bare_tombstones_ >= kSliceDropped || visited_ >= kSliceVisited) {
        next_.assign(key);
        return false;
      }
      key_.assign(key);
      newer_ = older_kept_ = 0;
      bare_ = v.op == hot::Op::tombstone && v.csn <= rule_.horizon;
    } else if (rule_.covers(v.csn, newer_)) {
      superseded_gone_ += 1;
      note_drop();
    } else {
      superseded_kept_ += 1;
      older_kept_ += 1;
    }
    newer_ = v.csn;
    visited_ += 1;
    return true;
  }
  void end_of_key() {
    if (visited_ == 0 || !bare_ || older_kept_ != 0) return;
    bare_tombstones_ += 1;
    note_drop();
  }

  const std::string& first() const { return first_; }
  const std::string& last() const { return last_; }
  const std::string& next() const { return next_; }
  std::uint64_t visited() const { return visited_; }
  std::uint64_t superseded_gone() const { return superseded_gone_; }
  std::uint64_t superseded_kept() const { return superseded_kept_; }
  std::uint64_t bare_tombstones() const { return bare_tombstones_; }

 private:
  void note_drop() {
    if (last_.empty()) first_ = key_;
    last_ = key_;
  }

  hot::PurgeRule rule_;
  std::string key_, first_, last_, next_;
  std::uint64_t newer_ = 0, older_kept_ = 0;
  std::uint64_t visited_ = 0, superseded_gone_ = 0, superseded_kept_ = 0, bare_tombstones_ = 0;
  bool bare_ = false;  ///< the key's newest version is a tombstone that only older versions need
};

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
  return std::min(asked, due_horizon(view()));
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
  if (clock->monotonic_us() < purge_rests_until_us_) return false;
  const std::uint64_t least = options.purge_versions_min;
  const std::uint64_t needed = std::min<std::uint64_t>(hot_needed_, hot.versions);
  if (hot.versions >= needed + std::max(least, needed / 2)) return true;
  // What history or pins kept the last time may be free by now.
  return std::min<std::uint64_t>(hot_superseded_, hot.versions) >= least &&
         clock->monotonic_us() - hot_looked_us_ >= kLookRestUs;
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
  for (bool more = true; more;) {
    HotPurge purge;
    purge.rule = {horizon, pins_.below(horizon), false};
    PurgeLook look(purge.rule);
    std::optional<std::uint64_t> epoch;  // a move that publishes meanwhile may bring what a tombstone hides
    more = false;
    {
      FIRN_ASSIGN(const ReadContext context, begin_read());
      FIRN_TRY(context.hot.visit_versions(
          from, [&](std::string_view key, const hot::HotVersion& v) -> Result<bool> {
            more = !look.visit(key, v);
            return !more;
          }));
      if (!more) look.end_of_key();
      // Tombstones go where no file has rows that they might hide.
      const Catalog& catalog = *context.view.catalog;
      purge.rule.tombstones =
          look.bare_tombstones() != 0 &&
          std::none_of(catalog.files.begin(), catalog.files.end(), [&](const FileEntryPtr& f) {
            return ranges_overlap(f->info, look.first(), look.last());
          });
      if (purge.rule.tombstones) epoch = catalog.hot_epoch;
    }
    const std::uint64_t gone = look.superseded_gone() + (purge.rule.tombstones ? look.bare_tombstones() : 0);
    report.rows_in += look.visited();
    report.rows_dropped += gone;
    superseded += look.superseded_kept();
    from = look.next();
    if (gone == 0) continue;
    purge.key_min = look.first();
    purge.key_max = look.last();
    LogRecord record;
    record.horizon = horizon;
    record.purges.push_back(std::move(purge));
    FIRN_TRY(publish(std::move(record), {}, epoch));
    report.done = true;
  }
  purge_rests_until_us_ = 0;
  report.rows_out = report.rows_in - report.rows_dropped;
  hot_needed_ = report.rows_out;
  hot_superseded_ = superseded;
  return report;
}

/// Whether enough of a history file may lie below the horizon, by its CSNs; once in a while.
bool Engine::worth_a_look(const FileEntry& history, std::uint64_t horizon, std::int64_t now_us) const {
  const RowFileInfo& info = history.info;
  return info.csn_min + (info.end_max - info.csn_min) / 2 <= horizon &&
         history.due_for_a_look(now_us, kLookRestUs);
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
    if (i.history && !f->lent && f->rests_until_us <= clock->now().us &&
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
