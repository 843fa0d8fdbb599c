#include "io/root_folder.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstdlib>
#include <vector>

#include "io/disk_path.hpp"
#include "io/os_error.hpp"

namespace firn::io {
namespace {

constexpr mode_t kFileMode = 0600;
constexpr mode_t kFolderMode = 0700;
constexpr int kFolderFlags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;

int openat2_beneath(int root, const char* path, int flags) {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags);
  if ((flags & O_CREAT) != 0) how.mode = kFileMode;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  return static_cast<int>(::syscall(SYS_openat2, root, path, &how, sizeof how));
}

// The same by hand: every folder on the way is opened with O_NOFOLLOW | O_DIRECTORY, so a symlink is ELOOP or
// ENOTDIR.
int walk_beneath(int root, const std::vector<std::string>& parts, int flags) {
  UniqueFd folder;
  int at = root;
  for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
    UniqueFd next(::openat(at, parts[i].c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!next.valid()) {
      if (errno == ENOTDIR) errno = ELOOP;
      return -1;
    }
    folder = std::move(next);
    at = folder.get();
  }
  return ::openat(at, parts.empty() ? "." : parts.back().c_str(), flags, kFileMode);
}

// With O_PATH | O_NOFOLLOW both ways open a last symlink itself instead of refusing it.
bool is_symlink(const UniqueFd& fd) {
  struct stat st {};
  return ::fstat(fd.get(), &st) == 0 && S_ISLNK(st.st_mode);
}

Result<void> sync_folder(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), kFolderFlags));
  if (!fd.valid()) return os_error("open", path, errno);
  if (::fsync(fd.get()) != 0) return os_error("fsync", path, errno);
  return {};
}

std::string parent_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

Result<void> make_host_folder(const std::string& path) {
  if (::mkdir(path.c_str(), kFolderMode) == 0) return sync_folder(parent_of(path));
  if (errno == EEXIST) return {};
  if (errno != ENOENT) return os_error("mkdir", path, errno);
  const std::string parent = parent_of(path);
  if (parent == path || parent == "." || parent == "/") return os_error("mkdir", path, ENOENT);
  FIRN_TRY(make_host_folder(parent));
  if (::mkdir(path.c_str(), kFolderMode) != 0 && errno != EEXIST) return os_error("mkdir", path, errno);
  return sync_folder(parent);
}

std::string without_trailing_slashes(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

}  // namespace

Result<RootFolder> RootFolder::open(const std::string& root, bool create) {
  const std::string path = without_trailing_slashes(root);
  if (path.empty()) return Error(ErrorCode::invalid_argument, "the path of the database folder is empty");
  if (create) FIRN_TRY(make_host_folder(path));
  UniqueFd fd(::open(path.c_str(), kFolderFlags));
  if (!fd.valid()) return os_error("open", path, errno);
  char* real = ::realpath(path.c_str(), nullptr);
  if (real == nullptr) return os_error("realpath", path, errno);
  RootFolder folder(std::move(fd), real);
  std::free(real);  // NOLINT: realpath allocates with malloc
  folder.probe_openat2();
  return folder;
}

void RootFolder::probe_openat2() {
  const UniqueFd probe(openat2_beneath(fd_.get(), ".", O_PATH | O_DIRECTORY | O_CLOEXEC));
  has_openat2_ = probe.valid();
}

Result<UniqueFd> RootFolder::open_beneath(const std::string& path, int flags) const {
  FIRN_ASSIGN(const auto parts, path_parts(path));
  flags |= O_CLOEXEC | O_NOFOLLOW;
  for (int tries = 0;; ++tries) {
    UniqueFd fd(has_openat2_ ? openat2_beneath(fd_.get(), parts.empty() ? "." : path.c_str(), flags)
                             : walk_beneath(fd_.get(), parts, flags));
    if (fd.valid() && (flags & O_PATH) != 0 && is_symlink(fd)) return os_error("open", path, ELOOP);
    if (fd.valid()) return fd;
    // EAGAIN: openat2 could not prove the absence of a race with a rename.
    if (!is_transient(errno) || tries == kTransientTriesMax) return os_error("open", path, errno);
  }
}

Result<UniqueFd> RootFolder::open_parent(const std::string& path) const {
  FIRN_ASSIGN(const auto parts, path_parts(path));
  if (parts.empty())
    return Error(ErrorCode::invalid_argument, "the disk's root cannot be created, renamed or removed");
  return open_beneath(parent_path(path), O_PATH | O_DIRECTORY);
}

}  // namespace firn::io
