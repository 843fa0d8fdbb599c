#include <fmt/format.h>

#include <algorithm>

#include "io/crc32c.hpp"
#include "schema/arrow_encode.hpp"
#include "storage/file_keys.hpp"
#include "storage/warm/block.hpp"
#include "storage/warm/block_format.hpp"
#include "storage/warm/block_stats.hpp"
#include "storage/warm/history_layout.hpp"
#include "storage/warm/key_filter.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace firn::storage::warm {
namespace fb = blockfb;

std::uint32_t seed_of(std::uint64_t store_id, std::uint64_t id) {
  const std::uint64_t both[2] = {store_id, id};
  std::uint8_t bytes[sizeof both];
  std::memcpy(bytes, both, sizeof both);
  return io::crc32c(bytes);
}

namespace {

/// Two keys may be equal only in history, and then stand in CSN order.
Result<void> settle_equal_keys(const BlockInput& in, const KeyColumn& keys,
                               std::vector<std::uint32_t>& order) {
  const std::size_t n = keys.size();
  auto row = [&order](std::size_t i) { return order.empty() ? i : order[i]; };
  bool sorted = true;
  for (std::size_t i = 1; i < n; ++i) {
    if (keys.compare(row(i - 1), keys, row(i)) != 0) continue;
    if (!in.history)
      return Error(
          ErrorCode::invalid_argument,
          fmt::format("rows {} and {} of a block have the same key; keep the later one", row(i - 1), row(i)));
    sorted &= in.csns[row(i - 1)] < in.csns[row(i)];
  }
  if (sorted) return {};
  if (order.empty()) {
    order.resize(n);
    for (std::size_t i = 0; i < n; ++i) order[i] = static_cast<std::uint32_t>(i);
  }
  std::stable_sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
    const auto c = keys.compare(a, keys, b);
    return c < 0 || (c == 0 && in.csns[a] < in.csns[b]);
  });
  return {};
}

/// Non-descending keys: no two neighbours out of order (equal ones occur in history).
bool is_ascending(const KeyColumn& keys) {
  for (std::size_t i = 1; i < keys.size(); ++i)
    if (keys.compare(i - 1, keys, i) > 0) return false;
  return true;
}

bool is_dense(const KeyColumn& keys) {
  if (!keys.is_fixed() || !keys.is_strictly_ascending()) return false;
  const auto values = keys.values();
  return values.back() - values.front() < 2 * static_cast<std::uint64_t>(values.size());
}

/// What one part is made of; its bytes lie at `offset` behind the head.
struct PartPieces {
  fb::PartKind kind{};
  std::uint64_t offset = 0, length = 0;
  std::size_t first = 0, count = 0;  ///< of the list of pieces, without the padding
};

/// Statistics that take as many bytes as any.
ColumnStats widest_stats(TypeId type) {
  ColumnStats s;
  s.min = s.max =
      is_variable(type) ? Value::of_bytes(type, std::string(kStatBytesMax, 'x')) : Value(std::uint64_t{0});
  s.exact = false;
  s.nulls = ~std::uint64_t{0};
  return s;
}

class BlockWriter {
 public:
  BlockWriter(const BlockInput& in, RowFileInfo info, const BlockOptions& options)
      : in_(in), info_(std::move(info)), options_(options), seed_(seed_of(options.store_id, info_.id)) {}

  Result<void> lay_out() {
    FIRN_TRY(check());
    FIRN_TRY(plain_columns());
    FIRN_TRY(order_keys());
    describe();
    add_parts();
    return reserve_head();
  }
  std::size_t head_bytes() const { return head_bytes_; }
  std::span<const Buffer> pieces() const { return pieces_; }

  EncodedBlock finish() {
    collect_stats();
    sum_parts();
    EncodedBlock out;
    out.parts.push_back(make_head());
    out.crc = crc_of(out.parts.front());
    out.parts.insert(out.parts.end(), pieces_.begin(), pieces_.end());
    info_.length = head_bytes_ + body_length_;
    info_.hash = hash_of(out.parts);
    out.info = info_;
    return out;
  }

