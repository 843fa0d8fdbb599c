// Memory from which the device takes long writes by itself: aligned, in huge pages, so that a write is a few pieces for it
// instead of hundreds. Filled pages are worth keeping for the next write: mapping 9 MiB anew costs as long as copying them.
// They are not worth keeping for nobody: whoever looks after the process now and then gives back what lay idle.
#pragma once
#include <chrono>
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

/// Memory of all pieces, in use or kept. Any thread.
std::size_t staging_bytes();

/// Pieces that lay unused so long are given back; at least this long is worth keeping between two writes.
inline constexpr std::chrono::seconds kStagingIdle{2};
/// Gives back the kept pieces that nobody has used for `idle` or longer (0: all). Any thread.
void trim_staging(std::chrono::milliseconds idle);

}  // namespace firn::io
