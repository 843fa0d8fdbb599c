// Queries over files in place: SELECT ... FROM 'flights.csv.zst'.
#pragma once
#include <firn/firn.hpp>

namespace firn::cli {

/// Streams the file through the query's execution. Requires query.from_file. Throws Error: {not_found} for the file,
/// misfits with their line; Failure{failed} for a query in error.
DataFrame query_file(const Query& query);

}  // namespace firn::cli
