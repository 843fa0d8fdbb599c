// Whether bytes are ASCII: most texts are, and then they need no other look to be UTF-8.
#pragma once
#include <cstdint>
#include <cstring>
#include <string_view>

namespace firn {

/// Eight bytes at a time; the last words overlap, so that no text has a tail of single bytes.
inline bool is_ascii(std::string_view t) noexcept {
  constexpr std::uint64_t kHighBits = 0x8080808080808080U;
  const char* p = t.data();
  std::size_t n = t.size();
  const auto word_at = [](const char* at) {
    std::uint64_t word = 0;
    std::memcpy(&word, at, sizeof word);
    return word;
  };
  std::uint64_t all = 0;
  if (n < 8) {
    if (n >= 4) {
      std::uint32_t first = 0, last = 0;
      std::memcpy(&first, p, 4);
      std::memcpy(&last, p + n - 4, 4);
      all = first | last;
    } else {
      for (; n != 0; --n, ++p) all |= static_cast<unsigned char>(*p);
    }
    return (all & kHighBits) == 0;
  }
  for (; n >= 32; n -= 32, p += 32) all |= word_at(p) | word_at(p + 8) | word_at(p + 16) | word_at(p + 24);
  for (; n >= 8; n -= 8, p += 8) all |= word_at(p);
  if (n != 0) all |= word_at(p + n - 8);
  return (all & kHighBits) == 0;
}

}  // namespace firn
