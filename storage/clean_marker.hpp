// The marker of a clean end, hot/clean: which file LMDB left behind, so that the next open can tell whether it may be
// mapped. LMDB's file has no checksums of its own, and damage in it ends the process: without a sound marker whose
// length and hash fit, it is never looked at.
//
//   u64 "FNCLEAN1" | u64 store id | u64 generation | u64 length | u64 XXH3-64 of data.mdb | u64 last log entry
//   | u32 CRC32C of the marker with this field 0 | u32 0
#pragma once
#include <optional>
#include <string>

#include "io/disk.hpp"

namespace firn::storage {

struct CleanMarker {
  std::uint64_t generation = 0;
  std::uint64_t length = 0, hash = 0;  ///< of the environment's data.mdb
  std::uint64_t log_sequence = 0;      ///< last log entry applied; none follows
};

/// Nothing if it is missing, damaged or of another store.
Result<std::optional<CleanMarker>> read_clean_marker(io::Disk& disk, const std::string& path,
                                                     std::uint64_t store_id);
/// Durable on return.
Result<void> write_clean_marker(io::Disk& disk, const std::string& path, std::uint64_t store_id,
                                const CleanMarker& marker);

/// Fills in length and hash of a real file; false if it cannot be read.
bool measure_file(const std::string& host_path, CleanMarker& marker);
/// Whether the real file is the one that the marker speaks of.
bool is_file_of(const CleanMarker& marker, const std::string& host_path);

}  // namespace firn::storage
