// From a query's flat postfix expressions to bound nodes: names -> columns, aliases, aggregates, groups.
//
// Binding runs over the postfix form with a stack of its own, so nesting costs no call depth. Each
// subexpression is bound for two places at once: over the scanned columns, and over the finished groups.
// Either may be impossible (an aggregate has no value in a row, an ungrouped column none in a group); the
// caller asks for the one it needs.
#pragma once
#include <deque>

#include "storage/query/plan.hpp"

namespace firn::storage::query {

struct Bound {
  NodePtr over_rows;    ///< nullptr: an aggregate stands at `blame`
  NodePtr over_groups;  ///< nullptr: an ungrouped column stands at `blame`
  std::uint32_t blame = 0;
  std::size_t begin = 0;  ///< where the subexpression begins in the postfix vector
};

class Binder {
 public:
  /// `plan.query` and `plan.schema` are set; columns, keys and aggregates are filled as they are met.
  Binder(PreparedQuery::Impl& plan, Timestamp now) : plan_(plan), now_(now) {}

  Result<NodePtr> bind_over_rows(const Expr& expr, const char* clause);
  /// Over groups if the query is aggregated, else over rows. With `aliases`, names that are no column may be
  /// those of select items.
  Result<NodePtr> bind_output(const Expr& expr, bool aliases);
  /// GROUP BY; requires that nothing has been bound over groups yet.
  Result<void> bind_groups();
  Result<NodePtr> event_time(Timestamp since);
  Result<NodePtr> column(std::size_t position, Place place);
  /// The select item that an ORDER BY or GROUP BY expression stands for by number (k) or, if `by_name`, by
  /// its name.
  Result<std::optional<std::size_t>> select_item(const Expr& expr, bool by_name) const;
  /// True if both are the same expression.
  bool same(std::span<const ExprNode> a, std::span<const ExprNode> b) const;
  Place place(std::uint32_t position) const { return {&plan_.query.text, position}; }

 private:
  Result<Bound> bind(const Expr& expr, bool aliases);
  Result<Bound> bind_column(const ExprNode& node, bool aliases);
  Result<Bound> bind_aggregate(std::span<const ExprNode> nodes, std::span<const Bound> args);
  Result<NodePtr> build(const ExprNode& node, std::vector<NodePtr> args);
  Result<void> check(const Expr& expr) const;
  std::optional<std::size_t> group_of(std::span<const ExprNode> nodes) const;
  std::optional<std::size_t> item_named(std::string_view name) const;
  Error unknown_column(const ExprNode& node) const;

  PreparedQuery::Impl& plan_;
  Timestamp now_;
  std::vector<std::span<const ExprNode>> group_exprs_, aggregate_exprs_;
};

/// True for aggregates, also where the query names one as a plain function (not every writer of queries knows
/// all).
bool is_aggregate(const Query& query, const ExprNode& node);

/// The conjuncts of a condition; those that are constantly true are left out.
void split_conjuncts(const NodePtr& condition, std::vector<NodePtr>& out);

/// ranges.cpp: what the conjuncts say about single columns.
std::vector<ColumnRange> find_ranges(std::span<const NodePtr> conjuncts, const Schema& schema,
                                     std::span<const std::size_t> columns);
/// explain.cpp
std::vector<std::string> describe(const PreparedQuery::Impl& plan);

}  // namespace firn::storage::query
