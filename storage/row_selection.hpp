// Choosing rows without branches: at the edge of a group's time nobody can guess which ones pass.
#pragma once
#include <cstddef>
#include <cstdint>

namespace firn::storage {

/// Writes those of 0, 1 ... n - 1 that pass to `out`, which has room for n; how many they are.
template <class Passes>
std::size_t choose_rows(std::size_t n, std::uint32_t* out, Passes passes) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < n; ++i) {
    out[count] = static_cast<std::uint32_t>(i);
    count += passes(i) ? 1 : 0;
  }
  return count;
}

/// Leaves those of the n rows that pass at the front; how many they are.
template <class Passes>
std::size_t keep_rows(std::uint32_t* rows, std::size_t n, Passes passes) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const std::uint32_t r = rows[i];
    rows[count] = r;
    count += passes(r) ? 1 : 0;
  }
  return count;
}

}  // namespace firn::storage
