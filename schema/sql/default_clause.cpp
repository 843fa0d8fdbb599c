#include "schema/sql/default_clause.hpp"

#include <cmath>

#include "schema/coerce.hpp"
#include "schema/sql/literals.hpp"

namespace firn::sql {
namespace {

// Times of years with four digits are written as such, others as the number that they are.
constexpr std::int64_t kPlainYearsBegin = -62'135'596'800'000'000, kPlainYearsEnd = 253'402'300'800'000'000;

std::string between_quotes(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') out += '\'';
    out += c;
  }
  return out + "'";
}

std::string blob_literal(std::string_view bytes) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out = "x'";
  for (const char c : bytes) {
    out += kHex[static_cast<unsigned char>(c) >> 4];
    out += kHex[static_cast<unsigned char>(c) & 15U];
  }
  return out + "'";
}

Result<Value> take_literal(TokenStream& tokens) {
  if (tokens.accept_word("NULL")) return Value();
  if (tokens.accept_word("TRUE")) return Value(true);
  if (tokens.accept_word("FALSE")) return Value(false);
  if (at_typed_literal(tokens)) return take_typed_literal(tokens);
  const bool negative = tokens.accept_symbol("-");
  if (!negative) tokens.accept_symbol("+");
  const TokenKind kind = tokens.peek().kind;
  const bool quoted = kind == TokenKind::text || kind == TokenKind::blob;
  if (!is_number(kind) && (negative || !quoted))
    return tokens.unexpected("a literal: NULL, TRUE, FALSE, a number, 'text', DATE '..' or TIMESTAMP '..'");
  const Token token = tokens.take();
  return value_of_literal(tokens, token, negative);
}

Result<Value> fit(const Value& v, TypeId type) {
  if (v.type() == TypeId::utf8) return v.cast(type);
  if (type == TypeId::timestamp && v.type() == TypeId::i64)
    return Value(Timestamp{time_from_number(v.as_signed())});
  return coerce(v, type);
}

}  // namespace

Result<Value> take_default(TokenStream& tokens, std::string_view column, TypeId type) {
  tokens.take();
  const std::uint32_t position = tokens.peek().begin;
  FIRN_ASSIGN(const Value literal, take_literal(tokens));
  Result<Value> value = fit(literal, type);
  if (!value)
    return tokens.fault(position,
                        "the default of column \"" + std::string(column) + "\": " + value.error().message());
  return value;
}

std::string literal_text(const Value& value) {
  if (value.is_null()) return "NULL";
  switch (value.type()) {
    case TypeId::utf8:
      return between_quotes(value.as_bytes());
    case TypeId::binary:
      return blob_literal(value.as_bytes());
    case TypeId::f32:
    case TypeId::f64:
      return std::isfinite(value.as_double()) ? value.to_string() : between_quotes(value.to_string());
    case TypeId::timestamp:
      if (value.as_signed() < kPlainYearsBegin || value.as_signed() >= kPlainYearsEnd)
        return std::to_string(value.as_signed());
      return "TIMESTAMP " + between_quotes(value.to_string());
    case TypeId::date:
      return "DATE " + between_quotes(value.to_string());
    default:
      return value.to_string();
  }
}

}  // namespace firn::sql
