// The catalog in memory: which files hold rows, what is known of the ends of their rows, schema and configuration.
// A Catalog is immutable; every structural commit makes a new one that shares its entries. A View is what a reader
// works with: a catalog and the CSN that belongs to it.
#pragma once
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "io/disk.hpp"
#include "storage/block_cache.hpp"
#include "storage/cursors.hpp"
#include "storage/deletion_vector.hpp"
#include "storage/row_file.hpp"
#include "storage/schema_history.hpp"
#include "storage/table_config.hpp"

namespace firn::storage {

/// A name on disk. Warm blocks of one log share it. When it is doomed, the last holder to let go removes the name:
/// unpublish first, delete last.
class DiskName {
 public:
  DiskName(std::shared_ptr<io::Disk> disk, std::string path)
      : disk_(std::move(disk)), path_(std::move(path)) {}
  ~DiskName();
  DiskName(const DiskName&) = delete;
  DiskName& operator=(const DiskName&) = delete;
  void doom() { doomed_ = true; }
  const std::string& path() const { return path_; }

 private:
  std::shared_ptr<io::Disk> disk_;
  std::string path_;
  std::atomic<bool> doomed_ = false;
};

/// Decayed access of a file.
struct AccessAccount {
  std::uint64_t reads = 0, rows_read = 0, points = 0;
  double heat = 0;
  std::int64_t last_us = 0;
  void note(std::int64_t now_us, std::uint64_t rows, bool point);
  double heat_at(std::int64_t now_us) const;
};

class FileEntry {
 public:
  FileEntry(std::shared_ptr<io::Disk> disk, std::string folder, std::uint64_t store_id, RowFileInfo info,
            std::shared_ptr<DiskName> name, std::shared_ptr<CacheShare> share)
      : info(std::move(info)),
        name(std::move(name)),
        disk_(std::move(disk)),
        folder_(std::move(folder)),
        store_id_(store_id),
        share_(std::move(share)),
        resolved_{std::make_shared<DeletionVector>(), this->info.base_csn},
        stored_(resolved_) {}

  /// What is known of the ends of its rows: all ends <= resolved_to are in `ends`.
  struct Resolved {
    std::shared_ptr<const DeletionVector> ends;
    std::uint64_t resolved_to = 0;
    bool operator==(const Resolved&) const = default;
  };

  const RowFileInfo info;
  const std::shared_ptr<DiskName> name;

  /// Opens the file at first use.
  Result<std::shared_ptr<const RowFile>> open() const;
  /// Forgets the open file (idle tables); the next use opens it again.
  void close() const;

  Resolved resolved() const;
  std::shared_ptr<const DeletionVector> ends() const { return resolved().ends; }
  std::uint64_t resolved_to() const { return resolved().resolved_to; }
  void set_resolved(Resolved known) const;
  /// What the catalog on disk knows of it: the file's own beginning, or what was last loaded or stored.
  Resolved stored() const;
  void set_stored(Resolved known) const;

  AccessAccount access() const;
  void note_access(std::int64_t now_us, std::uint64_t rows, bool point) const;
  void set_access(const AccessAccount& account) const;

  /// True at most once in `interval_us`: for looks that cost too much to be taken at every turn.
  bool due_for_a_look(std::int64_t monotonic_us, std::int64_t interval_us) const;

  std::atomic<bool> lent = false;        ///< an input of a running job
  std::atomic<bool> retired = false;     ///< no longer in the newest catalog
  std::atomic<bool> unreadable = false;  ///< maintenance leaves it alone until the table is opened again
  /// Damage, in it or in a file that may have ended its rows, makes it unreadable; other errors may pass.
  void leave_alone(const Error& why) {
    if (why.code() == ErrorCode::corrupt || why.code() == ErrorCode::not_found) unreadable = true;
  }
  /// A job on it was refused: none is offered before this monotonic time. 0: none was.
  std::atomic<std::int64_t> rests_until_us = 0;

 private:
  std::shared_ptr<io::Disk> disk_;
  std::string folder_;
  std::uint64_t store_id_;
  std::shared_ptr<CacheShare> share_;  ///< the table's, of the block cache
  mutable std::mutex mutex_;
  mutable std::shared_ptr<const RowFile> file_;
  mutable Resolved resolved_, stored_;
  mutable std::int64_t looked_us_ = 0;
  mutable AccessAccount access_;
};
using FileEntryPtr = std::shared_ptr<FileEntry>;

struct Catalog {
  std::vector<FileEntryPtr> files;               ///< ascending id
  std::shared_ptr<const SchemaHistory> schemas;  ///< holds one at least
  HybridTableConfig config;
  std::uint64_t horizon = 0;
  std::uint64_t hot_epoch = 0;  ///< changes when rows leave or enter hot by a move
  CursorsPtr cursors = std::make_shared<Cursors>();
  const Schema& schema() const { return schemas->newest().version.schema; }
  std::uint32_t schema_version() const { return schemas->newest().version.version; }
  const Schema& schema_at(std::uint64_t csn) const { return schemas->at(csn).version.schema; }
  FileEntryPtr find(std::uint64_t id) const;
};
using CatalogPtr = std::shared_ptr<const Catalog>;

struct View {
  CatalogPtr catalog;
  std::uint64_t csn = 0;
  std::int64_t time_us = 0;
  std::uint64_t rows_csn = 0;  ///< the last commit that changed a row
};

bool ranges_overlap(const RowFileInfo& a, std::string_view min, std::string_view max);

}  // namespace firn::storage
