#include "storage/block_cache.hpp"

#include <algorithm>

#include "io/staging.hpp"
#include "storage/table_config.hpp"

namespace firn::storage {

BlockCache::BlockCache(std::size_t bytes_max, std::size_t (*outside)())
    : base_(bytes_max), outside_(outside), common_(open_share(bytes_max)) {}

BlockCache::~BlockCache() = default;

BlockCache& BlockCache::process() {
  // Never destroyed: threads of an embedding process may still read while it exits.
  static BlockCache* const cache = new BlockCache(PerformanceTuning{}.cache_size, io::staging_bytes);
  return *cache;
}

std::uint64_t BlockCache::new_owner() {
  static std::atomic<std::uint64_t> next{1};
  return next++;
}

std::shared_ptr<CacheShare> BlockCache::open_share(std::size_t bytes_max) {
  std::shared_ptr<CacheShare> share(new CacheShare(*this, bytes_max));
  std::lock_guard lock(mutex_);
  shares_.push_back(share.get());
  return share;
}

std::size_t BlockCache::room() const {
  std::size_t most = base_;
  for (const CacheShare* s : shares_) most = std::max(most, s->bytes_max_);
  const std::size_t all = std::min(most, ceiling_);
  return all - std::min(all / 2, outside_ == nullptr ? 0 : outside_());
}

std::size_t BlockCache::room_of(const CacheShare& share) const { return std::min(share.bytes_max_, room()); }

void BlockCache::touch(Entries::iterator at) {
  at->used_at = ++uses_;
  Entries& all = at->share->entries_;
  all.splice(all.begin(), all, at);
}

/// Whether it was used beside the cache since this was asked last; it counts as used just now then.
bool BlockCache::spared(Entries::iterator at) {
  if (at->used == nullptr || !at->used->exchange(false, std::memory_order_relaxed)) return false;
  touch(at);
  return true;
}

void BlockCache::remove(Entries::iterator at, Entries& removed) {
  stats_.bytes -= at->bytes;
  at->share->bytes_ -= at->bytes;
  index_.erase(at->key);
  removed.splice(removed.end(), at->share->entries_, at);
}

/// Each entry is spared once at most.
void BlockCache::shrink(CacheShare& share, Entries& removed) {
  const std::size_t most = room_of(share);
  for (std::size_t spare = share.entries_.size(); share.bytes_ > most;) {
    const auto last = std::prev(share.entries_.end());
    if (spare != 0 && spared(last)) {
      --spare;
      continue;
    }
    remove(last, removed);
    ++stats_.evictions;
  }
}

void BlockCache::shrink_all(Entries& removed) {
  for (CacheShare* s : shares_) shrink(*s, removed);
  const std::size_t most = room();
  for (std::size_t spare = index_.size(); stats_.bytes > most;) {
    CacheShare* oldest = nullptr;
    for (CacheShare* s : shares_)
      if (!s->entries_.empty() &&
          (oldest == nullptr || s->entries_.back().used_at < oldest->entries_.back().used_at))
        oldest = s;
    const auto last = std::prev(oldest->entries_.end());
    if (spare != 0 && spared(last)) {
      --spare;
      continue;
    }
    remove(last, removed);
    ++stats_.evictions;
  }
}

void BlockCache::erase(const Key& key, Entries& removed) {
  if (auto found = index_.find(key); found != index_.end()) remove(found->second, removed);
}

// In the calls below `removed` is declared before the lock: what was dropped is freed after the lock is.

void BlockCache::set_capacity(std::size_t bytes_max) {
  Entries removed;
  std::lock_guard lock(mutex_);
  ceiling_ = bytes_max;
  shrink_all(removed);
}

std::size_t BlockCache::capacity() const {
  std::lock_guard lock(mutex_);
  return room();
}

BlockCache::Stats BlockCache::stats() const {
  std::lock_guard lock(mutex_);
  Stats s = stats_;
  s.entries = index_.size();
  return s;
}

CacheShare::~CacheShare() {
  BlockCache::Entries removed;
  std::lock_guard lock(cache_.mutex_);
  while (!entries_.empty()) cache_.remove(entries_.begin(), removed);
  std::erase(cache_.shares_, this);
  cache_.shrink_all(removed);  // what the greatest share goes with was room for the others as well
}

std::shared_ptr<const void> CacheShare::find_any(const BlockCache::Key& key) {
  std::lock_guard lock(cache_.mutex_);
  const auto found = cache_.index_.find(key);
  if (found == cache_.index_.end()) {
    ++cache_.stats_.misses;
    return nullptr;
  }
  ++cache_.stats_.hits;
  cache_.touch(found->second);
  return found->second->value;
}

void CacheShare::insert(const BlockCache::Key& key, std::shared_ptr<const void> value, std::size_t bytes,
                        std::atomic<bool>* used) {
  BlockCache::Entries removed;
  std::lock_guard lock(cache_.mutex_);
  cache_.erase(key, removed);
  if (bytes > cache_.room_of(*this)) {
    removed.push_back({key, std::move(value), bytes, 0, used, this});  // freed like the others
    return;
  }
  entries_.push_front({key, std::move(value), bytes, ++cache_.uses_, used, this});
  cache_.index_[key] = entries_.begin();
  bytes_ += bytes;
  cache_.stats_.bytes += bytes;
  cache_.shrink_all(removed);
}

void CacheShare::erase(const BlockCache::Key& key) {
  BlockCache::Entries removed;
  std::lock_guard lock(cache_.mutex_);
  cache_.erase(key, removed);
}

void CacheShare::set_bytes_max(std::size_t bytes_max) {
  BlockCache::Entries removed;
  std::lock_guard lock(cache_.mutex_);
  if (bytes_max_ == bytes_max) return;
  bytes_max_ = bytes_max;
  cache_.shrink_all(removed);
}

std::size_t CacheShare::capacity() const {
  std::lock_guard lock(cache_.mutex_);
  return cache_.room_of(*this);
}

std::size_t CacheShare::bytes() const {
  std::lock_guard lock(cache_.mutex_);
  return bytes_;
}

}  // namespace firn::storage
