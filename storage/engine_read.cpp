// Reads: snapshots, point reads, queries. None goes through an actor; none keeps an LMDB transaction while it scans.
#include <algorithm>
#include <chrono>
#include <numeric>

#include "storage/apply_records.hpp"
#include "storage/column_mapping.hpp"
#include "storage/engine.hpp"
#include "storage/scan_pool.hpp"
#include "storage/versioned_rows.hpp"

namespace firn::storage {
namespace {

constexpr std::size_t kUnitsPerThread = 2;  // fewer groups than this a thread are not worth a second one

std::int64_t elapsed_us(std::chrono::steady_clock::time_point since) {
  return std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - since)
      .count();
}

void add(ReadCost& to, const ReadCost& from) {
  to.bytes_read += from.bytes_read;
  to.bytes_decoded += from.bytes_decoded;
  to.groups_read += from.groups_read;
  to.blooms_hit += from.blooms_hit;
}

std::string option_text(const HybridTableConfig& config, std::string_view name) {
  for (const HybridTableConfig::Option& o : config.options())
    if (o.name == name) return o.value;
  return {};
}

Column one_value(const Value& v, TypeId type) {
  ColumnBuilder b(type);
  if (v.is_null() || !b.append(v)) b.append_null();
  return b.finish();
}

/// A hot row in the schema in force at `csn`; most rows are of that version.
Result<std::vector<Value>> values_of_row(const Catalog& catalog, std::uint64_t csn, std::string_view row) {
  const SchemaHistory::Entry& wanted = catalog.schemas->at(csn);
  if (hot::version_of_row(row) != wanted.version.version)
    return VersionedRows(catalog.schemas, wanted.version.schema).values(row);
  FIRN_TRY(wanted.layout.check(row));
  std::vector<Value> values;
  values.reserve(wanted.version.schema.size());
  for (std::size_t i = 0; i < wanted.version.schema.size(); ++i)
    values.push_back(wanted.layout.value(row, i));
  return values;
}

/// Runs the scan through one execution a thread; the first takes over what the others found.
Result<Batch> execute(const PreparedQuery& prepared, TableScan& scan, std::uint32_t threads,
                      const ExecutionLimits& limits, QueryProfile& profile) {
  std::vector<QueryExecution> executions;
  executions.reserve(threads);
  for (std::uint32_t i = 0; i < threads; ++i) executions.emplace_back(prepared, limits);
  std::vector<ReadCost> costs(threads);
  std::vector<Result<void>> results(threads);
  std::atomic<bool> stop = false;
  const auto work = [&](std::uint32_t i) {
    try {
      while (!stop) {
        auto batch = scan.next(costs[i], limits);
        if (!batch) {
          results[i] = batch.error();
          stop = true;
          return;
        }
        if (!*batch) return;
        const Result<bool> more = executions[i].consume(**batch);
        if (!more) results[i] = more.error();
        if (!more || (!*more && threads == 1)) {
          stop = true;
          return;
        }
        if (!*more) return;
      }
    } catch (const Error& e) {
      results[i] = e;
      stop = true;
    } catch (const std::bad_alloc&) {
      results[i] = Error(ErrorCode::memory, "no memory for the query; ask for fewer columns or groups");
      stop = true;
    }
  };
  run_in_scan_pool(threads, work);
  for (const Result<void>& r : results) FIRN_TRY(r);
  for (std::uint32_t i = 0; i < threads; ++i) {
    add(profile.cost, costs[i]);
    if (i > 0) FIRN_TRY(executions[0].merge(std::move(executions[i])));
  }
  profile.rows_scanned = executions[0].rows_in();
  profile.rows_passed = executions[0].rows_passed();
  return executions[0].finish();
}

}  // namespace

View Engine::view() const {
  std::lock_guard lock(view_mutex_);
  return view_;
}

