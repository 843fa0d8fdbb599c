// The inside of a TableStore, shared by the files that make it up: engine_open (create, recover, close),
// engine_foreign (reading beside other processes), engine_blocks (bulk data before its commit), engine_requests (writes
// become records), engine_schema (ALTER, and rows from before one), engine_commit (records become true), engine_read
// (snapshots, queries), engine_ends (deletion vectors brought up to date, stored and loaded), engine_jobs, engine_rewrite,
// engine_demote and engine_purge (moves, and what nobody can read any more), engine_policy (what is due),
// engine_changes and engine_cursors (what happened to rows).
//
// Locks, in the order in which they may be taken:
//   relief_mutex    one writer at a time merges files because there are too many
//   checkpoint_mutex one checkpoint at a time
//   horizon_mutex   one move of the horizon at a time
//   commit_mutex    one commit, publication or checkpoint at a time
//   plan_mutex      planning a read or a job: resolving ends, the hot image, trimming the delta
//   foreign_mutex   what a reader knows of the table's writer (short)
//   a warm log's    appending to it: two for blocks of writes, one for those of jobs; nobody holds two
//   blocks_mutex    blocks that no commit has named, logs that are open (short)
//   view_mutex      the newest view (short)
//   pins' mutex     inside of Pins: pins and bases of running jobs (short)
#pragma once
#include <atomic>
#include <deque>
#include <mutex>
#include <set>

#include "io/table_lock.hpp"
#include "storage/block_cache.hpp"
#include "storage/checkpoint.hpp"
#include "storage/commit_ages.hpp"
#include "storage/commit_log.hpp"
#include "storage/hot_image.hpp"
#include "storage/log_record.hpp"
#include "storage/pins.hpp"
#include "storage/scan.hpp"
#include "storage/table_store.hpp"

namespace firn::storage {

/// A view and the hot transaction that belongs to it.
struct ReadContext {
  View view;
  std::shared_ptr<hot::HotStore> store;  ///< outlives the transaction
  hot::HotReader hot;
};

struct CleanMarker;
struct Pick;
class JobProof;
struct HotSlice;

class Engine {
 public:
  // --- engine_open.cpp ---
  static Result<std::unique_ptr<Engine>> create(std::shared_ptr<io::Disk> disk, const std::string& folder,
                                                std::string name, std::uint64_t table_id,
                                                const Schema& schema, const HybridTableConfig& config,
                                                const StoreOptions& options);
  static Result<std::unique_ptr<Engine>> open(std::shared_ptr<io::Disk> disk, const std::string& folder,
                                              const StoreOptions& options);
  ~Engine();
  Result<void> close();
  Result<void> checkpoint();
  bool checkpoint_due() const;

  // --- engine_blocks.cpp ---
  Result<std::vector<RowFileInfo>> prepare_blocks(const Batch& rows);
  Result<std::optional<EncodedRows>> encode(const Batch& rows) const;
  /// Takes away files that no commit has named and none will name.
  void discard(std::span<const RowFileInfo> files);

  // --- engine_backup.cpp ---
  Result<CopyCounts> backup(io::Disk& to, const std::string& target, const ExecutionLimits& limits);

  // --- engine_schema.cpp ---
  /// Rows of any version of the schema as rows of the newest. Error {invalid_argument} that names the column.
  Result<Batch> recast(const Catalog& catalog, const Batch& rows) const;

  // --- engine_commit.cpp ---
  bool is_small(const Batch& rows) const;
  std::vector<Result<CommitInfo>> commit(std::span<WriteRequest> requests);
  /// Publishes one maintenance record: inputs must still be live, and no move may have changed the hot tier since
  /// `hot_epoch` if that is given. The caller holds commit_mutex or takes part in none.
  Result<void> publish(LogRecord record, std::span<const FileEntryPtr> inputs,
                       std::optional<std::uint64_t> hot_epoch = std::nullopt);

