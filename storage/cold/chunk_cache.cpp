#include "storage/cold/chunk_cache.hpp"

namespace firn::storage::cold {

ChunkCache& ChunkCache::instance() {
  static ChunkCache one;
  return one;
}

void ChunkCache::set_capacity(std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  capacity_ = bytes;
  shrink();
}

std::uint64_t ChunkCache::bytes() const {
  const std::lock_guard lock(mutex_);
  return bytes_;
}

void ChunkCache::admit(const std::shared_ptr<ChunkSlots>& slots, std::size_t i,
                       std::shared_ptr<const OpenChunk> chunk) {
  const std::lock_guard lock(mutex_);
  const std::uint64_t charge = chunk->charge();
  if (charge > capacity_) return;
  {
    const std::lock_guard slot_lock(slots->mutex_);
    if (slots->slots_[i].chunk) return;  // another thread was faster
    slots->slots_[i].chunk = std::move(chunk);
  }
  entries_.push_back({slots, i, charge});
  bytes_ += charge;
  shrink();
}

/// Requires mutex_. Each entry is looked at twice at most: a second look finds it unused.
void ChunkCache::shrink() {
  for (std::size_t looks = 2 * entries_.size(); bytes_ > capacity_ && looks > 0; --looks) {
    Entry e = std::move(entries_.front());
    entries_.pop_front();
    if (const auto slots = e.slots.lock()) {
      std::shared_ptr<const OpenChunk> dropped;  // destroyed outside the slot's lock
      const std::lock_guard lock(slots->mutex_);
      auto& slot = slots->slots_[e.i];
      if (slot.used && looks > entries_.size()) {
        slot.used = false;
        entries_.push_back(std::move(e));
        continue;
      }
      dropped = std::move(slot.chunk);
      slot.chunk = nullptr;
      slot.used = false;
    }
    bytes_ -= e.charge;
  }
}

}  // namespace firn::storage::cold
