// One field of text as a value of a column: what CSV and JSON readers share.
#pragma once
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "schema/batch.hpp"

namespace firn::text {

/// A row that does not fit: where it begins (lines count from 1), what it says, and why it is refused.
struct BadRow {
  std::uint64_t line = 0;
  std::string_view raw;  ///< without the line end; valid during the call
  std::string reason;
};
/// Takes rows that are set aside.
using BadRowSink = std::function<Result<void>(const BadRow&)>;

/// Appends `text` as a value of the builder's type. Error {type_mismatch} or {out_of_range}; nothing is
/// appended then.
Result<void> append_text(ColumnBuilder& column, std::string_view text);

/// Finds rows whose key is too long to be encoded, while they can still be set aside. Only texts and binaries make it so:
/// keys without any cost nothing here.
class KeyLength {
 public:
  KeyLength() = default;
  explicit KeyLength(const Schema& schema);
  /// Of the last row in the builders, one for each of the schema's columns: what they hold counts, wherever it came from
  /// (the field, its escapes undone, or a default). Error {out_of_range}.
  Result<void> check_last_row(std::span<const ColumnBuilder> columns) const;

 private:
  std::vector<std::size_t> variable_;  ///< the key's columns of variable length
  std::size_t fixed_bytes_ = 0;        ///< of the key's other columns
};

/// What the values of a column look like, seen one by one.
class TypeGuess {
 public:
  void see(std::string_view text);
  /// bool, i64, f64, date or timestamp if every value was one; else (and if there was none) utf8.
  TypeId type() const noexcept;

 private:
  bool any_ = false, has_time_ = false;
  bool boolean_ = true, integer_ = true, floating_ = true, temporal_ = true;
};

}  // namespace firn::text
