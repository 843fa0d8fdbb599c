// Finding out which rows of files have ended: the ends (deletion vectors) that D7's rule "the greatest CSN wins" needs.
// Writes never look up old versions; this follows them, at the latest when a read asks.
#pragma once
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "storage/catalog.hpp"

namespace firn::storage {

/// Keys of hot versions by CSN, for the files that have not been resolved past them. Thread-safe.
class HotDelta {
 public:
  using Keys = std::map<std::uint64_t, std::vector<std::string>>;
  void add(std::uint64_t csn, std::string key);
  /// Copies what has from < CSN <= to.
  std::vector<std::pair<std::string, std::uint64_t>> collect(std::uint64_t from, std::uint64_t to) const;
  /// The same, in ascending order of CSN up to the first whole commit that makes it `rows_max` or more (0: no limit);
  /// nullopt if keys above `from` may be missing.
  std::optional<std::vector<std::pair<std::string, std::uint64_t>>> collect_all(std::uint64_t from,
                                                                                std::uint64_t to,
                                                                                std::uint64_t rows_max) const;
  /// From now on holds every hot version above this CSN.
  void complete_from(std::uint64_t csn);
  /// Forgets what has CSN <= csn.
  void trim(std::uint64_t csn);
  std::size_t size() const;
  void clear();

 private:
  mutable std::mutex mutex_;
  Keys keys_;
  std::size_t count_ = 0;
  std::uint64_t complete_from_ = kCsnMax.value;
};

/// A file that could not be read while ends were looked for, and why.
struct UnreadableFile {
  FileEntryPtr file;
  Error error;
};
using UnreadableFiles = std::vector<UnreadableFile>;

/// Brings every current file of the view's catalog to resolved_to >= view.csn. The caller serialises calls. A file that
/// cannot be read is the error; with `unreadable` it is noted there instead, and files that it may have ended rows of
/// stay unresolved: their ends are known but for the keys between its key_min and key_max.
Result<void> resolve_ends(const View& view, const HotDelta& delta, UnreadableFiles* unreadable = nullptr);

/// For keys in ascending order with their CSNs (hot rows): marks those that a file of the view ends at or below `csn`.
/// Returns the first such end a key, 0 for none. `unreadable` as above.
Result<std::vector<std::uint64_t>> ends_by_files(const View& view, const KeyColumn& keys,
                                                 const std::vector<std::uint64_t>& csns, std::uint64_t csn,
                                                 UnreadableFiles* unreadable = nullptr);

}  // namespace firn::storage
