#include "storage/hot/open_stores.hpp"

#include <sys/stat.h>

namespace firn::storage::hot {

OpenStores& OpenStores::instance() {
  static auto* stores = new OpenStores;  // never destroyed: stores may be closed while the process ends
  return *stores;
}

std::optional<OpenStores::FileId> OpenStores::id_of(const std::string& folder) {
  struct stat st {};
  if (::stat((folder + "/data.mdb").c_str(), &st) != 0) return std::nullopt;
  return FileId(st.st_dev, st.st_ino);
}

Result<std::shared_ptr<HotStore>> OpenStores::open(const std::string& folder, bool read_only,
                                                   const Make& make) {
  std::unique_lock lock(mutex_);
  for (auto id = id_of(folder); id; id = id_of(folder)) {
    const auto slot = slots_.find(*id);
    if (slot == slots_.end()) break;
    if (auto store = slot->second.store.lock()) {
      if (slot->second.read_only && !read_only)
        return Error(ErrorCode::busy, "'" + folder + "' is open for reading in this process");
      return store;
    }
    released_.wait(lock);  // its last user is about to close it
  }
  FIRN_ASSIGN(std::unique_ptr<HotStore> made, make());
  const auto id = id_of(folder);
  if (!id) return Error(ErrorCode::not_found, "'" + folder + "/data.mdb' went away while it was opened");
  std::shared_ptr<HotStore> store(made.release(), [this, at = *id](HotStore* s) { release(s, at); });
  slots_[*id] = {store, read_only};
  return store;
}

void OpenStores::release(HotStore* store, const FileId& id) {
  const std::lock_guard lock(mutex_);
  delete store;  // closes the environment, and with it drops LMDB's locks, before anybody opens it again
  slots_.erase(id);
  released_.notify_all();
}

}  // namespace firn::storage::hot
