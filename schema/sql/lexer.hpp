// The words of a query text. A lexer reads forward only, never recurses and holds no memory of its own, so
// any text costs time linear in its length. Not thread-safe; the text must outlive it.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace firn::sql {

enum class TokenKind : std::uint8_t {
  end,
  word,         ///< identifier or keyword; which of them, the place decides
  quoted_name,  ///< "name"
  text,         ///< 'text'
  blob,         ///< x'00ff'
  integer,      ///< 12
  decimal,      ///< 1.5  .5  2e9
  hex,          ///< 0xff
  duration,     ///< 10s  1h30m
  symbol,       ///< one of ( ) , ; . * / % + - < > = <= >= <> != == || ::
  bad,          ///< no token of the language; fault says why
};

struct Token {
  TokenKind kind = TokenKind::end;
  std::uint32_t begin = 0;  ///< byte offsets in the text
  std::uint32_t end = 0;
  const char* fault = nullptr;  ///< bad only
};

class Lexer {
 public:
  /// Requires text.size() < 2^32.
  explicit Lexer(std::string_view text);
  /// The next token; at the end of the text, `end` for ever. After `bad` it goes on behind the offending
  /// bytes.
  Token next();

 private:
  Token make(TokenKind kind, std::size_t begin) const;
  Token bad(const char* fault, std::size_t begin) const;
  bool skip_blanks_and_comments();
  Token number();
  Token number_with_letters(std::size_t begin);
  Token quoted(char quote, TokenKind kind, std::size_t begin);
  Token blob(std::size_t begin);
  Token word();
  Token symbol();
  Token unexpected();
  char at(std::size_t i) const { return i < text_.size() ? text_[i] : '\0'; }

  std::string_view text_;
  std::size_t pos_ = 0;
};

/// The contents of a quoted token: quotes removed, doubled quotes single.
std::string unquote(std::string_view token);
/// `upper` is in capitals; only ASCII letters fold.
bool equals_ignoring_case(std::string_view word, std::string_view upper);
/// May the word stand for a name without quotes, as far as its characters go?
bool is_plain_name(std::string_view name);
/// Offset of the first byte that is not well-formed UTF-8; npos if all is.
std::size_t find_bad_utf8(std::string_view text);

}  // namespace firn::sql
