#include "storage/query/binder.hpp"

#include <algorithm>

namespace firn::storage::query {
namespace {

/// Deeper trees than this are refused: evaluation recurses, and the stack is the caller's.
constexpr std::uint32_t kTreeDepthMax = 1000;

/// Operands an operator takes; max 0: fixed at min.
struct Arity {
  std::uint32_t min, max;
};
Arity arity_of(ExprOp op) {
  constexpr std::uint32_t kMany = kExprNodesMax;
  switch (op) {
    case ExprOp::column:
    case ExprOp::literal:
    case ExprOp::now:
      return {0, 0};
    case ExprOp::negate:
    case ExprOp::logical_not:
    case ExprOp::is_null:
    case ExprOp::is_not_null:
    case ExprOp::cast:
      return {1, 1};
    case ExprOp::between:
    case ExprOp::not_between:
      return {3, 3};
    case ExprOp::like:
    case ExprOp::not_like:
      return {2, 3};
    case ExprOp::in_list:
    case ExprOp::not_in_list:
      return {1, kMany};
    case ExprOp::case_when:
      return {2, kMany};
    case ExprOp::call:
    case ExprOp::aggregate:
      return {0, kMany};
    default:
      return {2, 2};
  }
}

Error malformed(const std::string& what) {
  return {ErrorCode::invalid_argument, "malformed query expression: " + what};
}

}  // namespace

bool is_aggregate(const Query& query, const ExprNode& node) {
  if (node.op == ExprOp::aggregate) return true;
  return node.op == ExprOp::call && node.index < query.names.size() &&
         is_aggregate_function(query.names[node.index]);
}

void split_conjuncts(const NodePtr& condition, std::vector<NodePtr>& out) {
  if (condition->kind == NodeKind::logical_and) {
    for (const NodePtr& a : condition->args) split_conjuncts(a, out);
  } else if (!condition->is_constant() || condition->constant.is_null() || !condition->constant.as_bool()) {
    out.push_back(condition);
  }
}

Result<void> Binder::check(const Expr& expr) const {
  const Query& q = plan_.query;
  if (expr.nodes.size() > kExprNodesMax)
    return malformed("more than " + std::to_string(kExprNodesMax) + " nodes");
  std::size_t stack = 0;
  for (const ExprNode& n : expr.nodes) {
    if (n.op == ExprOp::invalid || n.op > ExprOp::not_like) return malformed("unknown operator");
    const Arity arity = arity_of(n.op);
    if (n.argc < arity.min || n.argc > arity.max) return malformed("wrong number of operands");
    if (n.argc > stack) return malformed("missing operands");
    if (n.op == ExprOp::literal && n.index >= q.literals.size()) return malformed("missing literal");
    if ((n.op == ExprOp::column || n.op == ExprOp::call || n.op == ExprOp::aggregate) &&
        n.index >= q.names.size())
      return malformed("missing name");
    if (n.op == ExprOp::cast && (n.type == TypeId::invalid || n.type > TypeId::date))
      return malformed("unknown type");
    stack = stack - n.argc + 1;
  }
  if (stack != 1) return malformed("operands left over");
  return {};
}

bool Binder::same(std::span<const ExprNode> a, std::span<const ExprNode> b) const {
  if (a.size() != b.size()) return false;
  const Query& q = plan_.query;
  // From the root: different expressions mostly differ there.
  for (std::size_t i = a.size(); i-- > 0;) {
    const ExprNode &x = a[i], &y = b[i];
    if (x.op != y.op || x.argc != y.argc || x.distinct != y.distinct ||
        (x.op == ExprOp::cast && x.type != y.type))
      return false;
    if (x.index == y.index) continue;
    if (x.op == ExprOp::literal && !(q.literals[x.index] == q.literals[y.index])) return false;
    if (x.op == ExprOp::column) {
      const auto cx = plan_.schema.find(q.names[x.index]), cy = plan_.schema.find(q.names[y.index]);
      if (!cx || cx != cy) return false;
    }
    if ((x.op == ExprOp::call || x.op == ExprOp::aggregate) && q.names[x.index] != q.names[y.index])
      return false;
  }
  return true;
}

std::optional<std::size_t> Binder::group_of(std::span<const ExprNode> nodes) const {
  for (std::size_t g = 0; g < group_exprs_.size(); ++g)
    if (same(group_exprs_[g], nodes)) return g;
  return std::nullopt;
}

std::optional<std::size_t> Binder::item_named(std::string_view name) const {
  const auto& select = plan_.query.select;
  for (std::size_t i = 0; i < select.size(); ++i)
    if (!select[i].expr.empty() && select[i].name == name) return i;
  return std::nullopt;
}

Result<std::optional<std::size_t>> Binder::select_item(const Expr& expr, bool by_name) const {
  const Query& q = plan_.query;
  if (expr.nodes.size() != 1) return std::optional<std::size_t>{};
  const ExprNode& n = expr.nodes[0];
  if (n.op == ExprOp::literal && n.index < q.literals.size() && is_integer(q.literals[n.index].type())) {
    const Value& v = q.literals[n.index];
    const bool fits = is_signed_integer(v.type())
                          ? v.as_signed() >= 1 && static_cast<std::uint64_t>(v.as_signed()) <= q.select.size()
                          : v.as_unsigned() >= 1 && v.as_unsigned() <= q.select.size();
    if (!fits)
      return place(n.position)
          .error(ErrorCode::parse, "there is no select item " + v.to_string() + "; there are " +
                                       std::to_string(q.select.size()));
    return std::optional<std::size_t>{static_cast<std::size_t>(v.to_u64()) - 1};
  }
  if (by_name && n.op == ExprOp::column && n.index < q.names.size()) return item_named(q.names[n.index]);
  return std::optional<std::size_t>{};
}

Error Binder::unknown_column(const ExprNode& node) const {
  const std::string& name = plan_.query.names[node.index];
  std::vector<std::string_view> known;
  for (const ColumnSchema& c : plan_.schema.columns()) known.push_back(c.name);
  return place(node.position)
      .error(ErrorCode::parse, "unknown column '" + name + "'" + did_you_mean(name, known));
}

Result<NodePtr> Binder::column(std::size_t position, Place at) {
  auto found = std::find(plan_.columns.begin(), plan_.columns.end(), position);
  if (found == plan_.columns.end()) found = plan_.columns.insert(found, position);
  return column_node(static_cast<std::size_t>(found - plan_.columns.begin()), plan_.schema[position].type,
                     at);
}

Result<Bound> Binder::bind_column(const ExprNode& node, bool aliases) {
  const std::string& name = plan_.query.names[node.index];
  const auto position = plan_.schema.find(name);
  if (!position) {
    const auto item = aliases ? item_named(name) : std::nullopt;
    if (!item) return unknown_column(node);
    return bind(plan_.query.select[*item].expr, false);
  }
  Bound b;
  b.blame = node.position;
  FIRN_ASSIGN(b.over_rows, column(*position, place(node.position)));
  return b;
}

Result<Bound> Binder::bind_aggregate(std::span<const ExprNode> nodes, std::span<const Bound> args) {
  const ExprNode& node = nodes.back();
  const Place at = place(node.position);
  const std::string& name = plan_.query.names[node.index];
  std::vector<NodePtr> bound;
  for (const Bound& a : args) {
    if (!a.over_rows) return place(a.blame).error(ErrorCode::parse, "aggregates cannot be nested");
    bound.push_back(a.over_rows);
  }
  Bound b;
  b.blame = node.position;
  std::size_t k = 0;
  while (k < aggregate_exprs_.size() && !same(aggregate_exprs_[k], nodes)) ++k;
  if (k == aggregate_exprs_.size()) {
    FIRN_ASSIGN(auto call, make_aggregate_call(name, node.distinct, std::move(bound), at));
    plan_.aggregates.push_back(std::move(call));
    aggregate_exprs_.push_back(nodes);
  }
  b.over_groups = column_node(plan_.keys.size() + k, plan_.aggregates[k].result, at);
  return b;
}

Result<NodePtr> Binder::build(const ExprNode& node, std::vector<NodePtr> args) {
  const Place at = place(node.position);
  switch (node.op) {
    case ExprOp::literal:
      return constant_node(plan_.query.literals[node.index], at);
    case ExprOp::now:
      return constant_node(Value(now_), at);
    case ExprOp::negate:
      return make_negate(args[0], at);
    case ExprOp::logical_not:
      return make_not(args[0], at);
    case ExprOp::add:
    case ExprOp::subtract:
    case ExprOp::multiply:
    case ExprOp::divide:
    case ExprOp::modulo:
      return make_arithmetic(node.op, args[0], args[1], at);
    case ExprOp::concat:
      return make_concat(std::move(args), false, at);
    case ExprOp::logical_and:
      return make_logic(true, args[0], args[1], at);
    case ExprOp::logical_or:
      return make_logic(false, args[0], args[1], at);
    case ExprOp::is_null:
      return make_is_null(false, args[0], at);
    case ExprOp::is_not_null:
      return make_is_null(true, args[0], at);
    case ExprOp::in_list:
    case ExprOp::not_in_list:
      return make_in(node.op == ExprOp::not_in_list, std::move(args), at);
    case ExprOp::between:
    case ExprOp::not_between: {
      const bool within = node.op == ExprOp::between;
      FIRN_ASSIGN(const NodePtr low, make_comparison(within ? ExprOp::ge : ExprOp::lt, args[0], args[1], at));
      FIRN_ASSIGN(const NodePtr high,
                  make_comparison(within ? ExprOp::le : ExprOp::gt, args[0], args[2], at));
      return make_logic(within, low, high, at);
    }
    case ExprOp::like:
    case ExprOp::not_like:
      return make_like(node.op == ExprOp::not_like, std::move(args), at);
    case ExprOp::case_when:
      return make_case(std::move(args), at);
    case ExprOp::cast:
      return make_cast(args[0], node.type, at);
    case ExprOp::call:
      return make_call(plan_.query.names[node.index], std::move(args), at);
    default:
      return make_comparison(node.op, args[0], args[1], at);
  }
}

Result<Bound> Binder::bind(const Expr& expr, bool aliases) {
  FIRN_TRY(check(expr));
  std::vector<Bound> stack;
  const std::span<const ExprNode> nodes(expr.nodes);
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const ExprNode& node = nodes[i];
    const std::span<Bound> args(stack.data() + stack.size() - node.argc, node.argc);
    const std::size_t begin = node.argc == 0 ? i : args.front().begin;
    const auto whole = nodes.subspan(begin, i + 1 - begin);
    Bound b;
    if (node.op == ExprOp::column) {
      FIRN_ASSIGN(b, bind_column(node, aliases));
    } else if (is_aggregate(plan_.query, node)) {
      FIRN_ASSIGN(b, bind_aggregate(whole, args));
    } else {
      std::vector<NodePtr> rows, groups;
      for (const Bound& a : args) {
        if (a.over_rows) rows.push_back(a.over_rows);
        if (a.over_groups) groups.push_back(a.over_groups);
        if (!a.over_rows || !a.over_groups) b.blame = a.blame;
      }
      for (const Bound& a : args)
        if (!a.over_groups) b.blame = a.blame;
      if (rows.size() == args.size()) {
        FIRN_ASSIGN(b.over_rows, build(node, std::move(rows)));
      }
      // Where nothing but constants is below, both are the same node.
      if (groups.size() == args.size()) {
        FIRN_ASSIGN(b.over_groups, build(node, std::move(groups)));
      }
    }
    if (const auto g = b.over_rows && node.op != ExprOp::literal ? group_of(whole) : std::nullopt)
      b.over_groups = column_node(*g, plan_.keys[*g]->type, place(node.position));
    for (const NodePtr& n : {b.over_rows, b.over_groups})
      if (n && n->depth > kTreeDepthMax)
        return place(node.position).error(ErrorCode::parse, "the expression is nested too deeply");
    b.begin = begin;
    stack.resize(stack.size() - node.argc);
    stack.push_back(std::move(b));
  }
  return std::move(stack.back());
}

