// Moves out of the hot tier: all versions up to a CSN, slice by slice of the key range, into warm blocks.
#include <algorithm>

#include "storage/engine.hpp"
#include "storage/file_keys.hpp"
#include "storage/job_proof.hpp"
#include "storage/versioned_rows.hpp"

namespace firn::storage {
namespace {

constexpr std::size_t kSliceVersions = 32'768;  // publishing a slice drops this many hot versions at most

/// A hot version may have been ended by a file before the next hot version of its key came.
Result<void> shorten(const View& view, const Batch& rows, std::vector<Pick>& picks) {
  FIRN_ASSIGN(const KeyColumn keys, keys_of(rows));
  std::vector<std::uint64_t> csns;
  for (const Pick& p : picks) csns.push_back(p.csn);
  FIRN_ASSIGN(const auto ends, ends_by_files(view, keys, csns, view.csn));
  for (std::size_t i = 0; i < picks.size(); ++i)
    if (ends[i] != 0) picks[i].end = std::min(picks[i].end, ends[i]);
  return {};
}

}  // namespace

/// Takes the hot versions with CSN <= upto out of the hot tier, slice by slice.
Result<JobReport> Engine::demote_hot(StorageTier to, std::uint64_t upto) {
  JobReport report;
  report.from = StorageTier::hot;
  report.to = StorageTier::warm;
  (void)to;                     // hot rows become warm blocks first; the next job takes these further
  FIRN_TRY(advance_horizon());  // what nobody can read any more is not moved
  std::string from;
  const std::uint64_t moves_before = moves_to_hot_;
  std::optional<std::uint64_t> emptied;  // no hot version at or below it is left
  for (bool more = true; more;) {
    FIRN_TRY(may_go_on());
    View base_view;
    std::unique_ptr<hot::HotReader> hot;
    std::unique_ptr<BaseLease> base_lease;
    {
      std::lock_guard lock(plan_mutex_);
      FIRN_ASSIGN(ReadContext context, begin_read());
      base_view = context.view;
      base_lease = std::make_unique<BaseLease>(pins_, base_view.csn);
      hot = std::make_unique<hot::HotReader>(std::move(context.hot));
    }
    const std::uint64_t bound = std::min(upto, base_view.csn);
    if (!emptied) emptied = bound;
    FIRN_ASSIGN(const Schema schema, storage_schema(*base_view.catalog->schemas, base_view.catalog->horizon));
    VersionedRows reader(base_view.catalog->schemas, schema);
    struct Half {
      std::vector<ColumnBuilder> columns;
      std::vector<Pick> picks;
    } halves[2];  // current, history
    for (Half& half : halves)
      for (const ColumnSchema& c : schema.columns()) half.columns.emplace_back(c.type);
    const auto add = [&](Half& half, std::string_view key, const hot::HotVersion& v,
                         std::uint64_t end) -> Result<void> {
      const bool tombstone = v.op == hot::Op::tombstone;
      if (tombstone) {
        FIRN_ASSIGN(const Key values, decode_key(schema, key));
        for (std::size_t c = 0; c < schema.size(); ++c) {
          const auto k = std::find(schema.key().begin(), schema.key().end(), c);
          if (k == schema.key().end())
            half.columns[c].append_null();
          else
            FIRN_TRY(half.columns[c].append(values[static_cast<std::size_t>(k - schema.key().begin())]));
        }
      } else {
        FIRN_TRY(reader.append_to(v.row, half.columns));
      }
      half.picks.push_back({0, 0, v.csn, end, tombstone});
      return {};
    };
    std::string first_key, last_key, key_now;
    std::uint64_t newer = 0;  // CSN of the version of this key met just before: the end of the next older one
    std::uint64_t versions = 0;
    JobProof proof;
    HotSlice slice;
    more = false;
    FIRN_TRY(hot->visit_versions(from, [&](std::string_view key, const hot::HotVersion& v) -> Result<bool> {
      if (key != key_now) {
        if (versions >= kSliceVersions) {
          from.assign(key);
          more = true;
          return false;
        }
        key_now.assign(key);
        newer = 0;
      }
      if (v.csn <= bound) {
        if (versions == 0) first_key = key_now;
        last_key = key_now;
        versions += 1;
        slice.versions.push_back(hash_of_version(key, v.csn, v.op == hot::Op::tombstone));
        proof.in.versions.add(slice.versions.back());
        const bool history = newer != 0;
        const std::uint64_t horizon = base_view.catalog->horizon;
        const bool planted = options.job_faults.drop && options.job_faults.drop(v.csn, newer);
        if (planted || (history && !version_needed(v.csn, newer, horizon))) {
          report.rows_dropped += 1;
          const Pick dropped{0, 0, v.csn, newer, v.op == hot::Op::tombstone};
          proof.drop(key, dropped, gone_for_all(dropped, horizon));
        } else {
          FIRN_TRY(add(halves[history ? 1 : 0], key, v, newer));
        }
      }
      newer = v.csn;
      return true;
    }));
    hot.reset();
    if (versions == 0) continue;
    PendingFiles outputs(*this);
    for (Half& half : halves) {
      if (half.picks.empty()) continue;
      const bool history = &half == &halves[1];
      // History comes newest first within a key; files want ascending CSNs.
      std::vector<std::uint32_t> order;
      for (std::uint32_t i = 0; i < half.picks.size(); ++i) order.push_back(i);
      std::vector<Column> columns;
      for (ColumnBuilder& b : half.columns) columns.push_back(b.finish());
      Batch rows(schema, static_cast<std::int64_t>(half.picks.size()), std::move(columns));
      const Lives lives = lives_of(half.picks, history);
      const std::vector<HashPair> read = hash_of_rows(rows, lives.tombstones);
      if (history) {
        FIRN_ASSIGN(const KeyColumn keys, keys_of(rows));
        order = by_key_and_csn(keys, lives.csns);
        rows = rows.take(order);
        std::vector<Pick> sorted;
        for (const std::uint32_t i : order) sorted.push_back(half.picks[i]);
        half.picks = std::move(sorted);
        FIRN_TRY(shorten(base_view, rows, half.picks));
      }
      for (std::size_t i = 0; i < half.picks.size(); ++i) {
        const Pick& p = half.picks[i];
        proof.in.contents.add(hash_of_content(read[order[i]], p.csn, p.end, p.tombstone));
      }
      // One key may have any number of versions: blocks of bounded size.
      for (std::size_t first = 0; first < half.picks.size(); first += kWarmChunkRows) {
        const std::size_t count = std::min(kWarmChunkRows, half.picks.size() - first);
        const auto begin = half.picks.begin() + static_cast<std::ptrdiff_t>(first);
        Lives lives = lives_of({begin, begin + static_cast<std::ptrdiff_t>(count)}, history);
        Batch part = count == half.picks.size() ? rows : rows.slice(first, count);
        if (options.job_faults.rows) options.job_faults.rows(part, lives.csns, lives.ends, lives.tombstones);
        FIRN_ASSIGN(auto infos, append_blocks(part, lives.csns, lives.ends, lives.tombstones, history,
                                              base_view.catalog->schema_version()));
        for (RowFileInfo& info : infos) {
          // Versions of these keys in other files may lie between the rows' CSNs and now: resolving begins at the oldest.
          info.base_csn = info.csn_min;
          info.block_number = kSurvivors;
          info.created_us = base_view.time_us;
          report.outputs += 1;
          report.rows_out += info.rows;
          report.bytes_out += info.length;
          outputs.add(std::move(info));
        }
      }
    }
    report.rows_in += versions;
    FIRN_TRY(disk->sync_directory(at("warm")));
    if (options.job_hook) options.job_hook("written");
    slice.key_min = first_key;
    slice.key_max = last_key;
    HotDrop drop{first_key, last_key, bound};
    if (options.job_faults.hot_drop) options.job_faults.hot_drop(drop.key_min, drop.key_max, drop.csn);
    Result<void> proved = read_back(outputs.files(), proof);
    if (proved) proved = proof.check();
    if (proved) proved = check_hot_drop(drop, slice, base_view.catalog->hot_epoch);
    if (!proved) return refuse_job(proved.error(), {});
    LogRecord record;
    record.adds = outputs.hand_over();
    record.drops.push_back(std::move(drop));
    FIRN_TRY(publish(std::move(record), {}, base_view.catalog->hot_epoch));
    report.done = true;
  }
  if (report.rows_in != report.rows_out + report.rows_dropped)
    return Error(ErrorCode::internal, "a demotion of hot rows lost count");
  if (emptied && moves_to_hot_ == moves_before) hot_emptied_to_ = *emptied;
  return report;
}

}  // namespace firn::storage
