#include "database_core.hpp"
#include "firn/messages.hpp"
#include "start_table.hpp"
#include "storage/file_query.hpp"
#include "storage/restore.hpp"
#include "table_core.hpp"

namespace firn {
namespace {

/// An exception that is no Error (out of memory, say) ends as one here.
template <class Call>
auto guarded(Call&& call) -> decltype(call()) {
  try {
    return call();
  } catch (const Error& e) {
    return e;
  } catch (const std::bad_alloc&) {
    return Error(ErrorCode::memory, "out of memory");
  } catch (const std::exception& e) {
    return Error(ErrorCode::internal, e.what());
  }
}

Error empty_handle() { return {ErrorCode::closed, "this Database was never opened"}; }

Result<Query> parse_with_place(std::string_view sql) { return parse_query(sql); }

/// {not_found} for the table that a query names, with the place in its text.
Error at_place(const Error& e, const Query& q) {
  if (e.code() != ErrorCode::not_found) return e;
  return {e.code(), e.message() + "\n" + caret(q.text, q.table_position), q.table_position};
}

}  // namespace

Result<Database> Database::open(const std::string& path, const DatabaseOptions& options) {
  return guarded([&]() -> Result<Database> {
    Database db;
    FIRN_ASSIGN(db.core_, runtime::DatabaseCore::open(path, options));
    return db;
  });
}

Result<HybridTable> Database::create_table(const std::string& name, const Schema& schema,
                                           const HybridTableConfig& config) {
  return guarded([&]() -> Result<HybridTable> {
    if (!core_) return empty_handle();
    FIRN_ASSIGN(const runtime::Pin call, core_->enter());
    FIRN_TRY(core_->check_writable());
    FIRN_ASSIGN(auto entry, core_->services().tables->create(name, schema, config));
    HybridTable t;
    t.core_ = std::make_shared<runtime::TableCore>(core_, std::move(entry));
    return t;
  });
}

Result<HybridTable> Database::table(const std::string& name) const {
  return guarded([&]() -> Result<HybridTable> {
    if (!core_) return empty_handle();
    FIRN_ASSIGN(const runtime::Pin call, core_->enter());
    FIRN_ASSIGN(auto entry, core_->services().tables->find(name));
    HybridTable t;
    t.core_ = std::make_shared<runtime::TableCore>(core_, std::move(entry));
    return t;
  });
}

Result<HybridTable> Database::get_table(const std::string& name) const { return table(name); }

Result<std::vector<std::string>> Database::tables() const {
  return guarded([&]() -> Result<std::vector<std::string>> {
    if (!core_) return empty_handle();
    FIRN_ASSIGN(const runtime::Pin call, core_->enter());
    return core_->services().tables->names();
  });
}

Result<void> Database::drop_table(const std::string& name) {
  return guarded([&]() -> Result<void> {
    if (!core_) return empty_handle();
    FIRN_ASSIGN(const runtime::Pin call, core_->enter());
    return core_->drop_table(name);
  });
}

Result<DataFrame> Database::query(std::string_view sql, const QueryOptions& options) const {
  return guarded([&]() -> Result<DataFrame> {
    if (!core_) return empty_handle();
    FIRN_ASSIGN(const runtime::Pin call, core_->enter());
    FIRN_ASSIGN(const Query q, parse_with_place(sql));
    if (q.from_file) {
      FIRN_ASSIGN(Batch rows,
                  storage::query_file(q, core_->services().clock->now(), core_->limits_of(options)));
      return DataFrame(std::move(rows));
    }
    auto entry = core_->services().tables->resolve(q.table);
    if (!entry) return at_place(entry.error(), q);
    HybridTable t;
    t.core_ = std::make_shared<runtime::TableCore>(core_, std::move(*entry));
    return t.read(q, options);
  });
}

Result<StoragePlan> Database::explain(std::string_view sql, bool analyze) const {
  return guarded([&]() -> Result<StoragePlan> {
    if (!core_) return empty_handle();
    FIRN_ASSIGN(const runtime::Pin call, core_->enter());
    FIRN_ASSIGN(const Query q, parse_with_place(sql));
    if (q.from_file)
      return Error(ErrorCode::unsupported, "explain works on tables; a file is always read from end to end");
    auto entry = core_->services().tables->resolve(q.table);
    if (!entry) return at_place(entry.error(), q);
    HybridTable t;
    t.core_ = std::make_shared<runtime::TableCore>(core_, std::move(*entry));
    return t.explain(sql, analyze);
  });
}

Result<BackupReport> Database::backup(const std::string& destination, const BackupOptions& options) const {
  return guarded([&]() -> Result<BackupReport> {
    if (!core_) return empty_handle();
    FIRN_ASSIGN(const runtime::Pin call, core_->enter());
    return core_->backup(destination, options);
  });
}

Result<BackupReport> Database::restore(const std::string& source, const std::string& path,
                                       const BackupOptions& options) {
  return guarded([&]() -> Result<BackupReport> {
    storage::ExecutionLimits limits;
    if (options.cancel) limits.stopped = options.cancel->flag();
    FIRN_ASSIGN(const storage::RestoreCounts done, storage::restore_database(source, path, {}, limits));
    return BackupReport{done.tables, done.copied.files, done.copied.bytes};
  });
}

const std::string& Database::path() const {
  static const std::string none;
  return core_ ? core_->path() : none;
}

Result<void> Database::close() {
  return guarded([&]() -> Result<void> { return core_ ? core_->close() : Result<void>{}; });
}

Database TableActorAccess::database(std::shared_ptr<runtime::DatabaseCore> core) {
  Database db;
  db.core_ = std::move(core);
  return db;
}

HybridTable TableActorAccess::table(std::shared_ptr<runtime::TableCore> core) {
  HybridTable t;
  t.core_ = std::move(core);
  return t;
}

TableActor actor_of(const HybridTable& table) {
  const auto& core = TableActorAccess::core(table);
  if (!core) return {};
  const auto in = core->enter();
  if (!in) return {};
  runtime::WaitingCall<void> started;
  runtime::start_table(core->db().services(), core->entry(), started.slot());
  if (!started.wait()) return {};
  return caf::actor_cast<TableActor>(core->entry()->addresses->table.get());
}

DatabaseActor actor_of(const Database& db) {
  const auto& core = TableActorAccess::core(db);
  return core ? core->services().database.get() : DatabaseActor{};
}

}  // namespace firn
