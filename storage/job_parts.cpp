#include "storage/job_parts.hpp"

#include <algorithm>
#include <numeric>

#include "storage/column_mapping.hpp"
#include "storage/engine.hpp"
#include "storage/file_keys.hpp"

namespace firn::storage {

PendingFiles::~PendingFiles() {
  if (!files_.empty()) engine_.discard(files_);
}

Result<std::unique_ptr<Source>> Source::open(FileEntryPtr entry, const Schema& schema,
                                             std::shared_ptr<const SchemaHistory> schemas) {
  std::unique_ptr<Source> s(new Source);
  FIRN_ASSIGN(s->file_, entry->open());
  if (s->file_->info().history) {
    auto keys = std::make_shared<FileKeys>();
    FIRN_ASSIGN(keys->keys, keys_by_row(*s->file_));
    s->keys_ = std::move(keys);
  } else {
    FIRN_ASSIGN(s->keys_, s->file_->keys());
  }
  s->schema_ = schema;
  s->schemas_ = std::move(schemas);
  s->entry_ = std::move(entry);
  s->ends_ = s->entry_->ends();
  const std::uint64_t rows = s->file_->info().rows;
  s->csns_.reserve(rows);
  ReadCost cost;
  for (std::size_t g = 0; g < s->file_->groups(); ++g) {
    const std::uint64_t count = s->file_->group_first(g + 1) - s->file_->group_first(g);
    FIRN_ASSIGN(const Column csns, s->file_->csns(g, cost));
    const Column plain = csns.to_plain();
    s->csns_.insert(s->csns_.end(), plain.as<std::uint64_t>().begin(), plain.as<std::uint64_t>().end());
    if (s->file_->info().history) {
      FIRN_ASSIGN(const Column ends, s->file_->ends(g, cost));
      const Column e = ends.to_plain();
      s->own_ends_.insert(s->own_ends_.end(), e.as<std::uint64_t>().begin(), e.as<std::uint64_t>().end());
    }
    if (s->file_->info().tombstones != 0) {
      FIRN_ASSIGN(const Buffer bits, s->file_->tombstones(g, cost));
      for (std::uint64_t i = 0; i < count; ++i)
        s->tombstones_.push_back(!bits.empty() && bit_at(bits.data(), i));
    }
  }
  s->groups_.resize(s->file_->groups());
  return s;
}

Result<std::unique_ptr<Source>> Source::open_rows(FileEntryPtr entry, const Schema& schema) {
  std::unique_ptr<Source> s(new Source);
  FIRN_ASSIGN(s->file_, entry->open());
  s->schema_ = schema;
  s->entry_ = std::move(entry);
  s->groups_.resize(s->file_->groups());
  return s;
}

Pick Source::pick(std::uint32_t index, std::uint64_t base) const {
  const std::uint32_t r = row();
  return {index, r, csns_[r], end_at(r, base), is_tombstone(r)};
}

std::uint64_t Source::end_at(std::uint32_t row, std::uint64_t base) const {
  if (!own_ends_.empty()) return own_ends_[row];
  const std::uint64_t end = ends_->end_of(row);
  return end > base ? 0 : end;  // ended since: found again by the new file's readers
}

std::uint64_t Source::ended() const { return is_history() ? csns_.size() : ends_->size(); }

void Source::sample(std::uint64_t base, std::uint64_t every, std::vector<Life>& lives) const {
  constexpr std::uint64_t kGolden =
      0x9E37'79B9'7F4A'7C15;  // versions of a key stand side by side: no fixed stride
  for (std::uint32_t row = 0; row < csns_.size(); ++row) {
    if (row * kGolden >> 32 >= (std::uint64_t{1} << 32) / every) continue;
    const std::uint64_t end = end_at(row, base);
    if (end != 0) lives.push_back({csns_[row], end});
  }
}

void Source::account(std::uint64_t base) {
  base_ = base;
  hashes_.resize(groups_.size());
  std::string scratch;
  for (std::size_t i = 0; i < keys_->keys.size(); ++i) {
    const std::uint32_t r = keys_->row(i);
    sums_.versions.add(hash_of_version(keys_->keys.at(i, scratch), csns_[r], is_tombstone(r)));
  }
}

Result<std::vector<Column>> Source::take(std::span<const std::uint32_t> rows) {
  if (std::is_sorted(rows.begin(), rows.end())) return take_ascending(rows);
  std::vector<std::uint32_t> order(rows.size()), ascending(rows.size()), back(rows.size());
  std::iota(order.begin(), order.end(), 0U);
  std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) { return rows[a] < rows[b]; });
  for (std::uint32_t i = 0; i < order.size(); ++i) ascending[i] = rows[order[i]], back[order[i]] = i;
  FIRN_ASSIGN(std::vector<Column> columns, take_ascending(ascending));
  for (Column& c : columns) c = c.take(back);
  return columns;
}

