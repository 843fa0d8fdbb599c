// Open chunks of all segments of the process, within one budget: what is in memory is neither read nor
// checked again. Thread-safe. First in, first out with a second chance: a chunk that was used since it was
// looked at last stays.
#pragma once
#include <atomic>
#include <deque>
#include <memory>
#include <mutex>
#include <vector>

#include "storage/cold/column_chunk.hpp"

namespace firn::storage::cold {

/// The chunks of one segment that are open.
class ChunkSlots {
 public:
  explicit ChunkSlots(std::size_t n) : slots_(n) {}
  std::shared_ptr<const OpenChunk> get(std::size_t i) {
    const std::lock_guard lock(mutex_);
    slots_[i].used = true;
    return slots_[i].chunk;
  }

 private:
  friend class ChunkCache;
  struct Slot {
    std::shared_ptr<const OpenChunk> chunk;
    bool used = false;
  };
  std::mutex mutex_;
  std::vector<Slot> slots_;
};

class ChunkCache {
 public:
  static ChunkCache& instance();
  /// Bytes of encoded chunks kept at most; 0 keeps none. Default 64 MiB.
  void set_capacity(std::uint64_t bytes);
  /// Keeps the chunk in its segment's slot until room is needed.
  void admit(const std::shared_ptr<ChunkSlots>& slots, std::size_t i, std::shared_ptr<const OpenChunk> chunk);
  std::uint64_t bytes() const;

 private:
  struct Entry {
    std::weak_ptr<ChunkSlots> slots;
    std::size_t i;
    std::uint64_t charge;
  };
  void shrink();
  mutable std::mutex mutex_;
  std::deque<Entry> entries_;
  std::uint64_t bytes_ = 0, capacity_ = std::uint64_t{64} << 20;
};

}  // namespace firn::storage::cold
