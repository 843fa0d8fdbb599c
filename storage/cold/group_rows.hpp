// The rows of one row group while they are collected, before they are encoded. Owned by one thread.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "schema/batch.hpp"
#include "schema/key_codec.hpp"
#include "storage/row_file.hpp"

namespace firn::storage::cold {

/// Rows with what segments keep beside their columns. ends: history only.
struct RowsView {
  const Batch& rows;
  std::span<const std::uint64_t> csns, ends;
  std::span<const std::uint64_t> tombstones;  ///< 1: it is one
};

class GroupRows {
 public:
  explicit GroupRows(const Schema& schema);

  std::size_t rows() const { return csns_.size(); }
  /// Bytes of memory that the rows take.
  std::size_t byte_size() const;
  void append(const RowsView& from);
  /// Those of these numbers, in their order.
  void append(const RowsView& from, std::span<const std::uint32_t> rows);

  /// What was collected; nothing is left.
  struct Taken {
    std::vector<Column> columns;
    std::vector<std::uint64_t> csns, ends, tombstones;
    CsnBounds bounds() const { return CsnBounds::of(csns, ends); }
  };
  Taken take();
  /// The same in ascending order of key and CSN, with the keys.
  Result<Taken> take_sorted(const Schema& schema, KeyColumn& keys);

 private:
  std::vector<ColumnBuilder> columns_;
  std::vector<std::uint64_t> csns_, ends_, tombstones_;
};

}  // namespace firn::storage::cold
