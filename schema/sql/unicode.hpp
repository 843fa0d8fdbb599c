// Code points in UTF-8: as much as a query text and the picture of an error need.
#pragma once
#include <cstddef>
#include <string_view>

namespace firn::sql {

struct CodePoint {
  char32_t value = 0;
  unsigned bytes = 0;  ///< 0: not well-formed here
};

/// The code point at text[at]; requires at < text.size().
CodePoint decode_utf8(std::string_view text, std::size_t at);
/// Columns on a terminal, roughly: 0 for combining marks, 2 for East Asian wide characters and emoji, else 1.
unsigned width_of_code_point(char32_t c);
/// Letters and signs beyond ASCII that a name may hold: not the blanks, quotes and dashes which word
/// processors put in.
bool may_stand_in_name(char32_t c);

}  // namespace firn::sql