  // --- engine_read.cpp ---
  /// Read-only beside a live writer: follows what that has committed since.
  Result<ReadContext> begin_read();
  View view() const;
  /// A CSN that stays readable until the last copy goes, or until the pin is broken for its age.
  Result<PinPtr> pin(std::optional<Csn> at, std::string owner);
  /// Error {horizon} if the pin is broken, or another process, which knows nothing of it, has moved the horizon past it.
  /// What is read while a pin is whole is right; so ask before and afterwards.
  Result<void> check_pin(const PinPtr& pin) const;
  Result<Csn> csn_at(Timestamp t);
  Result<std::optional<std::vector<Value>>> get(std::uint64_t csn, std::string_view key, ReadCost& cost);
  Result<Batch> query(const Query& query, std::uint64_t csn, QueryProfile* profile,
                      const ExecutionLimits& limits);
  Result<QueryProfile> explain(const Query& query, std::uint64_t csn);
  Result<void> scan_all(std::uint64_t csn, const std::function<Result<void>(const Batch&)>& sink);
  /// The encoded keys of the rows that meet the condition at the newest CSN.
  Result<std::vector<std::string>> keys_where(const Query& condition);

  // --- engine_ends.cpp ---
  /// Brings all files to the newest view's CSN and returns that view.
  Result<View> resolve_all();
  /// Follows what was committed, and stores the vectors when that is worth its bytes.
  Result<void> follow_ends();

  // --- engine_changes.cpp ---
  Result<ChangePage> changes(const ChangeRange& range, const ExecutionLimits& limits);
  Result<Batch> net_changes(std::uint64_t from, std::uint64_t to, const ExecutionLimits& limits);

  // --- engine_cursors.cpp ---
  Result<std::vector<CursorView>> cursors();

  // --- engine_jobs.cpp ---
  Result<JobReport> run_job(const JobOrder& order);
  Result<void> expire();

  // --- engine_policy.cpp ---
  std::optional<JobOrder> next_job();
  std::optional<JobOrder> next_job_towards(StorageTier to, std::uint64_t upto);
  Result<void> save_access();
  Result<StoreStats> stats();
  Result<std::vector<std::string>> verify(bool deep);

  std::shared_ptr<io::Disk> disk;
  std::string folder, name;
  std::uint64_t table_id = 0, store_id = 0;
  StoreOptions options;
  std::shared_ptr<io::Clock> clock;
  std::int64_t recovery_us = 0;

  /// Folder of the table's parts on the disk.
  std::string at(std::string_view part) const { return folder + "/" + std::string(part); }
  void note(std::string_view text) const {
    if (options.log) options.log(text);
  }
  Result<void> check_open() const;
  std::string read_only_reason() const;

 private:
  friend class Rewriter;
  friend class ChangeReader;
  friend class PendingFiles;
  /// A bound query at its CSN, and its rows if a point read finds them.
  struct QueryStart {
    PreparedQuery prepared;
    std::uint64_t csn = 0;
    PinPtr held;  ///< time travel: the caller's snapshot pins another CSN
    View view;
    std::optional<ScanBatch> point;
  };

  // engine_open.cpp
  Engine() = default;
  Result<void> write_table_file(std::int64_t created_us);
  Result<void> read_table_file();
  Result<void> recover();
  Result<void> lock_for_writing();
  Result<bool> open_clean();
  Result<void> begin_changes();
  Result<hot::HotWriter> begin_write(std::size_t bytes);
  Result<bool> log_belongs_to(const CleanMarker& marker);
  Result<void> rebuild();
  Result<void> load_view(const hot::HotReader& reader);
  Result<void> check_named_files();
  Result<void> remove_orphans();
  Result<void> write_marker();
  void release_hot();
  std::string generation_folder(std::uint64_t n) const;
  std::size_t map_bytes(const HybridTableConfig& config) const;
  Result<std::uint64_t> newest_generation() const;
  void remove_generations_but(std::uint64_t kept) const;
  Result<void> checkpoint_locked();
  /// A checkpoint and the view that belongs to it.
  struct Checkpoint {
    CheckpointRef file;
    View view;
  };
  Result<Checkpoint> take_checkpoint();

  // engine_backup.cpp
  Result<Checkpoint> dump_hot(io::Disk& to, const std::string& target, const ExecutionLimits& limits,
                              CopyCounts& counts);

  // engine_foreign.cpp: options.read_only
  Result<void> open_foreign();
  Result<void> attach();
  bool writer_came();
  Result<std::shared_ptr<hot::HotStore>> writers_store();
  Result<std::shared_ptr<hot::HotStore>> trusted_store();
  Result<std::shared_ptr<hot::HotStore>> private_store();
  Result<std::shared_ptr<hot::HotStore>> nameless_store() const;
  Result<bool> log_ends_at(std::uint64_t sequence) const;
  Result<hot::HotReader> follow_writer(const hot::HotStore& store, bool anew);
  Result<ReadContext> begin_foreign_read();

