#include "storage/cold/segment_footer.hpp"

#include <algorithm>

#include "io/crc32c.hpp"
#include "schema/segment_generated.h"
#include "storage/cold/bloom_filter.hpp"
#include "storage/cold/column_stats.hpp"

namespace firn::storage::cold {
namespace {

using flatbuffers::FlatBufferBuilder;
using flatbuffers::Offset;

auto put_bytes(FlatBufferBuilder& b, std::string_view s) {
  return b.CreateVector(reinterpret_cast<const std::uint8_t*>(s.data()), s.size());  // NOLINT
}

Offset<fb::SegmentChunk> put_chunk(FlatBufferBuilder& b, const ChunkMeta& m, const ColumnStats* s) {
  const auto tree = b.CreateSharedString(m.tree);
  const bool ranged = s != nullptr && !s->min.is_null();
  Offset<flatbuffers::Vector<std::uint8_t>> min, max;
  if (ranged) min = put_bytes(b, stat_bytes(s->min)), max = put_bytes(b, stat_bytes(s->max));
  fb::SegmentChunkBuilder c(b);
  c.add_offset(m.offset);
  c.add_length(m.length);
  c.add_validity(m.validity);
  c.add_logical(m.logical);
  c.add_tree(tree);
  if (s != nullptr) {
    c.add_has_range(ranged);
    c.add_exact(s->exact);
    if (ranged) c.add_min(min), c.add_max(max);
    c.add_nulls(s->nulls);
    c.add_distinct(s->distinct);
    c.add_has_sum(s->sum.has_value());
    c.add_sum(s->sum.value_or(0));
  }
  return c.Finish();
}

Offset<fb::SegmentGroup> put_group(FlatBufferBuilder& b, const FooterGroup& g) {
  std::vector<Offset<fb::SegmentChunk>> columns;
  for (const FooterChunk& c : g.columns) columns.push_back(put_chunk(b, c.meta, &c.stats));
  const auto all = b.CreateVector(columns);
  const auto csn = put_chunk(b, g.csn, nullptr);
  Offset<fb::SegmentChunk> end, tombstones;
  if (g.end) end = put_chunk(b, *g.end, nullptr);
  if (g.tombstones) tombstones = put_chunk(b, *g.tombstones, nullptr);
  const CsnBounds& c = g.bounds;
  return fb::CreateSegmentGroup(b, g.rows, all, csn, end, tombstones, c.begin_min, c.begin_max,
                                g.end ? c.end_min : 0, g.end ? c.end_max : 0);
}

std::string_view view_of(const flatbuffers::Vector<std::uint8_t>* v) {
  return v == nullptr ? std::string_view()
                      : std::string_view(reinterpret_cast<const char*>(v->data()), v->size());  // NOLINT
}

Error bad(std::string_view what) { return {ErrorCode::corrupt, "segment footer: " + std::string(what)}; }

/// Decoded sizes are bounded by what the type allows and, for bytes, by the group's own bound.
Result<ChunkMeta> get_chunk(const fb::SegmentChunk* c, TypeId type, std::uint32_t rows,
                            std::uint64_t data_length) {
  if (c == nullptr) return bad("a column chunk is missing");
  ChunkMeta m{type,
              c->offset(),
              c->length(),
              c->validity(),
              c->logical(),
              rows,
              c->tree() == nullptr ? "" : c->tree()->str()};
  if (m.offset < sizeof(SegmentHeader) || m.offset > data_length || m.length > data_length - m.offset ||
      m.validity > m.length) {
    return bad("a column chunk lies outside the file");
  }
  if (m.logical > std::uint64_t{1} << 31) return bad("a column chunk is too large");
  return m;
}

ColumnStats get_stats(const fb::SegmentChunk& c, TypeId type) {
  ColumnStats s;
  s.exact = c.exact();
  s.nulls = c.nulls();
  s.distinct = c.distinct();
  if (c.has_range()) s.min = stat_value(type, view_of(c.min())), s.max = stat_value(type, view_of(c.max()));
  if (s.min.is_null() || s.max.is_null()) s.min = s.max = Value();
  if (c.has_sum()) s.sum = c.sum();
  return s;
}

Result<FooterGroup> get_group(const fb::SegmentGroup* g, const Schema& schema, bool history,
                              std::uint64_t data_length) {
  FooterGroup out;
  out.rows = g->rows();
  if (out.rows == 0 || out.rows > kGroupRowsMax) return bad("a row group has an impossible number of rows");
  // Segments of earlier programs say nothing, which reads as 0.
  out.bounds.begin_min = g->begin_min(), out.bounds.end_min = g->end_min();
  if (g->begin_max() != 0) out.bounds.begin_max = g->begin_max();
  if (g->end_max() != 0) out.bounds.end_max = g->end_max();
  if (g->columns() == nullptr || g->columns()->size() != schema.size())
    return bad("a row group lacks columns");
  for (std::size_t i = 0; i < schema.size(); ++i) {
    const fb::SegmentChunk* c = g->columns()->Get(static_cast<flatbuffers::uoffset_t>(i));
    FIRN_ASSIGN(ChunkMeta m, get_chunk(c, schema[i].type, out.rows, data_length));
    out.columns.push_back({std::move(m), get_stats(*c, schema[i].type)});
  }
  FIRN_ASSIGN(out.csn, get_chunk(g->csn(), TypeId::u64, out.rows, data_length));
  if (history) {
    FIRN_ASSIGN(out.end, get_chunk(g->end(), TypeId::u64, out.rows, data_length));
  }
  if (g->tombstones() != nullptr) {
    FIRN_ASSIGN(out.tombstones, get_chunk(g->tombstones(), TypeId::u64, out.rows, data_length));
  }
  return out;
}

Result<Schema> get_schema(const fb::SegmentFooter& f) {
  if (f.columns() == nullptr || f.key() == nullptr) return bad("the schema is missing");
  std::vector<ColumnSchema> columns;
  for (const fb::SegmentColumn* c : *f.columns()) {
    const auto type = static_cast<TypeId>(c->type());
    if (c->name() == nullptr || type == TypeId::invalid || type > TypeId::date)
      return bad("a column has no name or type");
    columns.push_back({c->id(), c->name()->str(), type, c->nullable()});
  }
  SchemaOptions options;
  for (const std::uint32_t k : *f.key()) {
    if (k >= columns.size()) return bad("the key names no column");
    options.key.push_back(columns[k].name);
  }
  if (f.time() >= static_cast<int>(columns.size())) return bad("the time names no column");
  if (f.time() >= 0) options.time = columns[static_cast<std::size_t>(f.time())].name;
  return Schema::make(std::move(columns), options);
}

}  // namespace

std::string write_footer(const SegmentFooter& f) {
  FlatBufferBuilder b(1 << 14);
  std::vector<Offset<fb::SegmentColumn>> columns;
  for (const ColumnSchema& c : f.schema.columns()) {
    columns.push_back(fb::CreateSegmentColumn(b, c.id, b.CreateString(c.name),
                                              static_cast<std::uint8_t>(c.type), c.nullable));
  }
  std::vector<std::uint32_t> key(f.schema.key().begin(), f.schema.key().end());
  std::vector<Offset<fb::SegmentGroup>> groups;
  for (const FooterGroup& g : f.groups) groups.push_back(put_group(b, g));
  const auto column_vector = b.CreateVector(columns);
  const auto key_vector = b.CreateVector(key);
  const auto key_min = put_bytes(b, f.info.key_min), key_max = put_bytes(b, f.info.key_max);
  const auto group_vector = b.CreateVector(groups);
  const auto crcs = b.CreateVector(f.block_crcs);
  const int time = f.schema.time() ? static_cast<int>(*f.schema.time()) : -1;
  const auto root = fb::CreateSegmentFooter(
      b, f.info.id, f.info.history, f.info.schema_version, f.info.created_us, f.info.rows, f.info.tombstones,
      column_vector, key_vector, time, f.schema.has_row_key(), key_min, key_max, f.info.csn_min,
      f.info.csn_max, f.info.end_max, f.info.time_min.has_value(), f.info.time_min.value_or(0),
      f.info.time_max.value_or(0), group_vector, crcs, f.bloom.offset, f.bloom.length, f.index.offset,
      f.index.length, f.index_entries, f.index_bytes, f.group_blooms.offset, f.group_blooms.length);
  b.Finish(root, fb::SegmentFooterIdentifier());
  return {reinterpret_cast<const char*>(b.GetBufferPointer()), b.GetSize()};  // NOLINT
}

Result<SegmentFooter> read_footer(std::span<const std::uint8_t> bytes, std::uint64_t data_length,
                                  std::uint32_t version) {
  flatbuffers::Verifier verifier(bytes.data(), bytes.size(), 8,
                                 static_cast<flatbuffers::uoffset_t>(bytes.size() / 8 + 8));
  if (!fb::VerifySegmentFooterBuffer(verifier)) return bad("not a segment footer");
  const fb::SegmentFooter& f = *fb::GetSegmentFooter(bytes.data());
  SegmentFooter out;
  FIRN_ASSIGN(out.schema, get_schema(f));
  RowFileInfo& i = out.info;
  i.id = f.file_id(), i.tier = StorageTier::cold, i.history = f.history(),
  i.schema_version = f.schema_version();
  i.created_us = f.created_us(), i.rows = f.rows(), i.tombstones = f.tombstones();
  i.key_min = view_of(f.key_min()), i.key_max = view_of(f.key_max());
  i.csn_min = f.csn_min(), i.csn_max = f.csn_max(), i.end_max = f.end_max();
  if (f.has_time()) i.time_min = f.time_min(), i.time_max = f.time_max();
  if (f.groups() == nullptr || f.block_crcs() == nullptr) return bad("groups or checksums are missing");
  out.by_group = version >= kSegmentVersion;
  const auto blocks = [](std::uint64_t n) { return (n + kBlockValues - 1) / kBlockValues; };
  std::uint64_t rows = 0, index_entries = 0, filter_bytes = 0;
  for (const fb::SegmentGroup* g : *f.groups()) {
    FIRN_ASSIGN(FooterGroup group, get_group(g, out.schema, i.history, data_length));
    rows += group.rows;
    index_entries += blocks(group.rows);
    filter_bytes += bloom_bytes(group.rows);
    out.groups.push_back(std::move(group));
  }
  if (rows != i.rows || rows == 0 || rows > std::numeric_limits<std::uint32_t>::max())
    return bad("row counts do not add up");
  out.block_crcs.assign(f.block_crcs()->begin(), f.block_crcs()->end());
  if (out.block_crcs.size() != (data_length + kCheckedBlockBytes - 1) / kCheckedBlockBytes)
    return bad("checksums are missing");
  out.bloom = {f.bloom_offset(), f.bloom_length()};
  out.index = {f.index_offset(), f.index_length()};
  out.index_entries = f.index_entries();
  out.index_bytes = f.index_bytes();
  out.group_blooms = {f.group_bloom_offset(), f.group_bloom_length()};
  for (const FileRange r : {out.bloom, out.index, out.group_blooms}) {
    if (r.offset > data_length || r.length > data_length - r.offset)
      return bad("the key index lies outside the file");
  }
  if (out.index_entries != (out.by_group ? index_entries : blocks(rows)) ||
      out.bloom.length % kBloomBlockBytes != 0 ||
      out.index_bytes > out.index_entries * (kEncodedKeyMax + 8)) {
    return bad("the key index has another size");
  }
  if (out.group_blooms.length != 0 && (!out.by_group || out.group_blooms.length != filter_bytes))
    return bad("the filters of row groups have another size");
  return out;
}

Result<LoadedFooter> load_footer(const io::File& file) {
  const auto fail = [&](ErrorCode code, const std::string& what) {
    return Error(code, file.path() + ": " + what);
  };
  LoadedFooter out;
  FIRN_ASSIGN(out.file_length, file.size());
  if (out.file_length < sizeof(SegmentHeader) + sizeof(SegmentTrailer)) {
    return fail(ErrorCode::corrupt,
                "too short for a segment (" + std::to_string(out.file_length) + " bytes)");
  }
  const std::uint64_t at = out.file_length - sizeof(SegmentTrailer);
  std::uint8_t raw[sizeof(SegmentTrailer)];
  FIRN_TRY(file.read_at(at, raw));
  SegmentTrailer t;
  std::memcpy(&t, raw, sizeof t);
  const std::string place = " at offset " + std::to_string(at);
  if (t.magic != kSegmentMagic)
    return fail(ErrorCode::corrupt, "no segment trailer" + place + ": not a segment, or cut");
  if (t.version > kSegmentVersion) {
    return fail(ErrorCode::unsupported, "segment format " + std::to_string(t.version) +
                                            " is newer than this program's " +
                                            std::to_string(kSegmentVersion));
  }
  if (t.crc != io::crc32c(std::span(raw).first(sizeof raw - 4)))
    return fail(ErrorCode::corrupt, "damaged segment trailer" + place);
  if (t.data_length > at || at - t.data_length != t.footer_length || t.footer_length > kFooterBytesMax) {
    return fail(ErrorCode::corrupt, "the segment trailer does not fit the file" + place);
  }
  std::vector<std::uint8_t> bytes(t.footer_length);
  FIRN_TRY(file.read_at(t.data_length, bytes));
  if (io::crc32c(bytes) != t.footer_crc) {
    return fail(ErrorCode::corrupt, "damaged segment footer at offset " + std::to_string(t.data_length));
  }
  auto footer = read_footer(bytes, t.data_length, t.version);
  if (!footer) return footer.error().within(file.path());
  out.footer = std::move(*footer);
  out.store_id = t.store_id, out.file_id = t.file_id, out.data_length = t.data_length;
  if (out.footer.info.id != t.file_id)
    return fail(ErrorCode::corrupt, "footer and trailer are of different files");
  out.footer.info.length = out.file_length;
  return out;
}

}  // namespace firn::storage::cold
