// Fixed-width key values as unsigned integers of the same order; the parts that key_codec.cpp and
// key_column.cpp share.
#pragma once
#include <bit>
#include <cmath>
#include <limits>
#include <string>
#include <type_traits>

#include "schema/key_codec.hpp"

namespace firn {

/// Bytes of an encoded value of the type; 0 for variable-length types.
constexpr std::size_t key_width(TypeId t) noexcept { return t == TypeId::boolean ? 1 : width_of(t); }

template <class T>
using KeyBits =
    std::conditional_t<sizeof(T) == 1, std::uint8_t,
                       std::conditional_t<sizeof(T) == 2, std::uint16_t,
                                          std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>>>;
template <class T>
inline constexpr KeyBits<T> kKeySign = static_cast<KeyBits<T>>(KeyBits<T>{1} << (8 * sizeof(T) - 1));

/// The encoded value, read as a big-endian unsigned integer.
template <class T>
KeyBits<T> key_bits(T v) noexcept {
  if constexpr (std::is_floating_point_v<T>) {
    if (std::isnan(v)) v = std::numeric_limits<T>::quiet_NaN();
    if (v == 0) v = 0;  // -0 becomes 0
    const auto bits = std::bit_cast<KeyBits<T>>(v);
    return (bits & kKeySign<T>) != 0 ? ~bits : bits | kKeySign<T>;
  } else if constexpr (std::is_signed_v<T>) {
    return static_cast<KeyBits<T>>(static_cast<KeyBits<T>>(v) ^ kKeySign<T>);
  } else {
    return v;
  }
}

/// The inverse; bits above T's width are ignored.
template <class T>
T from_key_bits(std::uint64_t encoded) noexcept {
  const auto bits = static_cast<KeyBits<T>>(encoded);
  if constexpr (std::is_floating_point_v<T>) {
    return std::bit_cast<T>((bits & kKeySign<T>) != 0 ? bits ^ kKeySign<T> : ~bits);
  } else {
    return static_cast<T>(static_cast<KeyBits<T>>(bits ^ kKeySign<T>));
  }
}

/// Appends one utf8 or binary value.
void append_key_bytes(std::string_view bytes, std::string& out);
/// Appends the encoding of one value that is not NULL.
void append_key_value(const Column& column, std::size_t row, std::string& out);
/// Appends a row's key; `columns` are the key columns in key order. Errors and their effect: encode_key.
Result<void> append_key(const Schema& schema, std::span<const Column* const> columns, std::size_t row,
                        std::string& out);

}  // namespace firn
