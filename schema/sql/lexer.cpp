#include "schema/sql/lexer.hpp"

#include <algorithm>

#include "schema/sql/unicode.hpp"

namespace firn::sql {

namespace {

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
constexpr bool is_hex_digit(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}
constexpr bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}
constexpr bool starts_name(char c) { return is_letter(c) || c == '_'; }
constexpr bool continues_name(char c) { return starts_name(c) || is_digit(c) || c == '$'; }
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

constexpr char to_upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }

bool is_unit(std::string_view s) {
  return s == "us" || s == "ms" || s == "s" || s == "m" || s == "h" || s == "d" || s == "w";
}

// (digits unit)+, as in 1h30m.
bool is_duration(std::string_view run) {
  std::size_t i = 0;
  while (i < run.size()) {
    const std::size_t digits = i;
    while (i < run.size() && is_digit(run[i])) ++i;
    const std::size_t unit = i;
    while (i < run.size() && is_letter(run[i])) ++i;
    if (unit == digits || !is_unit(run.substr(unit, i - unit))) return false;
  }
  return true;
}

constexpr const char* kNotANumber =
    "this is neither a number nor a duration (units are us, ms, s, m, h, d, w); "
    "a name that begins with a digit needs double quotes";

}  // namespace

Lexer::Lexer(std::string_view text) : text_(text) {
  if (text.starts_with(kByteOrderMark)) pos_ = kByteOrderMark.size();
}

Token Lexer::make(TokenKind kind, std::size_t begin) const {
  return {kind, static_cast<std::uint32_t>(begin), static_cast<std::uint32_t>(pos_), nullptr};
}

Token Lexer::bad(const char* fault, std::size_t begin) const {
  Token token = make(TokenKind::bad, begin);
  token.fault = fault;
  return token;
}

Token Lexer::next() {
  const std::size_t begin = pos_;
  if (!skip_blanks_and_comments()) return bad("this comment has no end: */ is missing", begin);
  if (pos_ >= text_.size()) return make(TokenKind::end, pos_);
  const char c = text_[pos_];
  if (is_digit(c) || (c == '.' && is_digit(at(pos_ + 1)))) return number();
  if (c == '\'') return quoted('\'', TokenKind::text, pos_);
  if (c == '"') return quoted('"', TokenKind::quoted_name, pos_);
  if ((c == 'x' || c == 'X') && at(pos_ + 1) == '\'') return blob(pos_);
  if (starts_name(c)) return word();
  if (static_cast<unsigned char>(c) >= 0x80 && may_stand_in_name(decode_utf8(text_, pos_).value))
    return word();
  return symbol();
}

// False: a comment without end; pos_ then stands behind its opening.
bool Lexer::skip_blanks_and_comments() {
  while (pos_ < text_.size()) {
    if (is_blank(text_[pos_])) {
      ++pos_;
    } else if (text_[pos_] == '-' && at(pos_ + 1) == '-') {
      pos_ = std::min(text_.find('\n', pos_), text_.size());
    } else if (text_[pos_] == '/' && at(pos_ + 1) == '*') {
      const std::size_t close = text_.find("*/", pos_ + 2);
      pos_ = close == std::string_view::npos ? text_.size() : close + 2;
      if (close == std::string_view::npos) return false;
    } else {
      return true;
    }
  }
  return true;
}

Token Lexer::number() {
  const std::size_t begin = pos_;
  TokenKind kind = TokenKind::integer;
  while (is_digit(at(pos_))) ++pos_;
  if (at(pos_) == '.') {
    kind = TokenKind::decimal;
    ++pos_;
    while (is_digit(at(pos_))) ++pos_;
  }
  if (at(pos_) == 'e' || at(pos_) == 'E') {
    const std::size_t sign = at(pos_ + 1) == '+' || at(pos_ + 1) == '-' ? 1 : 0;
    if (is_digit(at(pos_ + 1 + sign))) {
      kind = TokenKind::decimal;
      pos_ += 1 + sign;
      while (is_digit(at(pos_))) ++pos_;
    }
  }
  return continues_name(at(pos_)) ? number_with_letters(begin) : make(kind, begin);
}

Token Lexer::number_with_letters(std::size_t begin) {
  while (continues_name(at(pos_))) ++pos_;
  const std::string_view run = text_.substr(begin, pos_ - begin);
  if (run.size() > 2 && run[0] == '0' && to_upper(run[1]) == 'X' &&
      std::all_of(run.begin() + 2, run.end(), is_hex_digit))
    return make(TokenKind::hex, begin);
  if (is_duration(run)) return make(TokenKind::duration, begin);
  return bad(kNotANumber, begin);
}

