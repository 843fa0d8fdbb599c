#include "storage/table_store.hpp"

#include "storage/engine.hpp"

namespace firn::storage {

struct TableStore::Impl {
  std::unique_ptr<Engine> engine;
};

TableStore::TableStore(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TableStore::~TableStore() = default;

Result<std::unique_ptr<TableStore>> TableStore::create(std::shared_ptr<io::Disk> disk,
                                                       const std::string& folder, std::string name,
                                                       std::uint64_t table_id, const Schema& schema,
                                                       const HybridTableConfig& config,
                                                       const StoreOptions& options) {
  auto impl = std::make_unique<Impl>();
  FIRN_ASSIGN(impl->engine,
              Engine::create(std::move(disk), folder, std::move(name), table_id, schema, config, options));
  return std::unique_ptr<TableStore>(new TableStore(std::move(impl)));
}

Result<std::unique_ptr<TableStore>> TableStore::open(std::shared_ptr<io::Disk> disk,
                                                     const std::string& folder, const StoreOptions& options) {
  auto impl = std::make_unique<Impl>();
  FIRN_ASSIGN(impl->engine, Engine::open(std::move(disk), folder, options));
  return std::unique_ptr<TableStore>(new TableStore(std::move(impl)));
}

const std::string& TableStore::name() const { return impl_->engine->name; }
std::uint64_t TableStore::table_id() const { return impl_->engine->table_id; }
Schema TableStore::schema() const { return impl_->engine->view().catalog->schema(); }
Schema TableStore::schema(const StoreSnapshot& at) const {
  return impl_->engine->view().catalog->schema_at(at.csn().value);
}
std::optional<Batch> TableStore::recast(const Batch& rows) const {
  const View now = impl_->engine->view();
  if (rows.schema() == now.catalog->schema() || now.catalog->schemas->find(rows.schema()) == nullptr)
    return std::nullopt;
  const Result<Batch> done = impl_->engine->recast(*now.catalog, rows);
  return done ? std::optional<Batch>(*done) : std::nullopt;
}
HybridTableConfig TableStore::config() const { return impl_->engine->view().catalog->config; }

bool TableStore::is_small(const Batch& rows) const { return impl_->engine->is_small(rows); }
Result<std::vector<RowFileInfo>> TableStore::prepare_blocks(const Batch& rows) {
  return impl_->engine->prepare_blocks(rows);
}
Result<std::optional<EncodedRows>> TableStore::encode(const Batch& rows) const {
  return impl_->engine->encode(rows);
}
std::vector<Result<CommitInfo>> TableStore::commit(std::span<WriteRequest> requests) {
  return impl_->engine->commit(requests);
}
Result<CommitInfo> TableStore::commit_one(WriteRequest request) {
  return std::move(impl_->engine->commit(std::span<WriteRequest>(&request, 1)).front());
}

namespace {

/// What `read` answers, unless the pin broke: then versions that it needs may have gone while it read.
template <class Read>
auto read_pinned(const Engine& engine, const PinPtr& pin, Read read) -> decltype(read()) {
  FIRN_TRY(engine.check_pin(pin));
  auto answer = read();
  FIRN_TRY(engine.check_pin(pin));
  return answer;
}

}  // namespace

Result<StoreSnapshot> TableStore::snapshot(std::optional<Csn> at, std::string owner) {
  StoreSnapshot s;
  FIRN_ASSIGN(s.pin_, impl_->engine->pin(at, std::move(owner)));
  return s;
}
Result<Csn> TableStore::csn_at(Timestamp t) const { return impl_->engine->csn_at(t); }

Result<std::optional<std::vector<Value>>> TableStore::get(const StoreSnapshot& at, std::span<const Value> key,
                                                          ReadCost* cost) {
  FIRN_ASSIGN(const std::string encoded, encode_key(schema(), key));
  ReadCost local;
  return read_pinned(*impl_->engine, at.pin_, [&] {
    return impl_->engine->get(at.csn().value, encoded, cost != nullptr ? *cost : local);
  });
}
Result<Batch> TableStore::query(const Query& query, const StoreSnapshot& at, QueryProfile* profile,
                                const ExecutionLimits& limits) {
  return read_pinned(*impl_->engine, at.pin_,
                     [&] { return impl_->engine->query(query, at.csn().value, profile, limits); });
}
Result<QueryProfile> TableStore::explain(const Query& query, const StoreSnapshot& at) {
  return read_pinned(*impl_->engine, at.pin_, [&] { return impl_->engine->explain(query, at.csn().value); });
}
Result<void> TableStore::scan_all(const StoreSnapshot& at,
                                  const std::function<Result<void>(const Batch&)>& sink) {
  return read_pinned(*impl_->engine, at.pin_, [&] { return impl_->engine->scan_all(at.csn().value, sink); });
}

Result<ChangePage> TableStore::changes(const ChangeRange& range, const ExecutionLimits& limits) {
  return impl_->engine->changes(range, limits);
}
Result<Batch> TableStore::net_changes(Csn from, Csn to, const ExecutionLimits& limits) {
  return impl_->engine->net_changes(from.value, to.value, limits);
}
Result<std::vector<CursorView>> TableStore::cursors() { return impl_->engine->cursors(); }

Result<JobReport> TableStore::run_job(const JobOrder& order) { return impl_->engine->run_job(order); }
std::optional<JobOrder> TableStore::next_job() { return impl_->engine->next_job(); }
std::optional<JobOrder> TableStore::next_job_towards(StorageTier to, Csn upto) {
  return impl_->engine->next_job_towards(to, upto.value);
}
Result<void> TableStore::follow_ends() { return impl_->engine->follow_ends(); }
Result<void> TableStore::expire() { return impl_->engine->expire(); }
Result<void> TableStore::checkpoint() { return impl_->engine->checkpoint(); }
Result<CopyCounts> TableStore::backup(io::Disk& to, const std::string& folder,
                                      const ExecutionLimits& limits) {
  return impl_->engine->backup(to, folder, limits);
}
bool TableStore::checkpoint_due() const { return impl_->engine->checkpoint_due(); }
Result<void> TableStore::save_access() { return impl_->engine->save_access(); }

Result<StoreStats> TableStore::stats() { return impl_->engine->stats(); }
Result<TableStore::HotSize> TableStore::hot_size() {
  FIRN_ASSIGN(const ReadContext context, impl_->engine->begin_read());
  const hot::HotState& state = context.hot.state();
  return HotSize{state.versions, state.bytes};
}
Result<TableStore::NewestCommit> TableStore::newest_commit() {
  FIRN_ASSIGN(const ReadContext context, impl_->engine->begin_read());
  return NewestCommit{Csn{context.view.csn}, Timestamp{context.view.time_us}};
}
std::vector<FileView> TableStore::files() {
  std::vector<FileView> out;
  const View now = impl_->engine->view();  // holds the catalog while we walk it
  for (const FileEntryPtr& f : now.catalog->files) {
    const AccessAccount a = f->access();
    FileView v;
    v.info = f->info;
    v.ended = f->ends()->size();
    v.access.reads = a.reads;
    v.access.rows_read = a.rows_read;
    v.access.points = a.points;
    v.access.heat = a.heat_at(impl_->engine->clock->now().us);
    v.access.last_us = a.last_us;
    out.push_back(std::move(v));
  }
  return out;
}
Result<std::shared_ptr<const RowFile>> TableStore::file(std::uint64_t id) {
  const FileEntryPtr f = impl_->engine->view().catalog->find(id);
  if (!f) return Error(ErrorCode::not_found, "table " + name() + " has no file " + std::to_string(id));
  return f->open();
}
Result<std::vector<std::string>> TableStore::verify(bool deep) { return impl_->engine->verify(deep); }
Result<void> TableStore::close() { return impl_->engine->close(); }

}  // namespace firn::storage
