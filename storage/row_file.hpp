// Immutable rows in a file: what a warm block and a cold segment have in common, and all that scans, merges, point
// reads and moves need to know of them.
//
// A *current* file holds each key at most once: the key's version at one CSN, a row or a tombstone. A *history* file
// holds ended versions: each row has its begin CSN and its end CSN, keys may repeat, and a row group holds versions that
// lived at about the same time (storage/life_cells.hpp). Rows are numbered 0, 1, 2 ... in file order over all row groups. Everything here is const and safe to call from any thread; files stay readable while
// anyone holds the object, even after the name is gone.
#pragma once
#include <algorithm>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "schema/batch.hpp"
#include "schema/key_codec.hpp"

namespace firn::storage {

/// What the catalog says of a file. Encoded keys; CSNs of the rows' versions.
struct RowFileInfo {
  std::uint64_t id = 0;  ///< unique in the table, never reused
  StorageTier tier = StorageTier::none;
  bool history = false;
  std::uint32_t schema_version = 0;
  std::string path;          ///< relative to the table's folder
  std::uint64_t offset = 0;  ///< where it begins in the file (warm blocks share a log file)
  std::uint64_t length = 0;  ///< bytes
  std::uint64_t hash = 0;    ///< XXH3-64 of these bytes
  std::uint64_t rows = 0;    ///< versions, tombstones included
  std::uint64_t tombstones = 0;
  std::string key_min, key_max;
  std::uint64_t csn_min = 0, csn_max = 0;
  std::uint64_t end_max = 0;                       ///< history: the greatest end CSN
  std::optional<std::int64_t> time_min, time_max;  ///< of the event-time column, in its own unit
  std::int64_t created_us = 0;  ///< commit time of the newest row at its creation; ages are counted from it
  std::uint64_t block_number = 0;  ///< place within its commit, for batches of several blocks
  std::uint64_t base_csn = 0;      ///< no row of it ends at or below this CSN: resolving begins here
  bool operator==(const RowFileInfo&) const = default;
};

/// Zone map of one column of one row group. min and max are NULL if unknown or if there are only NULLs; for long
/// strings they may be bounds (a prefix below min, a prefix raised above max) instead of values.
struct ColumnStats {
  Value min, max;
  bool exact = true;  ///< min and max are values that occur
  std::uint64_t nulls = 0;
  std::uint64_t distinct = 0;  ///< estimate; 0 = unknown
  std::optional<double> sum;   ///< numeric columns
};

/// Between which CSNs the rows of a row group begin and end. What is not known prunes nothing.
struct CsnBounds {
  std::uint64_t begin_min = 0, begin_max = kCsnMax.value;
  std::uint64_t end_min = 0, end_max = kCsnMax.value;  ///< history only
  /// A version of the group may be the one at `csn`; `ended`: its rows have ends of their own.
  bool may_hold(std::uint64_t csn, bool ended) const { return begin_min <= csn && (!ended || csn < end_max); }
  bool operator==(const CsnBounds&) const = default;
  /// Of these rows, at least one; no ends: current.
  static CsnBounds of(std::span<const std::uint64_t> begins, std::span<const std::uint64_t> ends) {
    CsnBounds out;
    std::tie(out.begin_min, out.begin_max) = least_and_greatest(begins);
    if (!ends.empty()) std::tie(out.end_min, out.end_max) = least_and_greatest(ends);
    return out;
  }

