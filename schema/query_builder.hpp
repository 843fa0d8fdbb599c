// Queries put together without text: the operators of C++ make expressions, and values need no quotes.
//
//   using namespace firn::terms;
//   const Query late = QueryBuilder("flights")
//                          .select(column("origin")).select(count(), "n").select(avg(column("delay")))
//                          .where(column("delay") > 60 && column("origin").in({"ORD", "ATL"}))
//                          .group_by(column("origin")).order_by(column("n"), Order::descending).limit(3)
//                          .build().value();
//
// What is built is what parse_query() gives for the same words; its text is there for errors to point at.
#pragma once
#include <concepts>
#include <utility>

#include "schema/query.hpp"

namespace firn {

/// An expression. A value stands for itself: `column("delay") > 60`. Copies are independent.
class Term {
 public:
  Term(Value value);  // NOLINT(google-explicit-constructor): that is what makes `> 60` work
  // NOLINTBEGIN(bugprone-forwarding-reference-overload): the constraint leaves copies and moves to the others
  template <class T>
  requires(std::constructible_from<Value, T> && !std::same_as<std::remove_cvref_t<T>, Value> &&
           !std::same_as<std::remove_cvref_t<T>, Term>) Term(T&& value)
      : Term(Value(std::forward<T>(value))) {}  // NOLINT(google-explicit-constructor)
  // NOLINTEND(bugprone-forwarding-reference-overload)

  Term is_null() const;
  Term is_not_null() const;
  Term in(std::vector<Term> items) const;
  Term not_in(std::vector<Term> items) const;
  Term between(Term low, Term high) const;
  Term not_between(Term low, Term high) const;
  Term like(Term pattern) const;
  Term not_like(Term pattern) const;
  Term cast(TypeId type) const;

  friend Term operator-(Term a);
  friend Term operator!(Term a);
  friend Term operator+(Term a, Term b);
  friend Term operator-(Term a, Term b);
  friend Term operator*(Term a, Term b);
  friend Term operator/(Term a, Term b);
  friend Term operator%(Term a, Term b);
  friend Term operator==(Term a, Term b);
  friend Term operator!=(Term a, Term b);
  friend Term operator<(Term a, Term b);
  friend Term operator<=(Term a, Term b);
  friend Term operator>(Term a, Term b);
  friend Term operator>=(Term a, Term b);
  /// AND and OR. Both sides are part of the query: nothing is skipped.
  friend Term operator&&(Term a, Term b);
  friend Term operator||(Term a, Term b);

  /// One postfix step: an operator, and the name or value that it needs.
  struct Step {
    ExprNode node;
    std::string name;
    Value value;
  };
  /// Operands in order, then the operator.
  static Term of(ExprOp op, std::vector<Term> operands, std::string name = {}, TypeId type = TypeId::invalid,
                 bool distinct = false);
  const std::vector<Step>& steps() const noexcept { return steps_; }

 private:
  Term() = default;
  std::vector<Step> steps_;
};

/// What SQL calls by name.
namespace terms {
Term column(std::string name);
Term now();
/// A scalar function: call("lower", {column("origin")}).
Term call(std::string function, std::vector<Term> arguments);
Term concat(Term a, Term b);
/// WHEN condition THEN value, in this order; then the ELSE, which may be NULL.
Term case_when(const std::vector<std::pair<Term, Term>>& branches, Term otherwise = Value());
/// An aggregate by its name: aggregate("stddev", column("delay")).
Term aggregate(std::string function, Term argument);
Term count();
Term count(Term argument);
Term count_distinct(Term argument);
Term sum(Term argument);
Term avg(Term argument);
Term min(Term argument);
Term max(Term argument);
}  // namespace terms

enum class Order : bool { ascending, descending };

/// Owned by one thread. Each call adds to what is there and gives the builder back.
class QueryBuilder {
 public:
  explicit QueryBuilder(std::string table);
  /// Without any: all columns.
  QueryBuilder& select(const Term& item, std::string name = {});
  QueryBuilder& distinct();
  /// Rows whose event time is at or after t.
  QueryBuilder& since(Timestamp t);
  /// The table as it stood then.
  QueryBuilder& as_of(Timestamp t);
  QueryBuilder& as_of(Csn csn);
  /// What commits after this one did to rows, instead of the rows.
  QueryBuilder& changes_since(Csn csn);
  /// Several conditions must all hold.
  QueryBuilder& where(const Term& condition);
  QueryBuilder& group_by(const Term& key);
  QueryBuilder& having(const Term& condition);
  QueryBuilder& order_by(const Term& key, Order order = Order::ascending);
  QueryBuilder& limit(std::uint64_t rows, std::uint64_t offset = 0);
  /// Errors: those of parse_query() for the same query as text: {parse} names that cannot be, too long or too deep.
  Result<Query> build() const;

 private:
  Query query_;  ///< without the expressions
  std::optional<Term> where_, having_;
  std::vector<std::pair<Term, std::string>> select_;
  std::vector<Term> group_by_;
  std::vector<std::pair<Term, Order>> order_by_;
};

}  // namespace firn