  // engine_blocks.cpp
  /// `schema_version`: whose column types the rows have.
  Result<std::vector<RowFileInfo>> append_blocks(const Batch& rows, std::span<const std::uint64_t> csns,
                                                 std::span<const std::uint64_t> ends,
                                                 const Buffer& tombstones, bool history,
                                                 std::uint32_t schema_version);
  struct WarmLog;
  struct PreparedBlock;
  Result<std::vector<RowFileInfo>> write_blocks(WarmLog& log, std::deque<PreparedBlock>& blocks);
  Result<void> begin_block(WarmLog& log, RowFileInfo& info);
  Result<void> roll_warm_log(WarmLog& log);
  void close_dead_logs();
  void forget_block(const RowFileInfo& info);
  bool named_in_catalog(const std::string& path) const;
  FileEntryPtr make_entry(const RowFileInfo& info);
  std::shared_ptr<DiskName> name_of_path(const std::string& path);

  // engine_requests.cpp
  Result<LogRecord> record_of(WriteRequest& request, CommitInfo& answer);
  Result<LogRecord> record_of_rows(WriteRequest& request);
  Result<LogRecord> record_of_blocks(const WriteRequest& request);
  Result<LogRecord> record_of_removal(std::vector<std::string> keys);
  Result<std::vector<std::vector<Value>>> completed_rows(const WriteRequest& request);
  Result<void> check_conditions(const WriteRequest& request);
  Result<std::optional<CommitInfo>> known_token(const WriteToken& token);
  Result<std::string> key_at(const Batch& rows, std::size_t row) const;
  Result<std::string> key_text(std::string_view key) const;

  // engine_schema.cpp
  Result<LogRecord> record_of_change(const SchemaChange& change) const;
  /// What files are written with: columns that a readable state has, dropped ones too.
  Result<Schema> storage_schema(const SchemaHistory& schemas, std::uint64_t horizon) const;

  // engine_commit.cpp
  Result<void> commit_records(std::vector<LogRecord>& records);
  Result<void> publish_locked(std::vector<LogRecord>& records, std::span<const FileEntryPtr> inputs,
                              std::optional<std::uint64_t> hot_epoch);
  CatalogPtr next_catalog(const Catalog& now, const LogRecord& record, std::uint64_t rows_csn);
  void fail(const Error& error);

  // engine_read.cpp
  Result<std::unique_ptr<TableScan>> plan_scan(const std::vector<std::size_t>& columns,
                                               std::span<const ColumnRange> ranges, std::uint64_t csn,
                                               QueryProfile& profile);
  Result<QueryStart> begin_query(const Query& query, std::uint64_t csn, QueryProfile& profile);
  Result<std::uint64_t> csn_of(const Query& query, std::uint64_t csn);
  Result<void> check_horizon(std::uint64_t csn) const;
  Result<std::uint64_t> csn_of_age(std::int64_t age_us, CommitAges::Closed closed);
  Result<std::optional<ScanBatch>> point_rows(const PreparedQuery& prepared, std::uint64_t csn,
                                              QueryProfile& profile);
  Result<void> check_untouched(const UnreadableFiles& unreadable, const View& view,
                               std::span<const ColumnRange> ranges, std::uint64_t csn) const;

  // engine_ends.cpp
  Result<ResolveLag> resolve(ReadContext context, UnreadableFiles& unreadable);
  void trim_delta(const View& view);
  void relieve_delta();
  /// Files, and what is known of their ends.
  using KnownEnds = std::vector<std::pair<FileEntryPtr, FileEntry::Resolved>>;
  KnownEnds unstored_ends(std::size_t bytes_max, bool all) const;
  struct EncodedEnds {
    FileEntryPtr file;
    FileEntry::Resolved known;
    std::string bytes;
  };
  Result<void> put_vectors(std::span<const EncodedEnds> part);
  Result<void> store_vectors();
  Result<void> store_vectors_by_parts(std::size_t bytes_max, bool all);
  Result<void> load_vectors(const Catalog& catalog, const hot::HotReader& reader) const;

