// Expressions of the query text: what binds how, and what each form becomes.
#include <gtest/gtest.h>

#include "schema/query.hpp"

namespace firn {
namespace {

// The condition with every operator's operands in parentheses, by a writer of its own.
std::string shape(const Query& q, const Expr& e) {
  static const char* const kNames[] = {
      "?",       "col",  "lit",  "neg",  "not",  "+",   "-",   "*",     "/",          "%",       "||",
      "=",       "<>",   "<",    "<=",   ">",    ">=",  "and", "or",    "isnull",     "notnull", "in",
      "between", "like", "case", "cast", "call", "agg", "now", "notin", "notbetween", "notlike"};
  std::vector<std::string> stack;
  for (const ExprNode& n : e.nodes) {
    std::string s;
    if (n.op == ExprOp::column)
      s = q.names[n.index];
    else if (n.op == ExprOp::literal)
      s = q.literals[n.index].is_null() ? "NULL" : q.literals[n.index].to_string();
    else if (n.op == ExprOp::now)
      s = "now";
    else {
      const bool named = n.op == ExprOp::call || n.op == ExprOp::aggregate;
      s = "(" + (named ? q.names[n.index] : std::string(kNames[static_cast<std::size_t>(n.op)]));
      if (n.op == ExprOp::cast) s += ":" + std::string(name_of(n.type));
      if (n.distinct) s += " distinct";
      for (std::size_t i = stack.size() - n.argc; i < stack.size(); ++i) s += " " + stack[i];
      s += ")";
    }
    stack.resize(stack.size() - n.argc);
    stack.push_back(s);
  }
  return stack.size() == 1 ? stack[0] : "broken";
}

std::string shape(const std::string& condition) {
  auto q = parse_condition(condition);
  return q ? shape(*q, q->where) : q.error().message();
}

TEST(SqlExpression, PrecedenceIsThatOfSql) {
  const std::pair<const char*, const char*> cases[] = {
      {"a OR b AND c", "(or a (and b c))"},
      {"a AND b OR c AND d", "(or (and a b) (and c d))"},
      {"NOT a = b AND c", "(and (not (= a b)) c)"},
      {"NOT NOT a", "(not (not a))"},
      {"NOT a OR b", "(or (not a) b)"},
      {"NOT a IS NULL", "(not (isnull a))"},
      {"a = b < c", "(= a (< b c))"},
      {"a = b = c", "(= (= a b) c)"},
      {"a < b + 1", "(< a (+ b 1))"},
      {"a || b + 1", "(|| a (+ b 1))"},
      {"a || b || c", "(|| (|| a b) c)"},
      {"a || b = c", "(= (|| a b) c)"},
      {"a + b * c - d", "(- (+ a (* b c)) d)"},
      {"a - b - c", "(- (- a b) c)"},
      {"a - (b - c)", "(- a (- b c))"},
      {"a / b * c % d", "(% (* (/ a b) c) d)"},
      {"-a * b", "(* (neg a) b)"},
      {"- - a", "(neg (neg a))"},
      {"+a", "a"},
      {"a - -1", "(- a -1)"},
      {"-5::i8", "(neg (cast:i8 5))"},
      {"-a::f64 + 1", "(+ (neg (cast:f64 a)) 1)"},
      {"a BETWEEN 1 AND 2 AND b", "(and (between a 1 2) b)"},
      {"a NOT BETWEEN 1 + 1 AND 2 OR b", "(or (notbetween a (+ 1 1) 2) b)"},
      {"a BETWEEN b AND c IS NULL", "(isnull (between a b c))"},
      {"a IN (1, 2) = b", "(= (in a 1 2) b)"},
      {"a + 1 NOT IN (b)", "(notin (+ a 1) b)"},
      {"a LIKE 'x%' AND b NOT LIKE 'y' ESCAPE '!'", "(and (like a x%) (notlike b y !))"},
      {"a LIKE 'x' || '%'", "(like a (|| x %))"},
      {"a == b AND c != d", "(and (= a b) (<> c d))"},
      {"(a OR b) AND c", "(and (or a b) c)"},
      {"a IS NOT NULL", "(notnull a)"},
      {"a >= 1 AND a <= 2 AND a <> 3", "(and (and (>= a 1) (<= a 2)) (<> a 3))"},
  };
  for (const auto& [text, want] : cases) EXPECT_EQ(shape(text), want) << text;
}

TEST(SqlExpression, EveryFormHasItsNode) {
  const std::pair<const char*, const char*> cases[] = {
      {"CASE WHEN a THEN 1 WHEN b THEN 2 ELSE 3 END", "(case a 1 b 2 3)"},
      {"CASE WHEN a THEN 1 END", "(case a 1)"},
      {"CASE a + 1 WHEN 1 THEN 'x' WHEN 2 THEN 'y' END", "(case (= (+ a 1) 1) x (= (+ a 1) 2) y)"},
      {"case a when 1 then b else c end", "(case (= a 1) b c)"},
      {"CAST(a AS bigint)", "(cast:i64 a)"},
      {"CAST(a AS double precision)", "(cast:f64 a)"},
      {"a::text::i64", "(cast:i64 (cast:utf8 a))"},
      {"count(*) > 1", "(> (count) 1)"},
      {"count() > 1", "(> (count) 1)"},
      {"COUNT(DISTINCT a)", "(count distinct a)"},
      {"quantile(a, 0.5)", "(quantile a 0.5)"},
      {"sum(a) / count(a)", "(/ (sum a) (count a))"},
      {"Lower(a) = 'x'", "(= (lower a) x)"},
      {"f()", "(f)"},
      {"NOW() - 1h", "(- now 3600000000)"},
      {"CURRENT_TIMESTAMP", "now"},
      {"current_date", "(cast:date now)"},
      {"EXTRACT(year FROM at) = 2001", "(= (year at) 2001)"},
      {"extract(DOW from f(at + 1h))", "(dow (f (+ at 3600000000)))"},
      {"extract(at)", "(extract at)"},
      {"SUBSTRING(s FROM 2 FOR 3) = 'x'", "(= (substring s 2 3) x)"},
      {"substr(s from a + 1)", "(substr s (+ a 1))"},
      {"substring(s, 2, 3)", "(substring s 2 3)"},
      {"a IS TRUE", "(case a true false)"},
      {"a IS NOT TRUE", "(case a false true)"},
      {"a = b IS FALSE", "(case (not (= a b)) true false)"},
      {"a IS NOT FALSE AND b", "(and (case (not a) false true) b)"},
      {"var_samp(DISTINCT a) > stddev_pop(b)", "(> (var_samp distinct a) (stddev_pop b))"},
      {"TRUE AND false OR NULL", "(or (and true false) NULL)"},
      {"\"a b\" = \"c\"\"d\"", "(= a b c\"d)"},
      {"date > timestamp AND type = key AND time < count",
       "(and (and (> date timestamp) (= type key)) (< time count))"},
      {"date = DATE '2001-02-03'", "(= date 2001-02-03)"},
      {"timestamp > TIMESTAMP '2001-02-03 04:05'", "(> timestamp 2001-02-03T04:05:00.000000Z)"},
      {"first + last + since + offset + of + version + now + interval + cast",
       "(+ (+ (+ (+ (+ (+ (+ (+ first last) since) offset) of) version) now) interval) cast)"},
      {"\"order\" = 1", "(= order 1)"},
      {"größe > 1", "(> größe 1)"},
      {"a /* c */ = -- d\n 1", "(= a 1)"},
  };
  for (const auto& [text, want] : cases) EXPECT_EQ(shape(text), want) << text;
}

Value literal(const std::string& text) {
  auto q = parse_condition(text);
  EXPECT_TRUE(q.ok()) << text << (q ? "" : q.error().message());
  return q && q->where.nodes.size() == 1 && q->literals.size() == 1 ? q->literals[0] : Value("not a literal");
}

TEST(SqlExpression, LiteralsKeepTheirTypes) {
  EXPECT_EQ(literal("1"), Value(std::int64_t{1}));
  EXPECT_EQ(literal("9223372036854775807"), Value(std::int64_t{9223372036854775807}));
  EXPECT_EQ(literal("9223372036854775808"), Value(std::uint64_t{9223372036854775808u}));
  EXPECT_EQ(literal("18446744073709551615"), Value(~std::uint64_t{0}));
  EXPECT_EQ(literal("18446744073709551616"), Value(18446744073709551616.0));
  EXPECT_EQ(literal("-9223372036854775808"), Value(std::numeric_limits<std::int64_t>::min()));
  EXPECT_EQ(literal("-9223372036854775809"), Value(-9223372036854775809.0));
  EXPECT_EQ(literal("0xff"), Value(std::int64_t{255}));
  EXPECT_EQ(literal("0xffffffffffffffff"), Value(~std::uint64_t{0}));
  EXPECT_EQ(literal("1.5"), Value(1.5));
  EXPECT_EQ(literal(".5e1"), Value(5.0));
  EXPECT_EQ(literal("2e3"), Value(2000.0));
  EXPECT_EQ(literal("1e-400"), Value(0.0));
  EXPECT_EQ(literal("'it''s'"), Value("it's"));
  EXPECT_EQ(literal("''"), Value(""));
  EXPECT_EQ(literal("x'00fF'"), Value(Binary{std::string("\0\xff", 2)}));
  EXPECT_EQ(literal("10s"), Value(std::int64_t{10'000'000}));
  EXPECT_EQ(literal("5m"), Value(std::int64_t{300'000'000}));
  EXPECT_EQ(literal("7d"), Value(std::int64_t{604'800'000'000}));
  EXPECT_EQ(literal("2w"), Value(std::int64_t{1'209'600'000'000}));
  EXPECT_EQ(literal("3ms"), Value(std::int64_t{3'000}));
  EXPECT_EQ(literal("4us"), Value(std::int64_t{4}));
  EXPECT_EQ(literal("1h30m"), Value(std::int64_t{5'400'000'000}));
  EXPECT_EQ(literal("-1h"), Value(std::int64_t{-3'600'000'000}));
  EXPECT_EQ(literal("INTERVAL '1 day'"), Value(std::int64_t{86'400'000'000}));
  EXPECT_EQ(literal("INTERVAL 2 DAYS"), Value(std::int64_t{172'800'000'000}));
  EXPECT_EQ(literal("interval '1' hour"), Value(std::int64_t{3'600'000'000}));
  EXPECT_EQ(literal("INTERVAL '1 day 2 hours'"), Value(std::int64_t{93'600'000'000}));
  EXPECT_EQ(literal("INTERVAL '-1h30m'"), Value(std::int64_t{-5'400'000'000}));
  EXPECT_EQ(literal("NULL"), Value());
  EXPECT_EQ(literal("TRUE"), Value(true));
}

TEST(SqlExpression, EqualLiteralsAndNamesAreStoredOnce) {
  const Query q = parse_condition("a = 1 AND b = 1 AND a = 1.0 AND b = '1' AND a(1)").value();
  EXPECT_EQ(q.names, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(q.literals.size(), 3u);
}

TEST(SqlExpression, PositionsPointAtOperatorsAndFirstBytes) {
  const Query q = parse_condition("aa + -3 NOT IN (f(b), 'x')").value();
  std::vector<std::uint32_t> positions;
  for (const ExprNode& n : q.where.nodes) positions.push_back(n.position);
  EXPECT_EQ(positions, (std::vector<std::uint32_t>{0, 5, 3, 18, 16, 22, 8}));
}

}  // namespace
}  // namespace firn
