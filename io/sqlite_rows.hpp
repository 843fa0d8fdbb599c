// Tables of SQLite database files as a row source, for open_rows() only. Built with SQLite where it is found
// (FIRN_SQLITE); without it every file is {unsupported}.
#pragma once
#include "io/row_source.hpp"

namespace firn::io {

/// Opens the table that options.table names, default the only one, as it stands now. The columns found have the primary
/// key as key; types follow from what is declared and from the first 10,000 rows. Errors: {not_found}, {corrupt},
/// {invalid_argument} several tables and none named, {unsupported}.
Result<std::unique_ptr<RowSource>> open_sqlite_rows(const RowSourceOptions& options);

}  // namespace firn::io