 private:
  Error bad(std::string_view what) const {
    return {ErrorCode::invalid_argument, fmt::format("warm block {}: {}", info_.id, what)};
  }

  Result<void> check() const {
    const auto n = static_cast<std::size_t>(in_.rows.rows());
    if (n == 0) return bad("it has no rows");
    if (n > 0x7FFFFFFF) return bad("it has more than 2^31 - 1 rows");
    if (in_.rows.schema().key().empty()) return bad("its schema has no key");
    if (!in_.csns.empty() && in_.csns.size() != n) return bad("there is not one CSN a row");
    if (in_.history != !in_.ends.empty()) return bad("end CSNs belong to history blocks");
    if (in_.history && (in_.ends.size() != n || in_.csns.size() != n))
      return bad("history needs both CSNs of each row");
    if (!in_.tombstones.empty() && in_.tombstones.size() < bitmap_bytes(n))
      return bad("its tombstones are too short");
    if (options_.group_rows == 0 || options_.group_rows % 64 != 0)
      return bad("group_rows is no multiple of 64");
    for (std::size_t i = 0; i < in_.ends.size(); ++i)
      if (in_.ends[i] <= in_.csns[i]) return bad(fmt::format("row {} ends before it begins", i));
    return {};
  }

  Result<void> plain_columns() {
    for (const Column& c : in_.rows.columns()) columns_.push_back(c.dictionary ? c.to_plain() : c);
    return {};
  }

  Result<void> order_keys() {
    if (in_.order != nullptr) {
      keys_ = &in_.order->keys;
      order_ = in_.order->rows;
    } else {
      FIRN_ASSIGN(own_keys_, keys_of(in_.rows));
      keys_ = &own_keys_;
      if (!is_ascending(*keys_)) order_ = keys_->sort_permutation();
    }
    if (keys_->size() != static_cast<std::size_t>(in_.rows.rows()))
      return bad("the key order is of other rows");
    return in_.order != nullptr && in_.order->distinct ? Result<void>()
                                                       : settle_equal_keys(in_, *keys_, order_);
  }

  void describe() {
    const auto n = static_cast<std::size_t>(in_.rows.rows());
    info_.tier = StorageTier::warm;
    info_.history = in_.history;
    info_.rows = n;
    std::string scratch;
    info_.key_min = keys_->at(order_.empty() ? 0 : order_.front(), scratch);
    info_.key_max = keys_->at(order_.empty() ? n - 1 : order_.back(), scratch);
    if (!in_.csns.empty()) {
      const auto [min, max] = std::minmax_element(in_.csns.begin(), in_.csns.end());
      info_.csn_min = *min;
      info_.csn_max = *max;
    }
    info_.end_max = in_.ends.empty() ? 0 : *std::max_element(in_.ends.begin(), in_.ends.end());
    info_.tombstones = 0;
    for (std::size_t i = 0; !in_.tombstones.empty() && i < n; ++i)
      info_.tombstones += bit_at(in_.tombstones.data(), i) ? 1 : 0;
    for (std::size_t first = 0; in_.history && first < n; first += options_.group_rows) {
      const std::size_t count = std::min<std::size_t>(options_.group_rows, n - first);
      const CsnBounds c = CsnBounds::of(in_.csns.subspan(first, count), in_.ends.subspan(first, count));
      bounds_.emplace_back(c.begin_min, c.begin_max, c.end_min, c.end_max);
    }
  }

