#include "schema/sql/literals.hpp"

#include <charconv>
#include <limits>

namespace firn::sql {

namespace {

constexpr std::uint64_t kSignedMax = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());

Value from_magnitude(std::uint64_t magnitude, bool negative) {
  if (!negative)
    return magnitude <= kSignedMax ? Value(static_cast<std::int64_t>(magnitude)) : Value(magnitude);
  if (magnitude <= kSignedMax) return Value(-static_cast<std::int64_t>(magnitude));
  if (magnitude == kSignedMax + 1) return Value(std::numeric_limits<std::int64_t>::min());
  return Value(-static_cast<double>(magnitude));
}

// Is it below 1? from_chars says only "out of range"; whether that means zero or infinity, the digits say.
bool is_tiny(std::string_view digits) {
  const std::size_t e = digits.find_first_of("eE");
  if (e != std::string_view::npos && e + 1 < digits.size() && digits[e + 1] == '-') return true;
  const std::string_view mantissa = digits.substr(0, e);
  return mantissa.substr(0, mantissa.find('.')).find_first_not_of('0') == std::string_view::npos &&
         e == std::string_view::npos;
}

Result<Value> decimal(const TokenStream& tokens, const Token& token, bool negative) {
  const std::string_view digits = tokens.text(token);
  double v = 0;
  const auto [end, fault] = std::from_chars(digits.data(), digits.data() + digits.size(), v);
  if (fault == std::errc::result_out_of_range) {
    if (!is_tiny(digits)) return tokens.fault(token.begin, "this number is beyond the range of f64");
    v = 0;
  } else if (fault != std::errc{} || end != digits.data() + digits.size()) {
    return tokens.fault(token.begin, "this is not a number");
  }
  return Value(negative ? -v : v);
}

Result<Value> integer(const TokenStream& tokens, const Token& token, bool negative) {
  const std::string_view digits = tokens.text(token);
  std::uint64_t v = 0;
  const auto [end, fault] = std::from_chars(digits.data(), digits.data() + digits.size(), v);
  if (fault != std::errc{}) return decimal(tokens, token, negative);
  return from_magnitude(v, negative);
}

Result<Value> hex(const TokenStream& tokens, const Token& token, bool negative) {
  const std::string_view digits = tokens.text(token).substr(2);
  std::uint64_t v = 0;
  const auto [end, fault] = std::from_chars(digits.data(), digits.data() + digits.size(), v, 16);
  if (fault != std::errc{}) return tokens.fault(token.begin, "this number has more than 64 bits");
  return from_magnitude(v, negative);
}

std::string bytes_of_blob(std::string_view token) {
  std::string bytes;
  for (std::size_t i = 2; i + 2 < token.size(); i += 2) {
    unsigned byte = 0;
    std::from_chars(token.data() + i, token.data() + i + 2, byte, 16);
    bytes += static_cast<char>(byte);
  }
  return bytes;
}

struct Unit {
  std::string_view word;
  std::string_view shortest;
};
constexpr Unit kUnits[] = {
    {"MICROSECOND", "us"},
    {"US", "us"},
    {"MILLISECOND", "ms"},
    {"MS", "ms"},
    {"SECOND", "s"},
    {"SEC", "s"},
    {"S", "s"},
    {"MINUTE", "m"},
    {"MIN", "m"},
    {"M", "m"},
    {"HOUR", "h"},
    {"H", "h"},
    {"DAY", "d"},
    {"D", "d"},
    {"WEEK", "w"},
    {"W", "w"},
};

// "" if the word is no unit; singular or plural.
std::string_view unit_of(std::string_view word) {
  for (const Unit& unit : kUnits)
    if (equals_ignoring_case(word, unit.word)) return unit.shortest;
  if (word.size() < 3 || (word.back() != 's' && word.back() != 'S')) return {};
  for (const Unit& unit : kUnits)
    if (equals_ignoring_case(word.substr(0, word.size() - 1), unit.word)) return unit.shortest;
  return {};
}

bool is_calendar_unit(std::string_view word) {
  for (const std::string_view unit :
       {"MONTH", "MONTHS", "YEAR", "YEARS", "QUARTER", "QUARTERS", "MON", "MONS"})
    if (equals_ignoring_case(word, unit)) return true;
  return false;
}

constexpr const char* kCalendarUnit =
    "months and years differ in length, so a duration has none: use date_trunc, or count in days";
constexpr const char* kIntervalForm =
    "an interval is written INTERVAL '1 day 6 hours', INTERVAL 1 DAY, or 1d6h";

Result<std::int64_t> duration(const TokenStream& tokens, std::size_t position, const std::string& text) {
  auto us = parse_duration(text);
  if (!us) return tokens.fault(position, us.error().message());
  return us;
}

// '1 day 6 hours' -> 1d6h. '-' before the first number turns the whole around.
Result<std::int64_t> interval_text(const TokenStream& tokens, const Token& token) {
  const std::string text = unquote(tokens.text(token));
  Lexer lexer(text);
  std::string compact;
  bool negative = false;
  for (Token t = lexer.next(); t.kind != TokenKind::end; t = lexer.next()) {
    const std::string_view shown = std::string_view(text).substr(t.begin, t.end - t.begin);
    if (t.kind == TokenKind::symbol && shown == "-" && compact.empty() && !negative) {
      negative = true;
      continue;
    }
    if (t.kind == TokenKind::duration) {
      compact += shown;
      continue;
    }
    const Token word = t.kind == TokenKind::integer ? lexer.next() : Token{};
    const std::string_view unit = std::string_view(text).substr(word.begin, word.end - word.begin);
    if (word.kind == TokenKind::word && is_calendar_unit(unit))
      return tokens.unsupported(token.begin, kCalendarUnit);
    if (word.kind != TokenKind::word || unit_of(unit).empty())
      return tokens.fault(token.begin, kIntervalForm);
    compact.append(shown).append(unit_of(unit));
  }
  if (compact.empty()) return tokens.fault(token.begin, kIntervalForm);
  FIRN_ASSIGN(const std::int64_t us, duration(tokens, token.begin, compact));
  return negative ? -us : us;
}

// INTERVAL 1 DAY and INTERVAL '1' DAY; the stream stands behind INTERVAL.
Result<std::int64_t> take_interval(TokenStream& tokens) {
  const Token amount = tokens.take();
  const bool has_unit = tokens.peek().kind == TokenKind::word;
  const std::string_view unit = has_unit ? unit_of(tokens.text(tokens.peek())) : std::string_view{};
  if (has_unit && is_calendar_unit(tokens.text(tokens.peek())))
    return tokens.unsupported(tokens.peek().begin, kCalendarUnit);
  if (amount.kind == TokenKind::integer) {
    if (unit.empty()) return tokens.unexpected("a unit of time (second, minute, hour, day, week)");
    tokens.take();
    return duration(tokens, amount.begin, std::string(tokens.text(amount)).append(unit));
  }
  const std::string inner = unquote(tokens.text(amount));
  const bool is_bare = !inner.empty() && inner.find_first_not_of("0123456789") == std::string::npos;
  if (!is_bare) return interval_text(tokens, amount);
  if (unit.empty()) return tokens.unexpected("a unit of time (second, minute, hour, day, week)");
  tokens.take();
  return duration(tokens, amount.begin, inner + std::string(unit));
}

bool at_interval(TokenStream& tokens) {
  return tokens.at_word("INTERVAL") &&
         (tokens.peek(1).kind == TokenKind::text || tokens.peek(1).kind == TokenKind::integer);
}

}  // namespace

