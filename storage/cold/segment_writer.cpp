// Row groups are collected, encoded column by column and appended; the footer goes last and is read back.
#include <algorithm>

#include "io/crc32c.hpp"
#include "storage/cold/group_rows.hpp"
#include "storage/cold/key_index.hpp"
#include "storage/cold/segment.hpp"
#include "storage/cold/segment_footer.hpp"
#include "storage/file_keys.hpp"

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
        out_(std::move(file), {options.store_id, info.id}),
        keys_(schema) {
    footer_.schema = std::move(schema);
    footer_.info = std::move(info);
    if (!footer_.info.history) options_.cells = {};
    for (std::size_t c = 0; c < options_.cells.size(); ++c) cells_.emplace_back(footer_.schema);
    footer_.info.csn_min = kCsnMax.value;
  }
  ~Writer() override {
    if (!finished_)
      (void)disk_.remove(footer_.info.path);  // unnamed: an orphan; recovery would remove it too
  }

  Result<void> begin() {
    return out_.append(
        sealed_bytes(SegmentHeader{kSegmentMagic, version(), options_.store_id, footer_.info.id, 0, 0}));
  }

  Result<void> append(const Batch& rows, std::span<const std::uint64_t> csns,
                      std::span<const std::uint64_t> ends, const Buffer& tombstones) override {
    const auto n = static_cast<std::size_t>(rows.rows());
    if (n == 0) return {};
    FIRN_TRY(check_shape(rows, csns, ends, tombstones));
    std::vector<std::uint64_t> dead(n);
    for (std::size_t i = 0; !tombstones.empty() && i < n; ++i) dead[i] = bit_at(tombstones.data(), i) ? 1 : 0;
    const RowsView all{rows, csns, ends, dead};
    take_lives(all);
    if (!footer_.info.history) {
      FIRN_TRY(take_keys(rows));
    }
    if (cells_.size() == 1) return fill(cells_.front(), all);
    std::vector<std::vector<std::uint32_t>> of_cell(cells_.size());
    for (std::uint32_t i = 0; i < n; ++i) of_cell[options_.cells.cell_of({csns[i], ends[i]})].push_back(i);
    for (std::size_t c = 0; c < cells_.size(); ++c) {
      for (std::span<const std::uint32_t> left = of_cell[c]; !left.empty();) {
        const std::size_t m = std::min(left.size(), room(cells_[c])), before = cells_[c].byte_size();
        cells_[c].append(all, left.first(m));
        buffered_ += cells_[c].byte_size() - before;
        left = left.subspan(m);
        if (room(cells_[c]) == 0) FIRN_TRY(flush(cells_[c]));
      }
    }
    return make_room();
  }

  std::uint64_t rows() const override { return rows_seen_; }

  Result<RowFileInfo> finish() override {
    if (rows() == 0)
      return Error(ErrorCode::invalid_argument, footer_.info.path + ": a segment needs at least one row");
    for (GroupRows& cell : cells_)
      if (cell.rows() != 0) FIRN_TRY(flush(cell));
    FIRN_TRY(write_key_index());
    SegmentTrailer t{options_.store_id, footer_.info.id, out_.offset(), 0, 0, version(), kSegmentMagic, 0, 0};
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
    const Schema& schema = footer_.schema;
    if (rows.columns().size() != schema.size())
      return misuse("a batch has another number of columns than the schema");
    for (std::size_t i = 0; i < schema.size(); ++i) {
      if (rows[i].type != schema[i].type || rows[i].length != rows.rows()) {
        return misuse("column " + schema[i].name + " has another type or length than the schema says");
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

  /// Programs that know only key order over the whole file must not read history.
  std::uint32_t version() const { return footer_.info.history ? kSegmentVersion : kOrderedVersion; }

  /// Rows until the group is full.
  std::size_t room(const GroupRows& group) const {
    const std::size_t limit = std::clamp<std::size_t>(options_.row_group_rows, 1, kGroupRowsMax);
    const bool full = group.rows() >= limit || (group.byte_size() >= kGroupBytesMax && group.rows() != 0);
    return full ? 0 : limit - group.rows();
  }

  Result<void> fill(GroupRows& group, const RowsView& all) {
    const auto n = static_cast<std::size_t>(all.rows.rows());
    for (std::size_t at = 0; at < n;) {
      const std::size_t m = std::min(n - at, room(group));
      const Batch part = m == n ? all.rows : all.rows.slice(at, m);
      group.append({part, all.csns.subspan(at, m), all.ends.empty() ? all.ends : all.ends.subspan(at, m),
                    all.tombstones.subspan(at, m)});
      at += m;
      if (room(group) == 0) FIRN_TRY(flush(group));
    }
    return {};
  }

  /// Groups that are not full yet are written while all together hold too much.
  Result<void> make_room() {
    while (buffered_ > kCellBytesMax) {
      const auto largest = std::max_element(
          cells_.begin(), cells_.end(),
          [](const GroupRows& a, const GroupRows& b) { return a.byte_size() < b.byte_size(); });
      if (largest->rows() == 0) break;
      FIRN_TRY(flush(*largest));
    }
    return {};
  }

  /// Order of the keys of current rows, which come in it.
  Result<void> take_keys(const Batch& rows) {
    FIRN_ASSIGN(const KeyColumn keys, keys_of(footer_.schema, rows.columns(), rows.rows()));
    std::string scratch;
    const std::uint64_t first = rows_seen_ - keys.size();
    for (std::size_t i = 0; i < keys.size(); ++i) {
      const bool ascends =
          i == 0 ? first == 0 || keys.at(0, scratch) > keys_.greatest() : keys.compare(i - 1, keys, i) < 0;
      if (!ascends) return misuse("keys must ascend (row " + std::to_string(first + i) + ")");
    }
    keys_.add(keys, first);
    return {};
  }

  void take_lives(const RowsView& all) {
    RowFileInfo& info = footer_.info;
    for (const std::uint64_t c : all.csns) {
      info.csn_min = std::min(info.csn_min, c);
      info.csn_max = std::max(info.csn_max, c);
    }
    for (const std::uint64_t e : all.ends) info.end_max = std::max(info.end_max, e);
    for (const std::uint64_t t : all.tombstones) info.tombstones += t;
    rows_seen_ += all.csns.size();
  }

  Result<void> write_chunk(EncodedChunk&& chunk, ChunkMeta& meta) {
    meta = std::move(chunk.meta);
    meta.offset = out_.offset();
    meta.length = chunk.bytes.size();
    return out_.append(chunk.bytes);
  }

  Result<void> flush(GroupRows& rows) {
    if (!footer_.info.history) return write_group(rows.take());
    const std::size_t before = rows.byte_size();
    KeyColumn keys;
    FIRN_ASSIGN(GroupRows::Taken taken, rows.take_sorted(footer_.schema, keys));
    if (cells_.size() > 1) buffered_ -= before - rows.byte_size();  // an empty cell has some bytes too
    keys_.add(keys, 0);
    filters_ += keys_.filter_of_last(keys.size());
    return write_group(std::move(taken));
  }

  Result<void> write_group(GroupRows::Taken rows) {
    FooterGroup g;
    g.rows = static_cast<std::uint32_t>(rows.csns.size());
    g.bounds = rows.bounds();
    const bool dead = std::find(rows.tombstones.begin(), rows.tombstones.end(), 1U) != rows.tombstones.end();
    for (std::size_t i = 0; i < rows.columns.size(); ++i) {
      EncodedChunk chunk = encode_chunk(rows.columns[i], encode_);
      if (footer_.schema.time() == i) take_time(chunk.stats);
      // Values of tombstones are in there too: bounds still hold, the rest says nothing of the rows.
      if (dead) chunk.stats.exact = false, chunk.stats.sum.reset();
      g.columns.push_back({{}, std::move(chunk.stats)});
      FIRN_TRY(write_chunk(std::move(chunk), g.columns.back().meta));
    }
    FIRN_TRY(write_chunk(encode_chunk(Ints(rows.csns), encode_), g.csn));
    if (footer_.info.history) FIRN_TRY(write_chunk(encode_chunk(Ints(rows.ends), encode_), g.end.emplace()));
    if (dead) FIRN_TRY(write_chunk(encode_chunk(Ints(rows.tombstones), encode_), g.tombstones.emplace()));
    footer_.info.rows += g.rows;
    footer_.groups.push_back(std::move(g));
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
    footer_.info.key_min = keys_.least();
    footer_.info.key_max = keys_.greatest();
    if (const std::string filter = keys_.filter(); !filter.empty()) {
      footer_.bloom = {out_.offset(), filter.size()};
      FIRN_TRY(out_.append(filter));
    }
    if (!filters_.empty()) {
      footer_.group_blooms = {out_.offset(), filters_.size()};
      FIRN_TRY(out_.append(filters_));
    }
    const Encoded index = keys_.index(encode_);
    footer_.index_bytes = keys_.entry_bytes();
    footer_.index_entries = static_cast<std::uint32_t>(keys_.entries());
    footer_.index = {out_.offset(), index.bytes.size()};
    return out_.append(index.bytes);
  }

  io::Disk& disk_;
  SegmentOptions options_;
  EncodeOptions encode_;
  CheckedWriter out_;
  SegmentFooter footer_;
  std::vector<GroupRows> cells_;  ///< of current rows: the one group that is being filled
  std::size_t buffered_ = 0;      ///< bytes in several cells
  KeyIndexBuilder keys_;
  std::string filters_;  ///< of the keys of each group of history
  std::uint64_t rows_seen_ = 0;
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
