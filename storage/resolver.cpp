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

/// Notes that `file` cannot be read; the error again if it is not the file's fault or nobody keeps notes.
Result<void> note_unreadable(UnreadableFiles* unreadable, const FileEntryPtr& file, const Error& error) {
  if (unreadable == nullptr || error.code() == ErrorCode::memory || error.code() == ErrorCode::internal)
    return error;
  const bool known = std::any_of(unreadable->begin(), unreadable->end(),
                                 [&](const UnreadableFile& u) { return u.file == file; });
  if (!known) unreadable->push_back({file, error});
  return {};
}

/// What is needed of a file to join it.
struct FileSide {
  std::shared_ptr<const FileKeys> keys;
  RowCsns csns;
  static Result<FileSide> read(const FileEntry& entry) {
    FileSide side;
    FIRN_ASSIGN(const auto file, entry.open());
    FIRN_ASSIGN(side.keys, file->keys());
    FIRN_ASSIGN(side.csns, RowCsns::read(*file));
    return side;
  }
};

void join_files(const FileEntry& older, const FileSide& a_side, const FileEntry& newer,
                const FileSide& b_side, std::uint64_t upto, EndMap& found) {
  const FileKeys& keys = *a_side.keys;
  merge_join(keys.keys, b_side.keys->keys, [&](std::size_t i, std::size_t j) {
    const std::uint32_t row = keys.row(i);
    const Version a{a_side.csns[row], older.info.block_number},
        b{b_side.csns[b_side.keys->row(j)], newer.info.block_number};
    if (b.csn <= upto && b.ends(a)) note_end(found, row, b.csn);
  });
}
/// Hot versions by key that came since the least resolved file.
struct HotChanges {
  std::vector<std::pair<std::string, std::uint64_t>> by_key;
  KeyColumn keys;
  bool touch(const RowFileInfo& info) const {
    const auto first =
        std::lower_bound(by_key.begin(), by_key.end(), std::pair(info.key_min, std::uint64_t{0}));
    return first != by_key.end() && first->first <= info.key_max;
  }
};

void join_hot(const FileEntry& older, const FileSide& side, const HotChanges& changes, EndMap& found) {
  merge_join(side.keys->keys, changes.keys, [&](std::size_t i, std::size_t j) {
    const std::uint32_t row = side.keys->row(i);
    const std::uint64_t end = changes.by_key[j].second;
    // One of several blocks of a commit: a hot row of that commit came there by a move, as the last of its key.
    const bool same_commit = end == side.csns[row] && older.info.base_csn < older.info.csn_min;
    if (end > side.csns[row] || same_commit) note_end(found, row, end);
  });
}

Result<void> resolve_file(const FileEntryPtr& f, const View& view, const HotChanges& changes,
                          UnreadableFiles* unreadable) {
  const std::uint64_t from = f->resolved_to();
  std::vector<FileEntryPtr> newer;
  for (const FileEntryPtr& g : view.catalog->files) {
    const bool same_commit = g->info.csn_max == from + 1 || g->info.csn_max > from;
    if (g != f && same_commit && g->info.csn_max >= f->info.csn_min && g->info.csn_min <= view.csn &&
        ranges_overlap(g->info, f->info.key_min, f->info.key_max))
      newer.push_back(g);
  }
  const bool by_hot = changes.touch(f->info);
  EndMap found;
  bool all = true;
  if (!newer.empty() || by_hot) {
    const Result<FileSide> side = FileSide::read(*f);
    if (!side) return note_unreadable(unreadable, f, side.error());
    for (const FileEntryPtr& g : newer) {
      const Result<FileSide> other = FileSide::read(*g);
      if (other) {
        join_files(*f, *side, *g, *other, view.csn, found);
      } else {
        FIRN_TRY(note_unreadable(unreadable, g, other.error()));
        all = false;
      }
    }
    if (by_hot) join_hot(*f, *side, changes, found);
  }
  f->set_ends(found.empty() ? f->ends() : merged(*f->ends(), found), all ? view.csn : from);
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

std::optional<std::vector<std::pair<std::string, std::uint64_t>>> HotDelta::collect_all(
    std::uint64_t from, std::uint64_t to, std::uint64_t rows_max) const {
  std::lock_guard lock(mutex_);
  if (from < complete_from_) return std::nullopt;
  std::vector<std::pair<std::string, std::uint64_t>> out;
  for (auto it = keys_.upper_bound(from); it != keys_.end() && it->first <= to; ++it) {
    for (const std::string& key : it->second) out.emplace_back(key, it->first);
    if (rows_max != 0 && out.size() > rows_max) break;
  }
  return out;
}

void HotDelta::complete_from(std::uint64_t csn) {
  std::lock_guard lock(mutex_);
  complete_from_ = csn;
}

void HotDelta::trim(std::uint64_t csn) {
  std::lock_guard lock(mutex_);
  if (complete_from_ != kCsnMax.value) complete_from_ = std::max(complete_from_, csn);
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
  complete_from_ = kCsnMax.value;
}

Result<void> resolve_ends(const View& view, const HotDelta& delta, UnreadableFiles* unreadable) {
  std::uint64_t lowest = view.csn;
  for (const FileEntryPtr& f : view.catalog->files)
    if (!f->info.history) lowest = std::min(lowest, f->resolved_to());
  if (lowest >= view.csn) return {};

  HotChanges changes{delta.collect(lowest, view.csn), KeyColumn(view.catalog->schema())};
  std::sort(changes.by_key.begin(), changes.by_key.end());
  for (const auto& [key, csn] : changes.by_key) changes.keys.push_back(key);
  for (const FileEntryPtr& f : view.catalog->files)
    if (!f->info.history && f->resolved_to() < view.csn) FIRN_TRY(resolve_file(f, view, changes, unreadable));
  return {};
}

Result<std::vector<std::uint64_t>> ends_by_files(const View& view, const KeyColumn& keys,
                                                 const std::vector<std::uint64_t>& csns, std::uint64_t csn,
                                                 UnreadableFiles* unreadable) {
  std::vector<std::uint64_t> ends(keys.size(), 0);
  if (keys.size() == 0) return ends;
  const std::uint64_t oldest = *std::min_element(csns.begin(), csns.end());
  std::string scratch_min, scratch_max;
  const std::string min(keys.at(0, scratch_min)), max(keys.at(keys.size() - 1, scratch_max));
  for (const FileEntryPtr& g : view.catalog->files) {
    if (g->info.csn_max <= oldest || g->info.csn_min > csn || !ranges_overlap(g->info, min, max)) continue;
    const Result<FileSide> side = FileSide::read(*g);
    if (!side) {
      FIRN_TRY(note_unreadable(unreadable, g, side.error()));
      continue;
    }
    merge_join(keys, side->keys->keys, [&](std::size_t i, std::size_t j) {
      const std::uint64_t end = side->csns[side->keys->row(j)];
      if (end > csns[i] && end <= csn && (ends[i] == 0 || end < ends[i])) ends[i] = end;
    });
  }
  return ends;
}

}  // namespace firn::storage
