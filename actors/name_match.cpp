#include "name_match.hpp"

#include <algorithm>
#include <cctype>
#include <utility>
#include <vector>

namespace firn::runtime {
namespace {

constexpr std::size_t kSuggestionsMax = 3;
constexpr std::size_t kComparedBytesMax = 255;

char lower(char c) { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); }

/// Levenshtein distance without regard to case.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t substitute = diagonal + (lower(a[i - 1]) == lower(b[j - 1]) ? 0 : 1);
      diagonal = std::exchange(row[j], std::min({row[j] + 1, row[j - 1] + 1, substitute}));
    }
  }
  return row[b.size()];
}

}  // namespace

bool equal_ignoring_case(std::string_view a, std::string_view b) noexcept {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

std::string suggest(std::string_view name, std::span<const std::string> known) {
  name = name.substr(0, kComparedBytesMax);
  std::vector<std::pair<std::size_t, std::string_view>> near;
  for (const std::string& k : known) {
    const std::size_t d = distance(name, k);
    if (d <= std::max<std::size_t>(2, name.size() / 3)) near.emplace_back(d, k);
  }
  std::sort(near.begin(), near.end());
  if (near.size() > kSuggestionsMax) near.resize(kSuggestionsMax);
  std::string text;
  for (std::size_t i = 0; i < near.size(); ++i) {
    text += i == 0 ? "; did you mean \"" : i + 1 == near.size() ? "\" or \"" : "\", \"";
    text += near[i].second;
  }
  return text.empty() ? text : text + "\"?";
}

}  // namespace firn::runtime
