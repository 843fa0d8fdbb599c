#include "tests/storage/query_generator.hpp"

#include <algorithm>

#include "schema/value.hpp"

namespace firn::storage::oracle {
namespace {

/// The expression with one of its parts made simpler.
std::vector<Expr> simpler_forms(const Expr& e) {
  std::vector<Expr> out;
  if (e.scale.empty())
    for (const Expr& a : e.args)
      if (a.kind == e.kind) out.push_back(a);
  for (std::size_t i = 0; i < e.args.size(); ++i)
    for (Expr& part : simpler_forms(e.args[i])) {
      Expr copy = e;
      copy.args[i] = std::move(part);
      out.push_back(std::move(copy));
    }
  return out;
}

}  // namespace

std::vector<RandomQuery> RandomQuery::simpler() const {
  std::vector<RandomQuery> out;
  const auto add = [&](const auto& change) {
    RandomQuery q = *this;
    change(q);
    out.push_back(std::move(q));
  };
  if (where) add([](auto& q) { q.where.reset(); });
  if (having) add([](auto& q) { q.having.reset(); });
  if (limit) add([](auto& q) { q.limit.reset(); });
  if (!order.empty() && !limit) add([](auto& q) { q.order.clear(); });
  if (since_us) add([](auto& q) { q.since_us.reset(); });
  if (travel != 0)
    add([](auto& q) {
      q.travel = 0;
      q.version = q.newest;
    });
  if (distinct) add([](auto& q) { q.distinct = false; });
  if (order.empty() && items.size() > 1)
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (grouped && i >= keys && items.size() == keys + 1) continue;  // one aggregate stays
      add([i](auto& q) {
        q.items.erase(q.items.begin() + static_cast<std::ptrdiff_t>(i));
        if (i < q.keys) --q.keys;
        if (q.keys == 0) q.having.reset();
      });
    }
  if (where)
    for (Expr& e : simpler_forms(*where)) add([&](auto& q) { q.where = e; });
  if (having)
    for (Expr& e : simpler_forms(*having)) add([&](auto& q) { q.having = e; });
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (i < keys) continue;
    for (Expr& e : simpler_forms(items[i])) {
      const bool aggregates = e.text(Dialect::firn).find('(') != std::string::npos;
      if (!grouped || aggregates) add([&](auto& q) { q.items[i] = e; });
    }
  }
  return out;
}

std::string QueryGenerator::quoted(std::string_view s) const {
  std::string out = "'";
  for (const char c : s) out += c == '\'' ? std::string("''") : std::string(1, c);
  return out + "'";
}

Expr QueryGenerator::literal(Kind kind) {
  const auto whole = [&](std::size_t n) { return std::to_string(static_cast<std::int64_t>(below(n)) - 5); };
  switch (kind) {
    case Kind::integer:
      return same(kind, whole(25));
    case Kind::real:
      return same(kind, std::to_string(below(40)) + pick(".25", ".5", ".0"));
    case Kind::text:
      return same(kind, quoted(words_[below(words_.size())]));
    case Kind::boolean:
      return same(kind, pick("TRUE", "FALSE"));
    case Kind::time: {
      const std::int64_t us =
          time_min_ + static_cast<std::int64_t>(below(static_cast<std::size_t>(time_max_ - time_min_)));
      return make(kind, "TIMESTAMP '" + Value(Timestamp{us}).to_string() + "'", std::to_string(us));
    }
    case Kind::day: {
      const std::int64_t first = time_min_ / 86'400'000'000, last = time_max_ / 86'400'000'000;
      const auto days = static_cast<std::int32_t>(
          first + static_cast<std::int64_t>(below(static_cast<std::size_t>(last - first + 1))));
      return make(kind, "DATE '" + Value(Date{days}).to_string() + "'", std::to_string(days));
    }
    case Kind::blob:
      return same(kind, pick("x'00ff'", "x''", "x'61'", "x'6162'"));
    case Kind::u64: {
      const std::string n =
          pick("0", "5", "9223372036854775807", "9223372036854775808", "18446744073709551615");
      return make(kind, n, "'" + std::string(20 - n.size(), '0') + n + "'");
    }
  }
  return same(Kind::integer, "1");
}

Expr QueryGenerator::of(Kind kind, int depth) {
  if (depth <= 0 || below(4) == 0) return leaf(kind);
  if (below(5) == 0) return choice(kind, depth);
  switch (kind) {
    case Kind::integer:
      return integer(depth);
    case Kind::real:
      return real(depth);
    case Kind::text:
      return text(depth);
    case Kind::boolean:
      return boolean(depth);
    case Kind::time:
      return time(depth);
    case Kind::day:
      return day(depth);
    default:
      return leaf(kind);
  }
}

