// Random queries over random rows against SQLite, and against themselves: however rows are cut into batches,
// put into dictionaries and spread over executions, the answer is the same.
#include <sqlite3.h>

#include <cmath>

#include "query_fixture.hpp"

namespace firn::storage {
namespace {

struct Cell {
  bool null = true, number = false;
  double value = 0;
  std::string text;
};
using Row = std::vector<Cell>;

bool close(double a, double b) {
  return a == b || std::fabs(a - b) <= 1e-9 * std::max({1.0, std::fabs(a), std::fabs(b)});
}
bool equal(const Cell& a, const Cell& b) {
  return a.null == b.null && a.number == b.number && close(a.value, b.value) && a.text == b.text;
}
bool before(const Cell& a, const Cell& b) {
  if (a.null != b.null) return a.null;
  if (a.number != b.number) return a.number;
  if (!close(a.value, b.value)) return a.value < b.value;
  return a.text < b.text;
}
bool row_before(const Row& a, const Row& b) {
  return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(), before);
}
std::string show(const std::vector<Row>& rows) {
  std::string out;
  for (const Row& r : rows) {
    for (const Cell& c : r)
      out += (c.null ? "NULL" : c.number ? format_double(c.value) : "'" + c.text + "'") + " ";
    out += "\n";
  }
  return out;
}

std::vector<Row> rows_of(const Batch& b) {
  std::vector<Row> rows(static_cast<std::size_t>(b.rows()));
  for (std::size_t i = 0; i < rows.size(); ++i)
    for (const Column& c : b.columns()) {
      const Value v = c.value_at(i);
      Cell cell;
      cell.null = v.is_null();
      if (!cell.null && v.type() == TypeId::utf8) {
        cell.text = v.as_bytes();
      } else if (!cell.null) {
        cell.number = true;
        cell.value = v.type() == TypeId::boolean ? v.as_bool() : v.to_f64();
      }
      rows[i].push_back(cell);
    }
  return rows;
}

class Sqlite {
 public:
  Sqlite() {
    sqlite3_open(":memory:", &db_);
    run("PRAGMA case_sensitive_like=ON");
  }
  ~Sqlite() { sqlite3_close(db_); }
  std::vector<Row> run(const std::string& sql) {
    sqlite3_stmt* s = nullptr;
    if (sqlite3_prepare_v2(db_, sql.c_str(), -1, &s, nullptr) != SQLITE_OK) {
      ADD_FAILURE() << sqlite3_errmsg(db_) << " in " << sql;
      return {};
    }
    std::vector<Row> rows;
    while (sqlite3_step(s) == SQLITE_ROW) {
      Row& row = rows.emplace_back();
      for (int c = 0; c < sqlite3_column_count(s); ++c) {
        Cell cell;
        const int type = sqlite3_column_type(s, c);
        cell.null = type == SQLITE_NULL;
        if (type == SQLITE_TEXT) cell.text = reinterpret_cast<const char*>(sqlite3_column_text(s, c));
        if (type == SQLITE_INTEGER || type == SQLITE_FLOAT) {
          cell.number = true;
          cell.value = sqlite3_column_double(s, c);
        }
        row.push_back(cell);
      }
    }
    sqlite3_finalize(s);
    return rows;
  }

 private:
  sqlite3* db_ = nullptr;
};

/// Random expressions on which both engines agree by definition.
class Generator {
 public:
  explicit Generator(std::mt19937_64& random) : random_(random) {}
  std::size_t below(std::size_t n) { return random_() % n; }
  std::string pick(std::initializer_list<const char*> of) { return *(of.begin() + below(of.size())); }