  // engine_purge.cpp
  /// Known: no commit after `from` and up to the horizon has changed a row.
  bool quiet_between(std::uint64_t from, std::uint64_t horizon) const;
  std::uint64_t due_horizon(const View& now);
  std::uint64_t take_floor();
  Result<bool> horizon_step_due(const View& now, std::int64_t monotonic_us);
  std::vector<FileEntryPtr> files_past(const Catalog& catalog, std::uint64_t horizon) const;
  Result<void> advance_horizon();
  void break_old_pins();
  /// What one look at a part of the hot tier found.
  struct PurgeSlice {
    std::vector<HotPurge> pieces;  ///< in the order in which they must be published
    std::string next;              ///< the key at which the next slice begins
    bool more = false;             ///< there is one
    std::uint64_t visited = 0, superseded_kept = 0, hot_epoch = 0;
  };
  Result<PurgeSlice> look_for_purge(const std::string& from, std::uint64_t horizon);
  Result<void> publish_purge(PurgeSlice& slice, std::uint64_t horizon, JobReport& report);
  Result<JobReport> purge_hot();
  bool purge_due(const hot::HotState& hot) const;
  bool worth_a_look(const FileEntry& history, std::uint64_t horizon, std::int64_t monotonic_us) const;
  Result<bool> mostly_unneeded(const FileEntry& history, std::uint64_t horizon) const;

  // engine_changes.cpp
  Result<std::uint64_t> changes_from(const Query& query);
  Result<PreparedQuery> prepare_changes(const Query& query, QueryProfile& profile);
  Result<void> plan_changes(const Query& query, std::uint64_t csn, QueryProfile& profile);
  Result<Batch> query_changes(const Query& query, std::uint64_t csn, QueryProfile& profile,
                              const ExecutionLimits& limits);

  // engine_cursors.cpp
  Result<LogRecord> record_of_cursor(const CursorRequest& request);
  Result<void> check_cursor_position(std::uint64_t csn) const;
  Result<std::uint64_t> held_horizon(std::uint64_t horizon);

  // engine_policy.cpp
  std::optional<JobOrder> job_to_keep_in(StorageTier tier, const View& now, const hot::HotState& hot);
  std::optional<JobOrder> job_of_files(const View& now);
  std::optional<JobOrder> job_towards(StorageTier to, const View& now, std::uint64_t upto);
  std::optional<JobOrder> merge_small(const View& now, StorageTier tier, std::uint64_t rows_max,
                                      std::size_t files_min, std::uint64_t upto = kCsnMax.value) const;
  std::optional<JobOrder> merge_due(const View& now) const;
  void relieve_files();
  Result<std::uint64_t> folder_bytes(const std::string& path) const;
  Result<std::uint64_t> live_rows(const FileEntry& entry, std::uint64_t csn) const;

  // engine_jobs.cpp
  Result<JobReport> demote_hot(StorageTier to, std::uint64_t upto);
  Result<JobReport> rewrite_files(const JobOrder& order);
  /// Error {closed} once jobs are to stop; asked by them every now and then.
  Result<void> may_go_on() const;
  Result<void> check_past(std::span<const FileEntryPtr> files, std::uint64_t horizon);
  void leave_damaged_alone(std::span<const std::uint64_t> ids) const;
  bool version_needed(std::uint64_t begin, std::uint64_t end, std::uint64_t horizon) const;

  // engine_proof.cpp: what stands between a finished job and its publication
  bool gone_for_all(const Pick& pick, std::uint64_t horizon) const;
  Result<void> read_back(std::span<const RowFileInfo> files, JobProof& proof);
  Result<void> check_hot_drop(const HotDrop& drop, const HotSlice& read, std::uint64_t hot_epoch);
  /// Counts and reports a job that could not be proved; its inputs (none: the hot tier) rest for a while.
  Error refuse_job(const Error& why, std::span<const FileEntryPtr> inputs);
  void end_rests() const;
  bool hot_rests() const;

  std::optional<io::TableWriterLock> writer_lock_;  ///< goes last
  std::unique_ptr<CommitLog> log_;
  bool marked_clean_ = false;                  ///< the clean marker stands: nothing was changed since
  std::shared_ptr<hot::HotStore> hot_;         ///< guarded by view_mutex_ where it may be let go (close)
  std::atomic<std::uint64_t> generation_ = 0;  ///< 0: an environment of our own, for reading only

