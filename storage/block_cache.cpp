#include "storage/block_cache.hpp"

#include <atomic>

namespace firn::storage {

BlockCache& BlockCache::process() {
  // Never destroyed: threads of an embedding process may still read while it exits.
  static BlockCache* const cache = new BlockCache(std::size_t{100} << 20);
  return *cache;
}

std::uint64_t BlockCache::new_owner() {
  static std::atomic<std::uint64_t> next{1};
  return next++;
}

std::shared_ptr<const void> BlockCache::find_any(const Key& key) {
  std::lock_guard lock(mutex_);
  auto found = index_.find(key);
  if (found == index_.end()) {
    ++stats_.misses;
    return nullptr;
  }
  ++stats_.hits;
  entries_.splice(entries_.begin(), entries_, found->second);
  return found->second->value;
}

void BlockCache::remove(Entries::iterator at, Entries& removed) {
  stats_.bytes -= at->bytes;
  index_.erase(at->key);
  removed.splice(removed.end(), entries_, at);
}

void BlockCache::shrink(Entries& removed) {
  while (stats_.bytes > bytes_max_) {
    remove(std::prev(entries_.end()), removed);
    ++stats_.evictions;
  }
}

// In the calls below `removed` is declared before the lock: what was dropped is freed after the lock is.

void BlockCache::insert(const Key& key, std::shared_ptr<const void> value, std::size_t bytes) {
  Entries removed;
  std::lock_guard lock(mutex_);
  if (auto found = index_.find(key); found != index_.end()) remove(found->second, removed);
  if (bytes > bytes_max_) return;
  entries_.push_front({key, std::move(value), bytes});
  index_[key] = entries_.begin();
  stats_.bytes += bytes;
  shrink(removed);
}

void BlockCache::erase(const Key& key) {
  Entries removed;
  std::lock_guard lock(mutex_);
  if (auto found = index_.find(key); found != index_.end()) remove(found->second, removed);
}

void BlockCache::set_capacity(std::size_t bytes_max) {
  Entries removed;
  std::lock_guard lock(mutex_);
  bytes_max_ = bytes_max;
  shrink(removed);
}

std::size_t BlockCache::capacity() const {
  std::lock_guard lock(mutex_);
  return bytes_max_;
}

BlockCache::Stats BlockCache::stats() const {
  std::lock_guard lock(mutex_);
  Stats s = stats_;
  s.entries = entries_.size();
  return s;
}

}  // namespace firn::storage
