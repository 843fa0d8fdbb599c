// Memory from which the device takes long writes by itself: aligned, in huge pages, so that a write is a few pieces for it
// instead of hundreds. Filled pages are worth keeping: mapping 9 MiB anew costs as long as copying them.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>

namespace firn::io {

inline constexpr std::size_t kStagingBytes = std::size_t{2} << 20;  ///< of a piece: a huge page
/// So many pieces are kept for the next write; more may be in use.
inline constexpr std::size_t kStagingKeptMax = 10;

struct GiveStagingBack {
  void operator()(std::uint8_t* piece) const noexcept;
};
using Staging = std::unique_ptr<std::uint8_t, GiveStagingBack>;

/// kStagingBytes of memory, nothing if there is none. Any thread.
Staging take_staging();

}  // namespace firn::io
