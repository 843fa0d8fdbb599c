// Copying a table's files from one disk to another with their hashes checked on the way.
#pragma once
#include <span>
#include <string>

#include "io/disk.hpp"
#include "storage/query/execution.hpp"
#include "storage/row_file.hpp"

namespace firn::storage {

/// What a backup or a restore copied.
struct CopyCounts {
  std::uint64_t files = 0, bytes = 0;
};

/// Copies the file to a new one, durable but for its name. Only as far as the last of `parts` if there are any: each of
/// them is a row file (a warm log holds several) whose bytes must have the hash that the catalog has. Errors: {corrupt}
/// with file and offset; those of `limits`.
Result<void> copy_file(io::Disk& from, const std::string& source, io::Disk& to, const std::string& target,
                       std::span<const RowFileInfo> parts, const ExecutionLimits& limits, CopyCounts& counts);

/// The row file's bytes have the hash that the catalog has. `folder` is the table's. Errors as copy_file().
Result<void> check_hash(io::Disk& disk, const std::string& folder, const RowFileInfo& info,
                        const ExecutionLimits& limits);

}  // namespace firn::storage
