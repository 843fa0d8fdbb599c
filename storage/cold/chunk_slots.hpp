// The open chunks of one segment: what is in memory is neither read nor checked again. Their bytes are the block cache's,
// which lets go of a chunk when it needs the room; they are found here, without its lock. Thread-safe.
#pragma once
#include <memory>
#include <mutex>
#include <vector>

#include "storage/block_cache.hpp"
#include "storage/cold/column_chunk.hpp"

namespace firn::storage::cold {

class ChunkSlots : public std::enable_shared_from_this<ChunkSlots> {
 public:
  ChunkSlots(std::size_t n, std::shared_ptr<CacheShare> share)
      : share_(std::move(share)), owner_(BlockCache::new_owner()), slots_(n) {}
  ~ChunkSlots();
  ChunkSlots(const ChunkSlots&) = delete;
  ChunkSlots& operator=(const ChunkSlots&) = delete;

  std::shared_ptr<const OpenChunk> get(std::size_t i) const;
  /// Keeps the chunk until its room is needed, unless another thread was faster.
  void put(std::size_t i, std::shared_ptr<const OpenChunk> chunk);

 private:
  struct Held;
  const std::shared_ptr<CacheShare> share_;
  const std::uint64_t owner_;
  mutable std::mutex mutex_;
  std::vector<Held*> slots_;  ///< the cache's; each takes itself out of here when it goes
};

}  // namespace firn::storage::cold
