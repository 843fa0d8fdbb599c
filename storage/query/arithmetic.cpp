// + - * / % and unary minus: checked integers, IEEE floats, times.
#include <cmath>

#include "storage/query/kernel_loops.hpp"
#include "storage/query/node_builder.hpp"

namespace firn::storage::query {
namespace {

template <class T>
bool overflows(ExprOp op, T a, T b, T& out) {
  switch (op) {
    case ExprOp::add:
      return __builtin_add_overflow(a, b, &out);
    case ExprOp::subtract:
      return __builtin_sub_overflow(a, b, &out);
    default:
      return __builtin_mul_overflow(a, b, &out);
  }
}

/// + - * over one integer type. Rows that are NULL cannot overflow.
template <ExprOp op, class T>
Result<Vector> checked(const Node& node, std::span<const Vector> args, std::size_t rows) {
  NewVector<T> out(lane_of(node.type), rows);
  null_where_any_is(out, args);
  const T* a = args[0].as<T>();
  const T* b = args[1].as<T>();
  const std::size_t sa = args[0].constant ? 0 : 1, sb = args[1].constant ? 0 : 1;
  bool failed = false;
  if (out.v.valid) {
    for (std::size_t i = 0; i < rows; ++i)
      failed |= overflows<T>(op, a[i * sa], b[i * sb], out.data[i]) && out.v.valid[i];
  } else {
    for (std::size_t i = 0; i < rows; ++i) failed |= overflows<T>(op, a[i * sa], b[i * sb], out.data[i]);
  }
  if (failed)
    return error_at(
        node, ErrorCode::out_of_range,
        "the result does not fit into " + std::string(name_of(node.type)) + "; cast to f64 for more range");
  return out.v;
}

/// / and %: NULL for a zero divisor.
template <ExprOp op, class T>
Result<Vector> divided(const Node& node, std::span<const Vector> args, std::size_t rows) {
  bool failed = false;
  Vector v = map_two_or_null<T, T, T>(lane_of(node.type), args, rows, [&](T a, T b, T& out) {
    if (b == 0) return false;
    if constexpr (std::is_signed_v<T>) {
      if (b == -1) {  // the one quotient that overflows; the remainder is 0
        if constexpr (op == ExprOp::divide) failed |= __builtin_sub_overflow(T{0}, a, &out);
        return true;
      }
    }
    out = op == ExprOp::divide ? static_cast<T>(a / b) : static_cast<T>(a % b);
    return true;
  });
  if (failed)
    return error_at(node, ErrorCode::out_of_range,
                    "the quotient does not fit into " + std::string(name_of(node.type)));
  return v;
}

template <ExprOp op>
Result<Vector> floating(const Node&, std::span<const Vector> args, std::size_t rows) {
  if constexpr (op == ExprOp::divide || op == ExprOp::modulo) {
    return map_two_or_null<double, double, double>(Lane::f64, args, rows,
                                                   [](double a, double b, double& out) {
                                                     if (b == 0) return false;
                                                     out = op == ExprOp::divide ? a / b : std::fmod(a, b);
                                                     return true;
                                                   });
  } else {
    return map_two<double, double, double>(Lane::f64, args, rows, [](double a, double b) {
      if constexpr (op == ExprOp::add) return a + b;
      if constexpr (op == ExprOp::subtract) return a - b;
      return a * b;
    });
  }
}

/// Integers of which one is u64 and the other signed: exact, then checked against i64.
Result<Vector> mixed(const Node& node, std::span<const Vector> args, std::size_t rows) {
  __extension__ using Wide = __int128;
  const auto wide = [&](const Vector& v, std::size_t i) {
    const std::size_t k = v.constant ? 0 : i;
    return v.lane == Lane::u64 ? static_cast<Wide>(v.as<std::uint64_t>()[k])
                               : static_cast<Wide>(v.as<std::int64_t>()[k]);
  };
  const auto op = static_cast<ExprOp>(node.parameter);
  NewVector<std::int64_t> out(Lane::i64, rows);
  std::uint8_t* valid = out.with_nulls();
  for (std::size_t i = 0; i < rows; ++i) {
    out.data[i] = 0;
    valid[i] = !any_null(args, i);
    if (!valid[i]) continue;
    const Wide a = wide(args[0], i), b = wide(args[1], i);
    const bool divides = op == ExprOp::divide || op == ExprOp::modulo;
    if (divides && b == 0) {
      valid[i] = 0;
      continue;
    }
    Wide r = 0;
    switch (op) {
      case ExprOp::add:
        r = a + b;
        break;
      case ExprOp::subtract:
        r = a - b;
        break;
      case ExprOp::multiply:
        r = a * b;
        break;  // 64 x 65 bits: fits
      case ExprOp::divide:
        r = a / b;
        break;
      default:
        r = a % b;
        break;
    }
    if (r < INT64_MIN || r > INT64_MAX)
      return error_at(node, ErrorCode::out_of_range, "the result does not fit into i64");
    out.data[i] = static_cast<std::int64_t>(r);
  }
  return out.v;
}

template <class T>
Kernel kernel_for(ExprOp op) {
  switch (op) {
    case ExprOp::add:
      return checked<ExprOp::add, T>;
    case ExprOp::subtract:
      return checked<ExprOp::subtract, T>;
    case ExprOp::multiply:
      return checked<ExprOp::multiply, T>;
    case ExprOp::divide:
      return divided<ExprOp::divide, T>;
    default:
      return divided<ExprOp::modulo, T>;
  }
}

Kernel float_kernel_for(ExprOp op) {
  switch (op) {
    case ExprOp::add:
      return floating<ExprOp::add>;
    case ExprOp::subtract:
      return floating<ExprOp::subtract>;
    case ExprOp::multiply:
      return floating<ExprOp::multiply>;
    case ExprOp::divide:
      return floating<ExprOp::divide>;
    default:
      return floating<ExprOp::modulo>;
  }
}

const char* sign_of(ExprOp op) {
  switch (op) {
    case ExprOp::add:
      return "+";
    case ExprOp::subtract:
      return "-";
    case ExprOp::multiply:
      return "*";
    case ExprOp::divide:
      return "/";
    default:
      return "%";
  }
}

bool is_signed_lane(const NodePtr& n) { return n->lane() == Lane::i64; }

/// Text literals become numbers or times by what they meet; booleans become integers.
Result<void> prepare_operand(NodePtr& a, const NodePtr& other, Place place) {
  if (a->type == TypeId::boolean) {
    FIRN_ASSIGN(a, make_cast(a, TypeId::i64, place));
  } else if (a->type == TypeId::utf8 && a->is_constant() && !a->constant.is_null()) {
    NodePtr b = other;
    if (is_numeric(b->type) || is_temporal(b->type)) FIRN_TRY(meet(a, b, place));
  }
  return {};
}

/// + and - where times take part; empty if none does.
Result<NodePtr> make_time_arithmetic(ExprOp op, NodePtr a, NodePtr b, Place place) {
  const bool ta = is_temporal(a->type), tb = is_temporal(b->type);
  if (op == ExprOp::subtract && ta && tb) {
    if (a->type != b->type) {
      if (a->type == TypeId::date) a = date_to_timestamp(a, place, false);
      if (b->type == TypeId::date) b = date_to_timestamp(b, place, false);
    }
    return kernel_node(checked<ExprOp::subtract, std::int64_t>, TypeId::i64, {a, b}, place, true);
  }
  NodePtr& time = ta ? a : b;
  NodePtr& duration = ta ? b : a;
  const bool allowed = op == ExprOp::add ? ta != tb : ta && !tb;
  if ((op != ExprOp::add && op != ExprOp::subtract) || !allowed || !is_integer(duration->type))
    return place.error(ErrorCode::type_mismatch, std::string("'") + sign_of(op) + "' does not apply to " +
                                                     std::string(name_of(a->type)) + " and " +
                                                     std::string(name_of(b->type)));
  if (time->type == TypeId::date) time = date_to_timestamp(time, place, false);
  if (duration->lane() == Lane::u64) {
    FIRN_ASSIGN(duration, make_cast(duration, TypeId::i64, place));
  }
  const Kernel k =
      op == ExprOp::add ? checked<ExprOp::add, std::int64_t> : checked<ExprOp::subtract, std::int64_t>;
  return kernel_node(k, TypeId::timestamp, {a, b}, place, true);
}

/// A literal that is not negative is exact as u64 beside a u64.
void literal_to_u64(NodePtr& a, const NodePtr& b) {
  if (b->type == TypeId::u64 && a->is_constant() && !a->constant.is_null() && is_signed_integer(a->type) &&
      a->constant.as_signed() >= 0)
    a = constant_node(Value(static_cast<std::uint64_t>(a->constant.as_signed())), {a->text, a->position});
}

template <class T>
Result<Vector> negated(const Node& node, std::span<const Vector> args, std::size_t rows) {
  bool failed = false;
  const bool nulls = args[0].valid != nullptr;
  Vector v = map_one<std::int64_t, T>(Lane::i64, args, rows, [&](T x) {
    std::int64_t out = 0;
    failed |= __builtin_sub_overflow(0, x, &out);
    return out;
  });
  if (failed && nulls) {  // only rows that are present count
    failed = false;
    const T* in = args[0].as<T>();
    std::int64_t out = 0;
    for (std::size_t i = 0; i < rows; ++i)
      failed |= !args[0].is_null(i) && __builtin_sub_overflow(0, in[args[0].constant ? 0 : i], &out);
  }
  if (failed) return error_at(node, ErrorCode::out_of_range, "the negated value does not fit into i64");
  return v;
}

Result<Vector> negated_float(const Node&, std::span<const Vector> args, std::size_t rows) {
  return map_one<double, double>(Lane::f64, args, rows, [](double x) { return -x; });
}

}  // namespace

Result<NodePtr> make_arithmetic(ExprOp op, NodePtr a, NodePtr b, Place place) {
  FIRN_TRY(prepare_operand(a, b, place));
  FIRN_TRY(prepare_operand(b, a, place));
  if (a->type == TypeId::null)
    a = null_node(b->type == TypeId::null || is_temporal(b->type) ? TypeId::i64 : b->type, place);
  if (b->type == TypeId::null) b = null_node(is_temporal(a->type) ? TypeId::i64 : a->type, place);
  if (is_temporal(a->type) || is_temporal(b->type)) return make_time_arithmetic(op, a, b, place);
  if (!is_numeric(a->type) || !is_numeric(b->type))
    return place.error(ErrorCode::type_mismatch, std::string("'") + sign_of(op) + "' needs numbers, not " +
                                                     std::string(name_of(a->type)) + " and " +
                                                     std::string(name_of(b->type)));
  if (is_float(a->type) || is_float(b->type)) {
    FIRN_ASSIGN(a, make_cast(a, TypeId::f64, place));
    FIRN_ASSIGN(b, make_cast(b, TypeId::f64, place));
    return kernel_node(float_kernel_for(op), TypeId::f64, {a, b}, place);
  }
  literal_to_u64(a, b);
  literal_to_u64(b, a);
  const bool u64 =
      !is_signed_lane(a) && !is_signed_lane(b) && (a->type == TypeId::u64 || b->type == TypeId::u64);
  if (u64) return kernel_node(kernel_for<std::uint64_t>(op), TypeId::u64, {a, b}, place, op < ExprOp::divide);
  // Narrow unsigned operands are safe as i64; a u64 beside a signed operand is computed in 128 bits.
  for (NodePtr* n : {&a, &b}) {
    if ((*n)->lane() == Lane::u64 && (*n)->type != TypeId::u64) {
      FIRN_ASSIGN(*n, make_cast(*n, TypeId::i64, place));
    }
  }
  if (a->type == TypeId::u64 || b->type == TypeId::u64)
    return kernel_node(mixed, TypeId::i64, {a, b}, place, true, static_cast<std::int64_t>(op));
  return kernel_node(kernel_for<std::int64_t>(op), TypeId::i64, {a, b}, place, op != ExprOp::modulo);
}

Result<NodePtr> make_negate(NodePtr a, Place place) {
  if (a->type == TypeId::null) return null_node(TypeId::i64, place);
  if (is_float(a->type)) return kernel_node(negated_float, TypeId::f64, {a}, place);
  if (!is_integer(a->type))
    return place.error(ErrorCode::type_mismatch, "'-' needs a number, not " + std::string(name_of(a->type)));
  const Kernel k = a->lane() == Lane::u64 ? Kernel{negated<std::uint64_t>} : Kernel{negated<std::int64_t>};
  return kernel_node(k, TypeId::i64, {a}, place, true);
}

}  // namespace firn::storage::query
