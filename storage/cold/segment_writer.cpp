// Row groups are collected, encoded column by column and appended; the footer goes last and is read back.
#include <algorithm>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "io/crc32c.hpp"
#include "storage/cold/bloom_filter.hpp"
#include "storage/cold/segment.hpp"
#include "storage/cold/segment_footer.hpp"

namespace firn::storage::cold {
namespace {

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? "" : path.substr(0, slash);
}

template <class T>
std::string sealed_bytes(T t) {
  std::uint8_t raw[sizeof t];
  std::memcpy(raw, &t, sizeof t);
  t.crc = io::crc32c(std::span<const std::uint8_t>(raw).first(sizeof raw - sizeof t.crc));
  ByteString out;
  put(out, t);
  return out;
}

class Writer final : public SegmentWriter {
 public:
  Writer(io::Disk& disk, Schema schema, RowFileInfo info, const SegmentOptions& options,
         std::unique_ptr<io::File> file)
      : disk_(disk),
        options_(options),
        encode_{options.zstd_level, options.zstd_min_gain},
        out_(std::move(file), {options.store_id, info.id}) {
    footer_.schema = std::move(schema);
    footer_.info = std::move(info);
    for (const ColumnSchema& c : footer_.schema.columns()) columns_.emplace_back(c.type);
    footer_.info.csn_min = kCsnMax.value;
  }
  ~Writer() override {
    if (!finished_)
      (void)disk_.remove(footer_.info.path);  // unnamed: an orphan; recovery would remove it too
  }

  Result<void> begin() {
    return out_.append(sealed_bytes(
        SegmentHeader{kSegmentMagic, kSegmentVersion, options_.store_id, footer_.info.id, 0, 0}));
  }

  Result<void> append(const Batch& rows, std::span<const std::uint64_t> csns,
                      std::span<const std::uint64_t> ends, const Buffer& tombstones) override {
    const auto n = static_cast<std::size_t>(rows.rows());
    if (n == 0) return {};
    FIRN_TRY(check_shape(rows, csns, ends, tombstones));
    FIRN_TRY(take_keys(rows, csns));
    for (std::size_t at = 0; at < n;) {
      const std::size_t m = std::min(n - at, room());
      const Batch part = m == n ? rows : rows.slice(at, m);
      for (std::size_t i = 0; i < columns_.size(); ++i) columns_[i].append_column(part[i]);
      take_hidden(csns.subspan(at, m), ends.empty() ? ends : ends.subspan(at, m), tombstones, at);
      at += m;
      if (room() == 0) FIRN_TRY(flush_group());
    }
    return {};
  }

  std::uint64_t rows() const override { return footer_.info.rows + csns_.size(); }

  Result<RowFileInfo> finish() override {
    if (rows() == 0)
      return Error(ErrorCode::invalid_argument, footer_.info.path + ": a segment needs at least one row");
    if (!csns_.empty()) FIRN_TRY(flush_group());
    FIRN_TRY(write_key_index());
    SegmentTrailer t{
        options_.store_id, footer_.info.id, out_.offset(), 0, 0, kSegmentVersion, kSegmentMagic, 0, 0};
    FIRN_ASSIGN(footer_.block_crcs, out_.end_blocks());
    const std::string bytes = write_footer(footer_);
    if (bytes.size() > kFooterBytesMax)
      return Error(ErrorCode::out_of_range, footer_.info.path + ": the footer is too long");
    t.footer_length = static_cast<std::uint32_t>(bytes.size());
    t.footer_crc = io::crc32c({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});  // NOLINT
    FIRN_TRY(out_.append(bytes));
    FIRN_TRY(out_.append(sealed_bytes(t)));
    footer_.info.length = out_.offset();
    FIRN_TRY(out_.finish());
    footer_.info.hash = out_.hash();
    FIRN_TRY(disk_.sync_directory(folder_of(footer_.info.path)));
    FIRN_ASSIGN(auto again, open_segment(disk_, footer_.info, options_.store_id));
    if (again->info().rows != footer_.info.rows)
      return Error(ErrorCode::corrupt, footer_.info.path + ": read back with other rows");
    finished_ = true;
    return footer_.info;
  }

