// From the columns that a file was found to have to a table's schema, and back.
#pragma once
#include "schema/batch.hpp"

namespace firn::io {

/// Columns that an input has to fill: all but `_row`. Key columns stay not null.
Schema input_columns(const Schema& table);

/// Names of the key's columns, none for `_row`; the time column's name or "".
std::vector<std::string> key_names(const Schema& schema);
std::string time_name(const Schema& schema);

/// A new table's schema: columns as found; key and time as asked, else as the file says (Arrow does). Errors as
/// Schema::make().
Result<Schema> table_schema(const Schema& found, SchemaOptions asked);

/// Rows of input_columns() in the table's own schema; `_row` is assigned at commit.
Batch in_table_schema(const Batch& rows, const Schema& table);

}  // namespace firn::io