Expr QueryGenerator::choice(Kind kind, int depth) {
  const auto part = [&] { return of(kind, depth - 1); };
  // Small literals are i64, and an expression of both kinds is i64: not every u64 fits.
  if (kind == Kind::u64) return same(kind, "coalesce(#0, #1)", {column(kind), leaf(kind)});
  switch (below(6)) {
    case 0:
      return same(kind, "CASE WHEN #0 THEN #1 ELSE #2 END", {of(Kind::boolean, depth - 1), part(), part()});
    case 1:
      return same(kind, "CASE WHEN #0 THEN #1 WHEN #2 THEN #3 END",
                  {of(Kind::boolean, depth - 1), part(), of(Kind::boolean, depth - 1), part()});
    case 2: {
      const Kind k = has(Kind::text) ? Kind::text : Kind::integer;
      return same(kind, "CASE #0 WHEN #1 THEN #2 ELSE #3 END", {column(k), literal(k), part(), part()});
    }
    case 3:
      return make(kind, pick("coalesce", "ifnull") + "(#0, #1)", "coalesce(#0, #1)", {part(), part()});
    case 4:
      return same(kind, "nullif(#0, #1)", {part(), part()});
    default:
      if (kind == Kind::boolean || kind == Kind::blob)
        return make(kind, "if(#0, #1, #2)", "iif(#0, #1, #2)",
                    {of(Kind::boolean, depth - 1), part(), part()});
      const bool least = below(2) == 0;
      return make(kind, std::string(least ? "least" : "greatest") + "(#0, #1)",
                  std::string(least ? "min" : "max") + "(#0, #1)", {part(), part()});
  }
}

Expr QueryGenerator::integer(int depth) {
  const Kind k = Kind::integer;
  switch (below(12)) {
    case 0:
      return same(k, "abs(#0)", {integer(depth - 1)});
    case 1:
      return make(k, "sign(#0)", "((#0 > 0) - (#0 < 0))", {of(k, depth - 1)});
    case 2:
      return make(k, pick("length", "char_length") + "(#0)", "length(#0)", {of(Kind::text, depth - 1)});
    case 3:
      return make(k, pick("instr", "strpos") + "(#0, #1)", "instr(#0, #1)",
                  {of(Kind::text, depth - 1), of(Kind::text, 0)});
    case 4:
      return same(k, "(- #0)", {of(k, depth - 1)});
    case 5:
      return make(k, "CAST(#0 AS i64)", "CAST(#0 AS INTEGER)",
                  {below(2) == 0 ? of(Kind::boolean, depth - 1) : of(Kind::real, 1)});
    case 6: {
      if (!has(Kind::time)) return column(k);
      static constexpr const char* kParts[][2] = {{"year", "%Y"}, {"month", "%m"},  {"day", "%d"},
                                                  {"hour", "%H"}, {"minute", "%M"}, {"second", "%S"},
                                                  {"dow", "%w"},  {"doy", "%j"}};
      const auto* part = kParts[below(8)];
      return make(
          k, below(2) == 0 ? std::string(part[0]) + "(#0)" : "EXTRACT(" + std::string(part[0]) + " FROM #0)",
          "CAST(strftime('" + std::string(part[1]) +
              "', floor_to(#0, 1000000, 0) / 1000000, 'unixepoch') AS INTEGER)",
          {of(Kind::time, depth - 1)});
    }
    case 7:
      if (has(Kind::blob)) return same(k, "length(#0)", {leaf(Kind::blob)});
      return column(k);
    case 8:
      return make(k, "CAST(CAST(#0 AS utf8) AS i64)", "CAST(CAST(#0 AS TEXT) AS INTEGER)",
                  {of(k, depth - 1)});
    default:
      return same(k, "(#0" + pick(" + ", " - ", " * ", " / ", " % ") + "#1)",
                  {of(k, depth - 1), of(k, depth - 1)});
  }
}

Expr QueryGenerator::real(int depth) {
  const Kind k = Kind::real;
  switch (below(8)) {
    case 0: {
      Expr e = make(k, "(#0 / #1)", "(#0 / CAST(#1 AS REAL))", {of(k, depth - 1), of(k, depth - 1)});
      e.dyadic = false;
      return e;
    }
    case 1:
      return make(k, "CAST(#0 AS f64)", "CAST(#0 AS REAL)", {of(Kind::integer, depth - 1)});
    case 2:
      return same(k, "abs(#0)", {of(k, depth - 1)});
    case 3: {
      const std::string f = pick("floor", "ceil", "round");
      return make(k, f + "(#0)", f == "round" ? "round(#0)" : "CAST(" + f + "(#0) AS REAL)",
                  {of(k, depth - 1)});
    }
    case 4: {
      Expr e = same(k, "sqrt(#0)", {of(k, depth - 1)});
      e.dyadic = false;
      return e;
    }
    default:
      return same(k, "(#0" + pick(" + ", " - ", " * ") + "#1)",
                  {of(k, depth - 1), below(3) == 0 ? of(Kind::integer, 0) : of(k, depth - 1)});
  }
}

