#include "storage/warm/block.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>

#include <storage/block_generated.h>
#include "storage/warm/block_body.hpp"
#include "storage/warm/key_filter.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace firn::storage::warm {
namespace {

constexpr std::uint64_t kNarrow =
    8;  // looking for more than one row in so many costs as much as reading all of them

Column u64_column(std::span<const std::uint64_t> numbers, const std::shared_ptr<const void>& owner) {
  Column c;
  c.type = TypeId::u64;
  c.length = static_cast<std::int64_t>(numbers.size());
  c.values =
      Buffer(owner, reinterpret_cast<const std::uint8_t*>(numbers.data()), numbers.size_bytes());  // NOLINT
  return c;
}

/// n times the same number: a dictionary of one entry.
Column constant_column(std::uint64_t number, std::size_t n) {
  MutableBuffer one;
  one.push(number);
  Column entry;
  entry.type = TypeId::u64;
  entry.length = 1;
  entry.values = one.freeze();
  Column c;
  c.type = TypeId::u64;
  c.length = static_cast<std::int64_t>(n);
  c.values = MutableBuffer(n * 4).freeze();
  c.dictionary = std::make_shared<const Column>(std::move(entry));
  return c;
}

class Block final : public RowFile {
 public:
  Block(std::shared_ptr<const io::File> file, BlockHead head, std::shared_ptr<CacheShare> share)
      : file_(std::move(file)),
        head_(std::move(head)),
        share_(std::move(share)),
        owner_(BlockCache::new_owner()) {}
  ~Block() override { share_->erase(body_key()); }
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;

  const RowFileInfo& info() const override { return head_.info; }
  const Schema& schema() const override { return head_.schema; }
  std::size_t groups() const override {
    return static_cast<std::size_t>((head_.info.rows + head_.group_rows - 1) / head_.group_rows);
  }
  std::uint64_t group_first(std::size_t group) const override {
    return std::min<std::uint64_t>(group * std::uint64_t{head_.group_rows}, head_.info.rows);
  }
  const ColumnStats* stats(std::size_t group, std::size_t column) const override {
    const std::size_t at = group * head_.schema.size() + column;
    return at < head_.stats.size() ? &head_.stats[at] : nullptr;
  }

  CsnBounds bounds(std::size_t group) const override {
    if (!head_.bounds.empty()) return head_.bounds[group];
    CsnBounds whole{head_.info.csn_min, head_.info.csn_max};
    if (head_.info.history) whole.end_max = head_.info.end_max;
    return whole;
  }

  Result<std::vector<Column>> read(std::size_t group, std::span<const std::size_t> columns,
                                   ReadCost& cost) const override {
    FIRN_ASSIGN(auto body, this->body(cost));
    FIRN_TRY(check_group(group));
    std::vector<Column> out;
    out.reserve(columns.size());
    for (std::size_t c : columns) {
      if (c >= body->rows.columns().size()) return no_column(c);
      out.push_back(body->rows[c].slice(first(group), count(group)));
      cost.bytes_decoded += out.back().byte_size();
    }
    ++cost.groups_read;
    return out;
  }

  using RowFile::read;

  Result<std::optional<std::vector<std::uint32_t>>> rows_between(std::size_t group, const Value& min,
                                                                 const Value& max,
                                                                 ReadCost& cost) const override {
    FIRN_TRY(check_group(group));
    FIRN_ASSIGN(auto body, this->body(cost));
    const Column& keys = body->rows[head_.schema.key().front()];
    // In key order: the first place whose key does not begin with a lower value; behind: with a higher one.
    const auto boundary = [&](const Value& value, bool behind) {
      std::size_t low = 0, high = static_cast<std::size_t>(head_.info.rows);
      while (low < high) {
        const std::size_t middle = low + (high - low) / 2;
        const auto order = keys.value_at(row_at(*body, middle)) <=> value;
        (order < 0 || (behind && order == 0) ? low = middle + 1 : high = middle);
      }
      return low;
    };
    const std::size_t begin = min.is_null() ? 0 : boundary(min, false);
    const std::size_t end = max.is_null() ? static_cast<std::size_t>(head_.info.rows) : boundary(max, true);
    std::optional<std::vector<std::uint32_t>> rows;
    if (begin < end && (end - begin) * kNarrow > head_.info.rows) return rows;
    rows.emplace();
    for (std::size_t p = begin; p < end; ++p) {
      const std::uint32_t row = row_at(*body, p);
      if (row >= first(group) && row < first(group + 1))
        rows->push_back(row - static_cast<std::uint32_t>(first(group)));
    }
    std::sort(rows->begin(), rows->end());
    return rows;
  }

