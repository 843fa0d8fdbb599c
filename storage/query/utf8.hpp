// Stepping through UTF-8 by characters. Bytes that are no UTF-8 count one character each.
#pragma once
#include <cstddef>
#include <string_view>

namespace firn::storage::query {

constexpr bool is_continuation(char c) noexcept { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; }

/// Bytes of the character at the front. Requires a non-empty text.
constexpr std::size_t front_bytes(std::string_view s) noexcept {
  std::size_t n = 1;
  while (n < s.size() && n < 4 && is_continuation(s[n])) ++n;
  return n;
}

constexpr std::size_t count_characters(std::string_view s) noexcept {
  std::size_t n = 0;
  for (const char c : s) n += !is_continuation(c);
  return n;
}

/// Byte offset of character k; s.size() if there are no more than k.
constexpr std::size_t offset_of_character(std::string_view s, std::size_t k) noexcept {
  std::size_t at = 0;
  while (k > 0 && at < s.size()) {
    at += front_bytes(s.substr(at));
    --k;
  }
  return at;
}

}  // namespace firn::storage::query
