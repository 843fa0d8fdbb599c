// Which tables a database has: the file `tables.fb` in its folder, replaced whole and atomically.
//
//   offset  size  field
//        0     8  magic "FIRNTBL1"
//        8     4  format version, u32 little-endian: 1
//       12     4  CRC-32C of the bytes from 16 to the end
//       16     8  length of the rest, u64
//       24     n  FlatBuffers DatabaseList (database_list.fbs)
//
// A table counts from the moment the list that names it is in place; its folder was made and synced before. A folder
// without a listing is what an interrupted create left. A dropped table is first listed as dropped, then its folder
// goes, then its listing. Ids are never reused once listed.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "io/disk.hpp"
#include "schema/result.hpp"

namespace firn::storage {

inline constexpr const char* kDatabaseListName = "tables.fb";
inline constexpr std::uint64_t kDatabaseListBytesMax = 256u << 20;

enum class ListingState : std::uint8_t { invalid = 0, listed = 1, dropped = 2 };

struct TableListing {
  std::uint64_t id = 0;
  std::string name;
  ListingState state = ListingState::listed;
};

struct DatabaseList {
  std::uint64_t next_id = 1;
  std::vector<TableListing> tables;
};

std::vector<std::uint8_t> encode_database_list(const DatabaseList& list);
/// Error {corrupt} saying what is wrong, {unsupported} for a newer format.
Result<DatabaseList> decode_database_list(std::span<const std::uint8_t> bytes);

/// {not_found} if there is none.
Result<DatabaseList> read_database_list(io::Disk& disk);
/// Durable when it returns.
Result<void> write_database_list(io::Disk& disk, const DatabaseList& list);
/// "tables/0000002a"
std::string table_folder(std::uint64_t table_id);

}  // namespace firn::storage
