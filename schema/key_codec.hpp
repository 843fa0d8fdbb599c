// Order-preserving key encoding: memcmp over encoded keys orders as the values do, and no encoding is a prefix of
// another of the same schema.
//
//   integers, timestamp, date   big-endian, sign bit flipped for signed types
//   bool                        one byte, 0 or 1
//   floats                      IEEE bits big-endian; negative: all bits flipped, else sign bit flipped;
//                               -0 is stored as 0; NaN as the one quiet NaN, above all numbers
//   utf8, binary                each 00 byte becomes 00 FF; then the end mark 00 00
// Parts of a composite key stand one behind another. At most 503 bytes (LMDB's 511 less 8 for the CSN).
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "schema/batch.hpp"

namespace firn {

inline constexpr std::size_t kEncodedKeyMax = 503;

/// Appends the encoding of the row's key columns to `out`. Error {invalid_argument}: longer than kEncodedKeyMax, or a
/// NULL key column; names the column. `out` is unchanged then.
Result<void> encode_key(const Schema& schema, const Batch& batch, std::size_t row, std::string& out);
/// From values in key order, converted to the key columns' types where that loses nothing.
Result<std::string> encode_key(const Schema& schema, std::span<const Value> key);
/// The inverse. Error {corrupt} if the bytes are no key of this schema.
Result<Key> decode_key(const Schema& schema, std::string_view encoded);

/// The encoded keys of many rows. Keys of one fixed-width column of at most 8 bytes are held as u64 whose unsigned
/// order is the encoding's order; all others as bytes.
class KeyColumn {
 public:
  /// Encodes the keys of all rows. `columns` are the key columns in key order.
  static Result<KeyColumn> encode(const Schema& schema, std::span<const Column> key_columns,
                                  std::int64_t rows);

  std::size_t size() const noexcept { return size_; }
  /// True if the u64 form is used: see values().
  bool is_fixed() const noexcept { return fixed_; }
  std::span<const std::uint64_t> values() const noexcept { return values_; }
  /// The encoded bytes of one key (built for the fixed form: at most 8 bytes, in `scratch`).
  std::string_view at(std::size_t i, std::string& scratch) const;
  /// The u64 form of an encoded key of a fixed schema.
  static std::uint64_t to_fixed(std::string_view encoded) noexcept;
  std::weak_ordering compare(std::size_t i, const KeyColumn& o, std::size_t j) const noexcept;
  std::weak_ordering compare(std::size_t i, std::string_view encoded) const noexcept;
  /// True if every key is greater than the one before it.
  bool is_strictly_ascending() const noexcept;
  /// Row numbers in ascending key order; rows of equal keys in row order (stable).
  std::vector<std::uint32_t> sort_permutation() const;
  std::size_t byte_size() const noexcept;

  // Building one key at a time, in any order.
  KeyColumn() = default;
  explicit KeyColumn(const Schema& schema);
  void push_back(std::string_view encoded);

 private:
  bool fixed_ = false;
  std::size_t size_ = 0, width_ = 0;
  std::vector<std::uint64_t> values_;
  std::vector<std::uint32_t> offsets_{0};
  std::string bytes_;
};

/// True if keys of this schema are held as u64 by KeyColumn.
bool has_fixed_key(const Schema& schema) noexcept;

}  // namespace firn
