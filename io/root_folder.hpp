// The folder below which a disk lives, opened once: every path is resolved beneath it and through no symbolic
// link.
//
// openat2(RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS) where the kernel has it (5.6 and later; containers may
// refuse it), else part by part with O_NOFOLLOW, which gives the same answers. Thread-safe.
#pragma once
#include <string>

#include "io/unique_fd.hpp"
#include "schema/result.hpp"

namespace firn::io {

class RootFolder {
 public:
  /// Opens the folder `root` of the machine; with `create`, makes it and its missing parents (0700) and syncs
  /// the parents of those it made.
  static Result<RootFolder> open(const std::string& root, bool create);

  /// open(2) of a path beneath the root; O_CLOEXEC and O_NOFOLLOW are added, new files get 0600.
  Result<UniqueFd> open_beneath(const std::string& path, int flags) const;
  /// An O_PATH handle of the folder that holds `path`, for the *at() calls with leaf_name(path).
  Result<UniqueFd> open_parent(const std::string& path) const;

  const std::string& host_path() const noexcept { return host_path_; }
  /// Walk part by part from now on, as if the kernel had no openat2. For tests.
  void forget_openat2() noexcept { has_openat2_ = false; }

 private:
  RootFolder(UniqueFd fd, std::string host_path) : fd_(std::move(fd)), host_path_(std::move(host_path)) {}
  void probe_openat2();

  UniqueFd fd_;
  std::string host_path_;
  bool has_openat2_ = false;
};

}  // namespace firn::io
