// A query as data: what SQL text, the builder and the FlatBuffers QueryRequest all become, and what the executor runs.
// The dialect: one table, SELECT ... [SINCE | CHANGES SINCE | AS OF] WHERE, GROUP BY, HAVING, ORDER BY, LIMIT; see schema/FORMATS.md.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "schema/value.hpp"

namespace firn {

/// Operators of the flat postfix expression form. Stored in messages: never renumber.
enum class ExprOp : std::uint8_t {
  invalid = 0,
  column = 1,   ///< index -> Query::names
  literal = 2,  ///< index -> Query::literals
  negate = 3,
  logical_not = 4,
  add = 5,
  subtract = 6,
  multiply = 7,
  divide = 8,
  modulo = 9,
  concat = 10,  ///< ||
  eq = 11,
  ne = 12,
  lt = 13,
  le = 14,
  gt = 15,
  ge = 16,
  logical_and = 17,
  logical_or = 18,
  is_null = 19,
  is_not_null = 20,
  in_list = 21,  ///< argc = 1 + number of items; the value comes first
  between = 22,  ///< value, low, high
  like = 23,     ///< value, pattern [, escape] by argc
  case_when =
      24,  ///< argc operands: when1, then1, when2, then2, ... [else if argc is odd]; simple CASE is rewritten
  cast = 25,       ///< to `type`
  call = 26,       ///< scalar function named names[index], argc arguments
  aggregate = 27,  ///< aggregate function named names[index]; argc 0 means count(*)
  now = 28,        ///< NOW(): microseconds, fixed once for the query
  not_in_list = 29,
  not_between = 30,
  not_like = 31,
};

/// One step of a postfix expression: pops its operands, pushes its result.
struct ExprNode {
  ExprOp op = ExprOp::invalid;
  TypeId type = TypeId::invalid;  ///< cast: the target
  bool distinct = false;          ///< aggregate: count(DISTINCT x) ...
  std::uint32_t index = 0;        ///< into Query::names or Query::literals
  std::uint32_t argc = 0;         ///< number of operands popped (filled for every op)
  std::uint32_t position = 0;     ///< byte offset in Query::text, for errors
  bool operator==(const ExprNode&) const = default;
};

/// Postfix; empty means "absent".
struct Expr {
  std::vector<ExprNode> nodes;
  bool empty() const noexcept { return nodes.empty(); }
  bool operator==(const Expr&) const = default;
};

struct SelectItem {
  Expr expr;         ///< empty: `*`, all columns (not `_row`, unless that is all there is to name)
  std::string name;  ///< AS name; else the column's name; else the expression's text as written
  bool operator==(const SelectItem&) const = default;
};

struct OrderItem {
  Expr
      expr;  ///< an integer literal k means the k-th select item; a bare name of a select item means that item
  bool descending = false;
  std::optional<bool> nulls_first;  ///< default: first ascending, last descending
  bool operator==(const OrderItem&) const = default;
};

enum class TimeTravel : std::uint8_t { none = 0, as_of_time = 1, as_of_csn = 2 };
/// Whether the rows are changes instead of the table's, and where they begin.
enum class ChangesSince : std::uint8_t { none = 0, csn = 1, time = 2 };

struct Query {
  std::string text;   ///< as the user wrote it; "" if built by hand
  std::string table;  ///< table name, or a quoted file path with from_file
  bool from_file = false;
  std::uint32_t table_position = 0;
  bool distinct = false;
  std::vector<SelectItem> select;
  std::optional<std::int64_t> since_us;      ///< SINCE t: keep rows whose event time >= t
  std::optional<std::int64_t> since_ago_us;  ///< SINCE NOW() - d is kept as d (since_us is unset then)
  TimeTravel travel = TimeTravel::none;
  std::int64_t as_of_us = 0;                 ///< as_of_time; microseconds
  std::optional<std::int64_t> as_of_ago_us;  ///< AS OF NOW() - d is kept as d
  std::uint64_t as_of_csn = 0;               ///< as_of_csn
  ChangesSince changes =
      ChangesSince::none;         ///< CHANGES SINCE: not together with SINCE; AS OF is where they end
  std::uint64_t changes_csn = 0;  ///< changes of commits after this one
  std::int64_t changes_us = 0;    ///< or of commits after this time; microseconds
  std::optional<std::int64_t> changes_ago_us;  ///< CHANGES SINCE NOW() - d is kept as d
  bool changes_before = false;                 ///< WITH BEFORE: updates come with the row that they replaced
  Expr where;
  std::vector<Expr> group_by;  ///< an integer literal k means the k-th select item
  Expr having;
  std::vector<OrderItem> order_by;
  std::optional<std::uint64_t> limit;
  std::uint64_t offset = 0;
  std::vector<std::string> names;  ///< column and function names (functions in lower case), each once
  std::vector<Value>
      literals;  ///< integers are i64 (u64 above 2^63 - 1), decimals f64, text utf8, durations i64 us
  bool operator==(const Query&) const = default;
};

inline constexpr std::size_t kQueryTextMax = 1 << 20;
inline constexpr unsigned kExprDepthMax = 100;
inline constexpr std::size_t kExprNodesMax = 10'000;

/// Parses one SELECT statement (a trailing `;` is allowed). Errors: {parse} whose message ends with the offending line
/// and a caret under the place, position() set; text above kQueryTextMax, nesting above kExprDepthMax. Any hostile
/// text answers in linear time. Durations (`1h`, `30m`, `7d`), DATE '..' and TIMESTAMP '..' literals, and
/// `FOR SYSTEM_TIME AS OF`, `[FOR] TIMESTAMP|VERSION AS OF` are understood.
Result<Query> parse_query(std::string_view sql);
/// A condition alone (`WHERE` without the word): the result's where, names, literals and text are set.
Result<Query> parse_condition(std::string_view sql);
/// SQL text that parse_query reads back to the same query (positions and text aside).
std::string to_sql(const Query& query);
/// The expression as SQL text.
std::string to_sql(const Query& query, const Expr& expr);

/// Two-line picture of a place in a text: the line and a caret under it.
std::string caret(std::string_view text, std::size_t position);

}  // namespace firn