  void collect_stats() {
    const auto n = static_cast<std::size_t>(in_.rows.rows());
    stats_.clear();
    info_.time_min.reset();
    info_.time_max.reset();
    for (std::size_t first = 0; first < n; first += options_.group_rows)
      for (const Column& c : columns_)
        stats_.push_back(column_stats(c, first, std::min<std::size_t>(options_.group_rows, n - first)));
    const auto time = in_.rows.schema().time();
    if (!time) return;
    for (std::size_t i = *time; i < stats_.size(); i += columns_.size()) {
      if (stats_[i].min.is_null()) continue;
      const std::int64_t min = stats_[i].min.to_i64(), max = stats_[i].max.to_i64();
      info_.time_min = info_.time_min ? std::min(*info_.time_min, min) : min;
      info_.time_max = info_.time_max ? std::max(*info_.time_max, max) : max;
    }
  }

  /// Adds the pieces of one part; they lie behind what is there, padded to 64 bytes.
  void add_part(fb::PartKind kind, std::span<const Buffer> pieces) {
    PartPieces part{kind, body_length_, 0, pieces_.size(), 0};
    for (const Buffer& b : pieces) {
      if (b.empty()) continue;
      part.length += b.size();
      pieces_.push_back(b);
    }
    part.count = pieces_.size() - part.first;
    parts_.push_back(part);
    Buffer pad = arrow::padding_for(part.length);
    body_length_ += part.length + pad.size();
    if (!pad.empty()) pieces_.push_back(std::move(pad));
  }

  template <class T>
  void add_numbers(fb::PartKind kind, std::span<const T> numbers) {
    MutableBuffer copy;
    copy.append(numbers.data(), numbers.size_bytes());
    const Buffer b = copy.freeze();
    add_part(kind, {&b, 1});
  }

  void add_parts() {
    // The filter first: a point read asks for it, and only for it, when the key is not here.
    if (!is_dense(*keys_)) {
      const Buffer filter = build_key_filter(*keys_);
      add_part(fb::PartKind::filter, {&filter, 1});
    }
    arrow::EncodedMessage message = arrow::encode_record_batch(in_.rows.rows(), columns_);
    std::vector<Buffer> pieces{message.metadata};
    pieces.insert(pieces.end(), message.body.begin(), message.body.end());
    add_part(fb::PartKind::rows, pieces);
    if (!order_.empty()) add_numbers<std::uint32_t>(fb::PartKind::order, order_);
    if (!in_.csns.empty() && info_.csn_min != info_.csn_max) add_numbers(fb::PartKind::csns, in_.csns);
    if (!in_.ends.empty()) add_numbers(fb::PartKind::ends, in_.ends);
    if (info_.tombstones != 0) {
      const Buffer bits = in_.tombstones.slice(0, bitmap_bytes(static_cast<std::size_t>(in_.rows.rows())));
      add_part(fb::PartKind::tombstones, {&bits, 1});
    }
  }

  /// Room for any statistics: how long theirs are is not known yet.
  Result<void> reserve_head() {
    const std::size_t groups = (info_.rows + options_.group_rows - 1) / options_.group_rows;
    for (std::size_t g = 0; g < groups; ++g)
      for (const Column& c : columns_) stats_.push_back(widest_stats(c.type));
    // What alignment and tables of fewer fields may take beyond that.
    const std::size_t slack = 256 + 16 * stats_.size();
    const std::size_t header_bytes_max = build_header().size() + slack;
    if (header_bytes_max > kHeaderBytesMax)
      return bad("too many columns and groups for one header; write smaller blocks");
    head_bytes_ =
        (sizeof(BlockPrefix) + header_bytes_max + kPartAlignment - 1) / kPartAlignment * kPartAlignment;
    return {};
  }

  void sum_parts() {
    for (const PartPieces& part : parts_) {
      std::uint32_t crc = seed_;
      for (std::size_t i = part.first; i < part.first + part.count; ++i)
        crc = io::crc32c(pieces_[i].bytes(), crc);
      table_.emplace_back(head_bytes_ + part.offset, part.length, crc, part.kind);
    }
  }

