// = <> < <= > >= and IN. One total order a lane: NaN above all numbers and equal to itself, -0 equal to 0;
// integers of different signedness and integers against floats compare exactly.
#include <cmath>
#include <unordered_set>

#include "storage/query/kernel_loops.hpp"
#include "storage/query/node_builder.hpp"

namespace firn::storage::query {
namespace {

int sign3(bool less, bool greater) { return static_cast<int>(greater) - static_cast<int>(less); }

int order(std::int64_t a, std::uint64_t b) {
  if (a < 0) return -1;
  const auto u = static_cast<std::uint64_t>(a);
  return sign3(u<b, u> b);
}

int order(std::int64_t a, double b) {
  if (std::isnan(b) || b >= 0x1p63) return -1;
  if (b < -0x1p63) return 1;
  const auto whole = static_cast<std::int64_t>(b);  // truncates towards zero
  if (a != whole) return sign3(a<whole, a> whole);
  const double rest = b - static_cast<double>(whole);
  return sign3(rest > 0, rest < 0);
}

int order(std::uint64_t a, double b) {
  if (std::isnan(b) || b >= 0x1p64) return -1;
  if (b < 0) return 1;
  const auto whole = static_cast<std::uint64_t>(b);
  if (a != whole) return sign3(a<whole, a> whole);
  return b > static_cast<double>(whole) ? -1 : 0;
}

template <ExprOp op>
bool holds(int sign) {
  switch (op) {
    case ExprOp::eq:
      return sign == 0;
    case ExprOp::ne:
      return sign != 0;
    case ExprOp::lt:
      return sign < 0;
    case ExprOp::le:
      return sign <= 0;
    case ExprOp::gt:
      return sign > 0;
    default:
      return sign >= 0;
  }
}

template <ExprOp op, class T>
bool compare(T a, T b) {
  if constexpr (op == ExprOp::eq) return a == b;
  if constexpr (op == ExprOp::ne) return a != b;
  if constexpr (op == ExprOp::lt) return a < b;
  if constexpr (op == ExprOp::le) return a <= b;
  if constexpr (op == ExprOp::gt) return a > b;
  return a >= b;
}

/// Floats, without branches so that the loops vectorise.
template <ExprOp op>
bool compare_floats(double a, double b) {
  const bool na = a != a, nb = b != b;
  if constexpr (op == ExprOp::eq) return (a == b) | (na & nb);
  if constexpr (op == ExprOp::ne) return !((a == b) | (na & nb));
  if constexpr (op == ExprOp::lt) return (a < b) | (nb & !na);
  if constexpr (op == ExprOp::le) return (a <= b) | nb;
  if constexpr (op == ExprOp::gt) return (a > b) | (na & !nb);
  return (a >= b) | na;
}

template <ExprOp op, class T>
Result<Vector> same_lane(const Node&, std::span<const Vector> args, std::size_t rows) {
  return map_two<std::uint8_t, T, T>(Lane::boolean, args, rows, [](T a, T b) -> std::uint8_t {
    if constexpr (std::is_same_v<T, double>) return compare_floats<op>(a, b);
    return compare<op>(a, b);
  });
}

template <ExprOp op, class A, class B>
Result<Vector> two_lanes(const Node&, std::span<const Vector> args, std::size_t rows) {
  return map_two<std::uint8_t, A, B>(Lane::boolean, args, rows,
                                     [](A a, B b) -> std::uint8_t { return holds<op>(order(a, b)); });
}

template <ExprOp op>
Kernel kernel_of(Lane a, Lane b) {
  if (a == b) {
    switch (a) {
      case Lane::boolean:
        return same_lane<op, std::uint8_t>;
      case Lane::i64:
        return same_lane<op, std::int64_t>;
      case Lane::u64:
        return same_lane<op, std::uint64_t>;
      case Lane::f64:
        return same_lane<op, double>;
      case Lane::bytes:
        return same_lane<op, std::string_view>;
    }
  }
  if (a == Lane::i64 && b == Lane::u64) return two_lanes<op, std::int64_t, std::uint64_t>;
  if (a == Lane::i64 && b == Lane::f64) return two_lanes<op, std::int64_t, double>;
  if (a == Lane::u64 && b == Lane::f64) return two_lanes<op, std::uint64_t, double>;
  return nullptr;
}

constexpr ExprOp kOps[] = {ExprOp::eq, ExprOp::ne, ExprOp::lt, ExprOp::le, ExprOp::gt, ExprOp::ge};

Kernel find_kernel(ExprOp op, Lane a, Lane b) {
  switch (op) {
    case ExprOp::eq:
      return kernel_of<ExprOp::eq>(a, b);
    case ExprOp::ne:
      return kernel_of<ExprOp::ne>(a, b);
    case ExprOp::lt:
      return kernel_of<ExprOp::lt>(a, b);
    case ExprOp::le:
      return kernel_of<ExprOp::le>(a, b);
    case ExprOp::gt:
      return kernel_of<ExprOp::gt>(a, b);
    default:
      return kernel_of<ExprOp::ge>(a, b);
  }
}

ExprOp mirrored(ExprOp op) {
  switch (op) {
    case ExprOp::lt:
      return ExprOp::gt;
    case ExprOp::le:
      return ExprOp::ge;
    case ExprOp::gt:
      return ExprOp::lt;
    case ExprOp::ge:
      return ExprOp::le;
    default:
      return op;
  }
}

/// The constants of an IN list, of the value's lane, in a form to look up in.
struct InSet {
  std::vector<Value> constants;  // without NULL
  bool has_null = false;
  std::unordered_set<std::uint64_t> words;
  std::unordered_set<std::string_view> strings;  // into `constants`
};

std::uint64_t word_of(double d) {
  if (d != d) d = std::nan("");
  if (d == 0) d = 0;  // -0 becomes 0
  std::uint64_t w = 0;
  std::memcpy(&w, &d, sizeof w);
  return w;
}
std::uint64_t word_of(std::int64_t v) { return static_cast<std::uint64_t>(v); }
std::uint64_t word_of(std::uint64_t v) { return v; }
std::uint64_t word_of(std::uint8_t v) { return v; }

std::uint64_t word_of(const Value& v, Lane lane) {
  switch (lane) {
    case Lane::i64:
      return word_of(v.as_signed());
    case Lane::u64:
      return word_of(v.as_unsigned());
    case Lane::f64:
      return word_of(v.as_double());
    default:
      return v.as_bool() ? 1 : 0;
  }
}

template <class T>
Result<Vector> in_set(const Node& node, std::span<const Vector> args, std::size_t rows) {
  const auto& set = *static_cast<const InSet*>(node.payload.get());
  const bool negated = node.parameter != 0;
  return map_one_or_null<std::uint8_t, T>(Lane::boolean, args, rows, [&](T x, std::uint8_t& out) {
    bool found = false;
    if constexpr (std::is_same_v<T, std::string_view>)
      found = set.strings.contains(x);
    else
      found = set.words.contains(word_of(x));
    out = found != negated;
    return found || !set.has_null;
  });
}

NodePtr make_in_set(bool negated, const std::vector<NodePtr>& args, Place place) {
  auto set = std::make_shared<InSet>();
  const Lane lane = args[0]->lane();
  for (std::size_t i = 1; i < args.size(); ++i) {
    if (args[i]->constant.is_null())
      set->has_null = true;
    else
      set->constants.push_back(args[i]->constant);
  }
  for (const Value& v : set->constants) {
    if (lane == Lane::bytes)
      set->strings.insert(v.as_bytes());
    else
      set->words.insert(word_of(v, lane));
  }
  Kernel k = in_set<std::uint8_t>;
  if (lane == Lane::i64) k = in_set<std::int64_t>;
  if (lane == Lane::u64) k = in_set<std::uint64_t>;
  if (lane == Lane::f64) k = in_set<double>;
  if (lane == Lane::bytes) k = in_set<std::string_view>;
  return kernel_node(k, TypeId::boolean, {args[0]}, place, false, negated, std::move(set));
}

bool is_in_kernel(Kernel k) {
  return k == Kernel{in_set<std::uint8_t>} || k == Kernel{in_set<std::int64_t>} ||
         k == Kernel{in_set<std::uint64_t>} || k == Kernel{in_set<double>} ||
         k == Kernel{in_set<std::string_view>};
}

}  // namespace

Result<NodePtr> make_comparison(ExprOp op, NodePtr a, NodePtr b, Place place) {
  FIRN_TRY(meet(a, b, place));
  if (a->is_null_constant() || b->is_null_constant()) return null_node(TypeId::boolean, place);
  Kernel k = find_kernel(op, a->lane(), b->lane());
  if (!k) {
    std::swap(a, b);
    op = mirrored(op);
    k = find_kernel(op, a->lane(), b->lane());
  }
  return kernel_node(k, TypeId::boolean, {a, b}, place, false, static_cast<std::int64_t>(op));
}

ExprOp comparison_op(const Node& node) {
  if (node.kind != NodeKind::kernel || node.args.size() != 2) return ExprOp::invalid;
  for (const ExprOp op : kOps)
    if (node.parameter == static_cast<std::int64_t>(op) &&
        node.kernel == find_kernel(op, node.args[0]->lane(), node.args[1]->lane()))
      return op;
  return ExprOp::invalid;
}

Result<NodePtr> make_in(bool negated, std::vector<NodePtr> args, Place place) {
  // A constant list that meets the value in the value's own type is one lookup; anything else is a chain of
  // =.
  std::vector<NodePtr> met = args;
  bool constants = true;
  for (std::size_t i = 1; i < met.size(); ++i) {
    NodePtr value = args[0];
    FIRN_TRY(meet(value, met[i], place));
    constants = constants && met[i]->is_constant() && value == args[0] &&
                (met[i]->constant.is_null() || met[i]->lane() == value->lane());
  }
  if (constants) return make_in_set(negated, met, place);
  NodePtr any;
  for (std::size_t i = 1; i < args.size(); ++i) {
    FIRN_ASSIGN(NodePtr equal, make_comparison(ExprOp::eq, args[0], args[i], place));
    if (any) {
      FIRN_ASSIGN(equal, make_logic(false, any, equal, place));
    }
    any = equal;
  }
  if (!any) return constant_node(Value(negated), place);
  if (negated) return make_not(any, place);
  return any;
}

const std::vector<Value>* in_list_constants(const Node& node) {
  if (node.kind != NodeKind::kernel || !is_in_kernel(node.kernel) || node.parameter != 0) return nullptr;
  return &static_cast<const InSet*>(node.payload.get())->constants;
}

}  // namespace firn::storage::query
