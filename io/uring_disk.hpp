// A PosixDisk whose files move long ranges through the calling thread's ring (uring.hpp).
//
// write_and_sync of 64 KiB to 1 MiB is one linked pair: the kernel starts the fdatasync only after the write has succeeded
// in full; less is two plain calls, which are faster. Long writes go in pieces, several in flight. Parts of 1 MiB and more
// (write_parts) go past the page cache, from memory of our own (staging.hpp), but for the blocks at their two ends, which
// they may share with what lies beside them. Where a thread gets no ring, its calls are those of PosixDisk, with the same
// results.
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