Result<ReadContext> Engine::begin_read() {
  FIRN_TRY(check_open());
  if (options.read_only) return begin_foreign_read();
  std::shared_ptr<hot::HotStore> store;
  {
    std::lock_guard lock(view_mutex_);
    store = hot_;
  }
  if (!store) return Error(ErrorCode::closed, "table " + name + " is closed");
  View view;
  FIRN_ASSIGN(auto reader, store->read([&] { view = this->view(); }));
  return ReadContext{std::move(view), std::move(store), std::move(reader)};
}

Result<void> Engine::check_horizon(std::uint64_t csn) const {
  const View now = view();
  if (csn < now.catalog->horizon)
    return Error(ErrorCode::horizon,
                 "table " + name + ": history before CSN " + std::to_string(now.catalog->horizon) +
                     " is gone; the earliest readable is CSN " + std::to_string(now.catalog->horizon));
  if (csn > now.csn)
    return Error(ErrorCode::out_of_range, "table " + name + ": CSN " + std::to_string(csn) +
                                              " lies in the future; the newest is " +
                                              std::to_string(now.csn));
  return {};
}

Result<PinPtr> Engine::pin(std::optional<Csn> at, std::string owner) {
  FIRN_TRY(check_open());
  if (options.read_only) FIRN_TRY(begin_read());
  Result<PinPtr> pinned = pins_.add(std::move(owner), clock->monotonic_us(), [&]() -> Result<std::uint64_t> {
    const std::uint64_t csn = at ? at->value : view().csn;
    FIRN_TRY(check_horizon(csn));
    return csn;
  });
  return pinned;
}

Result<void> Engine::check_pin(const PinPtr& pin) const {
  if (!pin) return {};
  if (options.read_only) FIRN_TRY(check_horizon(pin->csn));
  if (!pin->broken) return {};
  const View now = view();
  return Error(ErrorCode::horizon, "table " + name + ": the snapshot of \"" + pin->owner + "\" at CSN " +
                                       std::to_string(pin->csn) +
                                       " was given up because it was older than pin_max_age (" +
                                       option_text(now.catalog->config, "pin_max_age") + "); take a new one");
}

Result<Csn> Engine::csn_at(Timestamp t) {
  const std::int64_t now = std::max(clock->now().us, view().time_us);
  if (t.us > now)
    return Error(ErrorCode::out_of_range,
                 "AS OF " + format_timestamp(t.us) + " lies in the future; now is " + format_timestamp(now));
  FIRN_ASSIGN(const ReadContext context, begin_read());
  FIRN_ASSIGN(const auto csn, csn_at_time(context.hot, t.us));
  if (!csn) {
    if (context.view.catalog->horizon > 0) FIRN_TRY(check_horizon(0));
    return Csn{0};
  }
  FIRN_TRY(check_horizon(*csn));
  return Csn{*csn};
}

/// The newest commit that is at least so old; 0 if none is.
Result<std::uint64_t> Engine::csn_of_age(std::int64_t age_us, CommitAges::Closed closed) {
  const CommitAges::Bound bound = ages_.at_age(age_us, clock->monotonic_us(), closed);
  FIRN_ASSIGN(const ReadContext context, begin_read());
  FIRN_ASSIGN(const auto csn, csn_at_time(context.hot, bound.time_us));
  return std::clamp(csn.value_or(0), bound.csn_min, std::min(bound.csn_max, context.view.csn));
}

