// What I/O workers do, as plain calls that need no actor. Each blocks; any thread may make them.
#pragma once
#include "parcels.hpp"
#include "services.hpp"

namespace firn::runtime {

/// Reads the newest state: `read` gets a snapshot of it. Beside another process's writer the horizon may pass a snapshot
/// before it is read; then there is a newer one.
template <class Read>
auto read_newest(storage::TableStore& store, Read read) -> decltype(read(storage::StoreSnapshot())) {
  constexpr int kAttempts = 5;
  for (int attempt = 1;; ++attempt) {
    FIRN_ASSIGN(const storage::StoreSnapshot at, store.snapshot(std::nullopt, "query"));
    auto answer = read(at);
    const bool overtaken = !answer && answer.error().code() == ErrorCode::horizon;
    if (!overtaken || attempt == kAttempts) return answer;
  }
}

/// Commits the group, answers every slot; says what became visible.
flat<fb::GroupDone> commit_group(Services& services, const TableRef& table, CommitGroup& group);

/// Decodes and checks the rows of a change and writes large ones as blocks. The change is then ready for the hot actor:
/// its order and rows are replaced.
Result<void> admit(Services& services, const TableRef& table, Parcel& parcel);

Result<QueryResult> run_query(Services& services, const TableRef& table, std::string_view sql,
                              std::optional<Csn> at);
/// Does not wait: no rows if there is no change yet. Memory: the batch.
Result<ChangesResult> run_changes(Services& services, const TableRef& table,
                                  const fb::ChangesRequest& request);
Result<std::optional<std::vector<Value>>> run_get(Services& services, const TableRef& table,
                                                  std::span<const Value> key, std::optional<Csn> at);
Result<TableStats> table_stats(Services& services, const TableRef& table);
/// The newest commit and its time, for those whom nobody tells of commits. Looks at no row and no file.
Result<flat<fb::GroupDone>> newest_commit(Services& services, const TableRef& table);

/// What is due for the table and why. Also checkpoints where due, and with `upkeep` expires history and stores accounts.
/// With `ends_only` instead: finds the rows that commits have ended since the last time; nothing is due then.
Result<flat<fb::JobOrder>> examine(Services& services, const TableRef& table, const fb::Examine& request);
flat<fb::JobReport> run_job(Services& services, const TableRef& table, const fb::JobOrder& order);

Result<TableRef> create_table(Services& services, const fb::CreateTableRequest& request);

}  // namespace firn::runtime
