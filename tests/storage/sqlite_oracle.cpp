#include "tests/storage/sqlite_oracle.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace firn::storage::oracle {
namespace {

// --- what SQLite lacks -------------------------------------------------------------------------------------------------

std::string text_of(sqlite3_value* v) {
  return {reinterpret_cast<const char*>(sqlite3_value_text(v)),
          static_cast<std::size_t>(sqlite3_value_bytes(v))};
}
bool any_null(int n, sqlite3_value** v) {
  return std::any_of(v, v + n, [](sqlite3_value* x) { return sqlite3_value_type(x) == SQLITE_NULL; });
}

/// floor_to(t, step, origin)
void floor_to(sqlite3_context* c, int n, sqlite3_value** v) {
  if (any_null(n, v)) return sqlite3_result_null(c);
  const std::int64_t step = sqlite3_value_int64(v[1]), origin = sqlite3_value_int64(v[2]);
  const std::int64_t d = sqlite3_value_int64(v[0]) - origin;
  sqlite3_result_int64(c, d - ((d % step) + step) % step + origin);
}

/// Characters in the other order; a character is a byte and the continuations behind it.
void reverse(sqlite3_context* c, int n, sqlite3_value** v) {
  if (any_null(n, v)) return sqlite3_result_null(c);
  const std::string s = text_of(v[0]);
  std::vector<std::string> characters;
  for (const char b : s) {
    if ((static_cast<unsigned char>(b) & 0xc0U) == 0x80U)
      characters.back() += b;
    else
      characters.emplace_back(1, b);
  }
  std::string out;
  for (auto it = characters.rbegin(); it != characters.rend(); ++it) out += *it;
  sqlite3_result_text(c, out.c_str(), static_cast<int>(out.size()), SQLITE_TRANSIENT);
}

void ends_with(sqlite3_context* c, int n, sqlite3_value** v) {
  if (any_null(n, v)) return sqlite3_result_null(c);
  sqlite3_result_int(c, text_of(v[0]).ends_with(text_of(v[1])));
}

// Statistics, from all values at once and in long double.
using Sample = std::vector<double>;

Sample* sample_of(sqlite3_context* c) {
  auto** s = static_cast<Sample**>(sqlite3_aggregate_context(c, sizeof(Sample*)));
  if (*s == nullptr) *s = new Sample;
  return *s;
}
void collect(sqlite3_context* c, int n, sqlite3_value** v) {
  Sample* s = sample_of(c);
  if (!any_null(n, v)) s->push_back(sqlite3_value_double(v[0]));
}
double variance(const Sample& s, std::size_t divisor) {
  long double sum = 0, squares = 0;
  for (const double x : s) sum += x;
  const long double mean = sum / static_cast<long double>(s.size());
  for (const double x : s) squares += (x - mean) * (x - mean);
  return static_cast<double>(squares / static_cast<long double>(divisor));
}
double quantile(Sample& s, double q) {
  std::sort(s.begin(), s.end());
  const double at = q * static_cast<double>(s.size() - 1);
  const auto low = static_cast<std::size_t>(at);
  const std::size_t high = std::min(low + 1, s.size() - 1);
  return s[low] + (s[high] - s[low]) * (at - static_cast<double>(low));
}

enum class Statistic : std::uint8_t { stddev, stddev_pop, variance, var_pop, median, quantile25 };
template <Statistic what>
void finish(sqlite3_context* c) {
  Sample* s = sample_of(c);
  const std::size_t n = s->size();
  constexpr bool of_sample = what == Statistic::stddev || what == Statistic::variance;
  if (n < (of_sample ? 2U : 1U)) {
    sqlite3_result_null(c);
  } else if constexpr (what == Statistic::median || what == Statistic::quantile25) {
    sqlite3_result_double(c, quantile(*s, what == Statistic::median ? 0.5 : 0.25));
  } else {
    const double var = variance(*s, of_sample ? n - 1 : n);
    const bool root = what == Statistic::stddev || what == Statistic::stddev_pop;
    sqlite3_result_double(c, root ? std::sqrt(var) : var);
  }
  delete s;
}

template <Statistic what>
void add_statistic(sqlite3* db, const char* name) {
  sqlite3_create_function(db, name, 1, SQLITE_UTF8 | SQLITE_DETERMINISTIC, nullptr, nullptr, collect,
                          finish<what>);
}
void add_function(sqlite3* db, const char* name, int args,
                  void (*f)(sqlite3_context*, int, sqlite3_value**)) {
  sqlite3_create_function(db, name, args, SQLITE_UTF8 | SQLITE_DETERMINISTIC, nullptr, f, nullptr, nullptr);
}

Cell cell_at(sqlite3_stmt* s, int c) {
  switch (sqlite3_column_type(s, c)) {
    case SQLITE_INTEGER:
      return std::int64_t{sqlite3_column_int64(s, c)};
    case SQLITE_FLOAT:
      return sqlite3_column_double(s, c);
    case SQLITE_NULL:
      return std::monostate{};
    default: {
      const auto* bytes = static_cast<const char*>(sqlite3_column_blob(s, c));
      const auto n = static_cast<std::size_t>(sqlite3_column_bytes(s, c));
      return bytes == nullptr ? std::string() : std::string(bytes, n);
    }
  }
}

void bind(sqlite3_stmt* s, int at, const Cell& cell) {
  if (const auto* i = std::get_if<std::int64_t>(&cell)) {
    sqlite3_bind_int64(s, at, *i);
  } else if (const auto* x = std::get_if<double>(&cell)) {
    sqlite3_bind_double(s, at, *x);
  } else if (const auto* t = std::get_if<std::string>(&cell)) {
    const bool blob = t->starts_with('\1');  // cell_of() marks them
    if (blob)
      sqlite3_bind_blob(s, at, t->data() + 1, static_cast<int>(t->size() - 1), SQLITE_TRANSIENT);
    else
      sqlite3_bind_text(s, at, t->data(), static_cast<int>(t->size()), SQLITE_TRANSIENT);
  } else {
    sqlite3_bind_null(s, at);
  }
}

}  // namespace

