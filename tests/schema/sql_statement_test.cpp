// Statements: clauses, times, names, and the errors that point into the text.
#include <gtest/gtest.h>

#include "schema/query.hpp"

namespace firn {
namespace {

Query parsed(const std::string& sql) {
  auto q = parse_query(sql);
  EXPECT_TRUE(q.ok()) << sql << "\n" << (q ? "" : q.error().message());
  return q ? *q : Query{};
}

void expect_error(const std::string& sql, const std::string& want, std::size_t position,
                  ErrorCode code = ErrorCode::parse) {
  auto q = parse_query(sql);
  ASSERT_FALSE(q.ok()) << sql;
  EXPECT_EQ(q.error().message(), want);
  EXPECT_EQ(q.error().position(), position) << sql;
  EXPECT_EQ(q.error().code(), code) << sql;
}

TEST(SqlStatement, AllClausesAreKept) {
  const Query q = parsed(
      "SELECT DISTINCT type, count(*) AS n, a+b total FROM \"user events\" WHERE a > 1 GROUP BY type, 2 "
      "HAVING count(*) > 5 ORDER BY n DESC NULLS LAST, type ASC NULLS FIRST, 1 LIMIT 10 OFFSET 5;");
  EXPECT_TRUE(q.distinct);
  ASSERT_EQ(q.select.size(), 3u);
  EXPECT_EQ(q.select[0].name, "type");
  EXPECT_EQ(q.select[1].name, "n");
  EXPECT_EQ(q.select[2].name, "total");
  EXPECT_EQ(q.table, "user events");
  EXPECT_FALSE(q.from_file);
  EXPECT_FALSE(q.where.empty());
  EXPECT_EQ(q.group_by.size(), 2u);
  EXPECT_FALSE(q.having.empty());
  ASSERT_EQ(q.order_by.size(), 3u);
  EXPECT_TRUE(q.order_by[0].descending);
  EXPECT_EQ(q.order_by[0].nulls_first, false);
  EXPECT_EQ(q.order_by[1].nulls_first, true);
  EXPECT_EQ(q.order_by[2].nulls_first, std::nullopt);
  EXPECT_EQ(q.limit, 10u);
  EXPECT_EQ(q.offset, 5u);
}

TEST(SqlStatement, ItemsAreNamedAsWritten) {
  const Query q = parsed("select *, count( * ), t.a, (b), a + /*c*/ 1 as \"x y\", max(a) order_ from t");
  ASSERT_EQ(q.select.size(), 6u);
  EXPECT_TRUE(q.select[0].expr.empty());
  EXPECT_EQ(q.select[1].name, "count( * )");
  EXPECT_EQ(q.select[2].name, "a");
  EXPECT_EQ(q.select[3].name, "b");
  EXPECT_EQ(q.select[4].name, "x y");
  EXPECT_EQ(q.select[5].name, "order_");
}

TEST(SqlStatement, KeywordLikeColumnsNeedNoQuotes) {
  for (const char* name :
       {"date",  "timestamp", "type",    "key",     "time",  "count", "first", "last",   "since",    "of",
        "csn",   "offset",    "version", "for",     "asc",   "desc",  "nulls", "escape", "interval", "now",
        "value", "user",      "min",     "changes", "table", "by",    "year",  "day",    "cast"}) {
    const std::string n = name;
    const Query q = parsed("SELECT " + n + ", max(" + n + ") AS " + n + " FROM t WHERE " + n + " > 1 AND " +
                           n + " IN (1) GROUP BY " + n + " ORDER BY " + n + " DESC, " + n);
    ASSERT_EQ(q.select.size(), 2u) << n;
    EXPECT_EQ(q.select[0].name, n);
    EXPECT_EQ(q.select[1].name, n);
  }
}

TEST(SqlStatement, FilesAndAliases) {
  EXPECT_TRUE(parsed("SELECT * FROM 'a b/it''s.csv'").from_file);
  EXPECT_EQ(parsed("SELECT * FROM 'a b/it''s.csv'").table, "a b/it's.csv");
  EXPECT_EQ(parsed("SELECT e.a, e.* FROM events e WHERE e.a > 1").table, "events");
  EXPECT_EQ(parsed("SELECT e.a FROM events AS e AS OF 5").travel, TimeTravel::as_of_time);
}

TEST(SqlStatement, TimesInAllSpellings) {
  EXPECT_EQ(parsed("SELECT * FROM t SINCE 1000000000").since_us, 1'000'000'000'000'000);
  EXPECT_EQ(parsed("SELECT * FROM t SINCE 1000000000000").since_us, 1'000'000'000'000'000);
  EXPECT_EQ(parsed("SELECT * FROM t SINCE -5").since_us, -5'000'000);
  EXPECT_EQ(parsed("SELECT * FROM t SINCE '1970-01-02'").since_us, 86'400'000'000);
  EXPECT_EQ(parsed("SELECT * FROM t SINCE DATE '1970-01-02'").since_us, 86'400'000'000);
  EXPECT_EQ(parsed("SELECT * FROM t since timestamp '1970-01-01 00:00:01'").since_us, 1'000'000);
  EXPECT_EQ(parsed("SELECT * FROM t SINCE NOW() - 1h WHERE a").since_ago_us, 3'600'000'000);
  EXPECT_EQ(parsed("SELECT * FROM t SINCE NOW() - INTERVAL '1 day'").since_ago_us, 86'400'000'000);
  EXPECT_EQ(parsed("SELECT * FROM t SINCE CURRENT_TIMESTAMP").since_ago_us, 0);
  EXPECT_EQ(parsed("SELECT * FROM t AS OF '1970-01-02T00:00:00Z'").as_of_us, 86'400'000'000);
  EXPECT_EQ(parsed("SELECT * FROM t AS OF NOW() - 5m").as_of_ago_us, 300'000'000);
  EXPECT_EQ(parsed("SELECT * FROM t FOR SYSTEM_TIME AS OF 7").as_of_us, 7'000'000);
  EXPECT_EQ(parsed("SELECT * FROM t FOR TIMESTAMP AS OF 7").as_of_us, 7'000'000);
  EXPECT_EQ(parsed("SELECT * FROM t TIMESTAMP AS OF 7").as_of_us, 7'000'000);
  for (const char* sql : {"SELECT * FROM t AS OF CSN 42", "SELECT * FROM t VERSION AS OF 42",
                          "SELECT * FROM t FOR VERSION AS OF 42"}) {
    EXPECT_EQ(parsed(sql).travel, TimeTravel::as_of_csn) << sql;
    EXPECT_EQ(parsed(sql).as_of_csn, 42u) << sql;
  }
  const Query changes = parsed("SELECT * FROM t CHANGES SINCE 42 AS OF CSN 50 WHERE _op = 'delete'");
  EXPECT_EQ(changes.changes, ChangesSince::csn);
  EXPECT_EQ(changes.changes_csn, 42u);
  EXPECT_EQ(changes.as_of_csn, 50u);
  EXPECT_FALSE(changes.changes_before);
  const Query timed = parsed("SELECT * FROM t changes since '1970-01-02T00:00:00Z' with before");
  EXPECT_EQ(timed.changes, ChangesSince::time);
  EXPECT_EQ(timed.changes_us, 86'400'000'000);
  EXPECT_TRUE(timed.changes_before);
  EXPECT_EQ(parsed("SELECT * FROM t CHANGES SINCE NOW() - 1h").changes_ago_us, 3'600'000'000);
  EXPECT_EQ(parsed("SELECT * FROM t CHANGES SINCE CSN 3").changes_csn, 3u);
  EXPECT_EQ(parsed("SELECT changes FROM changes").table, "changes");
  const Query both = parsed("SELECT * FROM t SINCE 1 AS OF CSN 18446744073709551615 LIMIT 1");
  EXPECT_EQ(both.as_of_csn, ~std::uint64_t{0});
  EXPECT_EQ(both.since_us, 1'000'000);
}

TEST(SqlError, PointsAtThePlace) {
  expect_error("SELECT a, ) FROM t", "expected an expression, found ')'\nSELECT a, ) FROM t\n          ^",
               10);
  expect_error("SELECT a, FROM t",
               "expected an expression, found 'FROM' (a keyword: as a name it is written \"FROM\")\n"
               "SELECT a, FROM t\n          ^",
               10);
  expect_error("", "expected SELECT, found the end of the text\n\n^", 0);
  expect_error("SELECT a\nFROM t\nWHERE a >  \n",
               "expected an expression, found the end of the text\nWHERE a >  \n         ^", 25);
  expect_error("SELECT a FROM t WHERE\ta = 'ü' AND\n",
               "expected an expression, found the end of the text\nSELECT a FROM t WHERE\ta = 'ü' AND\n"
               "                     \t           ^",
               34);
  expect_error("SELECT 'abc FROM t", "this text has no end: a ' is missing\nSELECT 'abc FROM t\n       ^", 7);
  expect_error("SELECT a FROM t LIMIT x",
               "expected a number of rows, found 'x'\nSELECT a FROM t LIMIT x\n                      ^", 22);
  expect_error("SELECT 12abc FROM t",
               "this is neither a number nor a duration (units are us, ms, s, m, h, d, w); "
               "a name that begins with a digit needs double quotes\nSELECT 12abc FROM t\n       ^",
               7);
  expect_error("SELECT CAST(a AS foo) FROM t",
               "no type is named 'foo': there are bool, i8 to i64, u8 to u64, f32, f64, utf8, binary, "
               "timestamp and date\nSELECT CAST(a AS foo) FROM t\n                 ^",
               17);
  expect_error(
      "SELECT a FROM t SELECT b",
      "expected the end of the query: one statement at a time, found 'SELECT' (a keyword: as a name it is "
      "written \"SELECT\")\nSELECT a FROM t SELECT b\n                ^",
      16);
}

TEST(SqlError, SuggestsTheNearWord) {
  const std::pair<const char*, const char*> cases[] = {
      {"SELCT a FROM t", "did you mean SELECT?"},
      {"SELECT a FORM t", "did you mean FROM?"},
      {"SELECT a b FRM t", "did you mean FROM?"},
      {"SELECT a FROM t WEHRE a > 1", "did you mean WHERE?"},
      {"SELECT a FROM t GRUOP BY a", "did you mean GROUP?"},
      {"SELECT a FROM t WHERE a > 1 ADN b", "did you mean AND?"},
      {"SELECT a FROM t WHERE a > 1 ODER BY b", "did you mean ORDER?"},
  };
  for (const auto& [sql, want] : cases) {
    auto q = parse_query(sql);
    ASSERT_FALSE(q.ok()) << sql;
    EXPECT_NE(q.error().message().find(want), std::string::npos) << q.error().message();
  }
}

TEST(SqlError, WhatTheDialectLacksIsUnsupported) {
  const std::pair<const char*, std::size_t> cases[] = {
      {"SELECT * FROM a, b", 15},
      {"SELECT * FROM a JOIN b ON a.x = b.x", 16},
      {"SELECT * FROM a LEFT JOIN b USING (x)", 16},
      {"SELECT * FROM (SELECT 1)", 14},
      {"SELECT (SELECT 1) FROM t", 8},
      {"SELECT a FROM t WHERE a IN (SELECT b FROM u)", 28},
      {"SELECT a FROM t WHERE EXISTS (SELECT 1)", 22},
      {"WITH x AS (SELECT 1) SELECT * FROM x", 0},
      {"SELECT sum(a) OVER (ORDER BY b) FROM t", 14},
      {"SELECT a FROM t UNION SELECT b FROM u", 16},
      {"SELECT * FROM t CHANGES SINCE 5 SINCE 6", 32},
      {"SELECT * FROM t SINCE 6 CHANGES SINCE 5", 24},
      {"DELETE FROM t", 0},
      {"SELECT a FROM t WHERE a ILIKE 'x'", 24},
      {"SELECT INTERVAL '1 month' FROM t", 16},
      {"SELECT * FROM read_csv('x')", 14},
  };
  for (const auto& [sql, position] : cases) {
    auto q = parse_query(sql);
    ASSERT_FALSE(q.ok()) << sql;
    EXPECT_EQ(q.error().code(), ErrorCode::unsupported) << sql << "\n" << q.error().message();
    EXPECT_EQ(q.error().position(), position) << q.error().message();
  }
}

TEST(SqlError, ChangesAskForACommitOrATime) {
  for (const char* literal : {"x", "", "1.5", "-", "'yesterday'"}) {
    const std::string sql = std::string("SELECT * FROM t CHANGES SINCE ") + literal;
    const auto q = parse_query(sql);
    ASSERT_FALSE(q.ok()) << sql;
    EXPECT_NE(q.error().message().find("commit number (CSN)"), std::string::npos) << q.error().message();
  }
  EXPECT_EQ(parse_query("SELECT * FROM t SINCE").error().message().find("CSN"), std::string::npos);
}

TEST(SqlError, ManyWrongTextsAreParseErrors) {
  for (const char* sql : {"SELECT",
                          "SELECT a",
                          "SELECT a FROM",
                          "SELECT a FROM t WHERE",
                          "SELECT a FROM t ORDER a",
                          "SELECT a FROM t LIMIT -1",
                          "SELECT a FROM t LIMIT 1.5",
                          "SELECT a FROM t LIMIT 1, 2",
                          "SELECT a FROM t; SELECT b FROM t",
                          "SELECT a FROM t WHERE a = = b",
                          "SELECT a b c FROM t",
                          "SELECT x'0' FROM t",
                          "SELECT x'0g' FROM t",
                          "SELECT \"\" FROM t",
                          "SELECT \"a FROM t",
                          "SELECT a /* FROM t",
                          "SELECT 1e999 FROM t",
                          "SELECT 0x FROM t",
                          "SELECT 1.5h FROM t",
                          "SELECT 0x10000000000000000 FROM t",
                          "SELECT a FROM t WHERE a IN ()",
                          "SELECT a FROM t WHERE a BETWEEN 1 OR 2",
                          "SELECT a FROM t WHERE a IS 5",
                          "SELECT CASE END FROM t",
                          "SELECT CASE a END FROM t",
                          "SELECT sum() FROM t",
                          "SELECT sum(*) FROM t",
                          "SELECT f(DISTINCT a) FROM t",
                          "SELECT NOW(1) FROM t",
                          "SELECT DATE 'x' FROM t",
                          "SELECT a FROM t SINCE 'x'",
                          "SELECT a FROM t SINCE a",
                          "SELECT a FROM t AS OF CSN 'x'",
                          "SELECT a FROM t SINCE 1 SINCE 2",
                          "SELECT u.a FROM t",
                          "SELECT a FROM t WHERE a SINCE 1",
                          "SELECT a FROM t LIMIT 1 WHERE a",
                          "SELECT a FROM ''",
                          "SELECT `a` FROM t",
                          "SELECT ? FROM t",
                          "SELECT a & b FROM t",
                          "SELECT \xff FROM t",
                          "SELECT \xE2\x80\x98"
                          "a\xE2\x80\x99 FROM t",
                          "SELECT a = NOT b FROM t",
                          "SELECT a::null FROM t"}) {
    auto q = parse_query(sql);
    ASSERT_FALSE(q.ok()) << sql;
    EXPECT_EQ(q.error().code(), ErrorCode::parse) << sql << "\n" << q.error().message();
    ASSERT_TRUE(q.error().position().has_value()) << sql;
    EXPECT_LE(*q.error().position(), std::string_view(sql).size());
    EXPECT_EQ(q.error().message().back(), '^') << q.error().message();
  }
}

TEST(SqlCaret, HandlesTabsWideCharactersAndLongLines) {
  EXPECT_EQ(caret("abc", 1), "abc\n ^");
  EXPECT_EQ(caret("abc", 99), "abc\n   ^");
  EXPECT_EQ(caret("a\n\tb\nc", 3), "\tb\n\t^");
  EXPECT_EQ(caret("漢字x", 6), "漢字x\n    ^");
  EXPECT_EQ(caret("a\r\nb", 0), "a\n^");
  EXPECT_EQ(caret("\x1b[31m", 1), "?[31m\n ^");
  const std::string line(1000, 'x');
  EXPECT_EQ(caret(line, 500), "..." + std::string(110, 'x') + "...\n" + std::string(63, ' ') + "^");
  EXPECT_EQ(caret(line, 0), std::string(50, 'x') + "...\n^");
  EXPECT_EQ(caret(line, 1000), "..." + std::string(60, 'x') + "\n" + std::string(63, ' ') + "^");
}

}  // namespace
}  // namespace firn
