#include "io/staging.hpp"

#include <sys/mman.h>

#include <array>
#include <mutex>

namespace firn::io {
namespace {

struct StagingPool {
  std::mutex mutex;
  std::array<std::uint8_t*, kStagingKeptMax> kept{};
  std::size_t count = 0;
};

StagingPool& staging_pool() {
  static StagingPool& pool = *new StagingPool;  // outlives whoever writes while the process ends
  return pool;
}

/// One huge page if the system has one; aligned like one in any case.
std::uint8_t* map_piece() {
  void* room = ::mmap(nullptr, 2 * kStagingBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (room == MAP_FAILED) return nullptr;
  auto* begin = static_cast<std::uint8_t*>(room);
  const std::size_t over = reinterpret_cast<std::uintptr_t>(begin) % kStagingBytes;  // NOLINT: its alignment
  const std::size_t before = (kStagingBytes - over) % kStagingBytes;
  if (before != 0) ::munmap(begin, before);
  ::munmap(begin + before + kStagingBytes, kStagingBytes - before);
  (void)::madvise(begin + before, kStagingBytes, MADV_HUGEPAGE);
  return begin + before;
}

}  // namespace

void GiveStagingBack::operator()(std::uint8_t* piece) const noexcept {
  StagingPool& pool = staging_pool();
  {
    const std::lock_guard hold(pool.mutex);
    if (pool.count < pool.kept.size()) {
      pool.kept[pool.count++] = piece;
      return;
    }
  }
  ::munmap(piece, kStagingBytes);
}

Staging take_staging() {
  StagingPool& pool = staging_pool();
  {
    const std::lock_guard hold(pool.mutex);
    if (pool.count != 0) return Staging(pool.kept[--pool.count]);
  }
  return Staging(map_piece());
}

}  // namespace firn::io
