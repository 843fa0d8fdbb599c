// A PosixDisk whose files read, write and sync through the calling thread's ring (uring.hpp).
//
// write_and_sync of 64 KiB or more is one linked pair: the kernel starts the fdatasync only after the write has succeeded
// in full; less is two plain calls, which are faster. Long writes go in pieces of 1 MiB, several in flight, and are synced
// after the last. Where a thread gets no ring, its calls are those of PosixDisk, with the same results.
#pragma once
#include "io/posix_disk.hpp"

namespace firn::io {

class UringDisk final : public PosixDisk {
 public:
  /// {io} if the kernel refuses a ring.
  static Result<std::shared_ptr<UringDisk>> open_root(const std::string& root, bool create,
                                                      SystemCalls& calls = SystemCalls::real());

 protected:
  std::unique_ptr<File> make_file(UniqueFd fd, const std::string& path) override;

 private:
  using PosixDisk::PosixDisk;
};

}  // namespace firn::io
