// CRC-32C (Castagnoli, RFC 3720 appendix B.4), the checksum of every record, block and value.
//
// Pure functions; any thread. The SSE4.2 form runs where the processor has it, decided once at run time.
#pragma once
#include <cstdint>
#include <span>

namespace firn::io {

/// CRC-32C of `bytes`. `seed` chains: crc32c(b, crc32c(a)) == crc32c(a followed by b); any other number may
/// serve as a seed too (an id, the checksum before).
std::uint32_t crc32c(std::span<const std::uint8_t> bytes, std::uint32_t seed = 0) noexcept;

/// CRC-32C of A followed by B, from crc32c(A) with any seed and crc32c(B) with seed 0, in about a microsecond.
std::uint32_t crc32c_combine(std::uint32_t a, std::uint32_t b, std::uint64_t b_bytes) noexcept;

/// The table form, on every machine: the oracle of the fast one.
std::uint32_t crc32c_scalar(std::span<const std::uint8_t> bytes, std::uint32_t seed = 0) noexcept;

/// True if crc32c() uses the processor's instruction.
bool crc32c_is_accelerated() noexcept;

}  // namespace firn::io
