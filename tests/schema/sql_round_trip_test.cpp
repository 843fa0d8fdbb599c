// Random queries: text and back, message and back, and texts broken on purpose.
#include <gtest/gtest.h>

#include <chrono>
#include <cstring>
#include <random>

#include "schema/query_message.hpp"
#include "schema/sql/symbols.hpp"

namespace firn {
namespace {

// Builds queries in the order in which their text names things, as the parser does.
class Generator {
 public:
  explicit Generator(unsigned seed) : random_(seed) {}

  Query query() {
    q_ = Query{};
    sql::Symbols symbols(q_);
    symbols_ = &symbols;
    q_.distinct = one_in(4);
    for (unsigned n = 1 + below(3); n > 0; --n) q_.select.push_back(item());
    q_.from_file = one_in(5);
    q_.table = q_.from_file ? "dir/it's.csv" : pick({"t", "user events", "select", "since", "T\"x"});
    times();
    if (one_in(2)) q_.where = expr();
    for (unsigned n = below(3); n > 0; --n) q_.group_by.push_back(expr());
    if (one_in(3)) q_.having = expr();
    for (unsigned n = below(3); n > 0; --n) q_.order_by.push_back(order());
    if (one_in(2)) q_.limit = below(100);
    if (one_in(3)) q_.offset = 1 + below(100);
    return q_;
  }

  unsigned below(unsigned n) { return static_cast<unsigned>(random_() % n); }
  bool one_in(unsigned n) { return below(n) == 0; }

 private:
  std::string pick(std::initializer_list<const char*> words) {
    return words.begin()[below(static_cast<unsigned>(words.size()))];
  }

  SelectItem item() {
    if (one_in(6)) return {};
    SelectItem s{expr(), ""};
    const ExprNode& last = s.expr.nodes.back();
    s.name = last.op == ExprOp::column ? q_.names[last.index] : to_sql(q_, s.expr);
    if (one_in(2)) s.name = pick({"n", "a b", "order", "limit", "x\"y", "total"});
    return s;
  }

  OrderItem order() {
    OrderItem o{expr(), one_in(2), {}};
    if (one_in(2)) o.nulls_first = one_in(2);
    return o;
  }

  void times() {
    if (one_in(4))
      changes();
    else if (one_in(4))
      q_.since_us = time();
    else if (one_in(4))
      q_.since_ago_us = static_cast<std::int64_t>(below(100)) * 60'000'000 - 60'000'000;
    if (one_in(4)) {
      q_.travel = TimeTravel::as_of_csn;
      q_.as_of_csn = random_();
    } else if (one_in(4)) {
      q_.travel = TimeTravel::as_of_time;
      if (one_in(2))
        q_.as_of_us = time();
      else
        q_.as_of_ago_us = below(1000);
    }
  }

  void changes() {
    q_.changes = one_in(2) ? ChangesSince::csn : ChangesSince::time;
    if (q_.changes == ChangesSince::csn)
      q_.changes_csn = random_();
    else if (one_in(2))
      q_.changes_us = time();
    else
      q_.changes_ago_us = below(1000);
    q_.changes_before = one_in(2);
  }

