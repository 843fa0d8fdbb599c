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

using Ends = std::vector<DeletionVector::End>;

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
                const FileSide& b_side, std::uint64_t upto, Ends& found) {
  const FileKeys& keys = *a_side.keys;
  merge_join(keys.keys, b_side.keys->keys, [&](std::size_t i, std::size_t j) {
    const std::uint32_t row = keys.row(i);
    const Version a{a_side.csns[row], older.info.block_number},
        b{b_side.csns[b_side.keys->row(j)], newer.info.block_number};
    if (b.csn <= upto && b.ends(a)) found.push_back({row, b.csn});
  });
}

void join_hot(const FileEntry& older, const FileSide& side, const HotChanges& changes, Ends& found) {
  merge_join(side.keys->keys, changes.keys(), [&](std::size_t i, std::size_t j) {
    const std::uint32_t row = side.keys->row(i);
    const std::uint64_t end = changes.csn(j);
    // One of several blocks of a commit: a hot row of that commit came there by a move, as the last of its key.
    const bool same_commit = end == side.csns[row] && older.info.base_csn < older.info.csn_min;
    if (end > side.csns[row] || same_commit) found.push_back({row, end});
  });
}

/// Files whose rows may have ended rows of `f` since it was resolved.
std::vector<FileEntryPtr> newer_than(const FileEntryPtr& f, const View& view) {
  std::vector<FileEntryPtr> newer;
  const std::uint64_t from = f->resolved_to();
  for (const FileEntryPtr& g : view.catalog->files)
    if (g != f && g->info.csn_max > from && g->info.csn_max >= f->info.csn_min &&
        g->info.csn_min <= view.csn && ranges_overlap(g->info, f->info.key_min, f->info.key_max))
      newer.push_back(g);
  return newer;
}

bool touches(const HotChanges& changes, const FileEntry& f) {
  const std::uint64_t from = f.resolved_to();
  const auto [first, last] = changes.within(f.info);
  for (std::size_t i = first; i < last; ++i)
    if (changes.csn(i) > from) return true;
  return false;
}

/// Whether its rows had to be looked at.
Result<bool> resolve_file(const FileEntryPtr& f, const View& view, const HotChanges& changes,
                          UnreadableFiles* unreadable) {
  FileEntry::Resolved known = f->resolved();
  const std::vector<FileEntryPtr> newer = newer_than(f, view);
  const bool by_hot = touches(changes, *f);
  Ends found;
  bool all = true;
  if (!newer.empty() || by_hot) {
    const Result<FileSide> side = FileSide::read(*f);
    if (!side) {
      FIRN_TRY(note_unreadable(unreadable, f, side.error()));
      return true;
    }
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
  if (!found.empty()) {
    auto more = std::make_shared<DeletionVector>(known.ends->with(std::move(found)));
    if (!(*more == *known.ends)) known.ends = std::move(more);  // found again: nothing to store
  }
  if (all) known.resolved_to = view.csn;
  f->set_resolved(std::move(known));
  return !newer.empty() || by_hot;
}

bool behind(const FileEntry& f, std::uint64_t csn) { return !f.info.history && f.resolved_to() < csn; }

}  // namespace

void HotDelta::add(std::uint64_t csn, std::string key) {
  std::lock_guard lock(mutex_);
  bytes_ += key.size();
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
  if (from < floor_) return std::nullopt;
  std::vector<std::pair<std::string, std::uint64_t>> out;
  for (auto it = keys_.upper_bound(from); it != keys_.end() && it->first <= to; ++it) {
    for (const std::string& key : it->second) out.emplace_back(key, it->first);
    if (rows_max != 0 && out.size() > rows_max) break;
  }
  return out;
}

void HotDelta::trim(std::uint64_t csn) {
  std::lock_guard lock(mutex_);
  floor_ = std::max(floor_, csn);
  while (!keys_.empty() && keys_.begin()->first <= csn) {
    count_ -= keys_.begin()->second.size();
    for (const std::string& key : keys_.begin()->second) bytes_ -= key.size();
    keys_.erase(keys_.begin());
  }
}

