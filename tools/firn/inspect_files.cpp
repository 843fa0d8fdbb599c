// Segments, warm blocks, table.fb, Arrow files and the hot tier's LMDB file.
#include <algorithm>
#include <cstring>

#include <schema/log_generated.h>
#include "human.hpp"
#include "inspect.hpp"
#include "io/crc32c.hpp"
#include "output.hpp"
#include "schema/arrow_ipc.hpp"
#include "schema/value.hpp"
#include "storage/cold/segment.hpp"
#include "storage/database_list.hpp"
#include "storage/decision_file.hpp"
#include "storage/warm/block.hpp"
#include "storage/warm/block_format.hpp"

namespace firn::cli {
namespace {

constexpr std::size_t kTableFileBytesMax = 1 << 16;
constexpr std::ptrdiff_t kTablePrefixBytes = 8;
constexpr std::uint64_t kWholeFileMax = std::uint64_t{4} << 30;

ExitStatus damaged(const Error& error) {
  print(error.message() + "\n");
  return ExitStatus::damaged;
}

Buffer read_whole(const InspectedFile& f) {
  if (f.size > kWholeFileMax)
    throw Failure(ExitStatus::failed, f.path + " is too large to be looked at as a whole");
  MutableBuffer bytes(static_cast<std::size_t>(f.size));
  f.file->read_at(0, {bytes.data(), bytes.size()}).value();
  return bytes.freeze();
}

}  // namespace

ExitStatus inspect_segment(const InspectedFile& f) {
  const Result<std::string> text = storage::cold::describe_segment(*f.disk, f.path);
  if (!text) return damaged(text.error());
  print("cold segment\n" + *text + (text->ends_with('\n') ? "" : "\n"));
  return ExitStatus::done;
}

bool print_block(const InspectedFile& f, std::uint64_t offset, std::uint64_t store_id) {
  const auto info = storage::warm::read_block_info(*f.file, offset, store_id);
  if (!info) {
    print("    warm block: " + info.error().message() + "\n");
    return false;
  }
  print("    warm block " + std::to_string(info->id) + (info->history ? "  history" : "") + "  " +
        std::to_string(info->rows) + " rows, " + std::to_string(info->tombstones) + " tombstones  " +
        human_bytes(info->length) + "  commits " + std::to_string(info->csn_min) + ".." +
        std::to_string(info->csn_max) + "  keys " + hex_of(info->key_min) + ".." + hex_of(info->key_max) +
        "\n");
  return true;
}

ExitStatus inspect_block(const InspectedFile& f) {
  storage::warm::BlockPrefix prefix;
  if (f.size < sizeof prefix) return damaged(Error(ErrorCode::corrupt, "shorter than a block's prefix"));
  f.file->read_at(0, {reinterpret_cast<std::uint8_t*>(&prefix), sizeof prefix}).value();
  return print_block(f, 0, prefix.store_id) ? ExitStatus::done : ExitStatus::damaged;
}

Result<TableIdentity> read_table_identity(io::Disk& disk, const std::string& path) {
  FIRN_ASSIGN(const std::vector<std::uint8_t> bytes, io::read_file(disk, path, kTableFileBytesMax));
  const auto damage = [&](const std::string& what) { return Error(ErrorCode::corrupt, path + ": " + what); };
  if (bytes.size() <= std::size_t{kTablePrefixBytes} || std::memcmp(bytes.data(), "FIRN", 4) != 0)
    return damage("it does not begin with FIRN and a checksum");
  std::uint32_t crc = 0;
  std::memcpy(&crc, bytes.data() + 4, sizeof crc);
  // A copy, so that the FlatBuffer is aligned.
  const std::vector<std::uint8_t> body(bytes.begin() + kTablePrefixBytes, bytes.end());
  if (io::crc32c(body) != crc) return damage("the checksum does not hold");
  flatbuffers::Verifier verifier(body.data(), body.size());
  if (!verifier.VerifyBuffer<fb::TableFile>(nullptr)) return damage("no sound table file");
  const auto* table = flatbuffers::GetRoot<fb::TableFile>(body.data());
  return TableIdentity{table->store_id(), table->table_id(), table->format_version(), table->created_us(),
                       table->name() == nullptr ? "" : table->name()->str()};
}

ExitStatus inspect_table_file(const InspectedFile& f) {
  const Result<TableIdentity> table = read_table_identity(*f.disk, f.path);
  if (!table) return damaged(table.error());
  print("table file  table " + std::to_string(table->table_id) + " '" + table->name + "'  store " +
        std::to_string(table->store_id) + "  format " + std::to_string(table->format_version) + "  made " +
        format_timestamp(table->created_us) + "\n");
  return ExitStatus::done;
}

ExitStatus inspect_table_list(const InspectedFile& f) {
  const auto list = storage::read_database_list(*f.disk);
  if (!list) return damaged(list.error());
  print("list of tables  " + std::to_string(list->tables.size()) + " tables  next id " +
        std::to_string(list->next_id) + "\n");
  for (const storage::TableListing& t : list->tables)
    print("  " + storage::table_folder(t.id) + "  '" + t.name + "'" +
          (t.state == storage::ListingState::dropped ? "  dropped" : "") + "\n");
  return ExitStatus::done;
}

ExitStatus inspect_decisions(const InspectedFile& f) {
  const Buffer bytes = read_whole(f);
  const auto decisions = storage::decode_decisions({bytes.data(), bytes.size()});
  if (!decisions) return damaged(decisions.error());
  print("decisions  " + std::to_string(decisions->size()) + "\n");
  for (const storage::DecisionEntry& d : *decisions)
    print("  " + format_timestamp(d.time.us) + "  " + d.action + "  " + d.subject + "  " + d.reason + "\n");
  return ExitStatus::done;
}

ExitStatus inspect_arrow(const InspectedFile& f) {
  auto reader = arrow::ArrowReader::open(read_whole(f));
  if (!reader) return damaged(reader.error());
  print("Arrow IPC  " + reader->schema().to_string() + "\n");
  std::int64_t rows = 0;
  for (std::size_t number = 0;; ++number) {
    const auto batch = reader->next();
    if (!batch) return damaged(batch.error().within("batch " + std::to_string(number)));
    if (!*batch) break;
    print("  batch " + std::to_string(number) + "  " + std::to_string((*batch)->rows()) + " rows  " +
          human_bytes((*batch)->byte_size()) + "\n");
    rows += (*batch)->rows();
  }
  print(std::to_string(rows) + " rows\n");
  return ExitStatus::done;
}

// LMDB keeps two meta pages and writes them in turn; the one with the greater transaction counts. Layout: MDB_page's
// header of 16 bytes, then MDB_meta (mdb.c).
ExitStatus inspect_lmdb(const InspectedFile& f) {
  struct Meta {
    std::uint32_t magic, version;
    std::uint64_t address, map_size;
    std::uint8_t trees[96];
    std::uint64_t last_page, transaction;
  };
  static_assert(sizeof(Meta) == 136);
  print(
      "LMDB environment of the hot tier (checked by its checkpoint and log, it has no checksums of its "
      "own)\n");
  std::uint32_t page_size = 4096;
  for (std::uint64_t page = 0; page < 2; ++page) {
    Meta meta{};
    const std::uint64_t offset = page * page_size + 16;
    if (f.size < offset + sizeof meta)
      return damaged(Error(ErrorCode::corrupt, "the file ends within its meta pages"));
    f.file->read_at(offset, {reinterpret_cast<std::uint8_t*>(&meta), sizeof meta}).value();
    if (meta.magic != 0xBEEFC0DEU)
      return damaged(Error(ErrorCode::corrupt, "offset " + std::to_string(offset) + ": no sound meta page"));
    if (page == 0) std::memcpy(&page_size, meta.trees, sizeof page_size);  // the free tree's first field
    if (page_size < 512 || page_size > 65'536)
      return damaged(Error(ErrorCode::corrupt, "the page size is not sound"));
    print("  meta page " + std::to_string(page) + "  transaction " + std::to_string(meta.transaction) +
          "  pages " + std::to_string(meta.last_page + 1) + " of " + std::to_string(page_size) +
          " bytes  map " + human_bytes(meta.map_size) + "\n");
  }
  return ExitStatus::done;
}

}  // namespace firn::cli
