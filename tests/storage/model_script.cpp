#include "tests/storage/model_script.hpp"

#include <algorithm>
#include <charconv>

namespace firn::storage::model {
namespace {

template <class T>
bool read_number(std::string_view& text, T& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) return false;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return true;
}

bool skip(std::string_view& text, char c) {
  if (!text.starts_with(c)) return false;
  text.remove_prefix(1);
  return true;
}

/// Delta debugging by complements: takes away a chunk of steps at a time, ever smaller chunks.
class Shrinker {
 public:
  Shrinker(const Script& failing, Failure failure, const Attempt& attempt, const ShrinkLimits& limits)
      : attempt_(attempt), limits_(limits), deadline_(std::chrono::steady_clock::now() + limits.time) {
    best_.script = failing;
    take(failing, std::move(failure));
  }

  Shrunk run() {
    std::size_t chunk = std::max<std::size_t>(best_.script.steps.size() / 2, 1);
    while (!exhausted()) {
      const bool less = remove_chunks(chunk);
      if (exhausted()) break;
      if (chunk == 1 && !less) {
        best_.minimal = true;
        break;
      }
      // Single steps are tried again as long as that helps: some are needed only by others.
      chunk = chunk > 1 ? (chunk + 1) / 2 : 1;
    }
    return std::move(best_);
  }

 private:
  bool exhausted() const {
    return best_.attempts >= limits_.attempts || std::chrono::steady_clock::now() >= deadline_;
  }
  /// Steps after the one that failed have no part in it.
  void take(Script script, Failure failure) {
    std::erase_if(script.steps, [&](int step) { return step > failure.step; });
    best_.script = std::move(script);
    best_.failure = std::move(failure);
  }
  /// From the end, where what goes costs least to try again.
  bool remove_chunks(std::size_t chunk) {
    bool less = false;
    for (std::size_t end = best_.script.steps.size(); end > 0 && !exhausted();) {
      const std::size_t begin = end > chunk ? end - chunk : 0;
      Script without = best_.script;
      without.steps.erase(without.steps.begin() + static_cast<std::ptrdiff_t>(begin),
                          without.steps.begin() + static_cast<std::ptrdiff_t>(end));
      best_.attempts += 1;
      if (auto failure = attempt_(without)) {
        take(std::move(without), std::move(*failure));
        less = true;
      }
      end = std::min(begin, best_.script.steps.size());
    }
    return less;
  }

  const Attempt& attempt_;
  ShrinkLimits limits_;
  std::chrono::steady_clock::time_point deadline_;
  Shrunk best_;
};

}  // namespace

Script Script::whole(std::uint64_t seed, int steps) {
  Script script{seed, {}};
  for (int step = 1; step <= steps; ++step) script.steps.push_back(step);
  return script;
}

std::string Script::text() const {
  std::string text = std::to_string(seed) + ":";
  for (std::size_t i = 0; i < steps.size();) {
    std::size_t last = i;
    while (last + 1 < steps.size() && steps[last + 1] == steps[last] + 1) ++last;
    if (i > 0) text += ",";
    text += std::to_string(steps[i]);
    if (last > i) text += "-" + std::to_string(steps[last]);
    i = last + 1;
  }
  return text;
}

std::optional<Script> Script::parse(std::string_view text) {
  constexpr int kStepMax = 100'000'000;
  Script script;
  if (!read_number(text, script.seed) || !skip(text, ':')) return std::nullopt;
  while (!text.empty()) {
    int first = 0;
    if (!read_number(text, first)) return std::nullopt;
    int last = first;
    if (skip(text, '-') && !read_number(text, last)) return std::nullopt;
    const bool ascending = script.steps.empty() || first > script.steps.back();
    if (!ascending || first < 1 || last < first || last > kStepMax) return std::nullopt;
    for (int step = first; step <= last; ++step) script.steps.push_back(step);
    if (!text.empty() && (!skip(text, ',') || text.empty())) return std::nullopt;
  }
  return script;
}

/// splitmix64 (S. Vigna) of both, so that neighbouring steps and seeds have nothing in common.
std::uint64_t seed_of_step(std::uint64_t seed, int step) {
  std::uint64_t z = seed * 0x9e3779b97f4a7c15U + static_cast<std::uint64_t>(step) * 0xd1342543de82ef95U;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
  return z ^ (z >> 31);
}

Shrunk shrink(const Script& failing, const Failure& failure, const Attempt& attempt,
              const ShrinkLimits& limits) {
  return Shrinker(failing, failure, attempt, limits).run();
}

std::string report_of(const Script& original, const Shrunk& shrunk) {
  std::string text = "seed " + std::to_string(original.seed) + ", " + std::to_string(original.steps.size()) +
                     " steps; the shortest script that fails after " + std::to_string(shrunk.attempts) +
                     " attempts has " + std::to_string(shrunk.script.steps.size()) +
                     (shrunk.minimal ? " (none can be left out):" : ":");
  for (const std::string& line : shrunk.failure.notes) text += "\n  " + line;
  text += "\nat step " + std::to_string(shrunk.failure.step) + ": " + shrunk.failure.what;
  text += "\nFIRN_SCRIPT=" + shrunk.script.text() + " runs it again";
  return text;
}

}  // namespace firn::storage::model