  Result<Column> csns(std::size_t group, ReadCost& cost) const override {
    FIRN_TRY(check_group(group));
    if (is_constant()) return constant_column(head_.info.csn_min, count(group));
    FIRN_ASSIGN(auto body, this->body(cost));
    return u64_column(body->csns.subspan(first(group), count(group)), body);
  }

  Result<Column> ends(std::size_t group, ReadCost& cost) const override {
    FIRN_TRY(check_group(group));
    if (!head_.info.history)
      return Error(ErrorCode::invalid_argument, where() + ": end CSNs of a block that holds current rows");
    FIRN_ASSIGN(auto body, this->body(cost));
    return u64_column(body->ends.subspan(first(group), count(group)), body);
  }

  Result<Buffer> tombstones(std::size_t group, ReadCost& cost) const override {
    FIRN_TRY(check_group(group));
    if (head_.info.tombstones == 0) return Buffer{};
    FIRN_ASSIGN(auto body, this->body(cost));
    // Groups begin at multiples of 64 rows, so their bits begin with a byte.
    const Buffer bits = body->tombstones.slice(first(group) / 8, bitmap_bytes(count(group)));
    return Buffer(body, bits.data(), bits.size());
  }

  Result<std::shared_ptr<const FileKeys>> keys() const override {
    std::lock_guard lock(keys_mutex_);
    if (auto shared = keys_.lock()) return shared;
    ReadCost cost;
    FIRN_ASSIGN(auto body, this->body(cost));
    std::vector<Column> columns;
    for (std::size_t p : head_.schema.key())
      columns.push_back(body->order.empty() ? body->rows[p] : body->rows[p].take(body->order));
    auto made = std::make_shared<FileKeys>();
    FIRN_ASSIGN(made->keys, KeyColumn::encode(head_.schema, columns, body->rows.rows()));
    made->rows.assign(body->order.begin(), body->order.end());
    keys_ = made;
    return std::shared_ptr<const FileKeys>(std::move(made));
  }

  Result<std::optional<std::uint32_t>> find(std::string_view key, std::uint64_t csn,
                                            ReadCost& cost) const override {
    if (key < head_.info.key_min || head_.info.key_max < key) return std::optional<std::uint32_t>{};
    FIRN_ASSIGN(const bool may_hold, filter_may_hold(key, cost));
    if (!may_hold) {
      ++cost.blooms_hit;
      return std::optional<std::uint32_t>{};
    }
    FIRN_ASSIGN(auto body, this->body(cost));
    return head_.info.history ? find_version(*body, key, csn) : find_key(*body, key);
  }

  Result<PointRow> row(std::uint32_t row, std::span<const std::size_t> columns,
                       ReadCost& cost) const override {
    FIRN_ASSIGN(auto body, this->body(cost));
    if (row >= head_.info.rows)
      return Error(ErrorCode::out_of_range, fmt::format("{}: row {} of {}", where(), row, head_.info.rows));
    PointRow out;
    out.values.reserve(columns.size());
    for (std::size_t c : columns) {
      if (c >= body->rows.columns().size()) return no_column(c);
      out.values.push_back(body->rows[c].value_at(row));
    }
    out.csn = csn_of(*body, row);
    out.tombstone = !body->tombstones.empty() && bit_at(body->tombstones.data(), row);
    return out;
  }

