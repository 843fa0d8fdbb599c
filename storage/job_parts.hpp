// What moves share: versions on their way, input files read in key order, and what is lent while a job runs.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "storage/catalog.hpp"
#include "storage/fingerprint.hpp"
#include "storage/life_cells.hpp"
#include "storage/pins.hpp"

namespace firn::storage {

class Engine;

/// Rows of a warm block; what merging small blocks aims at.
inline constexpr std::size_t kWarmChunkRows = 262'144;

/// Rows that came through a move were the last of their commit: blocks of that commit that still lie elsewhere lose.
inline constexpr std::uint64_t kSurvivors = ~std::uint64_t{0};

/// One version on its way: where its row is, and its life.
struct Pick {
  std::uint32_t source = 0, row = 0;
  std::uint64_t csn = 0, end = 0;  ///< end 0: live
  bool tombstone = false;
};

/// The lives of a run of versions, as files want them.
struct Lives {
  std::vector<std::uint64_t> csns, ends;
  Buffer tombstones;  ///< a bit a row; empty: none
};
Lives lives_of(std::span<const Pick> picks, bool history);

/// An input file: current rows in key order, history in the order of its rows (versions do not depend on one another).
/// Row groups that are passed are given up, unless key order leads to and fro between groups.
class Source {
 public:
  /// Rows come in `schema`, one for files of a table with these schemas.
  static Result<std::unique_ptr<Source>> open(FileEntryPtr entry, const Schema& schema,
                                              std::shared_ptr<const SchemaHistory> schemas);

  /// For take() alone, in ascending order of rows; holds one row group at a time.
  static Result<std::unique_ptr<Source>> open_rows(FileEntryPtr entry, const Schema& schema);

  bool is_history() const { return file_->info().history; }
  bool at_end() const { return position_ >= keys_->keys.size(); }
  const KeyColumn& keys() const { return keys_->keys; }
  std::size_t position() const { return position_; }
  void advance() { ++position_; }
  std::uint32_t row() const { return keys_->row(position_); }
  std::uint64_t csn() const { return csns_[row()]; }
  /// The version here, with its end as known at `base`.
  Pick pick(std::uint32_t index, std::uint64_t base) const;
  /// Begins to add up what is read, ends as known at `base`: all versions now, contents as they are taken.
  void account(std::uint64_t base);
  const VersionSums& sums() const { return sums_; }

  /// The lives, as known at `base`, of about one in `every` of the versions that have ended by then.
  void sample(std::uint64_t base, std::uint64_t every, std::vector<Life>& lives) const;
  /// How many of its versions have ended at `base`, or may have.
  std::uint64_t ended() const;

  /// Columns of the schema given to open() for these rows, in the given order. Groups that lie behind are not kept.
  Result<std::vector<Column>> take(std::span<const std::uint32_t> rows);

 private:
  Result<std::vector<Column>> take_ascending(std::span<const std::uint32_t> rows);
  std::size_t group_of(std::uint32_t row) const;
  Result<void> load(std::size_t g);
  void clear_dropped(std::size_t g, std::vector<Column>& columns) const;
  void release_passed();
  void hash_group(std::size_t g);
  void add_contents(std::size_t g, std::span<const std::uint32_t> rows);  ///< numbers within the group
  std::uint64_t end_at(std::uint32_t row, std::uint64_t base) const;
  bool is_tombstone(std::uint32_t row) const { return !tombstones_.empty() && tombstones_[row]; }

  FileEntryPtr entry_;
  Schema schema_;
  std::shared_ptr<const SchemaHistory> schemas_;  ///< nullptr: rows in columns that the newest schema has
  std::shared_ptr<const RowFile> file_;
  std::shared_ptr<const FileKeys> keys_;
  std::shared_ptr<const DeletionVector> ends_;
  std::vector<std::uint64_t> csns_, own_ends_;
  std::vector<bool> tombstones_;
  std::vector<std::vector<Column>> groups_;
  std::vector<std::vector<HashPair>> hashes_;  ///< of the rows of loaded groups; empty: not asked for
  VersionSums sums_;
  std::uint64_t base_ = 0;
  std::size_t position_ = 0;
};

/// Rows of picks in their order, from several sources.
Result<Batch> gather(std::vector<std::unique_ptr<Source>>& sources, std::span<const Pick> picks,
                     const Schema& schema);

/// Files that a job has finished and no commit names yet: taken away again unless they are published.
class PendingFiles {
 public:
  explicit PendingFiles(Engine& engine) : engine_(engine) {}
  ~PendingFiles();
  PendingFiles(const PendingFiles&) = delete;
  PendingFiles& operator=(const PendingFiles&) = delete;
  void add(RowFileInfo info) { files_.push_back(std::move(info)); }
  std::span<const RowFileInfo> files() const { return files_; }
  /// For the record that names them: whoever publishes it answers for them from here on.
  std::vector<RowFileInfo> hand_over() { return std::exchange(files_, {}); }

 private:
  Engine& engine_;
  std::vector<RowFileInfo> files_;
};

/// Keeps the delta from a CSN on while a job runs.
class BaseLease {
 public:
  BaseLease(Pins& pins, std::uint64_t base) : pins_(pins), base_(base) { pins_.hold_base(base_); }
  ~BaseLease() { pins_.release_base(base_); }
  BaseLease(const BaseLease&) = delete;
  BaseLease& operator=(const BaseLease&) = delete;

 private:
  Pins& pins_;
  std::uint64_t base_;
};

/// Marks the inputs as lent for the life of a job.
class InputLease {
 public:
  static Result<std::unique_ptr<InputLease>> take(std::vector<FileEntryPtr> files) {
    std::unique_ptr<InputLease> lease(new InputLease);
    for (FileEntryPtr& f : files) {
      if (f->lent.exchange(true))
        return Error(ErrorCode::conflict, "file " + std::to_string(f->info.id) + " is in another job");
      lease->files_.push_back(std::move(f));
    }
    return lease;
  }
  ~InputLease() {
    for (const FileEntryPtr& f : files_) f->lent = false;
  }
  const std::vector<FileEntryPtr>& files() const { return files_; }

 private:
  std::vector<FileEntryPtr> files_;
};

}  // namespace firn::storage
