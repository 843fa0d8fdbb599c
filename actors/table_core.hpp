// One table as the public calls see it.
#pragma once
#include "database_core.hpp"
#include "wire.hpp"

namespace firn::runtime {

/// Thread-safe.
class TableCore {
 public:
  TableCore(std::shared_ptr<DatabaseCore> db, TableRef entry)
      : db_(std::move(db)), entry_(std::move(entry)) {}
  DatabaseCore& db() const { return *db_; }
  const std::shared_ptr<DatabaseCore>& shared_db() const { return db_; }
  const TableRef& entry() const { return entry_; }
  /// The table, open, for one call; `call` keeps close() waiting.
  struct Entered {
    Pin call;
    TablePin table;
    storage::TableStore& store() const { return *table->store; }
  };
  Result<Entered> enter() const;
  /// As enter(); refuses where nothing may be changed, and makes sure that the table's actors run.
  Result<Entered> enter_to_write() const;

  Result<Commit> write(const Batch& rows, const WriteOptions& options);
  Result<Commit> remove(std::span<const Key> keys, const WriteOptions& options);
  Result<Commit> remove_where(std::string_view condition, const WriteOptions& options);
  Result<Commit> alter(const AlterStatement& statement);
  Result<Commit> change_cursor(storage::CursorRequest request);
  Result<void> configure(const HybridTableConfig& config);
  /// goal none: what the rules say.
  Result<OptimizationResult> settle(StorageTier goal);
  Result<TableStats> stats() const;
  Result<AccessReport> access_report() const;

 private:
  Result<Commit> commit_small(const Change& change, std::uint64_t bytes);
  Result<Commit> commit_rows(storage::TableStore& store, Batch rows, const WriteOptions& options);
  Result<Commit> commit_in_line(Parcel parcel, std::uint64_t bytes);
  const std::shared_ptr<DatabaseCore> db_;
  const TableRef entry_;
};

}  // namespace firn::runtime