Result<std::vector<Column>> Source::take_ascending(std::span<const std::uint32_t> rows) {
  std::vector<Column> out(schema_.size());
  std::vector<ColumnBuilder> builders;
  // Runs of rows of one group are gathered group by group.
  std::vector<std::vector<Column>> parts;
  std::size_t i = 0;
  while (i < rows.size()) {
    const std::size_t g = group_of(rows[i]);
    const auto first = static_cast<std::uint32_t>(file_->group_first(g));
    const auto last = static_cast<std::uint32_t>(file_->group_first(g + 1));
    std::vector<std::uint32_t> local;
    for (; i < rows.size() && rows[i] >= first && rows[i] < last; ++i) local.push_back(rows[i] - first);
    FIRN_TRY(load(g));
    if (!hashes_.empty()) add_contents(g, local);
    std::vector<Column> part;
    for (const Column& c : groups_[g]) part.push_back(c.take(local));
    parts.push_back(std::move(part));
    release_passed();
  }
  if (parts.size() == 1) return std::move(parts.front());
  for (std::size_t c = 0; c < schema_.size(); ++c) {
    ColumnBuilder b(schema_[c].type);
    for (const auto& part : parts) b.append_column(part[c]);
    out[c] = b.finish();
  }
  return out;
}

/// Lets go of groups that lie wholly before the next row of an ascending file.
void Source::release_passed() {
  if (!keys_) return groups_.assign(groups_.size(), {});
  if (at_end()) return groups_.assign(groups_.size(), {}), hashes_.assign(hashes_.size(), {});
  if (!keys_->rows.empty()) return;
  const std::size_t now = group_of(row());
  for (std::size_t g = 0; g < now; ++g) groups_[g].clear();
  for (std::size_t g = 0; g < std::min(now, hashes_.size()); ++g) hashes_[g].clear();
}

std::size_t Source::group_of(std::uint32_t row) const {
  std::size_t low = 0, high = file_->groups();
  while (high - low > 1) {
    const std::size_t middle = (low + high) / 2;
    if (file_->group_first(middle) <= row)
      low = middle;
    else
      high = middle;
  }
  return low;
}

Result<void> Source::load(std::size_t g) {
  if (!groups_[g].empty()) return {};
  ReadCost cost;
  const ColumnMapping mapping(file_->schema(), schema_);
  const auto rows = static_cast<std::size_t>(file_->group_first(g + 1) - file_->group_first(g));
  FIRN_ASSIGN(std::vector<Column> read, file_->read(g, mapping.stored(), cost));
  groups_[g] = mapping.columns(std::move(read), rows);
  clear_dropped(g, groups_[g]);
  if (!hashes_.empty()) hash_group(g);
  return {};
}