Expr QueryGenerator::text(int depth) {
  const Kind k = Kind::text;
  const auto part = [&] { return of(k, depth - 1); };
  const std::string n = std::to_string(below(5));
  switch (below(13)) {
    case 0:
      return same(k, pick("upper", "lower") + "(#0)", {part()});
    case 1:
      return same(k, "(#0 || #1)", {part(), part()});
    case 2:
      return same(k, "substr(#0, " + pick("1", "2", "3", "-2", "0", "-9") + ", " + n + ")", {part()});
    case 3:
      return same(k, "substr(#0, " + pick("1", "2", "-3") + ")", {part()});
    case 4:
      return make(k, "replace(#0, #1, #2)", "iif(#2 IS NULL, NULL, replace(#0, #1, #2))",
                  {part(), leaf(k), leaf(k)});
    case 5:
      return same(k, pick("trim", "ltrim", "rtrim") + pick("(#0)", "(#0, 'a')", "(#0, 'abA')"), {part()});
    case 6:
      return make(k, "left(#0, " + n + ")", "substr(#0, 1, " + n + ")", {part()});
    case 7:
      return make(k, "right(#0, 2)", "substr(#0, -2)", {part()});
    case 8:
      return same(k, "reverse(#0)", {part()});
    case 9:
      return make(k, "hex(#0)", "iif(#0 IS NULL, NULL, hex(#0))",
                  {has(Kind::blob) ? leaf(Kind::blob) : part()});
    case 10:
      return make(k, "CAST(#0 AS utf8)", "CAST(#0 AS TEXT)", {of(Kind::integer, depth - 1)});
    case 11:
      return make(k, "concat(#0, #1)", "(coalesce(#0, '') || coalesce(#1, ''))", {part(), part()});
    default:
      if (!has(Kind::time)) return column(k);
      return make(k, "strftime('%Y-%m-%d %H:%M:%S', #0)",
                  "strftime('%Y-%m-%d %H:%M:%S', floor_to(#0, 1000000, 0) / 1000000, 'unixepoch')",
                  {of(Kind::time, depth - 1)});
  }
}

Expr QueryGenerator::time(int depth) {
  const Kind k = Kind::time;
  switch (below(6)) {
    case 0: {
      static constexpr const char* kSteps[][2] = {
          {"7m", "420000000"}, {"1h", "3600000000"}, {"36h", "129600000000"}};
      const auto* step = kSteps[below(3)];
      return make(k, "time_bucket(" + std::string(step[0]) + ", #0)",
                  "floor_to(#0, " + std::string(step[1]) + ", 0)", {of(k, depth - 1)});
    }
    case 1: {
      static constexpr const char* kUnits[][3] = {{"second", "1000000", "0"},
                                                  {"minute", "60000000", "0"},
                                                  {"hour", "3600000000", "0"},
                                                  {"day", "86400000000", "0"},
                                                  {"week", "604800000000", "345600000000"}};
      const auto* u = kUnits[below(5)];
      return make(k, "date_trunc('" + std::string(u[0]) + "', #0)",
                  "floor_to(#0, " + std::string(u[1]) + ", " + u[2] + ")", {of(k, depth - 1)});
    }
    case 2: {
      const std::string unit = pick("month", "year");
      return make(k, "date_trunc('" + unit + "', #0)",
                  "(CAST(strftime('%s', floor_to(#0, 1000000, 0) / 1000000, 'unixepoch', 'start of " + unit +
                      "') AS INTEGER) * 1000000)",
                  {of(k, depth - 1)});
    }
    case 3:
      if (has(Kind::day))
        return make(k, "CAST(#0 AS timestamp)", "(#0 * 86400000000)", {of(Kind::day, depth - 1)});
      return column(k);
    default: {
      const std::string sign = pick(" + ", " - ");
      return make(k, "(#0" + sign + "90m)", "(#0" + sign + "5400000000)", {of(k, depth - 1)});
    }
  }
}

