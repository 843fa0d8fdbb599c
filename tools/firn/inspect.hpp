// What the bytes of a file say: one printer a kind of file, chosen by the first bytes. None trusts what it reads.
#pragma once
#include <cstdint>
#include <memory>
#include <string>

#include "exit_status.hpp"
#include "io/disk.hpp"

namespace firn::cli {

/// A file to be looked at, with the disk that it is read through.
struct InspectedFile {
  std::shared_ptr<io::Disk> disk;
  std::string path;    ///< relative to the disk's root
  std::string folder;  ///< of the file, as the machine names it
  std::unique_ptr<io::File> file;
  std::uint64_t size = 0;
};

// Each prints and returns done, or damaged if bytes were met that are not sound.
ExitStatus inspect_log(const InspectedFile& f);
ExitStatus inspect_checkpoint(const InspectedFile& f);
ExitStatus inspect_segment(const InspectedFile& f);
ExitStatus inspect_block(const InspectedFile& f);
ExitStatus inspect_table_file(const InspectedFile& f);
ExitStatus inspect_table_list(const InspectedFile& f);
ExitStatus inspect_decisions(const InspectedFile& f);
ExitStatus inspect_arrow(const InspectedFile& f);
ExitStatus inspect_lmdb(const InspectedFile& f);

/// Prints the block at `offset` of the file, indented; false if it is not sound.
bool print_block(const InspectedFile& f, std::uint64_t offset, std::uint64_t store_id);
/// What table.fb says: "FIRN", CRC-32C of the rest, the FlatBuffer. Error {corrupt}.
struct TableIdentity {
  std::uint64_t store_id = 0, table_id = 0;
  std::uint32_t format_version = 0;
  std::int64_t created_us = 0;
  std::string name;
};
Result<TableIdentity> read_table_identity(io::Disk& disk, const std::string& path);
/// At most 48 bytes as hexadecimal digits.
std::string hex_of(std::string_view bytes);

}  // namespace firn::cli