std::uint64_t HotDelta::floor() const {
  std::lock_guard lock(mutex_);
  return floor_;
}

std::size_t HotDelta::size() const {
  std::lock_guard lock(mutex_);
  return count_;
}

std::size_t HotDelta::count_since(std::uint64_t from) const {
  std::lock_guard lock(mutex_);
  std::size_t count = 0;
  for (auto it = keys_.upper_bound(from); it != keys_.end(); ++it) count += it->second.size();
  return count;
}

std::size_t HotDelta::memory_bytes() const {
  constexpr std::size_t kCommitBytes = 96;  // a tree node with its vector, and what the allocator adds
  constexpr std::size_t kKeyBytes = sizeof(std::string) + 16;
  std::lock_guard lock(mutex_);
  return keys_.size() * kCommitBytes + count_ * kKeyBytes + bytes_;
}

void HotDelta::reset(std::uint64_t floor) {
  std::lock_guard lock(mutex_);
  keys_.clear();
  count_ = bytes_ = 0;
  floor_ = floor;
}

Result<HotChanges> HotChanges::since_resolved(const View& view, const HotDelta& delta,
                                              const hot::HotReader& reader) {
  HotChanges out(view.catalog->schema());
  std::uint64_t lowest = view.csn;
  std::string_view min, max;
  bool any = false;
  for (const FileEntryPtr& f : view.catalog->files) {
    if (!behind(*f, view.csn)) continue;
    lowest = std::min(lowest, f->resolved_to());
    min = any ? std::min<std::string_view>(min, f->info.key_min) : std::string_view(f->info.key_min);
    max = any ? std::max<std::string_view>(max, f->info.key_max) : std::string_view(f->info.key_max);
    any = true;
  }
  if (!any) return out;
  if (lowest >= delta.floor()) {
    out.by_key_ = delta.collect(lowest, view.csn);
  } else {
    FIRN_TRY(reader.visit_versions(min, [&](std::string_view key, const hot::HotVersion& v) -> Result<bool> {
      if (key > max) return false;
      if (v.csn > lowest && v.csn <= view.csn) out.by_key_.emplace_back(key, v.csn);
      return true;
    }));
  }
  std::sort(out.by_key_.begin(), out.by_key_.end());
  for (const auto& [key, csn] : out.by_key_) out.keys_.push_back(key);
  return out;
}

std::pair<std::size_t, std::size_t> HotChanges::within(const RowFileInfo& info) const {
  const auto first =
      std::lower_bound(by_key_.begin(), by_key_.end(), std::pair(info.key_min, std::uint64_t{0}));
  const auto last = std::upper_bound(first, by_key_.end(), std::pair(info.key_max, kCsnMax.value));
  return {static_cast<std::size_t>(first - by_key_.begin()),
          static_cast<std::size_t>(last - by_key_.begin())};
}

ResolveLag lag_of(const View& view, const HotChanges& changes) {
  ResolveLag lag;
  std::vector<bool> pending(changes.keys().size(), false);
  for (const FileEntryPtr& f : view.catalog->files) {
    if (!behind(*f, view.csn)) continue;
    const std::uint64_t from = f->resolved_to();
    bool concerned = !newer_than(f, view).empty();
    const auto [first, last] = changes.within(f->info);
    for (std::size_t i = first; i < last; ++i)
      if (changes.csn(i) > from) pending[i] = concerned = true;
    if (concerned) lag.commits = std::max(lag.commits, view.csn - from);
  }
  lag.keys = static_cast<std::uint64_t>(std::count(pending.begin(), pending.end(), true));
  return lag;
}

Result<std::size_t> resolve_ends(const View& view, const HotChanges& changes, UnreadableFiles* unreadable) {
  std::size_t looked_at = 0;
  for (const FileEntryPtr& f : view.catalog->files) {
    if (!behind(*f, view.csn)) continue;
    FIRN_ASSIGN(const bool looked, resolve_file(f, view, changes, unreadable));
    looked_at += looked ? 1 : 0;
  }
  return looked_at;
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
