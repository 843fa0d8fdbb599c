// Functions on numbers. Where mathematics has no answer (ln of 0, root of -1) the result is NULL, as division
// by zero's.
#include <cmath>

#include "storage/query/functions.hpp"
#include "storage/query/kernel_loops.hpp"

namespace firn::storage::query {
namespace {

using Args = std::span<const Vector>;

template <double (*f)(double)>
Result<Vector> rounding(const Node&, Args args, std::size_t rows) {
  return map_one<double, double>(Lane::f64, args, rows, [](double x) { return f(x); });
}

Result<Vector> square_root(const Node&, Args args, std::size_t rows) {
  return map_one_or_null<double, double>(Lane::f64, args, rows, [](double x, double& out) {
    out = std::sqrt(x);
    return !(x < 0);
  });
}

template <double (*f)(double)>
Result<Vector> logarithm(const Node&, Args args, std::size_t rows) {
  return map_one_or_null<double, double>(Lane::f64, args, rows, [](double x, double& out) {
    if (x <= 0) return false;
    out = f(x);
    return true;
  });
}

Result<Vector> exponential(const Node&, Args args, std::size_t rows) {
  return map_one<double, double>(Lane::f64, args, rows, [](double x) { return std::exp(x); });
}

Result<Vector> power(const Node&, Args args, std::size_t rows) {
  return map_two_or_null<double, double, double>(Lane::f64, args, rows, [](double x, double y, double& out) {
    out = std::pow(x, y);
    return !std::isnan(out) || std::isnan(x) || std::isnan(y);
  });
}

double round_half_away(double x) { return std::round(x); }

/// round(x, n): n digits after the point, before it if negative.
Result<Vector> round_digits(const Node&, Args args, std::size_t rows) {
  return map_two<double, double, std::int64_t>(Lane::f64, args, rows, [](double x, std::int64_t n) {
    if (!std::isfinite(x) || n > 300) return x;
    if (n < -300) return 0.0;
    const double scale = std::pow(10.0, static_cast<double>(std::abs(n)));
    if (n < 0) return std::round(x / scale) * scale;
    const double scaled = x * scale;
    return std::fabs(scaled) < 0x1p52 ? std::round(scaled) / scale : x;  // beyond, x has no such digits
  });
}

Result<Vector> round_integer(const Node& node, Args args, std::size_t rows) {
  bool failed = false;
  Vector v = map_two<std::int64_t, std::int64_t, std::int64_t>(
      Lane::i64, args, rows, [&](std::int64_t x, std::int64_t n) {
        if (n >= 0) return x;
        if (n < -19) return std::int64_t{0};
        __extension__ using Wide = __int128;
        Wide scale = 1;
        for (std::int64_t k = n; k < 0; ++k) scale *= 10;
        const Wide half = x < 0 ? -scale / 2 : scale / 2;
        const Wide rounded = (x + half) / scale * scale;
        failed |= rounded > INT64_MAX || rounded < INT64_MIN;
        return static_cast<std::int64_t>(failed ? 0 : rounded);
      });
  if (failed) return error_at(node, ErrorCode::out_of_range, "the rounded value does not fit into i64");
  return v;
}

Result<Vector> absolute(const Node& node, Args args, std::size_t rows) {
  bool failed = false;
  Vector v = map_one<std::int64_t, std::int64_t>(Lane::i64, args, rows, [&](std::int64_t x) {
    if (x != INT64_MIN) return x < 0 ? -x : x;
    failed = true;
    return x;
  });
  if (failed) return error_at(node, ErrorCode::out_of_range, "the absolute value does not fit into i64");
  return v;
}

Result<Vector> absolute_float(const Node&, Args args, std::size_t rows) {
  return map_one<double, double>(Lane::f64, args, rows, [](double x) { return std::fabs(x); });
}

template <class T>
Result<Vector> sign(const Node&, Args args, std::size_t rows) {
  return map_one<std::int64_t, T>(Lane::i64, args, rows,
                                  [](T x) -> std::int64_t { return (x > T{0}) - (x < T{0}); });
}

template <class T>
bool below(T a, T b) {
  if constexpr (std::is_same_v<T, double>) {
    if (std::isnan(a)) return false;
    if (std::isnan(b)) return true;
  }
  return a < b;
}

template <class T>
Result<Vector> extreme(const Node& node, Args args, std::size_t rows) {
  const bool greatest = node.parameter != 0;
  return map_two<T, T, T>(lane_of(node.type), args, rows,
                          [greatest](T a, T b) { return below(a, b) == greatest ? b : a; });
}

/// The strings stay where they are: the result must keep both arguments' bytes.
Result<Vector> extreme_text(const Node& node, Args args, std::size_t rows) {
  FIRN_ASSIGN(Vector v, extreme<std::string_view>(node, args, rows));
  v.bytes_owner = std::make_shared<std::pair<Vector, Vector>>(args[0], args[1]);
  return v;
}

bool is_number(const NodePtr& a) { return is_numeric(a->type) || a->type == TypeId::null; }

Error needs_number(const std::string& name, const NodePtr& a, Place place) {
  return place.error(ErrorCode::type_mismatch,
                     name + "() needs a number, not " + std::string(name_of(a->type)));
}

}  // namespace

Result<NodePtr> make_abs(NodePtr a, Place place) {
  if (!is_number(a)) return needs_number("abs", a, place);
  if (a->type == TypeId::null) return null_node(TypeId::i64, place);
  if (a->lane() == Lane::u64) return a;
  if (a->lane() == Lane::f64) return kernel_node(absolute_float, TypeId::f64, {a}, place);
  return kernel_node(absolute, TypeId::i64, {a}, place, true);
}

Result<NodePtr> make_sign(NodePtr a, Place place) {
  if (!is_number(a)) return needs_number("sign", a, place);
  Kernel k = sign<std::int64_t>;
  if (a->lane() == Lane::u64) k = sign<std::uint64_t>;
  if (a->lane() == Lane::f64) k = sign<double>;
  if (a->type == TypeId::null) return null_node(TypeId::i64, place);
  return kernel_node(k, TypeId::i64, {a}, place);
}

Result<NodePtr> make_round(const std::string& name, std::vector<NodePtr> args, Place place) {
  if (!is_number(args[0])) return needs_number(name, args[0], place);
  if (args[0]->type == TypeId::null) return null_node(TypeId::f64, place);
  if (is_integer(args[0]->type)) {
    if (args.size() == 1) return args[0];
    FIRN_ASSIGN(args[0], make_cast(args[0], TypeId::i64, place));
    FIRN_ASSIGN(args[1], convert_argument(args[1], ArgKind::integer, name, place));
    return kernel_node(round_integer, TypeId::i64, std::move(args), place, true);
  }
  FIRN_ASSIGN(args[0], make_cast(args[0], TypeId::f64, place));
  if (args.size() == 2) {
    FIRN_ASSIGN(args[1], convert_argument(args[1], ArgKind::integer, name, place));
    return kernel_node(round_digits, TypeId::f64, std::move(args), place);
  }
  Kernel k = rounding<round_half_away>;
  if (name == "ceil" || name == "ceiling") k = rounding<std::ceil>;
  if (name == "floor") k = rounding<std::floor>;
  return kernel_node(k, TypeId::f64, std::move(args), place);
}

Result<NodePtr> make_extreme(bool greatest, std::vector<NodePtr> args, Place place) {
  std::vector<NodePtr*> all;
  for (NodePtr& a : args) all.push_back(&a);
  FIRN_ASSIGN(const TypeId type, unify(all, place));
  Kernel k = extreme<std::uint8_t>;
  if (lane_of(type) == Lane::i64) k = extreme<std::int64_t>;
  if (lane_of(type) == Lane::u64) k = extreme<std::uint64_t>;
  if (lane_of(type) == Lane::f64) k = extreme<double>;
  if (lane_of(type) == Lane::bytes) k = extreme_text;
  NodePtr result = args[0];
  for (std::size_t i = 1; i < args.size(); ++i)
    result = kernel_node(k, type, {result, args[i]}, place, false, greatest);
  return result;
}

std::span<const FunctionEntry> math_functions() {
  using A = ArgKind;
  static const FunctionEntry entries[] = {
      {"sqrt", 1, 1, {A::number}, TypeId::f64, square_root},
      {"ln", 1, 1, {A::number}, TypeId::f64, logarithm<std::log>},
      {"log10", 1, 1, {A::number}, TypeId::f64, logarithm<std::log10>},
      {"log2", 1, 1, {A::number}, TypeId::f64, logarithm<std::log2>},
      {"exp", 1, 1, {A::number}, TypeId::f64, exponential},
      {"power", 2, 2, {A::number, A::number}, TypeId::f64, power},
      {"pow", 2, 2, {A::number, A::number}, TypeId::f64, power},
  };
  return entries;
}

}  // namespace firn::storage::query
