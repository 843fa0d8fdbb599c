// Primaries of an expression: literals, names, calls, CASE, CAST, parentheses. See expression_parser.hpp.
#include <algorithm>

#include "schema/sql/expression_parser.hpp"
#include "schema/sql/keywords.hpp"
#include "schema/sql/literals.hpp"

namespace firn::sql {

namespace {

constexpr const char* kOneTableOnly = "this dialect has one table per SELECT: no joins, subqueries or WITH";
constexpr const char* kNoWindows = "this dialect has one table per SELECT and no window functions";

std::string lower(std::string_view s) {
  std::string out(s);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return out;
}

}  // namespace

Error ExpressionParser::expected_expression() {
  if (tokens_.at_word("NOT"))
    return tokens_.fault(tokens_.peek().begin,
                         "NOT binds looser than the operator before it: write (NOT ...)");
  if (tokens_.at_symbol("*"))
    return tokens_.fault(tokens_.peek().begin, "'*' stands alone in a select list or in count(*)");
  return tokens_.unexpected("an expression");
}

Result<void> ExpressionParser::parse_primary() {
  const Token token = tokens_.peek();
  switch (token.kind) {
    case TokenKind::integer:
    case TokenKind::decimal:
    case TokenKind::hex:
    case TokenKind::duration:
    case TokenKind::text:
    case TokenKind::blob: {
      tokens_.take();
      FIRN_ASSIGN(Value value, value_of_literal(tokens_, token, false));
      return push(ExprOp::literal, token.begin, 0, symbols_.literal(std::move(value)));
    }
    case TokenKind::word:
      return parse_word();
    case TokenKind::quoted_name:
      return parse_name();
    case TokenKind::symbol:
      if (tokens_.at_symbol("(")) return parse_parenthesis();
      return expected_expression();
    default:
      return expected_expression();
  }
}

Result<void> ExpressionParser::parse_word() {
  const Token token = tokens_.peek();
  bool found = false;
  FIRN_TRY(parse_constant_word(token, found));
  if (found) return {};
  if (tokens_.at_word("CASE")) return parse_case();
  if (tokens_.at_word("CAST") && tokens_.at_symbol("(", 1)) return parse_cast();
  const bool nests = tokens_.at_word("SELECT") || (tokens_.at_word("EXISTS") && tokens_.at_symbol("(", 1));
  if (nests) return tokens_.unsupported(token.begin, kOneTableOnly);
  if (at_typed_literal(tokens_)) {
    FIRN_ASSIGN(Value value, take_typed_literal(tokens_));
    return push(ExprOp::literal, token.begin, 0, symbols_.literal(std::move(value)));
  }
  if (is_reserved(tokens_.text(token))) return expected_expression();
  return parse_name();
}

// NULL, TRUE, FALSE, CURRENT_TIMESTAMP, CURRENT_DATE, NOW().
Result<void> ExpressionParser::parse_constant_word(const Token& token, bool& found) {
  found = true;
  const auto literal = [&](Value value) {
    tokens_.take();
    return push(ExprOp::literal, token.begin, 0, symbols_.literal(std::move(value)));
  };
  if (tokens_.at_word("NULL")) return literal(Value());
  if (tokens_.at_word("TRUE")) return literal(Value(true));
  if (tokens_.at_word("FALSE")) return literal(Value(false));
  if (tokens_.accept_word("CURRENT_TIMESTAMP")) return push(ExprOp::now, token.begin);
  if (tokens_.accept_word("CURRENT_DATE")) {
    FIRN_TRY(push(ExprOp::now, token.begin));
    return push(ExprNode{ExprOp::cast, TypeId::date, false, 0, 1, token.begin});
  }
  if (tokens_.at_word("NOW") && tokens_.at_symbol("(", 1)) {
    tokens_.take();
    tokens_.take();
    FIRN_TRY(tokens_.expect_symbol(")"));
    return push(ExprOp::now, token.begin);
  }
  found = false;
  return {};
}

// A column, table.column, or a call.
Result<void> ExpressionParser::parse_name() {
  if (tokens_.at_symbol("(", 1)) return parse_call();
  const std::uint32_t position = tokens_.peek().begin;
  std::string name = tokens_.take_name();
  if (tokens_.accept_symbol(".")) {
    qualifiers_.push_back({std::move(name), position});
    const Token& column = tokens_.peek();
    if (column.kind != TokenKind::word && column.kind != TokenKind::quoted_name)
      return tokens_.unexpected("a column's name");
    name = tokens_.take_name();
  }
  return push(ExprOp::column, position, 0, symbols_.name(name));
}

// EXTRACT(part FROM time) becomes part(time).
Result<void> ExpressionParser::parse_extract() {
  const std::uint32_t position = tokens_.take().begin;
  tokens_.take();
  const std::uint32_t part = symbols_.name(lower(tokens_.take_name()));
  FIRN_TRY(tokens_.expect_word("FROM"));
  FIRN_TRY(parse_nested());
  FIRN_TRY(tokens_.expect_symbol(")"));
  return push(ExprOp::call, position, 1, part);
}

// SUBSTRING(text FROM start [FOR count]) becomes substring(text, start [, count]); the text has been read.
Result<void> ExpressionParser::parse_substring_end(std::uint32_t& argc) {
  if (!tokens_.accept_word("FROM")) return {};
  FIRN_TRY(parse_nested());
  ++argc;
  if (!tokens_.accept_word("FOR")) return {};
  FIRN_TRY(parse_nested());
  ++argc;
  return {};
}

Result<void> ExpressionParser::parse_call() {
  const bool extracts = tokens_.at_word("EXTRACT") && tokens_.at_name(2) && tokens_.at_word("FROM", 3);
  if (extracts) return parse_extract();
  const Token token = tokens_.peek();
  const std::string name = lower(tokens_.take_name());
  tokens_.take();
  const std::uint32_t index = symbols_.name(name);
  if (is_aggregate(name)) return parse_aggregate(token, index);
  if (tokens_.at_word("DISTINCT"))
    return tokens_.fault(tokens_.peek().begin,
                         "DISTINCT belongs into an aggregate, and " + name + " is none");
  std::uint32_t argc = 0;
  if (!tokens_.at_symbol(")")) FIRN_TRY(parse_arguments(argc));
  if (argc == 1 && (name == "substring" || name == "substr")) FIRN_TRY(parse_substring_end(argc));
  FIRN_TRY(parse_call_end(token));
  return push(ExprOp::call, token.begin, argc, index);
}

Result<void> ExpressionParser::parse_aggregate(const Token& name, std::uint32_t index) {
  const bool counts = query_.names[index] == "count";
  std::uint32_t argc = 0;
  const bool distinct = tokens_.accept_word("DISTINCT");
  if (counts && !distinct && tokens_.at_symbol("*") && tokens_.at_symbol(")", 1)) {
    tokens_.take();
  } else if (!counts || distinct || !tokens_.at_symbol(")")) {
    FIRN_TRY(parse_arguments(argc));
  }
  FIRN_TRY(parse_call_end(name));
  return push(ExprNode{ExprOp::aggregate, TypeId::invalid, distinct, index, argc, name.begin});
}

Result<void> ExpressionParser::parse_call_end(const Token& name) {
  FIRN_TRY(tokens_.expect_symbol(")"));
  const bool is_window = tokens_.at_word("OVER") && (tokens_.at_symbol("(", 1) || tokens_.at_name(1));
  if (is_window) return tokens_.unsupported(tokens_.peek().begin, kNoWindows);
  const bool filters = tokens_.at_word("FILTER") && tokens_.at_symbol("(", 1);
  const bool orders = tokens_.at_word("WITHIN") && tokens_.at_word("GROUP", 1);
  if (!filters && !orders) return {};
  return tokens_.unsupported(tokens_.peek().begin, "this dialect has no FILTER or WITHIN GROUP: write " +
                                                       std::string(tokens_.text(name)) +
                                                       "(CASE WHEN ... THEN ... END)");
}

// At least one expression, separated by commas; adds their number to argc.
Result<void> ExpressionParser::parse_arguments(std::uint32_t& argc) {
  do {
    FIRN_TRY(parse_nested());
    ++argc;
  } while (tokens_.accept_symbol(","));
  return {};
}

Result<void> ExpressionParser::parse_parenthesis() {
  tokens_.take();
  FIRN_TRY(parse_nested());
  return tokens_.expect_symbol(")");
}

Result<void> ExpressionParser::parse_cast() {
  const std::uint32_t position = tokens_.take().begin;
  tokens_.take();
  FIRN_TRY(parse_nested());
  FIRN_TRY(tokens_.expect_word("AS"));
  FIRN_ASSIGN(const TypeId type, parse_type());
  FIRN_TRY(tokens_.expect_symbol(")"));
  return push(ExprNode{ExprOp::cast, type, false, 0, 1, position});
}

Result<TypeId> ExpressionParser::parse_type() {
  const Token token = tokens_.peek();
  if (token.kind != TokenKind::word) return tokens_.unexpected("the name of a type");
  tokens_.take();
  std::string name(tokens_.text(token));
  if (equals_ignoring_case(name, "DOUBLE")) tokens_.accept_word("PRECISION");
  const auto type = type_from_name(name);
  if (!type || *type == TypeId::invalid || *type == TypeId::null)
    return tokens_.fault(token.begin, "no type is named '" + name.substr(0, 40) +
                                          "': there are bool, i8 to i64, u8 to u64, f32, f64, utf8, binary, "
                                          "timestamp and date");
  if (tokens_.at_symbol("("))
    return tokens_.unsupported(tokens_.peek().begin, "types have no length or precision here");
  return *type;
}

// CASE WHEN c THEN r ... stays; CASE x WHEN v THEN r ... becomes CASE WHEN x = v THEN r ...
Result<void> ExpressionParser::parse_case() {
  ExprNode node{ExprOp::case_when, TypeId::invalid, false, 0, 0, tokens_.take().begin};
  FIRN_TRY(enter(node.position));
  const std::size_t subject_begin = nodes_.size();
  if (!tokens_.at_word("WHEN")) FIRN_TRY(parse_binding(Binding::logical_or));
  FIRN_TRY(parse_case_branches(subject_begin, nodes_.size(), node));
  leave();
  return push(node);
}

Result<void> ExpressionParser::parse_case_branches(std::size_t subject_begin, std::size_t subject_end,
                                                   ExprNode& node) {
  do {
    FIRN_TRY(parse_case_arm(subject_begin, subject_end, node.argc == 0));
    node.argc += 2;
  } while (tokens_.at_word("WHEN"));
  if (tokens_.accept_word("ELSE")) {
    FIRN_TRY(parse_binding(Binding::logical_or));
    ++node.argc;
  }
  return tokens_.expect_word("END");
}

Result<void> ExpressionParser::parse_case_arm(std::size_t subject_begin, std::size_t subject_end,
                                              bool is_first) {
  const std::uint32_t position = tokens_.peek().begin;
  FIRN_TRY(tokens_.expect_word("WHEN"));
  for (std::size_t i = subject_begin; i < subject_end && !is_first; ++i) {
    const ExprNode copy = nodes_[i];
    FIRN_TRY(push(copy));
  }
  FIRN_TRY(parse_binding(Binding::logical_or));
  if (subject_begin != subject_end) FIRN_TRY(push(ExprOp::eq, position, 2));
  FIRN_TRY(tokens_.expect_word("THEN"));
  return parse_binding(Binding::logical_or);
}

}  // namespace firn::sql
