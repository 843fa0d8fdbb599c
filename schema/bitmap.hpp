// Runs of bits in Arrow bitmaps (bit i is bit i % 8 of byte i / 8). No call touches bytes that hold none of
// its bits.
#pragma once
#include <cstddef>
#include <cstdint>

namespace firn {

/// Copies `count` bits from position `from_bit` of `from` to position `to_bit` of `to`. They must not
/// overlap.
void copy_bits(const std::uint8_t* from, std::size_t from_bit, std::uint8_t* to, std::size_t to_bit,
               std::size_t count) noexcept;
/// Sets `count` bits from `bit` on to `value`.
void fill_bits(std::uint8_t* bits, std::size_t bit, std::size_t count, bool value) noexcept;
/// The number of ones among the `count` bits from `bit` on.
std::size_t count_ones(const std::uint8_t* bits, std::size_t bit, std::size_t count) noexcept;

}  // namespace firn
