// CHANGES: what commits did to rows, as pages, as a query, and net between two commits.
#include <algorithm>
#include <numeric>

#include "storage/change_reader.hpp"

namespace firn::storage {
namespace {

constexpr std::uint64_t kPageRows = 131'072;      // versions a query looks at before it reads their rows
constexpr std::size_t kChangeChunkRows = 65'536;  // rows read at once

/// What `_csn`, `_time` and `_op` say of some changes.
Column described(const ChangeReader& reader, std::span<const RowChange> changes, std::size_t column) {
  if (column == 0) {
    ColumnBuilder csns(TypeId::u64);
    for (const RowChange& c : changes) csns.append_fixed(c.csn);
    return csns.finish();
  }
  if (column == 1) {
    ColumnBuilder times(TypeId::timestamp);
    for (const RowChange& c : changes) times.append_fixed(reader.time_of(c.csn));
    return times.finish();
  }
  ColumnBuilder ops(TypeId::utf8);
  for (const RowChange& c : changes) ops.append_bytes(name_of(c.op));
  return ops.finish();
}

/// These changes as rows; `columns` are positions in changes_schema().
Result<Batch> rows_of(const ChangeReader& reader, std::span<const RowChange> changes,
                      std::span<const std::size_t> columns) {
  const Schema all = changes_schema(reader.schema());
  std::vector<std::size_t> of_table;
  for (const std::size_t c : columns)
    if (c >= kChangeColumns) of_table.push_back(c - kChangeColumns);
  std::vector<RowPlace> places;
  places.reserve(changes.size());
  for (const RowChange& c : changes) places.push_back(c.at);
  FIRN_ASSIGN(const Batch rows, reader.rows(places, of_table));
  std::vector<ColumnSchema> names;
  std::vector<Column> out;
  std::size_t next = 0;
  for (const std::size_t c : columns) {
    names.push_back(all[c]);
    if (c < kChangeColumns)
      out.push_back(described(reader, changes, c));
    else
      out.push_back(rows[next++]);
  }
  return Batch(Schema::for_result(std::move(names)), static_cast<std::int64_t>(changes.size()),
               std::move(out));
}

std::vector<std::size_t> all_columns(const Schema& table) {
  std::vector<std::size_t> columns(table.size() + kChangeColumns);
  std::iota(columns.begin(), columns.end(), 0);
  return columns;
}

Result<Batch> all_rows_of(const ChangeReader& reader, std::span<const RowChange> changes) {
  const std::vector<std::size_t> columns = all_columns(reader.schema());
  std::vector<Batch> parts;
  for (std::size_t first = 0; first == 0 || first < changes.size(); first += kChangeChunkRows) {
    const auto chunk = changes.subspan(first, std::min(kChangeChunkRows, changes.size() - first));
    FIRN_ASSIGN(Batch part, rows_of(reader, chunk, columns));
    parts.push_back(std::move(part));
  }
  return parts.size() == 1 ? std::move(parts.front()) : concat(parts);
}

/// The conditions on columns of the table, and the commits that those on `_csn` leave.
struct ChangeBounds {
  std::vector<ColumnRange> ranges;
  std::uint64_t csn_min = 0, csn_max = kCsnMax.value;
  void narrow(std::uint64_t& from, std::uint64_t& to) const {
    if (csn_min > 0) from = std::max(from, csn_min - 1);
    to = std::min(to, csn_max);
  }
};

ChangeBounds bounds_of(const PreparedQuery& prepared) {
  ChangeBounds out;
  for (const ColumnRange& r : prepared.ranges()) {
    if (r.column >= kChangeColumns) {
      out.ranges.push_back(r);
      out.ranges.back().column -= kChangeColumns;
    } else if (r.column == 0) {
      if (!r.min.is_null()) out.csn_min = std::max(out.csn_min, r.min.as_unsigned());
      if (!r.max.is_null()) out.csn_max = std::min(out.csn_max, r.max.as_unsigned());
    }
  }
  return out;
}

/// Pushes a page's changes through the query; false once no more can matter.
Result<bool> consume_page(const ChangeReader& reader, bool before, const PreparedQuery& prepared,
                          QueryExecution& execution, const ExecutionLimits& limits) {
  const std::vector<RowChange> changes = changes_of(reader.versions(), reader.below(), before);
  const std::span<const RowChange> all = changes;
  for (std::size_t first = 0; first < all.size(); first += kChangeChunkRows) {
    FIRN_TRY(limits.check());
    const auto chunk = all.subspan(first, std::min(kChangeChunkRows, all.size() - first));
    FIRN_ASSIGN(Batch rows, rows_of(reader, chunk, prepared.columns()));
    ScanBatch batch;
    batch.rows = rows.rows();
    batch.columns = rows.columns();
    FIRN_ASSIGN(const bool more, execution.consume(batch));
    if (!more) return false;
  }
  return true;
}

/// Whether two rows, one a batch, are equal in every column.
bool equal_rows(const Batch& a, const Batch& b, std::size_t row) {
  for (std::size_t c = 0; c < a.columns().size(); ++c)
    if (!(a[c].value_at(row) == b[c].value_at(row))) return false;
  return true;
}

/// Of updates those that changed a value; of the rest all.
Result<std::vector<RowChange>> real_changes(const ChangeReader& reader, std::span<const NetChange> net) {
  std::vector<std::size_t> columns(reader.schema().size());
  std::iota(columns.begin(), columns.end(), 0);
  std::vector<RowChange> out;
  for (std::size_t first = 0; first < net.size(); first += kChangeChunkRows) {
    const auto chunk = net.subspan(first, std::min(kChangeChunkRows, net.size() - first));
    std::vector<RowPlace> before, after;
    for (const NetChange& n : chunk) {
      if (!n.was || !n.is) continue;
      before.push_back(n.before);
      after.push_back(n.after);
    }
    FIRN_ASSIGN(const Batch old_rows, reader.rows(before, columns));
    FIRN_ASSIGN(const Batch new_rows, reader.rows(after, columns));
    std::size_t update = 0;
    for (const NetChange& n : chunk) {
      const bool both = n.was && n.is;
      if (both && equal_rows(old_rows, new_rows, update++)) continue;
      const ChangeOp op = both ? ChangeOp::update_row : n.is ? ChangeOp::insert_row : ChangeOp::delete_row;
      out.push_back({n.csn, n.key, op, n.is ? n.after : n.before});
    }
  }
  return out;
}

/// What is wrong with a range that runs backwards: perhaps only that it begins in the future.
Error backwards(const ChangeReader& reader, std::uint64_t from, std::uint64_t to) {
  if (const Result<void> valid = reader.check(); !valid) return valid.error();
  return {ErrorCode::invalid_argument, "changes from CSN " + std::to_string(from) + " to CSN " +
                                           std::to_string(to) + ": they are given forward only"};
}

}  // namespace

Result<ChangePage> Engine::changes(const ChangeRange& range, const ExecutionLimits& limits) {
  const auto to = range.to ? std::optional(range.to->value) : std::nullopt;
  ChangeReader reader(*this, range.from.value, to, range.max_rows, {}, limits);
  if (to && *to < range.from.value) return backwards(reader, range.from.value, *to);
  FIRN_TRY(reader.collect());
  const auto changes = changes_of(reader.versions(), reader.below(), range.before);
  FIRN_ASSIGN(Batch rows, all_rows_of(reader, changes));
  return ChangePage{std::move(rows), Csn{reader.next()}};
}

Result<Batch> Engine::net_changes(std::uint64_t from, std::uint64_t to, const ExecutionLimits& limits) {
  ChangeReader reader(*this, from, to, 0, {}, limits);
  if (to < from) return backwards(reader, from, to);
  FIRN_TRY(reader.collect());
  const auto net = net_changes_of(reader.versions(), reader.below());
  FIRN_ASSIGN(const auto changes, real_changes(reader, net));
  return all_rows_of(reader, changes);
}

/// The CSN after which a query's changes begin.
Result<std::uint64_t> Engine::changes_from(const Query& query) {
  if (query.changes == ChangesSince::csn) return query.changes_csn;
  const std::int64_t now = std::max(clock->now().us, view().time_us);
  FIRN_ASSIGN(const Csn csn,
              csn_at(Timestamp{query.changes_ago_us ? now - *query.changes_ago_us : query.changes_us}));
  return csn.value;
}

Result<PreparedQuery> Engine::prepare_changes(const Query& query, QueryProfile& profile) {
  const View now = view();
  FIRN_ASSIGN(PreparedQuery prepared,
              PreparedQuery::prepare(query, changes_schema(now.catalog->schema()),
                                     Timestamp{std::max(clock->now().us, now.time_us)}));
  profile.operators = prepared.explain();
  profile.plan = "changes";
  return prepared;
}

/// Notes in the profile what query_changes() has to read: files, and keys that changed in hot.
Result<void> Engine::plan_changes(const Query& query, std::uint64_t csn, QueryProfile& profile) {
  FIRN_ASSIGN(std::uint64_t to, csn_of(query, csn));
  FIRN_ASSIGN(std::uint64_t from, changes_from(query));
  FIRN_ASSIGN(const PreparedQuery prepared, prepare_changes(query, profile));
  const ExecutionLimits none;
  FIRN_TRY(ChangeReader(*this, from, to, 0, {}, none).check());
  const ChangeBounds bounds = bounds_of(prepared);
  bounds.narrow(from, to);
  if (from >= to) return {};
  return ChangeReader(*this, from, to, 0, bounds.ranges, none).describe(profile);
}

/// Page by page through one execution, in commit order.
Result<Batch> Engine::query_changes(const Query& query, std::uint64_t csn, QueryProfile& profile,
                                    const ExecutionLimits& limits) {
  FIRN_ASSIGN(std::uint64_t to, csn_of(query, csn));
  FIRN_ASSIGN(std::uint64_t from, changes_from(query));
  const Schema schema = view().catalog->schema();
  FIRN_ASSIGN(const PreparedQuery prepared, prepare_changes(query, profile));
  const ChangeBounds bounds = bounds_of(prepared);
  QueryExecution execution(prepared, limits);
  // Looks whether the position is valid, though a condition may then leave fewer commits.
  FIRN_TRY(ChangeReader(*this, from, to, 0, {}, limits).check());
  bounds.narrow(from, to);
  while (from < to) {
    ChangeReader reader(*this, from, to, kPageRows, bounds.ranges, limits);
    FIRN_TRY(reader.collect());
    if (!(reader.schema() == schema))
      return Error(ErrorCode::conflict,
                   "table " + name + ": its columns were altered during the query; ask again");
    FIRN_ASSIGN(const bool more, consume_page(reader, query.changes_before, prepared, execution, limits));
    if (!more) break;
    from = reader.next();
  }
  profile.rows_scanned = execution.rows_in();
  profile.rows_passed = execution.rows_passed();
  FIRN_ASSIGN(Batch answer, execution.finish());
  profile.rows_out = static_cast<std::uint64_t>(answer.rows());
  return answer;
}

}  // namespace firn::storage
