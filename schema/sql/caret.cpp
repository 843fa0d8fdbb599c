// The picture of a place in a query text: its line, and a caret below the place.
#include <algorithm>

#include "schema/query.hpp"
#include "schema/sql/unicode.hpp"

namespace firn {

namespace {

// A line longer than this is shown as an excerpt with the place in it; bytes. Bounds the work on hostile
// texts too.
constexpr std::size_t kLineMax = 120;
constexpr std::size_t kBefore = 60;
constexpr std::size_t kAfter = 50;
constexpr std::string_view kCut = "...";

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xC0u) == 0x80u; }

struct Excerpt {
  std::size_t begin;
  std::size_t end;
  bool cut_before;
  bool cut_after;
};

// Looks at most kLineMax bytes each way, whatever the text's length.
Excerpt find_excerpt(std::string_view text, std::size_t position) {
  std::size_t begin = position;
  while (begin > 0 && position - begin < kLineMax && text[begin - 1] != '\n') --begin;
  std::size_t end = position;
  while (end < text.size() && end - position < kLineMax && text[end] != '\n') ++end;
  const bool longer = (begin > 0 && text[begin - 1] != '\n') || (end < text.size() && text[end] != '\n');
  if (!longer && end - begin <= kLineMax) return {begin, end, false, false};
  Excerpt e{begin, end, begin > 0 && text[begin - 1] != '\n', end < text.size() && text[end] != '\n'};
  if (position - begin > kBefore) {
    e.begin = position - kBefore;
    e.cut_before = true;
  }
  if (end - position > kAfter) {
    e.end = position + kAfter;
    e.cut_after = true;
  }
  while (e.begin < position && is_continuation(text[e.begin])) ++e.begin;
  while (e.end > position && e.end < text.size() && is_continuation(text[e.end])) --e.end;
  return e;
}

}  // namespace

std::string caret(std::string_view text, std::size_t position) {
  position = std::min(position, text.size());
  const Excerpt e = find_excerpt(text, position);
  std::string line(e.cut_before ? kCut : "");
  std::string below(line.size(), ' ');
  for (std::size_t i = e.begin; i < e.end;) {
    const sql::CodePoint c = sql::decode_utf8(text, i);
    const std::size_t bytes = std::max(c.bytes, 1u);
    const bool is_control = c.value < 0x20 || c.value == 0x7F || (c.value >= 0x80 && c.value < 0xA0);
    unsigned width = 1;
    if (c.value == '\t') {
      line += '\t';
    } else if (c.value == '\r' && i + 1 == e.end) {
      width = 0;
    } else if (is_control) {
      line += '?';  // nothing may steer the reader's terminal
    } else {
      line += text.substr(i, bytes);
      width = sql::width_of_code_point(c.value);
    }
    // A tab below a tab keeps the caret in place whatever the tab's width.
    if (i + bytes <= position) below += c.value == '\t' ? std::string(1, '\t') : std::string(width, ' ');
    i += bytes;
  }
  if (e.cut_after) line += kCut;
  return line + "\n" + below + "^";
}

}  // namespace firn
