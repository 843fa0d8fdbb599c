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

struct Version {
  std::uint64_t csn = 0, block = 0;
  bool ends(const Version& older) const { return csn != older.csn ? csn > older.csn : block > older.block; }
};

/// What is needed of a file to join it.
struct FileSide {
  FileEntryPtr file;
  std::shared_ptr<const FileKeys> keys;
  RowCsns csns;
  static Result<FileSide> read(const FileEntryPtr& entry) {
    FileSide side;
    side.file = entry;
    FIRN_ASSIGN(const auto file, entry->open());
    FIRN_ASSIGN(side.keys, file->keys());
    FIRN_ASSIGN(side.csns, RowCsns::read(*file));
    return side;
  }
  Version version(std::size_t i) const { return {csns[keys->row(i)], file->info.block_number}; }
};

/// The versions of several files in ascending order of key: who is joined with it is joined with all of them at once.
class VersionsOfFiles {
 public:
  explicit VersionsOfFiles(std::vector<FileSide> files) : files_(std::move(files)) {
    if (files_.size() < 2) return;
    std::vector<std::size_t> runs{0};  // where each file's versions begin
    for (std::uint32_t f = 0; f < files_.size(); ++f) {
      const std::size_t size = files_[f].keys->keys.size();
      for (std::uint32_t i = 0; i < size; ++i) places_.push_back({f, i});
      runs.push_back(places_.size());
    }
    while (runs.size() > 2) merge_neighbours(runs);
  }
  std::size_t size() const {
    return places_.empty() && !files_.empty() ? files_.front().keys->keys.size() : places_.size();
  }
  std::weak_ordering compare(std::size_t i, const KeyColumn& keys, std::size_t k) const {
    const Place at = place(i);
    return files_[at.file].keys->keys.compare(at.key, keys, k);
  }
  Version version(std::size_t i) const {
    const Place at = place(i);
    return files_[at.file].version(at.key);
  }
  std::span<const FileSide> files() const { return files_; }

 private:
  struct Place {
    std::uint32_t file, key;
  };
  Place place(std::size_t i) const {
    return places_.empty() ? Place{0, static_cast<std::uint32_t>(i)} : places_[i];
  }
  void merge_neighbours(std::vector<std::size_t>& runs) {
    const auto less = [&](const Place& a, const Place& b) {
      return files_[a.file].keys->keys.compare(a.key, files_[b.file].keys->keys, b.key) < 0;
    };
    const auto at = [&](std::size_t i) { return places_.begin() + static_cast<std::ptrdiff_t>(i); };
    std::vector<std::size_t> longer{0};
    for (std::size_t r = 0; r + 1 < runs.size(); r += 2) {
      const std::size_t end = runs[std::min(r + 2, runs.size() - 1)];
      std::inplace_merge(at(runs[r]), at(runs[r + 1]), at(end), less);
      longer.push_back(end);
    }
    runs = std::move(longer);
  }

  std::vector<FileSide> files_;
  std::vector<Place> places_;  ///< empty: those of the only file
};

std::weak_ordering order_of(const KeyColumn& a, std::size_t i, const KeyColumn& b, std::size_t j) {
  return a.compare(i, b, j);
}
std::weak_ordering order_of(const VersionsOfFiles& a, std::size_t i, const KeyColumn& b, std::size_t j) {
  return a.compare(i, b, j);
}
std::weak_ordering order_of(const KeyColumn& a, std::size_t i, const VersionsOfFiles& b, std::size_t j) {
  return 0 <=> b.compare(j, a, i);
}