/// A version of commit c has the columns in force at c and no others: what a block that was prepared before a drop and
/// committed after it holds in that column is no part of it.
void Source::clear_dropped(std::size_t g, std::vector<Column>& columns) const {
  if (!schemas_) return;
  const auto first = static_cast<std::size_t>(file_->group_first(g));
  for (std::size_t c = 0; c < columns.size(); ++c) {
    const auto dropped = schemas_->dropped_at(schema_[c].id);
    if (!dropped || file_->info().csn_max < *dropped || !file_->schema().find_id(schema_[c].id)) continue;
    const Column plain = columns[c].to_plain();
    ColumnBuilder kept(plain.type);
    for (std::size_t r = 0; r < static_cast<std::size_t>(plain.length); ++r) {
      if (csns_[first + r] < *dropped)
        kept.append_from(plain, r);
      else if (schema_[c].default_value.is_null() || !kept.append(schema_[c].default_value))
        kept.append_null();
    }
    columns[c] = kept.finish();
  }
}

void Source::hash_group(std::size_t g) {
  const auto first = static_cast<std::uint32_t>(file_->group_first(g));
  const auto rows = static_cast<std::uint32_t>(file_->group_first(g + 1)) - first;
  MutableBuffer tombstones(tombstones_.empty() ? 0 : bitmap_bytes(rows));
  for (std::uint32_t r = 0; !tombstones_.empty() && r < rows; ++r)
    if (is_tombstone(first + r)) set_bit(tombstones.data(), r);
  hashes_[g] = hash_of_rows(Batch(schema_, rows, groups_[g]), tombstones.freeze());
}

void Source::add_contents(std::size_t g, std::span<const std::uint32_t> rows) {
  const auto first = static_cast<std::uint32_t>(file_->group_first(g));
  for (const std::uint32_t r : rows) {
    const std::uint32_t row = first + r;
    sums_.contents.add(hash_of_content(hashes_[g][r], csns_[row], end_at(row, base_), is_tombstone(row)));
  }
}

Result<Batch> gather(std::vector<std::unique_ptr<Source>>& sources, std::span<const Pick> picks,
                     const Schema& schema) {
  std::vector<std::vector<std::uint32_t>> rows(sources.size());
  for (const Pick& p : picks) rows[p.source].push_back(p.row);
  std::vector<std::vector<Column>> parts;
  std::vector<std::uint32_t> first(sources.size(), 0);
  std::uint32_t total = 0;
  for (std::size_t s = 0; s < sources.size(); ++s) {
    first[s] = total;
    if (rows[s].empty()) continue;
    FIRN_ASSIGN(std::vector<Column> columns, sources[s]->take(rows[s]));
    parts.push_back(std::move(columns));
    total += static_cast<std::uint32_t>(std::exchange(rows[s], {}).size());
  }
  const auto count = static_cast<std::int64_t>(picks.size());
  if (parts.size() == 1) return Batch(schema, count, std::move(parts.front()));
  std::vector<std::uint32_t> order;
  order.reserve(picks.size());
  bool in_order = true;  // each source's rows behind those of the one before
  for (const Pick& p : picks) {
    in_order = in_order && first[p.source] == order.size();
    order.push_back(first[p.source]++);
  }
  std::vector<Column> out;
  for (std::size_t c = 0; c < schema.size(); ++c) {
    ColumnBuilder all(schema[c].type);
    for (std::vector<Column>& part : parts) all.append_column(std::exchange(part[c], {}));
    const Column column = all.finish();
    out.push_back(in_order ? column : column.take(order));
  }
  return Batch(schema, count, std::move(out));
}

Lives lives_of(std::span<const Pick> picks, bool history) {
  Lives out;
  bool any = false;
  MutableBuffer bits(bitmap_bytes(picks.size()));
  for (std::size_t i = 0; i < picks.size(); ++i) {
    out.csns.push_back(picks[i].csn);
    if (history) out.ends.push_back(picks[i].end);
    if (picks[i].tombstone) {
      set_bit(bits.data(), i);
      any = true;
    }
  }
  if (any) out.tombstones = bits.freeze();
  return out;
}

}  // namespace firn::storage