Sqlite::Sqlite() {
  sqlite3_open(":memory:", &db_);
  run("PRAGMA case_sensitive_like=ON");
  add_function(db_, "floor_to", 3, floor_to);
  add_function(db_, "reverse", 1, reverse);
  add_function(db_, "ends_with", 2, ends_with);
  add_statistic<Statistic::stddev>(db_, "stddev");
  add_statistic<Statistic::stddev_pop>(db_, "stddev_pop");
  add_statistic<Statistic::variance>(db_, "variance");
  add_statistic<Statistic::var_pop>(db_, "var_pop");
  add_statistic<Statistic::median>(db_, "median");
  add_statistic<Statistic::quantile25>(db_, "quantile25");
}

std::vector<Row> Sqlite::run(const std::string& sql) {
  sqlite3_stmt* s = nullptr;
  if (sqlite3_prepare_v2(db_, sql.c_str(), -1, &s, nullptr) != SQLITE_OK)
    throw std::runtime_error(std::string("SQLite: ") + sqlite3_errmsg(db_) + " in " + sql);
  std::vector<Row> rows;
  int status = SQLITE_ROW;
  while ((status = sqlite3_step(s)) == SQLITE_ROW) {
    Row& row = rows.emplace_back();
    for (int c = 0; c < sqlite3_column_count(s); ++c) row.push_back(cell_at(s, c));
  }
  sqlite3_finalize(s);
  if (status != SQLITE_DONE)
    throw std::runtime_error(std::string("SQLite: ") + sqlite3_errmsg(db_) + " in " + sql);
  return rows;
}

void Sqlite::insert(const std::string& table, const std::vector<Row>& rows) {
  if (rows.empty()) return;
  std::string sql = "INSERT INTO " + table + " VALUES (?";
  for (std::size_t c = 1; c < rows.front().size(); ++c) sql += ", ?";
  sqlite3_stmt* s = nullptr;
  if (sqlite3_prepare_v2(db_, (sql + ")").c_str(), -1, &s, nullptr) != SQLITE_OK)
    throw std::runtime_error(sqlite3_errmsg(db_));
  run("BEGIN");
  for (const Row& row : rows) {
    for (std::size_t c = 0; c < row.size(); ++c) bind(s, static_cast<int>(c + 1), row[c]);
    sqlite3_step(s);
    sqlite3_reset(s);
  }
  sqlite3_finalize(s);
  run("COMMIT");
}

Cell cell_of(const Value& v, bool as_u64) {
  if (v.is_null()) return std::monostate{};
  if (as_u64) {
    const std::string n = std::to_string(v.to_u64());
    return std::string(20 - n.size(), '0') + n;
  }
  switch (v.type()) {
    case TypeId::utf8:
      return v.as_bytes();
    case TypeId::binary:
      return "\1" + v.as_bytes();
    case TypeId::f32:
    case TypeId::f64:
      return v.to_f64();
    default:
      return v.to_i64();
  }
}

