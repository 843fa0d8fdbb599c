// A database from a backup, or from the folder of a database that nobody has open.
#pragma once
#include "storage/file_copy.hpp"
#include "storage/table_store.hpp"

namespace firn::storage {

struct RestoreCounts {
  std::uint64_t tables = 0;
  CopyCounts copied;
};

/// Copies all tables to the new folder `path`, opens each copy and checks every byte of it; the folder gets its name
/// when it is sound and durable, and what was copied goes away otherwise. The source is only read, but for its lock.
/// Errors: {not_found} no database; {busy} it is open somewhere; {already_exists}; {corrupt} names the file.
Result<RestoreCounts> restore_database(const std::string& source, const std::string& path,
                                       const StoreOptions& options, const ExecutionLimits& limits);

}  // namespace firn::storage
