#include "storage/warm/block_body.hpp"

#include <fmt/format.h>

#include "io/crc32c.hpp"
#include "schema/arrow_decode.hpp"
#include "storage/warm/block.hpp"
#include "storage/warm/block_stats.hpp"

namespace firn::storage::warm {
namespace fb = blockfb;
namespace {

struct Place {
  const io::File& file;
  std::uint64_t offset;
  Error damaged(std::string_view what) const {
    return {ErrorCode::corrupt, fmt::format("{}: warm block at byte {}: {}", file.path(), offset, what)};
  }
};

Result<BlockPrefix> read_prefix(const Place& at, std::uint64_t store_id) {
  std::uint8_t bytes[sizeof(BlockPrefix)];
  FIRN_TRY(at.file.read_at(at.offset, bytes));
  BlockPrefix p;
  std::memcpy(&p, bytes, sizeof p);
  if (p.magic != kBlockMagic) return at.damaged("no block begins here");
  if (io::crc32c({bytes, sizeof p - 4}, seed_of(p.store_id, p.id)) != p.crc)
    return at.damaged("its prefix does not match its checksum");
  if (p.version != kBlockVersion)
    return Error(ErrorCode::unsupported,
                 fmt::format("{}: warm block at byte {} has format version {}, this program "
                             "reads {}; use a newer one",
                             at.file.path(), at.offset, p.version, kBlockVersion));
  if (p.store_id != store_id) return at.damaged("it belongs to another table");
  if (p.length % kPartAlignment != 0 || p.header_length > kHeaderBytesMax ||
      p.length < sizeof p + std::uint64_t{p.header_length})
    return at.damaged("its lengths contradict each other");
  return p;
}

std::string text_of(const flatbuffers::Vector<std::uint8_t>* bytes) {
  return bytes == nullptr ? std::string() : std::string(bytes->begin(), bytes->end());
}

void take_info(const fb::BlockHeader& h, RowFileInfo& info) {
  info.tier = StorageTier::warm;
  info.id = h.id();
  info.history = h.history();
  info.schema_version = h.schema_version();
  info.rows = h.rows();
  info.tombstones = h.tombstones();
  info.key_min = text_of(h.key_min());
  info.key_max = text_of(h.key_max());
  info.csn_min = h.csn_min();
  info.csn_max = h.csn_max();
  info.end_max = h.end_max();
  if (h.has_time()) {
    info.time_min = h.time_min();
    info.time_max = h.time_max();
  }
  info.created_us = h.created_us();
  info.block_number = h.block_number();
}

Result<void> take_parts(const Place& at, const fb::BlockHeader& h, std::uint64_t begin, BlockHead& head) {
  head.body_offset = head.info.length;
  if (h.parts() == nullptr) return at.damaged("it has no parts");
  for (const fb::Part* p : *h.parts()) {
    const auto kind = static_cast<std::size_t>(p->kind());
    if (kind == 0 || kind >= head.parts.size()) continue;  // of a later writer: not needed to read the rows
    if (p->offset() < begin || p->offset() % kPartAlignment != 0 || p->offset() > head.info.length ||
        p->length() > head.info.length - p->offset())
      return at.damaged("a part lies outside of it");
    head.parts[kind] = {p->offset(), p->length(), p->crc(), true};
    if (p->kind() != fb::PartKind::filter) head.body_offset = std::min(head.body_offset, p->offset());
  }
  return {};
}

const PartRef& part(const BlockHead& head, fb::PartKind kind) {
  return head.parts[static_cast<std::size_t>(kind)];
}

Result<void> check_parts(const Place& at, const BlockHead& head) {
  const std::uint64_t n = head.info.rows;
  auto has_length = [&head](fb::PartKind kind, std::uint64_t length) {
    const PartRef& p = part(head, kind);
    return !p.present || p.length == length;
  };
  if (!part(head, fb::PartKind::rows).present) return at.damaged("it has no rows part");
  if (!has_length(fb::PartKind::order, n * 4) || !has_length(fb::PartKind::csns, n * 8) ||
      !has_length(fb::PartKind::ends, n * 8) || !has_length(fb::PartKind::tombstones, (n + 7) / 8))
    return at.damaged("a part's length does not fit its rows");
  if (head.info.history != part(head, fb::PartKind::ends).present)
    return at.damaged("its end CSNs are missing or extra");
  if ((head.info.tombstones != 0) != part(head, fb::PartKind::tombstones).present)
    return at.damaged("its tombstones are missing or extra");
  const PartRef& filter = part(head, fb::PartKind::filter);
  if (filter.present && (filter.length == 0 || filter.length % 32 != 0))
    return at.damaged("its filter has a wrong size");
  if (!part(head, fb::PartKind::csns).present && head.info.csn_min != head.info.csn_max)
    return at.damaged("its CSNs are missing");
  return {};
}

Result<void> take_stats(const Place& at, const fb::BlockHeader& h, BlockHead& head) {
  const std::uint64_t groups = (head.info.rows + head.group_rows - 1) / head.group_rows;
  const std::uint64_t count = h.stats() == nullptr ? 0 : h.stats()->size();
  if (count != groups * head.schema.size())
    return at.damaged("its statistics are not one a column and group");
  head.stats.reserve(static_cast<std::size_t>(count));
  for (std::uint64_t i = 0; i < count; ++i) {
    const fb::Stats* stored = h.stats()->Get(static_cast<flatbuffers::uoffset_t>(i));
    auto s = stored == nullptr ? std::nullopt : read_stats(*stored, head.schema[i % head.schema.size()].type);
    if (!s) return at.damaged("its statistics are no values of their columns");
    head.stats.push_back(std::move(*s));
  }
  return {};
}

Result<void> take_bounds(const Place& at, const fb::BlockHeader& h, BlockHead& head) {
  if (h.bounds() == nullptr) return {};
  if (h.bounds()->size() != (head.info.rows + head.group_rows - 1) / head.group_rows)
    return at.damaged("its CSN bounds are not one a group");
  for (const fb::Bounds* b : *h.bounds())
    head.bounds.push_back({b->begin_min(), b->begin_max(), b->end_min(), b->end_max()});
  return {};
}

Result<Schema> take_schema(const Place& at, const fb::BlockHeader& h) {
  if (h.schema() == nullptr) return at.damaged("it has no schema");
  MutableBuffer copy;  // aligned
  copy.append(h.schema()->data(), h.schema()->size());
  auto schema = arrow::decode_schema_message(copy.freeze());
  if (!schema) return at.damaged(schema.error().message());
  if (schema->key().empty()) return at.damaged("its schema has no key");
  return schema;
}

/// Requires that the CRC of `bytes` was checked: what is wrong now, its writer did.
Result<void> take_header(const Place& at, const Buffer& bytes, std::uint64_t begin, BlockHead& head) {
  flatbuffers::Verifier v(bytes.data(), bytes.size(), 8, 4'000'000);
  if (!v.VerifyBuffer<fb::BlockHeader>(nullptr)) return at.damaged("its header is damaged");
  const fb::BlockHeader& h = *fb::GetBlockHeader(bytes.data());
  take_info(h, head.info);
  head.group_rows = h.group_rows();
  if (head.info.rows == 0 || head.info.rows > 0x7FFFFFFF || head.info.tombstones > head.info.rows ||
      head.group_rows == 0 || head.group_rows % 64 != 0)
    return at.damaged("its counts are impossible");
  FIRN_ASSIGN(head.schema, take_schema(at, h));
  FIRN_TRY(take_parts(at, h, begin, head));
  FIRN_TRY(check_parts(at, head));
  FIRN_TRY(take_stats(at, h, head));
  return take_bounds(at, h, head);
}

Result<Buffer> read_part_bytes(const Place& at, std::uint64_t begin, std::uint64_t length) {
  MutableBuffer bytes;
  bytes.resize_uninitialized(static_cast<std::size_t>(length));
  FIRN_TRY(at.file.read_at(at.offset + begin, {bytes.data(), bytes.size()}));
  return bytes.freeze();
}

std::string_view name_of(std::size_t kind) { return fb::EnumNamePartKind(static_cast<fb::PartKind>(kind)); }

/// NULL stands in the other columns of a tombstone, whatever the schema says of them.
std::vector<arrow::FieldPlan> plan_of(const BlockHead& head) {
  std::vector<arrow::FieldPlan> plan = arrow::plan_for(head.schema);
  if (head.info.tombstones != 0)
    for (arrow::FieldPlan& f : plan) f.nullable = true;
  return plan;
}

Result<Batch> decode_rows(const Place& at, const BlockHead& head, const Buffer& bytes) {
  std::uint64_t offset = 0;
  FIRN_ASSIGN(auto message, arrow::read_message(bytes, offset));
  const arrowfb::RecordBatch* batch = message ? message->root->header_as_RecordBatch() : nullptr;
  if (batch == nullptr || static_cast<std::uint64_t>(batch->length()) != head.info.rows)
    return at.damaged("its record batch has another number of rows");
  FIRN_ASSIGN(auto columns,
              arrow::decode_columns(*batch, message->body, plan_of(head), nullptr, arrow::Trust::own, 0));
  return Batch(head.schema, batch->length(), std::move(columns));
}

bool is_permutation_of_rows(std::span<const std::uint32_t> order) {
  std::vector<bool> seen(order.size());
  for (std::uint32_t row : order) {
    if (row >= order.size() || seen[row]) return false;
    seen[row] = true;
  }
  return true;
}

}  // namespace

Result<BlockHead> read_head(const io::File& file, std::uint64_t offset, std::uint64_t store_id) {
  const Place at{file, offset};
  FIRN_ASSIGN(const BlockPrefix prefix, read_prefix(at, store_id));
  FIRN_ASSIGN(const std::uint64_t size, file.size());
  if (offset > size || prefix.length > size - offset)
    return at.damaged("it reaches beyond the end of the file");
  BlockHead head;
  head.seed = seed_of(store_id, prefix.id);
  FIRN_ASSIGN(const Buffer header, read_part_bytes(at, sizeof prefix, prefix.header_length));
  if (io::crc32c(header.bytes(), head.seed) != prefix.header_crc)
    return at.damaged("its header does not match its checksum");
  head.info.path = file.path();
  head.info.offset = offset;
  head.info.length = prefix.length;
  FIRN_TRY(take_header(at, header, sizeof prefix + prefix.header_length, head));
  if (head.info.id != prefix.id) return at.damaged("prefix and header name different ids");
  return head;
}

Result<std::shared_ptr<const BlockBody>> read_body(const io::File& file, const BlockHead& head) {
  const Place at{file, head.info.offset};
  auto body = std::make_shared<BlockBody>();
  FIRN_ASSIGN(body->bytes, read_part_bytes(at, head.body_offset, head.info.length - head.body_offset));
  std::array<Buffer, 7> parts;
  for (std::size_t kind = 1; kind < parts.size(); ++kind) {
    const PartRef& p = head.parts[kind];
    if (!p.present || p.offset < head.body_offset) continue;
    parts[kind] = body->bytes.slice(static_cast<std::size_t>(p.offset - head.body_offset),
                                    static_cast<std::size_t>(p.length));
    if (io::crc32c(parts[kind].bytes(), head.seed) != p.crc)
      return at.damaged(fmt::format("its part \"{}\" at byte {} does not match its checksum", name_of(kind),
                                    head.info.offset + p.offset));
  }
  auto of = [&parts](fb::PartKind kind) -> const Buffer& { return parts[static_cast<std::size_t>(kind)]; };
  FIRN_ASSIGN(body->rows, decode_rows(at, head, of(fb::PartKind::rows)));
  body->order = of(fb::PartKind::order).as<std::uint32_t>();
  body->csns = of(fb::PartKind::csns).as<std::uint64_t>();
  body->ends = of(fb::PartKind::ends).as<std::uint64_t>();
  body->tombstones = of(fb::PartKind::tombstones);
  if (!is_permutation_of_rows(body->order)) return at.damaged("its key order is no permutation of its rows");
  return std::shared_ptr<const BlockBody>(std::move(body));
}

Result<Buffer> read_filter(const io::File& file, const BlockHead& head) {
  const Place at{file, head.info.offset};
  const PartRef& p = part(head, fb::PartKind::filter);
  FIRN_ASSIGN(Buffer bytes, read_part_bytes(at, p.offset, p.length));
  if (io::crc32c(bytes.bytes(), head.seed) != p.crc)
    return at.damaged(
        fmt::format("its filter at byte {} does not match its checksum", head.info.offset + p.offset));
  return bytes;
}

Result<RowFileInfo> read_block_info(const io::File& file, std::uint64_t offset, std::uint64_t store_id) {
  FIRN_ASSIGN(BlockHead head, read_head(file, offset, store_id));
  return std::move(head.info);
}

}  // namespace firn::storage::warm
