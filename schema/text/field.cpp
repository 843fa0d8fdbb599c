#include "schema/text/field.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include "schema/ascii.hpp"
#include "schema/coerce.hpp"
#include "schema/key_bits.hpp"
#include "schema/key_codec.hpp"

namespace firn::text {
namespace {

Error misfit(std::string_view text, TypeId type) {
  constexpr std::size_t kShown = 40;
  std::string shown(text.substr(0, kShown));
  if (text.size() > kShown) shown += "...";
  return {ErrorCode::type_mismatch, "'" + shown + "' is no " + std::string(name_of(type))};
}

std::string_view without_plus(std::string_view t) {
  return t.size() > 1 && t[0] == '+' && t[1] != '-' ? t.substr(1) : t;
}

template <class T>
Result<void> append_number(ColumnBuilder& column, std::string_view text) {
  const std::string_view digits = without_plus(text);
  T v{};
  const auto [end, ec] = std::from_chars(digits.data(), digits.data() + digits.size(), v);
  if (ec == std::errc::result_out_of_range)
    return Error(ErrorCode::out_of_range,
                 std::string(digits.substr(0, 40)) + " does not fit " + std::string(name_of(column.type())));
  if (ec != std::errc{} || end != digits.data() + digits.size()) return misfit(text, column.type());
  column.append_fixed(v);
  return {};
}

bool is_word(std::string_view text, std::string_view lower) {
  if (text.size() != lower.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i)
    if ((text[i] | 0x20) != lower[i]) return false;
  return true;
}

std::optional<bool> as_bool(std::string_view t) {
  if (is_word(t, "true")) return true;
  if (is_word(t, "false")) return false;
  return std::nullopt;
}

unsigned digit(char c) { return static_cast<unsigned char>(c) - unsigned{'0'}; }
bool two_digits(const char* p, unsigned& out) {
  const unsigned a = digit(p[0]), b = digit(p[1]);
  out = a * 10 + b;
  return a <= 9 && b <= 9;
}

/// "2001-01-01" with a valid day.
bool plain_date(std::string_view t, std::int32_t& days) {
  unsigned century = 0, year = 0, month = 0, day = 0;
  if (t.size() < 10 || t[4] != '-' || t[7] != '-') return false;
  if (!two_digits(t.data(), century) || !two_digits(t.data() + 2, year) || !two_digits(t.data() + 5, month) ||
      !two_digits(t.data() + 8, day))
    return false;
  constexpr unsigned kDays[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  if (month < 1 || month > 12 || day < 1 || day > kDays[month - 1]) return false;
  const unsigned y = century * 100 + year;
  if (month == 2 && day == 29 && (y % 4 != 0 || (y % 100 == 0 && y % 400 != 0))) return false;
  days = days_from_civil(y, month, day);
  return true;
}

/// "2001-01-01 00:00:00" (or with T), the form that almost every file has.
bool plain_time(std::string_view t, std::int64_t& us) {
  std::int32_t days = 0;
  unsigned h = 0, m = 0, s = 0;
  if (t.size() != 19 || (t[10] != ' ' && t[10] != 'T') || t[13] != ':' || t[16] != ':' ||
      !plain_date(t, days))
    return false;
  if (!two_digits(t.data() + 11, h) || !two_digits(t.data() + 14, m) || !two_digits(t.data() + 17, s))
    return false;
  if (h > 23 || m > 59 || s > 59) return false;
  us = (days * std::int64_t{86'400} + h * 3'600 + m * 60 + s) * 1'000'000;
  return true;
}

Result<void> append_timestamp(ColumnBuilder& column, std::string_view text) {
  std::int64_t us = 0;
  if (!plain_time(text, us)) {
    FIRN_ASSIGN(us, parse_timestamp(text));
  }
  column.append_fixed(us);
  return {};
}

Result<void> append_date(ColumnBuilder& column, std::string_view text) {
  std::int32_t days = 0;
  if (text.size() != 10 || !plain_date(text, days)) {
    FIRN_ASSIGN(days, parse_date(text));
  }
  column.append_fixed(days);
  return {};
}

Result<void> append_utf8(ColumnBuilder& column, std::string_view text) {
  if (!is_ascii(text) && !is_utf8(text))
    return Error(ErrorCode::type_mismatch,
                 "text that is not UTF-8; convert the file, or declare the column as binary");
  column.append_bytes(text);
  return {};
}

/// As key_codec.hpp has it: zeros take two bytes, the end two more.
std::size_t encoded_bytes(std::string_view bytes) noexcept {
  return bytes.size() + static_cast<std::size_t>(std::count(bytes.begin(), bytes.end(), '\0')) + 2;
}

template <class T>
bool is_number(std::string_view t) {
  t = without_plus(t);
  T v{};
  const auto [end, ec] = std::from_chars(t.data(), t.data() + t.size(), v);
  return ec == std::errc{} && end == t.data() + t.size();
}

}  // namespace

KeyLength::KeyLength(const Schema& schema) {
  for (const std::size_t at : schema.key()) {
    fixed_bytes_ += key_width(schema[at].type);
    if (is_variable(schema[at].type)) variable_.push_back(at);
  }
}

Result<void> KeyLength::check_last_row(std::span<const ColumnBuilder> columns) const {
  if (variable_.empty()) return {};
  std::size_t bytes = fixed_bytes_;
  for (const std::size_t at : variable_) bytes += encoded_bytes(columns[at].last_bytes());
  if (bytes <= kEncodedKeyMax) return {};
  return Error(ErrorCode::out_of_range,
               fmt::format("the key takes {} bytes; at most {} are possible", bytes, kEncodedKeyMax));
}

Result<void> append_text(ColumnBuilder& column, std::string_view text) {
  switch (column.type()) {
    case TypeId::utf8:
      return append_utf8(column, text);
    case TypeId::i64:
      return append_number<std::int64_t>(column, text);
    case TypeId::f64:
      return append_number<double>(column, text);
    case TypeId::timestamp:
      return append_timestamp(column, text);
    case TypeId::date:
      return append_date(column, text);
    case TypeId::i8:
      return append_number<std::int8_t>(column, text);
    case TypeId::i16:
      return append_number<std::int16_t>(column, text);
    case TypeId::i32:
      return append_number<std::int32_t>(column, text);
    case TypeId::u8:
      return append_number<std::uint8_t>(column, text);
    case TypeId::u16:
      return append_number<std::uint16_t>(column, text);
    case TypeId::u32:
      return append_number<std::uint32_t>(column, text);
    case TypeId::u64:
      return append_number<std::uint64_t>(column, text);
    case TypeId::f32:
      return append_number<float>(column, text);
    case TypeId::binary:
      column.append_bytes(text);
      return {};
    case TypeId::boolean: {
      const auto v = as_bool(text);
      if (!v) return misfit(text, TypeId::boolean);
      column.append_bool(*v);
      return {};
    }
    default:
      return misfit(text, column.type());
  }
}

void TypeGuess::see(std::string_view text) {
  any_ = true;
  if (boolean_) boolean_ = as_bool(text).has_value();
  if (floating_) floating_ = is_number<double>(text);
  if (integer_) integer_ = floating_ && is_number<std::int64_t>(text);
  if (temporal_) {
    std::int32_t days = 0;
    temporal_ = plain_date(text, days) && (text.size() == 10 || parse_timestamp(text).ok());
    has_time_ |= text.size() > 10;
  }
}

TypeId TypeGuess::type() const noexcept {
  if (!any_) return TypeId::utf8;
  if (boolean_) return TypeId::boolean;
  if (integer_) return TypeId::i64;
  if (floating_) return TypeId::f64;
  if (temporal_) return has_time_ ? TypeId::timestamp : TypeId::date;
  return TypeId::utf8;
}

}  // namespace firn::text
