#include "schema/sql/token_stream.hpp"

#include <algorithm>

#include "schema/query.hpp"
#include "schema/sql/keywords.hpp"

namespace firn::sql {

namespace {
constexpr std::size_t kShownMax = 40;  // bytes of a token that an error quotes
}

const Token& TokenStream::peek(unsigned ahead) {
  while (count_ <= ahead) ahead_[count_++] = lexer_.next();
  return ahead_[ahead];
}

Token TokenStream::take() {
  const Token token = peek();
  std::move(ahead_.begin() + 1, ahead_.begin() + count_, ahead_.begin());
  --count_;
  if (token.kind != TokenKind::end) last_end_ = token.end;
  return token;
}

bool TokenStream::at_word(std::string_view upper, unsigned ahead) {
  const Token& token = peek(ahead);
  return token.kind == TokenKind::word && equals_ignoring_case(text(token), upper);
}

bool TokenStream::at_symbol(std::string_view symbol, unsigned ahead) {
  const Token& token = peek(ahead);
  return token.kind == TokenKind::symbol && text(token) == symbol;
}

bool TokenStream::accept_word(std::string_view upper) {
  if (!at_word(upper)) return false;
  take();
  return true;
}

bool TokenStream::accept_symbol(std::string_view symbol) {
  if (!at_symbol(symbol)) return false;
  take();
  return true;
}

Result<void> TokenStream::expect_word(std::string_view upper) {
  if (!accept_word(upper)) return unexpected(upper, std::span(&upper, 1));
  return {};
}

Result<void> TokenStream::expect_symbol(std::string_view symbol) {
  if (!accept_symbol(symbol)) return unexpected("'" + std::string(symbol) + "'");
  return {};
}

bool TokenStream::at_name(unsigned ahead) {
  const Token& token = peek(ahead);
  return token.kind == TokenKind::quoted_name || (token.kind == TokenKind::word && !is_reserved(text(token)));
}

std::string TokenStream::take_name() {
  const Token token = take();
  return token.kind == TokenKind::quoted_name ? unquote(text(token)) : std::string(text(token));
}

std::string TokenStream::describe(const Token& token) const {
  if (token.kind == TokenKind::end) return "the end of the text";
  std::string_view shown = text(token);
  std::string tail;
  if (shown.size() > kShownMax) {
    std::size_t cut = kShownMax;
    while (cut > 0 && (static_cast<unsigned char>(shown[cut]) & 0xC0u) == 0x80u) --cut;
    shown = shown.substr(0, cut);
    tail = "...";
  }
  std::string clean(shown);
  std::replace_if(
      clean.begin(), clean.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; }, ' ');
  const bool has_quotes = token.kind == TokenKind::text || token.kind == TokenKind::quoted_name;
  return has_quotes ? clean + tail : "'" + clean + tail + "'";
}

Error TokenStream::unexpected(std::string_view what, std::span<const std::string_view> candidates) {
  const Token token = peek();
  if (token.kind == TokenKind::bad) return fault(token.begin, token.fault);
  std::string message = "expected " + std::string(what) + ", found " + describe(token);
  if (token.kind == TokenKind::end) return fault(last_end_, std::move(message));
  if (token.kind == TokenKind::word) {
    const std::string_view meant = nearest(text(token), candidates);
    if (!meant.empty()) {
      message += "; did you mean " + std::string(meant) + "?";
    } else if (is_reserved(text(token))) {
      message += " (a keyword: as a name it is written \"" + std::string(text(token)) + "\")";
    }
  }
  return fault(token.begin, std::move(message));
}

Error TokenStream::fault(std::size_t position, std::string message) const {
  return error(ErrorCode::parse, position, std::move(message));
}

Error TokenStream::unsupported(std::size_t position, std::string message) const {
  return error(ErrorCode::unsupported, position, std::move(message));
}

Error TokenStream::error(ErrorCode code, std::size_t position, std::string message) const {
  return {code, std::move(message) + "\n" + caret(text_, position), position};
}

}  // namespace firn::sql
