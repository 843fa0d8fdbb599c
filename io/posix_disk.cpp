#include "io/posix_disk.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "io/disk_path.hpp"
#include "io/os_error.hpp"
#include "io/posix_file.hpp"

namespace firn::io {
namespace {

constexpr int kTreeDepthMax = 64;

struct CloseDir {
  void operator()(DIR* d) const noexcept { ::closedir(d); }
};

int flags_for(Disk::Mode mode) {
  switch (mode) {
    case Disk::Mode::read:
      return O_RDONLY;
    case Disk::Mode::read_write:
      return O_RDWR;
    case Disk::Mode::create_new:
      return O_RDWR | O_CREAT | O_EXCL;
  }
  return O_RDONLY;
}

bool is_folder(int folder, const dirent& entry) {
  if (entry.d_type != DT_UNKNOWN) return entry.d_type == DT_DIR;
  struct stat st {};
  return ::fstatat(folder, entry.d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

Result<std::vector<DirEntry>> entries_of(UniqueFd folder, const std::string& path) {
  const std::unique_ptr<DIR, CloseDir> dir(::fdopendir(folder.get()));
  if (!dir) return os_error("opendir", path, errno);
  folder.release();
  std::vector<DirEntry> out;
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(dir.get());  // NOLINT(concurrency-mt-unsafe): the stream is ours alone
    if (entry == nullptr && errno != 0) return os_error("readdir", path, errno);
    if (entry == nullptr) break;
    if (std::strcmp(entry->d_name, ".") == 0 || std::strcmp(entry->d_name, "..") == 0) continue;
    out.push_back({entry->d_name, is_folder(::dirfd(dir.get()), *entry)});
  }
  std::sort(out.begin(), out.end(), [](const DirEntry& a, const DirEntry& b) { return a.name < b.name; });
  return out;
}

Result<void> remove_content(int folder, const std::string& path, int depth) {
  if (depth > kTreeDepthMax)
    return Error(ErrorCode::out_of_range, "folders nest too deeply below '" + path + "'");
  UniqueFd own(::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!own.valid()) return os_error("open", path, errno);
  FIRN_ASSIGN(const auto entries, entries_of(std::move(own), path));
  for (const DirEntry& entry : entries) {
    const std::string child = path + "/" + entry.name;
    if (entry.is_directory) {
      const UniqueFd inner(
          ::openat(folder, entry.name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
      if (!inner.valid()) return os_error("open", child, errno);
      FIRN_TRY(remove_content(inner.get(), child, depth + 1));
    }
    const int flags = entry.is_directory ? AT_REMOVEDIR : 0;
    if (::unlinkat(folder, entry.name.c_str(), flags) != 0 && errno != ENOENT) {
      return os_error("remove", child, errno);
    }
  }
  return {};
}

}  // namespace

PosixDisk::PosixDisk(RootFolder root, SystemCalls& calls)
    : root_(std::move(root)), calls_(calls), owner_pid_(::getpid()) {}

Result<std::shared_ptr<PosixDisk>> PosixDisk::open_root(const std::string& root, bool create,
                                                        SystemCalls& calls) {
  FIRN_ASSIGN(RootFolder folder, RootFolder::open(root, create));
  return std::shared_ptr<PosixDisk>(new PosixDisk(std::move(folder), calls));
}

std::unique_ptr<File> PosixDisk::make_file(UniqueFd fd, const std::string& path) {
  return std::make_unique<PosixFile>(std::move(fd), path, calls_);
}

Result<std::unique_ptr<File>> PosixDisk::open(const std::string& path, Mode mode) {
  FIRN_TRY(check_process(owner_pid_, path));
  // O_NONBLOCK only until it is known that this is no pipe that would keep us waiting.
  FIRN_ASSIGN(UniqueFd fd, root_.open_beneath(path, flags_for(mode) | O_NONBLOCK));
  struct stat st {};
  if (::fstat(fd.get(), &st) != 0) return os_error("stat", path, errno);
  if (!S_ISREG(st.st_mode)) return Error(ErrorCode::invalid_argument, "'" + path + "' is not a regular file");
  if (::fcntl(fd.get(), F_SETFL, 0) != 0) return os_error("fcntl", path, errno);
  return make_file(std::move(fd), path);
}

Result<void> PosixDisk::make_directories(const std::string& path) {
  FIRN_TRY(check_process(owner_pid_, path));
  FIRN_ASSIGN(const auto parts, path_parts(path));
  std::string folder;
  for (const std::string& part : parts) {
    folder += folder.empty() ? part : "/" + part;
    FIRN_TRY(make_directory(folder));
  }
  return {};
}

// A folder whose name could not be made durable goes again, so that a second call does not take it for an old
// one.
Result<void> PosixDisk::make_directory(const std::string& path) {
  FIRN_ASSIGN(const UniqueFd parent, root_.open_parent(path));
  const std::string leaf = leaf_name(path);
  if (::mkdirat(parent.get(), leaf.c_str(), 0700) != 0) {
    if (errno != EEXIST) return os_error("mkdir", path, errno);
    FIRN_ASSIGN(const UniqueFd existing, root_.open_beneath(path, O_PATH | O_DIRECTORY));
    return {};
  }
  auto synced = sync_directory(parent_path(path));
  if (!synced) ::unlinkat(parent.get(), leaf.c_str(), AT_REMOVEDIR);
  return synced;
}

Result<void> PosixDisk::rename(const std::string& from, const std::string& to) {
  FIRN_TRY(check_process(owner_pid_, from));
  FIRN_ASSIGN(const UniqueFd source, root_.open_parent(from));
  FIRN_ASSIGN(const UniqueFd target, root_.open_parent(to));
  if (::renameat(source.get(), leaf_name(from).c_str(), target.get(), leaf_name(to).c_str()) != 0) {
    return os_error("rename", from + "' to '" + to, errno);
  }
  return {};
}

Result<void> PosixDisk::remove(const std::string& path) {
  FIRN_TRY(check_process(owner_pid_, path));
  FIRN_ASSIGN(const UniqueFd parent, root_.open_parent(path));
  if (::unlinkat(parent.get(), leaf_name(path).c_str(), 0) != 0) return os_error("remove", path, errno);
  return {};
}

Result<void> PosixDisk::remove_tree(const std::string& path) {
  FIRN_TRY(check_process(owner_pid_, path));
  auto parent = root_.open_parent(path);
  if (!parent && parent.error().code() == ErrorCode::not_found) return {};
  if (!parent) return parent.error();
  auto folder = root_.open_beneath(path, O_RDONLY | O_DIRECTORY);
  if (!folder && folder.error().code() == ErrorCode::not_found) return {};
  if (!folder) return folder.error();
  FIRN_TRY(remove_content(folder->get(), path, 0));
  if (::unlinkat(parent->get(), leaf_name(path).c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT) {
    return os_error("remove", path, errno);
  }
  return {};
}

Result<void> PosixDisk::sync_directory(const std::string& path) {
  FIRN_TRY(check_process(owner_pid_, path));
  FIRN_ASSIGN(const UniqueFd folder, root_.open_beneath(path, O_RDONLY | O_DIRECTORY));
  int tries = 0;
  while (calls_.fsync(folder.get()) != 0) {
    if (!is_transient(errno) || ++tries > kTransientTriesMax) return os_error("fsync of folder", path, errno);
  }
  return {};
}

Result<std::vector<DirEntry>> PosixDisk::list(const std::string& path) {
  FIRN_ASSIGN(UniqueFd folder, root_.open_beneath(path, O_RDONLY | O_DIRECTORY));
  return entries_of(std::move(folder), path);
}

Result<bool> PosixDisk::exists(const std::string& path) {
  auto fd = root_.open_beneath(path, O_PATH);
  if (fd) return true;
  if (fd.error().code() == ErrorCode::not_found) return false;
  return fd.error();
}

Result<std::uint64_t> PosixDisk::free_bytes() {
  struct statvfs st {};
  if (::statvfs(root_.host_path().c_str(), &st) != 0) return os_error("statvfs", root_.host_path(), errno);
  return static_cast<std::uint64_t>(st.f_bavail) * st.f_frsize;
}

std::string PosixDisk::host_path(const std::string& path) const {
  return path.empty() || path == "." ? root_.host_path() : root_.host_path() + "/" + path;
}

}  // namespace firn::io
