// A query text as a stream of tokens with a short look ahead, and the errors that point into it. Not
// thread-safe.
#pragma once
#include <array>
#include <span>
#include <string>
#include <string_view>

#include "schema/result.hpp"
#include "schema/sql/lexer.hpp"

namespace firn::sql {

class TokenStream {
 public:
  static constexpr unsigned kAheadMax = 4;

  /// The text must outlive the stream.
  explicit TokenStream(std::string_view text) : text_(text), lexer_(text) {}

  /// The token `ahead` places on, without taking it; ahead < kAheadMax.
  const Token& peek(unsigned ahead = 0);
  Token take();
  /// Where the token taken last ended; 0 before the first.
  std::uint32_t last_end() const noexcept { return last_end_; }
  std::string_view text() const noexcept { return text_; }
  std::string_view text(const Token& token) const {
    return text_.substr(token.begin, token.end - token.begin);
  }

  /// Keywords are given in capitals and match in any case; quoted names never match.
  bool at_word(std::string_view upper, unsigned ahead = 0);
  bool at_symbol(std::string_view symbol, unsigned ahead = 0);
  bool at_end() { return peek().kind == TokenKind::end; }
  bool accept_word(std::string_view upper);
  bool accept_symbol(std::string_view symbol);
  Result<void> expect_word(std::string_view upper);
  Result<void> expect_symbol(std::string_view symbol);
  /// A word that is not reserved, or a quoted name.
  bool at_name(unsigned ahead = 0);
  /// Requires a word or quoted name to be next: takes it and returns the name it stands for.
  std::string take_name();

  /// "expected WHAT, found 'token'", with the nearest of the candidates as a suggestion. A bad token's own
  /// fault wins.
  Error unexpected(std::string_view what, std::span<const std::string_view> candidates = {});
  /// {parse}: the message, the line, the caret.
  Error fault(std::size_t position, std::string message) const;
  /// The same as {unsupported}.
  Error unsupported(std::size_t position, std::string message) const;
  Error error(ErrorCode code, std::size_t position, std::string message) const;

 private:
  std::string describe(const Token& token) const;

  std::string_view text_;
  Lexer lexer_;
  std::array<Token, kAheadMax> ahead_{};
  unsigned count_ = 0;
  std::uint32_t last_end_ = 0;
};

}  // namespace firn::sql
