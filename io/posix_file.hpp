// One open file through pread, pwrite, fdatasync. See disk.hpp for the promises.
//
// After a failed sync the file is *poisoned*: the kernel has marked the lost pages clean and would report
// success the next time, so every later sync and write_and_sync answers the first error, without asking the
// kernel.
#pragma once
#include <sys/types.h>

#include <optional>
#include <string>

#include "io/disk.hpp"
#include "io/gather.hpp"
#include "io/system_calls.hpp"
#include "io/unique_fd.hpp"

namespace firn::io {

class PosixFile : public File {
 public:
  /// Takes the descriptor. `calls` outlives the file.
  PosixFile(UniqueFd fd, std::string path, SystemCalls& calls);

  Result<void> read_at(std::uint64_t offset, std::span<std::uint8_t> out) const override;
  Result<void> write_at(std::uint64_t offset, std::span<const std::uint8_t> bytes) override;
  Result<void> write_parts(std::uint64_t offset, Parts parts,
                           const std::function<void()>& meanwhile) override;
  Result<void> sync() override;
  Result<void> write_and_sync(std::uint64_t offset, std::span<const std::uint8_t> bytes) override;
  Result<void> allocate(std::uint64_t size) override;
  Result<void> truncate(std::uint64_t size) override;
  Result<std::uint64_t> size() const override;
  Result<std::uint64_t> allocated_bytes() const override;
  const std::string& path() const override { return path_; }

 protected:
  int fd() const noexcept { return fd_.get(); }
  /// The first sync error, or {io} in a forked child.
  Result<void> check_may_sync() const;
  Result<void> check_owner() const;
  /// All of the memory from `offset` on. The list is used up.
  Result<void> write_gathered(std::uint64_t offset, std::span<iovec> memory);
  /// The one place that decides what a failed sync means.
  Error poison(int errno_value);

 private:
  Result<void> write_zeros(std::uint64_t from, std::uint64_t to);

  UniqueFd fd_;
  std::string path_;
  SystemCalls& calls_;
  pid_t owner_pid_;
  std::optional<Error> poison_;
};

/// {io} if the calling process is not `owner`: a forked child shares descriptors and rings and would wreck
/// them.
Result<void> check_process(pid_t owner, const std::string& path);

}  // namespace firn::io
