#include "storage/cold/bit_packing.hpp"

#include <array>
#include <utility>

#include "storage/cold/bytes.hpp"

namespace firn::storage::cold {
namespace {

constexpr std::uint64_t mask_of(unsigned width) {
  return width >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << width) - 1;
}

template <unsigned W, unsigned J>
std::uint64_t lane(const std::uint8_t* p) noexcept {
  constexpr unsigned bit = W * J, byte = bit / 8, shift = bit % 8;
  std::uint64_t v = load<std::uint64_t>(p + byte) >> shift;
  if constexpr (shift + W > 64) v |= std::uint64_t{p[byte + 8]} << (64 - shift);
  return v & mask_of(W);
}

template <unsigned W, class Out>
void unpack_groups(const std::uint8_t* p, std::size_t groups, Out* out, Out base) noexcept {
  for (std::size_t g = 0; g < groups; ++g, p += W, out += 8) {
    out[0] = static_cast<Out>(lane<W, 0>(p)) + base;
    out[1] = static_cast<Out>(lane<W, 1>(p)) + base;
    out[2] = static_cast<Out>(lane<W, 2>(p)) + base;
    out[3] = static_cast<Out>(lane<W, 3>(p)) + base;
    out[4] = static_cast<Out>(lane<W, 4>(p)) + base;
    out[5] = static_cast<Out>(lane<W, 5>(p)) + base;
    out[6] = static_cast<Out>(lane<W, 6>(p)) + base;
    out[7] = static_cast<Out>(lane<W, 7>(p)) + base;
  }
}

template <class Out>
using Kernel = void (*)(const std::uint8_t*, std::size_t, Out*, Out) noexcept;

template <class Out, std::size_t... W>
constexpr std::array<Kernel<Out>, sizeof...(W)> kernels(std::index_sequence<W...>) {
  return {&unpack_groups<static_cast<unsigned>(W), Out>...};
}
template <class Out>
constexpr auto kKernels = kernels<Out>(std::make_index_sequence<65>());

template <class Out>
void unpack_any(const std::uint8_t* p, std::size_t first, std::size_t n, unsigned width, Out* out,
                Out base) noexcept {
  const std::size_t end = first + n;
  while (first < end && first % 8 != 0) *out++ = static_cast<Out>(unpack_one(p, first++, width)) + base;
  const std::size_t groups = (end - first) / 8;
  kKernels<Out>[width](p + first / 8 * width, groups, out, base);
  first += groups * 8;
  out += groups * 8;
  while (first < end) *out++ = static_cast<Out>(unpack_one(p, first++, width)) + base;
}

}  // namespace

std::uint64_t unpack_one(const std::uint8_t* p, std::uint64_t i, unsigned width) noexcept {
  const std::uint64_t bit = i * width;
  const unsigned shift = static_cast<unsigned>(bit % 8);
  p += bit / 8;
  std::uint64_t v = load<std::uint64_t>(p) >> shift;
  if (shift + width > 64) v |= std::uint64_t{p[8]} << (64 - shift);
  return v & mask_of(width);
}

void unpack(const std::uint8_t* p, std::size_t first, std::size_t n, unsigned width, std::uint64_t* out,
            std::uint64_t base) noexcept {
  unpack_any(p, first, n, width, out, base);
}
void unpack(const std::uint8_t* p, std::size_t first, std::size_t n, unsigned width,
            std::uint32_t* out) noexcept {
  unpack_any(p, first, n, width, out, std::uint32_t{0});
}

void pack(std::span<const std::uint64_t> values, unsigned width, std::string& out) {
  if (width == 0) return;
  std::uint64_t held = 0;
  unsigned bits = 0;
  for (const std::uint64_t v : values) {
    held |= v << bits;
    bits += width;
    if (bits < 64) continue;
    put(out, held);
    bits -= 64;
    held = bits == 0 ? 0 : v >> (width - bits);
  }
  for (; bits > 0; bits = bits > 8 ? bits - 8 : 0, held >>= 8) out.push_back(static_cast<char>(held & 0xFF));
}

}  // namespace firn::storage::cold
