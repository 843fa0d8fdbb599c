// Sort keys as bytes: memcmp over the encodings of two rows orders them as ORDER BY asks.
//
// One column: a byte that places NULL, then (not for NULL) the value: integers and floats big-endian with the
// sign flipped as in key_codec.hpp, NaN above all; bytes with 00 -> 00 FF and an end mark 00 00. A descending
// column has the value's bytes inverted.
#pragma once
#include <string>
#include <vector>

#include "storage/query/vector.hpp"

namespace firn::storage::query {

struct SortOrder {
  bool descending = false;
  bool nulls_first = true;
};

/// Appends the encodings of all rows to `arena`, row by row; ends[i] is where row i ends.
void encode_sort_keys(std::span<const Vector> columns, std::span<const SortOrder> orders, std::size_t rows,
                      std::string& arena, std::vector<std::size_t>& ends);

/// For a column of eight-byte values: numbers not above the key_prefix() of each row's encoding. False: not
/// such a column.
bool first_prefixes(const Vector& column, const SortOrder& order, std::uint64_t* out);

/// The first eight bytes of an encoding as a number (zero-padded): decides most comparisons.
std::uint64_t key_prefix(std::string_view key) noexcept;

}  // namespace firn::storage::query
