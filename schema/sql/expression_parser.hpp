// Expressions of a query text, turned into postfix by precedence climbing.
//
// Recursion is bounded by kExprDepthMax nested parentheses, calls, CASE, CAST or lists; chains and prefix
// operators are loops. Precedence, loose to tight: OR | AND | NOT | = <> IS IN BETWEEN LIKE | < <= > >= | ||
// | + - | * / % | unary
// + - | ::  (as in SQLite, but for || which stands below + as in PostgreSQL).
#pragma once
#include <string>
#include <vector>

#include "schema/query.hpp"
#include "schema/sql/expression_shape.hpp"
#include "schema/sql/symbols.hpp"
#include "schema/sql/token_stream.hpp"

namespace firn::sql {

/// Nodes in all expressions of a query together: what rewriting a simple CASE may blow a text up to.
inline constexpr std::size_t kQueryNodesMax = 10 * kExprNodesMax;

class ExpressionParser {
 public:
  /// Both must outlive the parser.
  ExpressionParser(TokenStream& tokens, Symbols& symbols, const Query& query)
      : tokens_(tokens), symbols_(symbols), query_(query) {}

  /// One expression, as far as it goes; the token behind it is the caller's.
  Result<Expr> parse();

  /// `name.` before a column: the caller checks it against the table once that is known.
  struct Qualifier {
    std::string name;
    std::uint32_t position;
  };
  std::vector<Qualifier>& qualifiers() { return qualifiers_; }

 private:
  Result<void> parse_binding(Binding loosest);
  Result<void> parse_not();
  Result<void> parse_operator(Binding binding);
  Result<void> parse_comparison_word();
  Result<void> parse_is();
  Result<void> push_is_truth(std::uint32_t position, bool truth, bool answer);
  Result<void> parse_in(std::uint32_t position, bool negated);
  Result<void> parse_between(std::uint32_t position, bool negated);
  Result<void> parse_like(std::uint32_t position, bool negated);
  Result<void> parse_signed();
  Result<void> parse_postfix();
  Result<void> parse_primary();
  Result<void> parse_word();
  Result<void> parse_constant_word(const Token& token, bool& found);
  Result<void> parse_name();
  Result<void> parse_call();
  Result<void> parse_extract();
  Result<void> parse_substring_end(std::uint32_t& argc);
  Result<void> parse_aggregate(const Token& name, std::uint32_t index);
  Result<void> parse_call_end(const Token& name);
  Result<void> parse_arguments(std::uint32_t& argc);
  Result<void> parse_parenthesis();
  Result<void> parse_cast();
  Result<void> parse_case();
  Result<void> parse_case_branches(std::size_t subject_begin, std::size_t subject_end, ExprNode& node);
  Result<void> parse_case_arm(std::size_t subject_begin, std::size_t subject_end, bool is_first);
  Result<TypeId> parse_type();
  Result<void> parse_nested();

  Binding operator_ahead();
  Result<void> refuse_foreign_operator();
  Result<void> enter(std::uint32_t position);
  void leave() { --depth_; }
  Result<void> push(ExprOp op, std::uint32_t position, std::uint32_t argc = 0, std::uint32_t index = 0);
  Result<void> push(const ExprNode& node);
  Error expected_expression();

  TokenStream& tokens_;
  Symbols& symbols_;
  const Query& query_;
  std::vector<ExprNode> nodes_;
  std::vector<Qualifier> qualifiers_;
  std::size_t nodes_before_ = 0;  // in the query's earlier expressions
  unsigned depth_ = 0;
};

}  // namespace firn::sql
