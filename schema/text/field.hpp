// One field of text as a value of a column: what CSV and JSON readers share.
#pragma once
#include <cstdint>
#include <functional>
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

/// Finds rows whose key is too long to be encoded, while they can still be set aside. Only texts make it so: keys without
/// any cost nothing here.
class KeyLength {
 public:
  KeyLength() = default;
  explicit KeyLength(const Schema& schema);
  void begin_row() { bytes_ = fixed_bytes_; }
  /// The row's value of a column, as it is stored.
  void add(std::size_t column, std::string_view bytes) {
    if (column < is_text_.size() && is_text_[column]) bytes_ += encoded_bytes(bytes);
  }
  /// Error {out_of_range}.
  Result<void> check() const;

 private:
  static std::size_t encoded_bytes(std::string_view bytes) noexcept;
  std::vector<bool> is_text_;    ///< by column: part of the key and of variable length; empty: there is none
  std::size_t fixed_bytes_ = 0;  ///< of the key's other columns
  std::size_t bytes_ = 0;
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
