#include "storage/cold/key_index.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "storage/cold/bloom_filter.hpp"

namespace firn::storage::cold {

void KeyIndexBuilder::add(const KeyColumn& keys, std::uint64_t first) {
  std::string scratch;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    const std::string_view key = keys.at(i, scratch);
    if (hashes_.empty() || key < least_) least_ = key;
    if (hashes_.empty() || key > greatest_) greatest_ = key;
    if ((first + i) % kBlockValues == 0) firsts_.emplace_back(key);
    hashes_.push_back(XXH3_64bits(key.data(), key.size()));
  }
}

std::uint64_t KeyIndexBuilder::entry_bytes() const {
  std::uint64_t bytes = 0;
  for (const std::string& k : firsts_) bytes += fixed_ ? 0 : k.size();
  return bytes;
}

Encoded KeyIndexBuilder::index(const EncodeOptions& options) const {
  if (fixed_) {
    std::vector<std::uint64_t> keys;
    for (const std::string& k : firsts_) keys.push_back(KeyColumn::to_fixed(k));
    return encode_ints(keys, options);
  }
  const std::vector<std::string_view> keys(firsts_.begin(), firsts_.end());
  return encode_strings(keys, options);
}

std::string KeyIndexBuilder::filter() const {
  const bool dense =
      fixed_ && (KeyColumn::to_fixed(greatest_) - KeyColumn::to_fixed(least_)) / 4 < hashes_.size();
  return dense ? std::string() : make_bloom(hashes_);
}

std::string KeyIndexBuilder::filter_of_last(std::size_t keys) const {
  return make_bloom({hashes_.end() - static_cast<std::ptrdiff_t>(keys), hashes_.end()});
}

}  // namespace firn::storage::cold
