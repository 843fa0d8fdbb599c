// The calls that a file's bytes pass through, as a seam: tests put short writes, EINTR, EIO and full disks
// there.
//
// Each has the manner of the call that it is named for: -1 and errno. Thread-safe as the kernel is.
#pragma once
#include <sys/types.h>
#include <sys/uio.h>

#include <cstddef>

namespace firn::io {

class SystemCalls {
 public:
  virtual ~SystemCalls() = default;
  virtual ssize_t pread(int fd, void* out, std::size_t n, off_t offset);
  virtual ssize_t pwrite(int fd, const void* bytes, std::size_t n, off_t offset);
  virtual ssize_t pwritev(int fd, const iovec* parts, int count, off_t offset);
  virtual int fdatasync(int fd);
  virtual int fsync(int fd);
  virtual int fallocate(int fd, off_t offset, off_t length);
  virtual int ftruncate(int fd, off_t length);

  /// Those of the kernel.
  static SystemCalls& real();
};

}  // namespace firn::io
