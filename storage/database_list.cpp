#include "storage/database_list.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <set>

#include "io/crc32c.hpp"
#include "storage/database_list_generated.h"

namespace firn::storage {
namespace {

constexpr char kListMagic[9] = "FIRNTBL1";
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kListHeaderBytes = 24;
constexpr std::size_t kChecksummedFrom = 16;
constexpr std::size_t kNameBytesMax = 255;
constexpr unsigned kListDepthMax = 8;
constexpr unsigned kListTablesMax = 10'000'000;

template <class T>
T load(std::span<const std::uint8_t> bytes, std::size_t offset) {
  T v;
  std::memcpy(&v, bytes.data() + offset, sizeof v);
  return v;
}

template <class T>
void store(std::vector<std::uint8_t>& bytes, std::size_t offset, T v) {
  std::memcpy(bytes.data() + offset, &v, sizeof v);
}

Error damaged(const std::string& what) {
  return {ErrorCode::corrupt, std::string(kDatabaseListName) + ": " + what +
                                  "; restore the file from a backup, or rebuild it with firn doctor"};
}

Result<void> check_header(std::span<const std::uint8_t> bytes) {
  if (bytes.size() < kListHeaderBytes) return damaged(fmt::format("only {} bytes long", bytes.size()));
  if (std::memcmp(bytes.data(), kListMagic, 8) != 0) return damaged("does not begin with its magic");
  if (const auto version = load<std::uint32_t>(bytes, 8); version != kVersion) {
    return Error(ErrorCode::unsupported, fmt::format("{}: format version {}, this firn reads {}",
                                                     kDatabaseListName, version, kVersion));
  }
  if (load<std::uint64_t>(bytes, 16) != bytes.size() - kListHeaderBytes)
    return damaged("its length is not what it says");
  if (io::crc32c(bytes.subspan(kChecksummedFrom)) != load<std::uint32_t>(bytes, 12)) {
    return damaged("checksum mismatch at offset 16");
  }
  return {};
}

Result<DatabaseList> from_message(const fb::DatabaseList& m) {
  DatabaseList list;
  list.next_id = m.next_id();
  std::set<std::uint64_t> ids;
  std::set<std::string> names;
  if (m.tables() == nullptr) return list;
  for (const fb::TableListing* t : *m.tables()) {
    TableListing l{t->id(), t->name() ? t->name()->str() : "", static_cast<ListingState>(t->state())};
    const bool known = l.state == ListingState::listed || l.state == ListingState::dropped;
    if (!known || l.id == 0 || l.id >= list.next_id || l.name.empty() || l.name.size() > kNameBytesMax) {
      return damaged(fmt::format("the listing of table {} makes no sense", l.id));
    }
    const bool name_new = l.state == ListingState::dropped || names.insert(l.name).second;
    if (!ids.insert(l.id).second || !name_new) return damaged(fmt::format("table {} is listed twice", l.id));
    list.tables.push_back(std::move(l));
  }
  return list;
}

}  // namespace

std::vector<std::uint8_t> encode_database_list(const DatabaseList& list) {
  flatbuffers::FlatBufferBuilder b;
  std::vector<flatbuffers::Offset<fb::TableListing>> tables;
  for (const TableListing& t : list.tables) {
    tables.push_back(
        fb::CreateTableListing(b, t.id, b.CreateString(t.name), static_cast<std::uint8_t>(t.state)));
  }
  b.Finish(fb::CreateDatabaseList(b, list.next_id, b.CreateVector(tables)));
  std::vector<std::uint8_t> out(kListHeaderBytes + b.GetSize());
  std::memcpy(out.data(), kListMagic, 8);
  store(out, 8, kVersion);
  store(out, 16, static_cast<std::uint64_t>(b.GetSize()));
  std::memcpy(out.data() + kListHeaderBytes, b.GetBufferPointer(), b.GetSize());
  store(out, 12, io::crc32c(std::span<const std::uint8_t>(out).subspan(kChecksummedFrom)));
  return out;
}

Result<DatabaseList> decode_database_list(std::span<const std::uint8_t> bytes) {
  FIRN_TRY(check_header(bytes));
  const auto body = bytes.subspan(kListHeaderBytes);
  std::vector<std::uint64_t> aligned((body.size() + 7) / 8);
  if (!body.empty()) std::memcpy(aligned.data(), body.data(), body.size());
  const auto* p = reinterpret_cast<const std::uint8_t*>(aligned.data());  // NOLINT
  flatbuffers::Verifier verifier(p, body.size(), kListDepthMax, kListTablesMax);
  if (!verifier.VerifyBuffer<fb::DatabaseList>(nullptr))
    return damaged("no sound FlatBuffers message at offset 24");
  return from_message(*flatbuffers::GetRoot<fb::DatabaseList>(p));
}

Result<DatabaseList> read_database_list(io::Disk& disk) {
  FIRN_ASSIGN(const auto bytes, io::read_file(disk, kDatabaseListName, kDatabaseListBytesMax));
  return decode_database_list(bytes);
}

Result<void> write_database_list(io::Disk& disk, const DatabaseList& list) {
  return io::replace_file(disk, kDatabaseListName, encode_database_list(list));
}

std::string table_folder(std::uint64_t table_id) { return fmt::format("tables/{:08x}", table_id); }

}  // namespace firn::storage