  std::string integer(int depth) {
    if (depth <= 0 || below(4) == 0)
      return below(3) == 0 ? std::to_string(below(20)) : pick({"i", "j", "u", "k"});
    switch (below(7)) {
      case 0:
        return "CASE WHEN " + condition(depth - 1) + " THEN " + integer(depth - 1) + " ELSE " +
               integer(depth - 1) + " END";
      case 1:
        return "coalesce(" + integer(depth - 1) + ", " + integer(depth - 1) + ")";
      case 2:
        return "abs(" + integer(depth - 1) + ")";
      case 3:
        return "length(" + text(depth - 1) + ")";
      default:
        return "(" + integer(depth - 1) + pick({" + ", " - ", " * ", " / ", " % "}) + integer(depth - 1) +
               ")";
    }
  }
  std::string real(int depth) {
    if (depth <= 0 || below(3) == 0) return below(4) == 0 ? std::to_string(below(9)) + ".25" : "x";
    return "(" + real(depth - 1) + pick({" + ", " - ", " * "}) + (below(2) ? real(depth - 1) : integer(1)) +
           ")";
  }
  std::string text(int depth) {
    if (depth <= 0 || below(2)) return below(5) == 0 ? "'ab'" : pick({"s", "c"});
    switch (below(4)) {
      case 0:
        return "upper(" + text(depth - 1) + ")";
      case 1:
        return "(" + text(depth - 1) + " || " + text(depth - 1) + ")";
      case 2:
        return "substr(" + text(depth - 1) + ", 2, 2)";
      default:
        return "replace(" + text(depth - 1) + ", 'a', 'zz')";
    }
  }
  std::string any(int depth) { return below(3) == 0 ? text(depth) : below(2) ? integer(depth) : real(depth); }
  std::string condition(int depth) {
    const std::string op = pick({" = ", " <> ", " < ", " <= ", " > ", " >= "});
    switch (below(depth > 0 ? 12 : 6)) {
      case 0:
        return integer(depth) + op + integer(depth);
      case 1:
        return real(depth) + op + (below(2) ? integer(depth) : real(depth));
      case 2:
        return text(depth) + op + text(depth);
      case 3:
        return "(" + any(depth) + ")" + pick({" IS NULL", " IS NOT NULL"});
      case 4:
        return text(depth) + pick({" LIKE ", " NOT LIKE "}) +
               pick({"'a%'", "'%b'", "'%a%'", "'_b%'", "'a_c'", "'%b%c%'", "'abc'"});
      case 5:
        return integer(depth) + pick({" IN ", " NOT IN "}) +
               pick({"(1, 2, 3)", "(4, NULL)", "(i, 7)", "(0, 5, 10, 15)"});
      case 6:
        return integer(depth) + pick({" BETWEEN ", " NOT BETWEEN "}) + integer(0) + " AND " + integer(0);
      case 7:
        return "NOT (" + condition(depth - 1) + ")";
      case 8:
        return "(" + condition(depth - 1) + ")" +
               pick({" IS TRUE", " IS NOT TRUE", " IS FALSE", " IS NOT FALSE"});
      default:
        return "(" + condition(depth - 1) + pick({" AND ", " OR "}) + condition(depth - 1) + ")";
    }
  }
  std::string aggregate() {
    switch (below(9)) {
      case 0:
        return "count(*)";
      case 1:
        return "count(" + any(1) + ")";
      case 2:
        return "count(DISTINCT " + any(1) + ")";
      case 3:
        return "sum(" + integer(2) + ")";
      case 4:
        return "sum(" + real(1) + ")";
      case 5:
        return "avg(" + (below(2) ? integer(1) : real(1)) + ")";
      case 6:
        return "min(" + any(1) + ")";
      case 7:
        return "max(" + any(1) + ")";
      default:
        return "sum(DISTINCT " + integer(1) + ")";
    }
  }

