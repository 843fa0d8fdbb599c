#include "storage/cold/chunk_slots.hpp"

namespace firn::storage::cold {

/// What the cache holds of a chunk.
struct ChunkSlots::Held {
  Held(std::weak_ptr<ChunkSlots> of, std::size_t place, std::shared_ptr<const OpenChunk> opened)
      : slots(std::move(of)), i(place), chunk(std::move(opened)) {}
  ~Held() {
    const auto all = slots.lock();  // before the lock: it may be the last
    if (!all) return;
    const std::lock_guard lock(all->mutex_);
    if (all->slots_[i] == this) all->slots_[i] = nullptr;
  }
  Held(const Held&) = delete;
  Held& operator=(const Held&) = delete;

  const std::weak_ptr<ChunkSlots> slots;
  const std::size_t i;
  const std::shared_ptr<const OpenChunk> chunk;
  std::atomic<bool> used{false};
};

ChunkSlots::~ChunkSlots() {
  for (std::size_t i = 0; i < slots_.size(); ++i)
    if (slots_[i] != nullptr) share_->erase({owner_, i});
}

std::shared_ptr<const OpenChunk> ChunkSlots::get(std::size_t i) const {
  const std::lock_guard lock(mutex_);
  Held* const held = slots_[i];
  if (held == nullptr) return nullptr;
  held->used.store(true, std::memory_order_relaxed);
  return held->chunk;
}

void ChunkSlots::put(std::size_t i, std::shared_ptr<const OpenChunk> chunk) {
  const std::size_t bytes = chunk->charge();
  const auto held = std::make_shared<Held>(weak_from_this(), i, std::move(chunk));
  {
    const std::lock_guard lock(mutex_);
    if (slots_[i] != nullptr) return;
    slots_[i] = held.get();
  }
  share_->insert({owner_, i}, held, bytes, &held->used);
}

}  // namespace firn::storage::cold
