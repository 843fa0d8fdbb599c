#include "plan_text.hpp"
#include "table_core.hpp"
#include "table_work.hpp"
#include "wire.hpp"

namespace firn {
namespace {

Error no_table() { return {ErrorCode::closed, "this handle stands for no table"}; }

/// An exception that is no Error (out of memory, say) ends as one here.
template <class Core, class Call>
auto with(const Core& core, Call&& call) -> decltype(call()) {
  if (!core) return no_table();
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

Result<DataFrame> read_at(const runtime::TableCore& core, const runtime::TableCore::Entered& in,
                          const Query& query, const storage::StoreSnapshot& at,
                          const storage::ExecutionLimits& limits) {
  ++core.entry()->reads;
  FIRN_ASSIGN(Batch rows, in.store().query(query, at, nullptr, limits));
  return DataFrame(std::move(rows));
}

Result<std::optional<Row>> get_at(const runtime::TableCore& core, const runtime::TableCore::Entered& in,
                                  const Key& key, const storage::StoreSnapshot& at) {
  ++core.entry()->reads;
  FIRN_ASSIGN(auto values, in.store().get(at, key));
  if (!values) return std::optional<Row>{};
  return std::optional<Row>(Row(in.store().schema(at), std::move(*values)));
}

SegmentView view_of(const storage::FileView& f, const Schema& schema) {
  SegmentView v;
  v.id = f.info.id;
  v.rows = f.info.rows;
  v.bytes = f.info.length;
  v.ended = f.ended;
  v.csn_min = f.info.csn_min;
  v.csn_max = f.info.csn_max;
  v.tier = f.info.tier;
  v.history = f.info.history;
  v.path = f.info.path;
  const auto text = [&](const std::string& encoded) {
    const auto key = decode_key(schema, encoded);
    std::string s;
    if (!key) return s;
    for (const Value& part : *key) s += (s.empty() ? "" : ", ") + part.to_string();
    return s;
  };
  v.key_min = text(f.info.key_min);
  v.key_max = text(f.info.key_max);
  return v;
}

}  // namespace

struct Snapshot::Impl {
  std::shared_ptr<runtime::TableCore> core;
  runtime::TablePin table;
  storage::StoreSnapshot at;
};

Csn Snapshot::csn() const { return impl_ ? impl_->at.csn() : Csn{}; }

Result<DataFrame> Snapshot::query(std::string_view sql, const QueryOptions& options) const {
  return with(impl_, [&]() -> Result<DataFrame> {
    const auto limits = impl_->core->db().limits_of(options);
    FIRN_ASSIGN(const auto in, impl_->core->enter());
    FIRN_ASSIGN(const Query q, parse_query(sql));
    return read_at(*impl_->core, in, q, impl_->at, limits);
  });
}

Result<std::optional<Row>> Snapshot::get(const Key& key) const {
  return with(impl_, [&]() -> Result<std::optional<Row>> {
    FIRN_ASSIGN(const auto in, impl_->core->enter());
    return get_at(*impl_->core, in, key, impl_->at);
  });
}

Result<HybridTable> HybridTable::create(Database& db, const std::string& name, const Schema& schema,
                                        const HybridTableConfig& config) {
  return db.create_table(name, schema, config);
}

const std::string& HybridTable::name() const {
  static const std::string none;
  return core_ ? core_->entry()->name : none;
}

Schema HybridTable::schema() const {
  if (!core_) return {};
  const bool sole_writer =
      core_->db().check_writable().ok();  // beside a writer its ALTERs must be looked for
  if (const auto known = core_->entry()->schema(); known && sole_writer) return *known;
  const auto in = core_->enter();
  if (!in) return {};
  const auto newest = in->store().snapshot();
  return newest ? in->store().schema(*newest) : in->store().schema();
}

HybridTableConfig HybridTable::config() const {
  if (!core_) return {};
  const auto in = core_->enter();
  return in ? in->store().config() : HybridTableConfig{};
}

Result<Commit> HybridTable::write(const Batch& rows, const WriteOptions& options) {
  return with(core_, [&] { return core_->write(rows, options); });
}

Result<Commit> HybridTable::insert(const Batch& rows, const WriteOptions& options) {
  return write(rows, options);
}

Result<Commit> HybridTable::remove(std::span<const Key> keys, const WriteOptions& options) {
  return with(core_, [&] { return core_->remove(keys, options); });
}

Result<Commit> HybridTable::remove_where(std::string_view condition, const WriteOptions& options) {
  return with(core_, [&] { return core_->remove_where(condition, options); });
}

Result<std::optional<Row>> HybridTable::get(const Key& key) const {
  return with(core_, [&]() -> Result<std::optional<Row>> {
    FIRN_ASSIGN(const auto in, core_->enter());
    return runtime::read_newest(in.store(), [&](const auto& at) { return get_at(*core_, in, key, at); });
  });
}

Result<DataFrame> HybridTable::read(const Query& query, const QueryOptions& options) const {
  return with(core_, [&]() -> Result<DataFrame> {
    const auto limits = core_->db().limits_of(options);
    FIRN_ASSIGN(const auto in, core_->enter());
    return runtime::read_newest(in.store(),
                                [&](const auto& at) { return read_at(*core_, in, query, at, limits); });
  });
}

Result<DataFrame> HybridTable::query(std::string_view sql, const QueryOptions& options) const {
  return with(core_, [&]() -> Result<DataFrame> {
    FIRN_ASSIGN(const Query q, parse_query(sql));
    return read(q, options);
  });
}

Result<StoragePlan> HybridTable::explain(std::string_view sql, bool analyze) const {
  return with(core_, [&]() -> Result<StoragePlan> {
    FIRN_ASSIGN(const Query q, parse_query(sql));
    FIRN_ASSIGN(const auto in, core_->enter());
    FIRN_ASSIGN(const auto at, in.store().snapshot(std::nullopt, "query"));
    if (!analyze) {
      FIRN_ASSIGN(const auto profile, in.store().explain(q, at));
      return runtime::to_plan(profile, false);
    }
    storage::QueryProfile profile;
    const auto limits = core_->db().limits_of({});
    FIRN_TRY(in.store().query(q, at, &profile, limits));
    return runtime::to_plan(profile, true);
  });
}

Result<Snapshot> HybridTable::snapshot(std::optional<Csn> at, std::string owner) const {
  return with(core_, [&]() -> Result<Snapshot> {
    FIRN_ASSIGN(const auto in, core_->enter());
    FIRN_ASSIGN(auto pinned, in.store().snapshot(at, std::move(owner)));
    Snapshot s;
    s.impl_ = std::make_shared<Snapshot::Impl>(Snapshot::Impl{core_, in.table, std::move(pinned)});
    return s;
  });
}

Result<ChangeBatch> HybridTable::changes(Csn from, const ChangesOptions& options) const {
  return with(core_, [&]() -> Result<ChangeBatch> {
    const auto limits = core_->db().limits_of(options.query);
    FIRN_ASSIGN(const auto in, core_->enter());
    ++core_->entry()->reads;
    FIRN_ASSIGN(auto page, in.store().changes({from, options.to, options.before, options.max_rows}, limits));
    return ChangeBatch{DataFrame(std::move(page.rows)), page.next};
  });
}

Result<DataFrame> HybridTable::net_changes(Csn from, Csn to, const QueryOptions& options) const {
  return with(core_, [&]() -> Result<DataFrame> {
    const auto limits = core_->db().limits_of(options);
    FIRN_ASSIGN(const auto in, core_->enter());
    ++core_->entry()->reads;
    FIRN_ASSIGN(Batch rows, in.store().net_changes(from, to, limits));
    return DataFrame(std::move(rows));
  });
}

Result<Csn> HybridTable::csn_at(Timestamp t) const {
  return with(core_, [&]() -> Result<Csn> {
    FIRN_ASSIGN(const auto in, core_->enter());
    return in.store().csn_at(t);
  });
}

Result<Commit> HybridTable::create_cursor(const std::string& name, const CursorOptions& options) {
  std::optional<std::int64_t> limit_us;
  if (options.limit) limit_us = options.limit->count();
  return with(core_, [&] {
    return core_->change_cursor({storage::CursorRequest::Verb::create, name, options.at, limit_us});
  });
}

Result<Commit> HybridTable::move_cursor(const std::string& name, Csn to) {
  return with(core_, [&] {
    return core_->change_cursor({storage::CursorRequest::Verb::move, name, to, {}});
  });
}

Result<Commit> HybridTable::drop_cursor(const std::string& name) {
  return with(core_, [&] {
    return core_->change_cursor({storage::CursorRequest::Verb::drop, name, {}, {}});
  });
}

Result<std::vector<CursorInfo>> HybridTable::cursors() const {
  return with(core_, [&]() -> Result<std::vector<CursorInfo>> {
    FIRN_ASSIGN(const auto in, core_->enter());
    FIRN_ASSIGN(const auto list, in.store().cursors());
    std::vector<CursorInfo> out;
    for (const storage::CursorView& c : list) out.push_back(runtime::to_cursor(c));
    return out;
  });
}

Result<OptimizationResult> HybridTable::compact(const CompactOptions& options) {
  return with(core_, [&]() -> Result<OptimizationResult> {
    if (options.to == StorageTier::none)
      return Error(ErrorCode::invalid_argument, "compact to hot, warm or cold");
    return core_->settle(options.to);
  });
}

Result<OptimizationResult> HybridTable::optimize() {
  return with(core_, [&] { return core_->settle(StorageTier::none); });
}

Result<void> HybridTable::checkpoint() {
  return with(core_, [&]() -> Result<void> {
    FIRN_ASSIGN(const auto in, core_->enter_to_write());
    return in.store().checkpoint();
  });
}

Result<TableStats> HybridTable::get_stats() const {
  return with(core_, [&] { return core_->stats(); });
}

Result<AccessReport> HybridTable::access_report() const {
  return with(core_, [&] { return core_->access_report(); });
}

Result<std::vector<SegmentView>> HybridTable::segments(bool columns) const {
  return with(core_, [&]() -> Result<std::vector<SegmentView>> {
    FIRN_ASSIGN(const auto in, core_->enter());
    std::vector<SegmentView> views;
    for (const auto& f : in.store().files()) {
      views.push_back(view_of(f, in.store().schema()));
      if (!columns) continue;
      FIRN_ASSIGN(const auto file, in.store().file(f.info.id));
      for (const auto& c : file->details()) {
        views.back().columns.push_back({c.name, c.encoding, c.why, c.bytes, c.logical_bytes});
      }
    }
    return views;
  });
}

Result<std::vector<Decision>> HybridTable::decisions() const {
  return with(core_, [&]() -> Result<std::vector<Decision>> {
    FIRN_ASSIGN(const auto in, core_->enter());  // opened: what earlier processes stored is loaded
    return core_->entry()->decisions.list();
  });
}

Result<std::vector<std::string>> HybridTable::verify(bool deep) const {
  return with(core_, [&]() -> Result<std::vector<std::string>> {
    FIRN_ASSIGN(const auto in, core_->enter());
    return in.store().verify(deep);
  });
}

Result<void> HybridTable::configure(const HybridTableConfig& config) {
  return with(core_, [&] { return core_->configure(config); });
}

Result<Commit> HybridTable::alter(const SchemaChange& change) {
  return with(core_, [&] { return core_->alter({{}, change}); });
}

Result<Commit> HybridTable::alter(std::string_view text) {
  return with(core_, [&]() -> Result<Commit> {
    FIRN_ASSIGN(const AlterStatement statement, parse_alter(text));
    return core_->alter(statement);
  });
}

Result<void> HybridTable::export_all(const std::function<Result<void>(const Batch&)>& sink) const {
  return with(core_, [&]() -> Result<void> {
    FIRN_ASSIGN(const auto in, core_->enter());
    FIRN_ASSIGN(const auto at, in.store().snapshot(std::nullopt, "query"));
    return in.store().scan_all(at, sink);
  });
}

Result<std::vector<Commit>> HybridTable::bulk_import(
    const std::function<Result<std::optional<Batch>>()>& next, const WriteOptions& options) {
  return with(core_, [&]() -> Result<std::vector<Commit>> {
    std::vector<Commit> commits;
    WriteOptions each = options;
    for (;; each.token ? void(++each.token->sequence) : void()) {
      FIRN_ASSIGN(const auto batch, next());
      if (!batch) return commits;
      FIRN_ASSIGN(const Commit c, core_->write(*batch, each));
      commits.push_back(c);
    }
  });
}

std::string_view name_of(Workload workload) noexcept {
  switch (workload) {
    case Workload::read_heavy:
      return "read_heavy";
    case Workload::write_heavy:
      return "write_heavy";
    case Workload::mixed:
      return "mixed";
    default:
      return "idle";
  }
}

const Value& Row::operator[](std::string_view name) const {
  static const Value null;
  const auto i = schema_.find(name);
  return i && *i < values_.size() ? values_[*i] : null;
}

}  // namespace firn
