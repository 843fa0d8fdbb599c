#include "human.hpp"

#include <cstdio>

namespace firn::cli {

std::string decimals(double v, int digits) {
  char text[64];
  std::snprintf(text, sizeof text, "%.*f", digits, v);
  return text;
}

std::string human_bytes(std::uint64_t bytes) {
  static constexpr const char* kUnits[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  if (bytes < 1024) return std::to_string(bytes) + " B";
  double v = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  while (v >= 1023.95 && unit + 1 < std::size(kUnits)) {
    v /= 1024;
    ++unit;
  }
  return decimals(v, 1) + " " + kUnits[unit];
}

std::string human_count(double count) {
  static constexpr const char* kUnits[] = {"k", "M", "G", "T"};
  if (count < 1000) return decimals(count, 0);
  double v = count / 1000;
  std::size_t unit = 0;
  while (v >= 999.95 && unit + 1 < std::size(kUnits)) {
    v /= 1000;
    ++unit;
  }
  return decimals(v, 1) + " " + kUnits[unit];
}

std::string human_time(std::int64_t us) {
  if (us < 1'000) return std::to_string(us) + " us";
  if (us < 1'000'000) return decimals(static_cast<double>(us) / 1e3, 1) + " ms";
  if (us < 120'000'000) return decimals(static_cast<double>(us) / 1e6, 1) + " s";
  const std::int64_t s = us / 1'000'000;
  if (s < 7'200) return std::to_string(s / 60) + " min " + std::to_string(s % 60) + " s";
  return std::to_string(s / 3'600) + " h " + std::to_string(s % 3'600 / 60) + " min";
}

}  // namespace firn::cli
