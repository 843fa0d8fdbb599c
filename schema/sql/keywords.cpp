#include "schema/sql/keywords.hpp"

#include <algorithm>
#include <array>
#include <iterator>

#include "schema/sql/lexer.hpp"

namespace firn::sql {

namespace {

constexpr std::string_view kReserved[] = {
    "AND",      "AS",     "BETWEEN", "CASE",      "CURRENT_DATE", "CURRENT_TIMESTAMP",
    "DISTINCT", "ELSE",   "END",     "EXCEPT",    "FALSE",        "FROM",
    "GROUP",    "HAVING", "IN",      "INTERSECT", "IS",           "LIKE",
    "LIMIT",    "NOT",    "NULL",    "OR",        "ORDER",        "SELECT",
    "THEN",     "TRUE",   "UNION",   "WHEN",      "WHERE",
};

constexpr std::string_view kSpecialForms[] = {"CAST", "EXISTS", "NOW"};

constexpr std::string_view kAggregates[] = {"avg", "count",    "max",      "mean",       "median",
                                            "min", "quantile", "stddev",   "stddev_pop", "stddev_samp",
                                            "sum", "var_pop",  "var_samp", "variance"};

constexpr std::size_t kWordMax = 20;

bool contains(std::span<const std::string_view> words, std::string_view word) {
  return std::any_of(words.begin(), words.end(),
                     [word](std::string_view w) { return equals_ignoring_case(word, w); });
}

char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }

// Optimal string alignment: insert, delete, replace, or swap of two neighbours cost one each.
std::size_t distance(std::string_view a, std::string_view b) {
  std::array<std::array<std::size_t, kWordMax + 1>, kWordMax + 1> d{};
  for (std::size_t i = 0; i <= a.size(); ++i) d[i][0] = i;
  for (std::size_t j = 0; j <= b.size(); ++j) d[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = upper(a[i - 1]) == b[j - 1] ? 0 : 1;
      d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + change});
      if (i > 1 && j > 1 && upper(a[i - 1]) == b[j - 2] && upper(a[i - 2]) == b[j - 1])
        d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
    }
  }
  return d[a.size()][b.size()];
}

}  // namespace

bool is_reserved(std::string_view word) { return contains(kReserved, word); }

bool is_special_form(std::string_view word) { return contains(kSpecialForms, word); }

bool is_aggregate(std::string_view name) {
  return std::find(std::begin(kAggregates), std::end(kAggregates), name) != std::end(kAggregates);
}

std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates) {
  if (word.size() < 3 || word.size() > kWordMax) return {};
  std::size_t best = word.size() >= 6 ? 3 : 2;  // exclusive
  std::string_view found;
  for (const std::string_view candidate : candidates) {
    if (candidate.size() > kWordMax || equals_ignoring_case(word, candidate)) continue;
    const std::size_t d = distance(word, candidate);
    if (d < best && d < candidate.size() / 2 + 1) {
      best = d;
      found = candidate;
    }
  }
  return found;
}

}  // namespace firn::sql
