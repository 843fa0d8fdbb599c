#include "io/crc32c.hpp"

#include <array>
#include <cstddef>
#include <cstring>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace firn::io {
namespace {

constexpr std::uint32_t kPolynomial = 0x82F63B78U;  // reflected

// kTables[k][b]: the register after byte b and then k zero bytes ("slicing by eight").
using Tables = std::array<std::array<std::uint32_t, 256>, 8>;

constexpr Tables make_tables() {
  Tables t{};
  for (std::uint32_t b = 0; b < 256; ++b) {
    std::uint32_t r = b;
    for (int bit = 0; bit < 8; ++bit) r = (r >> 1) ^ ((r & 1U) != 0 ? kPolynomial : 0U);
    t[0][b] = r;
  }
  for (std::size_t k = 1; k < 8; ++k) {
    for (std::size_t b = 0; b < 256; ++b) t[k][b] = (t[k - 1][b] >> 8) ^ t[0][t[k - 1][b] & 0xFFU];
  }
  return t;
}

constexpr Tables kTables = make_tables();

std::uint32_t step(std::uint32_t r, std::uint8_t byte) { return (r >> 8) ^ kTables[0][(r ^ byte) & 0xFFU]; }

std::uint64_t load64(const std::uint8_t* p) {
  std::uint64_t v = 0;
  std::memcpy(&v, p, sizeof v);
  return v;
}

std::uint32_t run_tables(std::uint32_t r, const std::uint8_t* p, std::size_t n) {
  for (; n >= 8; n -= 8, p += 8) {
    const std::uint64_t v = load64(p) ^ r;
    r = 0;
    for (unsigned k = 0; k < 8; ++k) r ^= kTables[7 - k][(v >> (8 * k)) & 0xFFU];
  }
  for (; n != 0; --n, ++p) r = step(r, *p);
  return r;
}

// A register after n zero bytes is a linear function (over GF(2)) of the register before them. As a table of
// the four bytes it costs four look-ups, which is what lets three streams run side by side and be joined
// afterwards: the instruction has a latency of three cycles and a throughput of one.
using Matrix = std::array<std::uint32_t, 32>;

std::uint32_t apply_matrix(const Matrix& m, std::uint32_t r) {
  std::uint32_t out = 0;
  for (std::size_t bit = 0; bit < 32; ++bit) out ^= ((r >> bit) & 1U) != 0 ? m[bit] : 0U;
  return out;
}

Matrix one_byte() {
  Matrix m{};
  for (std::size_t bit = 0; bit < 32; ++bit) m[bit] = step(std::uint32_t{1} << bit, 0);
  return m;
}

Matrix squared(const Matrix& m) {
  Matrix out{};
  for (std::size_t bit = 0; bit < 32; ++bit) out[bit] = apply_matrix(m, m[bit]);
  return out;
}

/// Matrices for 1, 2, 4 .. 2^63 zero bytes.
std::array<Matrix, 64> powers_of_two() {
  std::array<Matrix, 64> out{};
  out[0] = one_byte();
  for (std::size_t i = 1; i < out.size(); ++i) out[i] = squared(out[i - 1]);
  return out;
}

#if defined(__x86_64__)

using ShiftTable = std::array<std::array<std::uint32_t, 256>, 4>;

ShiftTable shift_by_power_of_two(unsigned log2_bytes) {
  Matrix m = one_byte();
  for (unsigned i = 0; i < log2_bytes; ++i) m = squared(m);
  ShiftTable t{};
  for (std::size_t byte = 0; byte < 4; ++byte) {
    for (std::uint32_t v = 0; v < 256; ++v) t[byte][v] = apply_matrix(m, v << (8 * byte));
  }
  return t;
}

std::uint32_t shift(const ShiftTable& t, std::uint32_t r) {
  return t[0][r & 0xFFU] ^ t[1][(r >> 8) & 0xFFU] ^ t[2][(r >> 16) & 0xFFU] ^ t[3][r >> 24];
}

// Two lengths of the three streams: long ones amortise the joining, short ones serve entries of a kilobyte.
constexpr unsigned kLongLog2 = 12;
constexpr unsigned kShortLog2 = 8;

template <unsigned log2_bytes>
__attribute__((target("sse4.2"))) std::uint32_t run_three_way(std::uint32_t r, const std::uint8_t*& p,
                                                              std::size_t& n) {
  static const ShiftTable table = shift_by_power_of_two(log2_bytes);
  constexpr std::size_t stream = std::size_t{1} << log2_bytes;
  while (n >= 3 * stream) {
    std::uint64_t a = r;
    std::uint64_t b = 0;
    std::uint64_t c = 0;
    for (std::size_t i = 0; i < stream; i += 8) {
      a = _mm_crc32_u64(a, load64(p + i));
      b = _mm_crc32_u64(b, load64(p + stream + i));
      c = _mm_crc32_u64(c, load64(p + 2 * stream + i));
    }
    r = shift(table, static_cast<std::uint32_t>(a)) ^ static_cast<std::uint32_t>(b);
    r = shift(table, r) ^ static_cast<std::uint32_t>(c);
    p += 3 * stream;
    n -= 3 * stream;
  }
  return r;
}

__attribute__((target("sse4.2"))) std::uint32_t run_sse42(std::uint32_t r, const std::uint8_t* p,
                                                          std::size_t n) {
  r = run_three_way<kLongLog2>(r, p, n);
  r = run_three_way<kShortLog2>(r, p, n);
  std::uint64_t wide = r;
  for (; n >= 8; n -= 8, p += 8) wide = _mm_crc32_u64(wide, load64(p));
  r = static_cast<std::uint32_t>(wide);
  for (; n != 0; --n, ++p) r = _mm_crc32_u8(r, *p);
  return r;
}

bool has_sse42() {
  __builtin_cpu_init();
  return __builtin_cpu_supports("sse4.2") != 0;
}

using Run = std::uint32_t (*)(std::uint32_t, const std::uint8_t*, std::size_t);

Run chosen() {
  static const Run run = has_sse42() ? run_sse42 : run_tables;
  return run;
}

#endif

}  // namespace

#if defined(__x86_64__)
std::uint32_t crc32c(std::span<const std::uint8_t> bytes, std::uint32_t seed) noexcept {
  return ~chosen()(~seed, bytes.data(), bytes.size());
}
bool crc32c_is_accelerated() noexcept { return chosen() == run_sse42; }
#else
std::uint32_t crc32c(std::span<const std::uint8_t> bytes, std::uint32_t seed) noexcept {
  return crc32c_scalar(bytes, seed);
}
bool crc32c_is_accelerated() noexcept { return false; }
#endif

std::uint32_t crc32c_combine(std::uint32_t a, std::uint32_t b, std::uint64_t b_bytes) noexcept {
  static const std::array<Matrix, 64> powers = powers_of_two();
  for (std::size_t i = 0; b_bytes != 0; ++i, b_bytes >>= 1)
    if ((b_bytes & 1) != 0) a = apply_matrix(powers[i], a);
  return a ^ b;
}

std::uint32_t crc32c_scalar(std::span<const std::uint8_t> bytes, std::uint32_t seed) noexcept {
  return ~run_tables(~seed, bytes.data(), bytes.size());
}

}  // namespace firn::io
