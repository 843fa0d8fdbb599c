// Building typed nodes: what each operator and function accepts, how operands are converted to meet, what
// comes out. All return {type_mismatch} or {parse} with the place in the query text where the operands make
// no sense.
#pragma once
#include "storage/query/expression.hpp"

namespace firn::storage::query {

/// Where a node stands in the query text.
struct Place {
  const std::string* text = nullptr;
  std::uint32_t position = 0;
  Error error(ErrorCode code, const std::string& message) const;
};

/// A node before it is shared: fills in what follows from its operands, and folds it if all of them are
/// constants (unless that fails: then the error appears only if a row needs the value).
NodePtr finish_node(Node node);
Node new_node(NodeKind kind, TypeId type, std::vector<NodePtr> args, Place place);
/// A kernel node.
NodePtr kernel_node(Kernel kernel, TypeId type, std::vector<NodePtr> args, Place place, bool can_fail = false,
                    std::int64_t parameter = 0, std::shared_ptr<const void> payload = nullptr);
NodePtr constant_node(Value value, Place place);
/// A NULL of a type.
NodePtr null_node(TypeId type, Place place);
NodePtr column_node(std::size_t slot, TypeId type, Place place);

// arithmetic.cpp: + - * / % and unary minus.
Result<NodePtr> make_arithmetic(ExprOp op, NodePtr a, NodePtr b, Place place);
Result<NodePtr> make_negate(NodePtr a, Place place);

// comparison.cpp
Result<NodePtr> make_comparison(ExprOp op, NodePtr a, NodePtr b, Place place);
/// The operator of a comparison node made above; invalid for other nodes.
ExprOp comparison_op(const Node& node);
Result<NodePtr> make_in(bool negated, std::vector<NodePtr> args, Place place);
/// The constants of an IN list node whose items are all constants of the value's lane, else nullptr.
const std::vector<Value>* in_list_constants(const Node& node);

// coercion.cpp
/// Converts both so that they can be compared: a literal takes the type of what it meets, date and timestamp
/// meet as timestamps. Numbers of different lanes stay as they are: they compare exactly.
Result<void> meet(NodePtr& a, NodePtr& b, Place place);
/// Converts all to one type (CASE, COALESCE ...) and returns it.
Result<TypeId> unify(const std::vector<NodePtr*>& nodes, Place place);
/// A condition: boolean as it is, an integer is compared with 0, NULL is an unknown boolean.
Result<NodePtr> make_condition(NodePtr a, Place place);

// logic.cpp
Result<NodePtr> make_logic(bool is_and, NodePtr a, NodePtr b, Place place);
Result<NodePtr> make_not(NodePtr a, Place place);
NodePtr make_is_null(bool negated, NodePtr a, Place place);
Result<NodePtr> make_case(std::vector<NodePtr> args, Place place);
Result<NodePtr> make_coalesce(std::vector<NodePtr> args, Place place);

// cast.cpp
Result<NodePtr> make_cast(NodePtr a, TypeId to, Place place);
/// saturate: dates outside of what a timestamp can hold become its ends (enough to compare), else they are an
/// error.
NodePtr date_to_timestamp(NodePtr a, Place place, bool saturate);
bool is_date_to_timestamp(const Node& node);
NodePtr number_to_timestamp(NodePtr a, Place place);

// like.cpp
Result<NodePtr> make_like(bool negated, std::vector<NodePtr> args, Place place);
/// The text that all matches of a LIKE node begin with; nullptr if it is no (positive) LIKE over constants.
const std::string* like_prefix(const Node& node);

// string_functions.cpp
Result<NodePtr> make_concat(std::vector<NodePtr> args, bool skip_nulls, Place place);

// functions.cpp
/// A scalar function by its (lower-case) name. Unknown names: {parse} with the nearest name known.
Result<NodePtr> make_call(const std::string& name, std::vector<NodePtr> args, Place place);
bool is_scalar_function(std::string_view name);
/// The nearest of `known` to `name`, quoted for a message ("; did you mean 'x'?"), or "".
std::string did_you_mean(std::string_view name, std::span<const std::string_view> known);

}  // namespace firn::storage::query
