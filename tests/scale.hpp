// How long random tests run. The variable FIRN_TEST_SCALE=short (set by tools/test where sanitizers slow
// everything) asks for a tenth; no test may need the long run to be meaningful.
#pragma once
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string_view>

namespace firn::testing {

inline bool short_scale() {
  const char* scale = std::getenv("FIRN_TEST_SCALE");  // NOLINT(concurrency-mt-unsafe): before any thread
  return scale != nullptr && std::string_view(scale) == "short";
}

/// Rounds of a random test: `rounds`, or a tenth of it (at least one) at short scale.
inline int scaled(int rounds) {
  if (!short_scale()) return rounds;
  return rounds < 10 ? 1 : rounds / 10;
}

/// The number in an environment variable, such as FIRN_SEED (repeat this one) or FIRN_SOAK_SECONDS (go on for so long).
inline std::optional<std::uint64_t> number_from(const char* variable) {
  const char* text = std::getenv(variable);  // NOLINT(concurrency-mt-unsafe): before any thread
  return text == nullptr ? std::nullopt : std::optional<std::uint64_t>(std::strtoull(text, nullptr, 10));
}

}  // namespace firn::testing
