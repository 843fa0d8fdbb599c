// A segment as a RowFile. Chunks are opened at first use and kept in the block cache; reads of whole groups and
// of single rows go through the same open chunks. Not part of the public interface: see segment.hpp.
#pragma once
#include <algorithm>

#include "storage/cold/bloom_filter.hpp"
#include "storage/cold/chunk_slots.hpp"
#include "storage/cold/segment.hpp"
#include "storage/cold/segment_footer.hpp"

namespace firn::storage::cold {

class Segment final : public RowFile {
 public:
  Segment(LoadedFooter loaded, std::unique_ptr<io::File> file, std::shared_ptr<CacheShare> share)
      : footer_(std::move(loaded.footer)) {
    identity_ = {loaded.store_id, loaded.file_id};
    file_ = std::make_shared<CheckedFile>(std::move(file), identity_, loaded.data_length, footer_.block_crcs);
    first_.push_back(0);
    std::uint32_t entry = 0;
    for (const FooterGroup& g : footer_.groups) {
      const auto entries = static_cast<std::uint32_t>((g.rows + kBlockValues - 1) / kBlockValues);
      if (footer_.by_group) runs_.push_back({first_.back(), first_.back() + g.rows, entry, entry + entries});
      first_.push_back(first_.back() + g.rows);
      entry += entries;
    }
    if (!footer_.by_group) runs_.push_back({0, first_.back(), 0, footer_.index_entries});
    slots_ = std::make_shared<ChunkSlots>(footer_.groups.size() * slots_a_group(), std::move(share));
    const FileRange& filters = footer_.group_blooms;
    if (filters.length != 0) group_blooms_.emplace(file_, filters.offset, filters.length);
    std::uint64_t filter = 0;
    for (const FooterGroup& g : footer_.groups)
      filter_at_.push_back(std::exchange(filter, filter + bloom_bytes(g.rows)));
    if (footer_.bloom.length != 0) bloom_.emplace(file_, footer_.bloom.offset, footer_.bloom.length);
  }
  void complete(const RowFileInfo& given) {
    footer_.info.path = given.path;
    footer_.info.hash = given.hash;
    footer_.info.offset = given.offset;
    footer_.info.block_number = given.block_number;
  }

  const RowFileInfo& info() const override { return footer_.info; }
  const Schema& schema() const override { return footer_.schema; }
  std::size_t groups() const override { return footer_.groups.size(); }
  std::uint64_t group_first(std::size_t group) const override { return first_[group]; }
  const ColumnStats* stats(std::size_t group, std::size_t column) const override {
    return &footer_.groups[group].columns[column].stats;
  }
  CsnBounds bounds(std::size_t group) const override { return footer_.groups[group].bounds; }

  Result<std::vector<Column>> read(std::size_t group, std::span<const std::size_t> columns,
                                   ReadCost& cost) const override {
    std::vector<Column> out;
    cost.groups_read += 1;
    for (const std::size_t c : columns) {
      FIRN_ASSIGN(Column column, whole(group, c, footer_.groups[group].columns[c].meta, cost));
      out.push_back(std::move(column));
    }
    return out;
  }
  Result<std::vector<Column>> read(std::size_t group, std::span<const std::size_t> columns,
                                   std::span<const std::uint32_t> rows, ReadCost& cost) const override;
  Result<std::optional<std::vector<std::uint32_t>>> rows_between(std::size_t group, const Value& min,
                                                                 const Value& max,
                                                                 ReadCost& cost) const override;
  Result<Column> csns(std::size_t group, ReadCost& cost) const override {
    return whole(group, csn_slot(), footer_.groups[group].csn, cost);
  }
  Result<Column> ends(std::size_t group, ReadCost& cost) const override {
    return whole(group, csn_slot() + 1, end_chunk(group), cost);
  }
  Result<std::vector<std::uint32_t>> living(std::size_t group, const LifeTest& test,
                                            std::optional<std::vector<std::uint32_t>> among,
                                            ReadCost& cost) const override;
  Result<Buffer> tombstones(std::size_t group, ReadCost& cost) const override {
    const FooterGroup& g = footer_.groups[group];
    if (!g.tombstones) return Buffer();
    FIRN_ASSIGN(const Column c, whole(group, csn_slot() + 2, *g.tombstones, cost));
    const Column plain = c.to_plain();
    MutableBuffer bits(bitmap_bytes(g.rows));
    for (std::size_t i = 0; i < g.rows; ++i) {
      if (plain.as<std::uint64_t>()[i] != 0) set_bit(bits.data(), i);
    }
    return bits.freeze();
  }

  Result<std::shared_ptr<const FileKeys>> keys() const override;
  Result<std::optional<std::uint32_t>> find(std::string_view key, std::uint64_t csn,
                                            ReadCost& cost) const override;
  Result<PointRow> row(std::uint32_t row, std::span<const std::size_t> columns,
                       ReadCost& cost) const override;
  std::vector<ColumnDetail> details() const override;
  Result<void> verify() const override;

