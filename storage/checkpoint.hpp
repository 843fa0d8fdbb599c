// Checkpoints: the hot tier with its catalog, written out in key order. A NOSYNC environment may be torn by a power cut
// and LMDB's file carries no checksums, so a checkpoint is no copy of that file but a checksummed dump of its entries,
// which loads by appending.
//
//   hot/ckp-<log sequence, 16 hex digits>
//   block  = u32 magic | u32 bytes of body | u32 entries | u32 CRC32C of the body, seeded with store id and block number
//            body: entries u8 database (0 rows, 1 catalog) | u16 key length | u32 value length | key | value
//   footer = a block with magic kEnd whose body is u64 entries in all | u64 log sequence | u64 blocks
// Written under another name, synced, renamed, folder synced: a file of this name without a sound footer is damage.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "io/disk.hpp"
#include "storage/hot/hot_store.hpp"

namespace firn::storage {

struct CheckpointRef {
  std::string path;
  std::uint64_t log_sequence = 0;  ///< everything up to this log entry is in it
};

/// Newest first.
Result<std::vector<CheckpointRef>> list_checkpoints(io::Disk& disk, const std::string& folder);
/// Writes what the reader sees; durable on return.
Result<CheckpointRef> write_checkpoint(io::Disk& disk, const std::string& folder, std::uint64_t store_id,
                                       const hot::HotReader& reader);
/// Loads it into an empty store, in transactions of bounded size. Error {corrupt} with file and offset.
Result<void> load_checkpoint(io::Disk& disk, const CheckpointRef& checkpoint, std::uint64_t store_id,
                             hot::HotStore& store);
/// Reads all of it and checks every checksum.
Result<void> verify_checkpoint(io::Disk& disk, const CheckpointRef& checkpoint, std::uint64_t store_id);

}  // namespace firn::storage
