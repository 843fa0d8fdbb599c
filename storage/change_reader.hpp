// Reads the versions of a range of commits from all tiers, what lay below them, and their rows: what CHANGES needs.
//
// No LMDB transaction lasts while files are read (D6). A version may move between two looks at the catalog, so:
//   1. begin to read; files of this catalog that may hold versions of the range and were not listed yet?
//      yes: end the transaction, list them, begin again (only files that came meanwhile are new then)
//      no: the range's hot versions and, for keys found in files, the hot versions below are copied; end the transaction
//   2. the newest versions below the range are looked for in the files of that last catalog
// Versions met twice are one: same key, same CSN.
#pragma once
#include <functional>
#include <set>

#include "storage/changes.hpp"
#include "storage/engine.hpp"

namespace firn::storage {

/// A u64 column as numbers; the error again if it could not be read.
Result<std::vector<std::uint64_t>> whole_column(const Result<Column>& read);

/// CSNs, ends (history only) and tombstones of one row group.
struct GroupLives {
  std::vector<std::uint64_t> csns, ends;
  Buffer tombstones;
  static Result<GroupLives> read(const RowFile& file, std::size_t group);
  bool tombstone(std::size_t row) const { return !tombstones.empty() && bit_at(tombstones.data(), row); }
};

/// One page of changes. Use on one thread: collect() once, then the rest. Memory: a page's versions and keys, beside
/// that one row group a file and the keys of one file at a time; never the table.
class ChangeReader {
 public:
  /// Versions of commits in (from, to]; of about `rows_max` versions of whole commits (0: all). `ranges` (positions in
  /// the table's schema) may leave out keys that do not meet them.
  ChangeReader(Engine& engine, std::uint64_t from, std::optional<std::uint64_t> to, std::uint64_t rows_max,
               std::span<const ColumnRange> ranges, const ExecutionLimits& limits);
  /// Whether the range can be read. Errors as collect().
  Result<void> check() const;
  /// Instead of collect(): notes what it would read, of files those with versions of the range, of hot the keys with such.
  /// Walks over hot where it reaches back further than the keys that are kept for resolving.
  Result<void> describe(QueryProfile& profile);
  /// Errors: {horizon} naming the earliest valid position; {out_of_range} beyond the newest commit; {corrupt} a file.
  Result<void> collect();

  /// All changes up to here are in this page.
  std::uint64_t next() const { return budget_.bound(); }
  const Schema& schema() const { return view_.catalog->schema(); }
  const VersionList& versions() const { return versions_; }
  const std::vector<VersionBelow>& below() const { return below_; }
  std::int64_t time_of(std::uint64_t csn) const;
  /// The rows at these places, in their order; `columns` are positions in schema().
  Result<Batch> rows(std::span<const RowPlace> places, std::span<const std::size_t> columns) const;

 private:
  using KeyChange = std::pair<std::string, std::uint64_t>;  ///< a key and the CSN of a hot version of it
  Result<void> check_position(const View& view) const;
  bool may_have_changes(const RowFileInfo& info, const Schema& schema) const;
  std::vector<FileEntryPtr> unlisted(const View& view) const;
  Result<void> list(const FileEntryPtr& entry);
  Result<void> count(const RowFile& file);
  Result<void> list_group(const RowFile& file, std::size_t group, std::uint32_t source,
                          std::span<const std::size_t> key_columns);
  Result<void> read_hot(const hot::HotReader& hot);
  Result<std::vector<std::string>> changed_hot_keys(const hot::HotReader& hot);
  Result<void> walk_hot(const hot::HotReader& hot, std::vector<KeyChange>& changed,
                        std::vector<std::string>& keys);
  Result<void> copy_hot(const hot::HotReader& hot, const std::string& key);
  Result<void> look_below();
  Result<void> look_below_in(const FileEntryPtr& entry);
  Result<void> offer_rows(const FileEntryPtr& entry, std::vector<std::pair<std::uint32_t, std::size_t>> hits);
  RowPlace place_in(const FileEntryPtr& entry, std::uint32_t row);
  Result<Batch> hot_rows(std::span<const std::uint32_t> rows, std::span<const std::size_t> columns,
                         const Schema& schema) const;

  Engine& engine_;
  const std::uint64_t from_, rows_max_;
  std::optional<std::uint64_t> to_;
  const std::span<const ColumnRange> ranges_;
  const ExecutionLimits& limits_;
  CommitBudget budget_{0, 0};
  View view_;
  std::set<std::uint64_t> listed_;
  std::vector<FileEntryPtr> files_;    ///< sources
  std::vector<std::string> hot_rows_;  ///< copies of what hot holds
  VersionList versions_;
  std::vector<std::pair<std::string, VersionBelow>> below_in_hot_;
  std::vector<VersionBelow> below_;
  std::vector<std::uint64_t> csns_;
  std::vector<std::int64_t> times_;
};

}  // namespace firn::storage
