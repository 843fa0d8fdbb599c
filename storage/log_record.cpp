#include "storage/log_record.hpp"

#include <flatbuffers/flatbuffers.h>
#include <schema/log_generated.h>

#include <bit>
#include <cstring>

namespace firn::storage {
namespace {

using flatbuffers::FlatBufferBuilder;
using flatbuffers::Offset;

constexpr std::size_t kRowHeaderBytes = 2 + 1 + 4 + 8;
constexpr unsigned kDepthMax = 8;
constexpr unsigned kTablesMax = 1'000'000;  // a group names at most this many files and columns

Offset<flatbuffers::Vector<std::uint8_t>> bytes_vector(FlatBufferBuilder& b, std::string_view s) {
  return b.CreateVector(reinterpret_cast<const std::uint8_t*>(s.data()), s.size());
}

std::string string_of(const flatbuffers::Vector<std::uint8_t>* v) {
  return v == nullptr ? std::string() : std::string(reinterpret_cast<const char*>(v->data()), v->size());
}

std::string string_of(const flatbuffers::String* s) { return s == nullptr ? std::string() : s->str(); }

Offset<fb::FileInfo> pack(FlatBufferBuilder& b, const RowFileInfo& i) {
  const auto path = b.CreateString(i.path);
  const auto key_min = bytes_vector(b, i.key_min), key_max = bytes_vector(b, i.key_max);
  fb::FileInfoBuilder f(b);
  f.add_id(i.id);
  f.add_tier(static_cast<std::uint8_t>(i.tier));
  f.add_history(i.history);
  f.add_schema_version(i.schema_version);
  f.add_path(path);
  f.add_offset(i.offset);
  f.add_length(i.length);
  f.add_hash(i.hash);
  f.add_rows(i.rows);
  f.add_tombstones(i.tombstones);
  f.add_key_min(key_min);
  f.add_key_max(key_max);
  f.add_csn_min(i.csn_min);
  f.add_csn_max(i.csn_max);
  f.add_end_max(i.end_max);
  f.add_has_time(i.time_min.has_value());
  f.add_time_min(i.time_min.value_or(0));
  f.add_time_max(i.time_max.value_or(0));
  f.add_created_us(i.created_us);
  f.add_block_number(i.block_number);
  f.add_base_csn(i.base_csn);
  return f.Finish();
}

Result<RowFileInfo> unpack(const fb::FileInfo& f) {
  RowFileInfo i;
  i.id = f.id();
  if (f.tier() > static_cast<std::uint8_t>(StorageTier::cold))
    return Error(ErrorCode::corrupt, "a file entry names no known tier");
  i.tier = static_cast<StorageTier>(f.tier());
  i.history = f.history();
  i.schema_version = f.schema_version();
  i.path = string_of(f.path());
  if (i.path.empty() || i.path.front() == '/' || i.path.find("..") != std::string::npos)
    return Error(ErrorCode::corrupt, "a file entry names a path outside the table");
  i.offset = f.offset();
  i.length = f.length();
  i.hash = f.hash();
  i.rows = f.rows();
  i.tombstones = f.tombstones();
  i.key_min = string_of(f.key_min());
  i.key_max = string_of(f.key_max());
  i.csn_min = f.csn_min();
  i.csn_max = f.csn_max();
  i.end_max = f.end_max();
  if (f.has_time()) {
    i.time_min = f.time_min();
    i.time_max = f.time_max();
  }
  i.created_us = f.created_us();
  i.block_number = f.block_number();
  i.base_csn = f.base_csn();
  return i;
}

std::string bytes_of_default(const Value& v) {
  if (is_variable(v.type())) return v.as_bytes();
  std::uint64_t bits = 0;
  if (v.type() == TypeId::boolean)
    bits = v.as_bool() ? 1 : 0;
  else if (is_float(v.type()))
    bits = std::bit_cast<std::uint64_t>(v.as_double());
  else
    bits = is_unsigned_integer(v.type()) ? v.as_unsigned() : static_cast<std::uint64_t>(v.as_signed());
  return {reinterpret_cast<const char*>(&bits), sizeof bits};
}

Result<Value> default_of_bytes(TypeId type, std::string bytes) {
  if (is_variable(type)) return Value::of_bytes(type, std::move(bytes));
  std::uint64_t bits;
  if (bytes.size() != sizeof bits) return Error(ErrorCode::corrupt, "a stored default has another size");
  std::memcpy(&bits, bytes.data(), sizeof bits);
  if (type == TypeId::boolean) return Value(bits != 0);
  if (is_float(type)) return Value::of_float(type, std::bit_cast<double>(bits));
  if (is_unsigned_integer(type)) return Value::of_unsigned(type, bits);
  return Value::of_signed(type, static_cast<std::int64_t>(bits));
}

Offset<fb::TableSchema> pack(FlatBufferBuilder& b, const SchemaVersion& v) {
  std::vector<Offset<fb::SchemaColumn>> columns;
  const Schema& s = v.schema;
  for (const ColumnSchema& c : s.columns()) {
    const auto name = b.CreateString(c.name);
    Offset<flatbuffers::Vector<std::uint8_t>> value;
    if (!c.default_value.is_null()) value = bytes_vector(b, bytes_of_default(c.default_value));
    columns.push_back(
        fb::CreateSchemaColumn(b, c.id, name, static_cast<std::uint8_t>(c.type), c.nullable, value));
  }
  std::vector<Offset<flatbuffers::String>> key;
  if (!s.has_row_key())
    for (const std::size_t k : s.key()) key.push_back(b.CreateString(s[k].name));
  const auto time = b.CreateString(s.time() ? s[*s.time()].name : std::string());
  const auto columns_at = b.CreateVector(columns);
  const auto key_at = b.CreateVector(key);
  return fb::CreateTableSchema(b, v.version, columns_at, key_at, time, s.has_row_key(), v.csn,
                               s.last_column_id());
}

Result<SchemaVersion> unpack(const fb::TableSchema& f) {
  std::vector<ColumnSchema> columns;
  if (f.columns() != nullptr) {
    for (const fb::SchemaColumn* c : *f.columns()) {
      if (c->type() == 0 || c->type() >= static_cast<std::uint8_t>(TypeId::null))
        return Error(ErrorCode::corrupt,
                     "a stored schema has a column of unknown type " + std::to_string(c->type()));
      const auto type = static_cast<TypeId>(c->type());
      columns.push_back({c->id(), string_of(c->name()), type, c->nullable()});
      if (c->default_value() == nullptr) continue;
      FIRN_ASSIGN(columns.back().default_value, default_of_bytes(type, string_of(c->default_value())));
    }
  }
  SchemaOptions options;
  options.last_column_id = f.last_column_id();
  if (f.key() != nullptr)
    for (const flatbuffers::String* k : *f.key()) options.key.push_back(string_of(k));
  options.time = string_of(f.time());
  SchemaVersion v;
  v.version = f.version();
  v.csn = f.csn();
  FIRN_ASSIGN(v.schema, Schema::make(std::move(columns), options));
  return v;
}

Offset<fb::TableConfig> pack(FlatBufferBuilder& b, const HybridTableConfig& c) {
  std::vector<Offset<fb::Option>> options;
  for (const auto& o : c.options())
    options.push_back(fb::CreateOption(b, b.CreateString(o.name), b.CreateString(o.value)));
  return fb::CreateTableConfig(b, b.CreateVector(options));
}

Result<HybridTableConfig> unpack(const fb::TableConfig& f) {
  HybridTableConfig c;
  if (f.options() == nullptr) return c;
  for (const fb::Option* o : *f.options()) {
    // An option of a newer version is no reason not to open the table.
    if (Result<void> r = c.set(string_of(o->name()), string_of(o->value())); !r) continue;
  }
  return c;
}

Offset<fb::Cursor> pack(FlatBufferBuilder& b, const CursorChange& c) {
  return fb::CreateCursor(b, b.CreateString(c.name), c.cursor.csn, c.cursor.created_us, c.cursor.updated_us,
                          c.cursor.limit_us, c.dropped);
}

Result<CursorChange> unpack(const fb::Cursor& f) {
  return CursorChange{
      string_of(f.name()), {f.csn(), f.created_us(), f.updated_us(), f.limit_us()}, f.dropped()};
}

Offset<fb::LogRecord> pack(FlatBufferBuilder& b, const LogRecord& r) {
  Offset<fb::Token> token;
  if (r.token) token = fb::CreateToken(b, b.CreateString(r.token->producer), r.token->sequence);
  Offset<flatbuffers::Vector<std::uint8_t>> rows, moved;
  if (!r.rows.empty()) rows = bytes_vector(b, r.rows);
  if (!r.moved_rows.empty()) moved = bytes_vector(b, r.moved_rows);
  Offset<flatbuffers::Vector<Offset<fb::FileInfo>>> adds;
  if (!r.adds.empty()) {
    std::vector<Offset<fb::FileInfo>> list;
    for (const RowFileInfo& i : r.adds) list.push_back(pack(b, i));
    adds = b.CreateVector(list);
  }
  Offset<flatbuffers::Vector<std::uint64_t>> retires;
  if (!r.retires.empty()) retires = b.CreateVector(r.retires);
  Offset<flatbuffers::Vector<Offset<fb::HotDrop>>> drops;
  if (!r.drops.empty()) {
    std::vector<Offset<fb::HotDrop>> list;
    for (const HotDrop& d : r.drops)
      list.push_back(fb::CreateHotDrop(b, bytes_vector(b, d.key_min), bytes_vector(b, d.key_max), d.csn));
    drops = b.CreateVector(list);
  }
  Offset<flatbuffers::Vector<Offset<fb::HotPurge>>> purges;
  if (!r.purges.empty()) {
    std::vector<Offset<fb::HotPurge>> list;
    for (const HotPurge& p : r.purges)
      list.push_back(fb::CreateHotPurge(b, bytes_vector(b, p.key_min), bytes_vector(b, p.key_max),
                                        p.rule.horizon, b.CreateVector(p.rule.kept), p.rule.tombstones,
                                        p.rule.below, p.dropped.count, p.dropped.first, p.dropped.second));
    purges = b.CreateVector(list);
  }
  Offset<fb::TableSchema> schema;
  if (r.schema) schema = pack(b, *r.schema);
  Offset<fb::TableConfig> config;
  if (r.config) config = pack(b, *r.config);
  Offset<fb::Cursor> cursor;
  if (r.cursor) cursor = pack(b, *r.cursor);
  return fb::CreateLogRecord(b, r.csn, r.time_us, static_cast<std::uint8_t>(r.tier), r.row_count, token, rows,
                             adds, retires, drops, moved, schema, config, r.horizon, r.next_file_id,
                             r.next_row_id, purges, cursor);
}

Result<LogRecord> unpack(const fb::LogRecord& f) {
  LogRecord r;
  r.csn = f.csn();
  r.time_us = f.time_us();
  r.tier = static_cast<StorageTier>(f.tier());
  r.row_count = f.row_count();
  if (f.token() != nullptr) r.token = RecordToken{string_of(f.token()->producer()), f.token()->sequence()};
  r.rows = string_of(f.rows());
  if (f.adds() != nullptr) {
    for (const fb::FileInfo* i : *f.adds()) {
      FIRN_ASSIGN(RowFileInfo info, unpack(*i));
      r.adds.push_back(std::move(info));
    }
  }
  if (f.retires() != nullptr) r.retires.assign(f.retires()->begin(), f.retires()->end());
  if (f.drops() != nullptr)
    for (const fb::HotDrop* d : *f.drops())
      r.drops.push_back({string_of(d->key_min()), string_of(d->key_max()), d->csn()});
  r.moved_rows = string_of(f.moved_rows());
  if (f.schema() != nullptr) {
    FIRN_ASSIGN(SchemaVersion v, unpack(*f.schema()));
    r.schema = std::move(v);
  }
  if (f.config() != nullptr) {
    FIRN_ASSIGN(r.config, unpack(*f.config()));
  }
  r.horizon = f.horizon();
  r.next_file_id = f.next_file_id();
  r.next_row_id = f.next_row_id();
  if (f.purges() != nullptr) {
    for (const fb::HotPurge* p : *f.purges()) {
      HotPurge purge;
      purge.key_min = string_of(p->key_min());
      purge.key_max = string_of(p->key_max());
      purge.rule.horizon = p->horizon();
      purge.rule.tombstones = p->tombstones();
      purge.rule.below = p->below();
      purge.dropped = {p->dropped_first(), p->dropped_second(), p->dropped()};
      purge.rule.newest_only = purge.dropped.count == 0;
      if (p->kept() != nullptr) purge.rule.kept.assign(p->kept()->begin(), p->kept()->end());
      r.purges.push_back(std::move(purge));
    }
  }
  if (f.cursor() != nullptr) {
    FIRN_ASSIGN(r.cursor, unpack(*f.cursor()));
  }
  return r;
}

/// Copies to an aligned place, verifies, and gives the root to `use`.
template <class T, class Use>
auto with_root(std::span<const std::uint8_t> bytes, Use use) -> decltype(use(std::declval<const T&>())) {
  std::vector<std::uint64_t> aligned((bytes.size() + 7) / 8);
  if (!bytes.empty()) std::memcpy(aligned.data(), bytes.data(), bytes.size());
  const auto* p = reinterpret_cast<const std::uint8_t*>(aligned.data());
  flatbuffers::Verifier verifier(p, bytes.size(), kDepthMax, kTablesMax);
  if (!verifier.VerifyBuffer<T>(nullptr)) return Error(ErrorCode::corrupt, "a stored record is malformed");
  return use(*flatbuffers::GetRoot<T>(p));
}

template <class Plain>
std::string encode_one(const Plain& plain) {
  FlatBufferBuilder b;
  b.Finish(pack(b, plain));
  return {reinterpret_cast<const char*>(b.GetBufferPointer()), b.GetSize()};
}

std::span<const std::uint8_t> bytes_of(std::string_view s) {
  return {reinterpret_cast<const std::uint8_t*>(s.data()), s.size()};
}

}  // namespace

void append_row(std::string& list, std::string_view key, hot::Op op, std::uint64_t csn,
                std::string_view row) {
  char header[kRowHeaderBytes];
  const auto key_size = static_cast<std::uint16_t>(key.size());
  const auto row_size = static_cast<std::uint32_t>(row.size());
  std::memcpy(header, &key_size, 2);
  header[2] = static_cast<char>(op);
  std::memcpy(header + 3, &row_size, 4);
  std::memcpy(header + 7, &csn, 8);
  list.append(header, sizeof header).append(key).append(row);
}

Result<void> visit_rows(
    std::string_view list,
    const std::function<Result<void>(std::string_view, hot::Op, std::uint64_t, std::string_view)>& visit) {
  while (!list.empty()) {
    if (list.size() < kRowHeaderBytes) return Error(ErrorCode::corrupt, "a row list ends within a row");
    std::uint16_t key_size;
    std::uint32_t row_size;
    std::uint64_t csn;
    std::memcpy(&key_size, list.data(), 2);
    const auto op = static_cast<hot::Op>(list[2]);
    std::memcpy(&row_size, list.data() + 3, 4);
    std::memcpy(&csn, list.data() + 7, 8);
    list.remove_prefix(kRowHeaderBytes);
    if (list.size() < std::size_t{key_size} + row_size || (op != hot::Op::put && op != hot::Op::tombstone))
      return Error(ErrorCode::corrupt, "a row list ends within a row");
    FIRN_TRY(visit(list.substr(0, key_size), op, csn, list.substr(key_size, row_size)));
    list.remove_prefix(std::size_t{key_size} + row_size);
  }
  return {};
}

std::vector<std::uint8_t> encode_group(std::span<const LogRecord> records) {
  std::size_t estimate = 1024;
  for (const LogRecord& r : records) estimate += 128 + r.rows.size() + r.moved_rows.size();
  FlatBufferBuilder b(estimate);
  std::vector<Offset<fb::LogRecord>> list;
  list.reserve(records.size());
  for (const LogRecord& r : records) list.push_back(pack(b, r));
  b.Finish(fb::CreateLogGroup(b, b.CreateVector(list)));
  return {b.GetBufferPointer(), b.GetBufferPointer() + b.GetSize()};
}

Result<std::vector<LogRecord>> decode_group(std::span<const std::uint8_t> bytes) {
  return with_root<fb::LogGroup>(bytes, [](const fb::LogGroup& g) -> Result<std::vector<LogRecord>> {
    std::vector<LogRecord> records;
    if (g.records() == nullptr) return records;
    for (const fb::LogRecord* f : *g.records()) {
      FIRN_ASSIGN(LogRecord r, unpack(*f));
      records.push_back(std::move(r));
    }
    return records;
  });
}

std::string encode_file_info(const RowFileInfo& info) { return encode_one(info); }
std::string encode_schema_version(const SchemaVersion& version) { return encode_one(version); }
std::string encode_config(const HybridTableConfig& config) { return encode_one(config); }
std::string encode_cursor(const CursorChange& cursor) { return encode_one(cursor); }

Result<RowFileInfo> decode_file_info(std::string_view bytes) {
  return with_root<fb::FileInfo>(bytes_of(bytes), [](const fb::FileInfo& f) { return unpack(f); });
}
Result<SchemaVersion> decode_schema_version(std::string_view bytes) {
  return with_root<fb::TableSchema>(bytes_of(bytes), [](const fb::TableSchema& f) { return unpack(f); });
}
Result<HybridTableConfig> decode_config(std::string_view bytes) {
  return with_root<fb::TableConfig>(bytes_of(bytes), [](const fb::TableConfig& f) { return unpack(f); });
}
Result<CursorChange> decode_cursor(std::string_view bytes) {
  return with_root<fb::Cursor>(bytes_of(bytes), [](const fb::Cursor& f) { return unpack(f); });
}

}  // namespace firn::storage
