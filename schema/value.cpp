#include "schema/value.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <ostream>

namespace firn {
namespace {

constexpr int kFixedExponentMax =
    15;  // 1e15 is the last power of ten below 2^53: whole numbers stay plain until then
constexpr int kFixedExponentMin = -5;

/// Shortest digits that read back, laid out as people write them: 0.00001, 100000, 1e300.
template <class T>
std::string format_shortest(T v) {
  if (std::isnan(v)) return "nan";
  if (std::isinf(v)) return v < 0 ? "-inf" : "inf";
  std::array<char, 40> buffer{};
  const auto end =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), v, std::chars_format::scientific);
  const std::string_view text(buffer.data(), static_cast<std::size_t>(end.ptr - buffer.data()));
  const std::size_t e = text.find('e');
  std::string_view mantissa = text.substr(0, e);
  int exponent = 0;
  const std::size_t digits_of_exponent = e + (text[e + 1] == '+' ? 2 : 1);
  std::from_chars(text.data() + digits_of_exponent, text.data() + text.size(), exponent);
  std::string out;
  if (mantissa.front() == '-') out = "-", mantissa.remove_prefix(1);
  if (exponent < kFixedExponentMin || exponent > kFixedExponentMax) {
    return out.append(mantissa).append("e").append(std::to_string(exponent));
  }
  std::string digits(1, mantissa.front());
  if (mantissa.size() > 2) digits.append(mantissa.substr(2));
  if (exponent < 0)
    return out.append("0.").append(static_cast<std::size_t>(-exponent - 1), '0').append(digits);
  const std::size_t whole = static_cast<std::size_t>(exponent) + 1;
  if (digits.size() <= whole) return out.append(digits).append(whole - digits.size(), '0');
  return out.append(digits, 0, whole).append(".").append(digits, whole);
}

std::string format_binary(std::string_view bytes) {
  static constexpr std::string_view kHex = "0123456789abcdef";
  std::string out = "\\x";
  out.reserve(2 + 2 * bytes.size());
  for (const char c : bytes) {
    const auto b = static_cast<unsigned char>(c);
    out += kHex[b >> 4];
    out += kHex[b & 15];
  }
  return out;
}

[[noreturn]] void no_conversion(const Value& v, std::string_view to) {
  throw Error(ErrorCode::type_mismatch, v.is_null() ? "NULL is no " + std::string(to)
                                                    : "a value of type " + std::string(name_of(v.type())) +
                                                          " is no " + std::string(to));
}

std::weak_ordering compare_doubles(double a, double b) noexcept {
  if (a < b) return std::weak_ordering::less;
  if (a > b) return std::weak_ordering::greater;
  return std::isnan(a) <=> std::isnan(b);
}

}  // namespace

std::string format_double(double v) { return format_shortest(v); }
std::string format_float(float v) { return format_shortest(v); }

std::int64_t Value::to_i64() const {
  if (is_null() || is_variable(type_)) no_conversion(*this, "integer");
  return cast(TypeId::i64).value().as_signed();
}

std::uint64_t Value::to_u64() const {
  if (is_null() || is_variable(type_)) no_conversion(*this, "integer");
  return cast(TypeId::u64).value().as_unsigned();
}

double Value::to_f64() const {
  if (is_null() || is_variable(type_)) no_conversion(*this, "number");
  return cast(TypeId::f64).value().as_double();
}

std::string Value::to_string() const {
  if (is_null()) return {};
  switch (type_) {
    case TypeId::boolean:
      return as_bool() ? "true" : "false";
    case TypeId::f32:
      return format_float(static_cast<float>(as_double()));
    case TypeId::f64:
      return format_double(as_double());
    case TypeId::utf8:
      return as_bytes();
    case TypeId::binary:
      return format_binary(as_bytes());
    case TypeId::timestamp:
      return format_timestamp(as_signed());
    case TypeId::date:
      return format_date(static_cast<std::int32_t>(as_signed()));
    default:
      return is_unsigned_integer(type_) ? std::to_string(as_unsigned()) : std::to_string(as_signed());
  }
}

bool Value::operator==(const Value& o) const { return std::is_eq(*this <=> o); }

std::weak_ordering Value::operator<=>(const Value& o) const {
  if (is_null() || o.is_null()) return !is_null() <=> !o.is_null();
  if (type_ != o.type_) return type_ <=> o.type_;
  switch (v_.index()) {
    case 1:
      return as_bool() <=> o.as_bool();
    case 2:
      return as_signed() <=> o.as_signed();
    case 3:
      return as_unsigned() <=> o.as_unsigned();
    case 4:
      return compare_doubles(as_double(), o.as_double());
    default:
      return as_bytes().compare(o.as_bytes()) <=> 0;  // char_traits compares as unsigned bytes
  }
}

std::ostream& operator<<(std::ostream& out, const Value& v) {
  if (v.is_null()) return out << "NULL";
  return out << v.to_string();
}

}  // namespace firn
