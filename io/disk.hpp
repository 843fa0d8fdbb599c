// Files and folders as the engine sees them: one interface, three implementations.
//
//   PosixDisk   pread, pwrite, fdatasync                      io/posix_disk.*
//   UringDisk   the same calls through a ring that belongs to the calling thread (thread-local)   io/uring_disk.*
//   SimDisk     in memory, forgets, tears and reorders what was not synced                        io/sim_disk.*
//
// Paths are relative to the disk's root, with '/' between parts, never with "..". Durability follows the order of
// ../schema/FORMATS.md: data, its sync, the name (rename, directory sync), the commit that names it.
// Every call returns a Result; errors name the path, the offset and the operation. Thread-safe; one File may be read
// by many threads at once, and written by one.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "schema/result.hpp"

namespace firn::io {

/// Bytes that lie one behind another in a file, wherever they lie in memory.
using Parts = std::span<const std::span<const std::uint8_t>>;

/// One open file. Closing is the destructor's work; it never syncs.
class File {
 public:
  virtual ~File() = default;
  /// Reads exactly out.size() bytes. Error {corrupt} if the file ends before that, {io} otherwise; an I/O error is
  /// retried once.
  virtual Result<void> read_at(std::uint64_t offset, std::span<std::uint8_t> out) const = 0;
  /// Writes all bytes; short writes go on, EINTR and EAGAIN are retried with a bound. {full} for ENOSPC and EDQUOT.
  virtual Result<void> write_at(std::uint64_t offset, std::span<const std::uint8_t> bytes) = 0;
  /// Writes the parts one behind another from `offset` on and lets the device begin with them: for a sync that follows
  /// soon. Promises no more than write_at. `meanwhile` runs once on this thread, where the disk can beside the writing,
  /// unless the write could not even begin; it must not use the parts' memory for anything else.
  virtual Result<void> write_parts(std::uint64_t offset, Parts parts,
                                   const std::function<void()>& meanwhile = {});
  /// fdatasync. After the first failure every later sync of this handle fails too: nothing is retried on those pages.
  virtual Result<void> sync() = 0;
  /// write_at, then sync, as one linked pair of requests where the disk can.
  virtual Result<void> write_and_sync(std::uint64_t offset, std::span<const std::uint8_t> bytes) = 0;
  /// Makes room for [0, size) and sets the length to at least that; new bytes read as zero.
  virtual Result<void> allocate(std::uint64_t size) = 0;
  virtual Result<void> truncate(std::uint64_t size) = 0;
  virtual Result<std::uint64_t> size() const = 0;
  /// Bytes that the file occupies on the device.
  virtual Result<std::uint64_t> allocated_bytes() const = 0;
  virtual const std::string& path() const = 0;
};

struct DirEntry {
  std::string name;
  bool is_directory = false;
};

class Disk {
 public:
  virtual ~Disk() = default;
  enum class Mode : std::uint8_t { read, read_write, create_new };
  /// create_new fails with {already_exists}; the others with {not_found}. Files 0600, O_CLOEXEC, no symlinks followed.
  virtual Result<std::unique_ptr<File>> open(const std::string& path, Mode mode) = 0;
  /// Creates a folder (0700) and its parents; existing ones are no error. Syncs the parents of those it made.
  virtual Result<void> make_directories(const std::string& path) = 0;
  virtual Result<void> rename(const std::string& from, const std::string& to) = 0;
  virtual Result<void> remove(const std::string& path) = 0;
  /// Removes a folder and all in it; absent is no error.
  virtual Result<void> remove_tree(const std::string& path) = 0;
  /// fsync of a directory: makes names that were created, renamed or removed in it durable.
  virtual Result<void> sync_directory(const std::string& path) = 0;
  /// Entries in name order; {not_found} if there is no such folder.
  virtual Result<std::vector<DirEntry>> list(const std::string& path) = 0;
  virtual Result<bool> exists(const std::string& path) = 0;
  virtual Result<std::uint64_t> free_bytes() = 0;
  /// A real folder of the machine that stands for `path`, for libraries that open files themselves (LMDB). The
  /// simulated disk gives a scratch folder whose content no cut of the simulation touches.
  virtual std::string host_path(const std::string& path) const = 0;
};

/// Whole file: read, or write under a temporary name, sync, rename, sync the folder (atomic replacement).
Result<std::vector<std::uint8_t>> read_file(Disk& disk, const std::string& path, std::uint64_t size_max);
Result<void> replace_file(Disk& disk, const std::string& path, std::span<const std::uint8_t> bytes);

/// The disk for a real folder: UringDisk if the kernel grants a ring, else PosixDisk; `notice` then says why (else "").
/// The folder is created if `create` is set. FIRN_NO_URING=1 in the environment forces PosixDisk.
Result<std::shared_ptr<Disk>> open_disk(const std::string& root, bool create, std::string* notice = nullptr);

}  // namespace firn::io
