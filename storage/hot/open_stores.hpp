// The environments that this process has open, each once. LMDB guards its lock file with POSIX record locks, which go
// when any descriptor of the file is closed anywhere in the process: were an environment opened twice, closing one of
// the two would let the next process take over pages that our readers still look at.
#pragma once
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "storage/hot/hot_store.hpp"

namespace firn::storage::hot {

/// Thread-safe.
class OpenStores {
 public:
  static OpenStores& instance();
  using Make = std::function<Result<std::unique_ptr<HotStore>>()>;
  /// The store of `folder`, whatever the path to it: the open one if there is one, else what `make` gives. A store open
  /// for reading is not made writable: {busy}. One that is open for writing serves readers too.
  Result<std::shared_ptr<HotStore>> open(const std::string& folder, bool read_only, const Make& make);

 private:
  using FileId = std::pair<std::uint64_t, std::uint64_t>;  // device and inode of data.mdb
  struct Slot {
    std::weak_ptr<HotStore> store;
    bool read_only = false;
  };
  static std::optional<FileId> id_of(const std::string& folder);
  void release(HotStore* store, const FileId& id);

  std::mutex mutex_;
  std::condition_variable released_;
  std::map<FileId, Slot> slots_;
};

}  // namespace firn::storage::hot
