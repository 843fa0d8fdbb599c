// One table on disk: commit log, hot B-tree, warm blocks, cold segments, catalog, and all that keeps them one table.
// No actor in sight: the actors layer decides who calls what and when.
//
// Threads. Reads (snapshot, get, scan, statistics) may come from any thread at any time. Writes: prepare_blocks() and
// run_job() do the long work and may run on any thread beside everything else; commit() is short, is serialised inside
// and does one sync for all requests given to it at once.
//
// Order of durability: data bytes, their sync, the name, one log record that names them, its sync, the LMDB
// transaction, the answer, and only then the removal of what was replaced (schema/FORMATS.md).
#pragma once
#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "io/clock.hpp"
#include "io/disk.hpp"
#include "schema/batch.hpp"
#include "schema/key_codec.hpp"
#include "schema/query.hpp"
#include "schema/schema_change.hpp"
#include "storage/encoded_rows.hpp"
#include "storage/file_copy.hpp"
#include "storage/pins.hpp"
#include "storage/query/execution.hpp"
#include "storage/row_file.hpp"
#include "storage/table_config.hpp"

namespace firn::storage {

enum class WriteMode : std::uint8_t { upsert = 0, insert = 1, update = 2, update_or_insert = 3 };
/// True if the batch may have only some columns: they are completed at the commit.
inline bool is_update(WriteMode mode) {
  return mode == WriteMode::update || mode == WriteMode::update_or_insert;
}

/// (producer, sequence): a repeat of a committed token gets the first commit's answer.
struct WriteToken {
  std::string producer;
  std::uint64_t sequence = 0;
};

/// What a commit answers.
struct CommitInfo {
  Csn csn;
  Timestamp time;
  StorageTier tier = StorageTier::none;
  std::uint64_t rows = 0;
  bool repeated = false;  ///< the token was known: this is the first commit's answer
};

/// A change of a named cursor (storage/cursors.hpp).
struct CursorRequest {
  enum class Verb : std::uint8_t { create, move, drop };
  Verb verb = Verb::create;
  std::string name;
  std::optional<Csn> at;                 ///< create: default the newest commit; move: required
  std::optional<std::int64_t> limit_us;  ///< create: default kCursorLimitUs
};

/// One atomic change. Exactly one of rows, blocks, remove_keys, remove_where, config, change, cursor is used.
struct WriteRequest {
  enum class Kind : std::uint8_t { rows, blocks, remove_keys, remove_where, config, alter, cursor };
  Kind kind = Kind::rows;
  WriteMode mode = WriteMode::upsert;
  std::optional<WriteToken> token;
  std::optional<Csn> if_unchanged_since;  ///< {conflict} if a key of the batch got a version after this CSN
  Batch rows;                             ///< rows; of an update: only some columns, matched by name
  std::optional<EncodedRows> encoded;     ///< of an upsert or insert: the rows, from encode()
  bool columns_by_id = false;  ///< of an update: the columns have the table's ids and are matched by these
  std::vector<RowFileInfo> blocks;       ///< from prepare_blocks()
  std::vector<std::string> remove_keys;  ///< encoded keys
  Query remove_where;                    ///< from parse_condition()
  HybridTableConfig config;
  SchemaChange change;  ///< alter: decided by apply_change() against the schema that the log order gives
  /// Errors: {already_exists}, {not_found}; {horizon} and {out_of_range} for its position; {busy} above kCursorsMax.
  CursorRequest cursor;
};

/// A cursor as listings show it.
struct CursorView {
  std::string name;
  Csn csn;  ///< changes up to here are done with
  Timestamp created, updated;
  std::int64_t limit_us = 0;
  std::uint64_t lag_commits = 0;
  std::int64_t lag_us = 0;   ///< age of the oldest commit that is not done with; 0: there is none
  bool fell_behind = false;  ///< the history after it is gone
};

/// Commits in (from, to] whose changes are asked for.
struct ChangeRange {
  Csn from;
  std::optional<Csn> to;       ///< default: the newest
  bool before = false;         ///< a row `update_before` in front of each `update`
  std::uint64_t max_rows = 0;  ///< 0: all
};

struct ChangePage {
  Batch rows;  ///< changes_schema() (storage/changes.hpp), by CSN, then key
  Csn next;    ///< all changes up to here are delivered: go on from it
};

/// What one maintenance job did.
struct JobReport {
  std::uint64_t inputs = 0, outputs = 0;    ///< files
  std::uint64_t rows_in = 0, rows_out = 0;  ///< versions
  std::uint64_t rows_dropped = 0;           ///< versions past the horizon, tombstones with nothing below
  std::uint64_t bytes_in = 0, bytes_out = 0;
  StorageTier from = StorageTier::none, to = StorageTier::none;
  bool done = false;  ///< false: there was nothing to do
};

/// A maintenance order. Inputs empty and from_hot false: nothing. From hot to hot: superseded versions that nobody can
/// read any more are dropped.
struct JobOrder {
  StorageTier to = StorageTier::warm;
  bool from_hot = false;              ///< take the hot versions up to now (of the whole key range, in slices)
  std::uint64_t hot_upto = 0;         ///< only versions with CSN <= this; 0: all
  std::vector<std::uint64_t> inputs;  ///< ids of files to rewrite
};

struct TierStats {
  std::uint64_t rows = 0;   ///< live
  std::uint64_t bytes = 0;  ///< allocated
  std::uint64_t files = 0;
};

struct StoreStats {
  std::string name;
  Csn csn;
  Timestamp last_commit_time;
  std::uint64_t rows = 0;   ///< live, all tiers
  std::uint64_t bytes = 0;  ///< the whole folder, allocated
  TierStats hot, warm, cold;
  std::uint64_t history_rows = 0, history_bytes = 0;
  /// Maintenance jobs since open that could not prove that they change nothing, and were not published.
  std::uint64_t jobs_refused = 0;
  std::uint64_t log_bytes = 0, checkpoint_bytes = 0;
  std::uint64_t versions = 0;  ///< live rows, tombstones and superseded versions, all tiers
  std::uint64_t pins = 0;
  std::vector<PinView> pin_list;  ///< the oldest pins, kPinsListed at most
  /// Commits that the file furthest behind has not been resolved past, and hot versions that files with their keys have
  /// not been asked for; as found, before this look resolved them.
  std::uint64_t lag_commits = 0, lag_keys = 0;
  std::uint64_t delta_bytes = 0;      ///< of keys of hot versions that are kept for resolving
  std::uint64_t vector_bytes = 0;     ///< of all deletion vectors in memory
  std::uint64_t files_looked_at = 0;  ///< since open, to find which of their rows had ended
  Csn horizon;
  std::uint64_t bytes_written = 0, bytes_ingested = 0;  ///< since open: for write amplification
  std::int64_t recovery_us = 0;  ///< time the last open took to recover; 0 after a clean close
  std::string read_only_reason;  ///< "" = writable
  std::vector<CursorView> cursors;
};

inline constexpr std::size_t kPinsListed = 100;

/// Decayed access of one file, as the analyzer keeps it.
struct FileAccess {
  std::uint64_t reads = 0, rows_read = 0, points = 0;
  double heat = 0;  ///< reads, halved every hour
  std::int64_t last_us = 0;
};

/// A file as listings show it.
struct FileView {
  RowFileInfo info;
  std::uint64_t ended = 0;  ///< rows known to be ended (deletion vector)
  FileAccess access;
};

/// How much one record of a purge may do while writers wait (measured: 2 to 4 us a version dropped).
struct PurgeBounds {
  std::size_t dropped = 8'192, visited = 65'536;
};

struct HotPurge;

/// Faults planted in maintenance jobs, to prove that each is found out before publication. For tests.
struct JobFaults {
  /// Changes versions on their way into a file or into the hot tier, keeping their number. ends is empty for current
  /// versions, tombstones if there are none.
  std::function<void(Batch& rows, std::vector<std::uint64_t>& csns, std::vector<std::uint64_t>& ends,
                     Buffer& tombstones)>
      rows;
  /// True: the version is dropped though somebody may read it. end 0: none.
  std::function<bool(std::uint64_t csn, std::uint64_t end)> drop;
  /// Changes the range of hot versions (keys, greatest CSN) that a demotion drops.
  std::function<void(std::string& key_min, std::string& key_max, std::uint64_t& csn)> hot_drop;
  /// Changes what the record of a purge would drop.
  std::function<void(HotPurge& purge)> purge;
};

struct StoreOptions {
  std::shared_ptr<io::Clock> clock;  ///< default: the system's
  std::uint64_t hot_map_bytes = 0;   ///< LMDB map; 0: 16 x hot_tier_max_size
  std::uint64_t checkpoint_log_bytes = 64u << 20;
  std::uint64_t warm_log_bytes = 256u << 20;  ///< a warm log file is closed above this size
  std::uint64_t segment_rows = 4u << 20;      ///< aim for a cold segment's rows
  std::uint64_t history_group_rows = 16'384;  ///< aim for a row group of history
  /// Once true, jobs under way end soon with {closed} and have changed nothing: a close does not wait for a long merge.
  std::shared_ptr<const std::atomic<bool>> stop_jobs;
  /// Writers of blocks merge before they write from so many times the files that merging aims at; 0: never.
  std::size_t stall_factor = 2;
  /// Newer rows whose keys are held at a time while ended rows are looked for.
  std::size_t resolve_set_rows = 262'144;
  /// Keys of hot versions that wait to be looked for in files may take this much memory; writers resolve above it.
  std::uint64_t unresolved_bytes_max = 32u << 20;
  PurgeBounds purge_bounds;
  std::uint64_t purge_versions_min = 16'384;  ///< fewer superseded versions in hot are not worth a purge
  bool read_only = false;                     ///< open beside a live writer in another process
  std::function<void(std::string_view)> log;  ///< notices; nullptr: dropped
  /// Called by a job at a stage of its work: "written" (the new files are durable, neither proved nor published yet),
  /// without any lock; "searched" (a purge is about to be published), when no horizon may be moved; "stored" (some
  /// deletion vectors are, without any lock). For tests.
  std::function<void(std::string_view stage)> job_hook;
  JobFaults job_faults;
};

class TableStore;

/// A pinned CSN: reads through it always see the table as of that commit. A cheap value; any thread.
class StoreSnapshot {
 public:
  StoreSnapshot() = default;
  Csn csn() const { return pin_ ? Csn{pin_->csn} : Csn{}; }
  explicit operator bool() const { return pin_ != nullptr; }

