#include "schema/sql/unicode.hpp"

namespace firn::sql {

namespace {

constexpr bool in(char32_t c, char32_t low, char32_t high) { return c >= low && c <= high; }

unsigned length_from_lead(unsigned char lead) {
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return 2;
  if (lead >= 0xE0 && lead <= 0xEF) return 3;
  if (lead >= 0xF0 && lead <= 0xF4) return 4;
  return 0;
}

// Shortest forms only, no surrogates, nothing above U+10FFFF (RFC 3629).
bool is_shortest(char32_t c, unsigned bytes) {
  if (bytes == 3) return c >= 0x800 && !in(c, 0xD800, 0xDFFF);
  if (bytes == 4) return in(c, 0x10000, 0x10FFFF);
  return true;
}

}  // namespace

CodePoint decode_utf8(std::string_view text, std::size_t at) {
  const auto lead = static_cast<unsigned char>(text[at]);
  const unsigned bytes = length_from_lead(lead);
  if (bytes == 0 || bytes > text.size() - at) return {};
  if (bytes == 1) return {lead, 1};
  char32_t c = lead & (0x7Fu >> bytes);
  for (unsigned i = 1; i < bytes; ++i) {
    const auto byte = static_cast<unsigned char>(text[at + i]);
    if ((byte & 0xC0u) != 0x80u) return {};
    c = (c << 6) | (byte & 0x3Fu);
  }
  return is_shortest(c, bytes) ? CodePoint{c, bytes} : CodePoint{};
}

unsigned width_of_code_point(char32_t c) {
  if (in(c, 0x300, 0x36F) || in(c, 0x200B, 0x200F) || in(c, 0xFE00, 0xFE0F) || in(c, 0x20D0, 0x20FF))
    return 0;
  if (in(c, 0x1100, 0x115F) || in(c, 0x2E80, 0xA4CF) || in(c, 0xAC00, 0xD7A3) || in(c, 0xF900, 0xFAFF) ||
      in(c, 0xFE30, 0xFE6F) || in(c, 0xFF00, 0xFF60) || in(c, 0xFFE0, 0xFFE6) || in(c, 0x1F300, 0x1FAFF) ||
      in(c, 0x20000, 0x3FFFD))
    return 2;
  return 1;
}

bool may_stand_in_name(char32_t c) {
  return c >= 0x80 && !in(c, 0x80, 0xBF) && !in(c, 0x2000, 0x206F) && !in(c, 0x3000, 0x303F) && c != 0xFEFF &&
         c != 0xFFFD && c != 0xD7 && c != 0xF7;
}

}  // namespace firn::sql
