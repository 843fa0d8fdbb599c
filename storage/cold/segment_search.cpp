// Keys of a segment: the filter, the sparse index, and the search for one of them.
#include <algorithm>
#include <numeric>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "storage/cold/bloom_filter.hpp"
#include "storage/cold/column_stats.hpp"
#include "storage/cold/segment_reader.hpp"
#include "storage/file_keys.hpp"

namespace firn::storage::cold {

Result<std::shared_ptr<const FileKeys>> Segment::keys() const {
  const std::lock_guard lock(mutex_);
  if (auto held = keys_.lock()) return held;
  auto out = std::make_shared<FileKeys>();
  FIRN_ASSIGN(out->keys, keys_by_row(*this));
  if (footer_.by_group) FIRN_TRY(sort_keys(*out));
  keys_ = out;
  return std::shared_ptr<const FileKeys>(out);
}

/// From the order of the rows to that of keys and CSNs.
Result<void> Segment::sort_keys(FileKeys& all) const {
  std::vector<std::uint64_t> csns;
  ReadCost cost;
  for (std::size_t g = 0; g < groups(); ++g) {
    FIRN_ASSIGN(const Column column, this->csns(g, cost));
    const Column plain = column.to_plain();
    csns.insert(csns.end(), plain.as<std::uint64_t>().begin(), plain.as<std::uint64_t>().end());
  }
  std::vector<std::uint32_t> order = by_key_and_csn(all.keys, csns);
  if (std::is_sorted(order.begin(), order.end())) return {};
  KeyColumn sorted(schema());
  std::string scratch;
  for (const std::uint32_t row : order) sorted.push_back(all.keys.at(row, scratch));
  all.keys = std::move(sorted);
  all.rows = std::move(order);
  return {};
}

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

Result<std::pair<std::uint64_t, std::uint64_t>> Segment::narrow(const Run& run, std::string_view key,
                                                                bool behind) const {
  FIRN_ASSIGN(const auto in, index());
  std::size_t low = run.entry, high = run.entry_end;
  const std::uint64_t fixed = in->bytes ? 0 : KeyColumn::to_fixed(key);
  while (low < high) {
    const std::size_t mid = low + (high - low) / 2;
    const auto order = in->bytes ? in->bytes->at(mid) <=> key : in->fixed[mid] <=> fixed;
    if (behind ? order <= 0 : order < 0)
      low = mid + 1;
    else
      high = mid;
  }
  // Entry `low` is the first that is not below the key: the key is in the block before, or begins this one.
  const std::uint64_t block = low - run.entry;
  const std::uint64_t first = run.first + (block == 0 ? 0 : (block - 1) * kBlockValues);
  return std::pair{first, std::min(run.first + block * kBlockValues, run.last)};
}

Result<bool> Segment::may_hold(std::size_t group, const Key& key, std::uint64_t hash,
                               std::uint64_t csn) const {
  if (!bounds(group).may_hold(csn, info().history)) return false;
  const FooterGroup& g = footer_.groups[group];
  const ColumnStats& s = g.columns[schema().key().front()].stats;
  if (!s.min.is_null() && (key.front() < s.min || s.max < key.front())) return false;
  if (!group_blooms_) return true;
  const BloomProbe p = bloom_probe(hash, bloom_bytes(g.rows) / kBloomBlockBytes);
  FIRN_ASSIGN(const std::uint8_t* block,
              group_blooms_->get(filter_at_[group] + p.block * kBloomBlockBytes, kBloomBlockBytes));
  return bloom_contains(block, p);
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

Result<std::vector<std::uint64_t>> Segment::key_numbers(std::uint64_t first, std::uint64_t last,
                                                        PointScratch& scratch) const {
  const Place p = place_of(first);
  const std::size_t column = schema().key().front();
  const ChunkMeta& meta = footer_.groups[p.group].columns[column].meta;
  FIRN_ASSIGN(const Chunk c, chunk(p.group, column, meta));
  std::vector<std::uint64_t> out(last - first);
  scratch.bytes_decoded += 8 * out.size();
  if (auto r = c->integers(p.row, out.size(), out.data()); !r) return at(r.error(), p.group, column, meta);
  return out;
}

Result<std::uint32_t> Segment::boundary(std::size_t group, const Value& value, bool behind,
                                        PointScratch& scratch) const {
  const auto below = [&](const Value& v) { return behind ? v <= value : v < value; };
  const std::size_t column = schema().key().front();
  const TypeId type = schema()[column].type;
  std::uint64_t low = first_[group], high = first_[group + 1];
  if (has_fixed_key(schema())) {
    FIRN_ASSIGN(const std::string encoded, encode_key(schema(), {&value, 1}));
    FIRN_ASSIGN(const auto narrowed,
                narrow(footer_.by_group ? runs_[group] : runs_.front(), encoded, behind));
    low = std::clamp(narrowed.first, first_[group], high);
    high = std::clamp(narrowed.second, low, high);
    if (low == high) return static_cast<std::uint32_t>(low - first_[group]);
    FIRN_ASSIGN(const std::vector<std::uint64_t> block, key_numbers(low, high, scratch));
    const auto at = std::partition_point(block.begin(), block.end(),
                                         [&](std::uint64_t v) { return below(value_of(type, v)); });
    return static_cast<std::uint32_t>(low - first_[group] + static_cast<std::uint64_t>(at - block.begin()));
  }
  const ChunkMeta& meta = footer_.groups[group].columns[column].meta;
  FIRN_ASSIGN(const Chunk c, chunk(group, column, meta));
  low = 0, high -= first_[group];
  while (low < high) {
    const std::uint64_t mid = low + (high - low) / 2;
    const auto v = c->value(mid, scratch);
    if (!v) return at(v.error(), group, column, meta);
    if (below(*v))
      low = mid + 1;
    else
      high = mid;
  }
  return static_cast<std::uint32_t>(low);
}

/// Keys order by their first column, and ascend within a group.
Result<std::optional<std::vector<std::uint32_t>>> Segment::rows_between(std::size_t group, const Value& min,
                                                                        const Value& max,
                                                                        ReadCost& cost) const {
  const FooterGroup& g = footer_.groups[group];
  const ColumnStats& s = g.columns[schema().key().front()].stats;
  std::uint32_t first = 0, last = g.rows;
  const std::uint64_t before = CheckedFile::thread_bytes_read();
  PointScratch scratch;
  if (!min.is_null() && (s.min.is_null() || s.min < min)) {
    FIRN_ASSIGN(first, boundary(group, min, false, scratch));
  }
  if (!max.is_null() && (s.max.is_null() || max < s.max)) {
    FIRN_ASSIGN(last, boundary(group, max, true, scratch));
  }
  cost.bytes_decoded += scratch.bytes_decoded;
  cost.bytes_read += CheckedFile::thread_bytes_read() - before;
  if (first == 0 && last == g.rows) return std::optional<std::vector<std::uint32_t>>{};
  std::vector<std::uint32_t> rows(first < last ? last - first : 0);
  std::iota(rows.begin(), rows.end(), first);
  return std::optional(std::move(rows));
}

Result<std::optional<std::uint32_t>> Segment::search(const Run& run, std::string_view encoded, const Key& key,
                                                     std::uint64_t csn, PointScratch& scratch) const {
  FIRN_ASSIGN(auto range, narrow(run, encoded));
  auto [low, high] = range;
  // Several groups may have to be searched for a version: cheaper by the block than value by value.
  const std::uint64_t first = low;
  std::vector<std::uint64_t> block;
  if (footer_.by_group && has_fixed_key(schema()) && low < high) {
    FIRN_ASSIGN(block, key_numbers(low, high, scratch));
  }
  const TypeId type = schema()[schema().key().front()].type;
  const auto order_at = [&](std::uint64_t row) -> Result<std::weak_ordering> {
    if (row - first < block.size()) return value_of(type, block[row - first]) <=> key.front();
    return compare(row, key, scratch);
  };
  while (low < high) {
    const std::uint64_t mid = low + (high - low) / 2;
    FIRN_ASSIGN(const std::weak_ordering order, order_at(mid));
    if (order == std::weak_ordering::equivalent && !info().history)
      return std::optional(static_cast<std::uint32_t>(mid));
    if (order == std::weak_ordering::less)
      low = mid + 1;
    else
      high = mid;
  }
  for (; low < run.last; ++low) {
    FIRN_ASSIGN(const std::weak_ordering order, order_at(low));
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

/// A version of history is in one run at most.
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
    FIRN_ASSIGN(const Key values, decode_key(schema(), key));
    const std::uint64_t hash = XXH3_64bits(key.data(), key.size());
    for (std::size_t r = 0; r < runs_.size() && !found; ++r) {
      if (footer_.by_group) {
        FIRN_ASSIGN(const bool may, may_hold(r, values, hash, csn));
        if (!may) continue;
      }
      FIRN_ASSIGN(found, search(runs_[r], key, values, csn, scratch));
    }
    cost.bytes_decoded += scratch.bytes_decoded;
  }
  cost.bytes_read += CheckedFile::thread_bytes_read() - before;
  return found;
}

}  // namespace firn::storage::cold