 private:
  using Chunk = std::shared_ptr<const OpenChunk>;
  struct Place {
    std::size_t group, row;
  };

  /// Rows in order of key and CSN, and their part of the key index.
  struct Run {
    std::uint64_t first = 0, last = 0;
    std::uint32_t entry = 0, entry_end = 0;
  };

  std::size_t slots_a_group() const { return schema().size() + 3; }
  std::size_t csn_slot() const { return schema().size(); }
  Place place_of(std::uint64_t row) const {
    const auto it = std::upper_bound(first_.begin(), first_.end(), row);
    const auto g = static_cast<std::size_t>(it - first_.begin()) - 1;
    return {g, static_cast<std::size_t>(row - first_[g])};
  }

  std::string slot_name(std::size_t slot) const {
    if (slot < schema().size()) return "column " + schema()[slot].name;
    return slot == csn_slot() ? "the CSNs" : slot == csn_slot() + 1 ? "the end CSNs" : "the tombstones";
  }
  /// Where decoding met bytes that make no sense although their checksums hold.
  Error at(const Error& e, std::size_t group, std::size_t slot, const ChunkMeta& m) const {
    return e.within(info().path + ": " + slot_name(slot) + " of row group " + std::to_string(group) +
                    " at offset " + std::to_string(m.offset));
  }

  Result<Chunk> chunk(std::size_t group, std::size_t slot, const ChunkMeta& meta) const {
    const std::size_t i = group * slots_a_group() + slot;
    if (Chunk held = slots_->get(i)) return held;
    auto opened = OpenChunk::open(file_, meta);
    if (!opened) return at(opened.error(), group, slot, meta);
    slots_->put(i, *opened);
    return *opened;
  }

  Result<Column> whole(std::size_t group, std::size_t slot, const ChunkMeta& meta, ReadCost& cost) const {
    const std::uint64_t before = CheckedFile::thread_bytes_read();
    FIRN_ASSIGN(const Chunk c, chunk(group, slot, meta));
    auto column = c->column();
    cost.bytes_read += CheckedFile::thread_bytes_read() - before;
    if (!column) return at(column.error(), group, slot, meta);
    cost.bytes_decoded += column->byte_size();
    return column;
  }

  const ChunkMeta& end_chunk(std::size_t group) const {
    FIRN_CHECK(footer_.groups[group].end.has_value());
    return *footer_.groups[group].end;
  }

  Result<std::uint64_t> hidden(Place p, std::size_t slot, const ChunkMeta& meta,
                               PointScratch& scratch) const {
    FIRN_ASSIGN(const Chunk c, chunk(p.group, slot, meta));
    auto v = c->integer(p.row, scratch);
    if (!v) return at(v.error(), p.group, slot, meta);
    return v;
  }

  struct Index {
    std::vector<std::uint64_t> fixed;
    std::unique_ptr<StringSink> bytes;
  };
  Result<std::shared_ptr<const Index>> index() const;
  Result<void> sort_keys(FileKeys& all) const;
  Result<bool> may_contain(std::string_view key) const;
  /// Rows [first, last] of the run in which the first row not below the key lies; behind: the first one above it.
  Result<std::pair<std::uint64_t, std::uint64_t>> narrow(const Run& run, std::string_view key,
                                                         bool behind = false) const;
  /// The group's first row, numbered within it, whose key does not begin with a lower value; behind: with a higher one.
  Result<std::uint32_t> boundary(std::size_t group, const Value& value, bool behind,
                                 PointScratch& scratch) const;
  Result<std::weak_ordering> compare(std::uint64_t row, const Key& key, PointScratch& scratch) const;
  /// Rows [first, last) of one group: their keys of one fixed-width column.
  Result<std::vector<std::uint64_t>> key_numbers(std::uint64_t first, std::uint64_t last,
                                                 PointScratch& scratch) const;
  /// Where runs are groups: whether the key's version of then may be in this one. `hash`: of the encoded key.
  Result<bool> may_hold(std::size_t group, const Key& key, std::uint64_t hash, std::uint64_t csn) const;
  Result<std::optional<std::uint32_t>> search(const Run& run, std::string_view encoded, const Key& key,
                                              std::uint64_t csn, PointScratch& scratch) const;

  SegmentFooter footer_;
  FileIdentity identity_;
  std::shared_ptr<const CheckedFile> file_;
  std::vector<std::uint64_t> first_;
  std::vector<Run> runs_;
  std::shared_ptr<ChunkSlots> slots_;
  std::optional<LazyRange> bloom_, group_blooms_;
  std::vector<std::uint64_t> filter_at_;  ///< where a group's filter begins among them
  mutable std::mutex mutex_;
  mutable std::weak_ptr<const FileKeys> keys_;
  mutable std::shared_ptr<const Index> index_;
};

}  // namespace firn::storage::cold
