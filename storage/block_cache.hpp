// Pieces of row files and images of the hot tier, kept while there is room: bounded bytes, the least recently used goes
// first. What is handed out stays valid while anyone holds it, whether the cache still does or not. Thread-safe.
//
// One cache serves the process, and each open table has a share of it. A share holds at most its own bound (the table's
// cache_size; 0: nothing is kept), all shares together at most the cache's: 100 MiB, or the greatest bound of a share
// where that is more. So a table never takes more than it was given, and a hundred tables take no more than one may.
// Memory beside the cache that is kept for speed as well (io/staging.hpp) makes it smaller, by half at most.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <list>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

namespace firn::storage {

class CacheShare;

class BlockCache {
 public:
  /// One piece of one opened file: owner from new_owner(), so that no two files ever share a name.
  struct Key {
    std::uint64_t owner = 0;
    std::uint64_t piece = 0;
    bool operator==(const Key&) const = default;
  };
  struct Stats {
    std::uint64_t hits = 0, misses = 0, evictions = 0;
    std::size_t bytes = 0, entries = 0;
  };
  static constexpr std::size_t kNoBound = std::numeric_limits<std::size_t>::max();

  /// `outside` tells of memory beside the cache that counts as if it were in it. The cache outlives its shares.
  explicit BlockCache(std::size_t bytes_max, std::size_t (*outside)() = nullptr);
  ~BlockCache();
  BlockCache(const BlockCache&) = delete;
  BlockCache& operator=(const BlockCache&) = delete;
  /// The one that all files of the process share.
  static BlockCache& process();
  static std::uint64_t new_owner();

  /// A share of its own for a table. All that it holds goes with its last holder.
  std::shared_ptr<CacheShare> open_share(std::size_t bytes_max);
  /// The share of what belongs to no table.
  const std::shared_ptr<CacheShare>& common() const { return common_; }

  /// A bound above all others, whatever the shares may hold; kNoBound: there is none.
  void set_capacity(std::size_t bytes_max);
  std::size_t capacity() const;
  Stats stats() const;

 private:
  friend class CacheShare;
  struct Entry {
    Key key;
    std::shared_ptr<const void> value;
    std::size_t bytes = 0;
    std::uint64_t used_at = 0;          ///< greater: more recently
    std::atomic<bool>* used = nullptr;  ///< lies in the value; set by those who reach it beside the cache
    CacheShare* share = nullptr;
  };
  struct KeyHash {
    std::size_t operator()(const Key& k) const noexcept {
      return static_cast<std::size_t>(k.owner * 0x9E3779B97F4A7C15U + k.piece);
    }
  };
  using Entries = std::list<Entry>;  ///< of a share: most recently used first

  // All of these require mutex_. What goes is moved to `removed`, to be freed once the lock is.
  std::size_t room() const;
  std::size_t room_of(const CacheShare& share) const;
  bool spared(Entries::iterator at);
  void touch(Entries::iterator at);
  void remove(Entries::iterator at, Entries& removed);
  void shrink(CacheShare& share, Entries& removed);
  void shrink_all(Entries& removed);
  void erase(const Key& key, Entries& removed);

  mutable std::mutex mutex_;
  const std::size_t base_;
  std::size_t (*const outside_)();
  std::size_t ceiling_ = kNoBound;
  std::uint64_t uses_ = 0;
  std::unordered_map<Key, Entries::iterator, KeyHash> index_;
  std::vector<CacheShare*> shares_;
  Stats stats_;
  std::shared_ptr<CacheShare> common_;  ///< last: it takes its entries out of the rest
};

/// A table's part of a cache. Thread-safe.
class CacheShare {
 public:
  ~CacheShare();
  CacheShare(const CacheShare&) = delete;
  CacheShare& operator=(const CacheShare&) = delete;

  /// nullptr if it is not here.
  template <class T>
  std::shared_ptr<const T> find(const BlockCache::Key& key) {
    return std::static_pointer_cast<const T>(find_any(key));
  }
  /// Keeps `value`, said to be of `bytes`, and drops others until all fit. One that is larger than capacity() is not
  /// kept. `used`, which must lie in the value, is set by those who use it without find(): it is then spared once.
  void insert(const BlockCache::Key& key, std::shared_ptr<const void> value, std::size_t bytes,
              std::atomic<bool>* used = nullptr);
  void erase(const BlockCache::Key& key);
  /// Takes effect at once.
  void set_bytes_max(std::size_t bytes_max);
  /// Bytes that one piece may have at most.
  std::size_t capacity() const;
  /// Bytes held.
  std::size_t bytes() const;

 private:
  friend class BlockCache;
  CacheShare(BlockCache& cache, std::size_t bytes_max) : cache_(cache), bytes_max_(bytes_max) {}
  std::shared_ptr<const void> find_any(const BlockCache::Key& key);

  BlockCache& cache_;
  // Under the cache's mutex:
  std::size_t bytes_max_, bytes_ = 0;
  BlockCache::Entries entries_;
};

}  // namespace firn::storage