  Buffer build_header() const {
    flatbuffers::FlatBufferBuilder b(4096);
    auto bytes = [&b](std::string_view s) {
      return b.CreateVector(reinterpret_cast<const std::uint8_t*>(s.data()), s.size());  // NOLINT: bytes
    };
    std::vector<flatbuffers::Offset<fb::Stats>> stats;
    stats.reserve(stats_.size());
    for (const ColumnStats& s : stats_) stats.push_back(write_stats(b, s));
    std::vector<fb::Part> table = table_;
    table.resize(parts_.size());
    const Buffer schema = arrow::encode_schema_message(in_.rows.schema());
    auto stats_vector = b.CreateVector(stats);
    auto bounds_vector = b.CreateVectorOfStructs(bounds_);
    auto table_vector = b.CreateVectorOfStructs(table);
    auto schema_vector = b.CreateVector(schema.data(), schema.size());
    auto key_min = bytes(info_.key_min);
    auto key_max = bytes(info_.key_max);
    fb::BlockHeaderBuilder h(b);
    b.ForceDefaults(true);  // so that the length does not depend on the values
    h.add_id(info_.id);
    h.add_history(info_.history);
    h.add_schema_version(info_.schema_version);
    h.add_rows(info_.rows);
    h.add_tombstones(info_.tombstones);
    h.add_group_rows(options_.group_rows);
    h.add_key_min(key_min);
    h.add_key_max(key_max);
    h.add_csn_min(info_.csn_min);
    h.add_csn_max(info_.csn_max);
    h.add_end_max(info_.end_max);
    h.add_has_time(info_.time_min.has_value());
    h.add_time_min(info_.time_min.value_or(0));
    h.add_time_max(info_.time_max.value_or(0));
    h.add_created_us(info_.created_us);
    h.add_block_number(info_.block_number);
    h.add_schema(schema_vector);
    h.add_parts(table_vector);
    h.add_stats(stats_vector);
    if (in_.history) h.add_bounds(bounds_vector);
    b.Finish(h.Finish());
    MutableBuffer out;
    out.append(b.GetBufferPointer(), b.GetSize());
    return out.freeze();
  }

  /// Prefix and header, zeros up to the first part.
  Buffer make_head() const {
    const Buffer header = build_header();
    FIRN_CHECK(sizeof(BlockPrefix) + header.size() <= head_bytes_);
    BlockPrefix prefix;
    prefix.store_id = options_.store_id;
    prefix.id = info_.id;
    prefix.length = head_bytes_ + body_length_;
    prefix.header_length = static_cast<std::uint32_t>(header.size());
    prefix.header_crc = io::crc32c(header.bytes(), seed_);
    MutableBuffer head(head_bytes_);
    std::memcpy(head.data(), &prefix, sizeof prefix);
    const std::uint32_t crc = io::crc32c({head.data(), sizeof prefix - 4}, seed_);
    std::memcpy(head.data() + sizeof prefix - 4, &crc, 4);
    std::memcpy(head.data() + sizeof prefix, header.data(), header.size());
    return head.freeze();
  }

  static std::uint64_t hash_of(std::span<const Buffer> parts) {
    XXH3_state_t state;
    XXH3_64bits_reset(&state);
    for (const Buffer& b : parts) XXH3_64bits_update(&state, b.data(), b.size());
    return XXH3_64bits_digest(&state);
  }

  /// Of all bytes; those of the parts, nearly all, are summed already.
  std::uint32_t crc_of(const Buffer& head) const {
    std::uint32_t crc = io::crc32c(head.bytes());
    for (const fb::Part& p : table_) {
      // The part's own checksum began at the seed: crc(0, part) is what is left without it.
      const std::uint32_t own = io::crc32c_combine(seed_, p.crc(), p.length());
      crc = io::crc32c_combine(crc, own, p.length());
      crc = io::crc32c(arrow::padding_for(p.length()).bytes(), crc);
    }
    return crc;
  }

