// What a batch must be before it goes on its way: columns matched by name and cast where that loses nothing, keys sound.
#pragma once
#include "firn/firn.hpp"
#include "storage/table_store.hpp"

namespace firn::runtime {

/// Of an update the batch may have only some columns.
inline bool is_update(WriteMode mode) {
  return mode == WriteMode::update || mode == WriteMode::update_or_insert;
}

/// The batch in the table's column order. upsert and insert: a missing column takes its default, else NULL;
/// a missing `_row` is assigned at commit. Updates: only the columns that are there, in table order, the key among them. Errors
/// {invalid_argument}: an unknown, missing or doubled column, NULL where none may be; {type_mismatch}, {out_of_range}:
/// values that do not fit, naming column and row.
Result<Batch> fit_to_schema(const Schema& schema, const Batch& rows, WriteMode mode);
/// The same against the table's newest schema, and whole rows of an earlier version of it are recast.
Result<Batch> fit_to_table(const storage::TableStore& store, const Batch& rows, WriteMode mode);
/// Encodes every key: {invalid_argument} for NULL or over-long keys, naming the row. For small batches.
Result<void> check_keys(const Batch& rows);

}  // namespace firn::runtime
