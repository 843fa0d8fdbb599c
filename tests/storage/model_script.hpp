// Scripts of random tests: which steps of a seed are run. Each step draws from a generator of its own, so any subset of
// the steps can be run; what fails is made short by delta debugging (A. Zeller, R. Hildebrandt: Simplifying and
// Isolating Failure-Inducing Input, 2002).
#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace firn::storage::model {

/// Steps of a seed, ascending, run one after another on a fresh table.
struct Script {
  std::uint64_t seed = 0;
  std::vector<int> steps;
  bool operator==(const Script&) const = default;

  static Script whole(std::uint64_t seed, int steps);  ///< steps 1 to `steps`
  /// As the variable FIRN_SCRIPT takes it: "7:1-20,33,50-51".
  std::string text() const;
  static std::optional<Script> parse(std::string_view text);
};

/// Seeds the generator of one step.
std::uint64_t seed_of_step(std::uint64_t seed, int step);

/// What went wrong, at which step, and what the steps did until then (the newest last).
struct Failure {
  int step = 0;
  std::string what;
  std::vector<std::string> notes;
};

/// Runs a script from the beginning.
using Attempt = std::function<std::optional<Failure>(const Script&)>;

struct ShrinkLimits {
  std::chrono::milliseconds time{60'000};
  int attempts = 5'000;
};

/// A script that fails, and how. `minimal`: without any single one of its steps it does not fail.
struct Shrunk {
  Script script;
  Failure failure;
  int attempts = 0;
  bool minimal = false;
};

/// The shortest failing script that is found within the limits. Any failure counts, also another than the first.
Shrunk shrink(const Script& failing, const Failure& failure, const Attempt& attempt,
              const ShrinkLimits& limits = {});

/// For the eyes of whoever must find the fault: notes, failure, and how to run it again.
std::string report_of(const Script& original, const Shrunk& shrunk);

}  // namespace firn::storage::model
