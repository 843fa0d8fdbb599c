// A row as one value of the hot tier.
//
//   u16 schema version | null bitmap, 1 = NULL | fixed part, columns in schema order | bytes of the variable columns
//   fixed part: width_of(type) bytes little-endian; bool one byte; utf8/binary a u32 end offset into the bytes
// Any column is reached without looking at the others. Integrity is the value's CRC32C (hot_store.hpp).
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "schema/batch.hpp"

namespace firn::storage::hot {

/// Where the columns of one schema lie. Immutable; thread-safe.
class RowLayout {
 public:
  RowLayout() = default;
  RowLayout(const Schema& schema, std::uint16_t version);
  std::uint16_t version() const { return version_; }
  const Schema& schema() const { return schema_; }

  /// Appends the row's encoding. Requires the batch's columns to be those of the schema, in order.
  void encode(const Batch& batch, std::size_t row, std::string& out) const;
  void encode(std::span<const Value> row, std::string& out) const;
  /// Error {corrupt} if the bytes are no row of this layout.
  Result<void> check(std::string_view row) const;
  // Require check() to have passed.
  Value value(std::string_view row, std::size_t column) const;
  void append_to(std::string_view row, std::size_t column, ColumnBuilder& out) const;

 private:
  struct Cell {
    bool null;
    std::string_view bytes;
  };
  Cell cell(std::string_view row, std::size_t column) const;

  Schema schema_;
  std::uint16_t version_ = 0;
  std::size_t fixed_at_ = 0, bytes_at_ = 0;
  std::vector<std::size_t> at_;            ///< of each column in the row
  std::vector<std::size_t> previous_var_;  ///< position of the previous variable column's end offset; 0: none
};

/// The schema version that an encoded row names; nullopt if it is too short to.
std::optional<std::uint16_t> version_of_row(std::string_view row);

}  // namespace firn::storage::hot
