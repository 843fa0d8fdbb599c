// firn: one embedded table engine, three tiers. The public interface; it includes neither CAF, LMDB nor FlatBuffers.
//
// Everything here may be used from any thread. Handles (Database, HybridTable, Snapshot) are cheap to copy and share
// what they stand for; it lives until the last of them, or until Database::close(). Every fallible call returns a
// Result<T>; value() throws firn::Error. Nothing aborts the host process. After close() calls answer {closed}.
#pragma once
#include <atomic>
#include <chrono>
#include <functional>
#include <iosfwd>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/clock.hpp"
#include "schema/arrow_c.hpp"
#include "schema/batch.hpp"
#include "schema/query.hpp"
#include "schema/query_builder.hpp"
#include "schema/result.hpp"
#include "schema/schema_change.hpp"
#include "schema/table_schema.hpp"
#include "schema/types.hpp"
#include "schema/value.hpp"
#include "storage/table_config.hpp"

namespace firn {

namespace runtime {
class DatabaseCore;
class TableCore;
}  // namespace runtime
class HybridTable;
struct TableActorAccess;

/// What a committed write answers: durable when it returns.
struct Commit {
  Csn csn;                               ///< commit sequence number, dense within the table
  Timestamp time;                        ///< commit time, UTC
  StorageTier tier = StorageTier::none;  ///< where the rows went
  std::uint64_t rows = 0;
  bool repeated = false;  ///< the token was known; this is the first commit's answer
};

enum class WriteMode : std::uint8_t {
  upsert = 0,  ///< a row replaces the one with its key
  insert = 1,  ///< an existing key refuses the whole batch ({already_exists}, names the key)
  update = 2,  ///< only the columns of the batch change; a missing row refuses the batch ({not_found})
  /// As update, but a missing row is inserted; columns that the batch lacks take their default, else NULL. Refused as a
  /// whole ({invalid_argument}, names column and key) if such a column is not null and has no default, and if a table
  /// without a key has no row of that number.
  update_or_insert = 3,
};

/// Makes a repeat harmless: the same (producer, sequence) commits once.
struct WriteToken {
  std::string producer;
  std::uint64_t sequence = 0;
};

struct WriteOptions {
  WriteMode mode = WriteMode::upsert;
  std::optional<WriteToken> token;
  std::optional<Csn> if_unchanged_since;  ///< {conflict} if a key of the batch got a version after this CSN
};

/// Stops the calls that were given it: they answer {cancelled} soon after. Copies share one state. A lock-free store
/// and nothing else, so cancel() may be called from any thread and from a signal handler.
class CancelToken {
 public:
  CancelToken() : flag_(std::make_shared<std::atomic<bool>>(false)) {}
  void cancel() const noexcept { flag_->store(true, std::memory_order_relaxed); }
  bool cancelled() const noexcept { return flag_->load(std::memory_order_relaxed); }
  /// Lives as long as any copy of the token.
  const std::atomic<bool>* flag() const noexcept { return flag_.get(); }

 private:
  std::shared_ptr<std::atomic<bool>> flag_;
};

struct QueryOptions {
  std::optional<std::chrono::microseconds> timeout = {};  ///< real time from the call on; then {timeout}
  std::optional<CancelToken> cancel = {};
};

/// One row by name.
class Row {
 public:
  Row() = default;
  Row(Schema schema, std::vector<Value> values) : schema_(std::move(schema)), values_(std::move(values)) {}
  /// NULL for an unknown name.
  const Value& operator[](std::string_view name) const;
  const Value& operator[](std::size_t i) const { return values_[i]; }
  std::size_t size() const noexcept { return values_.size(); }
  const Schema& schema() const noexcept { return schema_; }

 private:
  Schema schema_;
  std::vector<Value> values_;
};

/// A query's answer: rows as columns, in memory, immutable.
class DataFrame {
 public:
  DataFrame() = default;
  explicit DataFrame(Batch rows) : batch_(std::move(rows)) {}
  std::int64_t rows() const noexcept { return batch_.rows(); }
  std::size_t columns() const noexcept { return batch_.columns().size(); }
  const std::string& name(std::size_t column) const { return batch_.schema()[column].name; }
  TypeId type(std::size_t column) const { return batch_.schema()[column].type; }
  /// Requires row < rows(), column < columns().
  Value at(std::int64_t row, std::size_t column) const {
    return batch_[column].value_at(static_cast<std::size_t>(row));
  }
  std::optional<std::size_t> find(std::string_view name) const;
  /// RFC 4180 with a header line; NULL is empty.
  std::string to_csv() const;
  /// An array of objects.
  std::string to_json() const;
  /// Arrow C Data Interface, zero copy: `out` is filled and owned by the caller, who calls out->release(out).
  void export_stream(ArrowArrayStream* out) const;
  const Batch& batch() const noexcept { return batch_; }

