// What is due: age, size and access rules under the table's clock; and looking at the table.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>

#include "storage/apply_records.hpp"
#include "storage/engine.hpp"
#include "storage/job_parts.hpp"

namespace firn::storage {
namespace {

constexpr double kPromoteHeat = 8;  // decayed reads an hour from which a cold file is worth being warm
constexpr double kDemoteHeat = 1;   // below, a promoted file may come down again
constexpr std::ptrdiff_t kJobFilesMax = 64;
constexpr std::uint64_t kAlike = 4;  // files of one merge differ in rows by at most this factor
constexpr std::uint64_t kHotMoveRowsMax = 300'000;  // rows that one log record may carry into hot
constexpr std::uint64_t kKeptVersionsMin = 16'384;  // hot versions that a table kept elsewhere moves at once
constexpr std::int64_t kKeptRestUs = 1'000'000;     // after which it moves fewer
constexpr double kEndedPart = 0.2;  // a file with more ended rows than this is worth rewriting

bool idle(const FileEntryPtr& f) {
  return !f->lent && !f->retired && !f->unreadable && f->rests_until_us == 0;
}

/// Files of one tier, as many as make one job: neighbours in key order; history in order of its commits, so that a query
/// at a past CSN finds what it needs in few files however many versions lie between.
std::vector<std::uint64_t> batch_of(std::vector<FileEntryPtr> files, std::uint64_t rows_max) {
  std::sort(files.begin(), files.end(), [](const auto& a, const auto& b) {
    if (a->info.history != b->info.history) return !a->info.history;
    return a->info.history ? a->info.csn_min < b->info.csn_min : a->info.key_min < b->info.key_min;
  });
  std::vector<std::uint64_t> ids;
  std::uint64_t rows = 0;
  for (const FileEntryPtr& f : files) {
    if (!ids.empty() && (rows + f->info.rows > rows_max || ids.size() == std::size_t{kJobFilesMax})) break;
    ids.push_back(f->info.id);
    rows += f->info.rows;
  }
  return ids;
}

/// The smallest files, by rows, that differ by no more than kAlike and are files_min or fill rows_max; empty: none.
std::vector<FileEntryPtr> alike(std::vector<FileEntryPtr> files, std::uint64_t rows_max,
                                std::size_t files_min) {
  std::sort(files.begin(), files.end(),
            [](const auto& a, const auto& b) { return a->info.rows < b->info.rows; });
  for (auto first = files.begin(); first != files.end(); ++first) {
    std::uint64_t rows = 0;
    auto last = first;
    bool full = false;
    for (; last != files.end() && (*last)->info.rows <= kAlike * (*first)->info.rows; ++last) {
      full = rows + (*last)->info.rows > rows_max || last - first == kJobFilesMax;
      if (full) break;
      rows += (*last)->info.rows;
    }
    const auto count = static_cast<std::size_t>(last - first);
    if (count >= files_min || (full && count >= 2)) return {first, last};
  }
  return {};
}

template <class Condition>
std::vector<FileEntryPtr> select(const Catalog& catalog, Condition condition) {
  std::vector<FileEntryPtr> out;
  for (const FileEntryPtr& f : catalog.files)
    if (idle(f) && condition(*f)) out.push_back(f);
  return out;
}

/// Three quarters of 8 x log2(rows / 65,536) + 32, below which the number of files stays whatever the pattern of writes.
std::size_t files_allowed(const Catalog& catalog) {
  std::uint64_t rows = 0;
  for (const FileEntryPtr& f : catalog.files) rows += f->info.rows;
  const double doublings = std::log2(std::max(1.0, static_cast<double>(rows) / 65'536));
  return static_cast<std::size_t>(6 * doublings) + 24;
}

/// The greatest number of a tier's current files that may hold one key.
std::size_t key_depth(const Catalog& catalog, StorageTier tier) {
  std::vector<std::pair<std::string_view, bool>> bounds;  // a key, and whether a range ends there
  for (const FileEntryPtr& f : catalog.files) {
    if (f->info.history || f->info.tier != tier) continue;
    bounds.emplace_back(f->info.key_min, false);
    bounds.emplace_back(f->info.key_max, true);
  }
  std::sort(bounds.begin(), bounds.end());
  std::size_t open = 0, deepest = 0;
  for (const auto& [key, ends] : bounds) deepest = std::max(deepest, ends ? --open : ++open);
  return deepest;
}

JobOrder order_of(StorageTier to, std::vector<std::uint64_t> inputs) {
  JobOrder order;
  order.to = to;
  order.inputs = std::move(inputs);
  return order;
}

}  // namespace

/// Files worth one merge: at least files_min of about the same size, or as many as fill rows_max. Like with like, so that
/// a row is rewritten once for each tenfold growth and not with each handful of new files. files_min 2: any two.
std::optional<JobOrder> Engine::merge_small(const View& now, StorageTier tier, std::uint64_t rows_max,
                                            std::size_t files_min, std::uint64_t upto) const {
  for (const bool history : {false, true}) {
    auto small = select(*now.catalog, [&](const FileEntry& f) {
      return f.info.tier == tier && f.info.history == history && f.info.rows <= rows_max / 2 &&
             f.info.csn_min <= upto;
    });
    if (small.size() < 2) continue;
    if (files_min > 2) small = alike(std::move(small), rows_max, files_min);
    std::vector<std::uint64_t> ids = batch_of(std::move(small), rows_max);
    if (ids.size() >= 2) return order_of(tier, std::move(ids));
  }
  return std::nullopt;
}

/// What is left to do for all versions of commits up to `upto`; what came later is somebody else's work.
std::optional<JobOrder> Engine::job_towards(StorageTier to, const View& now, std::uint64_t upto) {
  const Catalog& catalog = *now.catalog;
  const auto due = [&](const FileEntry& f) { return f.info.csn_min <= upto; };
  if (to != StorageTier::hot) {
    const Result<ReadContext> context = begin_read();
    const hot::HotState hot = context ? context->hot.state() : hot::HotState{};
    if (hot.versions != 0 && hot.floor_csn <= upto && upto > hot_emptied_to_ && !hot_rests()) {
      JobOrder order;
      order.to = StorageTier::warm;
      order.from_hot = true;
      order.hot_upto = upto == kCsnMax.value ? 0 : upto;
      return order;
    }
  }
  if (to == StorageTier::hot) {
    auto large = select(catalog, [&](const FileEntry& f) {
      return !f.info.history && f.info.rows > kHotMoveRowsMax && due(f);
    });
    if (!large.empty()) return order_of(StorageTier::warm, {large.front()->info.id});
    auto files = select(catalog, [&](const FileEntry& f) { return !f.info.history && due(f); });
    if (files.empty()) return std::nullopt;
    return order_of(StorageTier::hot, batch_of(std::move(files), kHotMoveRowsMax));
  }
  const StorageTier other = to == StorageTier::cold ? StorageTier::warm : StorageTier::cold;
  auto elsewhere = select(catalog, [&](const FileEntry& f) { return f.info.tier == other && due(f); });
  if (!elsewhere.empty()) return order_of(to, batch_of(std::move(elsewhere), options.segment_rows));
  // Ended rows leave for history files; two small files become one.
  for (const FileEntryPtr& f : catalog.files) {
    const std::uint64_t ended = f->ends()->least_end();  // 0: no row has
    if (idle(f) && !f->info.history && f->info.tier == to && ended != 0 && ended <= upto)
      return order_of(to, {f->info.id});
  }
  return merge_small(now, to, to == StorageTier::cold ? options.segment_rows : 262'144, 2, upto);
}

std::optional<JobOrder> Engine::next_job_towards(StorageTier to, std::uint64_t upto) {
  end_rests();
  const Result<View> now = resolve_all();
  if (!now) return std::nullopt;
  return job_towards(to, *now, upto);
}

std::optional<JobOrder> Engine::next_job() {
  end_rests();
  const View now = view();
  const Catalog& catalog = *now.catalog;
  const HybridTableConfig& c = catalog.config;
  const std::int64_t time = std::max(clock->now().us, now.time_us);
  hot::HotState hot;
  if (const Result<ReadContext> context = begin_read()) hot = context->hot.state();
  if (purge_due(hot)) {
    JobOrder purge;
    purge.to = StorageTier::hot;
    purge.from_hot = true;
    return purge;
  }
  if (c.placement != StorageTier::none) {
    if (auto order = job_to_keep_in(c.placement, now, hot)) return order;
    return job_of_files(now);
  }
  const bool by_age = c.compaction.strategy == CompactionStrategy::hybrid ||
                      c.compaction.strategy == CompactionStrategy::time_based;
  const bool by_size = c.compaction.strategy == CompactionStrategy::hybrid ||
                       c.compaction.strategy == CompactionStrategy::size_based;
  const bool by_access = c.compaction.strategy == CompactionStrategy::hybrid ||
                         c.compaction.strategy == CompactionStrategy::access_based;

  if (hot.versions != 0) {
    JobOrder order;
    order.to = StorageTier::warm;
    order.from_hot = true;
    if (by_size && !hot_rests() && hot.bytes > c.hot_tier_max_size) return order;
    if (by_age && !hot_rests()) {
      const Result<std::uint64_t> old = csn_of_age(c.hot_tier_max_age_us, CommitAges::Closed::counts);
      if (old && *old > hot_emptied_to_ && hot.floor_csn <= *old) {
        order.hot_upto = *old;
        return order;
      }
    }
  }
  std::uint64_t warm_bytes = 0;
  for (const FileEntryPtr& f : catalog.files)
    if (f->info.tier == StorageTier::warm) warm_bytes += f->info.length;
  const auto hot_again = [&](const FileEntry& f) {
    return by_access && f.access().heat_at(time) > kDemoteHeat;
  };
  if (by_age) {
    // A file's time is the wall clock's, which may have stepped: it counts as far as the stretch of its commits allows.
    // (The map of commit times reaches back to the horizon only.) Commits that would have left both tiers by their age
    // are old, whatever the file says.
    const CommitAges::Bound aged =
        ages_.at_age(c.warm_tier_max_age_us, clock->monotonic_us(), CommitAges::Closed::counts);
    const auto overdue = csn_of_age(
        std::min(c.hot_tier_max_age_us, INT64_MAX / 2) + std::min(c.warm_tier_max_age_us, INT64_MAX / 2),
        CommitAges::Closed::counts);
    auto old = select(catalog, [&](const FileEntry& f) {
      const std::uint64_t newest = f.info.csn_max;
      const bool passed =
          newest <= aged.csn_min || (newest <= aged.csn_max && f.info.created_us <= aged.time_us);
      const bool old_file = passed && f.info.created_us <= time - c.warm_tier_max_age_us;
      return f.info.tier == StorageTier::warm && (old_file || (overdue && newest <= *overdue)) &&
             !hot_again(f);
    });
    if (!old.empty()) return order_of(StorageTier::cold, batch_of(std::move(old), options.segment_rows));
  }
  if (by_size && warm_bytes > c.warm_tier_max_size) {
    auto warm = select(catalog, [&](const FileEntry& f) { return f.info.tier == StorageTier::warm; });
    std::sort(warm.begin(), warm.end(),
              [](const auto& a, const auto& b) { return a->info.created_us < b->info.created_us; });
    std::uint64_t over = warm_bytes - c.warm_tier_max_size / 2;
    std::vector<FileEntryPtr> oldest;
    for (const FileEntryPtr& f : warm) {
      if (over == 0) break;
      over -= std::min(over, f->info.length);
      oldest.push_back(f);
    }
    if (!oldest.empty())
      return order_of(StorageTier::cold, batch_of(std::move(oldest), options.segment_rows));
  }
  if (by_access) {
    for (const FileEntryPtr& f : catalog.files) {
      if (!idle(f) || f->info.history || f->info.tier != StorageTier::cold || f->info.rows > kHotMoveRowsMax)
        continue;
      if (f->access().heat_at(time) >= kPromoteHeat) return order_of(StorageTier::warm, {f->info.id});
    }
  }
  return job_of_files(now);
}

/// Rows of a table that is kept in one tier go there in steps that are worth a job each: a file a commit would keep the
/// processors busy with merging. (compact() does not wait for that.)
std::optional<JobOrder> Engine::job_to_keep_in(StorageTier tier, const View& now, const hot::HotState& hot) {
  if (tier == StorageTier::hot) {
    const Result<View> resolved = resolve_all();
    return resolved ? job_towards(tier, *resolved, kCsnMax.value) : std::nullopt;
  }
  const std::int64_t time = clock->monotonic_us();
  if (hot.versions != 0 && !hot_rests() &&
      (hot.versions >= kKeptVersionsMin || time >= kept_rests_until_us_)) {
    kept_rests_until_us_ = time + kKeptRestUs;
    JobOrder order;
    order.to = StorageTier::warm;
    order.from_hot = true;
    return order;
  }
  auto elsewhere = select(*now.catalog, [&](const FileEntry& f) { return f.info.tier != tier; });
  if (elsewhere.empty()) return std::nullopt;
  return order_of(tier, batch_of(std::move(elsewhere), options.segment_rows));
}

/// What files need wherever they lie: ended rows leave, history that nobody needs goes, small ones are merged.
std::optional<JobOrder> Engine::job_of_files(const View& now) {
  const Catalog& catalog = *now.catalog;
  for (const FileEntryPtr& f : catalog.files) {
    const double ended = static_cast<double>(f->ends()->size());
    if (idle(f) && !f->info.history && ended > kEndedPart * static_cast<double>(f->info.rows))
      return order_of(f->info.tier, {f->info.id});
  }
  const std::uint64_t horizon = due_horizon(now);
  for (const FileEntryPtr& f : catalog.files) {
    if (!idle(f) || !f->info.history || !worth_a_look(*f, horizon, clock->monotonic_us())) continue;
    const Result<bool> unneeded = mostly_unneeded(*f, horizon);
    if (!unneeded)
      f->leave_alone(unneeded.error());
    else if (*unneeded)
      return order_of(f->info.tier, {f->info.id});
  }
  return merge_due(now);
}

/// Merging costs a rewrite, so small files stay until they are a burden: more than max_files of a tier hold the same
/// keys, or there are too many in all.
std::optional<JobOrder> Engine::merge_due(const View& now) const {
  const std::size_t files_max = now.catalog->config.compaction.max_files;
  const bool too_many = now.catalog->files.size() > files_allowed(*now.catalog);
  for (const StorageTier tier : {StorageTier::warm, StorageTier::cold}) {
    if (!too_many && key_depth(*now.catalog, tier) <= files_max) continue;
    const std::uint64_t rows_max = tier == StorageTier::warm ? kWarmChunkRows : options.segment_rows;
    if (auto order = merge_small(now, tier, rows_max, files_max)) return order;
    if (!too_many) continue;
    if (auto order = merge_small(now, tier, rows_max, 3)) return order;
  }
  return std::nullopt;
}

/// Back-pressure: every file costs readers and whoever looks for ended rows, so a writer whose small blocks come faster
/// than the background merges them merges some first (write stalls: RocksDB's level0_stop_writes_trigger).
void Engine::relieve_files() {
  const auto too_many = [&](const View& now) {
    return options.stall_factor != 0 &&
           now.catalog->files.size() > options.stall_factor * files_allowed(*now.catalog);
  };
  if (!too_many(view())) return;
  std::lock_guard lock(relief_mutex_);
  if (relieving_) return;
  relieving_ = true;
  struct Done {
    bool& relieving;
    ~Done() { relieving = false; }
  } const done{relieving_};
  for (View now = view(); too_many(now); now = view()) {
    const auto order = merge_due(now);
    if (!order) return;  // the background has all that is worth it under its hands
    const Result<JobReport> merged = run_job(*order);
    if (merged && merged->done) continue;
    if (!merged && merged.error().code() != ErrorCode::conflict)
      note("table " + name + ": " + merged.error().message());
    return;
  }
}

Result<void> Engine::save_access() {
  FIRN_TRY(check_open());
  if (options.read_only) return {};
  std::lock_guard lock(commit_mutex_);
  FIRN_TRY(check_open());
  const View now = view();
  FIRN_ASSIGN(auto writer, begin_write(now.catalog->files.size() * 128));
  for (const FileEntryPtr& f : now.catalog->files) {
    const AccessAccount account = f->access();
    if (account.reads == 0) continue;
    FIRN_TRY(writer.put_catalog(catalog_key('a', f->info.id),
                                {reinterpret_cast<const char*>(&account), sizeof account}));
  }
  return writer.commit();
}

Result<std::uint64_t> Engine::folder_bytes(const std::string& path) const {
  std::uint64_t sum = 0;
  const auto entries = disk->list(path);
  if (!entries) return sum;
  for (const io::DirEntry& entry : *entries) {
    if (entry.is_directory) continue;
    const auto file = disk->open(path + "/" + entry.name, io::Disk::Mode::read);
    if (!file) continue;  // removed meanwhile
    FIRN_ASSIGN(const std::uint64_t bytes, (*file)->allocated_bytes());
    sum += bytes;
  }
  return sum;
}

/// Rows of the file that a reader at `csn` sees: others may know by now of more that have ended since.
Result<std::uint64_t> Engine::live_rows(const FileEntry& entry, std::uint64_t csn) const {
  const RowFileInfo& info = entry.info;
  if (info.history) return std::uint64_t{0};
  const auto ends = entry.ends();
  const std::uint64_t gone = info.tombstones + ends->count_ended(0, info.rows, csn);
  const std::uint64_t unlooked = info.rows - std::min(info.rows, gone);
  if (info.tombstones == 0) return unlooked;
  const auto opened = entry.open();
  if (!opened) return unlooked;  // the query that needs it says why
  const auto& file = *opened;
  std::uint64_t live = 0;
  ReadCost cost;
  std::vector<std::uint32_t> ended;
  for (std::size_t g = 0; g < file->groups(); ++g) {
    const Result<Buffer> read = file->tombstones(g, cost);
    if (!read) return unlooked;
    const Buffer& bits = *read;
    const std::uint64_t first = file->group_first(g), last = file->group_first(g + 1);
    ended.clear();
    ends->append_ended(first, last, csn, ended);
    auto next = ended.begin();
    for (std::uint64_t r = first; r < last; ++r) {
      const bool over = next != ended.end() && *next == r;
      if (over) ++next;
      const bool tombstone = !bits.empty() && bit_at(bits.data(), r - first);
      if (!over && !tombstone) ++live;
    }
  }
  return live;
}

Result<StoreStats> Engine::stats() {
  StoreStats s;
  s.name = name;
  View now;
  HotRows hot;
  hot::HotState state;
  UnreadableFiles unreadable;  // their rows are counted as if none had ended
  {
    std::lock_guard lock(plan_mutex_);
    FIRN_ASSIGN(ReadContext context, begin_read());
    now = context.view;
    state = context.hot.state();
    if (state.versions != 0) {
      FIRN_ASSIGN(hot, images_.rows_at(now, context.hot, delta_, now.csn, {}, &unreadable));
    }
    FIRN_ASSIGN(const ResolveLag behind, resolve(std::move(context), unreadable));
    s.lag_commits = behind.commits;
    s.lag_keys = behind.keys;
  }
  s.versions = state.versions;
  s.delta_bytes = delta_.memory_bytes();
  s.files_looked_at = files_looked_at_;
  s.csn = Csn{now.csn};
  s.last_commit_time = Timestamp{now.time_us};
  s.horizon = Csn{now.catalog->horizon};
  s.hot.rows = hot.live();
  s.hot.files = 1;
  std::uint64_t warm_history = 0, cold_history = 0;
  for (const FileEntryPtr& f : now.catalog->files) {
    TierStats& tier = f->info.tier == StorageTier::cold ? s.cold : s.warm;
    FIRN_ASSIGN(const std::uint64_t live, live_rows(*f, now.csn));
    tier.rows += live;
    tier.files += 1;
    s.versions += f->info.rows;
    s.vector_bytes += f->ends()->memory_bytes();
    if (f->info.history) {
      s.history_rows += f->info.rows;
      s.history_bytes += f->info.length;
      (f->info.tier == StorageTier::cold ? cold_history : warm_history) += f->info.length;
    }
  }
  std::error_code ignored;
  std::uint64_t data_bytes = 0;
  const std::string host = disk->host_path(generation_folder(generation_)) + "/data.mdb";
  data_bytes = std::filesystem::file_size(host, ignored);
  if (ignored) data_bytes = 0;
  s.hot.bytes = data_bytes;
  FIRN_ASSIGN(const std::uint64_t warm, folder_bytes(at("warm")));
  FIRN_ASSIGN(const std::uint64_t cold, folder_bytes(at("cold")));
  FIRN_ASSIGN(s.log_bytes, folder_bytes(at("commit")));
  FIRN_ASSIGN(s.checkpoint_bytes, folder_bytes(at("hot")));
  s.warm.bytes = warm - std::min(warm, warm_history);
  s.cold.bytes = cold - std::min(cold, cold_history);
  s.rows = s.hot.rows + s.warm.rows + s.cold.rows;
  s.bytes = s.hot.bytes + warm + cold + s.log_bytes + s.checkpoint_bytes;
  s.pins = pins_.size();
  s.pin_list = pins_.list(clock->monotonic_us(), kPinsListed);
  s.bytes_written = bytes_written_;
  s.bytes_ingested = bytes_ingested_;
  s.jobs_refused = jobs_refused_;
  s.recovery_us = recovery_us;
  s.read_only_reason = read_only_reason();
  FIRN_ASSIGN(s.cursors, cursors());
  return s;
}

Result<std::vector<std::string>> Engine::verify(bool deep) {
  std::vector<std::string> findings;
  FIRN_TRY(check_open());
  const View now = view();
  for (const FileEntryPtr& f : now.catalog->files) {
    Result<std::shared_ptr<const RowFile>> file = f->open();
    Result<void> sound = file ? (deep ? (*file)->verify() : Result<void>()) : Result<void>(file.error());
    if (!sound) findings.push_back(sound.error().message());
  }
  FIRN_ASSIGN(const auto checkpoints, list_checkpoints(*disk, at("hot")));
  for (const CheckpointRef& c : checkpoints) {
    if (!deep) break;
    if (Result<void> sound = verify_checkpoint(*disk, c, store_id); !sound)
      findings.push_back(sound.error().message());
  }
  if (deep) {
    FIRN_ASSIGN(const ReadContext context, begin_read());
    std::uint64_t versions = 0;
    const Result<void> read =
        context.hot.visit_versions({}, [&](std::string_view, const hot::HotVersion&) -> Result<bool> {
          ++versions;
          return true;
        });
    if (!read)
      findings.push_back(read.error().message());
    else if (versions != context.hot.state().versions)
      findings.push_back("hot tier: " + std::to_string(versions) + " versions are there, the catalog says " +
                         std::to_string(context.hot.state().versions));
  }
  return findings;
}

}  // namespace firn::storage
