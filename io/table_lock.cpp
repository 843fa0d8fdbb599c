#include "io/table_lock.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <thread>

#include "io/os_error.hpp"

namespace firn::io {
namespace {

constexpr off_t kWriterByte = 0, kGateByte = 1;
constexpr std::chrono::milliseconds kGatePause{2};

struct flock byte_lock(short type, off_t at) {
  struct flock lock {};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  lock.l_start = at;
  lock.l_len = 1;
  return lock;
}

/// False if another handle holds the byte.
Result<bool> try_lock(int fd, short type, off_t at, const std::string& path) {
  struct flock lock = byte_lock(type, at);
  if (::fcntl(fd, F_OFD_SETLK, &lock) == 0) return true;
  if (errno == EAGAIN || errno == EACCES) return false;
  return os_error("lock", path, errno);
}

Result<void> pass_gate(int fd, short type, const std::string& path, const std::string& who) {
  const auto until = std::chrono::steady_clock::now() + kGateWait;
  for (;;) {
    FIRN_ASSIGN(const bool passed, try_lock(fd, type, kGateByte, path));
    if (passed) return {};
    if (std::chrono::steady_clock::now() >= until)
      return Error(ErrorCode::busy, "'" + path + "': " + who + " has been opening the table for " +
                                        std::to_string(kGateWait.count()) + " s; try again");
    std::this_thread::sleep_for(kGatePause);
  }
}

std::string text_of(int fd) {
  std::array<char, 48> text{};
  const ssize_t n = ::pread(fd, text.data(), text.size(), 0);
  return {text.data(), n > 0 ? static_cast<std::size_t>(n) : 0};
}

std::string table_holder(int fd) {
  const std::string text = text_of(fd);
  const std::size_t digits = text.find_first_not_of("0123456789");
  const std::string pid = text.substr(0, digits);
  return pid.empty() ? "another process" : "process " + pid;
}

Result<void> sign(int fd, const std::string& path) {
  const std::string before = text_of(fd);
  std::uint64_t openings = 0;
  if (const std::size_t space = before.find(' '); space != std::string::npos)
    for (std::size_t i = space + 1; i < before.size() && before[i] >= '0' && before[i] <= '9'; ++i)
      openings = openings * 10 + static_cast<std::uint64_t>(before[i] - '0');
  const std::string text = std::to_string(::getpid()) + " " + std::to_string(openings + 1) + "\n";
  const bool signed_it = ::pwrite(fd, text.data(), text.size(), 0) == static_cast<ssize_t>(text.size()) &&
                         ::ftruncate(fd, static_cast<off_t>(text.size())) == 0;
  // On a full disk readers learn a little later that somebody was here.
  if (!signed_it && errno != ENOSPC && errno != EDQUOT) return os_error("write", path, errno);
  return {};
}

Result<void> check_regular(int fd, const std::string& path) {
  struct stat st {};
  if (::fstat(fd, &st) != 0) return os_error("stat", path, errno);
  if (!S_ISREG(st.st_mode)) return Error(ErrorCode::invalid_argument, "'" + path + "' is not a regular file");
  return {};
}

}  // namespace

Result<TableWriterLock> TableWriterLock::acquire(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600));
  if (!fd.valid()) return os_error("open", path, errno);
  FIRN_TRY(check_regular(fd.get(), path));
  FIRN_ASSIGN(const bool ours, try_lock(fd.get(), F_WRLCK, kWriterByte, path));
  if (!ours)
    return Error(ErrorCode::busy,
                 "'" + path + "': the table is open for writing in " + table_holder(fd.get()));
  FIRN_TRY(pass_gate(fd.get(), F_WRLCK, path, "a reader"));
  FIRN_TRY(sign(fd.get(), path));
  return TableWriterLock(std::move(fd), path);
}

Result<void> TableWriterLock::open_gate() {
  FIRN_TRY(try_lock(fd_.get(), F_UNLCK, kGateByte, path_));
  return {};
}

Result<std::optional<TableReaderLock>> TableReaderLock::look(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!fd.valid()) {
    if (errno == ENOENT) return std::optional<TableReaderLock>{};
    return os_error("open", path, errno);
  }
  FIRN_TRY(check_regular(fd.get(), path));
  return std::optional<TableReaderLock>(TableReaderLock(std::move(fd), path));
}

Result<void> TableReaderLock::enter() { return pass_gate(fd_.get(), F_RDLCK, path_, "a writer"); }

void TableReaderLock::leave() {
  struct flock lock = byte_lock(F_UNLCK, kGateByte);
  (void)::fcntl(fd_.get(), F_OFD_SETLK, &lock);
}

Result<bool> TableReaderLock::has_writer() const {
  struct flock lock = byte_lock(F_RDLCK, kWriterByte);
  if (::fcntl(fd_.get(), F_OFD_GETLK, &lock) != 0) return os_error("look at the lock of", path_, errno);
  return lock.l_type != F_UNLCK;
}

std::string TableReaderLock::last_writer() const { return text_of(fd_.get()); }

}  // namespace firn::io