Token Lexer::quoted(char quote, TokenKind kind, std::size_t begin) {
  std::size_t i = text_.find(quote, pos_ + 1);
  while (i != std::string_view::npos && at(i + 1) == quote) i = text_.find(quote, i + 2);
  if (i == std::string_view::npos) {
    pos_ = text_.size();
    return bad(quote == '"' ? "this quoted name has no end" : "this text has no end: a ' is missing", begin);
  }
  pos_ = i + 1;
  if (kind == TokenKind::quoted_name && pos_ - begin == 2)
    return bad("a name in quotes cannot be empty", begin);
  return make(kind, begin);
}

Token Lexer::blob(std::size_t begin) {
  ++pos_;
  Token token = quoted('\'', TokenKind::blob, begin);
  if (token.kind == TokenKind::bad) return token;
  const std::string_view digits = text_.substr(begin + 2, pos_ - begin - 3);
  if (digits.size() % 2 != 0 || !std::all_of(digits.begin(), digits.end(), is_hex_digit))
    return bad("a blob is x'..' with two hexadecimal digits a byte", begin);
  return token;
}

Token Lexer::word() {
  const std::size_t begin = pos_;
  while (pos_ < text_.size()) {
    if (continues_name(text_[pos_])) {
      ++pos_;
      continue;
    }
    if (static_cast<unsigned char>(text_[pos_]) < 0x80) break;
    const CodePoint c = decode_utf8(text_, pos_);
    if (!may_stand_in_name(c.value)) break;
    pos_ += c.bytes;
  }
  return make(TokenKind::word, begin);
}

Token Lexer::symbol() {
  static constexpr std::string_view kPairs[] = {"<=", ">=", "<>", "!=", "==", "||", "::"};
  static constexpr std::string_view kSingles = "(),;.*/%+-<>=";
  const std::size_t begin = pos_;
  for (const std::string_view pair : kPairs) {
    if (text_.substr(pos_, 2) != pair) continue;
    pos_ += 2;
    return make(TokenKind::symbol, begin);
  }
  if (kSingles.find(text_[pos_]) == std::string_view::npos) return unexpected();
  ++pos_;
  return make(TokenKind::symbol, begin);
}

Token Lexer::unexpected() {
  const std::size_t begin = pos_;
  const CodePoint c = decode_utf8(text_, pos_);
  pos_ += std::max(c.bytes, 1u);
  switch (c.value) {
    case '`':
    case '[':
      return bad("names are quoted with double quotes, as in \"name\"", begin);
    case '?':
    case ':':
    case '$':
    case '@':
      return bad("this dialect has no parameters: write the value", begin);
    case '&':
    case '|':
    case '^':
    case '~':
    case '!':
    case '#':
      return bad("this dialect has no such operator", begin);
    case 0x2018:
    case 0x2019:
      return bad("this is a typographic quote: texts are written in '..'", begin);
    case 0x201C:
    case 0x201D:
      return bad("this is a typographic quote: names are written in \"..\"", begin);
    case 0xA0:
      return bad("this is a no-break space: use an ordinary blank", begin);
    default:
      return bad("this character has no meaning here", begin);
  }
}

std::string unquote(std::string_view token) {
  const char quote = token.front();
  const std::string_view inner = token.substr(1, token.size() - 2);
  std::string out;
  out.reserve(inner.size());
  for (std::size_t i = 0; i < inner.size(); ++i) {
    out += inner[i];
    if (inner[i] == quote) ++i;
  }
  return out;
}

bool equals_ignoring_case(std::string_view word, std::string_view upper) {
  return word.size() == upper.size() &&
         std::equal(word.begin(), word.end(), upper.begin(), [](char a, char b) { return to_upper(a) == b; });
}

bool is_plain_name(std::string_view name) {
  return !name.empty() && starts_name(name[0]) && std::all_of(name.begin(), name.end(), continues_name);
}

std::size_t find_bad_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    if (static_cast<unsigned char>(text[i]) < 0x80) {
      ++i;
      continue;
    }
    const unsigned bytes = decode_utf8(text, i).bytes;
    if (bytes == 0) return i;
    i += bytes;
  }
  return std::string_view::npos;
}

}  // namespace firn::sql
