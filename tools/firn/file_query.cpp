#include "file_query.hpp"

#include "exit_status.hpp"
#include "row_source.hpp"
#include "storage/query/execution.hpp"

namespace firn::cli {
namespace {

storage::ScanBatch scan_batch(const Batch& rows, const std::vector<std::size_t>& wanted) {
  storage::ScanBatch scan;
  scan.rows = rows.rows();
  for (const std::size_t column : wanted) scan.columns.push_back(rows[column]);
  return scan;
}

}  // namespace

DataFrame query_file(const Query& query) {
  if (query.travel != TimeTravel::none)
    throw Failure(ExitStatus::failed, "AS OF needs a table: a file has no history; import it first");
  RowSourceOptions options;
  options.path = query.table;
  const std::unique_ptr<RowSource> source = open_rows(options);
  std::optional<Batch> rows = source->next().value();
  const Schema schema = source->schema();
  auto prepared = storage::PreparedQuery::prepare(query, schema, Timestamp::now());
  if (!prepared) throw as_failed_query(prepared.error());
  storage::QueryExecution execution(*prepared, {});
  for (; rows; rows = source->next().value()) {
    Result<bool> more = execution.consume(scan_batch(*rows, prepared->columns()));
    if (!more) throw as_failed_query(more.error());
    if (!*more) break;
  }
  Result<Batch> answer = execution.finish();
  if (!answer) throw as_failed_query(answer.error());
  return DataFrame(std::move(*answer));
}

}  // namespace firn::cli
