// Databases of other programs' LMDB environments as row sources.
#pragma once
#include "io/row_source.hpp"

namespace firn::storage::hot {

/// A folder with a data.mdb, or a file that begins as one (MDB_NOSUBDIR).
bool is_lmdb(const std::string& path);

/// The database that options.table names; default the environment's own, or the only one that is named in it. Columns
/// `key` and `value`, both binary; a key of whole numbers (MDB_INTEGERKEY) is a u64. `key` is the key, unless the
/// database keeps several values a key. As of one moment, beside whoever uses the environment: only its lock file is
/// written to, and read transactions of this process that last hold back no writer, but the reuse of pages.
/// Errors: {not_found}; {invalid_argument} several databases and none named, or firn's own files; {corrupt}; {io}.
Result<std::unique_ptr<io::RowSource>> open_lmdb_rows(const io::RowSourceOptions& options);

}  // namespace firn::storage::hot
