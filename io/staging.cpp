#include "io/staging.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <mutex>

namespace firn::io {
namespace {

using StagingClock = std::chrono::steady_clock;

struct KeptPiece {
  std::uint8_t* piece = nullptr;
  StagingClock::time_point since;
};

struct StagingPool {
  std::mutex mutex;
  std::array<KeptPiece, kStagingKeptMax>
      kept{};  ///< the one that came last is the next to go out: the first idle longest
  std::size_t count = 0;
  std::atomic<std::size_t> bytes{0};
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
  staging_pool().bytes += kStagingBytes;
  return begin + before;
}

void unmap_piece(std::uint8_t* piece) noexcept {
  ::munmap(piece, kStagingBytes);
  staging_pool().bytes -= kStagingBytes;
}

}  // namespace

void GiveStagingBack::operator()(std::uint8_t* piece) const noexcept {
  StagingPool& pool = staging_pool();
  {
    const std::lock_guard hold(pool.mutex);
    if (pool.count < pool.kept.size()) {
      pool.kept[pool.count++] = {piece, StagingClock::now()};
      return;
    }
  }
  unmap_piece(piece);
}

Staging take_staging() {
  StagingPool& pool = staging_pool();
  {
    const std::lock_guard hold(pool.mutex);
    if (pool.count != 0) return Staging(pool.kept[--pool.count].piece);
  }
  return Staging(map_piece());
}

std::size_t staging_bytes() { return staging_pool().bytes; }

void trim_staging(std::chrono::milliseconds idle) {
  StagingPool& pool = staging_pool();
  std::array<KeptPiece, kStagingKeptMax> gone{};
  std::size_t n = 0;
  {
    const std::lock_guard hold(pool.mutex);
    const StagingClock::time_point now = StagingClock::now();
    while (n < pool.count && now - pool.kept[n].since >= idle) ++n;
    std::copy_n(pool.kept.begin(), n, gone.begin());
    std::copy(pool.kept.begin() + n, pool.kept.begin() + pool.count, pool.kept.begin());
    pool.count -= n;
  }
  for (std::size_t i = 0; i < n; ++i) unmap_piece(gone[i].piece);
}

}  // namespace firn::io