  const BlockInput in_;
  RowFileInfo info_;
  const BlockOptions options_;
  const std::uint32_t seed_;
  KeyColumn own_keys_;
  const KeyColumn* keys_ = nullptr;
  std::vector<std::uint32_t> order_;
  std::vector<Column> columns_;
  std::vector<ColumnStats> stats_;
  std::vector<fb::Bounds> bounds_;  ///< history
  std::vector<PartPieces> parts_;
  std::vector<fb::Part> table_;  ///< of the parts, once they are summed
  std::vector<Buffer> pieces_;   ///< behind the head
  std::uint64_t body_length_ = 0;
  std::size_t head_bytes_ = 0;
};

/// Whether rows must be laid out anew, so that each group holds versions that lived at about the same time.
bool is_cut(const BlockInput& in, const BlockOptions& options) {
  const auto n = static_cast<std::size_t>(in.rows.rows());
  const bool sound = in.csns.size() == n && in.ends.size() == n && in.order == nullptr &&
                     (in.tombstones.empty() || in.tombstones.size() >= bitmap_bytes(n));
  return in.history && sound && options.group_rows != 0 && n > options.group_rows;
}

}  // namespace

class BlockEncoder::Impl {
 public:
  Impl(const BlockInput& in, RowFileInfo info, const BlockOptions& options)
      : laid_(is_cut(in, options) ? std::make_unique<HistoryLayout>(in, options.group_rows) : nullptr),
        writer(laid_ ? laid_->input() : in, std::move(info), options) {}

 private:
  std::unique_ptr<const HistoryLayout> laid_;

 public:
  BlockWriter writer;
};

BlockEncoder::BlockEncoder(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
BlockEncoder::BlockEncoder(BlockEncoder&&) noexcept = default;
BlockEncoder::~BlockEncoder() = default;

Result<BlockEncoder> BlockEncoder::begin(const BlockInput& input, RowFileInfo info,
                                         const BlockOptions& options) {
  auto impl = std::make_unique<Impl>(input, std::move(info), options);
  FIRN_TRY(impl->writer.lay_out());
  return BlockEncoder(std::move(impl));
}

std::size_t BlockEncoder::head_bytes() const { return impl_->writer.head_bytes(); }
std::span<const Buffer> BlockEncoder::parts() const { return impl_->writer.pieces(); }
EncodedBlock BlockEncoder::finish() { return impl_->writer.finish(); }

Result<EncodedBlock> encode_block(const BlockInput& input, RowFileInfo info, const BlockOptions& options) {
  FIRN_ASSIGN(BlockEncoder encoder, BlockEncoder::begin(input, std::move(info), options));
  return encoder.finish();
}

Result<Batch> drop_duplicate_keys(const Batch& batch, KeyOrder* order) {
  FIRN_ASSIGN(KeyColumn keys, keys_of(batch));
  std::vector<std::uint32_t> sorted;
  if (!keys.is_strictly_ascending()) sorted = keys.sort_permutation();
  // Equal keys stand in row order, so the last of a run is the latest.
  std::vector<bool> drop;
  for (std::size_t i = 1; i < sorted.size(); ++i) {
    if (keys.compare(sorted[i - 1], keys, sorted[i]) != 0) continue;
    drop.resize(sorted.size());
    drop[sorted[i - 1]] = true;
  }
  if (drop.empty()) {
    if (order != nullptr) *order = {std::move(keys), std::move(sorted), true};
    return batch;
  }
  std::vector<std::uint32_t> kept;
  for (std::size_t i = 0; i < drop.size(); ++i)
    if (!drop[i]) kept.push_back(static_cast<std::uint32_t>(i));
  Batch out = batch.take(kept);
  if (order != nullptr) {
    order->distinct = true;
    FIRN_ASSIGN(order->keys, keys_of(out));
    order->rows =
        order->keys.is_strictly_ascending() ? std::vector<std::uint32_t>{} : order->keys.sort_permutation();
  }
  return out;
}

}  // namespace firn::storage::warm