 private:
  std::mt19937_64& random_;
};

struct Generated {
  std::string sql;
  bool ordered = false;
};

Generated make_query(Generator& g) {
  Generated out;
  std::vector<std::string> items, keys;
  const bool grouped = g.below(2) == 0;
  const bool distinct = !grouped && g.below(4) == 0;
  if (grouped) {
    for (std::size_t i = 0; i < g.below(4); ++i)
      keys.push_back(g.below(2) ? g.pick({"s", "c", "i", "u"}) : g.any(1));
    // A literal would be a position.
    for (std::string& k : keys)
      if (std::isdigit(static_cast<unsigned char>(k[0])) || k[0] == '\'') k = "j";
    items = keys;
    for (std::size_t i = 0; i < 1 + g.below(3); ++i)
      items.push_back(g.below(4) == 0 ? g.aggregate() + " + 1" : g.aggregate());
    for (std::string& s : items)
      if (s.ends_with(" + 1") && (s.starts_with("min") || s.starts_with("max"))) s.resize(s.size() - 4);
  } else {
    for (std::size_t i = 0; i < 1 + g.below(3); ++i)
      items.push_back(g.below(4) == 0 ? g.condition(2) : g.any(2));
  }
  out.sql = distinct ? "SELECT DISTINCT " : "SELECT ";
  for (std::size_t i = 0; i < items.size(); ++i) out.sql += (i ? ", " : "") + items[i];
  out.sql += " FROM t";
  if (g.below(3) > 0) out.sql += " WHERE " + g.condition(3);
  for (std::size_t i = 0; i < keys.size(); ++i) out.sql += (i ? ", " : " GROUP BY ") + keys[i];
  if (grouped && !keys.empty() && g.below(3) == 0) out.sql += " HAVING count(*) > 2";
  if (g.below(3) == 0) {
    out.ordered = true;
    for (std::size_t i = 0; i < items.size(); ++i)
      out.sql += (i ? ", " : " ORDER BY ") + std::to_string(i + 1) + g.pick({"", " DESC", " ASC"});
    if (g.below(2))
      out.sql += " LIMIT " + std::to_string(g.below(12)) + " OFFSET " + std::to_string(g.below(4));
  }
  return out;
}

TEST(QueryOracle, RandomQueriesAgreeWithSqlite) {
  std::uint64_t seed = std::random_device{}();
  if (const char* given = std::getenv("FIRN_SEED")) seed = std::strtoull(given, nullptr, 10);
  std::printf("seed %llu (set FIRN_SEED to repeat)\n", static_cast<unsigned long long>(seed));
  std::mt19937_64 random(seed);
  Generator g(random);
  MemoryTable t("k u32, i i64 null, j i16 null, u u32 null, x f64 null, s utf8 null, c utf8",
                {.key = {"k"}, .time = ""});
  Sqlite sqlite;
  sqlite.run("CREATE TABLE t (k INTEGER, i INTEGER, j INTEGER, u INTEGER, x REAL, s TEXT, c TEXT)");
  std::vector<std::vector<Value>> rows;
  for (std::uint64_t k = 0; k < 200; ++k) {
    const auto maybe = [&](Value v) { return random() % 6 == 0 ? Value() : v; };
    const char* words[] = {"", "a", "abc", "abd", "b", "bbc", "Abc", "cab", "aXc"};
    std::vector<Value> row{
        Value(static_cast<std::uint32_t>(k % 32)),
        maybe(Value(static_cast<std::int64_t>(random() % 20) - 6)),
        maybe(Value(static_cast<std::int16_t>(random() % 100 - 50))),
        maybe(Value(static_cast<std::uint32_t>(random() % 8))),
        maybe(Value(static_cast<double>(static_cast<std::int64_t>(random() % 400) - 200) / 16)),
        maybe(Value(words[random() % 9])),
        Value(words[random() % 9])};
    std::string insert = "INSERT INTO t VALUES (";
    for (std::size_t c = 0; c < row.size(); ++c)
      insert += (c ? ", " : "") + (row[c].is_null()                ? "NULL"
                                   : row[c].type() == TypeId::utf8 ? "'" + row[c].as_bytes() + "'"
                                                                   : row[c].to_string());
    sqlite.run(insert + ")");
    rows.push_back(std::move(row));
  }
  t.fill(rows);
  for (int n = 0; n < 600 && !testing::Test::HasFailure(); ++n) {
    const Generated q = make_query(g);
    auto expected = sqlite.run(q.sql);
    auto whole = t.run(q.sql);
    auto split = t.run_split(q.sql, random);
    ASSERT_TRUE(whole.ok()) << q.sql << "\n" << whole.error().message();
    ASSERT_TRUE(split.ok()) << q.sql << "\n" << split.error().message();
    for (const Batch& b : {*whole, *split}) {
      auto got = rows_of(b);
      if (!q.ordered) {
        std::sort(got.begin(), got.end(), row_before);
        std::sort(expected.begin(), expected.end(), row_before);
      }
      bool same = got.size() == expected.size();
      for (std::size_t r = 0; same && r < got.size(); ++r)
        same = std::equal(got[r].begin(), got[r].end(), expected[r].begin(), expected[r].end(), equal);
      ASSERT_TRUE(same) << q.sql << "\nseed " << seed << "\nfirn (" << (&b == &*whole ? "whole" : "either")
                        << ")\n"
                        << show(got) << "SQLite\n"
                        << show(expected);
    }
  }
}

}  // namespace
}  // namespace firn::storage
