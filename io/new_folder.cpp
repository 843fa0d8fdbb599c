#include "io/new_folder.hpp"

#include <filesystem>

namespace firn::io {
namespace {

constexpr const char* kMarker = "partial";

/// Half a copy has the marker; one that a kill met at its very start has nothing yet.
Result<bool> is_leftover(Disk& disk, const std::string& folder) {
  FIRN_ASSIGN(const auto entries, disk.list(folder));
  bool begun = false, foreign = false;
  for (const DirEntry& entry : entries) {
    begun = begun || entry.name == kMarker;
    foreign = foreign || (entry.name != "lock" && !entry.name.starts_with(kMarker));
  }
  return begun || !foreign;
}

}  // namespace

Result<NewFolder> NewFolder::begin(const std::string& path) {
  NewFolder folder;
  std::filesystem::path whole = std::filesystem::path(path).lexically_normal();
  if (!whole.has_filename()) whole = whole.parent_path();  // "backups/monday/"
  folder.path_ = whole.string();
  folder.name_ = whole.filename().string();
  if (folder.name_.empty() || folder.name_ == "." || folder.name_ == "..")
    return Error(ErrorCode::invalid_argument, "'" + path + "' is no name for a new folder");
  const std::string parent = whole.has_parent_path() ? whole.parent_path().string() : ".";
  FIRN_ASSIGN(folder.parent_, open_disk(parent, true));
  FIRN_ASSIGN(const bool there, folder.parent_->exists(folder.name_));
  if (there)
    return Error(ErrorCode::already_exists, "'" + folder.path_ + "' is there already; choose a new name");
  FIRN_TRY(folder.make());
  return folder;
}

Result<void> NewFolder::make() {
  const std::string born = name_ + ".partial";
  const std::string host = parent_->host_path(born);
  FIRN_ASSIGN(const bool leftover, parent_->exists(born));
  if (leftover) {
    FIRN_ASSIGN(const bool ours, is_leftover(*parent_, born));
    if (!ours)
      return Error(ErrorCode::already_exists,
                   "'" + path_ + ".partial' is in the way and not known to be half a copy; move it away");
    FIRN_ASSIGN(lock_, FileLock::acquire(host));
    FIRN_TRY(parent_->remove_tree(born));
    lock_.reset();
  }
  FIRN_TRY(parent_->make_directories(born));
  FIRN_ASSIGN(lock_, FileLock::acquire(host));
  born_ = born;  // from here on ours to remove
  FIRN_ASSIGN(disk_, open_disk(host, false));
  return replace_file(*disk_, kMarker, {});
}

Result<void> NewFolder::publish() {
  FIRN_TRY(disk_->remove(kMarker));
  FIRN_TRY(disk_->sync_directory(""));
  FIRN_TRY(parent_->rename(born_, name_));
  born_.clear();
  return parent_->sync_directory("");
}

NewFolder::~NewFolder() {
  if (born_.empty() || !parent_) return;
  disk_.reset();
  (void)parent_->remove_tree(born_);  // what stays is removed by the next begin()
}

}  // namespace firn::io