 private:
  friend class TableStore;
  PinPtr pin_;
};

/// What a query did, for EXPLAIN ANALYZE.
struct QueryProfile {
  struct Tier {
    std::uint64_t files = 0, files_pruned = 0, groups = 0, groups_pruned = 0, rows = 0;
  };
  Tier hot, warm, cold;
  ReadCost cost;
  std::uint64_t rows_scanned = 0, rows_passed = 0, rows_out = 0;
  std::int64_t plan_us = 0, scan_us = 0, finish_us = 0;
  std::uint32_t threads = 1;
  std::string plan;  ///< "point", "analytical" or "time travel"
  std::vector<std::string> operators;
};

class TableStore {
 public:
  /// Makes a new table in `folder` (relative to the disk's root; must not exist): durable when this returns.
  static Result<std::unique_ptr<TableStore>> create(std::shared_ptr<io::Disk> disk, const std::string& folder,
                                                    std::string name, std::uint64_t table_id,
                                                    const Schema& schema, const HybridTableConfig& config,
                                                    const StoreOptions& options);
  /// Opens a table and recovers it if it was not closed cleanly.
  static Result<std::unique_ptr<TableStore>> open(std::shared_ptr<io::Disk> disk, const std::string& folder,
                                                  const StoreOptions& options);
  /// Closes as a crash would: no marker, no checkpoint. close() first for a clean end.
  ~TableStore();
  TableStore(const TableStore&) = delete;
  TableStore& operator=(const TableStore&) = delete;