 private:
  Batch batch_;
};
/// A readable table, at most 40 rows (the first and last 20 of more).
std::ostream& operator<<(std::ostream& out, const DataFrame& frame);

/// A pinned commit: reads through it always see the table as of then, whatever is written or moved.
class Snapshot {
 public:
  Snapshot() = default;
  Csn csn() const;
  Result<DataFrame> query(std::string_view sql, const QueryOptions& options = {}) const;
  Result<std::optional<Row>> get(const Key& key) const;

 private:
  friend class HybridTable;
  struct Impl;
  std::shared_ptr<const Impl> impl_;
};

struct ChangesOptions {
  std::optional<Csn> to = {};  ///< default: the newest commit
  bool before = false;         ///< a row `update_before` in front of each `update`
  std::uint64_t max_rows = 0;  ///< about so many at most, but whole commits; 0: all at once
  QueryOptions query = {};     ///< timeout and cancellation
};

/// What commits did to rows.
struct ChangeBatch {
  /// `_csn u64, _time timestamp, _op utf8` ('insert', 'update', 'delete', 'update_before'), then the table's columns;
  /// by CSN, then key. A deleted row comes as it was.
  DataFrame rows;
  Csn next;  ///< all changes up to here are delivered: go on from it
};

struct CursorOptions {
  std::optional<Csn> at = {};  ///< default: the newest commit
  /// History is kept for it until the oldest commit after it is older than this; default 7 days.
  std::optional<std::chrono::microseconds> limit = {};
};

/// A named position in a table's commits.
struct CursorInfo {
  std::string name;
  Csn csn;  ///< changes up to here are done with
  Timestamp created, updated;
  std::chrono::microseconds limit{0};
  std::uint64_t lag_commits = 0;
  std::int64_t lag_us = 0;   ///< age of the oldest commit that is not done with; 0: there is none
  bool fell_behind = false;  ///< the history after it is gone: reading from it answers {horizon}
};

struct SubscribeOptions {
  std::optional<Csn> from = {};     ///< changes after this commit; default: after the newest
  std::string cursor = {};          ///< instead of `from`: begins at this cursor, which ack() moves
  bool before = false;              ///< a row `update_before` in front of each `update`
  std::uint64_t max_rows = 65'536;  ///< a batch, about; a batch holds whole commits
};

/// Changes as they are committed. Slow consumers fall behind and hold back nobody: what they have not fetched costs
/// nothing but the history that a cursor keeps. A handle that can be copied; one thread at a time.
class Subscription {
 public:
  Subscription() = default;
  /// The next batch, never an empty one; waits for a commit that brings it, without looking at the disk meanwhile. Where
  /// the database is open for reading only, it looks every 100 ms for what another process has committed.
  /// Nothing: the time was up. Errors: {closed} once the database closes, also while it waits; {horizon} if the history
  /// was gone before it was fetched, naming the earliest valid position.
  Result<std::optional<ChangeBatch>> next(std::chrono::microseconds timeout);
  /// Moves the cursor behind the batch that next() gave last: a commit, durable when this returns.
  /// Errors: {invalid_argument} without a cursor; {not_found} it was dropped; those of a write ({read_only}).
  Result<void> ack();
  /// Changes up to here were given out.
  Csn position() const;