Expr QueryGenerator::day(int depth) {
  if (has(Kind::time) && below(2) == 0)
    return make(Kind::day, "CAST(#0 AS date)", "(floor_to(#0, 86400000000, 0) / 86400000000)",
                {of(Kind::time, depth - 1)});
  return leaf(Kind::day);
}

Kind QueryGenerator::any_kind() {
  static constexpr Kind kAll[] = {Kind::integer, Kind::integer, Kind::real, Kind::text, Kind::text,
                                  Kind::boolean, Kind::time,    Kind::day,  Kind::blob, Kind::u64};
  for (;;) {
    const Kind k = kAll[below(std::size(kAll))];
    if (has(k) || k == Kind::boolean) return k;
  }
}

Kind QueryGenerator::key_kind() {
  const Kind k = any_kind();
  return k == Kind::real && below(2) == 0 ? Kind::text : k;
}

Expr QueryGenerator::comparison(int depth) {
  const Kind k = any_kind();
  const auto part = [&] { return of(k, depth); };
  const std::string op = pick(" = ", " <> ", " < ", " <= ", " > ", " >= ");
  if (k == Kind::integer && has(Kind::real) && below(4) == 0)
    return same(Kind::boolean, "(#0" + op + "#1)", {part(), of(Kind::real, depth)});
  // A column beside a literal is what zone maps and filters prune by.
  if (has(k) && below(2) == 0) return same(Kind::boolean, "(#0" + op + "#1)", {column(k), literal(k)});
  return same(Kind::boolean, "(#0" + op + "#1)", {part(), part()});
}

Expr QueryGenerator::boolean(int depth) {
  const Kind b = Kind::boolean;
  const auto condition = [&] { return of(b, depth - 1); };
  switch (below(16)) {
    case 0:
      return same(b, "(#0" + pick(" IS NULL", " IS NOT NULL") + ")", {of(any_kind(), depth - 1)});
    case 1:
      return same(
          b,
          "(#0" + pick(" LIKE ", " NOT LIKE ") +
              pick("'a%'", "'%b'", "'%a%'", "'_b%'", "'a_c'", "'%b%c%'", "'abc'", "'%'", "'A__'", "''") + ")",
          {of(Kind::text, depth - 1)});
    case 2:
      return same(b, "(#0 LIKE " + pick("'a!%%'", "'%!_%'", "'!%'") + " ESCAPE '!')",
                  {of(Kind::text, depth - 1)});
    case 3:
    case 4: {
      const Kind k = any_kind();
      if (k == Kind::boolean) return comparison(depth - 1);
      return same(
          b, "(#0" + pick(" IN ", " NOT IN ") + pick("(#1, #2, #3)", "(#1, NULL)", "(#1, #2)", "(#1)") + ")",
          {of(k, depth - 1), literal(k), literal(k), leaf(k)});
    }
    case 5:
    case 6: {
      const Kind k = any_kind();
      if (k == Kind::boolean) return comparison(depth - 1);
      return same(b, "(#0" + pick(" BETWEEN ", " NOT BETWEEN ") + "#1 AND #2)",
                  {of(k, depth - 1), leaf(k), leaf(k)});
    }
    case 7:
      return same(b, "(NOT #0)", {condition()});
    case 8:
      return same(b, "(#0" + pick(" IS TRUE", " IS NOT TRUE", " IS FALSE", " IS NOT FALSE") + ")",
                  {condition()});
    case 9: {
      static constexpr const char* kTests[][2] = {{"starts_with(#0, #1)", "(substr(#0, 1, length(#1)) = #1)"},
                                                  {"contains(#0, #1)", "(instr(#0, #1) > 0)"},
                                                  {"ends_with(#0, #1)", "ends_with(#0, #1)"}};
      const auto* t = kTests[below(3)];
      return make(b, t[0], t[1], {of(Kind::text, depth - 1), leaf(Kind::text)});
    }
    case 10:
      return make(b, "CAST(#0 AS bool)", "(#0 <> 0)", {of(Kind::integer, depth - 1)});
    case 11:
    case 12:
    case 13:
      return same(b, "(#0" + pick(" AND ", " OR ") + "#1)", {condition(), condition()});
    default:
      return comparison(depth - 1);
  }
}

Expr QueryGenerator::statistic() {
  const std::string f = pick("stddev", "stddev_pop", "variance", "var_pop", "median");
  Expr e = same(Kind::real, f + "(#0)", {below(2) == 0 ? column(Kind::integer) : of(Kind::integer, 1)});
  if (below(4) == 0) {
    e.firn = "quantile(#0, 0.25)";
    e.sqlite = "quantile25(#0)";
  }
  e.scale = "(1 + total(#0 * 1.0 * #0))";
  e.tolerance = 1e-12;
  return e;
}