  std::mutex checkpoint_mutex_;        ///< outermost: one checkpoint at a time
  std::recursive_mutex relief_mutex_;  ///< one writer merges before it writes; taken before any other
  bool relieving_ = false;             ///< so that hooks of its jobs, which may write, do not merge as well
  std::mutex commit_mutex_;
  std::recursive_mutex
      plan_mutex_;            ///< a read beside a writer takes over its catalog in the midst of planning
  std::mutex foreign_mutex_;  ///< the next two (short)
  std::shared_ptr<io::TableReaderLock> reader_lock_;
  std::string writer_seen_;
  mutable std::mutex view_mutex_;
  View view_;
  HotDelta delta_;
  const std::shared_ptr<CacheShare> cache_share_ =
      BlockCache::process().open_share(HybridTableConfig{}.tuning.cache_size);
  HotImageCache images_{cache_share_};

  /// A warm log that is being written. Its mutex is held while blocks become durable.
  struct WarmLog {
    std::mutex mutex;
    std::unique_ptr<io::AppendLog> file;
    std::string path;
  };
  WarmLog written_log_, moved_log_;  ///< of writes, of jobs: a write never waits for the blocks of a job
  std::mutex blocks_mutex_;          ///< the next two (short)
  std::set<std::string> open_logs_;  ///< paths; a log that is not among them is not written any more
  /// Blocks by warm log that no commit has named yet: their log must stay though all its named blocks are retired.
  std::map<std::string, std::set<std::uint64_t>> unnamed_blocks_;

  Pins pins_;
  std::mutex horizon_mutex_;
  /// What take_floor() saw: no commit after the first and up to the second has changed a row.
  struct QuietCommits {
    std::uint64_t after = 0, upto = 0;
  };
  mutable std::mutex quiet_mutex_;  ///< the next (short)
  QuietCommits quiet_;

  std::atomic<std::uint64_t> files_looked_at_ = 0;   ///< since open, to find ends
  std::atomic<std::int64_t> vectors_stored_us_ = 0;  ///< monotonic
  std::atomic<std::uint64_t> followed_to_ = 0;       ///< the CSN that follow_ends() found the last time

  /// What the last look at the hot tier found: versions that had to stay, and how many of these were superseded.
  std::atomic<std::int64_t> follow_rests_until_us_ = 0;  ///< monotonic
  std::atomic<std::uint64_t> hot_needed_ = 0, hot_superseded_ = 0;
  std::atomic<std::int64_t> hot_looked_us_ = 0, purge_rests_until_us_ = 0;  ///< monotonic

  std::mutex names_mutex_;
  std::map<std::string, std::weak_ptr<DiskName>> names_;
  std::size_t names_sweep_ = 64;  ///< at this size entries of names that are gone are swept out

  CommitAges ages_;
  std::atomic<std::int64_t> horizon_moved_us_ = INT64_MIN / 2;  ///< monotonic; by a commit of expire()
  std::atomic<std::uint64_t> next_file_id_ = 1, next_row_id_ = 1;
  std::atomic<std::uint64_t> bytes_written_ = 0, bytes_ingested_ = 0;
  std::atomic<std::uint64_t> jobs_refused_ = 0;
  std::atomic<std::int64_t> hot_rests_until_us_ = 0;  ///< monotonic; after a refused demotion or purge
  std::atomic<bool> closed_ = false;
  std::atomic<std::uint64_t> checkpoint_bytes_ = 0;
  std::atomic<std::uint64_t> moves_to_hot_ = 0;        ///< records that moved rows into hot
  std::atomic<std::int64_t> kept_rests_until_us_ = 0;  ///< monotonic; of a table kept in one tier
  std::atomic<std::uint64_t> hot_emptied_to_ =
      0;  ///< a demotion up to here found everything; 0 after moves to hot
  std::atomic<std::uint64_t> log_bytes_since_checkpoint_ = 0;
  mutable std::mutex reason_mutex_;
  std::string read_only_reason_;
  bool doubtful_ = false;  ///< recovery met damage: nothing is deleted, unnamed files go to lost/
  WarmLog other_log_;      ///< of writes that come while another one's blocks are synced
};

}  // namespace firn::storage
