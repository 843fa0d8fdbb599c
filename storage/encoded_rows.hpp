// Rows of a small write as log and hot tier hold them. The writer's own thread encodes them, before its turn to commit
// comes: of what a commit does only what needs the order of commits is done under the lock.
#pragma once
#include "schema/batch.hpp"
#include "storage/hot/row_codec.hpp"

namespace firn::storage {

struct EncodedRows {
  std::string list;  ///< a row list (log_record.hpp) in key order, the last row of each key
  std::uint16_t schema_version = 0;
};

/// Requires the batch's columns to be those of the layout, in order, and a key of the table's own.
/// Error {invalid_argument} for a key that is NULL or too long, naming its row.
Result<EncodedRows> encode_rows(const hot::RowLayout& layout, const Batch& rows);

}  // namespace firn::storage
