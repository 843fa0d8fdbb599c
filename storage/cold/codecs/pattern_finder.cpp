#include "storage/cold/codecs/pattern_finder.hpp"

#include <algorithm>
#include <cstdint>
#include <set>

#include "storage/cold/segment_format.hpp"

namespace firn::storage::cold {
namespace {

// A draft is text with a mark for each field. It begins as the first sample and loses what the next ones do
// not share.
using Draft = std::basic_string<char16_t>;
using DraftView = std::basic_string_view<char16_t>;
constexpr char16_t kField = 256;
/// Longer strings are prose, not records: comparing them would take quadratic time.
constexpr std::size_t kLengthMax = 512;

bool is_separator(char16_t c) {
  return c < 128 && !(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z');
}

void add_field(Draft& out) {
  if (out.empty() || out.back() != kField) out.push_back(kField);
}

struct Common {
  std::size_t a = 0, b = 0, length = 0;
};

/// The run of characters that both have which says most: separators weigh more than letters and digits, which
/// agree by chance; runs that would have to move far weigh less. A single letter or digit is none.
Common best_common(DraftView a, DraftView b) {
  constexpr int kSeparator = 8, kOther = 2, kShiftMax = 6;
  struct Run {
    int length = 0, weight = 0;
  };
  Common best;
  int best_score = 0;
  std::vector<Run> above(b.size() + 1), row(b.size() + 1);
  for (std::size_t i = 0; i < a.size(); ++i) {
    const bool separator = is_separator(a[i]);
    for (std::size_t j = 0; j < b.size(); ++j) {
      row[j + 1] = {};
      if (a[i] != b[j] || a[i] == kField) continue;
      row[j + 1] = {above[j].length + 1, above[j].weight + (separator ? kSeparator : kOther)};
      if (row[j + 1].length == 1 && !separator) continue;
      const int shift = static_cast<int>(i > j ? i - j : j - i);
      const int score = row[j + 1].weight - std::min(shift, kShiftMax);
      if (score <= best_score) continue;
      best_score = score;
      const auto length = static_cast<std::size_t>(row[j + 1].length);
      best = {i + 1 - length, j + 1 - length, length};
    }
    std::swap(above, row);
  }
  return best;
}

/// Appends what a and b share to `out`, fields for the rest.
void share(DraftView a, DraftView b, Draft& out) {
  if (a.empty() && b.empty()) return;
  const Common c = a.empty() || b.empty() ? Common{} : best_common(a, b);
  if (c.length == 0) return add_field(out);
  share(a.substr(0, c.a), b.substr(0, c.b), out);
  out += a.substr(c.a, c.length);
  share(a.substr(c.a + c.length), b.substr(c.b + c.length), out);
}

Draft draft_of(std::string_view s) {
  Draft d;
  for (const char c : s) d.push_back(static_cast<unsigned char>(c));
  return d;
}

Pattern pattern_of(const Draft& draft) {
  Pattern p;
  p.literals.emplace_back();
  for (const char16_t c : draft) {
    if (c == kField)
      p.literals.emplace_back();
    else
      p.literals.back().push_back(static_cast<char>(static_cast<unsigned char>(c)));
  }
  return p;
}

std::vector<std::string_view> fields_of(const Pattern& p, std::string_view s) {
  std::vector<std::string_view> fields(p.fields());
  if (!p.match(s, fields.data())) fields.clear();
  return fields;
}

/// Distinct values of field i, and of fields i and i + 1 taken together; counted up to a bound.
struct Variety {
  std::size_t left, right, both;
};
Variety variety_of(const Pattern& p, std::size_t i, std::span<const std::string_view> samples) {
  std::set<std::string_view> left, right, both;
  for (const std::string_view s : samples) {
    const auto f = fields_of(p, s);
    if (f.empty()) continue;
    left.insert(f[i]);
    right.insert(f[i + 1]);
    both.insert({f[i].data(), static_cast<std::size_t>(f[i + 1].data() + f[i + 1].size() - f[i].data())});
  }
  return {left.size(), right.size(), both.size()};
}

/// Fields that vary together ("X11; Linux" or "iPhone; CPU") become one.
void join_dependent_fields(Pattern& p, std::span<const std::string_view> samples) {
  constexpr std::size_t kFew = 32;
  for (std::size_t i = 0; i + 1 < p.fields();) {
    const Variety v = variety_of(p, i, samples);
    if (v.left <= kFew && v.right <= kFew && v.both <= std::max(v.left, v.right)) {
      p.literals.erase(p.literals.begin() + static_cast<std::ptrdiff_t>(i) + 1);
    } else {
      ++i;
    }
  }
}

/// Fewer fields: the shortest literals between fields go.
void limit_fields(Pattern& p) {
  while (p.fields() > kPatternFieldsMax) {
    const auto shortest = std::min_element(p.literals.begin() + 1, p.literals.end() - 1,
                                           [](const auto& a, const auto& b) { return a.size() < b.size(); });
    p.literals.erase(shortest);
  }
}

}  // namespace

bool Pattern::match(std::string_view s, std::string_view* out) const {
  const std::string &first = literals.front(), &last = literals.back();
  if (s.size() < first.size() + last.size() || !s.starts_with(first) || !s.ends_with(last)) return false;
  std::size_t at = first.size();
  const std::size_t end = s.size() - last.size();
  for (std::size_t i = 1; i + 1 < literals.size(); ++i) {
    const std::size_t found = s.find(literals[i], at);
    if (found == std::string_view::npos || found + literals[i].size() > end) return false;
    out[i - 1] = s.substr(at, found - at);
    at = found + literals[i].size();
  }
  out[fields() - 1] = s.substr(at, end - at);
  return true;
}

Pattern find_pattern(std::span<const std::string_view> samples) {
  if (samples.empty() || samples[0].size() > kLengthMax) return {};
  Draft draft = draft_of(samples[0]);
  Pattern pattern;
  for (const std::string_view s : samples.subspan(1)) {
    if (s.size() > kLengthMax) continue;
    if (pattern.fields() > 0 ? !fields_of(pattern, s).empty() : s == samples[0]) continue;
    Draft shared;
    const Draft other = draft_of(s);
    const std::size_t most = std::min(draft.size(), other.size());
    std::size_t prefix = 0, suffix = 0;
    while (prefix < most && draft[prefix] == other[prefix]) ++prefix;
    while (suffix < most - prefix && draft[draft.size() - 1 - suffix] == other[other.size() - 1 - suffix])
      ++suffix;
    shared = draft.substr(0, prefix);
    share(DraftView(draft).substr(prefix, draft.size() - prefix - suffix),
          DraftView(other).substr(prefix, other.size() - prefix - suffix), shared);
    shared += draft.substr(draft.size() - suffix);
    draft = std::move(shared);
    pattern = pattern_of(draft);
  }
  if (pattern.fields() == 0) return {};
  join_dependent_fields(pattern, samples);
  limit_fields(pattern);
  return pattern;
}

}  // namespace firn::storage::cold