Result<std::optional<std::vector<Value>>> Engine::get(std::uint64_t csn, std::string_view key,
                                                      ReadCost& cost) {
  using Row = std::optional<std::vector<Value>>;
  FIRN_ASSIGN(const ReadContext context, begin_read());
  const Catalog& catalog = *context.view.catalog;
  const Schema& schema = catalog.schema_at(csn);
  FIRN_ASSIGN(const auto hot, context.hot.get(key, csn));
  std::uint64_t newest = hot ? hot->csn : 0;
  std::uint64_t newest_block = 0;
  FileEntryPtr owner;
  std::uint32_t owner_row = 0;
  for (const FileEntryPtr& f : catalog.files) {
    const RowFileInfo& info = f->info;
    if (info.csn_max < newest || info.csn_min > csn || (info.history && info.end_max <= csn) ||
        !ranges_overlap(info, key, key))
      continue;
    FIRN_ASSIGN(const auto file, f->open());
    FIRN_ASSIGN(const auto row, file->find(key, csn, cost));
    if (!row) continue;
    std::uint64_t row_csn = info.csn_min;
    if (info.csn_min != info.csn_max) {
      FIRN_ASSIGN(const auto point, file->row(*row, {}, cost));
      row_csn = point.csn;
    }
    if (row_csn > csn || row_csn < newest) continue;
    // Of one commit's blocks the later wins; a row that a move took to hot was the last of its commit.
    if (row_csn == newest && (!owner || info.block_number < newest_block)) continue;
    newest = row_csn;
    newest_block = info.block_number;
    owner = f;
    owner_row = *row;
  }
  if (!owner) {
    if (!hot || hot->op == hot::Op::tombstone) return Row{};
    FIRN_ASSIGN(std::vector<Value> values, values_of_row(catalog, csn, hot->row));
    return Row(std::move(values));
  }
  owner->note_access(clock->now().us, 1, true);
  FIRN_ASSIGN(const auto file, owner->open());
  const ColumnMapping mapping(file->schema(), schema);
  FIRN_ASSIGN(auto point, file->row(owner_row, mapping.stored(), cost));
  if (point.tombstone) return Row{};
  return Row(mapping.values(std::move(point.values)));
}

/// The query must not touch what cannot be read: neither its rows nor older versions that they ended may show.
Result<void> Engine::check_untouched(const UnreadableFiles& unreadable, const View& view,
                                     std::span<const ColumnRange> ranges, std::uint64_t csn) const {
  for (const UnreadableFile& u : unreadable) {
    const RowFileInfo& info = u.file->info;
    if (info.csn_min > csn || !may_touch_keys(info, view.catalog->schema_at(csn), ranges)) continue;
    FIRN_ASSIGN(const std::string min, key_text(info.key_min));
    FIRN_ASSIGN(const std::string max, key_text(info.key_max));
    return u.error.within("table " + name + ": the rows with keys " + min + " to " + max + " of commits " +
                          std::to_string(info.csn_min) + " to " + std::to_string(info.csn_max) +
                          " cannot be read");
  }
  return {};
}

/// Plans a scan of these columns as of `csn`; the ranges prune.
Result<std::unique_ptr<TableScan>> Engine::plan_scan(const std::vector<std::size_t>& columns,
                                                     std::span<const ColumnRange> ranges, std::uint64_t csn,
                                                     QueryProfile& profile) {
  std::lock_guard lock(plan_mutex_);
  FIRN_ASSIGN(ReadContext context, begin_read());
  UnreadableFiles unreadable;
  HotRows hot;
  if (context.hot.state().versions != 0) {
    FIRN_ASSIGN(hot, images_.rows_at(context.view, context.hot, delta_, csn, columns, &unreadable));
  } else {
    images_.clear();
  }
  const View view = context.view;
  FIRN_TRY(resolve(std::move(context), unreadable));
  FIRN_TRY(check_untouched(unreadable, view, ranges, csn));
  return TableScan::plan(view, std::move(hot), csn, columns, ranges, profile);
}

Result<std::uint64_t> Engine::csn_of(const Query& query, std::uint64_t csn) {
  if (query.travel == TimeTravel::as_of_csn) {
    FIRN_TRY(check_horizon(query.as_of_csn));
    return query.as_of_csn;
  }
  if (query.travel == TimeTravel::as_of_time) {
    const std::int64_t now = std::max(clock->now().us, view().time_us);
    FIRN_ASSIGN(const Csn at,
                csn_at(Timestamp{query.as_of_ago_us ? now - *query.as_of_ago_us : query.as_of_us}));
    return at.value;
  }
  return csn;
}

