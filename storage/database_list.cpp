#include "storage/database_list.hpp"

#include <fmt/format.h>

#include <set>

#include "storage/database_list_generated.h"
#include "storage/message_file.hpp"

namespace firn::storage {
namespace {

constexpr MessageFile kListFormat = {"FIRNTBL1", 1};
constexpr std::size_t kNameBytesMax = 255;
constexpr unsigned kListDepthMax = 8;
constexpr unsigned kListTablesMax = 10'000'000;

Error damaged(const std::string& what) {
  return {ErrorCode::corrupt, std::string(kDatabaseListName) + ": " + what +
                                  "; restore the file from a backup, or rebuild it with firn doctor"};
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
  return kListFormat.seal({b.GetBufferPointer(), b.GetSize()});
}

Result<DatabaseList> decode_database_list(std::span<const std::uint8_t> bytes) {
  const auto body = kListFormat.open(bytes);
  if (!body)
    return body.error().code() == ErrorCode::corrupt ? damaged(body.error().message())
                                                     : body.error().within(kDatabaseListName);
  flatbuffers::Verifier verifier(body->data(), body->size(), kListDepthMax, kListTablesMax);
  if (!verifier.VerifyBuffer<fb::DatabaseList>(nullptr))
    return damaged("no sound FlatBuffers message at offset 24");
  return from_message(*flatbuffers::GetRoot<fb::DatabaseList>(body->data()));
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
