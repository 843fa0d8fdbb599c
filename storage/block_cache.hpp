// Decoded pieces of row files, kept while there is room: bounded bytes, the least recently used goes first.
// What is handed out stays valid while anyone holds it, whether the cache still does or not. Thread-safe.
#pragma once
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <unordered_map>

namespace firn::storage {

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

  explicit BlockCache(std::size_t bytes_max) : bytes_max_(bytes_max) {}
  /// The one that all files of the process share; 100 MiB until set_capacity().
  static BlockCache& process();
  static std::uint64_t new_owner();

  /// nullptr if it is not here.
  template <class T>
  std::shared_ptr<const T> find(const Key& key) {
    return std::static_pointer_cast<const T>(find_any(key));
  }
  /// Keeps `value`, said to be of `bytes`, and drops others until all fit. One that is larger than the whole
  /// cache is not kept.
  void insert(const Key& key, std::shared_ptr<const void> value, std::size_t bytes);
  void erase(const Key& key);
  void set_capacity(std::size_t bytes_max);
  std::size_t capacity() const;
  Stats stats() const;

 private:
  struct Entry {
    Key key;
    std::shared_ptr<const void> value;
    std::size_t bytes = 0;
  };
  struct KeyHash {
    std::size_t operator()(const Key& k) const noexcept {
      return static_cast<std::size_t>(k.owner * 0x9E3779B97F4A7C15U + k.piece);
    }
  };
  using Entries = std::list<Entry>;  ///< most recently used first

  std::shared_ptr<const void> find_any(const Key& key);
  void remove(Entries::iterator at, Entries& removed);
  void shrink(Entries& removed);

  mutable std::mutex mutex_;
  std::size_t bytes_max_;
  Entries entries_;
  std::unordered_map<Key, Entries::iterator, KeyHash> index_;
  Stats stats_;
};

}  // namespace firn::storage
