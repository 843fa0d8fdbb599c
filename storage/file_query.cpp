#include "storage/file_query.hpp"

#include "io/row_source.hpp"

namespace firn::storage {
namespace {

ScanBatch scan_batch(const Batch& rows, const std::vector<std::size_t>& wanted) {
  ScanBatch scan;
  scan.rows = rows.rows();
  for (const std::size_t column : wanted) scan.columns.push_back(rows[column]);
  return scan;
}

/// The next rows; an error names the file.
Result<std::optional<Batch>> next_of(io::RowSource& source, const std::string& path) {
  auto rows = source.next();
  if (rows || rows.error().message().starts_with(path)) return rows;
  return rows.error().within(path);
}

}  // namespace

Result<Batch> query_file(const Query& query, Timestamp now, const ExecutionLimits& limits) {
  if (query.travel != TimeTravel::none)
    return Error(ErrorCode::unsupported, "AS OF needs a table: a file has no history; import it first");
  if (query.changes != ChangesSince::none)
    return Error(ErrorCode::unsupported,
                 "CHANGES SINCE needs a table: a file has no history; import it first");
  io::RowSourceOptions options;
  options.path = query.table;
  FIRN_ASSIGN(const std::unique_ptr<io::RowSource> source, io::open_rows(options));
  FIRN_ASSIGN(std::optional<Batch> rows, next_of(*source, query.table));
  const Schema schema = source->schema();
  FIRN_ASSIGN(const PreparedQuery prepared, PreparedQuery::prepare(query, schema, now));
  QueryExecution execution(prepared, limits);
  while (rows) {
    FIRN_ASSIGN(const bool more, execution.consume(scan_batch(*rows, prepared.columns())));
    if (!more) break;
    FIRN_ASSIGN(rows, next_of(*source, query.table));
  }
  return execution.finish();
}

}  // namespace firn::storage
