// What a workload asks of a system under test. One file a system: system_<name>.cpp; none of them knows a workload.
//
// Equal durability everywhere: a write call returns when its rows would survive a power cut. All calls throw
// firn::Error. write_one() may be called from many threads at once, beside one that calls write() and one that calls
// ask(), and write() from two if the system has the skill bulk_by_many; all else is called by one thread while no other call
// is under way.
#pragma once
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tools/bench/events.hpp"

namespace firn::bench {

/// How bulk rows come: as a ready Arrow batch, or row by row through the system's own row interface.
enum class Handover : std::uint8_t { arrow, rows };

enum class Question : std::uint8_t {
  group_by,      ///< SELECT type, count(*), sum(amount) FROM t GROUP BY type
  filter_count,  ///< SELECT count(*) FROM t WHERE status >= 400 AND amount > 500
  newest,        ///< SELECT * FROM t WHERE ts >= Asked::from_ts
};
struct Asked {
  Question question = Question::group_by;
  std::int64_t from_ts = 0;
};
/// Enough of an answer to compare systems with one another.
struct Answer {
  std::uint64_t rows = 0;   ///< of the result
  std::uint64_t count = 0;  ///< rows of the table that it tells of
  double sum = 0;           ///< group_by: of all amounts
};
/// Sums may differ in their last digits: systems add in different orders.
bool agree(const Answer& a, const Answer& b);

struct TableKind {
  Schema schema = event_schema();
  bool keep_history = true;  ///< false: ended versions go at once
};

/// What a system is measured at. A workload names the skill that it needs.
struct Skills {
  bool writes_one = true;     ///< single rows
  bool many_writers = true;   ///< single rows from many threads
  bool upserts = true;        ///< replaces rows by key
  bool recovers = true;       ///< worth a kill; what is the same as another system's is told once
  bool reads_csv = false;     ///< has an import of its own
  bool bulk_by_many = false;  ///< write() from two threads at once
};

class System {
 public:
  virtual ~System() = default;
  virtual std::string name() const = 0;
  virtual Skills skills() const { return {}; }
  /// "RocksDB 7.8.3, WAL sync, ..."
  virtual std::string version() const = 0;
  /// A new, empty table in `folder`, which does not exist.
  virtual void create(const std::filesystem::path& folder, const TableKind& kind) = 0;
  /// What a process finds that was killed.
  virtual void open(const std::filesystem::path& folder, const TableKind& kind) = 0;
  virtual void close() = 0;

  virtual void write(const EventChunk& chunk, Handover how) = 0;
  /// One event, with this id.
  virtual void write_one(const Event& event) = 0;
  /// Rows of any schema with one integer key in the first column.
  virtual void write_rows(const Batch& batch) = 0;
  /// Brings everything into its final form on disk, synced.
  virtual void settle() = 0;
  /// Makes a table of flights in the new folder, durable, from CSV that may be compressed; types are inferred. Two
  /// threads. Nothing need be created or closed. Requires reads_csv.
  virtual void import_csv(const std::filesystem::path& folder, const std::filesystem::path& csv);
  /// True once what earlier writes have left to do for readers is done.
  virtual bool caught_up() { return true; }
  /// Bytes of the table's rows as Parquet with zstd, where the system can write it, into `file`.
  virtual std::optional<std::uint64_t> parquet_bytes(const std::filesystem::path&) { return std::nullopt; }

  /// Reads the whole row; false if there is none.
  virtual bool get(std::uint64_t id) = 0;
  /// Bytes decoded by a cold point read, where the system can tell.
  virtual std::optional<std::uint64_t> decoded_by_get(std::uint64_t) { return std::nullopt; }
  virtual Answer ask(const Asked& asked) = 0;
};

/// All names that make_system() knows, ours first.
const std::vector<std::string>& system_names();
/// Those that take part if nobody chooses: firn, firn pinned to each tier, and the peers that are there.
std::vector<std::string> default_systems();
/// Error {invalid_argument} for an unknown name.
std::unique_ptr<System> make_system(std::string_view name);

/// none: placement is firn's own, as by default.
std::unique_ptr<System> make_firn(StorageTier placement);
/// Single rows by message.
std::unique_ptr<System> make_firn_messages();
std::unique_ptr<System> make_firn_store();
std::unique_ptr<System> make_lmdb();
std::unique_ptr<System> make_rocksdb();
std::unique_ptr<System> make_sqlite();
/// Requires a library: duckdb_library.hpp.
std::unique_ptr<System> make_duckdb();

}  // namespace firn::bench
