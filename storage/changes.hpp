// What happened to rows, found from their versions (CHANGES SINCE n). The pure part: no file and no transaction in sight;
// engine_changes.cpp brings the versions and reads the rows.
//
//   kind of a change = (is a row at the version's key just below?, is the version a row or a tombstone?)
//     none below, row: insert    row below, row: update    row below, tombstone: delete    none below, tombstone: no change
// Versions keep their CSN for life, so moves and compactions leave no trace.
#pragma once
#include <cstdint>
#include <map>
#include <string_view>
#include <vector>

#include "schema/key_codec.hpp"

namespace firn::storage {

enum class ChangeOp : std::uint8_t { insert_row = 1, update_before = 2, update_row = 3, delete_row = 4 };
/// "insert", "update_before", "update", "delete".
std::string_view name_of(ChangeOp op) noexcept;

/// `_csn u64, _time timestamp, _op utf8`, then the table's columns (all of them, `_row` too). A name that the table has
/// gets another underscore in front.
Schema changes_schema(const Schema& table);
inline constexpr std::size_t kChangeColumns = 3;  ///< columns in front of the table's

/// Where a row lies: its number in one of the files that were looked at, or among the rows copied from hot.
struct RowPlace {
  std::uint32_t source = 0, row = 0;
};
inline constexpr std::uint32_t kHotSource = ~std::uint32_t{0};

/// A version of a row. Of versions of one key at one CSN (blocks of one commit) the greatest block counts.
struct ChangedVersion {
  std::uint64_t csn = 0, block = 0;
  std::uint32_t key = 0;  ///< position among the list's keys
  bool tombstone = false;
  RowPlace at;
};

/// The newest version of a key below the range that is looked at.
struct VersionBelow {
  bool found = false, tombstone = false;
  std::uint64_t csn = 0, block = 0;
  RowPlace at;
  /// Keeps the newer of the two.
  void offer(const VersionBelow& other);
  bool live() const { return found && !tombstone; }
};

/// One row of the answer: an update that is asked for with its before-image is two of them.
struct RowChange {
  std::uint64_t csn = 0;
  std::uint32_t key = 0;
  ChangeOp op = ChangeOp::insert_row;
  RowPlace at;
};

/// The versions of a range of commits, with their keys. One thread.
class VersionList {
 public:
  VersionList() = default;
  explicit VersionList(const Schema& schema) : schema_(schema), keys_(schema) {}
  /// `version.key` is set here.
  void add(std::string_view key, ChangedVersion version);
  /// Forgets versions above the CSN.
  void drop_above(std::uint64_t csn);
  /// Orders by key, CSN and block and keeps one version a key and CSN; keys() then holds each key once, ascending.
  void sort();
  const KeyColumn& keys() const { return keys_; }
  const std::vector<ChangedVersion>& versions() const { return versions_; }
  /// The CSNs that occur, ascending.
  std::vector<std::uint64_t> csns() const;
  /// First key >= `encoded`. Requires sort().
  std::size_t lower_bound(std::string_view encoded) const;

 private:
  Schema schema_;
  KeyColumn keys_;
  std::vector<ChangedVersion> versions_;
};

/// All changes in order of (CSN, key). Requires list.sort(); below[i] belongs to the i-th key.
std::vector<RowChange> changes_of(const VersionList& list, const std::vector<VersionBelow>& below,
                                  bool before);

/// What a key was before the range and what it is after it. Places are valid where `was` and `is` say so.
struct NetChange {
  std::uint64_t csn = 0;  ///< of the key's last version
  std::uint32_t key = 0;
  bool was = false, is = false;
  RowPlace before, after;
};
/// One entry a key that was or is; ascending keys. Whether an update changed a value is for the caller to see.
std::vector<NetChange> net_changes_of(const VersionList& list, const std::vector<VersionBelow>& below);

/// Chooses how many whole commits make a page of about `rows_max` changes: the lowest CSNs whose counts fit, one commit
/// at least. Memory: a page's CSNs, however many commits there are.
class CommitBudget {
 public:
  /// rows_max 0: no limit.
  CommitBudget(std::uint64_t rows_max, std::uint64_t to) : rows_max_(rows_max), bound_(to) {}
  void add(std::uint64_t csn, std::uint64_t rows);
  /// No commit above this one belongs to the page.
  void stop_at(std::uint64_t csn);
  /// Commits up to here belong to the page.
  std::uint64_t bound() const { return bound_; }

 private:
  std::uint64_t rows_max_, bound_, total_ = 0;
  std::map<std::uint64_t, std::uint64_t> rows_of_;
};

}  // namespace firn::storage