  std::vector<ColumnDetail> details() const override {
    ReadCost cost;
    std::vector<ColumnDetail> out;
    auto body = this->body(cost);
    for (std::size_t i = 0; i < head_.schema.size(); ++i) {
      const std::uint64_t bytes = body ? (*body)->rows[i].byte_size() : 0;
      out.push_back({head_.schema[i].name, "plain", bytes, bytes, "warm blocks keep batches as they came"});
    }
    return out;
  }

  Result<void> verify() const override;

 private:
  std::string where() const {
    return fmt::format("{}: warm block {} at byte {}", head_.info.path, head_.info.id, head_.info.offset);
  }
  Error no_column(std::size_t c) const {
    return {ErrorCode::invalid_argument, fmt::format("{} has no column {}", where(), c)};
  }
  Result<void> check_group(std::size_t group) const {
    if (group < groups()) return {};
    return Error(ErrorCode::out_of_range, fmt::format("{}: group {} of {}", where(), group, groups()));
  }
  std::size_t first(std::size_t group) const { return static_cast<std::size_t>(group_first(group)); }
  std::size_t count(std::size_t group) const { return first(group + 1) - first(group); }
  bool is_constant() const { return !part(blockfb::PartKind::csns).present; }
  const PartRef& part(blockfb::PartKind kind) const { return head_.parts[static_cast<std::size_t>(kind)]; }
  std::uint64_t csn_of(const BlockBody& body, std::uint32_t row) const {
    return body.csns.empty() ? head_.info.csn_min : body.csns[row];
  }

  BlockCache::Key body_key() const { return {owner_, 0}; }

  Result<std::shared_ptr<const BlockBody>> body(ReadCost& cost) const {
    if (auto cached = share_->find<BlockBody>(body_key())) return cached;
    std::lock_guard lock(body_mutex_);  // one reader loads, the others wait for it
    if (auto shared = body_.lock()) {
      share_->insert(body_key(), shared, shared->bytes.size());
      return shared;
    }
    FIRN_ASSIGN(auto loaded, read_body(*file_, head_));
    cost.bytes_read += loaded->bytes.size();
    body_ = loaded;
    share_->insert(body_key(), loaded, loaded->bytes.size());
    return loaded;
  }

  Result<bool> filter_may_hold(std::string_view key, ReadCost& cost) const {
    if (!part(blockfb::PartKind::filter).present) return true;
    std::lock_guard lock(filter_mutex_);
    if (filter_.empty()) {
      FIRN_ASSIGN(filter_, read_filter(*file_, head_));
      cost.bytes_read += filter_.size();
    }
    return key_filter_may_hold(filter_.bytes(), key);
  }