bool is_number(TokenKind kind) noexcept {
  return kind == TokenKind::integer || kind == TokenKind::decimal || kind == TokenKind::hex ||
         kind == TokenKind::duration;
}

Result<Value> value_of_literal(const TokenStream& tokens, const Token& token, bool negative) {
  switch (token.kind) {
    case TokenKind::integer:
      return integer(tokens, token, negative);
    case TokenKind::decimal:
      return decimal(tokens, token, negative);
    case TokenKind::hex:
      return hex(tokens, token, negative);
    case TokenKind::duration: {
      FIRN_ASSIGN(const std::int64_t us, duration(tokens, token.begin, std::string(tokens.text(token))));
      return Value(negative ? -us : us);
    }
    case TokenKind::text:
      return Value(unquote(tokens.text(token)));
    default:
      return Value(Binary{bytes_of_blob(tokens.text(token))});
  }
}

bool at_typed_literal(TokenStream& tokens) {
  if (at_interval(tokens)) return true;
  return (tokens.at_word("DATE") || tokens.at_word("TIMESTAMP")) && tokens.peek(1).kind == TokenKind::text;
}

Result<Value> take_typed_literal(TokenStream& tokens) {
  const bool is_date = tokens.at_word("DATE");
  const bool is_timestamp = tokens.at_word("TIMESTAMP");
  tokens.take();
  if (!is_date && !is_timestamp) {
    FIRN_ASSIGN(const std::int64_t us, take_interval(tokens));
    return Value(us);
  }
  const Token token = tokens.take();
  const std::string text = unquote(tokens.text(token));
  if (is_date) {
    auto days = parse_date(text);
    if (!days) return tokens.fault(token.begin, days.error().message());
    return Value(Date{*days});
  }
  auto us = parse_timestamp(text);
  if (!us) return tokens.fault(token.begin, us.error().message());
  return Value(Timestamp{*us});
}

bool at_duration(TokenStream& tokens) {
  return tokens.peek().kind == TokenKind::duration || at_interval(tokens);
}

Result<std::int64_t> take_duration(TokenStream& tokens) {
  if (tokens.peek().kind != TokenKind::duration) {
    tokens.take();
    return take_interval(tokens);
  }
  const Token token = tokens.take();
  return duration(tokens, token.begin, std::string(tokens.text(token)));
}

}  // namespace firn::sql
