// Threads that work for long give way to threads that somebody waits for.
#pragma once
#include <cstdint>

namespace firn::io {

/// The calling thread gets the processor behind others of the process: a write that has been synced goes on at once, though
/// scans and merges keep all processors busy. On an idle machine it costs nothing. It cannot be taken back, so it is for
/// threads of firn's own.
void give_way_to_others() noexcept;

/// While it lives, the calling thread asks for slices of the processor of this length: its share stays what it was, but
/// whoever wakes up and asks for a shorter one than the running thread has is let in at once (EEVDF, Linux 6.12; older
/// kernels take no notice). Taken back at the end. One thread, its own; they may be nested.
class TimeSlices {
 public:
  explicit TimeSlices(std::uint64_t ns) noexcept;
  ~TimeSlices();
  TimeSlices(const TimeSlices&) = delete;
  TimeSlices& operator=(const TimeSlices&) = delete;

 private:
  std::uint64_t before_ns_ = 0;
  bool set_ = false;
};

inline constexpr std::uint64_t kLongSliceNs =
    100'000'000;  ///< the longest that Linux grants: for scans and merges
inline constexpr std::uint64_t kShortSliceNs = 100'000;  ///< the shortest: for who waits for a sync

}  // namespace firn::io
