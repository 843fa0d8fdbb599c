// What makes a postfix expression well-formed. The parser uses it to bound depth, the message decoder to
// trust nothing.
#pragma once
#include <cstddef>
#include <optional>
#include <string_view>
#include <vector>

#include "schema/query.hpp"

namespace firn::sql {

/// How tightly an operator binds, from loose to tight; a text form and its reader must agree on it.
enum class Binding : std::uint8_t {
  none = 0,
  logical_or = 1,
  logical_and = 2,
  logical_not = 3,
  equality = 4,  ///< = <> IS IN BETWEEN LIKE
  relation = 5,  ///< < <= > >=
  concat = 6,    ///< ||
  sum = 7,       ///< + -
  product = 8,   ///< * / %
  sign = 9,      ///< unary -
  primary = 10,  ///< names, literals, calls, CASE, CAST, parentheses
};

/// Of the operator's own text form (a negative literal is the caller's business: it binds as a sign).
Binding binding_of(ExprOp op) noexcept;

struct ExpressionFault {
  std::size_t node;  ///< index of the offending node
  const char* message;
};

/// Runs the expression on a stack of depths. Faults: unknown op, wrong argc, operands missing or left over, a
/// type or DISTINCT where none belongs, index beyond names or literals, more than kExprNodesMax nodes, deeper
/// than kExprDepthMax. A chain of one precedence such as `a AND b AND c` counts as one level, as it does for
/// the parser. Requires a non-empty expression.
std::optional<ExpressionFault> find_fault(const Expr& expr, const std::vector<std::string>& names,
                                          std::size_t literals);

}  // namespace firn::sql