  const std::string& name() const;
  std::uint64_t table_id() const;
  Schema schema() const;
  /// The schema in force at a snapshot: what reads through it answer in.
  Schema schema(const StoreSnapshot& at) const;
  HybridTableConfig config() const;

  // --- writing ---------------------------------------------------------------------------------------------------
  /// True if a batch of this size goes through the commit log into the hot tier; else call prepare_blocks() first.
  bool is_small(const Batch& rows) const;
  /// Rows of an earlier version of the schema (exactly its columns) as rows of the newest: dropped columns are left out,
  /// added ones take their default. nullopt: of the newest version, or of none. Writes are recast at their commit anyway.
  std::optional<Batch> recast(const Batch& rows) const;
  /// Writes rows to a warm log as blocks and syncs them. They count only once commit() has named them. `_row` values
  /// are assigned here. Rows of an earlier schema are recast, and may be committed after a further ALTER. Thread-safe;
  /// long.
  Result<std::vector<RowFileInfo>> prepare_blocks(const Batch& rows);
  /// The rows of a small upsert or insert as their commit wants them, which may save it that work: nothing if it has to do
  /// it anyway. Thread-safe. Error {invalid_argument} for a key that is NULL or too long, naming its row.
  Result<std::optional<EncodedRows>> encode(const Batch& rows) const;
  /// Commits the requests in order, each on its own (a refused one does not hinder the others), with one log append and
  /// one sync for all. answers[i] belongs to requests[i]. Thread-safe (serialised).
  std::vector<Result<CommitInfo>> commit(std::span<WriteRequest> requests);
  Result<CommitInfo> commit_one(WriteRequest request);

