#include "schema/sql/expression_parser.hpp"

#include "schema/sql/keywords.hpp"
#include "schema/sql/literals.hpp"

namespace firn::sql {

namespace {

struct SymbolOperator {
  std::string_view symbol;
  ExprOp op;
};
constexpr SymbolOperator kOperators[] = {
    {"=", ExprOp::eq},      {"==", ExprOp::eq},    {"<>", ExprOp::ne},      {"!=", ExprOp::ne},
    {"<", ExprOp::lt},      {"<=", ExprOp::le},    {">", ExprOp::gt},       {">=", ExprOp::ge},
    {"||", ExprOp::concat}, {"+", ExprOp::add},    {"-", ExprOp::subtract}, {"*", ExprOp::multiply},
    {"/", ExprOp::divide},  {"%", ExprOp::modulo},
};

ExprOp operator_of(std::string_view symbol) {
  for (const SymbolOperator& o : kOperators)
    if (o.symbol == symbol) return o.op;
  return ExprOp::invalid;
}

constexpr Binding tighter(Binding b) { return static_cast<Binding>(static_cast<int>(b) + 1); }

const std::string kTooDeep = "expressions nest deeper than " + std::to_string(kExprDepthMax) + " levels";
const std::string kTooMany = "an expression has more than " + std::to_string(kExprNodesMax) + " parts";
const std::string kTooManyInAll =
    "the query's expressions have more than " + std::to_string(kQueryNodesMax) + " parts together";

}  // namespace

Result<Expr> ExpressionParser::parse() {
  nodes_.clear();
  FIRN_TRY(parse_binding(Binding::logical_or));
  nodes_before_ += nodes_.size();
  Expr expr{std::move(nodes_)};
  // All else holds by construction; only redundant forms such as a::i64::i64::... reach a depth without
  // nesting.
  if (const auto fault = find_fault(expr, query_.names, query_.literals.size()))
    return tokens_.fault(expr.nodes[fault->node].position, kTooDeep);
  return expr;
}

Result<void> ExpressionParser::push(const ExprNode& node) {
  if (nodes_.size() >= kExprNodesMax) return tokens_.fault(node.position, kTooMany);
  if (nodes_before_ + nodes_.size() >= kQueryNodesMax) return tokens_.fault(node.position, kTooManyInAll);
  nodes_.push_back(node);
  return {};
}

Result<void> ExpressionParser::push(ExprOp op, std::uint32_t position, std::uint32_t argc,
                                    std::uint32_t index) {
  return push(ExprNode{op, TypeId::invalid, false, index, argc, position});
}

Result<void> ExpressionParser::enter(std::uint32_t position) {
  if (depth_ >= kExprDepthMax) return tokens_.fault(position, kTooDeep);
  ++depth_;
  return {};
}

// A whole expression inside another's brackets or keywords.
Result<void> ExpressionParser::parse_nested() {
  FIRN_TRY(enter(tokens_.peek().begin));
  FIRN_TRY(parse_binding(Binding::logical_or));
  leave();
  return {};
}

// Everything that binds at least as tightly as `loosest`.
Result<void> ExpressionParser::parse_binding(Binding loosest) {
  if (tokens_.at_word("NOT") && loosest <= Binding::logical_not) {
    FIRN_TRY(parse_not());
  } else {
    FIRN_TRY(parse_signed());
  }
  for (Binding b = operator_ahead(); b >= loosest && b != Binding::none; b = operator_ahead())
    FIRN_TRY(parse_operator(b));
  return refuse_foreign_operator();
}

Result<void> ExpressionParser::parse_not() {
  std::vector<std::uint32_t> positions;
  while (tokens_.at_word("NOT")) {
    if (positions.size() >= kExprDepthMax) return tokens_.fault(tokens_.peek().begin, kTooDeep);
    positions.push_back(tokens_.take().begin);
  }
  FIRN_TRY(parse_binding(Binding::equality));
  for (; !positions.empty(); positions.pop_back()) FIRN_TRY(push(ExprOp::logical_not, positions.back(), 1));
  return {};
}

// How tightly the operator binds that comes next; none if what comes next is no operator.
Binding ExpressionParser::operator_ahead() {
  const Token& token = tokens_.peek();
  if (token.kind == TokenKind::symbol) {
    const ExprOp op = operator_of(tokens_.text(token));
    return op == ExprOp::invalid ? Binding::none : binding_of(op);
  }
  if (token.kind != TokenKind::word) return Binding::none;
  if (tokens_.at_word("AND")) return Binding::logical_and;
  if (tokens_.at_word("OR")) return Binding::logical_or;
  const unsigned ahead = tokens_.at_word("NOT") ? 1 : 0;
  const bool compares =
      tokens_.at_word("IN", ahead) || tokens_.at_word("BETWEEN", ahead) || tokens_.at_word("LIKE", ahead);
  return compares || tokens_.at_word("IS") ? Binding::equality : Binding::none;
}

Result<void> ExpressionParser::parse_operator(Binding binding) {
  const Token token = tokens_.peek();
  if (token.kind == TokenKind::word && binding == Binding::equality) return parse_comparison_word();
  tokens_.take();
  ExprOp op = operator_of(tokens_.text(token));
  if (binding == Binding::logical_and) op = ExprOp::logical_and;
  if (binding == Binding::logical_or) op = ExprOp::logical_or;
  FIRN_TRY(parse_binding(tighter(binding)));
  return push(op, token.begin, 2);
}

Result<void> ExpressionParser::parse_comparison_word() {
  if (tokens_.at_word("IS")) return parse_is();
  const std::uint32_t position = tokens_.peek().begin;
  const bool negated = tokens_.accept_word("NOT");
  if (tokens_.accept_word("IN")) return parse_in(position, negated);
  if (tokens_.accept_word("BETWEEN")) return parse_between(position, negated);
  tokens_.take();
  return parse_like(position, negated);
}

Result<void> ExpressionParser::parse_is() {
  const std::uint32_t position = tokens_.take().begin;
  const bool negated = tokens_.accept_word("NOT");
  if (tokens_.accept_word("NULL")) return push(negated ? ExprOp::is_not_null : ExprOp::is_null, position, 1);
  if (tokens_.at_word("TRUE") || tokens_.at_word("FALSE"))
    return push_is_truth(position, tokens_.accept_word("TRUE") || !tokens_.accept_word("FALSE"), !negated);
  return tokens_.unexpected(negated ? "NULL, TRUE or FALSE" : "NULL, TRUE, FALSE or NOT");
}

// x IS TRUE becomes CASE WHEN x THEN TRUE ELSE FALSE END, x IS FALSE the same of NOT x: never NULL.
Result<void> ExpressionParser::push_is_truth(std::uint32_t position, bool truth, bool answer) {
  if (!truth) FIRN_TRY(push(ExprOp::logical_not, position, 1));
  FIRN_TRY(push(ExprOp::literal, position, 0, symbols_.literal(Value(answer))));
  FIRN_TRY(push(ExprOp::literal, position, 0, symbols_.literal(Value(!answer))));
  return push(ExprOp::case_when, position, 3);
}

Result<void> ExpressionParser::parse_in(std::uint32_t position, bool negated) {
  FIRN_TRY(tokens_.expect_symbol("("));
  std::uint32_t argc = 1;
  FIRN_TRY(parse_arguments(argc));
  FIRN_TRY(tokens_.expect_symbol(")"));
  return push(negated ? ExprOp::not_in_list : ExprOp::in_list, position, argc);
}

Result<void> ExpressionParser::parse_between(std::uint32_t position, bool negated) {
  FIRN_TRY(parse_binding(Binding::relation));
  FIRN_TRY(tokens_.expect_word("AND"));
  FIRN_TRY(parse_binding(Binding::relation));
  return push(negated ? ExprOp::not_between : ExprOp::between, position, 3);
}

Result<void> ExpressionParser::parse_like(std::uint32_t position, bool negated) {
  FIRN_TRY(parse_binding(Binding::relation));
  const bool has_escape = tokens_.accept_word("ESCAPE");
  if (has_escape) FIRN_TRY(parse_binding(Binding::relation));
  return push(negated ? ExprOp::not_like : ExprOp::like, position, has_escape ? 3 : 2);
}

// Signs before a primary. The one next to a number becomes part of it, unless :: binds the number first.
Result<void> ExpressionParser::parse_signed() {
  std::vector<std::uint32_t> minuses;
  bool minus_is_next = false;
  std::size_t signs = 0;
  while (tokens_.at_symbol("-") || tokens_.at_symbol("+")) {
    if (++signs > kExprDepthMax) return tokens_.fault(tokens_.peek().begin, kTooDeep);
    minus_is_next = tokens_.at_symbol("-");
    const std::uint32_t position = tokens_.take().begin;
    if (minus_is_next) minuses.push_back(position);
  }
  if (minus_is_next && is_number(tokens_.peek().kind) && !tokens_.at_symbol("::", 1)) {
    const Token number = tokens_.take();
    FIRN_ASSIGN(Value value, value_of_literal(tokens_, number, true));
    FIRN_TRY(push(ExprOp::literal, minuses.back(), 0, symbols_.literal(std::move(value))));
    minuses.pop_back();
  } else {
    FIRN_TRY(parse_postfix());
  }
  for (; !minuses.empty(); minuses.pop_back()) FIRN_TRY(push(ExprOp::negate, minuses.back(), 1));
  return {};
}

Result<void> ExpressionParser::parse_postfix() {
  FIRN_TRY(parse_primary());
  while (tokens_.at_symbol("::")) {
    const std::uint32_t position = tokens_.take().begin;
    FIRN_ASSIGN(const TypeId type, parse_type());
    FIRN_TRY(push(ExprNode{ExprOp::cast, type, false, 0, 1, position}));
  }
  return {};
}

// Operators that other dialects have: better named than taken for an alias.
Result<void> ExpressionParser::refuse_foreign_operator() {
  static constexpr std::string_view kForeign[] = {"ILIKE", "GLOB",    "REGEXP", "RLIKE", "SIMILAR",
                                                  "MATCH", "COLLATE", "DIV",    "MOD",   "XOR"};
  const Token& token = tokens_.peek();
  if (token.kind != TokenKind::word) return {};
  const Token& after = tokens_.peek(1);
  const bool has_operand = after.kind == TokenKind::text || is_number(after.kind) ||
                           tokens_.at_symbol("(", 1) || tokens_.at_name(1);
  if (!has_operand) return {};
  for (const std::string_view word : kForeign) {
    if (tokens_.at_word(word))
      return tokens_.unsupported(token.begin, "this dialect has no operator " + std::string(word));
  }
  return {};
}

}  // namespace firn::sql
