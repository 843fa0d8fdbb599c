// AND, OR, NOT, IS NULL, CASE, COALESCE: SQL's three-valued logic. AND, OR and CASE are run by the evaluator,
// which knows the rows; here are their nodes and the plain kernels.
#include "storage/query/kernel_loops.hpp"
#include "storage/query/node_builder.hpp"

namespace firn::storage::query {
namespace {

Result<Vector> inverted(const Node&, std::span<const Vector> args, std::size_t rows) {
  return map_one<std::uint8_t, std::uint8_t>(Lane::boolean, args, rows,
                                             [](std::uint8_t x) { return static_cast<std::uint8_t>(x ^ 1); });
}

Result<Vector> is_null(const Node& node, std::span<const Vector> args, std::size_t rows) {
  const auto negated = static_cast<std::uint8_t>(node.parameter);
  NewVector<std::uint8_t> out(Lane::boolean, rows);
  for (std::size_t i = 0; i < rows; ++i)
    out.data[i] = static_cast<std::uint8_t>(args[0].is_null(i)) ^ negated;
  return out.v;
}

}  // namespace

Result<NodePtr> make_logic(bool is_and, NodePtr a, NodePtr b, Place place) {
  FIRN_ASSIGN(a, make_condition(a, place));
  FIRN_ASSIGN(b, make_condition(b, place));
  const NodeKind kind = is_and ? NodeKind::logical_and : NodeKind::logical_or;
  // One node for a chain: a thousand ANDs are no thousand levels deep.
  std::vector<NodePtr> args;
  for (const NodePtr& n : {a, b}) {
    if (n->kind == kind)
      args.insert(args.end(), n->args.begin(), n->args.end());
    else
      args.push_back(n);
  }
  return finish_node(new_node(kind, TypeId::boolean, std::move(args), place));
}

Result<NodePtr> make_not(NodePtr a, Place place) {
  FIRN_ASSIGN(a, make_condition(a, place));
  return kernel_node(inverted, TypeId::boolean, {a}, place);
}

NodePtr make_is_null(bool negated, NodePtr a, Place place) {
  return kernel_node(is_null, TypeId::boolean, {a}, place, false, negated);
}

Result<NodePtr> make_case(std::vector<NodePtr> args, Place place) {
  std::vector<NodePtr*> values;
  for (std::size_t i = 0; i < args.size(); ++i) {
    const bool otherwise = i + 1 == args.size() && i % 2 == 0;
    if (i % 2 == 1 || otherwise) {
      values.push_back(&args[i]);
    } else {
      FIRN_ASSIGN(args[i], make_condition(args[i], place));
    }
  }
  FIRN_ASSIGN(const TypeId type, unify(values, place));
  return finish_node(new_node(NodeKind::case_when, type, std::move(args), place));
}

Result<NodePtr> make_coalesce(std::vector<NodePtr> args, Place place) {
  std::vector<NodePtr*> values;
  for (NodePtr& a : args) values.push_back(&a);
  FIRN_ASSIGN(const TypeId type, unify(values, place));
  return finish_node(new_node(NodeKind::coalesce, type, std::move(args), place));
}

}  // namespace firn::storage::query