  // --- reading ---------------------------------------------------------------------------------------------------
  /// Pins the newest visible CSN, or an older one: Error{horizon} naming the earliest readable CSN, {out_of_range} above
  /// the newest. `owner` is for listings. Older than the table's pin_max_age it is given up: reads through it are
  /// Error{horizon} then.
  Result<StoreSnapshot> snapshot(std::optional<Csn> at = std::nullopt, std::string owner = "snapshot");
  /// The last CSN whose commit time is <= t. Errors as snapshot(); a time in the future is {out_of_range}.
  Result<Csn> csn_at(Timestamp t) const;
  /// The row with this key, in the order of schema(at); nullopt if there is none.
  Result<std::optional<std::vector<Value>>> get(const StoreSnapshot& at, std::span<const Value> key,
                                                ReadCost* cost = nullptr);
  /// Runs a query (its table name is not looked at). AS OF in the query overrides `at`.
  Result<Batch> query(const Query& query, const StoreSnapshot& at, QueryProfile* profile = nullptr,
                      const ExecutionLimits& limits = {});
  /// What query() would do: the plan with pruning counts, nothing is scanned.
  Result<QueryProfile> explain(const Query& query, const StoreSnapshot& at);
  /// All live rows in batches of at most 65,536 rows, no order: `sink` returns an error to stop.
  Result<void> scan_all(const StoreSnapshot& at, const std::function<Result<void>(const Batch&)>& sink);

  /// What commits after `range.from` did to rows, in commit order, one change a key and commit, with no trace of moves
  /// and compactions; a deleted row comes as it was. Pages hold whole commits: about max_rows changes at most, more
  /// only if one commit alone has more. Memory: the page, its keys, and the keys of one file at a time.
  /// Errors: {horizon} names the earliest valid position (0 as long as nothing has expired); {out_of_range} above the
  /// newest commit; {invalid_argument} to < from.
  Result<ChangePage> changes(const ChangeRange& range, const ExecutionLimits& limits = {});
  /// One row a key whose row at `to` is another than at `from`, ascending by key, in the form of changes(); `_csn` is
  /// the key's last commit. Memory: every version in the range has an entry. Errors as changes().
  Result<Batch> net_changes(Csn from, Csn to, const ExecutionLimits& limits = {});
  /// Ascending by name.
  Result<std::vector<CursorView>> cursors();

  // --- maintenance -----------------------------------------------------------------------------------------------
  /// Runs one job to its publication. Jobs may run side by side on disjoint inputs; one whose input is lent
  /// already, or was replaced since it was ordered, is {conflict} and has changed nothing.
  Result<JobReport> run_job(const JobOrder& order);
  /// What would be done next under the table's configuration and clock; nullopt: nothing is due.
  std::optional<JobOrder> next_job();
  /// What would bring all versions of commits up to `upto` into `to`, whatever their age; nullopt: settled. With a CSN that
  /// is known the end is reached beside any number of writers.
  std::optional<JobOrder> next_job_towards(StorageTier to, Csn upto = kCsnMax);
  /// Finds the rows of files that commits since the last call have ended, stores what was found when that is worth its
  /// bytes, and gives up pins that are too old. Called every second or so; cheap when nothing was committed.
  Result<void> follow_ends();
  /// Forgets history before the configured retention (never under a pin) and removes files that nobody needs.
  Result<void> expire();
  /// Writes a checkpoint and cuts the log.
  Result<void> checkpoint();
  bool checkpoint_due() const;
  /// Copies the table as of its newest commit into the new folder `folder` of another disk, while writers and moves go
  /// on: rows, history, tokens and accounts; hashes are checked on the way. Durable on return but for the folder's name.
  /// Errors: {corrupt} with the file; {read_only}; those of `limits`. Any thread; long.
  Result<CopyCounts> backup(io::Disk& to, const std::string& folder, const ExecutionLimits& limits);
  /// Takes note of reads that happened elsewhere, decays the accounts and stores them.
  Result<void> save_access();

  // --- looking ---------------------------------------------------------------------------------------------------
  Result<StoreStats> stats();
  /// What the hot tier holds, superseded versions and tombstones included; costs nothing.
  struct HotSize {
    std::uint64_t versions = 0, bytes = 0;  ///< bytes: of keys and rows
  };
  Result<HotSize> hot_size();
  /// Which commit is the newest and when it was: some microseconds, also beside another process's writer.
  struct NewestCommit {
    Csn csn;
    Timestamp time;
  };
  Result<NewestCommit> newest_commit();
  std::vector<FileView> files();
  Result<std::shared_ptr<const RowFile>> file(std::uint64_t id);
  /// Checks every named file (deep: every checksum and row; else existence and length). One text a finding.
  Result<std::vector<std::string>> verify(bool deep);

  /// Ends cleanly: checkpoint of accounts, LMDB synced, marker. Readers may still hold snapshots; their next call fails
  /// with {closed}.
  Result<void> close();

 private:
  struct Impl;
  explicit TableStore(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace firn::storage