/// A query that fixes every key column reads one row instead of scanning.
Result<std::optional<ScanBatch>> Engine::point_rows(const PreparedQuery& prepared, std::uint64_t csn,
                                                    QueryProfile& profile) {
  const View now = view();
  const Schema& schema = now.catalog->schema_at(csn);
  Key key;
  for (const std::size_t k : schema.key()) {
    const auto range = std::find_if(prepared.ranges().begin(), prepared.ranges().end(),
                                    [&](const ColumnRange& r) { return r.column == k && r.is_point(); });
    if (range == prepared.ranges().end()) return std::optional<ScanBatch>{};
    key.push_back(range->min);
  }
  if (key.empty()) return std::optional<ScanBatch>{};
  const Result<std::string> encoded = encode_key(schema, key);
  if (!encoded) return std::optional<ScanBatch>{};  // such a key cannot exist; the scan finds nothing
  FIRN_ASSIGN(const auto row, get(csn, *encoded, profile.cost));
  ScanBatch batch;
  batch.rows = row ? 1 : 0;
  for (const std::size_t c : prepared.columns()) {
    if (row)
      batch.columns.push_back(one_value((*row)[c], schema[c].type));
    else
      batch.columns.push_back(ColumnBuilder(schema[c].type).finish());
  }
  profile.plan = "point";
  return std::optional<ScanBatch>(std::move(batch));
}

/// What query and explain share: the CSN, the binding, and the row itself if the key is given.
Result<Engine::QueryStart> Engine::begin_query(const Query& query, std::uint64_t csn, QueryProfile& profile) {
  FIRN_ASSIGN(const std::uint64_t at, csn_of(query, csn));
  PinPtr held;
  if (query.travel != TimeTravel::none) {
    FIRN_ASSIGN(held, pin(Csn{at}, "query"));
  }
  const View now = view();
  FIRN_ASSIGN(PreparedQuery prepared,
              PreparedQuery::prepare(query, now.catalog->schema_at(at),
                                     Timestamp{std::max(clock->now().us, now.time_us)}));
  profile.operators = prepared.explain();
  profile.plan = at < now.csn && query.travel != TimeTravel::none ? "time travel" : "analytical";
  FIRN_ASSIGN(auto point, point_rows(prepared, at, profile));
  return QueryStart{std::move(prepared), at, std::move(held), now, std::move(point)};
}

Result<Batch> Engine::query(const Query& query, std::uint64_t csn, QueryProfile* profile,
                            const ExecutionLimits& limits) {
  QueryProfile local;
  QueryProfile& p = profile != nullptr ? *profile : local;
  if (query.changes != ChangesSince::none) {
    if (profile != nullptr) FIRN_TRY(plan_changes(query, csn, p));
    return query_changes(query, csn, p, limits);
  }
  const auto began = std::chrono::steady_clock::now();
  FIRN_ASSIGN(const QueryStart start, begin_query(query, csn, p));
  const PreparedQuery& prepared = start.prepared;
  if (start.point) {
    QueryExecution execution(prepared, limits);
    if (start.point->rows > 0) FIRN_TRY(execution.consume(*start.point));
    p.rows_scanned = execution.rows_in();
    p.rows_passed = execution.rows_passed();
    FIRN_ASSIGN(Batch answer, execution.finish());
    p.rows_out = static_cast<std::uint64_t>(answer.rows());
    p.scan_us = elapsed_us(began);
    FIRN_TRY(check_pin(start.held));
    return answer;
  }
  FIRN_ASSIGN(const auto scan, plan_scan(prepared.columns(), prepared.ranges(), start.csn, p));
  p.plan_us = elapsed_us(began);
  const auto scanning = std::chrono::steady_clock::now();
  if (prepared.counts_only()) {
    if (const auto count = scan->count()) {
      QueryExecution execution(prepared, limits);
      FIRN_TRY(execution.consume_count(*count));
      p.rows_out = 1;
      FIRN_TRY(check_pin(start.held));
      return execution.finish();
    }
  }
  const std::uint32_t cores = scan_pool_threads() + 1;
  const auto useful = static_cast<std::uint32_t>(std::max<std::size_t>(1, scan->units() / kUnitsPerThread));
  p.threads = std::min({start.view.catalog->config.tuning.merge_threads, cores, useful});
  FIRN_ASSIGN(Batch answer, execute(prepared, *scan, p.threads, limits, p));
  scan->note_access(clock->now().us);
  p.rows_out = static_cast<std::uint64_t>(answer.rows());
  p.scan_us = elapsed_us(scanning);
  FIRN_TRY(check_pin(start.held));
  return answer;
}

