// A folder that comes into being whole or not at all: filled under the name PATH.partial, renamed when all in it is
// durable. Who fills it syncs its files and their folders; publish() does the rest.
//
// While it is filled it holds the file `partial`, by which the next begin() knows what an interrupted one left, and a
// lock, so that two processes do not fill the same folder.
#pragma once
#include <memory>
#include <optional>
#include <string>

#include "io/disk.hpp"
#include "io/file_lock.hpp"

namespace firn::io {

/// Owned by one thread. Unless it was published, the destructor removes the folder with all in it.
class NewFolder {
 public:
  /// Makes `path`.partial and missing parents. Errors: {already_exists} if `path` is there, or something at
  /// `path`.partial that is no leftover; {busy} if another process is filling it.
  static Result<NewFolder> begin(const std::string& path);
  NewFolder(NewFolder&&) noexcept = default;
  NewFolder& operator=(NewFolder&&) = delete;
  ~NewFolder();

  /// The folder; of no use after publish().
  const std::shared_ptr<Disk>& disk() const noexcept { return disk_; }
  /// Gives it its name, durable on return.
  Result<void> publish();

 private:
  NewFolder() = default;
  Result<void> make();

  std::shared_ptr<Disk> parent_, disk_;
  std::string path_, name_, born_;
  std::optional<FileLock> lock_;
};

}  // namespace firn::io
