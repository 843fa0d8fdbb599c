// ALTER at its commit, and rows that were meant for an earlier schema.
#include "storage/column_mapping.hpp"
#include "storage/engine.hpp"

namespace firn::storage {
namespace {

/// The first column that keeps rows of one schema from being rows of the other.
std::string difference(const Schema& batch, const Schema& table) {
  for (const ColumnSchema& c : batch.columns()) {
    const auto at = table.find(c.name);
    if (!at) return "column \"" + c.name + "\" is not in the table";
    if (table[*at].type != c.type)
      return "column \"" + c.name + "\" is " + std::string(name_of(c.type)) + " in the batch and " +
             std::string(name_of(table[*at].type)) + " in the table";
  }
  for (const ColumnSchema& c : table.columns())
    if (!batch.find(c.name)) return "column \"" + c.name + "\" is missing in the batch";
  return "they differ in their order, key or NULLs";
}

}  // namespace

Result<Batch> Engine::recast(const Catalog& catalog, const Batch& rows) const {
  const Schema& now = catalog.schema();
  if (rows.schema() == now) return rows;
  if (catalog.schemas->find(rows.schema()) == nullptr)
    return Error(ErrorCode::invalid_argument,
                 "table " + name +
                     ": the batch's columns are not the table's, nor those of an earlier schema: " +
                     difference(rows.schema(), now) + ": (" + rows.schema().to_string() + ") instead of (" +
                     now.to_string() + ")");
  const ColumnMapping mapping(rows.schema(), now);
  std::vector<Column> columns;
  for (const std::size_t c : mapping.stored()) columns.push_back(rows[c]);
  columns = mapping.columns(std::move(columns), static_cast<std::size_t>(rows.rows()));
  for (Column& c : columns) c = c.to_plain();
  return Batch(now, rows.rows(), std::move(columns));
}

Result<Schema> Engine::storage_schema(const SchemaHistory& schemas, std::uint64_t horizon) const {
  return schemas.storage_schema(
      [&](std::uint64_t begin, std::uint64_t end) { return version_needed(begin, end, horizon); });
}

/// Requires commit_mutex_ and that nothing waits to be committed before it.
Result<LogRecord> Engine::record_of_change(const SchemaChange& change) const {
  const View now = view();
  const Result<Schema> changed = apply_change(now.catalog->schema(), change);
  if (!changed) return changed.error().within("table " + name);
  const SchemaVersion next{now.catalog->schema_version() + 1, *changed, now.csn + 1};
  if (next.version > SchemaHistory::kVersionsMax)
    return Error(ErrorCode::invalid_argument, "table " + name + " has had " +
                                                  std::to_string(SchemaHistory::kVersionsMax) +
                                                  " schemas, as many as a table may: copy it into a new one");
  const Result<Schema> stored = storage_schema(now.catalog->schemas->with(next), now.catalog->horizon);
  if (!stored)
    return stored.error().within("table " + name +
                                 ": together with dropped columns that retained history still has");
  LogRecord record;
  record.schema = next;
  return record;
}

}  // namespace firn::storage