 private:
  Error misuse(const std::string& what) const {
    return {ErrorCode::invalid_argument, footer_.info.path + ": " + what};
  }

  Result<void> check_shape(const Batch& rows, std::span<const std::uint64_t> csns,
                           std::span<const std::uint64_t> ends, const Buffer& tombstones) const {
    const auto n = static_cast<std::size_t>(rows.rows());
    if (rows.columns().size() != columns_.size())
      return misuse("a batch has another number of columns than the schema");
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      if (rows[i].type != columns_[i].type() || rows[i].length != rows.rows()) {
        return misuse("column " + footer_.schema[i].name +
                      " has another type or length than the schema says");
      }
    }
    if (csns.size() != n) return misuse("one CSN a row is required");
    if (ends.size() != (footer_.info.history ? n : 0))
      return misuse("end CSNs belong to history rows, one each");
    if (!tombstones.empty() && tombstones.size() < bitmap_bytes(n)) return misuse("too few tombstone bits");
    if (rows_seen_ + n > std::numeric_limits<std::uint32_t>::max())
      return Error(ErrorCode::out_of_range, "a segment holds at most 2^32 - 1 rows");
    return {};
  }

  /// Rows until the group is full.
  std::size_t room() const {
    const std::size_t limit = std::clamp<std::size_t>(options_.row_group_rows, 1, kGroupRowsMax);
    std::size_t bytes = 0;
    for (const ColumnBuilder& c : columns_) bytes += c.byte_size();
    return csns_.size() >= limit || (bytes >= kGroupBytesMax && !csns_.empty()) ? 0 : limit - csns_.size();
  }

  /// Order, range, filter and index of the keys.
  Result<void> take_keys(const Batch& rows, std::span<const std::uint64_t> csns) {
    std::vector<Column> key;
    for (const std::size_t k : footer_.schema.key()) key.push_back(rows[k]);
    FIRN_ASSIGN(const KeyColumn keys, KeyColumn::encode(footer_.schema, key, rows.rows()));
    std::string scratch;
    for (std::size_t i = 0; i < keys.size(); ++i) {
      const std::string_view k = keys.at(i, scratch);
      if (rows_seen_ > 0) {
        const int order = footer_.info.key_max.compare(k);
        const bool ascends = order < 0 || (order == 0 && footer_.info.history && last_csn_ < csns[i]);
        if (!ascends) return misuse("keys must ascend (row " + std::to_string(rows_seen_) + ")");
      } else {
        footer_.info.key_min = k;
      }
      footer_.info.key_max = k;
      last_csn_ = csns[i];
      if (rows_seen_++ % kBlockValues == 0) index_.emplace_back(k);
      hashes_.push_back(XXH3_64bits(k.data(), k.size()));
    }
    return {};
  }

  void take_hidden(std::span<const std::uint64_t> csns, std::span<const std::uint64_t> ends,
                   const Buffer& tombstones, std::size_t at) {
    RowFileInfo& info = footer_.info;
    for (std::size_t i = 0; i < csns.size(); ++i) {
      info.csn_min = std::min(info.csn_min, csns[i]);
      info.csn_max = std::max(info.csn_max, csns[i]);
      csns_.push_back(csns[i]);
      const bool dead = !tombstones.empty() && bit_at(tombstones.data(), at + i);
      tombstones_.push_back(dead ? 1 : 0);
      info.tombstones += dead ? 1 : 0;
    }
    for (const std::uint64_t e : ends) info.end_max = std::max(info.end_max, e), ends_.push_back(e);
  }

  Result<void> write_chunk(EncodedChunk&& chunk, ChunkMeta& meta) {
    meta = std::move(chunk.meta);
    meta.offset = out_.offset();
    meta.length = chunk.bytes.size();
    return out_.append(chunk.bytes);
  }

