// CAST between column types, and the lossless part of it that writes use (coerce.hpp).
#include <simdjson.h>

#include <charconv>
#include <cmath>
#include <cstdlib>

#include "schema/coerce.hpp"

namespace firn {
namespace {

constexpr std::int64_t kDayUs = 86'400'000'000;

std::string shown(const Value& v) {
  std::string text = v.to_string();
  if (text.size() > 60) text = text.substr(0, 57) + "...";
  return std::string(name_of(v.type())) + " '" + text + "'";
}

Error mismatch(const Value& v, TypeId to) {
  return {ErrorCode::type_mismatch, shown(v) + " does not convert to " + std::string(name_of(to))};
}

Error beyond(const Value& v, TypeId to) {
  return {ErrorCode::out_of_range, shown(v) + " does not fit " + std::string(name_of(to))};
}

/// Blanks as SQL trims them in a CAST from text.
std::string_view trimmed(std::string_view s) noexcept {
  constexpr std::string_view kBlanks = " \t\r\n\f\v";
  const std::size_t begin = s.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return s.substr(begin, s.find_last_not_of(kBlanks) - begin + 1);
}

/// Inclusive bounds of an integer-like type, as magnitudes below and above zero.
struct IntegerRange {
  std::int64_t min = 0;
  std::uint64_t max = 0;
};

IntegerRange range_of(TypeId t) noexcept {
  const unsigned bits = static_cast<unsigned>(8 * width_of(t));
  if (is_unsigned_integer(t)) return {0, ~std::uint64_t{0} >> (64 - bits)};
  const std::uint64_t max = ~std::uint64_t{0} >> (65 - bits);
  return {-static_cast<std::int64_t>(max) - 1, max};
}

/// An exact whole number between i64's least and u64's greatest value.
struct Whole {
  bool negative = false;
  std::uint64_t bits = 0;  // two's complement if negative

