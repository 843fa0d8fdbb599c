// What each part of the query language means, on one small table.
#include "query_fixture.hpp"

namespace firn::storage {
namespace {

class QuerySemantics : public testing::Test {
 protected:
  QuerySemantics()
      : t("id u64, a i64 null, b i32 null, x f64 null, s utf8 null, f bool null, at timestamp null, day date "
          "null, big u64 null",
          {.key = {"id"}, .time = "at"}) {
    const auto ts = [](const char* s) { return Value(Timestamp{parse_timestamp(s).value()}); };
    const auto day = [](const char* s) { return Value(Date{parse_date(s).value()}); };
    t.fill({
        {1U, 10, 1, 1.5, "apple", true, ts("2024-01-01T10:00:00Z"), day("2024-01-01"), 5U},
        {2U, 20, -2, -2.5, "banana", false, ts("2024-01-01T11:30:00Z"), day("2024-01-02"),
         std::uint64_t{1} << 63U},
        {3U, nullptr, 3, nullptr, "cherry", nullptr, ts("2024-01-02T00:00:00Z"), nullptr, nullptr},
        {4U, 40, nullptr, 4.0, nullptr, true, nullptr, day("2024-03-01"), 7U},
        {5U, 20, 5, 0.0, "apple", false, ts("2024-02-29T23:59:59Z"), day("2024-02-29"), 0U},
    });
  }
  std::string one(const std::string& expr, int id = 1) {
    return t.ask("SELECT " + expr + " FROM t WHERE id = " + std::to_string(id));
  }
  std::string ids(const std::string& where) {
    return t.ask("SELECT id FROM t WHERE " + where + " ORDER BY id");
  }
  MemoryTable t;
};

TEST_F(QuerySemantics, Arithmetic) {
  EXPECT_EQ(one("a + b, a - b, a * b, a / 3, a % 3, -a"), "11|9|10|3|1|-10");
  EXPECT_EQ(one("-7 / 2, -7 % 2, 7 / 0, 7.0 / 0, a % 0"), "-3|-1|NULL|NULL|NULL");
  EXPECT_EQ(one("x + a, x * 2, a / 4.0"), "11.5|3|2.5");
  EXPECT_EQ(one("a + 1", 3), "NULL");
  EXPECT_EQ(one("big + 1, big * 1, big - 5", 2),
            "9223372036854775809|9223372036854775808|9223372036854775803");
  EXPECT_EQ(one("big + b", 1), "6");
}

TEST_F(QuerySemantics, OverflowIsAnErrorAtItsPlace) {
  const std::string e = one("9223372036854775807 + a");
  EXPECT_NE(e.find("error out_of_range"), std::string::npos) << e;
  EXPECT_NE(e.find("^"), std::string::npos) << e;
  EXPECT_NE(one("big - 6").find("out_of_range"), std::string::npos);
  EXPECT_NE(one("abs(-9223372036854775807 - 1)").find("out_of_range"), std::string::npos);
  EXPECT_NE(t.ask("SELECT sum(a * 400000000000000000) FROM t").find("out_of_range"), std::string::npos);
}

TEST_F(QuerySemantics, UnselectedRowsRaiseNothing) {
  EXPECT_EQ(ids("id > 1 AND id < 3 AND a * 461168601842738790 > 0"), "2");
  EXPECT_EQ(one("CASE WHEN a > 100 THEN a * 9223372036854775807 ELSE 0 END"), "0");
  EXPECT_NE(ids("(a = 10 AND a * 9223372036854775807 = 0) OR id = 2").find("out_of_range"),
            std::string::npos);
  EXPECT_EQ(ids("(a = 11 AND a * 9223372036854775807 = 0) OR id = 2"), "2");
  EXPECT_EQ(one("coalesce(a, CAST(s AS i64))"), "10");
}

TEST_F(QuerySemantics, ComparisonsAndNulls) {
  EXPECT_EQ(ids("a = 20"), "2;5");
  EXPECT_EQ(ids("a <> 20"), "1;4");
  EXPECT_EQ(ids("NOT a = 20"), "1;4");
  EXPECT_EQ(ids("a IS NULL"), "3");
  EXPECT_EQ(ids("a IN (10, 40)"), "1;4");
  EXPECT_EQ(ids("a NOT IN (10, NULL)"), "");
  EXPECT_EQ(ids("a IN (10, NULL)"), "1");
  EXPECT_EQ(ids("a BETWEEN 15 AND 40"), "2;4;5");
  EXPECT_EQ(ids("a NOT BETWEEN 15 AND 30"), "1;4");
  EXPECT_EQ(ids("a > 15 OR f"), "1;2;4;5");
  EXPECT_EQ(ids("a = NULL"), "");
  EXPECT_EQ(ids("x > a"), "");
  EXPECT_EQ(ids("b < big"), "1;2");
  EXPECT_EQ(ids("big >= 9223372036854775807.5"), "2");
  EXPECT_EQ(ids("a > '15'"), "2;4;5");
  EXPECT_EQ(ids("x = -0.0"), "5");
  EXPECT_EQ(one("NULL AND false, NULL OR true, NULL AND true, NOT NULL"), "false|true|NULL|NULL");
}

TEST_F(QuerySemantics, UnsignedTypesBelowU64MeetInTheWiderOne) {
  MemoryTable small("k u32, m u16 null, big u64", {.key = {"k"}, .time = ""});
  small.fill({{1U, std::uint16_t{2}, std::uint64_t{3}}});
  EXPECT_EQ(
      small.ask(
          "SELECT CASE WHEN k = 1 THEN m ELSE k END - 5, coalesce(m, k) - k - 9, typeof(coalesce(m, k)), "
          "typeof(coalesce(m, big)) FROM t"),
      "-3|-8|u32|u64");
}

TEST_F(QuerySemantics, Times) {
  EXPECT_EQ(ids("at >= '2024-01-02'"), "3;5");
  EXPECT_EQ(ids("at < 1704106800"), "1");
  EXPECT_EQ(ids("day = '2024-02-29'"), "5");
  EXPECT_EQ(ids("day < '2024-01-01 12:00'"), "1");
  EXPECT_EQ(ids("day < at"), "1;5");
  EXPECT_EQ(ids("at + 1h > '2024-01-01 12:00'"), "2;3;5");
  EXPECT_EQ(one("at - '2024-01-01', day - '2023-12-31', at + 90m"),
            "36000000000|1|2024-01-01T11:30:00.000000Z");
  EXPECT_EQ(one("date_trunc('hour', at), time_bucket(1h, at), date_trunc('month', at)", 2),
            "2024-01-01T11:00:00.000000Z|2024-01-01T11:00:00.000000Z|2024-01-01T00:00:00.000000Z");
  EXPECT_EQ(one("year(at), month(at), day(at), hour(at), minute(at), second(at), dow(at), epoch(at)", 5),
            "2024|2|29|23|59|59|4|1709251199");
  EXPECT_EQ(one("strftime('%Y/%m/%d %H', at)"), "2024/01/01 10");
  EXPECT_EQ(t.ask("SELECT count(*) FROM t SINCE '2024-01-02'"), "2");
}

TEST_F(QuerySemantics, Strings) {
  EXPECT_EQ(ids("s LIKE 'a%'"), "1;5");
  EXPECT_EQ(ids("s LIKE '%an%'"), "2");
  EXPECT_EQ(ids("s LIKE '_h%y'"), "3");
  EXPECT_EQ(ids("s LIKE 'A%'"), "");
  EXPECT_EQ(ids("s NOT LIKE '%e'"), "2;3");
  EXPECT_EQ(one("'50%' LIKE '50!%' ESCAPE '!', '505' LIKE '50!%' ESCAPE '!'"), "true|false");
  EXPECT_EQ(one("upper(s), length(s), substr(s, 2, 3), s || '-' || a, replace(s, 'p', 'q'), reverse(s)"),
            "APPLE|5|ppl|apple-10|aqqle|elppa");
  EXPECT_EQ(
      one("left(s, 2), right(s, 2), instr(s, 'pl'), starts_with(s, 'ap'), contains(s, 'x'), trim('  q ')"),
      "ap|le|3|true|false|q");
  EXPECT_EQ(one("length('äöü'), reverse('äb'), substr('äöü', 2, 1), hex('A'), concat(s, NULL, 1)"),
            "3|bä|ö|41|apple1");
}

TEST_F(QuerySemantics, Functions) {
  EXPECT_EQ(
      one("abs(-3), ceil(1.2), floor(-1.2), round(2.5), round(1.257, 2), sqrt(16), sign(-2.0), mod(7, 4)"),
      "3|2|-2|3|1.26|4|-1|3");
  EXPECT_EQ(
      one("least(3, 1, 2), greatest('a', 'b'), nullif(1, 1), ifnull(NULL, 5), if(a > 5, 'y', 'n'), sqrt(-1)"),
      "1|b|NULL|5|y|NULL");
  EXPECT_EQ(one("typeof(a), typeof(b + 1), typeof(x), typeof(at - at)"), "i64|i64|f64|i64");
  EXPECT_EQ(one("CAST(x AS i64), CAST('12' AS i32), CAST(a AS utf8), CAST('2024-01-01' AS date)"),
            "1|12|10|2024-01-01");
  EXPECT_EQ(one("CASE b WHEN 1 THEN 'one' ELSE 'many' END, CASE WHEN a > 99 THEN 1 END"), "one|NULL");
}

TEST_F(QuerySemantics, FormsOfTheStandard) {
  EXPECT_EQ(
      t.ask("SELECT EXTRACT(year FROM at), extract(DOW FROM at), EXTRACT(epoch FROM at) - epoch(at) FROM "
            "t WHERE at IS NOT NULL ORDER BY at LIMIT 1"),
      t.ask("SELECT year(at), dow(at), 0 FROM t WHERE at IS NOT NULL ORDER BY at LIMIT 1"));
  EXPECT_EQ(t.ask("SELECT SUBSTRING(s FROM 2 FOR 3), SUBSTRING(s FROM 2) FROM t WHERE s = 'banana'"),
            "ana|anana");
  EXPECT_EQ(t.ask("SELECT f IS TRUE, f IS NOT TRUE, f IS FALSE, f IS NOT FALSE, count(*) FROM t GROUP BY f "
                  "ORDER BY f"),
            "false|true|false|true|1;false|true|true|false|2;true|false|false|true|2");
  EXPECT_EQ(t.ask("SELECT count(*) FROM t WHERE (a > 15) IS NOT TRUE"), "2");
  EXPECT_EQ(
      t.ask("SELECT var_samp(a) - variance(a), stddev_samp(a) - stddev(a), var_pop(b) - stddev_pop(b) * "
            "stddev_pop(b) < 1e-9, mean(a) - avg(a), variance(DISTINCT a) FROM t"),
      "0|0|true|0|" + t.ask("SELECT variance(DISTINCT a) FROM t"));
  EXPECT_FALSE(t.run("SELECT EXTRACT(nosuch FROM at) FROM t"));
  EXPECT_EQ(t.ask("SELECT count(*) FROM t WHERE a IS TRUE"), "4");  // numbers but 0 are true
}

TEST_F(QuerySemantics, Aggregates) {
  EXPECT_EQ(t.ask("SELECT count(*), count(a), count(DISTINCT a), sum(a), avg(a), min(a), max(a) FROM t"),
            "5|4|3|90|22.5|10|40");
  EXPECT_EQ(t.ask("SELECT sum(DISTINCT a), avg(DISTINCT a), min(s), max(s), sum(x), sum(b) FROM t"),
            "70|23.333333333333332|apple|cherry|3|7");
  EXPECT_EQ(t.ask("SELECT median(a), quantile(a, 0.25), round(variance(a), 4), stddev_pop(b), min(at), "
                  "max(day) FROM t"),
            "20|17.5|158.3333|" + t.ask("SELECT sqrt(avg(b * b) - avg(b) * avg(b)) FROM t") +
                "|2024-01-01T10:00:00.000000Z|2024-03-01");
  EXPECT_EQ(t.ask("SELECT count(*), sum(a), min(s), stddev(a) FROM t WHERE id > 9"), "0|NULL|NULL|NULL");
  EXPECT_EQ(t.ask("SELECT a, count(*) FROM t WHERE id > 9 GROUP BY a"), "");
  EXPECT_EQ(t.ask("SELECT s, count(*) AS n, sum(a) FROM t GROUP BY s ORDER BY s"),
            "NULL|1|40;apple|2|30;banana|1|20;cherry|1|NULL");
  EXPECT_EQ(t.ask("SELECT f, a > 15 AS big, count(*) FROM t GROUP BY f, a > 15 ORDER BY 1, 2, 3"),
            "NULL|NULL|1;false|true|2;true|false|1;true|true|1");
  EXPECT_EQ(t.ask("SELECT s, count(*) n FROM t GROUP BY s HAVING n > 1"), "apple|2");
  EXPECT_EQ(t.ask("SELECT s FROM t GROUP BY s ORDER BY count(*) DESC, s LIMIT 2"), "apple;NULL");
  EXPECT_EQ(
      t.ask("SELECT upper(s), sum(a) + 1 FROM t WHERE s IS NOT NULL GROUP BY upper(s) ORDER BY sum(a) DESC"),
      "APPLE|31;BANANA|21;CHERRY|NULL");
  EXPECT_EQ(t.ask("SELECT length(s) AS l, count(*) FROM t GROUP BY l ORDER BY l"), "NULL|1;5|2;6|2");
}

TEST_F(QuerySemantics, OrderLimitDistinct) {
  EXPECT_EQ(t.ask("SELECT a FROM t ORDER BY a"), "NULL;10;20;20;40");
  EXPECT_EQ(t.ask("SELECT a FROM t ORDER BY a DESC"), "40;20;20;10;NULL");
  EXPECT_EQ(t.ask("SELECT a FROM t ORDER BY a NULLS LAST LIMIT 2 OFFSET 1"), "20;20");
  EXPECT_EQ(t.ask("SELECT a AS q FROM t ORDER BY q DESC, id DESC LIMIT 3"), "40;20;20");
  EXPECT_EQ(t.ask("SELECT id FROM t ORDER BY a DESC, id DESC LIMIT 3"), "4;5;2");
  EXPECT_EQ(t.ask("SELECT DISTINCT a FROM t ORDER BY a"), "NULL;10;20;40");
  EXPECT_EQ(t.ask("SELECT DISTINCT s FROM t ORDER BY s DESC LIMIT 1 OFFSET 1"), "banana");
  EXPECT_EQ(t.run("SELECT * FROM t LIMIT 2").value().rows(), 2);
  EXPECT_EQ(t.run("SELECT * FROM t LIMIT 0").value().rows(), 0);
  EXPECT_EQ(t.run("SELECT * FROM t").value().columns().size(), 9U);
}

TEST_F(QuerySemantics, ErrorsPointAtThePlace) {
  const auto error = [&](const std::string& sql) {
    auto p = t.prepare(sql);
    return p ? std::string("none") : p.error().message();
  };
  EXPECT_NE(error("SELECT idd FROM t").find("did you mean 'id'"), std::string::npos);
  EXPECT_NE(error("SELECT uper(s) FROM t").find("did you mean 'upper'"), std::string::npos);
  EXPECT_NE(error("SELECT uper(s) FROM t").find('^'), std::string::npos);
  EXPECT_NE(error("SELECT a, count(*) FROM t").find("GROUP BY"), std::string::npos);
  EXPECT_NE(error("SELECT a FROM t WHERE count(*) > 1").find("HAVING"), std::string::npos);
  EXPECT_NE(error("SELECT sum(count(*)) FROM t").find("nested"), std::string::npos);
  EXPECT_NE(error("SELECT s + 1 FROM t").find("needs numbers"), std::string::npos);
  EXPECT_NE(error("SELECT abs(1, 2) FROM t").find("takes 1 argument"), std::string::npos);
  EXPECT_NE(error("SELECT a FROM t WHERE s > 3").find("cannot be compared"), std::string::npos);
  EXPECT_NE(error("SELECT a FROM t WHERE at > 'soon'").find("no time"), std::string::npos);
  EXPECT_NE(error("SELECT a FROM t ORDER BY 7").find("no select item"), std::string::npos);
  EXPECT_NE(error("SELECT DISTINCT a FROM t ORDER BY id").find("DISTINCT"), std::string::npos);
}

TEST_F(QuerySemantics, RangesForPruning) {
  const auto p = t.prepare(
                      "SELECT count(*) FROM t WHERE a > 10 AND a <= 30 AND s LIKE 'ap%' AND b = 3 AND (x > 1 "
                      "OR x < 0) AND id IN (5, 2)")
                     .value();
  ASSERT_EQ(p.ranges().size(), 4U);
  EXPECT_EQ(p.ranges()[0].min, Value(std::int64_t{10}));
  EXPECT_TRUE(p.ranges()[0].min_open);
  EXPECT_EQ(p.ranges()[0].max, Value(std::int64_t{30}));
  EXPECT_EQ(p.ranges()[1].min, Value("ap"));
  EXPECT_EQ(p.ranges()[1].max, Value("aq"));
  EXPECT_TRUE(p.ranges()[2].is_point());
  EXPECT_EQ(p.ranges()[2].min, Value(std::int32_t{3}));
  EXPECT_EQ(p.ranges()[3].min, Value(std::uint64_t{2}));
}

TEST_F(QuerySemantics, CountsOnlyAndConditions) {
  const auto p = t.prepare("SELECT count(*) FROM t").value();
  EXPECT_TRUE(p.counts_only());
  QueryExecution e(p, {});
  e.consume_count(7).value();
  EXPECT_EQ(MemoryTable::text(e.finish().value()), "7");
  EXPECT_FALSE(t.prepare("SELECT count(a) FROM t").value().counts_only());
  const auto c = prepare_condition(parse_condition("a = 20").value(), t.schema, t.now).value();
  EXPECT_EQ(select_rows(c, t.scan(c, 0, 5, true)).value(), (std::vector<std::uint32_t>{1, 4}));
}

TEST_F(QuerySemantics, LimitsAndCancellation) {
  ExecutionLimits limits;
  limits.memory_bytes = 100;
  auto r = t.run("SELECT a, count(*) FROM t GROUP BY a", limits);
  ASSERT_FALSE(r.ok());
  EXPECT_EQ(r.error().code(), ErrorCode::memory);
  const std::atomic<bool> cancelled{true};
  ExecutionLimits stopped;
  stopped.cancelled = &cancelled;
  EXPECT_EQ(t.run("SELECT a FROM t", stopped).error().code(), ErrorCode::cancelled);
  ExecutionLimits late;
  late.deadline = std::chrono::steady_clock::now();
  EXPECT_EQ(t.run("SELECT a FROM t", late).error().code(), ErrorCode::timeout);
}

TEST_F(QuerySemantics, ExplainNamesTheOperators) {
  const auto lines =
      t.prepare("SELECT s, count(*) AS n FROM t WHERE a > 15 GROUP BY s ORDER BY n DESC LIMIT 3")
          .value()
          .explain();
  std::string all;
  for (const auto& l : lines) all += l + "\n";
  EXPECT_NE(all.find("prune a > 15"), std::string::npos) << all;
  EXPECT_NE(all.find("top 3 by n desc"), std::string::npos) << all;
}

}  // namespace
}  // namespace firn::storage
