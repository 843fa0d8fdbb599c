// Queries over files in place: SELECT ... FROM 'flights.csv.zst'.
#pragma once
#include "storage/query/execution.hpp"

namespace firn::storage {

/// Streams the file through the query's execution, batch by batch. Requires query.from_file; query.table is the file's
/// name. Errors: {not_found} the file; {unsupported} AS OF; misfits with their line; those of a query.
Result<Batch> query_file(const Query& query, Timestamp now, const ExecutionLimits& limits);

}  // namespace firn::storage
