#include "storage/scan.hpp"

#include <algorithm>
#include <bit>
#include <numeric>

#include "storage/column_mapping.hpp"
#include "storage/row_selection.hpp"

namespace firn::storage {
namespace {

constexpr std::size_t kHotUnitRows = 65'536;
constexpr std::size_t kFresh = ~std::size_t{0};

bool disjoint(const ColumnRange& range, const Value& min, const Value& max) {
  if (min.is_null() || max.is_null()) return false;  // nothing known
  if (!range.min.is_null() && (range.min > max || (range.min_open && range.min == max))) return true;
  return !range.max.is_null() && (range.max < min || (range.max_open && range.max == min));
}

/// The file's times are of the type that its event-time column had when it was written.
bool pruned_by_time(const RowFileInfo& info, const SchemaHistory& schemas, const Schema& schema,
                    std::span<const ColumnRange> ranges) {
  if (!schema.time() || !info.time_min || !info.time_max) return false;
  const SchemaHistory::Entry* written = schemas.find(info.schema_version);
  if (written == nullptr || !written->version.schema.time()) return false;
  const TypeId stored = written->version.schema[*written->version.schema.time()].type;
  const TypeId type = schema[*schema.time()].type;
  if (is_unsigned_integer(stored) || is_unsigned_integer(type)) return false;  // row groups prune these
  const Result<Value> min = Value::of_signed(stored, *info.time_min).cast(type);
  const Result<Value> max = Value::of_signed(stored, *info.time_max).cast(type);
  if (!min || !max) return false;
  for (const ColumnRange& r : ranges)
    if (r.column == *schema.time() && disjoint(r, *min, *max)) return true;
  return false;
}

bool pruned_by_stats(const RowFile& file, std::size_t group, const Schema& schema,
                     std::span<const ColumnRange> ranges) {
  for (const ColumnRange& r : ranges) {
    const auto at = file.schema().find_id(schema[r.column].id);
    // A column that came later reads as its default, one of another type was converted: its rows decide.
    if (!at || file.schema()[*at].type != schema[r.column].type) continue;
    const ColumnStats* stats = file.stats(group, *at);
    if (stats == nullptr) continue;
    if (disjoint(r, stats->min, stats->max)) return true;
    const auto rows = file.group_first(group + 1) - file.group_first(group);
    if (stats->nulls == rows) return true;  // a range never holds NULL
  }
  return false;
}

QueryProfile::Tier& tier_of(QueryProfile& profile, StorageTier tier) {
  return tier == StorageTier::cold ? profile.cold : tier == StorageTier::warm ? profile.warm : profile.hot;
}

}  // namespace

bool may_touch_keys(const RowFileInfo& info, const Schema& schema, std::span<const ColumnRange> ranges) {
  if (schema.key().empty()) return true;
  const std::size_t first = schema.key().front();  // keys order by it
  for (const ColumnRange& r : ranges) {
    if (r.column != first) continue;
    const Result<Key> min = decode_key(schema, info.key_min), max = decode_key(schema, info.key_max);
    if (min && max && disjoint(r, min->front(), max->front())) return false;
  }
  return true;
}

Result<void> TableScan::plan_file(const FileEntryPtr& entry, std::span<const ColumnRange> ranges,
                                  QueryProfile& profile) {
  QueryProfile::Tier& tier = tier_of(profile, entry->info.tier);
  const RowFileInfo& info = entry->info;
  const bool out_of_time = info.csn_min > csn_ || (info.history && info.end_max <= csn_);
  if (out_of_time || pruned_by_time(info, *catalog_->schemas, schema_, ranges) ||
      !may_touch_keys(info, schema_, ranges)) {
    tier.files_pruned += 1;
    return {};
  }
  Unit unit;
  unit.entry = entry;
  FIRN_ASSIGN(unit.file, entry->open());
  unit.ends = entry->ends();
  tier.files += 1;
  for (std::size_t g = 0; g < unit.file->groups(); ++g) {
    unit.bounds = unit.file->bounds(g);
    if (!unit.bounds.may_hold(csn_, info.history) || pruned_by_stats(*unit.file, g, schema_, ranges)) {
      tier.groups_pruned += 1;
      continue;
    }
    unit.group = g;
    unit.rows = unit.file->group_first(g + 1) - unit.file->group_first(g);
    tier.groups += 1;
    tier.rows += unit.rows;
    units_.push_back(unit);
  }
  return {};
}

Result<std::unique_ptr<TableScan>> TableScan::plan(const View& view, HotRows hot, std::uint64_t csn,
                                                   std::vector<std::size_t> columns,
                                                   std::span<const ColumnRange> ranges,
                                                   QueryProfile& profile) {
  std::unique_ptr<TableScan> scan(new TableScan(view, std::move(hot), csn, std::move(columns)));
  for (const ColumnRange& r : ranges)
    if (!scan->schema_.key().empty() && r.column == scan->schema_.key().front()) scan->keys_ = r;
  for (const FileEntryPtr& entry : view.catalog->files) FIRN_TRY(scan->plan_file(entry, ranges, profile));
  scan->plan_hot(profile);
  return scan;
}

void TableScan::plan_hot(QueryProfile& profile) {
  for (const VisibleChunk& past : hot_.past) {
    Unit unit;
    unit.past = &past;
    unit.rows = past.count;
    units_.push_back(unit);
    profile.hot.groups += 1;
    profile.hot.rows += past.count;
  }
  if (!hot_.image) return;
  const auto rows = static_cast<std::size_t>(hot_.image->rows.rows());
  for (std::size_t at = 0; at < rows; at += kHotUnitRows) {
    Unit unit;
    unit.offset = at;
    unit.rows = std::min(kHotUnitRows, rows - at);
    units_.push_back(unit);
    profile.hot.groups += 1;
  }
  if (hot_.fresh.rows() > 0) {
    Unit unit;
    unit.offset = kFresh;
    unit.rows = static_cast<std::size_t>(hot_.fresh.rows());
    units_.push_back(unit);
  }
  profile.hot.rows = rows + static_cast<std::size_t>(hot_.fresh.rows());
}

std::optional<std::uint64_t> TableScan::count() const {
  std::uint64_t sum = hot_.live();
  for (const Unit& u : units_) {
    if (u.entry == nullptr) continue;
    const RowFileInfo& info = u.entry->info;
    if (info.history || info.tombstones != 0 || info.csn_max > csn_) return std::nullopt;
    const std::uint64_t first = u.file->group_first(u.group);
    sum += u.rows - u.ends->count_ended(first, first + u.rows, csn_);
  }
  return sum;
}

Result<std::optional<ScanBatch>> TableScan::next(ReadCost& cost, const ExecutionLimits& limits) {
  for (;;) {
    FIRN_TRY(limits.check());
    const std::size_t at = next_.fetch_add(1);
    if (at >= units_.size()) return std::optional<ScanBatch>{};
    const Unit& unit = units_[at];
    Result<ScanBatch> batch = unit.entry == nullptr ? read_hot(unit) : read_file(unit, cost);
    if (!batch) return batch.error();
    if (batch->selection && batch->selection->empty()) continue;
    return std::optional<ScanBatch>(std::move(*batch));
  }
}

ScanBatch TableScan::read_past(const VisibleChunk& past) const {
  ScanBatch out;
  out.rows = static_cast<std::int64_t>(past.chunk->rows);
  for (const std::size_t c : columns_) out.columns.push_back(past.chunk->columns[c]);
  if (past.count == past.chunk->rows) return out;
  std::vector<std::uint32_t> selection(past.count);
  std::uint32_t* next = selection.data();
  for (std::uint32_t w = 0; w < past.bits.size(); ++w)
    for (std::uint64_t bits = past.bits[w]; bits != 0; bits &= bits - 1)
      *next++ = w * 64 + static_cast<std::uint32_t>(std::countr_zero(bits));
  out.selection = std::move(selection);
  return out;
}

Result<ScanBatch> TableScan::read_hot(const Unit& unit) const {
  if (unit.past != nullptr) return read_past(*unit.past);
  ScanBatch out;
  out.rows = static_cast<std::int64_t>(unit.rows);
  const bool fresh = unit.offset == kFresh;
  const Batch& rows = fresh ? hot_.fresh : hot_.image->rows;
  for (const std::size_t c : columns_)
    out.columns.push_back(fresh || unit.rows == static_cast<std::size_t>(rows.rows())
                              ? rows[c]
                              : rows[c].slice(unit.offset, unit.rows));
  if (fresh || hot_.hidden.empty()) return out;
  const auto first = static_cast<std::uint32_t>(unit.offset);
  auto hidden = std::lower_bound(hot_.hidden.begin(), hot_.hidden.end(), first);
  std::vector<std::uint32_t> selection;
  selection.reserve(unit.rows);
  for (std::uint32_t i = 0; i < unit.rows; ++i) {
    if (hidden != hot_.hidden.end() && *hidden == first + i)
      ++hidden;
    else
      selection.push_back(i);
  }
  if (selection.size() != unit.rows) out.selection = std::move(selection);
  return out;
}

Result<TableScan::Selection> TableScan::visible(const Unit& unit, Selection among, ReadCost& cost) const {
  const RowFileInfo& info = unit.entry->info;
  const std::uint64_t first = unit.file->group_first(unit.group);
  const bool began = std::min(info.csn_max, unit.bounds.begin_max) <= csn_;
  const bool lasts = info.history ? csn_ < unit.bounds.end_min : unit.ends->empty();
  if (info.tombstones == 0 && began && lasts) return among;
  std::vector<std::uint32_t> rows;
  const LifeTest test{csn_, !began, info.history && !lasts};
  if (test.begins || test.ends) {
    FIRN_ASSIGN(rows, unit.file->living(unit.group, test, std::move(among), cost));
  } else if (among) {
    rows = std::move(*among);
  } else {
    rows.resize(unit.rows);
    std::iota(rows.begin(), rows.end(), 0U);
  }
  const auto keep = [&](auto passes) { rows.resize(keep_rows(rows.data(), rows.size(), passes)); };
  if (!info.history && !lasts && !rows.empty()) {
    std::vector<std::uint32_t> ended;
    unit.ends->append_ended(first + rows.front(), first + rows.back() + 1, csn_, ended);
    auto next = ended.begin();
    keep([&](std::uint32_t r) {
      while (next != ended.end() && *next < first + r) ++next;
      return next == ended.end() || *next != first + r;
    });
  }
  if (info.tombstones != 0 && !rows.empty()) {
    FIRN_ASSIGN(const Buffer bits, unit.file->tombstones(unit.group, cost));
    if (!bits.empty()) keep([&](std::uint32_t r) { return !bit_at(bits.data(), r); });
  }
  if (rows.size() == unit.rows) return Selection{};
  return Selection(std::move(rows));
}

Result<ScanBatch> TableScan::read_file(const Unit& unit, ReadCost& cost) const {
  Selection in_range;
  if (keys_) {
    FIRN_ASSIGN(in_range, unit.file->rows_between(unit.group, keys_->min, keys_->max, cost));
  }
  ScanBatch out;
  FIRN_ASSIGN(out.selection, visible(unit, std::move(in_range), cost));
  if (out.selection && out.selection->empty()) return out;
  const ColumnMapping mapping(unit.file->schema(), schema_, columns_);
  // What is encoded is decoded row by row where only some are asked for; what is not is handed out as it lies.
  const bool some = out.selection && unit.entry->info.tier == StorageTier::cold;
  const std::size_t rows = some ? out.selection->size() : unit.rows;
  std::vector<Column> read;
  if (!mapping.stored().empty()) {
    FIRN_ASSIGN(read, some ? unit.file->read(unit.group, mapping.stored(), *out.selection, cost)
                           : unit.file->read(unit.group, mapping.stored(), cost));
  }
  if (some) out.selection.reset();
  out.rows = static_cast<std::int64_t>(rows);
  out.columns = mapping.columns(std::move(read), rows);
  return out;
}

void TableScan::note_access(std::int64_t now_us) const {
  const FileEntry* last = nullptr;
  std::uint64_t rows = 0;
  for (const Unit& u : units_) {
    if (u.entry.get() != last && last != nullptr) last->note_access(now_us, rows, false), rows = 0;
    last = u.entry.get();
    rows += u.rows;
  }
  if (last != nullptr) last->note_access(now_us, rows, false);
}

}  // namespace firn::storage
