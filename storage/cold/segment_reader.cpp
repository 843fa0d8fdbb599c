// A segment as a RowFile. Chunks are opened at first use and kept in the process-wide chunk cache; reads of
// whole groups and of single rows go through the same open chunks.
#include <algorithm>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "storage/cold/bloom_filter.hpp"
#include "storage/cold/chunk_cache.hpp"
#include "storage/cold/segment.hpp"
#include "storage/cold/segment_footer.hpp"

namespace firn::storage::cold {
namespace {

class Segment final : public RowFile {
 public:
  Segment(LoadedFooter loaded, std::unique_ptr<io::File> file) : footer_(std::move(loaded.footer)) {
    identity_ = {loaded.store_id, loaded.file_id};
    file_ = std::make_shared<CheckedFile>(std::move(file), identity_, loaded.data_length, footer_.block_crcs);
    first_.push_back(0);
    for (const FooterGroup& g : footer_.groups) first_.push_back(first_.back() + g.rows);
    slots_ = std::make_shared<ChunkSlots>(footer_.groups.size() * slots_a_group());
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
  Result<Column> csns(std::size_t group, ReadCost& cost) const override {
    return whole(group, csn_slot(), footer_.groups[group].csn, cost);
  }
  Result<Column> ends(std::size_t group, ReadCost& cost) const override {
    FIRN_CHECK(footer_.groups[group].end.has_value());
    return whole(group, csn_slot() + 1, *footer_.groups[group].end, cost);
  }
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

  Result<std::shared_ptr<const FileKeys>> keys() const override {
    const std::lock_guard lock(mutex_);
    if (auto held = keys_.lock()) return held;
    std::vector<ColumnBuilder> builders;
    for (const std::size_t k : schema().key()) builders.emplace_back(schema()[k].type);
    ReadCost cost;
    for (std::size_t g = 0; g < groups(); ++g) {
      FIRN_ASSIGN(const auto columns, read(g, schema().key(), cost));
      for (std::size_t i = 0; i < columns.size(); ++i) builders[i].append_column(columns[i]);
    }
    std::vector<Column> columns;
    for (ColumnBuilder& b : builders) columns.push_back(b.finish());
    auto out = std::make_shared<FileKeys>();
    FIRN_ASSIGN(out->keys, KeyColumn::encode(schema(), columns, static_cast<std::int64_t>(info().rows)));
    keys_ = out;
    return std::shared_ptr<const FileKeys>(out);
  }

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
    ChunkCache::instance().admit(slots_, i, *opened);
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
  Result<bool> may_contain(std::string_view key) const;
  /// Rows [first, last] in which the first row not below the key lies.
  Result<std::pair<std::uint64_t, std::uint64_t>> narrow(std::string_view key) const;
  Result<std::weak_ordering> compare(std::uint64_t row, const Key& key, PointScratch& scratch) const;
  Result<std::optional<std::uint32_t>> search(std::string_view key, std::uint64_t csn,
                                              PointScratch& scratch) const;

  SegmentFooter footer_;
  FileIdentity identity_;
  std::shared_ptr<const CheckedFile> file_;
  std::vector<std::uint64_t> first_;
  std::shared_ptr<ChunkSlots> slots_;
  std::optional<LazyRange> bloom_;
  mutable std::mutex mutex_;
  mutable std::weak_ptr<const FileKeys> keys_;
  mutable std::shared_ptr<const Index> index_;
};

Result<bool> Segment::may_contain(std::string_view key) const {
  if (!bloom_) return true;
  const BloomProbe p =
      bloom_probe(XXH3_64bits(key.data(), key.size()), footer_.bloom.length / kBloomBlockBytes);
  FIRN_ASSIGN(const std::uint8_t* block, bloom_->get(p.block * kBloomBlockBytes, kBloomBlockBytes));
  return bloom_contains(block, p);
}

Result<std::shared_ptr<const Segment::Index>> Segment::index() const {
  const std::lock_guard lock(mutex_);
  if (index_) return index_;
  const LazyRange source(file_, footer_.index.offset, footer_.index.length);
  const Bytes bytes{&source, 0, footer_.index.length};
  auto out = std::make_shared<Index>();
  const auto load = [&]() -> Result<void> {
    FIRN_TRY(source.load_all());
    if (has_fixed_key(schema())) {
      FIRN_ASSIGN(const auto reader, open_ints(bytes, footer_.index_entries));
      out->fixed.resize(footer_.index_entries);
      return reader->read(0, footer_.index_entries, out->fixed.data());
    }
    FIRN_ASSIGN(const auto reader, open_strings(bytes, footer_.index_entries));
    out->bytes = std::make_unique<StringSink>(footer_.index_bytes);
    return reader->read(0, footer_.index_entries, *out->bytes);
  };
  if (auto r = load(); !r) {
    return r.error().within(info().path + ": key index at offset " + std::to_string(footer_.index.offset));
  }
  index_ = out;
  return index_;
}

Result<std::pair<std::uint64_t, std::uint64_t>> Segment::narrow(std::string_view key) const {
  FIRN_ASSIGN(const auto in, index());
  std::size_t low = 0, high = footer_.index_entries;
  const std::uint64_t fixed = in->bytes ? 0 : KeyColumn::to_fixed(key);
  while (low < high) {
    const std::size_t mid = low + (high - low) / 2;
    if (in->bytes ? in->bytes->at(mid) < key : in->fixed[mid] < fixed)
      low = mid + 1;
    else
      high = mid;
  }
  // Entry `low` is the first that is not below the key: the key is in the block before, or begins this one.
  const std::uint64_t first = low == 0 ? 0 : (low - 1) * kBlockValues;
  return std::pair{first, std::min<std::uint64_t>(low * kBlockValues, info().rows)};
}

Result<std::weak_ordering> Segment::compare(std::uint64_t row, const Key& key, PointScratch& scratch) const {
  const Place p = place_of(row);
  for (std::size_t i = 0; i < key.size(); ++i) {
    const std::size_t column = schema().key()[i];
    const ChunkMeta& meta = footer_.groups[p.group].columns[column].meta;
    FIRN_ASSIGN(const Chunk c, chunk(p.group, column, meta));
    auto v = c->value(p.row, scratch);
    if (!v) return at(v.error(), p.group, column, meta);
    const std::weak_ordering order = *v <=> key[i];
    if (order != std::weak_ordering::equivalent) return order;
  }
  return std::weak_ordering::equivalent;
}

Result<std::optional<std::uint32_t>> Segment::search(std::string_view encoded, std::uint64_t csn,
                                                     PointScratch& scratch) const {
  FIRN_ASSIGN(const Key key, decode_key(schema(), encoded));
  FIRN_ASSIGN(auto range, narrow(encoded));
  auto [low, high] = range;
  while (low < high) {
    const std::uint64_t mid = low + (high - low) / 2;
    FIRN_ASSIGN(const std::weak_ordering order, compare(mid, key, scratch));
    if (order == std::weak_ordering::equivalent && !info().history)
      return std::optional(static_cast<std::uint32_t>(mid));
    if (order == std::weak_ordering::less)
      low = mid + 1;
    else
      high = mid;
  }
  for (; low < info().rows; ++low) {
    FIRN_ASSIGN(const std::weak_ordering order, compare(low, key, scratch));
    if (order != std::weak_ordering::equivalent) break;
    if (!info().history) return std::optional(static_cast<std::uint32_t>(low));
    const Place p = place_of(low);
    const FooterGroup& g = footer_.groups[p.group];
    FIRN_ASSIGN(const std::uint64_t begin, hidden(p, csn_slot(), g.csn, scratch));
    FIRN_ASSIGN(const std::uint64_t end, hidden(p, csn_slot() + 1, *g.end, scratch));
    if (begin <= csn && csn < end) return std::optional(static_cast<std::uint32_t>(low));
  }
  return std::optional<std::uint32_t>();
}

Result<std::optional<std::uint32_t>> Segment::find(std::string_view key, std::uint64_t csn,
                                                   ReadCost& cost) const {
  const std::uint64_t before = CheckedFile::thread_bytes_read();
  std::optional<std::uint32_t> found;
  if (key < info().key_min || key > info().key_max) return found;
  FIRN_ASSIGN(const bool possible, may_contain(key));
  if (!possible) {
    cost.blooms_hit += 1;
  } else {
    PointScratch scratch;
    FIRN_ASSIGN(found, search(key, csn, scratch));
    cost.bytes_decoded += scratch.bytes_decoded;
  }
  cost.bytes_read += CheckedFile::thread_bytes_read() - before;
  return found;
}

Result<RowFile::PointRow> Segment::row(std::uint32_t row, std::span<const std::size_t> columns,
                                       ReadCost& cost) const {
  if (row >= info().rows)
    return Error(ErrorCode::out_of_range, info().path + ": no row " + std::to_string(row));
  const std::uint64_t before = CheckedFile::thread_bytes_read();
  const Place p = place_of(row);
  const FooterGroup& g = footer_.groups[p.group];
  PointRow out;
  PointScratch scratch;
  for (const std::size_t column : columns) {
    const ChunkMeta& meta = g.columns[column].meta;
    FIRN_ASSIGN(const Chunk c, chunk(p.group, column, meta));
    auto v = c->value(p.row, scratch);
    if (!v) return at(v.error(), p.group, column, meta);
    out.values.push_back(std::move(*v));
  }
  FIRN_ASSIGN(out.csn, hidden(p, csn_slot(), g.csn, scratch));
  if (g.tombstones) {
    FIRN_ASSIGN(const std::uint64_t dead, hidden(p, csn_slot() + 2, *g.tombstones, scratch));
    out.tombstone = dead != 0;
  }
  cost.bytes_decoded += scratch.bytes_decoded;
  cost.bytes_read += CheckedFile::thread_bytes_read() - before;
  return out;
}

std::string why_of(const std::string& tree) {
  if (tree.find("constant") == 0) return "one value";
  if (tree.find("pattern") != std::string::npos) return "the strings share substrings";
  if (tree.find("dict") != std::string::npos) return "few distinct values";
  if (tree.find("rle") != std::string::npos) return "long runs";
  if (tree.find("delta") != std::string::npos) return "neighbours are close";
  if (tree.find("slope") != std::string::npos) return "values climb evenly";
  if (tree.find("decimal") != std::string::npos) return "floats with few decimals";
  if (tree.find("patched") != std::string::npos) return "a narrow range but for a few outliers";
  return "the smallest estimate";
}

std::vector<ColumnDetail> Segment::details() const {
  std::vector<ColumnDetail> out;
  const auto add = [&](const std::string& name, auto meta_of) {
    ColumnDetail d;
    d.name = name;
    std::size_t kinds = 0;
    for (const FooterGroup& g : footer_.groups) {
      const ChunkMeta* m = meta_of(g);
      if (m == nullptr) continue;
      d.bytes += m->length;
      d.logical_bytes += m->logical;
      if (d.encoding.empty())
        d.encoding = m->tree;
      else if (m->tree != d.encoding)
        ++kinds;
    }
    if (d.encoding.empty()) return;
    char ratio[64];
    std::snprintf(
        ratio, sizeof ratio, ", %.1f : 1",
        static_cast<double>(d.logical_bytes) / static_cast<double>(std::max<std::uint64_t>(d.bytes, 1)));
    d.why = why_of(d.encoding) + ratio + (kinds > 0 ? "; first of several group encodings" : "");
    out.push_back(std::move(d));
  };
  for (std::size_t i = 0; i < schema().size(); ++i) {
    add(schema()[i].name, [&](const FooterGroup& g) { return &g.columns[i].meta; });
  }
  add("(csn)", [](const FooterGroup& g) { return &g.csn; });
  add("(end)", [](const FooterGroup& g) { return g.end ? &*g.end : nullptr; });
  add("(tombstone)", [](const FooterGroup& g) { return g.tombstones ? &*g.tombstones : nullptr; });
  return out;
}

Result<void> Segment::verify() const {
  XXH3_state_t state;
  XXH3_INITSTATE(&state);
  (void)XXH3_64bits_reset(&state);
  constexpr std::uint64_t kBlocks = 256;
  std::vector<std::uint8_t> bytes(kBlocks * kCheckedBlockBytes);
  const std::uint64_t data = file_->data_length(), blocks = footer_.block_crcs.size();
  for (std::uint64_t b = 0; b < blocks; b += kBlocks) {
    const std::uint64_t last = std::min(blocks, b + kBlocks);
    FIRN_TRY(file_->read_blocks(b, last, bytes.data()));
    const std::uint64_t n = std::min(last * kCheckedBlockBytes, data) - b * kCheckedBlockBytes;
    (void)XXH3_64bits_update(&state, bytes.data(), n);
  }
  for (std::uint64_t at = data; at < info().length;) {
    const std::uint64_t n = std::min<std::uint64_t>(bytes.size(), info().length - at);
    FIRN_TRY(file_->file().read_at(at, std::span(bytes).first(n)));
    (void)XXH3_64bits_update(&state, bytes.data(), n);
    at += n;
  }
  FIRN_TRY(load_footer(file_->file()));
  if (info().hash != 0 && XXH3_64bits_digest(&state) != info().hash) {
    return Error(ErrorCode::corrupt, info().path + ": the hash of the file (offset 0, " +
                                         std::to_string(info().length) + " bytes) is not the catalog's");
  }
  for (std::size_t g = 0; g < groups(); ++g) {
    std::vector<std::size_t> all(schema().size());
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = i;
    ReadCost cost;
    FIRN_TRY(read(g, all, cost));
    FIRN_TRY(csns(g, cost));
    if (info().history) FIRN_TRY(ends(g, cost));
    FIRN_TRY(tombstones(g, cost));
  }
  return {};
}

}  // namespace

Result<std::shared_ptr<const RowFile>> open_segment(io::Disk& disk, const RowFileInfo& info,
                                                    std::uint64_t store_id) {
  FIRN_ASSIGN(auto file, disk.open(info.path, io::Disk::Mode::read));
  FIRN_ASSIGN(LoadedFooter loaded, load_footer(*file));
  const auto fail = [&](const std::string& what) {
    return Error(ErrorCode::corrupt, info.path + ": " + what);
  };
  if (loaded.store_id != store_id) return fail("a segment of another table");
  if (info.id != 0 && loaded.file_id != info.id)
    return fail("file " + std::to_string(loaded.file_id) + ", not " + std::to_string(info.id));
  if (info.length != 0 && loaded.file_length != info.length) {
    return fail(std::to_string(loaded.file_length) + " bytes long, not " + std::to_string(info.length));
  }
  auto segment = std::make_shared<Segment>(std::move(loaded), std::move(file));
  segment->complete(info);
  return std::shared_ptr<const RowFile>(std::move(segment));
}

}  // namespace firn::storage::cold
