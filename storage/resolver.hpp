// Finding out which rows of files have ended: the ends (deletion vectors) that D7's rule "the greatest CSN wins" needs.
// Writes never look up old versions; this follows them, at the latest when a read asks.
#pragma once
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "storage/catalog.hpp"
#include "storage/hot/hot_store.hpp"

namespace firn::storage {

/// Keys of hot versions by CSN, for the files that have not been resolved past them. It knows every version above
/// floor(); what lies below is looked up in the hot tier itself. Thread-safe.
class HotDelta {
 public:
  void add(std::uint64_t csn, std::string key);
  /// Copies what has from < CSN <= to.
  std::vector<std::pair<std::string, std::uint64_t>> collect(std::uint64_t from, std::uint64_t to) const;
  /// The same, in ascending order of CSN up to the first whole commit that makes it `rows_max` or more (0: no limit);
  /// nullopt if keys above `from` may be missing.
  std::optional<std::vector<std::pair<std::string, std::uint64_t>>> collect_all(std::uint64_t from,
                                                                                std::uint64_t to,
                                                                                std::uint64_t rows_max) const;
  /// Forgets what has CSN <= csn.
  void trim(std::uint64_t csn);
  std::uint64_t floor() const;
  std::size_t size() const;
  /// How many have CSN > from.
  std::size_t count_since(std::uint64_t from) const;
  std::size_t memory_bytes() const;
  /// Forgets everything: nothing up to `floor` is known.
  void reset(std::uint64_t floor);

 private:
  mutable std::mutex mutex_;
  std::map<std::uint64_t, std::vector<std::string>> keys_;
  std::size_t count_ = 0, bytes_ = 0;
  std::uint64_t floor_ = 0;
};

/// The hot versions since the least resolved file of a view, by key: what resolving needs of the hot tier.
class HotChanges {
 public:
  /// `reader` belongs to the view; it is read only if the delta does not reach back far enough. The caller serialises
  /// calls and trims of the delta.
  static Result<HotChanges> since_resolved(const View& view, const HotDelta& delta,
                                           const hot::HotReader& reader);
  const KeyColumn& keys() const { return keys_; }
  std::uint64_t csn(std::size_t i) const { return by_key_[i].second; }
  /// Positions of the versions whose keys lie between the file's.
  std::pair<std::size_t, std::size_t> within(const RowFileInfo& info) const;

 private:
  explicit HotChanges(const Schema& schema) : keys_(schema) {}
  std::vector<std::pair<std::string, std::uint64_t>> by_key_;
  KeyColumn keys_;
};

/// How far files are behind commits that may have ended rows of theirs.
struct ResolveLag {
  std::uint64_t commits = 0;  ///< that the file furthest behind has not been resolved past
  std::uint64_t keys = 0;     ///< hot versions that files have not been asked for
};
ResolveLag lag_of(const View& view, const HotChanges& changes);

/// A file that could not be read while ends were looked for, and why.
struct UnreadableFile {
  FileEntryPtr file;
  Error error;
};
using UnreadableFiles = std::vector<UnreadableFile>;

/// Brings every current file of the view's catalog to resolved_to >= view.csn. The caller serialises calls. Memory: the
/// keys of `set_rows` rows that are newer (or of one file), and those of one file behind. A file that
/// cannot be read is the error; with `unreadable` it is noted there instead, and files that it may have ended rows of
/// stay unresolved: their ends are known but for the keys between its key_min and key_max. Returns how many files had to
/// be read for it.
Result<std::size_t> resolve_ends(const View& view, const HotChanges& changes, std::size_t set_rows,
                                 UnreadableFiles* unreadable = nullptr);

/// For keys in ascending order with their CSNs (hot rows): marks those that a file of the view ends at or below `csn`.
/// Returns the first such end a key, 0 for none. `unreadable` as above.
Result<std::vector<std::uint64_t>> ends_by_files(const View& view, const KeyColumn& keys,
                                                 const std::vector<std::uint64_t>& csns, std::uint64_t csn,
                                                 UnreadableFiles* unreadable = nullptr);

}  // namespace firn::storage
