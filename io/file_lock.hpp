// One writer process at a time: an exclusive open-file-description lock on the file `lock` of a database
// folder.
//
// Not a POSIX record lock: those go when any descriptor of the file is closed anywhere in the process, and a
// second open in the same process would not be refused. The kernel drops the lock when the last copy of the
// descriptor is closed, also after kill -9; the file itself stays for ever, so that nobody locks a file whose
// name is gone.
#pragma once
#include <string>

#include "io/unique_fd.hpp"
#include "schema/result.hpp"

namespace firn::io {

/// Held until destroyed. Movable; owned by one thread at a time.
class FileLock {
 public:
  /// Locks `root`/lock, made (0600) if it is missing, and writes our process id into it. {busy}, naming the
  /// holder's process id, if another handle, of this process too, holds it. The folder must exist.
  static Result<FileLock> acquire(const std::string& root);

 private:
  explicit FileLock(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

}  // namespace firn::io
