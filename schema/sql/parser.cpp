// parse_query and parse_condition, and the statement's frame: SELECT items FROM table ... end.
#include <algorithm>

#include "schema/sql/keywords.hpp"
#include "schema/sql/statement_parser.hpp"

namespace firn {

namespace sql {

namespace {

constexpr const char* kOneTable = "this dialect has one table per SELECT: no joins, subqueries or WITH";

// What may follow the table, for suggestions.
constexpr std::string_view kClauses[] = {"SINCE", "AS",     "WHERE", "GROUP", "HAVING", "ORDER",
                                         "LIMIT", "OFFSET", "AND",   "OR",    "LIKE",   "BETWEEN"};
// Words behind a table's name that are not its alias.
constexpr std::string_view kNoAlias[] = {
    "SINCE",  "CHANGES", "FOR",   "VERSION", "TIMESTAMP", "OFFSET",     "JOIN", "LEFT",
    "RIGHT",  "FULL",    "INNER", "CROSS",   "NATURAL",   "OUTER",      "ASOF", "FETCH",
    "WINDOW", "QUALIFY", "USING", "ON",      "LATERAL",   "TABLESAMPLE"};
constexpr std::string_view kJoins[] = {"JOIN",  "LEFT",    "RIGHT", "FULL", "INNER",
                                       "CROSS", "NATURAL", "OUTER", "ASOF", "LATERAL"};

}  // namespace

Result<void> StatementParser::parse_statement() {
  FIRN_TRY(expect_select());
  query_.distinct = tokens_.accept_word("DISTINCT");
  FIRN_TRY(parse_items());
  FIRN_TRY(expect_from());
  FIRN_TRY(parse_table());
  FIRN_TRY(parse_times());
  if (tokens_.accept_word("WHERE")) {
    FIRN_ASSIGN(query_.where, expressions_.parse());
  }
  if (tokens_.at_word("GROUP")) FIRN_TRY(parse_group_by());
  if (tokens_.accept_word("HAVING")) {
    FIRN_ASSIGN(query_.having, expressions_.parse());
  }
  if (tokens_.at_word("ORDER")) FIRN_TRY(parse_order_by());
  FIRN_TRY(parse_limit());
  FIRN_TRY(expect_end());
  return check_qualifiers();
}

Result<void> StatementParser::parse_condition() {
  FIRN_ASSIGN(query_.where, expressions_.parse());
  if (!tokens_.at_end()) return tokens_.unexpected("an operator or the end of the condition", kClauses);
  if (expressions_.qualifiers().empty()) return {};
  return tokens_.fault(expressions_.qualifiers().front().position,
                       "a condition alone names its columns without table");
}

Result<void> StatementParser::expect_select() {
  static constexpr std::string_view kSelect[] = {"SELECT"};
  static constexpr std::string_view kOthers[] = {"INSERT", "UPDATE",  "DELETE", "CREATE", "DROP",    "ALTER",
                                                 "PRAGMA", "EXPLAIN", "VALUES", "MERGE",  "REPLACE", "SHOW"};
  if (tokens_.accept_word("SELECT")) return {};
  const std::uint32_t position = tokens_.peek().begin;
  if (tokens_.at_word("WITH")) return tokens_.unsupported(position, kOneTable);
  for (const std::string_view word : kOthers) {
    if (tokens_.at_word(word))
      return tokens_.unsupported(position, "a query is a SELECT: this dialect has no " + std::string(word));
  }
  return tokens_.unexpected("SELECT", kSelect);
}

Result<void> StatementParser::parse_items() {
  do {
    FIRN_TRY(parse_item());
    FIRN_TRY(check_count(query_.select.size(), "SELECT"));
  } while (tokens_.accept_symbol(","));
  return {};
}

Result<void> StatementParser::parse_item() {
  last_item_name_ = Token{};
  FIRN_ASSIGN(const bool is_star, parse_star());
  SelectItem item;
  if (!is_star) {
    const std::uint32_t begin = tokens_.peek().begin;
    FIRN_ASSIGN(item.expr, expressions_.parse());
    const ExprNode& last = item.expr.nodes.back();
    item.name = last.op == ExprOp::column ? query_.names[last.index]
                                          : query_.text.substr(begin, tokens_.last_end() - begin);
    FIRN_TRY(parse_item_name(item));
  }
  query_.select.push_back(std::move(item));
  return {};
}

// `*` and `table.*`, where the star is not an operator.
Result<bool> StatementParser::parse_star() {
  if (tokens_.accept_symbol("*")) return true;
  if (!tokens_.at_name() || !tokens_.at_symbol(".", 1) || !tokens_.at_symbol("*", 2)) return false;
  const std::uint32_t position = tokens_.peek().begin;
  expressions_.qualifiers().push_back({tokens_.take_name(), position});
  tokens_.take();
  tokens_.take();
  return true;
}

Result<void> StatementParser::parse_item_name(SelectItem& item) {
  if (tokens_.accept_word("AS")) {
    const TokenKind kind = tokens_.peek().kind;
    if (kind != TokenKind::word && kind != TokenKind::quoted_name) return tokens_.unexpected("a name");
    item.name = tokens_.take_name();
  } else if (tokens_.at_name()) {
    last_item_name_ = tokens_.peek();
    item.name = tokens_.take_name();
  }
  return {};
}

Result<void> StatementParser::expect_from() {
  static constexpr std::string_view kFrom[] = {"FROM"};
  if (tokens_.accept_word("FROM")) return {};
  // In `SELECT a FORM t` the item's name is the slip, not the word behind it.
  if (last_item_name_.kind == TokenKind::word && !nearest(tokens_.text(last_item_name_), kFrom).empty())
    return tokens_.fault(
        last_item_name_.begin,
        "expected FROM, found '" + std::string(tokens_.text(last_item_name_)) + "'; did you mean FROM?");
  return tokens_.unexpected(last_item_name_.kind == TokenKind::end ? "',', AS or FROM" : "',' or FROM",
                            kFrom);
}

Result<void> StatementParser::parse_table() {
  const Token token = tokens_.peek();
  query_.table_position = token.begin;
  if (tokens_.at_symbol("(")) return tokens_.unsupported(token.begin, kOneTable);
  if (token.kind == TokenKind::text) {
    query_.table = unquote(tokens_.text(tokens_.take()));
    query_.from_file = true;
    if (query_.table.empty()) return tokens_.fault(token.begin, "the path of the file is empty");
  } else if (tokens_.at_name()) {
    query_.table = tokens_.take_name();
  } else {
    return tokens_.unexpected("a table's name or a file's path in '..'");
  }
  if (tokens_.at_symbol("("))
    return tokens_.unsupported(token.begin,
                               "this dialect has no table functions: a file is read by FROM 'path'");
  FIRN_TRY(parse_alias());
  return refuse_second_table();
}

bool StatementParser::at_clause() {
  return std::any_of(std::begin(kNoAlias), std::end(kNoAlias),
                     [this](std::string_view word) { return tokens_.at_word(word); });
}

Result<void> StatementParser::parse_alias() {
  if (tokens_.at_word("AS") && !tokens_.at_word("OF", 1)) {
    tokens_.take();
    if (!tokens_.at_name()) return tokens_.unexpected("a name, or OF and a time");
    alias_ = tokens_.take_name();
    return {};
  }
  if (!tokens_.at_name() || at_clause()) return {};
  const bool is_slip = tokens_.peek().kind == TokenKind::word &&
                       !nearest(tokens_.text(tokens_.peek()), std::span(kClauses).first(6)).empty();
  if (is_slip) return tokens_.unexpected("a clause such as WHERE, or the end of the query", kClauses);
  alias_ = tokens_.take_name();
  return {};
}

Result<void> StatementParser::refuse_second_table() {
  const bool joins =
      tokens_.at_symbol(",") ||
      std::any_of(std::begin(kJoins), std::end(kJoins), [this](auto word) { return tokens_.at_word(word); });
  if (joins) return tokens_.unsupported(tokens_.peek().begin, kOneTable);
  return {};
}

Result<void> StatementParser::expect_end() {
  tokens_.accept_symbol(";");
  if (tokens_.at_end()) return {};
  const Token token = tokens_.peek();
  FIRN_TRY(refuse_second_table());
  for (const std::string_view word :
       {"UNION", "INTERSECT", "EXCEPT", "WINDOW", "QUALIFY", "FETCH", "TABLESAMPLE"}) {
    if (tokens_.at_word(word))
      return tokens_.unsupported(token.begin,
                                 "this dialect has one table per SELECT and no " + std::string(word));
  }
  if (tokens_.at_word("SINCE") || tokens_.at_word("CHANGES") || at_as_of())
    return tokens_.fault(token.begin,
                         "SINCE, CHANGES SINCE and AS OF stand right behind the table, before WHERE");
  if (tokens_.at_word("SELECT")) return tokens_.unexpected("the end of the query: one statement at a time");
  for (const std::string_view word : {"WHERE", "GROUP", "HAVING", "ORDER", "LIMIT"}) {
    if (tokens_.at_word(word))
      return tokens_.fault(
          token.begin,
          std::string(word) + " is out of place: the order is WHERE, GROUP BY, HAVING, ORDER BY, LIMIT");
  }
  return tokens_.unexpected("an operator, a clause or the end of the query", kClauses);
}

Result<void> StatementParser::check_qualifiers() {
  for (const auto& [name, position] : expressions_.qualifiers()) {
    if (name == (alias_.empty() ? query_.table : alias_)) continue;
    return tokens_.fault(position, "the query has no table '" + name.substr(0, 60) + "'");
  }
  return {};
}

Result<void> StatementParser::check_count(std::size_t n, std::string_view what) {
  if (n <= kQueryItemsMax) return {};
  return tokens_.fault(tokens_.last_end(),
                       std::string(what) + " has more than " + std::to_string(kQueryItemsMax) + " items");
}

}  // namespace sql

namespace {

// The first questions to any text; bad ones are told without a picture that could not be drawn.
Result<void> check_text(std::string_view text) {
  if (text.size() > kQueryTextMax)
    return Error(ErrorCode::parse,
                 "the query text has " + std::to_string(text.size()) + " bytes; at most " +
                     std::to_string(kQueryTextMax) + " are read",
                 kQueryTextMax);
  const std::size_t bad = sql::find_bad_utf8(text);
  if (bad != std::string_view::npos)
    return Error(ErrorCode::parse, "the query text is not UTF-8\n" + caret(text, bad), bad);
  return {};
}

}  // namespace

Result<Query> parse_query(std::string_view sql) {
  FIRN_TRY(check_text(sql));
  Query query;
  query.text = sql;
  FIRN_TRY(sql::StatementParser(query).parse_statement());
  return query;
}

Result<Query> parse_condition(std::string_view sql) {
  FIRN_TRY(check_text(sql));
  Query query;
  query.text = sql;
  FIRN_TRY(sql::StatementParser(query).parse_condition());
  return query;
}

}  // namespace firn