  std::int64_t time() {
    return static_cast<std::int64_t>(random_() % 4'000'000'000'000'000) - 1'000'000'000'000'000;
  }

  Expr expr() {
    nodes_.clear();
    emit(1 + below(5));
    return Expr{nodes_};
  }

  void push(ExprOp op, std::uint32_t argc, std::uint32_t index = 0, TypeId type = TypeId::invalid,
            bool distinct = false) {
    nodes_.push_back({op, type, distinct, index, argc, 0});
  }

  Value literal() {
    switch (below(13)) {
      case 0:
        return Value();
      case 1:
        return Value(one_in(2));
      case 2:
        return Value(static_cast<std::int64_t>(random_()));
      case 3:
        return Value((std::uint64_t{1} << 63) | random_());
      case 4:
        return Value(std::ldexp(static_cast<double>(static_cast<std::int64_t>(random_())),
                                static_cast<int>(below(200)) - 100));
      case 5:
        return Value(pick({"", "it's", "ü\n", "--", "a/*"}));
      case 6:
        return Value(Binary{pick({"", "\x01\xff", "abc"})});
      case 7:
        return Value(Timestamp{time()});
      case 8:
        return Value(Date{static_cast<std::int32_t>(below(60000)) - 30000});
      case 9:
        return Value(-0.0);
      case 10:
        return Value(std::numeric_limits<std::int64_t>::min());
      case 11:
        return Value(-5.0);
      default:
        return Value(static_cast<std::int64_t>(below(20)) - 10);
    }
  }

  void leaf() {
    switch (below(5)) {
      case 0:
      case 1:
        return push(
            ExprOp::column, 0,
            symbols_->name(pick({"a", "B", "date", "count", "order", "a b", "q\"x", "ü", "now", "cast"})));
      case 2:
        return push(ExprOp::now, 0);
      default:
        return push(ExprOp::literal, 0, symbols_->literal(literal()));
    }
  }

  void emit(unsigned depth) {
    if (depth == 0 || one_in(6)) return leaf();
    const auto many = [&](std::uint32_t n) {
      for (std::uint32_t i = 0; i < n; ++i) emit(depth - 1);
      return n;
    };
    static constexpr ExprOp kBinary[] = {
        ExprOp::add,    ExprOp::subtract, ExprOp::multiply,    ExprOp::divide,    ExprOp::modulo,
        ExprOp::concat, ExprOp::eq,       ExprOp::ne,          ExprOp::lt,        ExprOp::le,
        ExprOp::gt,     ExprOp::ge,       ExprOp::logical_and, ExprOp::logical_or};
    switch (below(12)) {
      case 0:
        many(1);
        return push(one_in(2) ? ExprOp::negate : ExprOp::logical_not, 1);
      case 1:
        many(1);
        return push(one_in(2) ? ExprOp::is_null : ExprOp::is_not_null, 1);
      case 2: {
        const auto n = many(2 + below(3));
        return push(one_in(2) ? ExprOp::in_list : ExprOp::not_in_list, n);
      }
      case 3:
        many(3);
        return push(one_in(2) ? ExprOp::between : ExprOp::not_between, 3);
      case 4: {
        const auto n = many(2 + below(2));
        return push(one_in(2) ? ExprOp::like : ExprOp::not_like, n);
      }
      case 5: {
        const auto n = many(2 + below(4));
        return push(ExprOp::case_when, n);
      }
      case 6:
        many(1);
        return push(ExprOp::cast, 1, 0, static_cast<TypeId>(1 + below(15)));
      case 7: {
        const auto index = symbols_->name(pick({"lower", "now", "select", "date", "cast", "odd name"}));
        const auto n = many(below(3));
        return push(ExprOp::call, n, index);
      }
      case 8: {
        const auto index = symbols_->name(pick({"count", "sum", "quantile"}));
        const auto n = many(q_.names[index] == "count" ? below(2) : 1);
        return push(ExprOp::aggregate, n, index, TypeId::invalid, n > 0 && one_in(2));
      }
      default:
        many(2);
        return push(kBinary[below(14)], 2);
    }
  }

  std::mt19937_64 random_;
  Query q_;
  sql::Symbols* symbols_ = nullptr;
  std::vector<ExprNode> nodes_;
};

Expr without_positions(Expr e) {
  for (ExprNode& n : e.nodes) n.position = 0;
  return e;
}

Query without_places(Query q) {
  q.text.clear();
  q.table_position = 0;
  for (auto& s : q.select) s.expr = without_positions(s.expr);
  for (auto& e : q.group_by) e = without_positions(e);
  for (auto& o : q.order_by) o.expr = without_positions(o.expr);
  q.where = without_positions(q.where);
  q.having = without_positions(q.having);
  return q;
}

Result<Query> through_message(const Query& q) {
  flatbuffers::FlatBufferBuilder b;
  b.Finish(encode_query(b, q));
  flatbuffers::Verifier verifier(b.GetBufferPointer(), b.GetSize(), 8);
  EXPECT_TRUE(verifier.VerifyBuffer<fb::Query>());
  return decode_query(*flatbuffers::GetRoot<fb::Query>(b.GetBufferPointer()));
}

TEST(SqlRoundTrip, TextOfAnyQueryReadsBackTheSame) {
  for (unsigned seed = 0; seed < 1500; ++seed) {
    const Query q = Generator(seed).query();
    const std::string text = to_sql(q);
    const auto back = parse_query(text);
    ASSERT_TRUE(back.ok()) << "seed " << seed << "\n" << text << "\n" << back.error().message();
    ASSERT_EQ(to_sql(*back), text) << "seed " << seed;
    ASSERT_TRUE(without_places(*back) == q) << "seed " << seed << "\n" << text;
  }
}

TEST(SqlRoundTrip, MessageOfAnyQueryReadsBackTheSame) {
  for (unsigned seed = 0; seed < 500; ++seed) {
    const Query q = parse_query(to_sql(Generator(seed).query())).value();
    const auto back = through_message(q);
    ASSERT_TRUE(back.ok()) << "seed " << seed << "\n" << q.text << "\n" << back.error().message();
    ASSERT_TRUE(*back == q) << "seed " << seed << "\n" << q.text;
  }
}

TEST(SqlRoundTrip, FormsThatAreRewritten) {
  for (const char* condition :
       {"EXTRACT(hour FROM a + b) = 3", "SUBSTRING(s FROM 2) = SUBSTRING(t FROM b FOR c)", "a = b IS TRUE",
        "NOT a IS NOT TRUE", "a IS FALSE IS NOT FALSE", "var_pop(DISTINCT a) < mean(b)"}) {
    const std::string sql = std::string("SELECT a FROM t HAVING ") + condition;
    const auto q = parse_query(sql);
    ASSERT_TRUE(q.ok()) << sql << "\n" << q.error().message();
    const auto back = parse_query(to_sql(*q));
    ASSERT_TRUE(back.ok()) << to_sql(*q) << "\n" << back.error().message();
    EXPECT_TRUE(without_places(*back) == without_places(*q)) << to_sql(*q);
  }
}

TEST(SqlRoundTrip, FewParentheses) {
  for (const char* sql :
       {"SELECT a + b * c - d FROM t", "SELECT (a + b) * c FROM t", "SELECT a - (b - c) FROM t",
        "SELECT NOT a = 1 AND b OR c FROM t", "SELECT -(-5), -a, -(5) FROM t",
        "SELECT a BETWEEN 1 AND 2 AND NOT b IN (1, 2) FROM t SINCE NOW() - 90m AS OF CSN 7",
        "SELECT * FROM t CHANGES SINCE 5 WITH BEFORE AS OF CSN 7 WHERE a = 1",
        "SELECT * FROM t CHANGES SINCE NOW() - 1h",
        "SELECT \"order\", date FROM t WHERE a IS NULL ORDER BY a DESC NULLS LAST LIMIT 3 OFFSET 4"})
    EXPECT_EQ(to_sql(parse_query(sql).value()), sql);
}

TEST(SqlHostile, BrokenTextsAnswer) {
  static constexpr char kAlphabet[] = "()',\"-*/+<>=|:.;%0159aexXhm \n\xc3\xff";
  for (unsigned seed = 0; seed < 4000; ++seed) {
    Generator g(seed);
    std::string text = to_sql(g.query());
    for (unsigned n = 1 + g.below(4); n > 0; --n) {
      const std::size_t at = g.below(static_cast<unsigned>(text.size()));
      const char c = kAlphabet[g.below(sizeof kAlphabet - 1)];
      if (g.one_in(3))
        text.erase(at, 1 + g.below(8));
      else if (g.one_in(2))
        text.insert(at, 1, c);
      else
        text[at] = c;
      if (text.empty()) text = "S";
    }
    const auto q = parse_query(text);
    if (!q) {
      ASSERT_LE(q.error().position().value(), text.size()) << "seed " << seed;
      continue;
    }
    const auto again = parse_query(to_sql(*q));
    ASSERT_TRUE(again.ok()) << "seed " << seed << "\n"
                            << text << "\n"
                            << to_sql(*q) << "\n"
                            << again.error().message();
    ASSERT_TRUE(through_message(*q).ok()) << "seed " << seed << "\n" << text;
  }
}

double milliseconds_to_parse(const std::string& sql) {
  const auto start = std::chrono::steady_clock::now();
  const auto q = parse_query(sql);
  const std::chrono::duration<double, std::milli> spent = std::chrono::steady_clock::now() - start;
  return spent.count() + (q.ok() ? 0 : 0);
}

std::string repeated(const std::string& s, std::size_t bytes) {
  std::string out;
  while (out.size() + s.size() <= bytes) out += s;
  return out;
}

// A generous bound for a slow machine under sanitizers; quadratic work on a megabyte would take minutes.
constexpr double kLinearMs = 2000;

TEST(SqlHostile, AMegabyteOfAnythingAnswersSoon) {
  const std::size_t room = kQueryTextMax - 100;
  for (const char* unit :
       {"(",  ")",      "-",      "- ",    "+",       "NOT ",       "CASE ",      "CASE a WHEN ", "f(",
        "a,", "a+",     "a AND ", "'",     "\"",      "''",         "/*",         "--",           "\n",
        "a.", "a::i64", "1h",     "CAST(", "a IN (",  "a BETWEEN ", "a IS NULL ", "x'",           "x'00'",
        "0",  ".",      "a || (", "*,",    "max(a),", "\xc3\xbc",   "\xff"}) {
    EXPECT_LT(milliseconds_to_parse("SELECT " + repeated(unit, room) + " FROM t"), kLinearMs) << unit;
    EXPECT_LT(milliseconds_to_parse("SELECT * FROM t WHERE " + repeated(unit, room)), kLinearMs) << unit;
    EXPECT_LT(milliseconds_to_parse(repeated(unit, room)), kLinearMs) << unit;
  }
  std::string doubling = "a";
  for (int i = 0; i < 60; ++i) doubling = "CASE " + doubling + " WHEN 1 THEN 2 WHEN 3 THEN 4 END";
  EXPECT_LT(milliseconds_to_parse("SELECT " + doubling + " FROM t"), kLinearMs);
}

TEST(SqlHostile, LimitsAreErrors) {
  EXPECT_EQ(parse_query(std::string(kQueryTextMax + 1, ' ')).error().code(), ErrorCode::parse);
  const auto nested = [](int n) {
    return "SELECT " + std::string(n, '(') + "a" + std::string(n, ')') + " FROM t";
  };
  EXPECT_TRUE(parse_query(nested(kExprDepthMax)).ok());
  EXPECT_FALSE(parse_query(nested(kExprDepthMax + 1)).ok());
  EXPECT_EQ(parse_query(nested(kExprDepthMax + 1)).error().position(), 7 + kExprDepthMax + 1);
  EXPECT_TRUE(parse_query("SELECT " + repeated("a,", 2 * 4095) + "a FROM t").ok());
  EXPECT_FALSE(parse_query("SELECT " + repeated("a,", 2 * 4096) + "a FROM t").ok());
  EXPECT_TRUE(parse_query("SELECT " + repeated("a AND ", 6 * 4000) + "a FROM t").ok());
  EXPECT_FALSE(parse_query("SELECT " + repeated("a AND ", 6 * 6000) + "a FROM t").ok());
  EXPECT_FALSE(parse_query("SELECT a" + repeated("::i64", 5 * 200) + " FROM t").ok());
}

TEST(QueryMessage, FlippedBytesNeverHarm) {
  for (unsigned seed = 0; seed < 150; ++seed) {
    Generator g(seed);
    flatbuffers::FlatBufferBuilder b;
    b.Finish(encode_query(b, parse_query(to_sql(g.query())).value()));
    for (unsigned round = 0; round < 50; ++round) {
      // A verifier wants aligned bytes; vector<uint64_t> gives them.
      std::vector<std::uint64_t> aligned(b.GetSize() / 8 + 1);
      auto* bytes = reinterpret_cast<std::uint8_t*>(aligned.data());
      std::memcpy(bytes, b.GetBufferPointer(), b.GetSize());
      for (unsigned n = 1 + g.below(3); n > 0; --n)
        bytes[g.below(b.GetSize())] = static_cast<std::uint8_t>(g.one_in(2) ? g.below(40) : g.below(256));
      flatbuffers::Verifier verifier(bytes, b.GetSize(), 8);
      if (!verifier.VerifyBuffer<fb::Query>()) continue;
      const auto q = decode_query(*flatbuffers::GetRoot<fb::Query>(bytes));
      if (q) (void)to_sql(*q).size();
    }
  }
}

TEST(QueryMessage, WrongMessagesAreNamed) {
  const Query good = parse_query("SELECT a + 1, f(b, 'x') FROM t WHERE a IN (1, 2)").value();
  const auto code_after = [&](auto change) {
    Query q = good;
    change(q);
    const auto back = through_message(q);
    return back ? ErrorCode::ok : back.error().code();
  };
  EXPECT_EQ(code_after([](Query&) {}), ErrorCode::ok);
  EXPECT_EQ(code_after([](Query& q) { q.where.nodes[0].index = 99; }), ErrorCode::corrupt);
  EXPECT_EQ(code_after([](Query& q) { q.where.nodes[3].argc = 4; }), ErrorCode::corrupt);
  EXPECT_EQ(code_after([](Query& q) { q.where.nodes[3].argc = 0xffffffff; }), ErrorCode::corrupt);
  EXPECT_EQ(code_after([](Query& q) { q.where.nodes[3].op = static_cast<ExprOp>(200); }), ErrorCode::corrupt);
  EXPECT_EQ(code_after([](Query& q) { q.where.nodes[3].type = TypeId::i8; }), ErrorCode::corrupt);
  EXPECT_EQ(code_after([](Query& q) { q.where.nodes.pop_back(); }), ErrorCode::corrupt);
  EXPECT_EQ(code_after([](Query& q) { q.where.nodes[0].position = 1000; }), ErrorCode::corrupt);
  EXPECT_EQ(code_after([](Query& q) { q.names.push_back("a"); }), ErrorCode::corrupt);
  EXPECT_EQ(code_after([](Query& q) { q.table.clear(); }), ErrorCode::invalid_argument);
  EXPECT_EQ(code_after([](Query& q) { q.select.clear(); }), ErrorCode::invalid_argument);
  EXPECT_EQ(code_after([](Query& q) { q.literals.push_back(Value("\xff")); }), ErrorCode::invalid_argument);
  EXPECT_EQ(code_after([](Query& q) { q.select.resize(5000); }), ErrorCode::invalid_argument);
  EXPECT_EQ(code_after([](Query& q) { q.travel = static_cast<TimeTravel>(9); }), ErrorCode::corrupt);
  EXPECT_EQ(code_after([](Query& q) { q.changes = static_cast<ChangesSince>(3); }), ErrorCode::corrupt);
  EXPECT_EQ(code_after([](Query& q) { q.changes_csn = 3; }), ErrorCode::corrupt);
  EXPECT_EQ(code_after([](Query& q) { q.changes_before = true; }), ErrorCode::corrupt);
  EXPECT_EQ(code_after([](Query& q) {
              q.changes = ChangesSince::csn;
              q.since_us = 1;
            }),
            ErrorCode::corrupt);
}

}  // namespace
}  // namespace firn
