// Rows of a segment, whole groups and single ones, and what it says of itself.
#include <algorithm>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "storage/cold/segment_reader.hpp"
#include "storage/row_selection.hpp"

namespace firn::storage::cold {

Result<std::vector<Column>> Segment::read(std::size_t group, std::span<const std::size_t> columns,
                                          std::span<const std::uint32_t> rows, ReadCost& cost) const {
  const std::uint64_t before = CheckedFile::thread_bytes_read();
  std::vector<Column> out;
  cost.groups_read += 1;
  for (const std::size_t column : columns) {
    const ChunkMeta& meta = footer_.groups[group].columns[column].meta;
    FIRN_ASSIGN(const Chunk c, chunk(group, column, meta));
    auto some = c->column(rows);
    if (!some) return at(some.error(), group, column, meta);
    cost.bytes_decoded += some->byte_size();
    out.push_back(std::move(*some));
  }
  cost.bytes_read += CheckedFile::thread_bytes_read() - before;
  return out;
}

namespace {

/// Rows of one block of hidden columns, numbered within the block: all, or some that ascend.
class BlockRows {
 public:
  explicit BlockRows(std::size_t all) : count_(all) {}
  explicit BlockRows(std::span<const std::uint32_t> rows) : count_(rows.size()), all_(false) {
    for (std::size_t i = 0; i < count_; ++i) rows_[i] = rows[i] % kBlockValues;
  }

  /// Leaves those of which passes(value in the chunk) is true. `first`: the block's first row.
  template <class Passes>
  Result<void> keep(const OpenChunk& chunk, std::size_t first, std::uint64_t& decoded, Passes passes) {
    if (count_ == 0) return {};
    const std::size_t from = all_ ? 0 : rows_[0],
                      n = (all_ ? count_ : rows_[count_ - 1] + std::size_t{1}) - from;
    std::uint64_t v[kBlockValues];
    FIRN_TRY(chunk.integers(first + from, n, v));
    decoded += n * sizeof v[0];
    count_ = all_ ? choose_rows(count_, rows_, [&](std::size_t r) { return passes(v[r]); })
                  : keep_rows(rows_, count_, [&](std::uint32_t r) { return passes(v[r - from]); });
    all_ = false;
    return {};
  }
  void append_to(std::vector<std::uint32_t>& out, std::size_t first) const {
    const std::size_t before = out.size();
    out.resize(before + count_);
    for (std::size_t i = 0; i < count_; ++i) out[before + i] = static_cast<std::uint32_t>(first) + rows_[i];
  }

 private:
  std::uint32_t rows_[kBlockValues];
  std::size_t count_;
  bool all_ = true;  ///< rows_ says nothing yet
};

}  // namespace

/// Block by block: what a block needs stays in the processor's cache, and who has begun in none needs no ends.
Result<std::vector<std::uint32_t>> Segment::living(std::size_t group, const LifeTest& test,
                                                   std::optional<std::vector<std::uint32_t>> among,
                                                   ReadCost& cost) const {
  const std::uint64_t before = CheckedFile::thread_bytes_read();
  const FooterGroup& g = footer_.groups[group];
  Chunk begins, ends;
  if (test.begins) {
    FIRN_ASSIGN(begins, chunk(group, csn_slot(), g.csn));
  }
  if (test.ends) {
    FIRN_ASSIGN(ends, chunk(group, csn_slot() + 1, end_chunk(group)));
  }
  std::vector<std::uint32_t> out;
  const auto take = [&](BlockRows&& rows, std::size_t first) -> Result<void> {
    if (begins) {
      const auto r =
          rows.keep(*begins, first, cost.bytes_decoded, [&](auto begin) { return begin <= test.csn; });
      if (!r) return at(r.error(), group, csn_slot(), g.csn);
    }
    if (ends) {
      const auto r = rows.keep(*ends, first, cost.bytes_decoded, [&](auto end) { return test.csn < end; });
      if (!r) return at(r.error(), group, csn_slot() + 1, end_chunk(group));
    }
    rows.append_to(out, first);
    return {};
  };
  if (among) {
    for (std::span<const std::uint32_t> left = *among; !left.empty();) {
      const std::size_t first = left.front() / kBlockValues * kBlockValues;
      const auto end = std::lower_bound(left.begin(), left.end(), first + kBlockValues);
      const auto n = static_cast<std::size_t>(end - left.begin());
      FIRN_TRY(take(BlockRows(left.first(n)), first));
      left = left.subspan(n);
    }
  } else {
    for (std::size_t first = 0; first < g.rows; first += kBlockValues)
      FIRN_TRY(take(BlockRows(std::min<std::size_t>(kBlockValues, g.rows - first)), first));
  }
  cost.bytes_read += CheckedFile::thread_bytes_read() - before;
  return out;
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

namespace {

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

}  // namespace

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

Result<std::shared_ptr<const RowFile>> open_segment(io::Disk& disk, const RowFileInfo& info,
                                                    std::uint64_t store_id,
                                                    std::shared_ptr<CacheShare> share) {
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
  auto segment = std::make_shared<Segment>(std::move(loaded), std::move(file), std::move(share));
  segment->complete(info);
  return std::shared_ptr<const RowFile>(std::move(segment));
}

}  // namespace firn::storage::cold
