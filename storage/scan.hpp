// A scan over all tiers as of one CSN: which groups of rows to read (after pruning), and each of them as a ScanBatch.
#pragma once
#include <atomic>
#include <memory>
#include <vector>

#include "storage/hot_image.hpp"
#include "storage/query/execution.hpp"
#include "storage/table_store.hpp"

namespace firn::storage {

/// Whether rows whose keys meet the ranges may have keys that lie between those of the file.
bool may_touch_keys(const RowFileInfo& info, const Schema& schema, std::span<const ColumnRange> ranges);

class ColumnMapping;

/// next() may be called from several threads; each call gives another group.
class TableScan {
 public:
  /// `columns`: positions in the schema in force at `csn`, as those of the ranges. `hot` may be empty. Requires that the
  /// view's files are resolved to `csn` at least. Pruning counts go to `profile`.
  static Result<std::unique_ptr<TableScan>> plan(const View& view, HotRows hot, std::uint64_t csn,
                                                 std::vector<std::size_t> columns,
                                                 std::span<const ColumnRange> ranges, QueryProfile& profile);
  /// Rows that count, by metadata alone; nullopt where columns must be read to know.
  std::optional<std::uint64_t> count() const;
  Result<std::optional<ScanBatch>> next(ReadCost& cost, const ExecutionLimits& limits = {});
  std::size_t units() const { return units_.size(); }
  /// Notes the accesses in the files' accounts.
  void note_access(std::int64_t now_us) const;

 private:
  using Selection = std::optional<std::vector<std::uint32_t>>;
  struct Unit {
    FileEntryPtr entry;  ///< nullptr: hot
    std::shared_ptr<const RowFile> file;
    std::shared_ptr<const DeletionVector> ends;
    std::size_t group = 0;
    CsnBounds bounds;                    ///< of the group
    std::size_t offset = 0, rows = 0;    ///< hot: rows of the image; offset == npos: the fresh rows
    const VisibleChunk* past = nullptr;  ///< hot, of a past CSN
  };
  TableScan(const View& view, HotRows hot, std::uint64_t csn, std::vector<std::size_t> columns)
      : catalog_(view.catalog),
        schema_(view.catalog->schema_at(csn)),
        hot_(std::move(hot)),
        csn_(csn),
        columns_(std::move(columns)) {}
  Result<void> plan_file(const FileEntryPtr& entry, std::span<const ColumnRange> ranges,
                         QueryProfile& profile);
  void plan_hot(QueryProfile& profile);
  Result<ScanBatch> read_hot(const Unit& unit) const;
  ScanBatch read_past(const VisibleChunk& past) const;
  Result<ScanBatch> read_file(const Unit& unit, ReadCost& cost) const;
  /// Of these rows of the unit (nullopt: of all) those that are visible at csn_; nullopt: all.
  Result<Selection> visible(const Unit& unit, Selection among, ReadCost& cost) const;

  CatalogPtr catalog_;
  Schema schema_;
  HotRows hot_;
  std::uint64_t csn_;
  std::vector<std::size_t> columns_;
  std::optional<ColumnRange> keys_;  ///< of the first key column
  std::vector<Unit> units_;
  std::atomic<std::size_t> next_ = 0;
};

}  // namespace firn::storage