Expr QueryGenerator::aggregate() {
  switch (below(12)) {
    case 0:
      return same(Kind::integer, "count(*)");
    case 1:
      return same(Kind::integer, "count(#0)", {of(any_kind(), 1)});
    case 2:
      return same(Kind::integer, "count(DISTINCT #0)", {of(any_kind(), 1)});
    case 3:
    case 4:
      return same(Kind::integer, pick("sum(#0)", "sum(DISTINCT #0)"), {of(Kind::integer, 2)});
    case 5:
    case 6: {
      const bool average = below(2) == 0;
      Expr e = same(Kind::real, average ? "avg(#0)" : "sum(#0)",
                    {has(Kind::real) ? of(Kind::real, 2) : literal(Kind::real)});
      if (!e.dyadic) {
        e.scale = "total(abs(#0))";
        e.tolerance = 1e-12;
      }
      return e;
    }
    case 7:
      return same(Kind::real, pick("avg(#0)", "avg(DISTINCT #0)"), {of(Kind::integer, 1)});
    case 8:
      return statistic();
    default: {
      const Kind k = any_kind();
      return same(k, pick("min(#0)", "max(#0)"), {below(2) == 0 ? leaf(k) : of(k, 1)});
    }
  }
}

Expr QueryGenerator::having() {
  switch (below(4)) {
    case 0:
      return same(Kind::boolean, "(count(*) > " + std::to_string(below(6)) + ")");
    case 1:
      return same(Kind::boolean, "(sum(#0) > #1)", {of(Kind::integer, 1), literal(Kind::integer)});
    case 2:
      return same(Kind::boolean, "(min(#0) <= #1)", {column(Kind::text), literal(Kind::text)});
    default:
      return same(Kind::boolean, "(#0" + pick(" AND ", " OR ") + "#1)", {having(), having()});
  }
}

bool QueryGenerator::reads_column(const Expr& e) const {
  if (!e.args.empty())
    return std::any_of(e.args.begin(), e.args.end(), [&](const Expr& a) { return reads_column(a); });
  const auto named = columns_.find(e.kind);
  return named != columns_.end() &&
         std::find(named->second.begin(), named->second.end(), e.firn) != named->second.end();
}

void QueryGenerator::add_items(RandomQuery& q) {
  if (!q.grouped) {
    q.distinct = below(4) == 0;
    for (std::size_t i = 0; i < 1 + below(3); ++i) q.items.push_back(of(any_kind(), 3));
    return;
  }
  q.keys = below(4);
  for (std::size_t i = 0; i < q.keys; ++i) {
    const Kind k = key_kind();
    // A constant would be a position, or the same for all rows.
    Expr key = below(2) == 0 && has(k) ? column(k) : of(k, 2);
    if (!reads_column(key)) key = column(has(k) ? k : Kind::text);
    q.items.push_back(std::move(key));
  }
  for (std::size_t i = 0; i < 1 + below(3); ++i) {
    Expr e = aggregate();
    if (e.scale.empty() && e.kind == Kind::integer && below(4) == 0)
      e = same(Kind::integer, "(#0 + 1)", {std::move(e)});
    q.items.push_back(std::move(e));
  }
  if (q.keys != 0 && below(3) == 0) q.having = having();
}

void QueryGenerator::add_order(RandomQuery& q) {
  for (std::size_t i = 0; i < q.items.size(); ++i)
    if (q.items[i].scale.empty())
      q.order.push_back(
          {i, pick("", " DESC", " ASC", " NULLS LAST", " DESC NULLS FIRST", " ASC NULLS FIRST")});
  std::shuffle(q.order.begin(), q.order.end(), random_);
  if (below(2) == 0) {
    q.limit = below(12);
    q.offset = below(4);
  } else {
    q.order.resize(1 + below(q.order.size()));
  }
}

RandomQuery QueryGenerator::query(std::size_t versions) {
  RandomQuery q;
  q.grouped = below(2) == 0;
  add_items(q);
  if (below(3) != 0) q.where = of(Kind::boolean, 3);
  bool exact = false;
  for (const Expr& e : q.items) exact = exact || e.scale.empty();
  if (exact && below(3) == 0) add_order(q);
  if (below(6) == 0)
    q.since_us =
        time_min_ + static_cast<std::int64_t>(below(static_cast<std::size_t>(time_max_ - time_min_)));
  q.newest = q.version = versions - 1;
  if (below(3) == 0) {
    q.version = below(versions);
    q.travel = static_cast<int>(1 + below(3));
  }
  return q;
}

}  // namespace firn::storage::oracle
