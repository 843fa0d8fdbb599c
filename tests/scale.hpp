// How long random tests run. The variable FIRN_TEST_SCALE=short (set by tools/test where sanitizers slow
// everything) asks for a tenth; no test may need the long run to be meaningful.
#pragma once
#include <cstdlib>
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

}  // namespace firn::testing
