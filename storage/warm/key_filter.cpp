#include "storage/warm/key_filter.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace firn::storage::warm {
namespace {

constexpr std::size_t kBlockBytes = 32;
constexpr std::size_t kBitsPerKey = 10;
/// Odd constants that pick one bit in each of the eight words (those of Parquet's specification).
constexpr std::uint32_t kSalt[8] = {0x47b6137bU, 0x44974d91U, 0x8824ad5bU, 0xa2b7289dU,
                                    0x705495c7U, 0x2df1424bU, 0x9efc4947U, 0x5c6bfb31U};

std::size_t block_of(std::uint64_t hash, std::size_t blocks) noexcept {
  return static_cast<std::size_t>(((hash >> 32) * blocks) >> 32);
}

std::uint32_t bit_in_word(std::uint64_t hash, std::size_t word) noexcept {
  return 1U << ((static_cast<std::uint32_t>(hash) * kSalt[word]) >> 27);
}

}  // namespace

Buffer build_key_filter(const KeyColumn& keys) {
  const std::size_t blocks = (keys.size() * kBitsPerKey + kBlockBytes * 8 - 1) / (kBlockBytes * 8);
  MutableBuffer out(std::max<std::size_t>(blocks, 1) * kBlockBytes);
  std::string scratch;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const std::string_view key = keys.at(i, scratch);
    const std::uint64_t hash = XXH3_64bits(key.data(), key.size());
    std::uint32_t* words = out.as<std::uint32_t>() + block_of(hash, std::max<std::size_t>(blocks, 1)) * 8;
    for (std::size_t w = 0; w < 8; ++w) words[w] |= bit_in_word(hash, w);
  }
  return out.freeze();
}

bool key_filter_may_hold(std::span<const std::uint8_t> filter, std::string_view key) noexcept {
  const std::uint64_t hash = XXH3_64bits(key.data(), key.size());
  const std::uint8_t* block = filter.data() + block_of(hash, filter.size() / kBlockBytes) * kBlockBytes;
  for (std::size_t w = 0; w < 8; ++w) {
    std::uint32_t word = 0;
    std::memcpy(&word, block + w * 4, 4);
    if ((word & bit_in_word(hash, w)) == 0) return false;
  }
  return true;
}

}  // namespace firn::storage::warm
