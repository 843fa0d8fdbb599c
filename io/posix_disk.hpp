// A folder of the machine as a Disk: plain system calls. All that is not the bytes of a file is here for
// UringDisk too.
//
// A disk belongs to the process that opened it: a forked child gets {io}.
#pragma once
#include "io/disk.hpp"
#include "io/root_folder.hpp"
#include "io/system_calls.hpp"

namespace firn::io {

class PosixDisk : public Disk {
 public:
  /// `calls` outlives the disk and its files.
  static Result<std::shared_ptr<PosixDisk>> open_root(const std::string& root, bool create,
                                                      SystemCalls& calls = SystemCalls::real());

  Result<std::unique_ptr<File>> open(const std::string& path, Mode mode) override;
  Result<void> make_directories(const std::string& path) override;
  Result<void> rename(const std::string& from, const std::string& to) override;
  Result<void> remove(const std::string& path) override;
  Result<void> remove_tree(const std::string& path) override;
  Result<void> sync_directory(const std::string& path) override;
  Result<std::vector<DirEntry>> list(const std::string& path) override;
  Result<bool> exists(const std::string& path) override;
  Result<std::uint64_t> free_bytes() override;
  std::string host_path(const std::string& path) const override;

  /// Resolve paths part by part, as on a kernel without openat2. For tests.
  void forget_openat2() noexcept { root_.forget_openat2(); }

 protected:
  PosixDisk(RootFolder root, SystemCalls& calls);
  /// The file over a descriptor that was opened for `path`.
  virtual std::unique_ptr<File> make_file(UniqueFd fd, const std::string& path);
  SystemCalls& calls() noexcept { return calls_; }

 private:
  Result<void> make_directory(const std::string& path);

  RootFolder root_;
  SystemCalls& calls_;
  pid_t owner_pid_;
};

}  // namespace firn::io
