#include "storage/resolver.hpp"

#include <algorithm>

namespace firn::storage {
namespace {

/// The CSN of every row of a file.
class RowCsns {
 public:
  static Result<RowCsns> read(const RowFile& file) {
    RowCsns out;
    const RowFileInfo& info = file.info();
    out.constant_ = info.csn_min;
    if (info.csn_min == info.csn_max) return out;
    out.each_.reserve(info.rows);
    ReadCost cost;
    for (std::size_t g = 0; g < file.groups(); ++g) {
      FIRN_ASSIGN(const Column column, file.csns(g, cost));
      const Column plain = column.to_plain();
      const auto values = plain.as<std::uint64_t>();
      out.each_.insert(out.each_.end(), values.begin(), values.end());
    }
    return out;
  }
  std::uint64_t operator[](std::uint32_t row) const { return each_.empty() ? constant_ : each_[row]; }

 private:
  std::uint64_t constant_ = 0;
  std::vector<std::uint64_t> each_;
};

/// First index in [from, size) whose key is >= the key `k` of `other`, by galloping.
std::size_t gallop(const KeyColumn& keys, std::size_t from, const KeyColumn& other, std::size_t k) {
  std::size_t step = 1, low = from, high = from;
  while (high < keys.size() && keys.compare(high, other, k) < 0) {
    low = high + 1;
    high += step;
    step *= 2;
  }
  high = std::min(high, keys.size());
  while (low < high) {
    const std::size_t middle = low + (high - low) / 2;
    if (keys.compare(middle, other, k) < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

/// Calls `match(i, j)` for every pair of equal keys; both sides ascending, keys may repeat on the right.
template <class Match>
void merge_join(const KeyColumn& a, const KeyColumn& b, Match match) {
  std::size_t i = 0, j = 0;
  while (i < a.size() && j < b.size()) {
    const auto order = a.compare(i, b, j);
    if (order < 0) {
      i = gallop(a, i, b, j);
    } else if (order > 0) {
      j = gallop(b, j, a, i);
    } else {
      for (std::size_t k = j; k < b.size() && a.compare(i, b, k) == 0; ++k) match(i, k);
      ++i;
    }
  }
}

struct Version {
  std::uint64_t csn = 0, block = 0;
  bool ends(const Version& older) const { return csn != older.csn ? csn > older.csn : block > older.block; }
};

using EndMap = std::map<std::uint32_t, std::uint64_t>;

void note_end(EndMap& found, std::uint32_t row, std::uint64_t end) {
  const auto [it, fresh] = found.try_emplace(row, end);
  if (!fresh) it->second = std::min(it->second, end);
}

std::shared_ptr<const EndVector> merged(const EndVector& old, const EndMap& found) {
  auto out = std::make_shared<EndVector>();
  out->rows.reserve(old.size() + found.size());
  out->ends.reserve(old.size() + found.size());
  std::size_t i = 0;
  const auto keep = [&](std::uint32_t row, std::uint64_t end) {
    out->rows.push_back(row);
    out->ends.push_back(end);
  };
  for (const auto& [row, end] : found) {
    for (; i < old.size() && old.rows[i] < row; ++i) keep(old.rows[i], old.ends[i]);
    std::uint64_t first = end;
    if (i < old.size() && old.rows[i] == row) first = std::min(first, old.ends[i++]);
    keep(row, first);
  }
  for (; i < old.size(); ++i) keep(old.rows[i], old.ends[i]);
  return out;
}

Result<void> join_files(const FileEntry& older, const FileKeys& keys, const RowCsns& csns,
                        const FileEntry& newer, std::uint64_t upto, EndMap& found) {
  FIRN_ASSIGN(const auto file, newer.open());
  FIRN_ASSIGN(const auto newer_keys, file->keys());
  FIRN_ASSIGN(const RowCsns newer_csns, RowCsns::read(*file));
  merge_join(keys.keys, newer_keys->keys, [&](std::size_t i, std::size_t j) {
    const std::uint32_t row = keys.row(i);
    const Version a{csns[row], older.info.block_number},
        b{newer_csns[newer_keys->row(j)], newer.info.block_number};
    if (b.csn <= upto && b.ends(a)) note_end(found, row, b.csn);
  });
  return {};
}

}  // namespace

void HotDelta::add(std::uint64_t csn, std::string key) {
  std::lock_guard lock(mutex_);
  keys_[csn].push_back(std::move(key));
  count_ += 1;
}

std::vector<std::pair<std::string, std::uint64_t>> HotDelta::collect(std::uint64_t from,
                                                                     std::uint64_t to) const {
  std::lock_guard lock(mutex_);
  std::vector<std::pair<std::string, std::uint64_t>> out;
  for (auto it = keys_.upper_bound(from); it != keys_.end() && it->first <= to; ++it)
    for (const std::string& key : it->second) out.emplace_back(key, it->first);
  return out;
}

void HotDelta::trim(std::uint64_t csn) {
  std::lock_guard lock(mutex_);
  while (!keys_.empty() && keys_.begin()->first <= csn) {
    count_ -= keys_.begin()->second.size();
    keys_.erase(keys_.begin());
  }
}

std::size_t HotDelta::size() const {
  std::lock_guard lock(mutex_);
  return count_;
}

void HotDelta::clear() {
  std::lock_guard lock(mutex_);
  keys_.clear();
  count_ = 0;
}

Result<void> resolve_ends(const View& view, const HotDelta& delta) {
  std::uint64_t lowest = view.csn;
  for (const FileEntryPtr& f : view.catalog->files)
    if (!f->info.history) lowest = std::min(lowest, f->resolved_to());
  if (lowest >= view.csn) return {};

  auto changed = delta.collect(lowest, view.csn);
  std::sort(changed.begin(), changed.end());
  KeyColumn changed_keys(view.catalog->schema());
  for (const auto& [key, csn] : changed) changed_keys.push_back(key);

  for (const FileEntryPtr& f : view.catalog->files) {
    const std::uint64_t from = f->resolved_to();
    if (f->info.history || from >= view.csn) continue;
    std::vector<FileEntryPtr> newer;
    for (const FileEntryPtr& g : view.catalog->files) {
      const bool same_commit = g->info.csn_max == from + 1 || g->info.csn_max > from;
      if (g != f && same_commit && g->info.csn_max >= f->info.csn_min && g->info.csn_min <= view.csn &&
          ranges_overlap(g->info, f->info.key_min, f->info.key_max))
        newer.push_back(g);
    }
    const bool touched = !changed.empty() && changed.back().first >= f->info.key_min &&
                         changed.front().first <= f->info.key_max;
    EndMap found;
    if (!newer.empty() || touched) {
      const auto first =
          std::lower_bound(changed.begin(), changed.end(), std::pair(f->info.key_min, std::uint64_t{0}));
      const bool in_range = first != changed.end() && first->first <= f->info.key_max;
      if (!newer.empty() || in_range) {
        FIRN_ASSIGN(const auto file, f->open());
        FIRN_ASSIGN(const auto keys, file->keys());
        FIRN_ASSIGN(const RowCsns csns, RowCsns::read(*file));
        for (const FileEntryPtr& g : newer) FIRN_TRY(join_files(*f, *keys, csns, *g, view.csn, found));
        if (in_range) {
          merge_join(keys->keys, changed_keys, [&](std::size_t i, std::size_t j) {
            const std::uint32_t row = keys->row(i);
            const std::uint64_t end = changed[j].second;
            // One of several blocks of a commit: a hot row of that commit came there by a move, as the last of its key.
            const bool same_commit = end == csns[row] && f->info.base_csn < f->info.csn_min;
            if (end > csns[row] || same_commit) note_end(found, row, end);
          });
        }
      }
    }
    f->set_ends(found.empty() ? f->ends() : merged(*f->ends(), found), view.csn);
  }
  return {};
}

Result<std::vector<std::uint64_t>> ends_by_files(const View& view, const KeyColumn& keys,
                                                 const std::vector<std::uint64_t>& csns, std::uint64_t csn) {
  std::vector<std::uint64_t> ends(keys.size(), 0);
  if (keys.size() == 0) return ends;
  const std::uint64_t oldest = *std::min_element(csns.begin(), csns.end());
  std::string scratch_min, scratch_max;
  const std::string min(keys.at(0, scratch_min)), max(keys.at(keys.size() - 1, scratch_max));
  for (const FileEntryPtr& g : view.catalog->files) {
    if (g->info.csn_max <= oldest || g->info.csn_min > csn || !ranges_overlap(g->info, min, max)) continue;
    FIRN_ASSIGN(const auto file, g->open());
    FIRN_ASSIGN(const auto file_keys, file->keys());
    FIRN_ASSIGN(const RowCsns file_csns, RowCsns::read(*file));
    merge_join(keys, file_keys->keys, [&](std::size_t i, std::size_t j) {
      const std::uint64_t end = file_csns[file_keys->row(j)];
      if (end > csns[i] && end <= csn && (ends[i] == 0 || end < ends[i])) ends[i] = end;
    });
  }
  return ends;
}

}  // namespace firn::storage
