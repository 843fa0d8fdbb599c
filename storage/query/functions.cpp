#include "storage/query/functions.hpp"

#include <algorithm>
#include <array>

namespace firn::storage::query {
namespace {

/// Functions with a builder of their own: name, least and greatest number of arguments.
struct Special {
  std::string_view name;
  std::size_t args_min, args_max;
};
constexpr std::size_t kAnyNumber = ~std::size_t{0};
constexpr Special kSpecial[] = {{"abs", 1, 1},
                                {"ceil", 1, 1},
                                {"ceiling", 1, 1},
                                {"floor", 1, 1},
                                {"round", 1, 2},
                                {"sign", 1, 1},
                                {"mod", 2, 2},
                                {"least", 1, kAnyNumber},
                                {"greatest", 1, kAnyNumber},
                                {"coalesce", 1, kAnyNumber},
                                {"ifnull", 2, 2},
                                {"nullif", 2, 2},
                                {"if", 2, 3},
                                {"iif", 2, 3},
                                {"concat", 1, kAnyNumber},
                                {"date_trunc", 2, 2},
                                {"time_bucket", 2, 3},
                                {"typeof", 1, 1}};

template <class F>
void for_each_entry(F f) {
  for (const auto& table : {string_functions(), math_functions(), time_functions()})
    for (const FunctionEntry& e : table) f(e);
}

Result<void> check_count(const std::string& name, std::size_t given, std::size_t min, std::size_t max,
                         Place place) {
  if (given >= min && given <= max) return {};
  std::string wanted = std::to_string(min);
  if (max == kAnyNumber)
    wanted = "at least " + wanted;
  else if (max != min)
    wanted += " to " + std::to_string(max);
  return place.error(ErrorCode::parse, name + "() takes " + wanted + (max == 1 ? " argument" : " arguments") +
                                           ", not " + std::to_string(given));
}

Result<NodePtr> call_entry(const FunctionEntry& e, std::vector<NodePtr> args, Place place) {
  for (std::size_t i = 0; i < args.size(); ++i) {
    FIRN_ASSIGN(args[i], convert_argument(args[i], e.args[i], std::string(e.name), place));
  }
  const TypeId type = e.result == TypeId::invalid ? args[0]->type : e.result;
  return kernel_node(e.kernel, type, std::move(args), place, e.can_fail, e.parameter);
}

Result<NodePtr> make_nullif(std::vector<NodePtr> args, Place place) {
  FIRN_ASSIGN(const NodePtr equal, make_comparison(ExprOp::eq, args[0], args[1], place));
  return make_case({equal, null_node(args[0]->type, place), args[0]}, place);
}

Result<NodePtr> call_special(const std::string& name, std::vector<NodePtr> args, Place place) {
  if (name == "abs") return make_abs(args[0], place);
  if (name == "sign") return make_sign(args[0], place);
  if (name == "ceil" || name == "ceiling" || name == "floor" || name == "round")
    return make_round(name, std::move(args), place);
  if (name == "mod") return make_arithmetic(ExprOp::modulo, args[0], args[1], place);
  if (name == "least") return make_extreme(false, std::move(args), place);
  if (name == "greatest") return make_extreme(true, std::move(args), place);
  if (name == "coalesce" || name == "ifnull") return make_coalesce(std::move(args), place);
  if (name == "nullif") return make_nullif(std::move(args), place);
  if (name == "if" || name == "iif") return make_case(std::move(args), place);
  if (name == "concat") return make_concat(std::move(args), true, place);
  if (name == "date_trunc") return make_date_trunc(std::move(args), place);
  if (name == "time_bucket") return make_time_bucket(std::move(args), place);
  return constant_node(Value(std::string(name_of(args[0]->type))), place);  // typeof
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t above = row[j];
      row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

}  // namespace

std::string did_you_mean(std::string_view name, std::span<const std::string_view> known) {
  if (name.size() > 64) return "";
  std::string_view best;
  std::size_t least = std::max<std::size_t>(2, name.size() / 3) + 1;
  for (const std::string_view k : known) {
    if (k.size() > 64) continue;
    const std::size_t d = edit_distance(name, k);
    if (d < least) {
      least = d;
      best = k;
    }
  }
  return best.empty() ? "" : "; did you mean '" + std::string(best) + "'?";
}

Result<NodePtr> convert_argument(NodePtr a, ArgKind kind, const std::string& function, Place place) {
  switch (kind) {
    case ArgKind::any:
      return a;
    case ArgKind::text:
      if (a->type == TypeId::null) return null_node(TypeId::utf8, place);
      return is_variable(a->type) ? Result<NodePtr>(a) : make_cast(a, TypeId::utf8, place);
    case ArgKind::integer:
      if (a->type == TypeId::null || is_integer(a->type)) return make_cast(a, TypeId::i64, place);
      return place.error(ErrorCode::type_mismatch,
                         function + "() needs an integer, not " + std::string(name_of(a->type)));
    case ArgKind::number:
      if (a->type == TypeId::null || is_numeric(a->type)) return make_cast(a, TypeId::f64, place);
      return place.error(ErrorCode::type_mismatch,
                         function + "() needs a number, not " + std::string(name_of(a->type)));
    case ArgKind::timestamp:
      break;
  }
  if (a->type == TypeId::utf8 && a->is_constant() && !a->constant.is_null()) {
    NodePtr model = null_node(TypeId::timestamp, place);
    FIRN_TRY(meet(a, model, place));
    return a;
  }
  if (a->type == TypeId::null || is_temporal(a->type)) return make_cast(a, TypeId::timestamp, place);
  return place.error(ErrorCode::type_mismatch,
                     function + "() needs a timestamp, not " + std::string(name_of(a->type)));
}

bool is_scalar_function(std::string_view name) {
  bool found =
      std::any_of(std::begin(kSpecial), std::end(kSpecial), [&](const Special& s) { return s.name == name; });
  for_each_entry([&](const FunctionEntry& e) { found = found || e.name == name; });
  return found;
}

Result<NodePtr> make_call(const std::string& name, std::vector<NodePtr> args, Place place) {
  for (const Special& s : kSpecial) {
    if (s.name != name) continue;
    FIRN_TRY(check_count(name, args.size(), s.args_min, s.args_max, place));
    return call_special(name, std::move(args), place);
  }
  const FunctionEntry* found = nullptr;
  std::vector<std::string_view> known{"count",  "sum",        "avg",      "min",      "max",
                                      "stddev", "stddev_pop", "variance", "quantile", "median"};
  for (const Special& s : kSpecial) known.push_back(s.name);
  for_each_entry([&](const FunctionEntry& e) {
    if (e.name == name) found = &e;
    known.push_back(e.name);
  });
  if (!found)
    return place.error(ErrorCode::parse, "unknown function " + name + "()" + did_you_mean(name, known));
  FIRN_TRY(check_count(name, args.size(), found->args_min, found->args_max, place));
  return call_entry(*found, std::move(args), place);
}

}  // namespace firn::storage::query
