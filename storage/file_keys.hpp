// Keys of a file's rows in the order of the rows, and the order of keys.
#pragma once
#include "storage/row_file.hpp"

namespace firn::storage {

/// The keys of so many rows, given all columns of the schema.
Result<KeyColumn> keys_of(const Schema& schema, std::span<const Column> columns, std::int64_t rows);
inline Result<KeyColumn> keys_of(const Batch& rows) {
  return keys_of(rows.schema(), rows.columns(), rows.rows());
}

/// The keys of all rows, by row number. Errors: those of reading.
Result<KeyColumn> keys_by_row(const RowFile& file);

/// Row numbers in ascending order of key, then CSN.
std::vector<std::uint32_t> by_key_and_csn(const KeyColumn& keys, std::span<const std::uint64_t> csns);

}  // namespace firn::storage