  Result<void> flush_group() {
    FooterGroup g;
    g.rows = static_cast<std::uint32_t>(csns_.size());
    const bool dead = std::find(tombstones_.begin(), tombstones_.end(), 1U) != tombstones_.end();
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      EncodedChunk chunk = encode_chunk(columns_[i].finish(), encode_);
      if (footer_.schema.time() == i) take_time(chunk.stats);
      // Values of tombstones are in there too: bounds still hold, the rest says nothing of the rows.
      if (dead) chunk.stats.exact = false, chunk.stats.sum.reset();
      g.columns.push_back({{}, std::move(chunk.stats)});
      FIRN_TRY(write_chunk(std::move(chunk), g.columns.back().meta));
    }
    FIRN_TRY(write_chunk(encode_chunk(Ints(csns_), encode_), g.csn));
    if (footer_.info.history) FIRN_TRY(write_chunk(encode_chunk(Ints(ends_), encode_), g.end.emplace()));
    if (dead) FIRN_TRY(write_chunk(encode_chunk(Ints(tombstones_), encode_), g.tombstones.emplace()));
    footer_.info.rows += g.rows;
    footer_.groups.push_back(std::move(g));
    csns_.clear(), ends_.clear(), tombstones_.clear();
    return {};
  }

  void take_time(const ColumnStats& s) {
    if (s.min.is_null()) return;
    const auto us = [](const Value& v) {
      return is_unsigned_integer(v.type())
                 ? static_cast<std::int64_t>(std::min<std::uint64_t>(v.as_unsigned(), INT64_MAX))
                 : v.as_signed();
    };
    RowFileInfo& i = footer_.info;
    i.time_min = std::min(i.time_min.value_or(INT64_MAX), us(s.min));
    i.time_max = std::max(i.time_max.value_or(INT64_MIN), us(s.max));
  }

  Result<void> write_key_index() {
    if (!is_dense()) {
      const std::string bloom = make_bloom(hashes_);
      footer_.bloom = {out_.offset(), bloom.size()};
      FIRN_TRY(out_.append(bloom));
    }
    Encoded index;
    if (has_fixed_key(footer_.schema)) {
      std::vector<std::uint64_t> keys;
      for (const std::string& k : index_) keys.push_back(KeyColumn::to_fixed(k));
      index = encode_ints(keys, encode_);
    } else {
      const std::vector<std::string_view> keys(index_.begin(), index_.end());
      for (const std::string_view k : keys) footer_.index_bytes += k.size();
      index = encode_strings(keys, encode_);
    }
    footer_.index_entries = static_cast<std::uint32_t>(index_.size());
    footer_.index = {out_.offset(), index.bytes.size()};
    return out_.append(index.bytes);
  }

  /// Keys without wide gaps: the range alone answers, a filter would only cost.
  bool is_dense() const {
    if (!has_fixed_key(footer_.schema)) return false;
    const std::uint64_t range =
        KeyColumn::to_fixed(footer_.info.key_max) - KeyColumn::to_fixed(footer_.info.key_min);
    return range / 4 < rows();
  }

  io::Disk& disk_;
  SegmentOptions options_;
  EncodeOptions encode_;
  CheckedWriter out_;
  SegmentFooter footer_;
  std::vector<ColumnBuilder> columns_;
  std::vector<std::uint64_t> csns_, ends_, tombstones_, hashes_;
  std::vector<std::string> index_;
  std::uint64_t rows_seen_ = 0, last_csn_ = 0;
  bool finished_ = false;
};

}  // namespace

Result<std::unique_ptr<SegmentWriter>> SegmentWriter::create(io::Disk& disk, const Schema& schema,
                                                             const RowFileInfo& given,
                                                             const SegmentOptions& options) {
  if (schema.key().empty()) return Error(ErrorCode::invalid_argument, given.path + ": a segment needs a key");
  RowFileInfo info;
  info.id = given.id, info.tier = StorageTier::cold, info.history = given.history;
  info.schema_version = given.schema_version, info.path = given.path, info.created_us = given.created_us;
  if (const std::string folder = folder_of(info.path); !folder.empty())
    FIRN_TRY(disk.make_directories(folder));
  FIRN_ASSIGN(auto file, disk.open(info.path, io::Disk::Mode::create_new));
  auto w = std::make_unique<Writer>(disk, schema, std::move(info), options, std::move(file));
  FIRN_TRY(w->begin());
  return std::unique_ptr<SegmentWriter>(std::move(w));
}

}  // namespace firn::storage::cold