Result<QueryProfile> Engine::explain(const Query& query, std::uint64_t csn) {
  QueryProfile p;
  if (query.changes != ChangesSince::none) {
    FIRN_TRY(plan_changes(query, csn, p));
    return p;
  }
  FIRN_ASSIGN(const QueryStart start, begin_query(query, csn, p));
  if (start.point) return p;
  FIRN_TRY(plan_scan(start.prepared.columns(), start.prepared.ranges(), start.csn, p));
  return p;
}

Result<void> Engine::scan_all(std::uint64_t csn, const std::function<Result<void>(const Batch&)>& sink) {
  const Schema schema = view().catalog->schema_at(csn);
  std::vector<std::size_t> columns(schema.size());
  std::iota(columns.begin(), columns.end(), 0);
  QueryProfile profile;
  FIRN_ASSIGN(const auto scan, plan_scan(columns, {}, csn, profile));
  ReadCost cost;
  for (;;) {
    FIRN_ASSIGN(auto batch, scan->next(cost));
    if (!batch) return {};
    for (Column& c : batch->columns) c = c.to_plain();
    Batch rows(schema, batch->rows, std::move(batch->columns));
    if (batch->selection) rows = rows.take(*batch->selection);
    FIRN_TRY(sink(rows));
  }
}

Result<std::vector<std::string>> Engine::keys_where(const Query& condition) {
  const View now = view();
  const Schema& schema = now.catalog->schema_at(now.csn);
  FIRN_ASSIGN(const PreparedQuery prepared,
              prepare_condition(condition, schema, Timestamp{std::max(clock->now().us, now.time_us)}));
  std::vector<std::size_t> columns = prepared.columns();
  const std::size_t asked = columns.size();
  columns.insert(columns.end(), schema.key().begin(), schema.key().end());
  QueryProfile profile;
  FIRN_ASSIGN(const auto scan, plan_scan(columns, prepared.ranges(), now.csn, profile));
  std::vector<std::string> keys;
  ReadCost cost;
  for (;;) {
    FIRN_ASSIGN(auto batch, scan->next(cost));
    if (!batch) return keys;
    const std::vector<Column> key_columns(batch->columns.begin() + static_cast<std::ptrdiff_t>(asked),
                                          batch->columns.end());
    batch->columns.resize(asked);
    FIRN_ASSIGN(const std::vector<std::uint32_t> rows, select_rows(prepared, *batch));
    if (rows.empty()) continue;
    std::vector<Column> chosen;
    for (const Column& c : key_columns) chosen.push_back(c.take(rows).to_plain());
    FIRN_ASSIGN(const KeyColumn encoded,
                KeyColumn::encode(schema, chosen, static_cast<std::int64_t>(rows.size())));
    std::string scratch;
    for (std::size_t i = 0; i < encoded.size(); ++i) keys.emplace_back(encoded.at(i, scratch));
  }
}

}  // namespace firn::storage
