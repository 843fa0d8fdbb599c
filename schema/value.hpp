// One value of any column type, or NULL. Used at the edges (literals, keys, rows, data frame cells); never in loops
// over columns.
#pragma once
#include <iosfwd>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "schema/result.hpp"
#include "schema/types.hpp"

namespace firn {

/// Bytes that are not text: what a `binary` column holds.
struct Binary {
  std::string bytes;
  auto operator<=>(const Binary&) const = default;
};

class Value {
 public:
  Value() = default;        ///< NULL
  Value(std::nullptr_t) {}  // NOLINT(google-explicit-constructor): Value{nullptr} is NULL, as the rest below
  // NOLINTBEGIN(google-explicit-constructor)
  Value(bool v) : v_(v), type_(TypeId::boolean) {}
  Value(std::int8_t v) : v_(std::int64_t{v}), type_(TypeId::i8) {}
  Value(std::int16_t v) : v_(std::int64_t{v}), type_(TypeId::i16) {}
  Value(std::int32_t v) : v_(std::int64_t{v}), type_(TypeId::i32) {}
  Value(long v) : v_(std::int64_t{v}), type_(TypeId::i64) {}
  Value(long long v) : v_(std::int64_t{v}), type_(TypeId::i64) {}
  Value(std::uint8_t v) : v_(std::uint64_t{v}), type_(TypeId::u8) {}
  Value(std::uint16_t v) : v_(std::uint64_t{v}), type_(TypeId::u16) {}
  Value(std::uint32_t v) : v_(std::uint64_t{v}), type_(TypeId::u32) {}
  Value(unsigned long v) : v_(std::uint64_t{v}), type_(TypeId::u64) {}
  Value(unsigned long long v) : v_(std::uint64_t{v}), type_(TypeId::u64) {}
  Value(float v) : v_(static_cast<double>(v)), type_(TypeId::f32) {}
  Value(double v) : v_(v), type_(TypeId::f64) {}
  Value(std::string v) : v_(std::move(v)), type_(TypeId::utf8) {}
  Value(std::string_view v) : v_(std::string(v)), type_(TypeId::utf8) {}
  Value(const char* v) : v_(std::string(v)), type_(TypeId::utf8) {}
  Value(Binary v) : v_(std::move(v.bytes)), type_(TypeId::binary) {}
  Value(Timestamp v) : v_(v.us), type_(TypeId::timestamp) {}
  Value(Date v) : v_(std::int64_t{v.days}), type_(TypeId::date) {}
  // NOLINTEND(google-explicit-constructor)
  /// An integer-like value (i*, timestamp, date) of the given type; no range check.
  static Value of_signed(TypeId type, std::int64_t v) {
    Value r;
    r.v_ = v;
    r.type_ = type;
    return r;
  }
  /// A u* value of the given type; no range check.
  static Value of_unsigned(TypeId type, std::uint64_t v) {
    Value r;
    r.v_ = v;
    r.type_ = type;
    return r;
  }
  static Value of_float(TypeId type, double v) {
    Value r;
    r.v_ = v;
    r.type_ = type;
    return r;
  }
  static Value of_bytes(TypeId type, std::string v) {
    Value r;
    r.v_ = std::move(v);
    r.type_ = type;
    return r;
  }

  bool is_null() const noexcept { return v_.index() == 0; }
  /// TypeId::null for NULL.
  TypeId type() const noexcept { return type_; }

  // Each requires the matching storage: see type(). Signed: i8..i64, timestamp, date. Unsigned: u8..u64.
  bool as_bool() const { return std::get<bool>(v_); }
  std::int64_t as_signed() const { return std::get<std::int64_t>(v_); }
  std::uint64_t as_unsigned() const { return std::get<std::uint64_t>(v_); }
  double as_double() const { return std::get<double>(v_); }
  const std::string& as_bytes() const { return std::get<std::string>(v_); }

  // Conversions at the edge, for readers of results: throw Error{type_mismatch} on NULL or where no sense exists.
  std::int64_t to_i64() const;  ///< any integer, bool, timestamp (us), date (days); floats truncate
  std::uint64_t to_u64() const;
  double to_f64() const;          ///< any number
  std::string to_string() const;  ///< as in CSV, without quotes; NULL is ""

  /// Casts with the rules of SQL CAST; text is parsed. Error{type_mismatch} or {out_of_range}.
  Result<Value> cast(TypeId to) const;

  /// Same type and same value; NULL equals NULL (a container's equality, not SQL's). NaN equals NaN, -0 equals 0.
  bool operator==(const Value& o) const;
  /// Total order within one type: NULL first, NaN last, bytes unsigned. Different types order by TypeId.
  std::weak_ordering operator<=>(const Value& o) const;

 private:
  std::variant<std::monostate, bool, std::int64_t, std::uint64_t, double, std::string> v_;
  TypeId type_ = TypeId::null;
};

std::ostream& operator<<(std::ostream& out, const Value& v);

/// The values of a primary key, in key order.
using Key = std::vector<Value>;

// Text forms, shared by CSV, JSON, the shell and CAST.

/// Shortest decimal text that reads back as the same double ("1e300", "0.1", "nan", "inf").
std::string format_double(double v);
std::string format_float(float v);
/// "2001-01-01T00:00:00.000000Z"; years outside 0000..9999 get more digits or a sign.
std::string format_timestamp(std::int64_t us);
/// "2001-01-01".
std::string format_date(std::int32_t days);
/// "2001-01-01", "2001-01-01 00:00[:00[.ffffff]]", with T for the blank, Z or +hh:mm at the end; or a whole number:
/// |t| < 1e11 seconds, < 1e14 milliseconds, else microseconds. Result in microseconds.
Result<std::int64_t> parse_timestamp(std::string_view text);
/// "2001-01-01"; a timestamp text is refused unless its time is 00:00:00.
Result<std::int32_t> parse_date(std::string_view text);
/// "10s 5m 1h 7d 2w", also us, ms; a compound "1h30m" adds up. Result in microseconds.
Result<std::int64_t> parse_duration(std::string_view text);
/// Number as a time (seconds, milliseconds or microseconds by size), in microseconds.
std::int64_t time_from_number(std::int64_t t) noexcept;
/// Days since 1970 of a civil date, and back (proleptic Gregorian; H. Hinnant's algorithms).
std::int32_t days_from_civil(std::int64_t year, unsigned month, unsigned day) noexcept;
struct CivilDate {
  std::int64_t year;
  unsigned month, day;
};
CivilDate civil_from_days(std::int32_t days) noexcept;

}  // namespace firn
