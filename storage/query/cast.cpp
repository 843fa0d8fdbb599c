// CAST and the conversions that operators imply. Text is parsed and printed as everywhere else
// (schema/value.hpp).
#include <cmath>

#include "storage/query/kernel_loops.hpp"
#include "storage/query/node_builder.hpp"

namespace firn::storage::query {
namespace {

constexpr std::int64_t kUsPerDay = 86'400'000'000;

struct Range {
  std::int64_t min;
  std::uint64_t max;
};

Range range_of(TypeId t) {
  switch (t) {
    case TypeId::i8:
      return {INT8_MIN, INT8_MAX};
    case TypeId::i16:
      return {INT16_MIN, INT16_MAX};
    case TypeId::i32:
    case TypeId::date:
      return {INT32_MIN, INT32_MAX};
    case TypeId::u8:
      return {0, UINT8_MAX};
    case TypeId::u16:
      return {0, UINT16_MAX};
    case TypeId::u32:
      return {0, UINT32_MAX};
    case TypeId::u64:
      return {0, UINT64_MAX};
    default:
      return {INT64_MIN, INT64_MAX};
  }
}

bool in_range(std::int64_t v, const Range& r) {
  return v >= r.min && (v < 0 || static_cast<std::uint64_t>(v) <= r.max);
}
bool in_range(std::uint64_t v, const Range& r) { return v <= r.max; }
bool in_range(double v, const Range& r) {
  // Truncated first; the limits 2^63 and 2^64 are exact as doubles.
  const double t = std::trunc(v);
  return t >= static_cast<double>(r.min) &&
         (r.max >= INT64_MAX ? t < static_cast<double>(r.max) : t <= static_cast<double>(r.max));
}

Error does_not_fit(const Node& node, const std::string& value) {
  return error_at(node, ErrorCode::out_of_range,
                  value + " does not fit into " + std::string(name_of(node.type)));
}

template <class To, class From>
Result<Vector> to_integer(const Node& node, std::span<const Vector> args, std::size_t rows) {
  const Range range = range_of(node.type);
  const Vector& a = args[0];
  NewVector<To> out(lane_of(node.type), rows);
  null_where_any_is(out, args);
  const From* in = a.as<From>();
  for (std::size_t i = 0; i < rows; ++i) {
    const From v = in[a.constant ? 0 : i];
    out.data[i] = 0;
    if (in_range(v, range)) {
      out.data[i] = static_cast<To>(v);
    } else if (!a.is_null(i)) {
      return does_not_fit(node, Value(v).to_string());
    }
  }
  return out.v;
}

/// Between lanes where every value fits.
template <class To, class From>
Result<Vector> widened(const Node& node, std::span<const Vector> args, std::size_t rows) {
  return map_one<To, From>(lane_of(node.type), args, rows, [](From v) { return static_cast<To>(v); });
}

Result<Vector> rounded_to_f32(const Node&, std::span<const Vector> args, std::size_t rows) {
  return map_one<double, double>(Lane::f64, args, rows, [](double v) {
    if (std::fabs(v) > 3.4028235677973366e38 && !std::isinf(v)) return std::copysign(HUGE_VAL, v);
    return static_cast<double>(static_cast<float>(v));
  });
}

template <class From>
Result<Vector> to_boolean(const Node&, std::span<const Vector> args, std::size_t rows) {
  return map_one<std::uint8_t, From>(Lane::boolean, args, rows,
                                     [](From v) -> std::uint8_t { return v != From{}; });
}

Result<Vector> same(const Node&, std::span<const Vector> args, std::size_t) { return args[0]; }

Result<Vector> days_to_us(const Node& node, std::span<const Vector> args, std::size_t rows) {
  const bool saturate = node.parameter != 0;
  bool failed = false;
  const Vector& a = args[0];
  std::size_t i = 0;
  Vector v = map_one<std::int64_t, std::int64_t>(Lane::i64, args, rows, [&](std::int64_t days) {
    std::int64_t us = 0;
    if (__builtin_mul_overflow(days, kUsPerDay, &us)) {
      us = days < 0 ? INT64_MIN : INT64_MAX;
      failed |= !saturate && !a.is_null(i);
    }
    ++i;
    return us;
  });
  if (failed)
    return error_at(node, ErrorCode::out_of_range, "the date lies outside of what a timestamp can hold");
  return v;
}

Result<Vector> us_to_days(const Node&, std::span<const Vector> args, std::size_t rows) {
  return map_one<std::int64_t, std::int64_t>(Lane::i64, args, rows, [](std::int64_t us) {
    return us / kUsPerDay - static_cast<std::int64_t>(us % kUsPerDay < 0);
  });
}

template <class From>
Result<Vector> number_to_us(const Node& node, std::span<const Vector> args, std::size_t rows) {
  std::size_t i = 0;
  bool failed = false;
  Vector v = map_one<std::int64_t, From>(Lane::i64, args, rows, [&](From t) -> std::int64_t {
    const std::size_t row = i++;
    if constexpr (std::is_same_v<From, double>) {
      if (std::fabs(t) < 1e11) return std::llround(t * 1e6);
      if (std::fabs(t) < 1e14) return std::llround(t * 1e3);
    }
    if (!in_range(t, range_of(TypeId::i64))) {
      failed |= !args[0].is_null(row);
      return 0;
    }
    return time_from_number(static_cast<std::int64_t>(t));
  });
  if (failed)
    return error_at(node, ErrorCode::out_of_range, "the number lies outside of what a timestamp can hold");
  return v;
}

Result<Vector> parsed(const Node& node, std::span<const Vector> args, std::size_t rows) {
  ColumnBuilder out(node.type);
  for (std::size_t i = 0; i < rows; ++i) {
    if (args[0].is_null(i)) {
      out.append_null();
      continue;
    }
    const Value text{text_at(args[0], i)};
    auto v = text.cast(node.type);
    if (!v) return error_at(node, v.error().code(), v.error().message());
    if (auto appended = out.append(*v); !appended)
      return error_at(node, appended.error().code(), appended.error().message());
  }
  return flatten(load(out.finish(), Rows{0, rows, nullptr}));
}

Result<Vector> printed(const Node& node, std::span<const Vector> args, std::size_t rows) {
  const TypeId from = node.args[0]->type;
  StringsOut out(rows);
  for (std::size_t i = 0; i < rows; ++i) {
    if (args[0].is_null(i))
      out.end(false);
    else
      out.add(value_of(args[0], i, from).to_string());
  }
  return out.finish();
}

bool same_range_or_wider(TypeId from, TypeId to) {
  const Range f = range_of(from), t = range_of(to);
  return f.min >= t.min && f.max <= t.max;
}

template <class To>
NodePtr integer_cast(NodePtr a, TypeId to, Place place) {
  const Lane from = a->lane();
  if (from == Lane::boolean) return kernel_node(widened<To, std::uint8_t>, to, {a}, place);
  if (from == Lane::f64) return kernel_node(to_integer<To, double>, to, {a}, place, true);
  const bool safe = same_range_or_wider(a->type, to);
  if (from == Lane::u64)
    return safe ? kernel_node(widened<To, std::uint64_t>, to, {a}, place)
                : kernel_node(to_integer<To, std::uint64_t>, to, {a}, place, true);
  return safe ? kernel_node(widened<To, std::int64_t>, to, {a}, place)
              : kernel_node(to_integer<To, std::int64_t>, to, {a}, place, true);
}

NodePtr to_float(NodePtr a, TypeId to, Place place) {
  Kernel k = widened<double, std::uint8_t>;
  if (a->lane() == Lane::i64) k = widened<double, std::int64_t>;
  if (a->lane() == Lane::u64) k = widened<double, std::uint64_t>;
  if (a->lane() == Lane::f64) k = same;
  NodePtr wide = kernel_node(k, to == TypeId::f32 && a->lane() != Lane::f64 ? TypeId::f64 : to, {a}, place);
  return to == TypeId::f32 && a->type != TypeId::f32 ? kernel_node(rounded_to_f32, TypeId::f32, {wide}, place)
                                                     : wide;
}

NodePtr to_bool(NodePtr a, Place place) {
  Kernel k = to_boolean<std::int64_t>;
  if (a->lane() == Lane::u64) k = to_boolean<std::uint64_t>;
  if (a->lane() == Lane::f64) k = to_boolean<double>;
  return kernel_node(k, TypeId::boolean, {a}, place);
}

Error no_cast(const NodePtr& a, TypeId to, Place place) {
  return place.error(ErrorCode::type_mismatch,
                     std::string(name_of(a->type)) + " cannot be cast to " + std::string(name_of(to)));
}

Result<NodePtr> temporal_cast(NodePtr a, TypeId to, Place place) {
  if (to == TypeId::timestamp && a->type == TypeId::date) return date_to_timestamp(a, place, false);
  if (to == TypeId::timestamp && is_numeric(a->type)) return number_to_timestamp(a, place);
  if (to == TypeId::date && a->type == TypeId::timestamp) return kernel_node(us_to_days, to, {a}, place);
  if (to == TypeId::date && is_integer(a->type)) return integer_cast<std::int64_t>(a, to, place);
  return no_cast(a, to, place);
}

}  // namespace

NodePtr date_to_timestamp(NodePtr a, Place place, bool saturate) {
  return kernel_node(days_to_us, TypeId::timestamp, {a}, place, !saturate, saturate);
}

bool is_date_to_timestamp(const Node& node) { return node.kernel == days_to_us; }

NodePtr number_to_timestamp(NodePtr a, Place place) {
  Kernel k = number_to_us<double>;
  if (a->lane() == Lane::i64) k = number_to_us<std::int64_t>;
  if (a->lane() == Lane::u64) k = number_to_us<std::uint64_t>;
  return kernel_node(k, TypeId::timestamp, {a}, place, true);
}

Result<NodePtr> make_cast(NodePtr a, TypeId to, Place place) {
  if (a->type == to) return a;
  if (a->type == TypeId::null || a->is_null_constant()) return null_node(to, place);
  if (is_variable(to)) {
    if (is_variable(a->type)) return kernel_node(same, to, {a}, place);
    return kernel_node(printed, to, {a}, place);
  }
  if (a->type == TypeId::utf8) {
    NodePtr n = kernel_node(parsed, to, {a}, place, true);
    return n;
  }
  if (a->type == TypeId::binary) return no_cast(a, to, place);
  if (is_temporal(to)) return temporal_cast(a, to, place);
  if (is_temporal(a->type) && !is_integer(to) && !is_float(to)) return no_cast(a, to, place);
  if (to == TypeId::boolean) return to_bool(a, place);
  if (is_float(to)) return to_float(a, to, place);
  return lane_of(to) == Lane::u64 ? integer_cast<std::uint64_t>(a, to, place)
                                  : integer_cast<std::int64_t>(a, to, place);
}

}  // namespace firn::storage::query
