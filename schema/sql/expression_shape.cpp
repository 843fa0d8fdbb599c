#include "schema/sql/expression_shape.hpp"

#include <algorithm>

namespace firn::sql {

namespace {

struct Operand {
  std::uint32_t depth;
  Binding binding;
};

bool is_chain(Binding b) {
  return b == Binding::logical_or || b == Binding::logical_and || b == Binding::concat || b == Binding::sum ||
         b == Binding::product;
}

bool has_good_argc(const ExprNode& n) {
  switch (n.op) {
    case ExprOp::column:
    case ExprOp::literal:
    case ExprOp::now:
      return n.argc == 0;
    case ExprOp::negate:
    case ExprOp::logical_not:
    case ExprOp::is_null:
    case ExprOp::is_not_null:
    case ExprOp::cast:
      return n.argc == 1;
    case ExprOp::in_list:
    case ExprOp::not_in_list:
    case ExprOp::case_when:
      return n.argc >= 2;
    case ExprOp::between:
    case ExprOp::not_between:
      return n.argc == 3;
    case ExprOp::like:
    case ExprOp::not_like:
      return n.argc == 2 || n.argc == 3;
    case ExprOp::call:
    case ExprOp::aggregate:
      return true;
    default:
      return n.argc == 2;
  }
}

bool has_good_index(const ExprNode& n, const std::vector<std::string>& names, std::size_t literals) {
  if (n.op == ExprOp::literal) return n.index < literals;
  const bool named = n.op == ExprOp::column || n.op == ExprOp::call || n.op == ExprOp::aggregate;
  return named ? n.index < names.size() : n.index == 0;
}

const char* find_fault_of_node(const ExprNode& n, const std::vector<std::string>& names,
                               std::size_t literals) {
  if (n.op == ExprOp::invalid || n.op > ExprOp::not_like) return "unknown operator";
  if (!has_good_argc(n)) return "wrong number of operands";
  if (!has_good_index(n, names, literals)) return "index beyond the names or literals";
  const bool has_target = n.type >= TypeId::boolean && n.type <= TypeId::date;
  if (n.op == ExprOp::cast ? !has_target : n.type != TypeId::invalid) return "wrong type";
  if (n.distinct && (n.op != ExprOp::aggregate || n.argc == 0))
    return "DISTINCT outside an aggregate of values";
  if (n.op == ExprOp::aggregate && n.argc == 0 && names[n.index] != "count") return "an aggregate of nothing";
  return nullptr;
}

std::uint32_t depth_of(const ExprNode& n, const Operand* operands) {
  const Binding own = binding_of(n.op);
  std::uint32_t depth = 1;
  for (std::uint32_t i = 0; i < n.argc; ++i) {
    const bool continues_chain = i == 0 && is_chain(own) && operands[0].binding == own;
    depth = std::max(depth, operands[i].depth + (continues_chain ? 0 : 1));
  }
  return depth;
}

}  // namespace

Binding binding_of(ExprOp op) noexcept {
  switch (op) {
    case ExprOp::logical_or:
      return Binding::logical_or;
    case ExprOp::logical_and:
      return Binding::logical_and;
    case ExprOp::logical_not:
      return Binding::logical_not;
    case ExprOp::eq:
    case ExprOp::ne:
    case ExprOp::is_null:
    case ExprOp::is_not_null:
    case ExprOp::in_list:
    case ExprOp::not_in_list:
    case ExprOp::between:
    case ExprOp::not_between:
    case ExprOp::like:
    case ExprOp::not_like:
      return Binding::equality;
    case ExprOp::lt:
    case ExprOp::le:
    case ExprOp::gt:
    case ExprOp::ge:
      return Binding::relation;
    case ExprOp::concat:
      return Binding::concat;
    case ExprOp::add:
    case ExprOp::subtract:
      return Binding::sum;
    case ExprOp::multiply:
    case ExprOp::divide:
    case ExprOp::modulo:
      return Binding::product;
    case ExprOp::negate:
      return Binding::sign;
    default:
      return Binding::primary;
  }
}

std::optional<ExpressionFault> find_fault(const Expr& expr, const std::vector<std::string>& names,
                                          std::size_t literals) {
  if (expr.nodes.size() > kExprNodesMax) return ExpressionFault{kExprNodesMax, "too many nodes"};
  std::vector<Operand> stack;
  for (std::size_t i = 0; i < expr.nodes.size(); ++i) {
    const ExprNode& n = expr.nodes[i];
    if (const char* message = find_fault_of_node(n, names, literals)) return ExpressionFault{i, message};
    if (n.argc > stack.size()) return ExpressionFault{i, "operands are missing"};
    const std::size_t first = stack.size() - n.argc;
    const std::uint32_t depth = depth_of(n, stack.data() + first);
    if (depth > kExprDepthMax) return ExpressionFault{i, "the expression nests too deeply"};
    stack.resize(first, Operand{});
    stack.push_back({depth, binding_of(n.op)});
  }
  if (stack.size() != 1) return ExpressionFault{expr.nodes.size() - 1, "operands are left over"};
  return std::nullopt;
}

}  // namespace firn::sql
