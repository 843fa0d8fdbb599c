#include "schema/query_builder.hpp"

#include <iterator>
#include <limits>

#include "schema/sql/symbols.hpp"

namespace firn {
namespace {

/// As the parser has literals: whole numbers as i64 where they fit, else u64; all others as f64.
Value as_literal(Value v) {
  if (is_signed_integer(v.type())) return v.as_signed();
  if (is_unsigned_integer(v.type())) {
    constexpr std::uint64_t kSignedMax = std::numeric_limits<std::int64_t>::max();
    return v.as_unsigned() <= kSignedMax ? Value(static_cast<std::int64_t>(v.as_unsigned()))
                                         : Value(v.as_unsigned());
  }
  if (is_float(v.type())) return v.as_double();
  return v;
}

Term binary(ExprOp op, Term a, Term b) {
  std::vector<Term> operands;
  operands.push_back(std::move(a));
  operands.push_back(std::move(b));
  return Term::of(op, std::move(operands));
}

Term with_list(ExprOp op, const Term& value, std::vector<Term> items) {
  items.insert(items.begin(), value);
  return Term::of(op, std::move(items));
}

/// Steps of a term as nodes of a query.
Expr expr_of(const Term& term, sql::Symbols& symbols) {
  Expr expr;
  for (const Term::Step& step : term.steps()) {
    ExprNode node = step.node;
    if (node.op == ExprOp::literal)
      node.index = symbols.literal(step.value);
    else if (node.op == ExprOp::column || node.op == ExprOp::call || node.op == ExprOp::aggregate)
      node.index = symbols.name(step.name);
    expr.nodes.push_back(node);
  }
  return expr;
}

void require(std::optional<Term>& all, const Term& one) { all = all ? *all && one : one; }

}  // namespace

Term Term::of(ExprOp op, std::vector<Term> operands, std::string name, TypeId type, bool distinct) {
  Term all;
  if (!operands.empty()) all.steps_ = std::move(operands.front().steps_);
  for (std::size_t i = 1; i < operands.size(); ++i)
    all.steps_.insert(all.steps_.end(), std::make_move_iterator(operands[i].steps_.begin()),
                      std::make_move_iterator(operands[i].steps_.end()));
  const auto argc = static_cast<std::uint32_t>(operands.size());
  all.steps_.push_back({{op, type, distinct, 0, argc, 0}, std::move(name), {}});
  return all;
}

Term::Term(Value value) {
  ExprNode node;
  node.op = ExprOp::literal;
  steps_.push_back({node, {}, as_literal(std::move(value))});
}

Term Term::is_null() const { return of(ExprOp::is_null, {*this}); }
Term Term::is_not_null() const { return of(ExprOp::is_not_null, {*this}); }
Term Term::in(std::vector<Term> items) const { return with_list(ExprOp::in_list, *this, std::move(items)); }
Term Term::not_in(std::vector<Term> items) const {
  return with_list(ExprOp::not_in_list, *this, std::move(items));
}
Term Term::between(Term low, Term high) const {
  return of(ExprOp::between, {*this, std::move(low), std::move(high)});
}
Term Term::not_between(Term low, Term high) const {
  return of(ExprOp::not_between, {*this, std::move(low), std::move(high)});
}
Term Term::like(Term pattern) const { return binary(ExprOp::like, *this, std::move(pattern)); }
Term Term::not_like(Term pattern) const { return binary(ExprOp::not_like, *this, std::move(pattern)); }
Term Term::cast(TypeId type) const { return of(ExprOp::cast, {*this}, {}, type); }

Term operator-(Term a) { return Term::of(ExprOp::negate, {std::move(a)}); }
Term operator!(Term a) { return Term::of(ExprOp::logical_not, {std::move(a)}); }
Term operator+(Term a, Term b) { return binary(ExprOp::add, std::move(a), std::move(b)); }
Term operator-(Term a, Term b) { return binary(ExprOp::subtract, std::move(a), std::move(b)); }
Term operator*(Term a, Term b) { return binary(ExprOp::multiply, std::move(a), std::move(b)); }
Term operator/(Term a, Term b) { return binary(ExprOp::divide, std::move(a), std::move(b)); }
Term operator%(Term a, Term b) { return binary(ExprOp::modulo, std::move(a), std::move(b)); }
Term operator==(Term a, Term b) { return binary(ExprOp::eq, std::move(a), std::move(b)); }
Term operator!=(Term a, Term b) { return binary(ExprOp::ne, std::move(a), std::move(b)); }
Term operator<(Term a, Term b) { return binary(ExprOp::lt, std::move(a), std::move(b)); }
Term operator<=(Term a, Term b) { return binary(ExprOp::le, std::move(a), std::move(b)); }
Term operator>(Term a, Term b) { return binary(ExprOp::gt, std::move(a), std::move(b)); }
Term operator>=(Term a, Term b) { return binary(ExprOp::ge, std::move(a), std::move(b)); }
Term operator&&(Term a, Term b) { return binary(ExprOp::logical_and, std::move(a), std::move(b)); }
Term operator||(Term a, Term b) { return binary(ExprOp::logical_or, std::move(a), std::move(b)); }

namespace terms {

Term column(std::string name) { return Term::of(ExprOp::column, {}, std::move(name)); }
Term now() { return Term::of(ExprOp::now, {}); }
Term call(std::string function, std::vector<Term> arguments) {
  return Term::of(ExprOp::call, std::move(arguments), std::move(function));
}
Term concat(Term a, Term b) { return binary(ExprOp::concat, std::move(a), std::move(b)); }
Term case_when(const std::vector<std::pair<Term, Term>>& branches, Term otherwise) {
  std::vector<Term> operands;
  for (const auto& [condition, value] : branches) {
    operands.push_back(condition);
    operands.push_back(value);
  }
  operands.push_back(std::move(otherwise));
  return Term::of(ExprOp::case_when, std::move(operands));
}
Term aggregate(std::string function, Term argument) {
  return Term::of(ExprOp::aggregate, {std::move(argument)}, std::move(function));
}
Term count() { return Term::of(ExprOp::aggregate, {}, "count"); }
Term count(Term argument) { return aggregate("count", std::move(argument)); }
Term count_distinct(Term argument) {
  return Term::of(ExprOp::aggregate, {std::move(argument)}, "count", TypeId::invalid, true);
}
Term sum(Term argument) { return aggregate("sum", std::move(argument)); }
Term avg(Term argument) { return aggregate("avg", std::move(argument)); }
Term min(Term argument) { return aggregate("min", std::move(argument)); }
Term max(Term argument) { return aggregate("max", std::move(argument)); }

}  // namespace terms

QueryBuilder::QueryBuilder(std::string table) { query_.table = std::move(table); }

QueryBuilder& QueryBuilder::select(const Term& item, std::string name) {
  select_.emplace_back(item, std::move(name));
  return *this;
}
QueryBuilder& QueryBuilder::distinct() {
  query_.distinct = true;
  return *this;
}
QueryBuilder& QueryBuilder::since(Timestamp t) {
  query_.since_us = t.us;
  return *this;
}
QueryBuilder& QueryBuilder::as_of(Timestamp t) {
  query_.travel = TimeTravel::as_of_time;
  query_.as_of_us = t.us;
  return *this;
}
QueryBuilder& QueryBuilder::as_of(Csn csn) {
  query_.travel = TimeTravel::as_of_csn;
  query_.as_of_csn = csn.value;
  return *this;
}
QueryBuilder& QueryBuilder::changes_since(Csn csn) {
  query_.changes = ChangesSince::csn;
  query_.changes_csn = csn.value;
  return *this;
}
QueryBuilder& QueryBuilder::where(const Term& condition) {
  require(where_, condition);
  return *this;
}
QueryBuilder& QueryBuilder::group_by(const Term& key) {
  group_by_.push_back(key);
  return *this;
}
QueryBuilder& QueryBuilder::having(const Term& condition) {
  require(having_, condition);
  return *this;
}
QueryBuilder& QueryBuilder::order_by(const Term& key, Order order) {
  order_by_.emplace_back(key, order);
  return *this;
}
QueryBuilder& QueryBuilder::limit(std::uint64_t rows, std::uint64_t offset) {
  query_.limit = rows;
  query_.offset = offset;
  return *this;
}

Result<Query> QueryBuilder::build() const {
  Query q = query_;
  sql::Symbols symbols(q);
  for (const auto& [item, name] : select_) q.select.push_back({expr_of(item, symbols), name});
  if (select_.empty()) q.select.emplace_back();
  if (where_) q.where = expr_of(*where_, symbols);
  for (const Term& key : group_by_) q.group_by.push_back(expr_of(key, symbols));
  if (having_) q.having = expr_of(*having_, symbols);
  for (const auto& [key, order] : order_by_)
    q.order_by.push_back({expr_of(key, symbols), order == Order::descending, std::nullopt});
  return parse_query(to_sql(q));  // one place says what is a query
}

}  // namespace firn
