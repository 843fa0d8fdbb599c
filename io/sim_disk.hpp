// A disk in memory that keeps only what POSIX promises: for tests of every crash and fault.
//
// Each file has its durable bytes and the writes since its last sync, each folder its durable entries and the
// changes since its last sync. cut() gives the disk that a machine would find after a power cut at this
// moment; the disk itself goes on, so one run can be cut many times. The sync of a file does not make its
// name durable.
//
// What a cut assumes: a sector of 512 bytes is written whole or not, and bytes outside a write are never
// touched by it; a rename is atomic. Two changes that were not synced may survive in any combination.
//
// Thread-safe. All randomness comes from the seeds given.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "io/disk.hpp"

namespace firn::io {

enum class SimOp : std::uint8_t {
  write = 1,
  sync,
  allocate,
  truncate,
  create,
  rename,
  remove,
  make_directory,
  sync_directory,
  read,  // not counted: it changes nothing
};

/// What survives of that which was not synced.
enum class CutPolicy : std::uint8_t {
  lose,     ///< nothing
  keep,     ///< everything
  prefix,   ///< a random prefix of all operations in their order
  reorder,  ///< a random subset
  tear,     ///< a random subset, and one surviving write only in some of its sectors
  garbage,  ///< a random subset, and sectors of surviving writes may hold garbage
};
inline constexpr CutPolicy kCutPolicies[] = {CutPolicy::lose,    CutPolicy::keep, CutPolicy::prefix,
                                             CutPolicy::reorder, CutPolicy::tear, CutPolicy::garbage};

class SimDisk final : public Disk {
 public:
  SimDisk();
  ~SimDisk() override;

  Result<std::unique_ptr<File>> open(const std::string& path, Mode mode) override;
  Result<void> make_directories(const std::string& path) override;
  Result<void> rename(const std::string& from, const std::string& to) override;
  Result<void> remove(const std::string& path) override;
  Result<void> remove_tree(const std::string& path) override;
  Result<void> sync_directory(const std::string& path) override;
  Result<std::vector<DirEntry>> list(const std::string& path) override;
  Result<bool> exists(const std::string& path) override;
  Result<std::uint64_t> free_bytes() override;
  /// Below a scratch folder of this disk's own (in /dev/shm where there is one), removed with the disk. The
  /// folders that the path needs are made. remove_tree and rename reach into it too; what lies there is not
  /// seen by open, list or exists, and a cut image begins with an empty one.
  std::string host_path(const std::string& path) const override;

  /// The disk after a power cut now.
  std::unique_ptr<SimDisk> cut(CutPolicy policy, std::uint64_t seed) const;

  /// Operations so far that change something (all but read). write_and_sync counts as two.
  std::uint64_t operations() const;

  enum class Failure : std::uint8_t {
    io,           ///< {io}; a failed sync loses what it was to make durable, though reads still show it
    full,         ///< {full}, nothing changed
    short_write,  ///< the first half of a write arrives, then {io}; other operations as io
    freeze,       ///< the operation reaches the disk unsynced and unacknowledged; all later ones answer {io}
  };
  /// The n-th operation (counted as operations() does, from 1) fails, and all later ones too if `for_good`.
  void fail_at(std::uint64_t n, Failure failure, bool for_good = false);
  /// Asked before each operation, reads too; an error given fails it as Failure::io does. Must not call the
  /// disk.
  using Fault = std::function<std::optional<Error>(SimOp op, const std::string& path, std::uint64_t number)>;
  void set_fault(Fault fault);
  /// Total of file lengths from which on writes and allocations answer {full}; none by default.
  void set_capacity(std::optional<std::uint64_t> bytes);

  // Deliberate faults of the disk itself, to prove that a test would notice them.
  void lie_about_sync(bool on);            ///< a file's sync does nothing and reports success
  void lie_about_directory_sync(bool on);  ///< a folder's sync likewise
  void break_link(bool on);                ///< in write_and_sync the sync overtakes the write

  /// At rest: flips bits, zeroes or overwrites bytes of a file, durably and behind everybody's back.
  Result<void> damage(const std::string& path, std::uint64_t offset, std::span<const std::uint8_t> bytes);

 private:
  struct State;
  class SimFile;
  explicit SimDisk(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;
};

}  // namespace firn::io
