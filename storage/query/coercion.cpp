// How operands of different types meet: literals take the type of what they meet, times meet as timestamps.
#include <algorithm>
#include <cmath>

#include "storage/query/node_builder.hpp"

namespace firn::storage::query {
namespace {

bool is_text_literal(const NodePtr& n) {
  return n->is_constant() && !n->constant.is_null() && n->type == TypeId::utf8;
}
Place place_of(const NodePtr& n) { return {n->text, n->position}; }

/// A text literal as a value that can be compared with `type`.
Result<NodePtr> parse_literal(const NodePtr& literal, TypeId type) {
  const std::string& text = literal->constant.as_bytes();
  const Place place = place_of(literal);
  if (type == TypeId::date) {
    if (auto days = parse_date(text)) return constant_node(Value(Date{*days}), place);
    type = TypeId::timestamp;  // a date compared with a moment within a day
  }
  if (type == TypeId::timestamp) {
    auto us = parse_timestamp(text);
    if (!us)
      return place.error(ErrorCode::type_mismatch, "'" + text + "' is no time: " + us.error().message());
    return constant_node(Value(Timestamp{*us}), place);
  }
  if (is_numeric(type)) {
    // The widest type first that holds it exactly: the column's own width must not make a comparison fail.
    for (const TypeId wide : {TypeId::i64, TypeId::u64, TypeId::f64})
      if (auto v = literal->constant.cast(wide)) return constant_node(std::move(*v), place);
    return place.error(ErrorCode::type_mismatch, "'" + text + "' is no number");
  }
  auto v = literal->constant.cast(type);
  if (!v) return place.error(ErrorCode::type_mismatch, v.error().message());
  return constant_node(std::move(*v), place);
}

/// A number literal takes the other number's lane where that changes nothing, so that the plain kernels
/// serve.
void fit_literal(NodePtr& literal, const NodePtr& other) {
  if (!literal->is_constant() || literal->constant.is_null() || literal->lane() == other->lane()) return;
  const Value& v = literal->constant;
  const Place place = place_of(literal);
  constexpr double kExact = 0x1p53;
  if (other->lane() == Lane::u64) {
    if (literal->lane() == Lane::i64 && v.as_signed() >= 0)
      literal = constant_node(Value(static_cast<std::uint64_t>(v.as_signed())), place);
    else if (literal->lane() == Lane::f64 && v.as_double() >= 0 && v.as_double() <= kExact &&
             v.as_double() == std::floor(v.as_double()))
      literal = constant_node(Value(static_cast<std::uint64_t>(v.as_double())), place);
  } else if (other->lane() == Lane::i64) {
    if (literal->lane() == Lane::u64 && v.as_unsigned() <= INT64_MAX)
      literal = constant_node(Value(static_cast<std::int64_t>(v.as_unsigned())), place);
    else if (literal->lane() == Lane::f64 && std::fabs(v.as_double()) <= kExact &&
             v.as_double() == std::floor(v.as_double()))
      literal = constant_node(Value(static_cast<std::int64_t>(v.as_double())), place);
  } else if (other->lane() == Lane::f64) {
    if (literal->lane() == Lane::i64 && std::abs(v.as_signed() / 2) <= (std::int64_t{1} << 52))
      literal = constant_node(Value(static_cast<double>(v.as_signed())), place);
    else if (literal->lane() == Lane::u64 && v.as_unsigned() <= (std::uint64_t{1} << 53))
      literal = constant_node(Value(static_cast<double>(v.as_unsigned())), place);
  }
}

Error cannot_meet(const NodePtr& a, const NodePtr& b, Place place) {
  return place.error(ErrorCode::type_mismatch, std::string(name_of(a->type)) + " cannot be compared with " +
                                                   std::string(name_of(b->type)) + "; use CAST");
}

Result<void> times_meet(NodePtr& a, NodePtr& b, Place place) {
  for (NodePtr* n : {&a, &b}) {
    if (is_numeric((*n)->type)) *n = number_to_timestamp(*n, place);
    if (!is_temporal((*n)->type)) return cannot_meet(a, b, place);
  }
  if (a->type == b->type) return {};
  for (NodePtr* n : {&a, &b})
    if ((*n)->type == TypeId::date) *n = date_to_timestamp(*n, place, true);
  return {};
}

}  // namespace

Result<void> meet(NodePtr& a, NodePtr& b, Place place) {
  if (a->type == TypeId::null) a = null_node(b->type, place);
  if (b->type == TypeId::null) b = null_node(a->type, place);
  if (is_text_literal(a) && !is_variable(b->type)) {
    FIRN_ASSIGN(a, parse_literal(a, b->type));
  } else if (is_text_literal(b) && !is_variable(a->type)) {
    FIRN_ASSIGN(b, parse_literal(b, a->type));
  }
  if (is_variable(a->type) && is_variable(b->type)) return {};
  if (is_temporal(a->type) || is_temporal(b->type)) return times_meet(a, b, place);
  for (NodePtr* n : {&a, &b}) {
    const NodePtr& other = n == &a ? b : a;
    if ((*n)->type == TypeId::boolean && is_numeric(other->type)) {
      FIRN_ASSIGN(*n, make_cast(*n, TypeId::i64, place));
    }
  }
  if (is_numeric(a->type) && is_numeric(b->type)) {
    fit_literal(a, b);
    fit_literal(b, a);
    return {};
  }
  if (a->type != b->type) return cannot_meet(a, b, place);
  return {};
}

namespace {

/// The type two values can both take; invalid if there is none.
TypeId common_type(TypeId a, TypeId b) {
  if (a == b || b == TypeId::null) return a;
  if (a == TypeId::null) return b;
  if (is_temporal(a) && is_temporal(b)) return TypeId::timestamp;
  if (is_variable(a) && is_variable(b)) return TypeId::binary;
  if (!is_numeric(a) || !is_numeric(b)) return TypeId::invalid;
  if (is_float(a) || is_float(b)) return TypeId::f64;
  // The wider of two unsigned types: unlike u64, those below it may be subtracted to less than 0.
  return is_unsigned_integer(a) && is_unsigned_integer(b) ? std::max(a, b) : TypeId::i64;
}

}  // namespace

Result<TypeId> unify(const std::vector<NodePtr*>& nodes, Place place) {
  TypeId type = TypeId::null;
  for (NodePtr* n : nodes) {
    if (is_text_literal(*n)) continue;
    const TypeId next = common_type(type, (*n)->type);
    if (next == TypeId::invalid)
      return place.error(ErrorCode::type_mismatch, std::string(name_of(type)) + " and " +
                                                       std::string(name_of((*n)->type)) +
                                                       " have no common type; use CAST");
    type = next;
  }
  if (type == TypeId::null)
    for (NodePtr* n : nodes)
      if (is_text_literal(*n)) type = TypeId::utf8;
  // Literals that are not negative do not make a u64 signed.
  if (type == TypeId::i64) {
    bool literals_fit = true, any_u64 = false;
    for (NodePtr* n : nodes) {
      any_u64 = any_u64 || (*n)->type == TypeId::u64;
      literals_fit = literals_fit &&
                     ((*n)->lane() == Lane::u64 || (*n)->is_null_constant() ||
                      ((*n)->is_constant() && (*n)->type == TypeId::i64 && (*n)->constant.as_signed() >= 0));
    }
    if (any_u64 && literals_fit) type = TypeId::u64;
  }
  for (NodePtr* n : nodes) {
    if ((*n)->type == TypeId::null) {
      *n = null_node(type, place);
    } else if (is_text_literal(*n) && !is_variable(type)) {
      FIRN_ASSIGN(*n, parse_literal(*n, type));
    }
    if ((*n)->type != type) {
      FIRN_ASSIGN(*n, make_cast(*n, type, place));
    }
  }
  return type;
}

Result<NodePtr> make_condition(NodePtr a, Place place) {
  if (a->type == TypeId::boolean) return a;
  if (a->type == TypeId::null) return null_node(TypeId::boolean, place);
  if (is_numeric(a->type))
    return make_comparison(ExprOp::ne, a, constant_node(Value(std::int64_t{0}), place), place);
  return place_of(a).error(ErrorCode::type_mismatch,
                           "a condition is expected here, not " + std::string(name_of(a->type)));
}

}  // namespace firn::storage::query
