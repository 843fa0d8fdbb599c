// Random queries as trees that can be written in two dialects, firn's and SQLite's, and shrunk while they still fail.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace firn::storage::oracle {

/// What an expression gives. SQLite holds times as microseconds, dates as days, bools as 0 and 1, and u64 beyond its
/// integers as texts of 20 digits.
enum class Kind : std::uint8_t { integer, real, text, boolean, time, day, blob, u64 };

enum class Dialect : std::uint8_t { firn, sqlite };

struct Expr {
  Kind kind = Kind::integer;
  std::string firn, sqlite;  ///< with #0, #1 ... where the operands stand
  std::vector<Expr> args = {};
  bool dyadic = true;      ///< sums of it are exact in any order
  std::string scale = {};  ///< an aggregate that may differ by rounding: SQLite's text for sum |x|
  double tolerance = 0;    ///< ... times this

  std::string text(Dialect d) const { return fill(d == Dialect::firn ? firn : sqlite, d); }
  std::string scale_text() const { return fill(scale, Dialect::sqlite); }

 private:
  std::string fill(const std::string& form, Dialect d) const {
    std::string out;
    for (std::size_t i = 0; i < form.size(); ++i) {
      if (form[i] == '#')
        out += args[static_cast<std::size_t>(form[++i] - '0')].text(d);
      else
        out += form[i];
    }
    return out;
  }
};

/// A column by its name; the same in both dialects.
using Columns = std::map<Kind, std::vector<std::string>>;

struct Order {
  std::size_t item = 0;
  std::string how;
};

/// Where the rows come from differs by placement: the texts are put in by whoever asks.
struct RandomQuery {
  bool distinct = false, star = false;
  std::vector<Expr> items;
  std::size_t keys = 0;  ///< the first items are the GROUP BY
  bool grouped = false;
  std::optional<Expr> where, having;
  std::vector<Order> order;
  std::optional<std::size_t> limit;
  std::size_t offset = 0;
  std::optional<std::int64_t> since_us;
  std::size_t newest = 0;
  std::size_t version = 0;  ///< as of which commit of the history
  int travel =
      0;  ///< 0: the newest state; 1: AS OF CSN; 2: AS OF the time of the commit; 3: just before the next

  std::string text(Dialect d, const std::string& from) const {
    std::string sql = distinct ? "SELECT DISTINCT " : "SELECT ";
    if (star) sql += "*";
    for (std::size_t i = 0; i < items.size(); ++i) sql += (i != 0 || star ? ", " : "") + items[i].text(d);
    if (d == Dialect::sqlite)  // how far sums may be off stands behind the items
      for (const Expr& e : items)
        if (!e.scale.empty()) sql += ", " + e.scale_text();
    sql += " FROM " + from;
    if (where) sql += " WHERE " + where->text(d);
    for (std::size_t i = 0; i < keys; ++i) sql += (i != 0 ? ", " : " GROUP BY ") + items[i].text(d);
    if (having) sql += " HAVING " + having->text(d);
    for (std::size_t i = 0; i < order.size(); ++i)
      sql += (i != 0 ? ", " : " ORDER BY ") + std::to_string(order[i].item + 1) + order[i].how;
    if (limit) sql += " LIMIT " + std::to_string(*limit) + " OFFSET " + std::to_string(offset);
    return sql;
  }
  /// Simpler queries of the same kind, the boldest first.
  std::vector<RandomQuery> simpler() const;
};

class QueryGenerator {
 public:
  /// `words` are texts worth comparing with; times lie within [time_min, time_max].
  QueryGenerator(std::mt19937_64& random, Columns columns, std::vector<std::string> words,
                 std::int64_t time_min, std::int64_t time_max)
      : random_(random),
        columns_(std::move(columns)),
        words_(std::move(words)),
        time_min_(time_min),
        time_max_(time_max) {}

  RandomQuery query(std::size_t versions);

  std::size_t below(std::size_t n) { return random_() % n; }
  bool has(Kind k) const { return columns_.contains(k); }

 private:
  template <class... Ts>
  auto pick(const Ts&... of) {
    const std::string all[] = {std::string(of)...};
    return all[below(sizeof...(Ts))];
  }
  Expr make(Kind kind, const std::string& firn, const std::string& sqlite, std::vector<Expr> args = {}) {
    bool dyadic = true;
    for (const Expr& a : args) dyadic = dyadic && a.dyadic;
    return {kind, firn, sqlite, std::move(args), dyadic, {}, 0};
  }
  Expr same(Kind kind, const std::string& form, std::vector<Expr> args = {}) {
    return make(kind, form, form, std::move(args));
  }
  Expr column(Kind kind) { return same(kind, columns_.at(kind)[below(columns_.at(kind).size())]); }
  std::string quoted(std::string_view s) const;
  Expr literal(Kind kind);
  Expr leaf(Kind kind) { return !has(kind) || below(4) == 0 ? literal(kind) : column(kind); }
  Expr of(Kind kind, int depth);
  Expr choice(Kind kind, int depth);  ///< CASE, coalesce and their like
  Expr integer(int depth);
  Expr real(int depth);
  Expr text(int depth);
  Expr boolean(int depth);
  Expr time(int depth);
  Expr day(int depth);
  Expr comparison(int depth);
  Kind any_kind();
  Kind key_kind();
  Expr aggregate();
  Expr statistic();
  Expr having();
  bool reads_column(const Expr& e) const;
  void add_items(RandomQuery& q);
  void add_order(RandomQuery& q);

  std::mt19937_64& random_;
  Columns columns_;
  std::vector<std::string> words_;
  std::int64_t time_min_, time_max_;
};

}  // namespace firn::storage::oracle
