#include "schema/bitmap.hpp"

#include <bit>
#include <cstring>

#include "schema/buffer.hpp"

namespace firn {
namespace {

std::uint64_t load64(const std::uint8_t* p) noexcept {
  std::uint64_t v = 0;
  std::memcpy(&v, p, sizeof v);
  return v;
}

void put_bit(std::uint8_t* bits, std::size_t i, bool value) noexcept {
  if (value) {
    set_bit(bits, i);
  } else {
    clear_bit(bits, i);
  }
}

}  // namespace

static_assert(std::endian::native == std::endian::little, "bitmaps are read as little-endian words");

void copy_bits(const std::uint8_t* from, std::size_t from_bit, std::uint8_t* to, std::size_t to_bit,
               std::size_t count) noexcept {
  for (; count != 0 && to_bit % 8 != 0; --count) put_bit(to, to_bit++, bit_at(from, from_bit++));
  const std::size_t shift = from_bit % 8;
  if (shift == 0) {
    const std::size_t bytes = count / 8;
    if (bytes != 0) std::memcpy(to + to_bit / 8, from + from_bit / 8, bytes);
    from_bit += bytes * 8, to_bit += bytes * 8, count -= bytes * 8;
  }
  for (; count >= 64; count -= 64, from_bit += 64, to_bit += 64) {
    const std::uint8_t* p = from + from_bit / 8;
    const std::uint64_t word = load64(p) >> shift | std::uint64_t{p[8]}
                                                        << (64 - shift);  // shift is 1 to 7 here
    std::memcpy(to + to_bit / 8, &word, sizeof word);
  }
  for (; count != 0; --count) put_bit(to, to_bit++, bit_at(from, from_bit++));
}

void fill_bits(std::uint8_t* bits, std::size_t bit, std::size_t count, bool value) noexcept {
  for (; count != 0 && bit % 8 != 0; --count) put_bit(bits, bit++, value);
  if (count >= 8) std::memset(bits + bit / 8, value ? 0xFF : 0, count / 8);
  bit += count / 8 * 8;
  for (count %= 8; count != 0; --count) put_bit(bits, bit++, value);
}

std::size_t count_ones(const std::uint8_t* bits, std::size_t bit, std::size_t count) noexcept {
  std::size_t ones = 0;
  for (; count != 0 && bit % 8 != 0; --count) ones += bit_at(bits, bit++);
  const std::uint8_t* p = bits + bit / 8;
  for (; count >= 64; count -= 64, p += 8) ones += static_cast<std::size_t>(std::popcount(load64(p)));
  for (std::size_t i = 0; i < count; ++i) ones += bit_at(p, i);
  return ones;
}

}  // namespace firn
