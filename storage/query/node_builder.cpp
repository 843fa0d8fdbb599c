#include "storage/query/node_builder.hpp"

#include <algorithm>

namespace firn::storage::query {

Error Place::error(ErrorCode code, const std::string& message) const {
  static const std::string none;
  return error_at(text ? *text : none, position, code, message);
}

Node new_node(NodeKind kind, TypeId type, std::vector<NodePtr> args, Place place) {
  Node n;
  n.kind = kind;
  n.type = type;
  n.args = std::move(args);
  n.text = place.text;
  n.position = place.position;
  return n;
}

NodePtr finish_node(Node n) {
  bool constants = !n.args.empty();
  if (n.kind == NodeKind::column) n.only_slot = n.slot;
  for (const NodePtr& a : n.args) {
    constants = constants && a->is_constant();
    n.can_fail = n.can_fail || a->can_fail;
    n.depth = std::max(n.depth, a->depth + 1);
    if (a->only_slot == Node::kNoSlot) continue;
    n.only_slot =
        n.only_slot == Node::kNoSlot || n.only_slot == a->only_slot ? a->only_slot : Node::kManySlots;
  }
  if (constants) {
    if (auto v = evaluate_constant(n)) {
      Node folded = new_node(NodeKind::constant, n.type, {}, {n.text, n.position});
      folded.constant = std::move(*v);
      return std::make_shared<Node>(std::move(folded));
    }
  }
  return std::make_shared<Node>(std::move(n));
}

NodePtr kernel_node(Kernel kernel, TypeId type, std::vector<NodePtr> args, Place place, bool can_fail,
                    std::int64_t parameter, std::shared_ptr<const void> payload) {
  Node n = new_node(NodeKind::kernel, type, std::move(args), place);
  n.kernel = kernel;
  n.can_fail = can_fail;
  n.parameter = parameter;
  n.payload = std::move(payload);
  return finish_node(std::move(n));
}

NodePtr constant_node(Value value, Place place) {
  Node n = new_node(NodeKind::constant, value.type(), {}, place);
  n.constant = std::move(value);
  return std::make_shared<Node>(std::move(n));
}

NodePtr null_node(TypeId type, Place place) {
  return std::make_shared<Node>(new_node(NodeKind::constant, type, {}, place));
}

NodePtr column_node(std::size_t slot, TypeId type, Place place) {
  Node n = new_node(NodeKind::column, type, {}, place);
  n.slot = slot;
  return finish_node(std::move(n));
}

}  // namespace firn::storage::query
