#include "storage/cold/column_stats.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#define XXH_INLINE_ALL
#include <xxhash.h>

namespace firn::storage::cold {
namespace {

constexpr double kExactIntegerMax = 9'007'199'254'740'992.0;  // 2^53

/// Linear counting (Whang et al. 1990) over 2^17 bits: a few per cent for a row group of 65,536.
class DistinctSketch {
 public:
  void add(std::uint64_t hash) { bits_[(hash >> 6) & 2047] |= std::uint64_t{1} << (hash & 63); }
  std::uint64_t estimate(std::uint64_t rows) const {
    std::uint64_t set = 0;
    for (const std::uint64_t w : bits_) set += static_cast<std::uint64_t>(std::popcount(w));
    if (set == bits_.size() * 64) return rows;
    const double e = -kBits * std::log1p(-static_cast<double>(set) / kBits);
    return std::clamp<std::uint64_t>(static_cast<std::uint64_t>(std::llround(e)), 1, rows);
  }

 private:
  static constexpr double kBits = 2048.0 * 64;
  std::vector<std::uint64_t> bits_ = std::vector<std::uint64_t>(2048);
};

/// Neumaier's sum: the error does not grow with the number of terms.
class Sum {
 public:
  void add(double v) {
    const double t = sum_ + v;
    rest_ += std::abs(sum_) >= std::abs(v) ? (sum_ - t) + v : (v - t) + sum_;
    sum_ = t;
  }
  double value() const { return sum_ + rest_; }

 private:
  double sum_ = 0, rest_ = 0;
};

double number_of(TypeId type, std::uint64_t v) {
  switch (type) {
    case TypeId::f64:
      return std::bit_cast<double>(v);
    case TypeId::f32:
      return static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(v)));
    case TypeId::u64:
      return static_cast<double>(v);
    default:
      return static_cast<double>(static_cast<std::int64_t>(v));
  }
}

/// Order of values in integer form as that of Value: NaN last, -0 equals 0.
bool less(TypeId type, std::uint64_t a, std::uint64_t b) {
  if (is_float(type)) {
    const double x = number_of(type, a), y = number_of(type, b);
    return std::isnan(y) ? !std::isnan(x) : x < y;
  }
  if (type == TypeId::u64) return a < b;
  return static_cast<std::int64_t>(a) < static_cast<std::int64_t>(b);
}

/// A bound above all strings that begin with s cut to kStatBytesMax; "" if there is none.
std::string raised(std::string_view s) {
  std::string r(s.substr(0, kStatBytesMax));
  while (!r.empty() && static_cast<unsigned char>(r.back()) == 0xFF) r.pop_back();
  if (!r.empty()) r.back() = static_cast<char>(static_cast<unsigned char>(r.back()) + 1);
  return r;
}

}  // namespace

Value value_of(TypeId type, std::uint64_t v) {
  if (type == TypeId::boolean) return Value((v & 1) != 0);
  if (is_float(type)) return Value::of_float(type, number_of(type, v));
  if (is_unsigned_integer(type)) return Value::of_unsigned(type, v);
  return Value::of_signed(type, static_cast<std::int64_t>(v));
}

ColumnStats stats_of(const Column& c, Ints v) {
  ColumnStats s;
  s.nulls = static_cast<std::uint64_t>(c.null_count);
  if (s.nulls == v.size()) return s;
  DistinctSketch distinct;
  Sum sum;
  std::uint64_t min = 0, max = 0;
  bool any = false;
  for (std::size_t i = 0; i < v.size(); ++i) {
    if (c.null_count != 0 && c.is_null(i)) continue;
    if (!any || less(c.type, v[i], min)) min = v[i];
    if (!any || less(c.type, max, v[i])) max = v[i];
    any = true;
    distinct.add(v[i] * 0x9E37'79B9'7F4A'7C15ULL >> 40);
    sum.add(number_of(c.type, v[i]));
  }
  s.min = value_of(c.type, min);
  s.max = value_of(c.type, max);
  s.distinct = distinct.estimate(v.size() - s.nulls);
  // A sum that may have been rounded is no sum of integers.
  const double most = std::max(std::abs(number_of(c.type, min)), std::abs(number_of(c.type, max)));
  const bool exact = most * static_cast<double>(v.size()) <= kExactIntegerMax;
  if (is_float(c.type) || (is_integer(c.type) && exact)) s.sum = sum.value();
  return s;
}

ColumnStats stats_of(const Column& c, Strings v) {
  ColumnStats s;
  s.nulls = static_cast<std::uint64_t>(c.null_count);
  if (s.nulls == v.size()) return s;
  DistinctSketch distinct;
  std::string_view min, max;
  bool any = false;
  for (std::size_t i = 0; i < v.size(); ++i) {
    if (c.null_count != 0 && c.is_null(i)) continue;
    if (!any || v[i] < min) min = v[i];
    if (!any || v[i] > max) max = v[i];
    any = true;
    distinct.add(XXH3_64bits(v[i].data(), v[i].size()));
  }
  s.distinct = distinct.estimate(v.size() - s.nulls);
  s.exact = min.size() <= kStatBytesMax && max.size() <= kStatBytesMax;
  s.min = Value::of_bytes(c.type, std::string(min.substr(0, kStatBytesMax)));
  s.max = Value::of_bytes(c.type, max.size() <= kStatBytesMax ? std::string(max) : raised(max));
  if (max.size() > kStatBytesMax && s.max.as_bytes().empty()) s.min = s.max = Value();  // no bound: unknown
  return s;
}

std::string stat_bytes(const Value& v) {
  if (v.is_null()) return {};
  ByteString out;
  if (is_variable(v.type())) return v.as_bytes();
  if (v.type() == TypeId::boolean)
    put(out, std::uint64_t{v.as_bool() ? 1U : 0U});
  else if (is_float(v.type()))
    put(out, v.as_double());
  else if (is_unsigned_integer(v.type()))
    put(out, v.as_unsigned());
  else
    put(out, v.as_signed());
  return out;
}

Value stat_value(TypeId type, std::string_view bytes) {
  if (is_variable(type)) return Value::of_bytes(type, std::string(bytes));
  if (bytes.size() != 8) return {};
  const auto v = load<std::uint64_t>(reinterpret_cast<const std::uint8_t*>(bytes.data()));  // NOLINT
  if (is_float(type)) return Value::of_float(type, std::bit_cast<double>(v));
  return value_of(type, v);
}

}  // namespace firn::storage::cold