std::vector<Row> cells_of(const Batch& rows, const std::vector<Kind>& kinds) {
  std::vector<Row> out(static_cast<std::size_t>(rows.rows()));
  for (std::size_t i = 0; i < out.size(); ++i)
    for (std::size_t c = 0; c < rows.columns().size(); ++c) {
      Cell cell = cell_of(rows[c].value_at(i), kinds[c] == Kind::u64);
      if (auto* bytes = std::get_if<std::string>(&cell); bytes != nullptr && bytes->starts_with('\1'))
        bytes->erase(0, 1);
      out[i].push_back(std::move(cell));
    }
  return out;
}

namespace {

std::string show(const Cell& c) {
  if (const auto* i = std::get_if<std::int64_t>(&c)) return std::to_string(*i);
  if (const auto* x = std::get_if<double>(&c)) return format_double(*x);
  if (const auto* t = std::get_if<std::string>(&c)) return "'" + *t + "'";
  return "NULL";
}
std::string show(const std::vector<Row>& rows) {
  std::string out;
  for (std::size_t i = 0; i < rows.size() && i < 12; ++i) {
    for (const Cell& c : rows[i]) out += show(c) + "  ";
    out += "\n";
  }
  return out + "(" + std::to_string(rows.size()) + " rows)\n";
}

/// Integers and floats of one value are one: SQLite's min(1, 0.5) keeps the operand's type.
std::weak_ordering order_of(const Cell& a, const Cell& b) {
  const auto number = [](const Cell& c) { return c.index() == 1 || c.index() == 2; };
  if (number(a) && number(b) && a.index() != b.index()) {
    const auto real = [](const Cell& c) {
      const auto* i = std::get_if<std::int64_t>(&c);
      return i != nullptr ? static_cast<double>(*i) : std::get<double>(c);
    };
    return real(a) < real(b)   ? std::weak_ordering::less
           : real(b) < real(a) ? std::weak_ordering::greater
                               : std::weak_ordering::equivalent;
  }
  if (a < b) return std::weak_ordering::less;
  return b < a ? std::weak_ordering::greater : std::weak_ordering::equivalent;
}

double real_of(const Cell& c) {
  if (const auto* i = std::get_if<std::int64_t>(&c)) return static_cast<double>(*i);
  return std::holds_alternative<double>(c) ? std::get<double>(c) : 0;
}

}  // namespace

std::string difference(const RandomQuery& query, std::vector<Row> firn, std::vector<Row> sqlite) {
  const std::string shown = "firn\n" + show(firn) + "SQLite\n" + show(sqlite);
  if (firn.size() != sqlite.size()) return shown;
  const std::size_t width = firn.empty() ? 0 : firn.front().size();
  std::vector<const Expr*> rounded(width, nullptr);
  for (std::size_t c = 0; c < width && !query.star; ++c)
    if (!query.items[c].scale.empty()) rounded[c] = &query.items[c];
  for (std::size_t i = 0; i < firn.size(); ++i)
    for (const Order& o : query.order)
      if (order_of(firn[i][o.item], sqlite[i][o.item]) != 0)
        return "order, row " + std::to_string(i) + "\n" + shown;
  if (!query.limit) {
    const auto before = [&](const Row& a, const Row& b) {
      for (std::size_t c = 0; c < width; ++c)
        if (rounded[c] == nullptr)
          if (const auto order = order_of(a[c], b[c]); order != 0) return order < 0;
      return false;
    };
    std::sort(firn.begin(), firn.end(), before);
    std::sort(sqlite.begin(), sqlite.end(), before);
  }
  for (std::size_t i = 0; i < firn.size(); ++i) {
    std::size_t scale = width;
    for (std::size_t c = 0; c < width; ++c) {
      const Cell &a = firn[i][c], &b = sqlite[i][c];
      if (rounded[c] == nullptr) {
        if (order_of(a, b) != 0) return "row " + std::to_string(i) + "\n" + shown;
        continue;
      }
      const double room = rounded[c]->tolerance * real_of(sqlite[i][scale++]);
      const bool null = a.index() == 0 || b.index() == 0;
      if (null ? a.index() != b.index() : !(std::fabs(real_of(a) - real_of(b)) <= room))
        return "row " + std::to_string(i) + ", off by more than " + format_double(room) + "\n" + shown;
    }
  }
  return "";
}

}  // namespace firn::storage::oracle
