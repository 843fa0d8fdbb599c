// "Is this key in the block?": a split-block Bloom filter (Putze, Sanders, Singler 2007, as in Parquet) over
// XXH3-64 (seed 0) of encoded keys. 10 bits a key: about 1 % of absent keys pass.
#pragma once
#include <span>
#include <string_view>

#include "schema/key_codec.hpp"

namespace firn::storage::warm {

/// Bytes: 32 a block of eight u32 words, little-endian; the upper half of the hash picks the block.
Buffer build_key_filter(const KeyColumn& keys);
/// False: the key is not there. Requires a multiple of 32 bytes, not zero.
bool key_filter_may_hold(std::span<const std::uint8_t> filter, std::string_view encoded_key) noexcept;

}  // namespace firn::storage::warm
