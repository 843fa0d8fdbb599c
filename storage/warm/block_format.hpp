// Numbers of a warm block's layout, shared by writer and reader. The layout: schema/formats/warm_block.md.
#pragma once
#include <cstddef>
#include <cstdint>

namespace firn::storage::warm {

inline constexpr std::uint32_t kBlockMagic = 0x31425746;  ///< "FWB1"
inline constexpr std::uint32_t kBlockVersion = 1;
inline constexpr std::size_t kPartAlignment = 64;
inline constexpr std::uint32_t kGroupRows = 65'536;
/// A header beyond this is refused: 4,096 columns' statistics of some hundred groups stay below it.
inline constexpr std::uint32_t kHeaderBytesMax = 256U << 20;
/// Longer texts are kept as bounds of this many bytes.
inline constexpr std::size_t kStatBytesMax = 32;

/// The first 64 bytes. Little-endian. CRCs are CRC32C, seeded by seed_of(store_id, id), so that a block of
/// another table or place is found out.
struct BlockPrefix {
  std::uint32_t magic = kBlockMagic;
  std::uint32_t version = kBlockVersion;
  std::uint64_t store_id = 0;
  std::uint64_t id = 0;
  std::uint64_t length = 0;         ///< of the whole block, a multiple of 64
  std::uint32_t header_length = 0;  ///< of the FlatBuffer that follows
  std::uint32_t header_crc = 0;
  std::uint64_t zero[2] = {};
  std::uint32_t zero_too = 0;
  std::uint32_t crc = 0;  ///< of the 60 bytes before it
};
static_assert(sizeof(BlockPrefix) == 64);

/// Where the checksums of this block start from.
std::uint32_t seed_of(std::uint64_t store_id, std::uint64_t id);

}  // namespace firn::storage::warm
