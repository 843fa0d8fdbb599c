#include "io/posix_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>

#include "io/os_error.hpp"

namespace firn::io {
namespace {

constexpr std::uint64_t kOffsetMax = static_cast<std::uint64_t>(std::numeric_limits<off_t>::max());
constexpr std::uint64_t kDeviceBlockBytes = 512;  // the unit of st_blocks, whatever the file system's own

Result<void> check_range(const std::string& path, std::uint64_t offset, std::uint64_t length) {
  if (offset > kOffsetMax || length > kOffsetMax - offset) {
    return Error(ErrorCode::out_of_range,
                 "offset " + std::to_string(offset) + " of '" + path + "' is too large");
  }
  return {};
}

// Runs `call` (>= 0 or -1 and errno) until it succeeds or fails for a reason that another try does not cure.
template <class Call>
auto until_settled(Call call) {
  for (int tries = 0;; ++tries) {
    const auto r = call();
    if (r >= 0 || !is_transient(errno) || tries == kTransientTriesMax) return r;
  }
}

}  // namespace

Result<void> check_process(pid_t owner, const std::string& path) {
  if (owner == ::getpid()) return {};
  return Error(ErrorCode::io, "'" + path + "' was opened by process " + std::to_string(owner) +
                                  "; a forked child must open the database anew");
}

PosixFile::PosixFile(UniqueFd fd, std::string path, SystemCalls& calls)
    : fd_(std::move(fd)), path_(std::move(path)), calls_(calls), owner_pid_(::getpid()) {}

Result<void> PosixFile::check_owner() const { return check_process(owner_pid_, path_); }

Result<void> PosixFile::check_may_sync() const {
  if (poison_) return *poison_;
  return check_owner();
}

Error PosixFile::poison(int errno_value) {
  poison_ = os_error("sync", path_, errno_value).within("the file takes no more syncs");
  return *poison_;
}

Result<void> PosixFile::read_at(std::uint64_t offset, std::span<std::uint8_t> out) const {
  FIRN_TRY(check_range(path_, offset, out.size()));
  bool retried = false;
  for (std::size_t done = 0; done < out.size();) {
    const std::uint64_t at = offset + done;
    const ssize_t n = until_settled(
        [&] { return calls_.pread(fd(), out.data() + done, out.size() - done, static_cast<off_t>(at)); });
    if (n == 0) {
      return Error(ErrorCode::corrupt, "'" + path_ + "' ends at " + std::to_string(at) + ", but " +
                                           std::to_string(offset + out.size()) + " bytes were to be there");
    }
    if (n < 0 && std::exchange(retried, true)) return os_error("read", path_, at, errno);
    if (n > 0) done += static_cast<std::size_t>(n);
  }
  return {};
}

Result<void> PosixFile::write_at(std::uint64_t offset, std::span<const std::uint8_t> bytes) {
  FIRN_TRY(check_owner());
  FIRN_TRY(check_range(path_, offset, bytes.size()));
  int empty_writes = 0;
  for (std::size_t done = 0; done < bytes.size();) {
    const std::uint64_t at = offset + done;
    const ssize_t n = until_settled([&] {
      return calls_.pwrite(fd(), bytes.data() + done, bytes.size() - done, static_cast<off_t>(at));
    });
    if (n < 0) return os_error("write", path_, at, errno);
    if (n == 0 && ++empty_writes > kTransientTriesMax) return os_error("write", path_, at, EIO);
    done += static_cast<std::size_t>(n);
  }
  return {};
}

Result<void> PosixFile::write_gathered(std::uint64_t offset, std::span<iovec> memory) {
  int empty_writes = 0;
  while (!memory.empty()) {
    const ssize_t n = until_settled([&] {
      return calls_.pwritev(fd(), memory.data(), static_cast<int>(memory.size()), static_cast<off_t>(offset));
    });
    if (n < 0) return os_error("write", path_, offset, errno);
    if (n == 0 && ++empty_writes > kTransientTriesMax) return os_error("write", path_, offset, EIO);
    offset += static_cast<std::uint64_t>(n);
    memory = after(memory, static_cast<std::size_t>(n));
  }
  return {};
}

Result<void> PosixFile::write_parts(std::uint64_t offset, Parts parts,
                                    const std::function<void()>& meanwhile) {
  FIRN_TRY(check_owner());
  GatherList list(offset, parts);
  if (!list.writes().empty())
    FIRN_TRY(check_range(path_, offset, list.writes().back().offset + list.writes().back().bytes - offset));
  for (const GatheredWrite& w : list.writes()) {
    FIRN_TRY(write_gathered(w.offset, list.memory(w)));
    // A hint: what it cannot begin now the sync does.
    (void)::sync_file_range(fd(), static_cast<off_t>(w.offset), static_cast<off_t>(w.bytes),
                            SYNC_FILE_RANGE_WRITE);
  }
  if (meanwhile) meanwhile();  // beside what the device does
  return {};
}

Result<void> PosixFile::sync() {
  FIRN_TRY(check_may_sync());
  // EINTR says that the sync did not run to its end, not that pages were lost: that may be asked again.
  if (until_settled([&] { return calls_.fdatasync(fd()); }) != 0) return poison(errno);
  return {};
}

Result<void> PosixFile::write_and_sync(std::uint64_t offset, std::span<const std::uint8_t> bytes) {
  FIRN_TRY(check_may_sync());
  FIRN_TRY(PosixFile::write_at(offset, bytes));
  return PosixFile::sync();
}

Result<void> PosixFile::allocate(std::uint64_t size) {
  FIRN_TRY(check_owner());
  FIRN_TRY(check_range(path_, 0, size));
  FIRN_ASSIGN(const std::uint64_t now, PosixFile::size());
  if (size == 0) return {};
  if (until_settled([&] { return calls_.fallocate(fd(), 0, static_cast<off_t>(size)); }) == 0) return {};
  if (errno != EOPNOTSUPP && errno != ENOSYS) return os_error("allocate", path_, size, errno);
  return write_zeros(now, size);
}

Result<void> PosixFile::write_zeros(std::uint64_t from, std::uint64_t to) {
  static constexpr std::array<std::uint8_t, 64 * 1024> zeros{};
  while (from < to) {
    const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(zeros.size(), to - from));
    FIRN_TRY(PosixFile::write_at(from, std::span(zeros).first(n)));
    from += n;
  }
  return {};
}

Result<void> PosixFile::truncate(std::uint64_t size) {
  FIRN_TRY(check_owner());
  FIRN_TRY(check_range(path_, 0, size));
  if (until_settled([&] { return calls_.ftruncate(fd(), static_cast<off_t>(size)); }) != 0) {
    return os_error("truncate", path_, size, errno);
  }
  return {};
}

Result<std::uint64_t> PosixFile::size() const {
  struct stat st {};
  if (::fstat(fd(), &st) != 0) return os_error("stat", path_, errno);
  return static_cast<std::uint64_t>(st.st_size);
}

Result<std::uint64_t> PosixFile::allocated_bytes() const {
  struct stat st {};
  if (::fstat(fd(), &st) != 0) return os_error("stat", path_, errno);
  return static_cast<std::uint64_t>(st.st_blocks) * kDeviceBlockBytes;
}

}  // namespace firn::io
