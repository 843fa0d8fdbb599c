#include "io/gather.hpp"

#include <algorithm>

namespace firn::io {
namespace {

constexpr std::uint64_t kCutBytes = std::uint64_t{1} << 20;
constexpr std::size_t kMemoryMax = 512;  // the kernel takes up to 1,024

}  // namespace

GatherList::GatherList(std::uint64_t offset, Parts parts) {
  GatheredWrite next{offset, 0, 0, 0};
  const auto end_write = [&] {
    if (next.bytes != 0) writes_.push_back(next);
    next = {next.offset + next.bytes, 0, memory_.size(), 0};
  };
  for (std::span<const std::uint8_t> part : parts) {
    while (!part.empty()) {
      const std::uint64_t at = next.offset + next.bytes;
      const std::uint64_t room = kCutBytes - at % kCutBytes;
      const std::size_t n = static_cast<std::size_t>(std::min<std::uint64_t>(room, part.size()));
      memory_.push_back({const_cast<std::uint8_t*>(part.data()), n});  // NOLINT: a write only reads it
      next.bytes += n;
      next.count += 1;
      part = part.subspan(n);
      if (n == room || next.count == kMemoryMax) end_write();
    }
  }
  end_write();
}

std::span<iovec> after(std::span<iovec> memory, std::size_t done) {
  while (!memory.empty() && done >= memory.front().iov_len) {
    done -= memory.front().iov_len;
    memory = memory.subspan(1);
  }
  if (done != 0) {
    memory.front().iov_base = static_cast<std::uint8_t*>(memory.front().iov_base) + done;
    memory.front().iov_len -= done;
  }
  return memory;
}

}  // namespace firn::io
