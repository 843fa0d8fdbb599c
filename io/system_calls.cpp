#include "io/system_calls.hpp"

#include <fcntl.h>
#include <unistd.h>

namespace firn::io {

ssize_t SystemCalls::pread(int fd, void* out, std::size_t n, off_t offset) {
  return ::pread(fd, out, n, offset);
}
ssize_t SystemCalls::pwrite(int fd, const void* bytes, std::size_t n, off_t offset) {
  return ::pwrite(fd, bytes, n, offset);
}
ssize_t SystemCalls::pwritev(int fd, const iovec* parts, int count, off_t offset) {
  return ::pwritev(fd, parts, count, offset);
}
int SystemCalls::fdatasync(int fd) { return ::fdatasync(fd); }
int SystemCalls::fsync(int fd) { return ::fsync(fd); }
int SystemCalls::fallocate(int fd, off_t offset, off_t length) { return ::fallocate(fd, 0, offset, length); }
int SystemCalls::ftruncate(int fd, off_t length) { return ::ftruncate(fd, length); }

SystemCalls& SystemCalls::real() {
  static SystemCalls calls;
  return calls;
}

}  // namespace firn::io
