// The tables of an open database: which there are, which are open, and their files on loan.
//
// A table opens at first touch and closes when idle: least recently used first, once `open_max` are open. Whoever uses
// a table holds a TablePin; a pinned table stays open.
#pragma once
#include <atomic>
#include <condition_variable>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "byte_gate.hpp"
#include "commit_signal.hpp"
#include "decision_log.hpp"
#include "storage/database_list.hpp"
#include "storage/table_store.hpp"

namespace firn::runtime {

class CommitLine;
struct TableAddresses;  // address_book.hpp

/// What is known of a table whether it is open or not. Lives as long as anyone holds it.
class TableEntry {
 public:
  TableEntry(std::uint64_t id, std::string name);
  ~TableEntry();
  const std::uint64_t id;
  const std::string name;
  std::atomic<std::uint64_t> reads{0}, writes{0};
  std::atomic<bool> dropped{false};
  std::atomic<bool> following{false};  ///< a worker is finding ended rows, or is about to
  mutable DecisionLog decisions;
  CommitSignal commits;                    ///< for threads that wait for one
  std::atomic<bool> watched{false};        ///< its table actor wants to hear of commits
  const std::unique_ptr<CommitLine> line;  ///< small changes of blocking callers
  /// Where its actors are.
  const std::unique_ptr<TableAddresses> addresses;
  /// Bound of small writes under way; made when the table's configuration is first known.
  std::shared_ptr<ByteGate> write_gate();
  /// Creates the gate; later calls change nothing.
  void set_write_gate(std::uint64_t bytes);
  /// Why writes are refused although the store would take them; "" = they are not.
  std::string write_stop() const;
  void stop_writes(std::string reason);
  /// The schema, once it is known.
  std::optional<Schema> schema() const;
  /// Asks `newest` while nobody else sets it, so that the last to set it has the newest.
  void set_schema(const std::function<Schema()>& newest);

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<ByteGate> gate_;
  std::string write_stop_;
  std::optional<Schema> schema_;
};
using TableRef = std::shared_ptr<TableEntry>;

/// An open table on loan.
struct OpenTable {
  TableRef entry;
  std::unique_ptr<storage::TableStore> store;
};
using TablePin = std::shared_ptr<OpenTable>;

struct DirectoryOptions {
  storage::StoreOptions store;
  bool read_only = false;
  std::size_t open_max = 128;
};

/// At most 128, at most half of RLIMIT_NOFILE at 8 descriptors a table.
std::size_t default_open_max();

/// Thread-safe.
class TableDirectory {
 public:
  /// Reads the list, or writes an empty one if there is none and `create` is set; finishes interrupted drops.
  static Result<std::unique_ptr<TableDirectory>> open(std::shared_ptr<io::Disk> disk,
                                                      DirectoryOptions options, bool create);
  ~TableDirectory();

  std::vector<std::string> names() const;
  /// Exact name only. {not_found} with the nearest names.
  Result<TableRef> find(const std::string& name);
  /// Exact, else unique case-insensitive.
  Result<TableRef> resolve(const std::string& name);
  TableRef by_id(std::uint64_t id) const;
  std::vector<TableRef> all() const;
  /// {already_exists}; {invalid_argument} for names that are empty, too long or hold control characters.
  Result<TableRef> create(const std::string& name, const Schema& schema, const HybridTableConfig& config);
  /// Waits until nobody uses the table, at most 5 s ({busy}), then removes its files.
  Result<void> drop(const TableRef& table);
  /// Opens the table if it is not open.
  Result<TablePin> pin(const TableRef& table);
  /// nullptr if it is not open just now.
  TablePin pin_if_open(const TableRef& table);
  /// The tables that are listed, and the next id.
  storage::DatabaseList list() const;
  /// Stores the table's decisions if there are new ones. A failure is only noted: nothing relies on them.
  void store_decisions(const TableEntry& table);
  /// Refuses later pins. With `clean` closes every table, whoever holds a pin: their next call answers {closed}. Without
  /// it (calls are still running) tables in use are left to their last pin and recover at the next open. The first
  /// error is returned.
  Result<void> close(bool clean);

 private:
  enum class State : std::uint8_t { closed, opening, open, closing };
  struct Slot {
    TableRef entry;
    State state = State::closed;
    TablePin open;
    std::list<std::uint64_t>::iterator used;  ///< valid while open
  };
  TableDirectory(std::shared_ptr<io::Disk> disk, DirectoryOptions options);
  Result<void> load(bool create);
  Result<void> finish_drops();
  Result<void> refresh();
  Error unknown(const std::string& name) const;
  void add(std::uint64_t id, const std::string& name);
  void load_decisions(const TableEntry& table);
  void opened(Slot& slot, std::unique_ptr<storage::TableStore> store);
  void close_surplus(std::unique_lock<std::mutex>& hold);
  Result<void> close_one(std::unique_lock<std::mutex>& hold, Slot& slot);
  bool in_use(const Slot& slot) const { return slot.open.use_count() > 1; }

  const std::shared_ptr<io::Disk> disk_;
  const DirectoryOptions options_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  storage::DatabaseList list_;
  std::map<std::uint64_t, Slot> slots_;
  std::map<std::string, std::uint64_t> by_name_;
  std::list<std::uint64_t> used_;  ///< ids of open tables, the most recently used first
  std::mutex creating_;            ///< held while the set of tables changes
  bool closed_ = false;
};

}  // namespace firn::runtime
