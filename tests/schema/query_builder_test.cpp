// Queries put together from terms are those of the same words.
#include "schema/query_builder.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace firn {
namespace {

using namespace terms;

std::string sql_of(const QueryBuilder& builder) {
  const Result<Query> q = builder.build();
  return q ? q->text : q.error().message();
}

void expect_same(const QueryBuilder& builder, const std::string& sql) {
  const Result<Query> built = builder.build();
  ASSERT_TRUE(built) << built.error().message();
  const Query parsed = parse_query(sql).value();
  EXPECT_EQ(to_sql(*built), to_sql(parsed));
  EXPECT_TRUE(*built == parse_query(to_sql(parsed)).value());
}

/// SELECT a FROM t WHERE <condition>
void expect_condition(const Term& condition, const std::string& sql) {
  expect_same(QueryBuilder("t").select(column("a")).where(condition), "SELECT a FROM t WHERE " + sql);
}

TEST(QueryBuilder, AllClauses) {
  expect_same(QueryBuilder("t"), "SELECT * FROM t");
  expect_same(
      QueryBuilder("flights")
          .select(column("origin"))
          .select(count(), "n")
          .select(avg(column("delay")))
          .where(column("delay") > 60)
          .where(column("origin").in({"ORD", "ATL"}))
          .group_by(column("origin"))
          .having(count() > 10)
          .order_by(column("n"), Order::descending)
          .order_by(column("origin"))
          .limit(3, 7),
      "SELECT origin, count(*) AS n, avg(delay) FROM flights WHERE delay > 60 AND origin IN ('ORD', 'ATL') "
      "GROUP BY origin HAVING count(*) > 10 ORDER BY n DESC, origin LIMIT 3 OFFSET 7");
  expect_same(QueryBuilder("t").distinct().select(column("a")), "SELECT DISTINCT a FROM t");
  expect_same(QueryBuilder("t").since(Timestamp{1'000'000}),
              "SELECT * FROM t SINCE TIMESTAMP '1970-01-01 00:00:01'");
  expect_same(QueryBuilder("t").as_of(Csn{5}), "SELECT * FROM t AS OF CSN 5");
  expect_same(QueryBuilder("t").as_of(Timestamp{2'000'000}),
              "SELECT * FROM t AS OF TIMESTAMP '1970-01-01 00:00:02'");
  expect_same(QueryBuilder("t").changes_since(Csn{5}), "SELECT * FROM t CHANGES SINCE 5");
}

TEST(QueryBuilder, EveryOperator) {
  const Term a = column("a"), b = column("b");
  expect_condition(a + b * 2 - 3 / b % 4 == -a, "a + b * 2 - 3 / b % 4 = -a");
  expect_condition((a + b) * 2 != 1, "(a + b) * 2 <> 1");
  expect_condition(a < 1 || (a <= 2 && a > 3) || !(a >= 4), "a < 1 OR a <= 2 AND a > 3 OR NOT a >= 4");
  expect_condition((a == 1 || b == 2) && a.is_null(), "(a = 1 OR b = 2) AND a IS NULL");
  expect_condition(a.is_not_null() && a.not_in({1, 2}), "a IS NOT NULL AND a NOT IN (1, 2)");
  expect_condition(a.between(1, b) && b.not_between(3, 4), "a BETWEEN 1 AND b AND b NOT BETWEEN 3 AND 4");
  expect_condition(a.like("x%") || a.not_like("%y"), "a LIKE 'x%' OR a NOT LIKE '%y'");
  expect_condition(a.cast(TypeId::f64) > call("length", {concat(b, "z")}),
                   "CAST(a AS f64) > length(b || 'z')");
  expect_condition(case_when({{a > 1, 2}, {a > 0, 3}}, 4) == 2,
                   "CASE WHEN a > 1 THEN 2 WHEN a > 0 THEN 3 ELSE 4 END = 2");
  expect_condition(a > now(), "a > NOW()");
  expect_same(QueryBuilder("t")
                  .select(count_distinct(a))
                  .select(count(a))
                  .select(sum(a) / min(b) + max(b))
                  .select(aggregate("stddev", a), "deviation"),
              "SELECT count(DISTINCT a), count(a), sum(a) / min(b) + max(b), stddev(a) AS deviation FROM t");
}

TEST(QueryBuilder, ValuesNeedNoQuotes) {
  const Term a = column("a");
  const std::string hostile = "x'; DROP TABLE t; --\n\"";
  const Query q = QueryBuilder("odd \"table").where(a == hostile && column("b \"c") == 1).build().value();
  EXPECT_EQ(q.table, "odd \"table");
  EXPECT_EQ(q.names, (std::vector<std::string>{"a", "b \"c"}));
  EXPECT_EQ(q.literals.at(0), Value(hostile));
  for (const Value& v :
       {Value(std::uint8_t{7}), Value(std::int64_t{-7}), Value(std::numeric_limits<std::uint64_t>::max()),
        Value(0.5F), Value(std::numeric_limits<std::int64_t>::min()), Value(true), Value("text"),
        Value(Binary{std::string("\0\xFF", 2)}), Value(Timestamp{1}), Value(Date{-1}), Value()}) {
    const Result<Query> built = QueryBuilder("t").where(a == v).build();
    ASSERT_TRUE(built) << built.error().message();
    ASSERT_EQ(built->literals.size(), 1u) << to_sql(*built);
    EXPECT_EQ(built->literals[0].to_string(), v.to_string()) << to_sql(*built);
  }
}

TEST(QueryBuilder, ATermCanBeUsedTwice) {
  const Term late = column("delay") > 60;
  const QueryBuilder first = QueryBuilder("t").where(late), second = QueryBuilder("t").where(late && late);
  EXPECT_EQ(sql_of(first), "SELECT * FROM t WHERE delay > 60");
  EXPECT_EQ(sql_of(second), "SELECT * FROM t WHERE delay > 60 AND delay > 60");
  EXPECT_EQ(sql_of(first), "SELECT * FROM t WHERE delay > 60");
}

TEST(QueryBuilder, WhatIsNoQueryIsAnError) {
  EXPECT_FALSE(QueryBuilder("").build());
  EXPECT_FALSE(QueryBuilder("t").where(column("a") == std::string(kQueryTextMax, 'x')).build());
  Term deep = column("a");
  for (unsigned i = 0; i < 2 * kExprDepthMax; ++i) deep = call("abs", {deep + 1});
  const auto refused = QueryBuilder("t").where(deep > 1).build();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::parse) << refused.error().message();
}

}  // namespace
}  // namespace firn