  static Whole of(const Value& v) {
    if (is_unsigned_integer(v.type())) return {false, v.as_unsigned()};
    if (v.type() == TypeId::boolean) return {false, v.as_bool() ? 1U : 0U};
    return {v.as_signed() < 0, static_cast<std::uint64_t>(v.as_signed())};
  }
  bool fits(TypeId t) const noexcept {
    const IntegerRange r = range_of(t);
    return negative ? static_cast<std::int64_t>(bits) >= r.min : bits <= r.max;
  }
  Value as(TypeId t) const {
    if (is_unsigned_integer(t)) return Value::of_unsigned(t, bits);
    return Value::of_signed(t, static_cast<std::int64_t>(bits));
  }
  double as_double() const noexcept {
    return negative ? static_cast<double>(static_cast<std::int64_t>(bits)) : static_cast<double>(bits);
  }
};

/// The double truncated toward zero; nothing for NaN and what no 64-bit integer holds.
std::optional<Whole> truncate(double d) noexcept {
  if (!(d >= -0x1p63) || !(d < 0x1p64)) return std::nullopt;
  if (d < 0) {
    const auto i = static_cast<std::int64_t>(d);
    return Whole{i < 0, static_cast<std::uint64_t>(i)};
  }
  return Whole{false, static_cast<std::uint64_t>(d)};
}

template <class T>
std::optional<T> parse_number(std::string_view text, std::errc& ec) noexcept {
  T out{};
  if (text.size() > 1 && text.front() == '+' && text[1] != '-') text.remove_prefix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  ec = error;
  if (end != text.data() + text.size()) ec = std::errc::invalid_argument;
  return ec == std::errc{} ? std::optional<T>(out) : std::nullopt;
}

/// Text as a float of type T: overflow becomes an error, underflow 0 or the nearest denormal.
template <class T>
Result<Value> parse_float(const Value& v, TypeId to) {
  std::errc ec{};
  const auto parsed = parse_number<T>(trimmed(v.as_bytes()), ec);
  if (parsed) return Value::of_float(to, static_cast<double>(*parsed));
  if (ec != std::errc::result_out_of_range) return mismatch(v, to);
  const double wide = std::strtod(v.as_bytes().c_str(), nullptr);
  const T narrow = static_cast<T>(wide);
  if (std::abs(wide) < 1) return Value::of_float(to, static_cast<double>(narrow));
  return beyond(v, to);
}

Result<Value> parse_integer(const Value& v, TypeId to) {
  const std::string_view text = trimmed(v.as_bytes());
  std::errc ec{};
  std::optional<Whole> whole;
  if (text.starts_with('-')) {
    if (const auto i = parse_number<std::int64_t>(text, ec)) {
      whole = Whole{*i < 0, static_cast<std::uint64_t>(*i)};
    }
  } else if (const auto u = parse_number<std::uint64_t>(text, ec)) {
    whole = Whole{false, *u};
  }
  if (!whole) return ec == std::errc::result_out_of_range ? beyond(v, to) : mismatch(v, to);
  if (!whole->fits(to)) return beyond(v, to);
  return whole->as(to);
}

Result<Value> parse_bool(const Value& v) {
  std::string text(trimmed(v.as_bytes()));
  for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  if (text == "true" || text == "t" || text == "1") return Value(true);
  if (text == "false" || text == "f" || text == "0") return Value(false);
  return mismatch(v, TypeId::boolean);
}

/// "\x" and pairs of hexadecimal digits, or any other text as its bytes.
Result<Value> text_to_binary(const Value& v) {
  const std::string& text = v.as_bytes();
  if (!text.starts_with("\\x")) return Value(Binary{text});
  if (text.size() % 2 != 0) return mismatch(v, TypeId::binary);
  std::string bytes;
  for (std::size_t i = 2; i < text.size(); i += 2) {
    unsigned byte = 0;
    const char* end = text.data() + i + 2;
    const auto r = std::from_chars(text.data() + i, end, byte, 16);
    if (r.ec != std::errc{} || r.ptr != end) return mismatch(v, TypeId::binary);
    bytes.push_back(static_cast<char>(byte));
  }
  return Value(Binary{std::move(bytes)});
}

Result<Value> date_to_timestamp(const Value& v) {
  std::int64_t us = 0;
  if (__builtin_mul_overflow(v.as_signed(), kDayUs, &us)) return beyond(v, TypeId::timestamp);
  return Value(Timestamp{us});
}

Value timestamp_to_date(const Value& v) {
  std::int64_t days = v.as_signed() / kDayUs;
  if (v.as_signed() % kDayUs < 0) --days;
  return Value(Date{static_cast<std::int32_t>(days)});  // i64 microseconds are fewer than 2^27 days
}

Result<Value> cast_text(const Value& v, TypeId to) {
  if (to == TypeId::boolean) return parse_bool(v);
  if (to == TypeId::f32) return parse_float<float>(v, to);
  if (to == TypeId::f64) return parse_float<double>(v, to);
  if (to == TypeId::binary) return text_to_binary(v);
  if (to == TypeId::timestamp) {
    FIRN_ASSIGN(const std::int64_t us, parse_timestamp(trimmed(v.as_bytes())));
    return Value(Timestamp{us});
  }
  if (to == TypeId::date) {
    FIRN_ASSIGN(const std::int32_t days, parse_date(trimmed(v.as_bytes())));
    return Value(Date{days});
  }
  return parse_integer(v, to);
}

Result<Value> cast_to_integer_like(const Value& v, TypeId to) {
  std::optional<Whole> whole;
  if (is_float(v.type())) {
    whole = truncate(v.as_double());
  } else {
    whole = Whole::of(v);
  }
  if (!whole || !whole->fits(to)) return beyond(v, to);
  return whole->as(to);
}

Result<Value> cast_to_float(const Value& v, TypeId to) {
  if (is_float(v.type())) {
    const double d = v.as_double();
    if (to == TypeId::f64) return Value::of_float(to, d);
    const auto f = static_cast<float>(d);
    if (std::isinf(f) && !std::isinf(d)) return beyond(v, to);
    return Value::of_float(to, static_cast<double>(f));
  }
  const Whole whole = Whole::of(v);
  if (to == TypeId::f64) return Value::of_float(to, whole.as_double());
  // Straight from the integer: by way of a double it would be rounded twice.
  const float f = whole.negative ? static_cast<float>(static_cast<std::int64_t>(whole.bits))
                                 : static_cast<float>(whole.bits);
  return Value::of_float(to, static_cast<double>(f));
}

Result<Value> cast_to_bool(const Value& v) {
  if (is_float(v.type())) return Value(v.as_double() != 0);
  if (is_integer(v.type())) return Value(Whole::of(v).bits != 0);
  return mismatch(v, TypeId::boolean);
}

/// True if `d` is exactly the number; 2^64 is guarded because the way back would be undefined.
bool holds(double d, const Whole& whole) noexcept {
  const auto back = truncate(d);
  return back && back->negative == whole.negative && back->bits == whole.bits;
}

Result<Value> coerce_number(const Value& v, TypeId to) {
  Result<Value> out = v.cast(to);
  if (!out) return out;
  if (is_float(to) && is_integer(v.type()) && !holds(out->as_double(), Whole::of(v))) {
    return Error(ErrorCode::out_of_range, shown(v) + " would be rounded as " + std::string(name_of(to)) +
                                              "; cast it if that is meant");
  }
  if (is_float(v.type()) && is_integer(to) && v.as_double() != std::trunc(v.as_double())) {
    return Error(ErrorCode::type_mismatch, shown(v) + " is no whole number; cast it if rounding is meant");
  }
  return out;
}

}  // namespace

Result<Value> Value::cast(TypeId to) const {
  if (is_null()) return *this;
  if (type_ == to) return *this;
  if (to == TypeId::null || to == TypeId::invalid) return mismatch(*this, to);
  if (to == TypeId::utf8) return Value(to_string());
  if (type_ == TypeId::utf8) return cast_text(*this, to);
  if (type_ == TypeId::binary || to == TypeId::binary) return mismatch(*this, to);
  if (to == TypeId::boolean) return cast_to_bool(*this);
  if (to == TypeId::timestamp && type_ == TypeId::date) return date_to_timestamp(*this);
  if (to == TypeId::date && type_ == TypeId::timestamp) return timestamp_to_date(*this);
  if (is_temporal(to) && !is_integer(type_)) return mismatch(*this, to);
  if (is_float(to)) return cast_to_float(*this, to);
  return cast_to_integer_like(*this, to);
}

Result<Value> coerce(const Value& v, TypeId to) {
  if (v.type() == TypeId::utf8 && !is_utf8(v.as_bytes())) {
    return Error(ErrorCode::type_mismatch,
                 "text is not UTF-8; use a binary column and firn::Binary for raw bytes");
  }
  if (v.is_null() || v.type() == to) return v;
  if (v.type() == TypeId::utf8 && (is_temporal(to) || to == TypeId::binary)) return v.cast(to);
  if (v.type() == TypeId::date && to == TypeId::timestamp) return v.cast(to);
  if (is_numeric(v.type()) && is_numeric(to)) return coerce_number(v, to);
  return mismatch(v, to);
}

bool is_utf8(std::string_view bytes) noexcept { return simdjson::validate_utf8(bytes.data(), bytes.size()); }

}  // namespace firn