Result<NodePtr> Binder::bind_over_rows(const Expr& expr, const char* clause) {
  FIRN_ASSIGN(Bound b, bind(expr, false));
  if (b.over_rows) return b.over_rows;
  return place(b.blame).error(ErrorCode::parse, std::string("an aggregate cannot stand in ") + clause +
                                                    "; conditions on aggregates belong in HAVING");
}

Result<NodePtr> Binder::bind_output(const Expr& expr, bool aliases) {
  FIRN_ASSIGN(Bound b, bind(expr, aliases));
  if (!plan_.aggregated) return b.over_rows;
  if (b.over_groups) return b.over_groups;
  return place(b.blame).error(ErrorCode::parse, "this column must stand in GROUP BY or inside an aggregate");
}

Result<void> Binder::bind_groups() {
  std::vector<std::span<const ExprNode>> exprs;
  for (const Expr& e : plan_.query.group_by) {
    FIRN_TRY(check(e));
    const bool is_column = e.nodes.size() == 1 && e.nodes[0].op == ExprOp::column &&
                           plan_.schema.find(plan_.query.names[e.nodes[0].index]).has_value();
    FIRN_ASSIGN(const auto item, select_item(e, !is_column));
    const Expr& used = item ? plan_.query.select[*item].expr : e;
    if (used.empty()) return place(e.nodes[0].position).error(ErrorCode::parse, "GROUP BY cannot name '*'");
    FIRN_ASSIGN(NodePtr key, bind_over_rows(used, "GROUP BY"));
    plan_.keys.push_back(std::move(key));
    exprs.emplace_back(used.nodes);
  }
  group_exprs_ = std::move(exprs);
  return {};
}

Result<NodePtr> Binder::event_time(Timestamp since) {
  if (!plan_.schema.time())
    return Error(ErrorCode::invalid_argument,
                 "SINCE needs an event-time column, and table '" + plan_.query.table + "' has none");
  const Place nowhere = place(plan_.query.table_position);
  FIRN_ASSIGN(NodePtr time, column(*plan_.schema.time(), nowhere));
  return make_comparison(ExprOp::ge, time, constant_node(Value(since), nowhere), nowhere);
}

}  // namespace firn::storage::query
