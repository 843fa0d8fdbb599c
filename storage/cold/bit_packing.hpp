// Values of `width` bits one behind another, least significant bit first: value i lies at bit i x width.
// Eight values take `width` whole bytes, so each group of eight is unpacked with constant shifts.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace firn::storage::cold {

/// Bits that v needs.
constexpr unsigned bit_width_of(std::uint64_t v) noexcept {
  return v == 0 ? 0U : 64U - static_cast<unsigned>(__builtin_clzll(v));
}
/// Bytes of n packed values, without slack.
constexpr std::uint64_t packed_bytes(std::uint64_t n, unsigned width) noexcept { return (n * width + 7) / 8; }

/// Appends the values, packed, without slack. Requires each value to fit in width (0..64) bits.
void pack(std::span<const std::uint64_t> values, unsigned width, std::string& out);

/// Unpacks values [first, first + n) into out, each plus `base`. `p` must be readable for packed_bytes(first + n) +
/// kPackSlack bytes.
void unpack(const std::uint8_t* p, std::size_t first, std::size_t n, unsigned width, std::uint64_t* out,
            std::uint64_t base = 0) noexcept;
void unpack(const std::uint8_t* p, std::size_t first, std::size_t n, unsigned width,
            std::uint32_t* out) noexcept;
/// One value.
std::uint64_t unpack_one(const std::uint8_t* p, std::uint64_t i, unsigned width) noexcept;

}  // namespace firn::storage::cold
