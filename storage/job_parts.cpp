#include "storage/job_parts.hpp"

#include <algorithm>

#include "storage/engine.hpp"

namespace firn::storage {

PendingFiles::~PendingFiles() {
  if (!files_.empty()) engine_.discard(files_);
}

Result<std::unique_ptr<Source>> Source::open(FileEntryPtr entry, const Schema& schema) {
  std::unique_ptr<Source> s(new Source);
  FIRN_ASSIGN(s->file_, entry->open());
  FIRN_ASSIGN(s->keys_, s->file_->keys());
  s->schema_ = schema;
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
  Pick p{index, r, csns_[r], 0, !tombstones_.empty() && tombstones_[r]};
  p.end = own_ends_.empty() ? ends_->end_of(r) : own_ends_[r];
  if (own_ends_.empty() && p.end > base) p.end = 0;  // ended since: found again by the new file's readers
  return p;
}

Result<std::vector<Column>> Source::take(std::span<const std::uint32_t> rows) {
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
  if (!keys_->rows.empty() || at_end()) return;
  const std::size_t now = group_of(row());
  for (std::size_t g = 0; g < now; ++g) groups_[g].clear();
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
  const Schema& own = file_->schema();
  std::vector<std::size_t> wanted, target;
  std::vector<Column> columns(schema_.size());
  const auto rows = static_cast<std::size_t>(file_->group_first(g + 1) - file_->group_first(g));
  for (std::size_t i = 0; i < schema_.size(); ++i) {
    bool found = false;
    for (std::size_t j = 0; j < own.size() && !found; ++j) {
      if (own[j].id != schema_[i].id) continue;
      wanted.push_back(j);
      target.push_back(i);
      found = true;
    }
    if (found) continue;
    ColumnBuilder nulls(schema_[i].type);
    for (std::size_t r = 0; r < rows; ++r) nulls.append_null();
    columns[i] = nulls.finish();
  }
  FIRN_ASSIGN(std::vector<Column> read, file_->read(g, wanted, cost));
  for (std::size_t i = 0; i < target.size(); ++i) columns[target[i]] = std::move(read[i]);
  groups_[g] = std::move(columns);
  return {};
}

Result<Batch> gather(std::vector<std::unique_ptr<Source>>& sources, std::span<const Pick> picks,
                     const Schema& schema) {
  std::vector<std::vector<std::uint32_t>> rows(sources.size());
  for (const Pick& p : picks) rows[p.source].push_back(p.row);
  std::vector<Batch> parts;
  std::vector<std::uint32_t> first(sources.size(), 0);
  std::uint32_t total = 0;
  for (std::size_t s = 0; s < sources.size(); ++s) {
    first[s] = total;
    if (rows[s].empty()) continue;
    FIRN_ASSIGN(std::vector<Column> columns, sources[s]->take(rows[s]));
    parts.emplace_back(schema, static_cast<std::int64_t>(rows[s].size()), std::move(columns));
    total += static_cast<std::uint32_t>(rows[s].size());
  }
  if (parts.size() == 1) return parts.front();
  for (Batch& part : parts) {
    std::vector<Column> plain;
    for (const Column& c : part.columns()) plain.push_back(c.to_plain());
    part = Batch(schema, part.rows(), std::move(plain));
  }
  const Batch all = concat(parts);
  std::vector<std::uint32_t> order;
  order.reserve(picks.size());
  for (const Pick& p : picks) order.push_back(first[p.source]++);
  return all.take(order);
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
