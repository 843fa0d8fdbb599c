// Parts of a long write, cut where the device likes it: each cut is one system call or one request of a ring.
#pragma once
#include <sys/uio.h>

#include <cstdint>
#include <vector>

#include "io/disk.hpp"

namespace firn::io {

/// One write: memory at several places that goes to one range of the file.
struct GatheredWrite {
  std::uint64_t offset = 0;
  std::size_t bytes = 0;
  std::size_t first = 0, count = 0;  ///< of the memory list
};

/// The writes that put `parts` at `offset`. They end at multiples of 1 MiB in the file, so that no page belongs to two of
/// them and the page cache can take large folios. Points into the parts.
class GatherList {
 public:
  GatherList(std::uint64_t offset, Parts parts);
  std::span<const GatheredWrite> writes() const { return writes_; }
  /// Changed by those who go on after a short write.
  std::span<iovec> memory(const GatheredWrite& w) { return std::span(memory_).subspan(w.first, w.count); }

 private:
  std::vector<iovec> memory_;
  std::vector<GatheredWrite> writes_;
};

/// What is left of the memory after its first `done` bytes.
std::span<iovec> after(std::span<iovec> memory, std::size_t done);

}  // namespace firn::io