 private:
  friend class HybridTable;
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

struct TierReport {
  std::uint64_t rows = 0;   ///< live
  std::uint64_t bytes = 0;  ///< allocated on the device
  std::uint64_t files = 0;
};

enum class Workload : std::uint8_t { idle = 0, read_heavy = 1, write_heavy = 2, mixed = 3 };
std::string_view name_of(Workload workload) noexcept;

/// A snapshot that somebody holds.
struct PinReport {
  std::string owner;
  Csn csn;
  std::int64_t age_us = 0;
};

/// The fields of `firn stats --json`.
struct TableStats {
  std::string name;
  Csn csn;
  Timestamp last_commit_time;
  std::uint64_t rows = 0, bytes = 0;
  TierReport hot, warm, cold;
  std::uint64_t history_rows = 0, history_bytes = 0, log_bytes = 0, checkpoint_bytes = 0;
  std::uint64_t pins = 0;
  Csn horizon;  ///< the earliest CSN that AS OF can still read
  std::uint64_t reads = 0, writes = 0;
  Workload workload = Workload::idle;
  double write_amplification = 0;  ///< bytes written / bytes ingested since open; 0 = nothing ingested
  std::int64_t recovery_us = 0;
  std::uint64_t jobs_refused = 0;  ///< since open: jobs stopped before they changed an answer
  std::string read_only_reason;    ///< "" = writable
  std::vector<CursorInfo> cursors;
  std::uint64_t versions = 0;  ///< live rows, tombstones and superseded versions, all tiers
  /// Commits that some file has not been asked for rows that they ended, and hot versions likewise; the background
  /// brings both to 0 within a second of the last commit.
  std::uint64_t lag_commits = 0, lag_keys = 0;
  std::vector<PinReport> pin_list;  ///< the oldest first; at most 100
};

/// One change that optimize() or the background made, and why.
struct Decision {
  Timestamp time;
  std::string action;   ///< "demote_to_warm", "archive_to_cold", "promote_to_warm", "compact", "set" ...
  std::string subject;  ///< file, block or option
  std::string reason;   ///< the evidence, with figures
};

struct OptimizationResult {
  std::vector<Decision> decisions;
  std::uint64_t bytes_before = 0, bytes_after = 0;
};

/// What the access-pattern analyzer knows of a table.
struct AccessReport {
  Workload workload = Workload::idle;
  double reads_per_s = 0, writes_per_s = 0;  ///< decayed
  struct File {
    std::uint64_t id = 0;
    StorageTier tier = StorageTier::none;
    std::uint64_t rows = 0, bytes = 0, reads = 0, ended = 0;
    double heat = 0;  ///< decayed reads
    StorageTier suggested = StorageTier::none;
    std::string key_min, key_max, reason;
  };
  std::vector<File> files;
};

/// A column of a cold segment or warm block, for `firn segments`.
struct SegmentColumn {
  std::string name, encoding, why;
  std::uint64_t bytes = 0, logical_bytes = 0;
};
struct SegmentView {
  std::uint64_t id = 0, rows = 0, bytes = 0, ended = 0, csn_min = 0, csn_max = 0;
  StorageTier tier = StorageTier::none;
  bool history = false;
  std::string path, key_min, key_max;
  std::vector<SegmentColumn> columns;
};

/// What EXPLAIN prints.
struct StoragePlan {
  std::string kind;                ///< "point", "analytical", "time travel"
  std::vector<std::string> lines;  ///< the plan as text, one line an operator or tier
};

struct BackupOptions {
  std::optional<CancelToken> cancel = {};
};

/// What a backup or a restore copied.
struct BackupReport {
  std::uint64_t tables = 0, files = 0, bytes = 0;
};

/// What a migration has done so far.
struct MigrateReport {
  std::uint64_t rows = 0, commits = 0;
  std::uint64_t bytes = 0;  ///< of the (compressed) source that were read
  std::uint64_t replaced =
      0;  ///< rows with the key of a later row, which is in the table (by MigrateOptions.key)
};
struct MigrateOptions {
  std::vector<std::string> key = {};  ///< default: as the source says, else `_row`
  std::string time = {};              ///< the column of event time; "": as an Arrow file says, else none
  std::string table =
      {};  ///< of a SQLite file, or the database of an LMDB environment; default: the only one
  std::size_t batch_rows = 50'000;  ///< rows a commit; fewer if they are very large
  std::optional<CancelToken> cancel = {};
  std::function<void(const MigrateReport&)> progress = {};  ///< after each commit, on the calling thread
};

struct CompactOptions {
  StorageTier to = StorageTier::cold;  ///< hot, warm or cold: where everything goes, whatever its age
};

struct DatabaseOptions {
  bool create = true;                ///< false: {not_found} if there is none
  bool read_only = false;            ///< works beside a process that has the database open
  std::shared_ptr<io::Clock> clock;  ///< default: the system's
  std::function<void(std::string_view)>
      log;                 ///< notices (recovery, fallback to plain system calls ...); default: none
  bool background = true;  ///< age, size and access rules run by themselves
  std::int64_t background_tick_us = 1'000'000;  ///< how often they look, in the clock's time
};

class Database {
 public:
  /// Opens the database in this folder, creates it if absent, takes its lock and starts its actors.
  /// The path ":memory:" is a new, private and empty database each time: a folder beneath TMPDIR, else in shared memory
  /// if that has a GiB free, else in /tmp, that goes when the database is closed. It promises no durability; a kill
  /// leaves its folder.
  /// Errors: {busy} another process has it; {corrupt}; {io}.
  static Result<Database> open(const std::string& path, const DatabaseOptions& options = {});
  Database() = default;