  /// Position of the first row in key order whose key is not below `key`.
  Result<std::size_t> lower_bound(const BlockBody& body, std::string_view key) const {
    std::size_t low = 0, high = static_cast<std::size_t>(body.rows.rows());
    std::string encoded;
    while (low < high) {
      const std::size_t middle = low + (high - low) / 2;
      FIRN_TRY(encode_at(body, middle, encoded));
      if (std::string_view(encoded) < key) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }

  static std::uint32_t row_at(const BlockBody& body, std::size_t position) {
    return body.order.empty() ? static_cast<std::uint32_t>(position) : body.order[position];
  }

  Result<void> encode_at(const BlockBody& body, std::size_t position, std::string& encoded) const {
    encoded.clear();
    return encode_key(head_.schema, body.rows, row_at(body, position), encoded);
  }

  Result<std::optional<std::uint32_t>> find_key(const BlockBody& body, std::string_view key) const {
    FIRN_ASSIGN(const std::size_t at, lower_bound(body, key));
    if (at == head_.info.rows) return std::optional<std::uint32_t>{};
    std::string encoded;
    FIRN_TRY(encode_at(body, at, encoded));
    if (encoded != key) return std::optional<std::uint32_t>{};
    return std::optional<std::uint32_t>(row_at(body, at));
  }

  /// Versions of a key stand in CSN order and do not overlap.
  Result<std::optional<std::uint32_t>> find_version(const BlockBody& body, std::string_view key,
                                                    std::uint64_t csn) const {
    FIRN_ASSIGN(std::size_t at, lower_bound(body, key));
    std::string encoded;
    for (; at < head_.info.rows; ++at) {
      FIRN_TRY(encode_at(body, at, encoded));
      if (encoded != key) break;
      const std::uint32_t row = row_at(body, at);
      if (csn_of(body, row) <= csn && csn < body.ends[row]) return std::optional<std::uint32_t>(row);
    }
    return std::optional<std::uint32_t>{};
  }

  std::shared_ptr<const io::File> file_;
  BlockHead head_;
  const std::shared_ptr<CacheShare> share_;
  std::uint64_t owner_;
  mutable std::mutex body_mutex_, keys_mutex_, filter_mutex_;
  mutable std::weak_ptr<const BlockBody> body_;
  mutable std::weak_ptr<const FileKeys> keys_;
  mutable Buffer filter_;
};

Result<void> Block::verify() const {
  constexpr std::size_t kChunk = std::size_t{1} << 20;
  XXH3_state_t state;
  XXH3_64bits_reset(&state);
  std::vector<std::uint8_t> chunk(kChunk);
  for (std::uint64_t at = 0; at < head_.info.length; at += kChunk) {
    const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(kChunk, head_.info.length - at));
    FIRN_TRY(file_->read_at(head_.info.offset + at, {chunk.data(), n}));
    XXH3_64bits_update(&state, chunk.data(), n);
  }
  // Parts first: their checksums say where the damage is.
  if (part(blockfb::PartKind::filter).present) FIRN_TRY(read_filter(*file_, head_));
  FIRN_ASSIGN(auto body, read_body(*file_, head_));
  if (head_.info.hash != 0 && XXH3_64bits_digest(&state) != head_.info.hash)
    return Error(ErrorCode::corrupt, where() + ": its bytes do not match the hash in the catalog");
  std::string previous, current;
  for (std::size_t i = 0; i < head_.info.rows; ++i) {
    FIRN_TRY(encode_at(*body, i, current));
    if (i != 0 && (current < previous || (current == previous && !head_.info.history)))
      return Error(ErrorCode::corrupt, where() + fmt::format(": keys are out of order at position {}", i));
    std::swap(previous, current);
  }
  return {};
}

/// The catalog's word counts for what a commit decides; the rest must agree.
Result<void> agree(const RowFileInfo& given, BlockHead& head) {
  auto differs = [&](std::string_view what) {
    return Error(ErrorCode::corrupt,
                 fmt::format("{}: warm block at byte {}: its {} is not the one in the catalog",
                             head.info.path, given.offset, what));
  };
  if (given.id != head.info.id) return differs("id");
  if (given.length != head.info.length) return differs("length");
  if (given.rows != head.info.rows) return differs("number of rows");
  if (given.history != head.info.history) return differs("kind");
  const bool constant = !head.parts[static_cast<std::size_t>(blockfb::PartKind::csns)].present;
  if (constant && given.csn_min != given.csn_max) return differs("CSN range");
  RowFileInfo info = given;
  info.tier = StorageTier::warm;
  info.tombstones = head.info.tombstones;
  info.key_min = head.info.key_min;
  info.key_max = head.info.key_max;
  head.info = std::move(info);
  return {};
}

}  // namespace

Result<std::shared_ptr<const RowFile>> open_block(std::shared_ptr<const io::File> file,
                                                  const RowFileInfo& info, std::uint64_t store_id,
                                                  std::shared_ptr<CacheShare> share) {
  FIRN_ASSIGN(BlockHead head, read_head(*file, info.offset, store_id));
  FIRN_TRY(agree(info, head));
  return std::shared_ptr<const RowFile>(
      std::make_shared<const Block>(std::move(file), std::move(head), std::move(share)));
}

Result<std::shared_ptr<const RowFile>> open_block(io::Disk& disk, const RowFileInfo& info,
                                                  std::uint64_t store_id, std::shared_ptr<CacheShare> share) {
  FIRN_ASSIGN(auto file, disk.open(info.path, io::Disk::Mode::read));
  return open_block(std::shared_ptr<const io::File>(std::move(file)), info, store_id, std::move(share));
}

}  // namespace firn::storage::warm
