// Split-block Bloom filter (Putze, Sanders, Singler 2007; the layout of Parquet's): a key sets one bit in
// each of the eight words of one 32-byte block. Keys are hashed with XXH3-64.
#pragma once
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "storage/cold/segment_format.hpp"

namespace firn::storage::cold {

struct BloomProbe {
  std::uint64_t block;
  std::uint32_t masks[8];
};

/// Where a key lies in a filter of `blocks` blocks.
inline BloomProbe bloom_probe(std::uint64_t hash, std::uint64_t blocks) {
  static constexpr std::uint32_t kSalt[8] = {0x47b6137bU, 0x44974d91U, 0x8824ad5bU, 0xa2b7289dU,
                                             0x705495c7U, 0x2df1424bU, 0x9efc4947U, 0x5c6bfb31U};
  BloomProbe p{((hash >> 32) * blocks) >> 32, {}};
  const auto low = static_cast<std::uint32_t>(hash);
  for (int i = 0; i < 8; ++i) p.masks[i] = 1U << (low * kSalt[i] >> 27);
  return p;
}

inline bool bloom_contains(const std::uint8_t* block, const BloomProbe& p) {
  std::uint32_t words[8], missing = 0;
  std::memcpy(words, block, sizeof words);
  for (int i = 0; i < 8; ++i) missing |= p.masks[i] & ~words[i];
  return missing == 0;
}

/// The length of a filter of so many keys.
constexpr std::uint64_t bloom_bytes(std::uint64_t keys) {
  return (keys * kBloomBitsPerKey + kBloomBlockBytes * 8 - 1) / (kBloomBlockBytes * 8) * kBloomBlockBytes;
}

/// The filter of these hashes, kBloomBitsPerKey each.
inline std::string make_bloom(const std::vector<std::uint64_t>& hashes) {
  const std::uint64_t blocks = bloom_bytes(hashes.size()) / kBloomBlockBytes;
  std::string bits(blocks * kBloomBlockBytes, '\0');
  for (const std::uint64_t h : hashes) {
    const BloomProbe p = bloom_probe(h, blocks);
    std::uint32_t words[8];
    char* at = bits.data() + p.block * kBloomBlockBytes;
    std::memcpy(words, at, sizeof words);
    for (int i = 0; i < 8; ++i) words[i] |= p.masks[i];
    std::memcpy(at, words, sizeof words);
  }
  return bits;
}

}  // namespace firn::storage::cold