  Result<HybridTable> create_table(const std::string& name, const Schema& schema,
                                   const HybridTableConfig& config = {});
  Result<HybridTable> table(const std::string& name) const;
  Result<HybridTable> get_table(const std::string& name) const;
  Result<std::vector<std::string>> tables() const;
  Result<void> drop_table(const std::string& name);
  /// Runs SQL; the table is the one that the text names. `FROM 'file.csv'` reads a CSV, NDJSON or Arrow file of the
  /// machine in place (.zst and .gz too); relative names are the process's.
  Result<DataFrame> query(std::string_view sql, const QueryOptions& options = {}) const;
  Result<StoragePlan> explain(std::string_view sql, bool analyze = false) const;
  /// Copies the database into the new folder `destination` while writers go on: each table as of one commit, with its
  /// history and its idempotency tokens; hashes are checked on the way. It gets its name when all of it is durable;
  /// until then it is `destination`.partial, which the next backup to that place removes, as an error does.
  /// Errors: {already_exists}; {corrupt} names the damaged file; {read_only} if this handle only reads.
  Result<BackupReport> backup(const std::string& destination, const BackupOptions& options = {}) const;
  /// Copies a backup, or a database that nobody has open, to the new folder `path` and checks every byte of the copy.
  /// It gets its name only when it is sound and durable. Errors as backup(), and {busy}.
  static Result<BackupReport> restore(const std::string& source, const std::string& path,
                                      const BackupOptions& options = {});
  const std::string& path() const;
  /// Ends cleanly: what was accepted is answered, background work stops, files are closed. Later calls: {closed}.
  Result<void> close();
  /// The database's actor, a DatabaseActor. Include <firn/messages.hpp>.
  template <class Access = TableActorAccess>
  auto actor() const {
    return Access::actor(*this);
  }

 private:
  friend class HybridTable;
  friend struct TableActorAccess;
  std::shared_ptr<runtime::DatabaseCore> core_;
};

class HybridTable {
 public:
  HybridTable() = default;
  static Result<HybridTable> create(Database& db, const std::string& name, const Schema& schema,
                                    const HybridTableConfig& config = {});
  const std::string& name() const;
  /// The newest; alter() changes it.
  Schema schema() const;
  HybridTableConfig config() const;

  /// Returns when the rows are durable and visible. The batch is atomic; of two rows with one key the later wins.
  Result<Commit> write(const Batch& rows, const WriteOptions& options = {});
  Result<Commit> insert(const Batch& rows, const WriteOptions& options = {});
  /// Deletes by key; absent keys are no error. Commit::rows counts the keys.
  Result<Commit> remove(std::span<const Key> keys, const WriteOptions& options = {});
  /// Deletes the rows that meet a SQL condition ("origin = 'ATL'").
  Result<Commit> remove_where(std::string_view condition, const WriteOptions& options = {});
  Result<std::optional<Row>> get(const Key& key) const;
  Result<DataFrame> read(const Query& query, const QueryOptions& options = {}) const;
  Result<DataFrame> query(std::string_view sql, const QueryOptions& options = {}) const;
  Result<StoragePlan> explain(std::string_view sql, bool analyze = false) const;
  /// Pins the newest commit, or an older one. `owner` says in listings who holds it. A snapshot older than the table's
  /// pin_max_age is given up: its reads are {horizon} from then on.
  Result<Snapshot> snapshot(std::optional<Csn> at = std::nullopt, std::string owner = "snapshot") const;

