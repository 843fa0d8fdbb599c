#include "io/file_lock.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>

#include "io/os_error.hpp"

namespace firn::io {
namespace {

std::string holder_of(int fd) {
  std::array<char, 20> text{};
  const ssize_t n = ::pread(fd, text.data(), text.size(), 0);
  std::string pid;
  for (ssize_t i = 0;
       i < n && text[static_cast<std::size_t>(i)] >= '0' && text[static_cast<std::size_t>(i)] <= '9'; ++i) {
    pid += text[static_cast<std::size_t>(i)];
  }
  return pid.empty() ? "another process" : "process " + pid;
}

Result<void> write_pid(int fd, const std::string& path) {
  const std::string text = std::to_string(::getpid()) + "\n";
  const bool written = ::ftruncate(fd, 0) == 0 &&
                       ::pwrite(fd, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size());
  // A full disk only costs the next opener a less helpful message.
  if (!written && errno != ENOSPC && errno != EDQUOT) return os_error("write", path, errno);
  return {};
}

}  // namespace

Result<FileLock> FileLock::acquire(const std::string& root) {
  const std::string path = root + "/lock";
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600));
  if (!fd.valid()) return os_error("open", path, errno);
  struct stat st {};
  if (::fstat(fd.get(), &st) != 0) return os_error("stat", path, errno);
  if (!S_ISREG(st.st_mode)) return Error(ErrorCode::invalid_argument, "'" + path + "' is not a regular file");
  struct flock whole {};
  whole.l_type = F_WRLCK;
  whole.l_whence = SEEK_SET;
  if (::fcntl(fd.get(), F_OFD_SETLK, &whole) != 0) {
    if (errno != EAGAIN && errno != EACCES) return os_error("lock", path, errno);
    return Error(ErrorCode::busy, "the database in '" + root + "' is open in " + holder_of(fd.get()));
  }
  FIRN_TRY(write_pid(fd.get(), path));
  return FileLock(std::move(fd));
}

}  // namespace firn::io