 private:
  static std::pair<std::uint64_t, std::uint64_t> least_and_greatest(std::span<const std::uint64_t> csns) {
    const auto [least, greatest] = std::minmax_element(csns.begin(), csns.end());
    return {*least, *greatest};
  }
};

/// Which versions are the ones of a CSN: those that begin <= csn, if that must be asked, and csn < end, if that must be.
struct LifeTest {
  std::uint64_t csn = 0;
  bool begins = false, ends = false;
};

/// What a read cost; added up over a query.
struct ReadCost {
  std::uint64_t bytes_read = 0;     ///< from the file or the page cache
  std::uint64_t bytes_decoded = 0;  ///< after decompression and decoding
  std::uint64_t groups_read = 0;    ///< row groups of which columns were read, whole or some rows
  std::uint64_t blooms_hit = 0;     ///< lookups that a filter answered
};

/// The keys of a file in ascending order.
struct FileKeys {
  KeyColumn keys;
  std::vector<std::uint32_t> rows;  ///< row number of the i-th key; empty: i itself
  std::uint32_t row(std::size_t i) const { return rows.empty() ? static_cast<std::uint32_t>(i) : rows[i]; }
};

/// How rows of a file look in detail: one column of it, for `firn segments`.
struct ColumnDetail {
  std::string name;
  std::string encoding;  ///< as a tree: "dict(bitpack(3))+zstd"
  std::uint64_t bytes = 0;
  std::uint64_t logical_bytes = 0;
  std::string why;
};

class RowFile {
 public:
  virtual ~RowFile() = default;
  virtual const RowFileInfo& info() const = 0;
  /// The schema that the file was written with.
  virtual const Schema& schema() const = 0;
  virtual std::size_t groups() const = 0;
  /// Row number of the group's first row; group_first(groups()) == rows.
  virtual std::uint64_t group_first(std::size_t group) const = 0;
  /// nullptr if nothing is known. `column` is a position in schema().
  virtual const ColumnStats* stats(std::size_t group, std::size_t column) const = 0;
  virtual CsnBounds bounds(std::size_t group) const = 0;
  /// The columns at these positions of schema(), each with the group's rows; dictionary form where that is at hand.
  virtual Result<std::vector<Column>> read(std::size_t group, std::span<const std::size_t> columns,
                                           ReadCost& cost) const = 0;
  /// Only these rows of the group, numbered within it, ascending.
  virtual Result<std::vector<Column>> read(std::size_t group, std::span<const std::size_t> columns,
                                           std::span<const std::uint32_t> rows, ReadCost& cost) const {
    FIRN_ASSIGN(std::vector<Column> out, read(group, columns, cost));
    for (Column& c : out) c = c.take(rows);
    return out;
  }
  /// Rows of the group, numbered within it and ascending, beside which none has a key that begins with a value from min
  /// to max; NULL: without an end. nullopt: all of them, or finding them would save little.
  virtual Result<std::optional<std::vector<std::uint32_t>>> rows_between(std::size_t /*group*/,
                                                                         const Value& /*min*/,
                                                                         const Value& /*max*/,
                                                                         ReadCost& /*cost*/) const {
    return std::optional<std::vector<std::uint32_t>>{};
  }
  /// The CSN of each row of the group: u64 column; a constant comes as a dictionary column of one entry.
  virtual Result<Column> csns(std::size_t group, ReadCost& cost) const = 0;
  /// history only: the end CSN of each row of the group.
  virtual Result<Column> ends(std::size_t group, ReadCost& cost) const = 0;
  /// Those of these rows of the group (nullopt: of all), numbered within it and ascending, that pass.
  virtual Result<std::vector<std::uint32_t>> living(std::size_t group, const LifeTest& test,
                                                    std::optional<std::vector<std::uint32_t>> among,
                                                    ReadCost& cost) const;
  /// One bit a row of the group, 1 = tombstone; an empty buffer if there are none.
  virtual Result<Buffer> tombstones(std::size_t group, ReadCost& cost) const = 0;
  /// All keys in order; computed at first use and shared (may be dropped from memory when nobody holds it).
  virtual Result<std::shared_ptr<const FileKeys>> keys() const = 0;
  /// Row number of the key; in a history file the row whose [begin, end) contains `csn`. Consults the filter first.
  virtual Result<std::optional<std::uint32_t>> find(std::string_view encoded_key, std::uint64_t csn,
                                                    ReadCost& cost) const = 0;
  /// One row: values at these positions of schema(), its CSN and whether it is a tombstone. Decodes no whole row group.
  struct PointRow {
    std::vector<Value> values;
    std::uint64_t csn = 0;
    bool tombstone = false;
  };
  virtual Result<PointRow> row(std::uint32_t row, std::span<const std::size_t> columns,
                               ReadCost& cost) const = 0;
  virtual std::vector<ColumnDetail> details() const = 0;
  /// Reads everything and checks every checksum. Error {corrupt} with file and offset.
  virtual Result<void> verify() const = 0;
};

}  // namespace firn::storage