  /// What commits after `from` did to rows, in commit order, one change a key and commit; moves and compactions leave no
  /// trace. Replayed from 0 it rebuilds the table at every commit. Memory: the batch.
  /// Errors: {horizon} names the earliest valid position (0 as long as no history has expired); {out_of_range} above the
  /// newest commit; {invalid_argument} to < from.
  Result<ChangeBatch> changes(Csn from, const ChangesOptions& options = {}) const;
  /// One row a key whose row at `to` is another than at `from`, by key, in the columns of changes(); `_csn` is the key's
  /// last commit. An update that left every value equal is none. Memory: in proportion to the changes between the two.
  Result<DataFrame> net_changes(Csn from, Csn to, const QueryOptions& options = {}) const;
  /// The last commit at or before t. Errors: {horizon}; {out_of_range} in the future.
  Result<Csn> csn_at(Timestamp t) const;
  /// Makes a named position that keeps the history after it up to a limit, through restarts and backups; at most 1,000 a
  /// table. Errors: {already_exists}, {horizon}, {out_of_range}; {invalid_argument} a bad name; {busy} too many.
  Result<Commit> create_cursor(const std::string& name, const CursorOptions& options = {});
  /// Changes up to `to` are done with. May go back as far as history is kept. Errors: {not_found}, and as above.
  Result<Commit> move_cursor(const std::string& name, Csn to);
  Result<Commit> drop_cursor(const std::string& name);
  Result<std::vector<CursorInfo>> cursors() const;
  /// Errors: {not_found} the cursor.
  Result<Subscription> subscribe(const SubscribeOptions& options = {}) const;

  /// Moves everything to the tier whatever its age, merges, returns when settled: what was committed before the call.
  Result<OptimizationResult> compact(const CompactOptions& options = {});
  /// Does now what the background rules would do in time, and says what it changed and why.
  Result<OptimizationResult> optimize();
  Result<void> checkpoint();
  Result<TableStats> get_stats() const;
  Result<AccessReport> access_report() const;
  Result<std::vector<SegmentView>> segments(bool columns = false) const;
  Result<std::vector<Decision>> decisions() const;
  /// One text a finding; empty: sound. Deep reads every byte.
  Result<std::vector<std::string>> verify(bool deep = false) const;
  Result<void> configure(const HybridTableConfig& config);
  /// Changes the columns while readers and writers go on, whatever tiers the rows lie in: nothing is rewritten. The
  /// commit begins a schema version: rows that are there read as if they had always had it, AS OF an earlier commit
  /// answers in the schema of then. Batches are matched by name; whole rows whose names no longer fit, but which have the
  /// columns of an earlier version, are recast from that one. Refusals: those of apply_change().
  Result<Commit> alter(const SchemaChange& change);
  /// "ADD COLUMN x i64 DEFAULT 5", "DROP x", "RENAME a TO b", "ALTER a TYPE i64", with or without `ALTER TABLE name`
  /// before it. Also {parse} with the place, {invalid_argument} if another table is named.
  Result<Commit> alter(std::string_view text);
  /// All live rows, as of now, batch by batch; `sink` returns an error to stop.
  Result<void> export_all(const std::function<Result<void>(const Batch&)>& sink) const;
  /// Writes batch after batch until `next` gives nothing; one commit a batch.
  Result<std::vector<Commit>> bulk_import(const std::function<Result<std::optional<Batch>>()>& next,
                                          const WriteOptions& options = {});
  /// The table's actor, a TableActor. Include <firn/messages.hpp>.
  template <class Access = TableActorAccess>
  auto actor() const {
    return Access::actor(*this);
  }

 private:
  friend class Database;
  friend struct TableActorAccess;  ///< messages.hpp: actor()
  std::shared_ptr<runtime::TableCore> core_;
};

/// Makes the table `name` from a CSV, NDJSON or Arrow file (.zst and .gz too), from a table of a SQLite file (where firn
/// was built with SQLite) or from an LMDB environment; types are found from the first rows, SQLite's also from what is
/// declared; LMDB gives the binary columns `key` and `value`. The table appears with its first batch; on an error what
/// was committed until then stays, and the message says how much.
/// A SQLite file or LMDB environment that this process itself has open must be closed first: closing it here ends the locks
/// that the process holds.
/// Errors: {already_exists} the table; {not_found} the source; {invalid_argument} several tables in it and none named; of
/// a row, with its line.
Result<MigrateReport> migrate_to_hybrid(const std::string& source, Database& db, const std::string& name,
                                        const MigrateOptions& options = {});

}  // namespace firn