/// First index in [from, size) whose key is >= the key `k` of `other`, by galloping.
template <class Keys, class Other>
std::size_t gallop(const Keys& keys, std::size_t from, const Other& other, std::size_t k) {
  std::size_t step = 1, low = from, high = from;
  while (high < keys.size() && order_of(keys, high, other, k) < 0) {
    low = high + 1;
    high += step;
    step *= 2;
  }
  high = std::min(high, keys.size());
  while (low < high) {
    const std::size_t middle = low + (high - low) / 2;
    if (order_of(keys, middle, other, k) < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

/// Calls `match(i, j)` for every pair of equal keys; both sides ascending, keys may repeat on the right.
template <class Right, class Match>
void merge_join(const KeyColumn& a, const Right& b, Match match) {
  std::size_t i = 0, j = 0;
  while (i < a.size() && j < b.size()) {
    const auto order = order_of(a, i, b, j);
    if (order < 0) {
      i = gallop(a, i, b, j);
    } else if (order > 0) {
      j = gallop(b, j, a, i);
    } else {
      for (std::size_t k = j; k < b.size() && order_of(a, i, b, k) == 0; ++k) match(i, k);
      ++i;
    }
  }
}

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

void join_files(const FileSide& older, const VersionsOfFiles& newer, std::uint64_t upto, Ends& found) {
  merge_join(older.keys->keys, newer, [&](std::size_t i, std::size_t j) {
    const Version a = older.version(i), b = newer.version(j);
    if (b.csn <= upto && b.ends(a)) found.push_back({older.keys->row(i), b.csn});
  });
}

void join_hot(const FileSide& side, const HotChanges& changes, Ends& found) {
  const RowFileInfo& older = side.file->info;
  merge_join(side.keys->keys, changes.keys(), [&](std::size_t i, std::size_t j) {
    const std::uint32_t row = side.keys->row(i);
    const std::uint64_t end = changes.csn(j);
    // One of several blocks of a commit: a hot row of that commit came there by a move, as the last of its key.
    const bool same_commit = end == side.csns[row] && older.base_csn < older.csn_min;
    if (end > side.csns[row] || same_commit) found.push_back({row, end});
  });
}

/// Whether rows of `g` may have ended rows of `f` since that was resolved.
bool may_end_rows(const FileEntry& g, const FileEntry& f, const View& view) {
  return &g != &f && g.info.csn_max > f.resolved_to() && g.info.csn_max >= f.info.csn_min &&
         g.info.csn_min <= view.csn && ranges_overlap(g.info, f.info.key_min, f.info.key_max);
}

bool touches(const HotChanges& changes, const FileEntry& f) {
  const std::uint64_t from = f.resolved_to();
  const auto [first, last] = changes.within(f.info);
  for (std::size_t i = first; i < last; ++i)
    if (changes.csn(i) > from) return true;
  return false;
}

bool behind(const FileEntry& f, std::uint64_t csn) { return !f.info.history && f.resolved_to() < csn; }

/// One pass over the files that are behind. They are joined with what is newer set by set, so that a pass reads each newer
/// file once and each file behind once a set, however many there are of both (a block nested loop join).
class ResolvePass {
 public:
  ResolvePass(const View& view, const HotChanges& changes, std::size_t set_rows, UnreadableFiles* unreadable)
      : view_(view), changes_(changes), set_rows_(set_rows), unreadable_(unreadable) {
    for (const FileEntryPtr& f : view.catalog->files)
      if (behind(*f, view.csn)) behind_.push_back({f});
  }

  /// Returns how many files had to be read because rows of theirs may have ended.
  Result<std::size_t> run() {
    std::vector<FileEntryPtr> newer = newer_files();
    FIRN_TRY(join_all_with_hot());
    for (auto next = newer.begin(); next != newer.end();) {
      std::vector<FileSide> set;
      for (std::size_t rows = 0;
           next != newer.end() && (set.empty() || rows + (*next)->info.rows <= set_rows_); ++next) {
        rows += (*next)->info.rows;
        Result<FileSide> side = FileSide::read(*next);
        if (side)
          set.push_back(std::move(*side));
        else
          FIRN_TRY(cannot_read(*next, side.error()));
      }
      if (!set.empty()) FIRN_TRY(join_all_with(VersionsOfFiles(std::move(set))));
    }
    std::size_t looked_at = 0;
    for (const Behind& b : behind_) {
      looked_at += b.looked_at ? 1 : 0;
      if (!b.whole) continue;
      FileEntry::Resolved known = b.file->resolved();
      known.resolved_to = view_.csn;
      b.file->set_resolved(std::move(known));
    }
    return looked_at;
  }

 private:
  struct Behind {
    FileEntryPtr file;
    bool looked_at = false;
    bool whole = true;  ///< all that may have ended its rows could be read so far
  };

  /// Those that may have ended a row of a file behind; the small ones first, so that sets hold many.
  std::vector<FileEntryPtr> newer_files() const {
    std::vector<FileEntryPtr> out;
    for (const FileEntryPtr& g : view_.catalog->files)
      if (std::any_of(behind_.begin(), behind_.end(),
                      [&](const Behind& b) { return may_end_rows(*g, *b.file, view_); }))
        out.push_back(g);
    std::sort(out.begin(), out.end(),
              [](const auto& a, const auto& b) { return a->info.rows < b->info.rows; });
    return out;
  }

  Result<void> cannot_read(const FileEntryPtr& newer, const Error& error) {
    FIRN_TRY(note_unreadable(unreadable_, newer, error));
    for (Behind& b : behind_)
      if (may_end_rows(*newer, *b.file, view_)) b.whole = false;
    return {};
  }

  /// Its keys and CSNs; nullopt if it cannot be read: then it stays behind.
  Result<std::optional<FileSide>> side_of(Behind& b) {
    b.looked_at = true;
    Result<FileSide> side = FileSide::read(b.file);
    if (side) return std::optional<FileSide>(std::move(*side));
    FIRN_TRY(note_unreadable(unreadable_, b.file, side.error()));
    b.whole = false;
    return std::optional<FileSide>{};
  }

  Result<void> join_all_with_hot() {
    for (Behind& b : behind_) {
      if (!touches(changes_, *b.file)) continue;
      FIRN_ASSIGN(const auto side, side_of(b));
      Ends found;
      if (side) join_hot(*side, changes_, found);
      note_ends(*b.file, std::move(found));
    }
    return {};
  }

  Result<void> join_all_with(const VersionsOfFiles& newer) {
    for (Behind& b : behind_) {
      const auto files = newer.files();
      if (std::none_of(files.begin(), files.end(),
                       [&](const FileSide& g) { return may_end_rows(*g.file, *b.file, view_); }))
        continue;
      FIRN_ASSIGN(const auto side, side_of(b));
      Ends found;
      if (side) join_files(*side, newer, view_.csn, found);
      note_ends(*b.file, std::move(found));
    }
    return {};
  }

  /// True whatever else is found: a reader of another CSN passes over ends that come after it.
  static void note_ends(FileEntry& f, Ends&& found) {
    if (found.empty()) return;
    FileEntry::Resolved known = f.resolved();
    auto more = std::make_shared<DeletionVector>(known.ends->with(std::move(found)));
    if (*more == *known.ends) return;  // found again: nothing to store
    known.ends = std::move(more);
    f.set_resolved(std::move(known));
  }

  const View& view_;
  const HotChanges& changes_;
  std::size_t set_rows_;
  UnreadableFiles* unreadable_;
  std::vector<Behind> behind_;
};

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
    const auto& files = view.catalog->files;
    bool concerned = std::any_of(files.begin(), files.end(),
                                 [&](const FileEntryPtr& g) { return may_end_rows(*g, *f, view); });
    const auto [first, last] = changes.within(f->info);
    for (std::size_t i = first; i < last; ++i)
      if (changes.csn(i) > from) pending[i] = concerned = true;
    if (concerned) lag.commits = std::max(lag.commits, view.csn - from);
  }
  lag.keys = static_cast<std::uint64_t>(std::count(pending.begin(), pending.end(), true));
  return lag;
}

Result<std::size_t> resolve_ends(const View& view, const HotChanges& changes, std::size_t set_rows,
                                 UnreadableFiles* unreadable) {
  return ResolvePass(view, changes, set_rows, unreadable).run();
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
    const Result<FileSide> side = FileSide::read(g);
    if (!side) {
      FIRN_TRY(note_unreadable(unreadable, g, side.error()));
      continue;
    }
    merge_join(keys, side->keys->keys, [&](std::size_t i, std::size_t j) {
      const std::uint64_t end = side->version(j).csn;
      if (end > csns[i] && end <= csn && (ends[i] == 0 || end < ends[i])) ends[i] = end;
    });
  }
  return ends;
}

}  // namespace firn::storage
