#include "table_work.hpp"

#include <fmt/format.h>
#include <malloc.h>

#include "wire.hpp"
#include "write_check.hpp"

namespace firn::runtime {
namespace {

constexpr std::uint8_t kUserPriority = 200;
constexpr std::uint8_t kHotPriority = 100;  // a full hot tier slows writers down
constexpr std::uint8_t kFilePriority = 50;

void refuse_all(CommitGroup& group, const Error& why) {
  for (Parcel& p : group.parcels) p.slot.deliver(why);
}

/// The requests that can be tried, and whose they are.
struct Attempt {
  std::vector<storage::WriteRequest> requests;
  std::vector<std::size_t> parcels;
};

Attempt decode(CommitGroup& group) {
  Attempt attempt;
  attempt.requests.reserve(group.parcels.size());
  attempt.parcels.reserve(group.parcels.size());
  for (std::size_t i = 0; i < group.parcels.size(); ++i) {
    const Parcel& p = group.parcels[i];
    auto request = p.request ? std::move(*p.request) : to_store_request(*p.order, p.rows);
    if (!request) {
      group.parcels[i].slot.deliver(request.error());
      continue;
    }
    attempt.requests.push_back(std::move(*request));
    attempt.parcels.push_back(i);
  }
  return attempt;
}

std::string duration_text(std::int64_t us) {
  if (us >= 86'400'000'000) return fmt::format("{:.1f} d", static_cast<double>(us) / 86'400e6);
  if (us >= 3'600'000'000) return fmt::format("{:.1f} h", static_cast<double>(us) / 3'600e6);
  return fmt::format("{:.0f} s", static_cast<double>(us) / 1e6);
}

/// The evidence of an order: what the store counted, beside the limit that it met. Only what is known without a look at
/// rows: an order must not wait for those.
std::string evidence(storage::TableStore& store, const storage::JobOrder& order, std::int64_t now_us,
                     std::uint64_t* bytes) {
  const HybridTableConfig config = store.config();
  std::string text;
  *bytes = 0;
  const auto hot = order.from_hot ? store.hot_size() : storage::TableStore::HotSize{};
  if (order.from_hot && hot) {
    *bytes += hot->bytes;
    text = order.to == StorageTier::hot
               ? fmt::format("hot holds {} versions, superseded ones among them (history {})", hot->versions,
                             duration_text(config.history_us))
               : fmt::format("hot holds {} versions, {} bytes (hot_tier_max_size {}, hot_tier_max_age {})",
                             hot->versions, hot->bytes, config.hot_tier_max_size,
                             duration_text(config.hot_tier_max_age_us));
  }
  if (order.inputs.empty()) return text;
  std::uint64_t input_bytes = 0;
  std::int64_t oldest = now_us;
  double heat = 0;
  StorageTier tier = StorageTier::none;
  for (const storage::FileView& f : store.files()) {
    if (std::find(order.inputs.begin(), order.inputs.end(), f.info.id) == order.inputs.end()) continue;
    input_bytes += f.info.length;
    oldest = std::min(oldest, f.info.created_us);
    heat = std::max(heat, f.access.heat);
    tier = f.info.tier;
  }
  *bytes += input_bytes;
  if (!text.empty()) text += "; ";
  return text + fmt::format(
                    "{} {} file(s), {} bytes, the oldest {} old, the hottest with {:.1f} reads an hour "
                    "(warm_tier_max_age {}, warm_tier_max_size {}, max_compaction_files {})",
                    order.inputs.size(), name_of(tier), input_bytes, duration_text(now_us - oldest), heat,
                    duration_text(config.warm_tier_max_age_us), config.warm_tier_max_size,
                    config.compaction.max_files);
}

/// The commit after which the changes of a request begin.
Result<Csn> begin_of_changes(storage::TableStore& store, const TableEntry& table,
                             const fb::ChangesRequest& request, Csn newest) {
  const std::string cursor = request.cursor() == nullptr ? std::string() : request.cursor()->str();
  if (request.from() && !cursor.empty())
    return Error(ErrorCode::invalid_argument, "changes begin at a CSN or at a cursor, not at both");
  if (request.from()) return Csn{*request.from()};
  if (cursor.empty()) return newest;
  FIRN_ASSIGN(const auto cursors, store.cursors());
  for (const storage::CursorView& c : cursors)
    if (c.name == cursor) return c.csn;
  return Error(ErrorCode::not_found,
               "table \"" + table.name + "\" has no cursor \"" + cursor + "\"; create it first");
}

Result<void> upkeep(Services& services, const TableRef& table, storage::TableStore& store, bool full) {
  if (store.checkpoint_due()) FIRN_TRY(store.checkpoint());
  if (!full) return {};
  services.tables->store_decisions(*table);
  FIRN_TRY(store.expire());
  return store.save_access();
}

}  // namespace

flat<fb::GroupDone> commit_group(Services& services, const TableRef& table, CommitGroup& group) {
  std::uint64_t csn = 0;
  std::int64_t time_us = 0;
  const auto count = static_cast<std::uint32_t>(group.parcels.size());
  const auto done = [&] {
    return make_flat<fb::GroupDone>([&](auto& b) { return fb::CreateGroupDone(b, count, csn, time_us); });
  };
  if (const std::string stop = table->write_stop(); !stop.empty()) {
    refuse_all(group, Error(ErrorCode::read_only, "table \"" + table->name + "\" takes no writes: " + stop));
    return done();
  }
  auto pin = services.tables->pin(table);
  if (!pin) {
    refuse_all(group, pin.error());
    return done();
  }
  Attempt attempt = decode(group);
  if (attempt.requests.empty()) return done();
  auto answers = (*pin)->store->commit(attempt.requests);
  FIRN_CHECK(answers.size() == attempt.parcels.size());
  table->writes += answers.size();
  const auto alters = [](const storage::WriteRequest& r) {
    return r.kind == storage::WriteRequest::Kind::alter;
  };
  if (std::any_of(attempt.requests.begin(), attempt.requests.end(), alters))
    table->set_schema([&] { return (*pin)->store->schema(); });  // before anybody hears of it
  for (std::size_t i = 0; i < answers.size(); ++i) {
    const Parcel& parcel = group.parcels[attempt.parcels[i]];
    if (!answers[i]) {
      parcel.slot.deliver(answers[i].error());
      continue;
    }
    csn = std::max(csn, answers[i]->csn.value);
    time_us = std::max(time_us, answers[i]->time.us);
    parcel.slot.deliver(to_commit(*answers[i]));
  }
  if (csn != 0) table->commits.announce(csn);
  return done();
}

Result<void> admit(Services& services, const TableRef& table, Parcel& parcel) {
  if (const std::string stop = table->write_stop(); !stop.empty()) {
    return Error(ErrorCode::read_only, "table \"" + table->name + "\" takes no writes: " + stop);
  }
  FIRN_ASSIGN(const TablePin pin, services.tables->pin(table));
  FIRN_ASSIGN(const Batch given, parcel.rows.batch());
  const auto mode = static_cast<WriteMode>(parcel.order->mode());
  FIRN_ASSIGN(Batch rows, fit_to_table(*pin->store, given, mode));
  if (pin->store->is_small(rows) || is_update(mode)) {
    FIRN_TRY(check_keys(rows));
    parcel.rows = ArrowBody(std::move(rows));
    return {};
  }
  FIRN_ASSIGN(const auto blocks, pin->store->prepare_blocks(rows));
  parcel.order = with_blocks(*parcel.order, blocks);
  // Until they are committed only this open table knows the blocks: it stays open.
  parcel.pin = std::make_shared<std::pair<Pin, TablePin>>(std::move(parcel.pin), pin);
  parcel.rows = {};
  return {};
}

Result<QueryResult> run_query(Services& services, const TableRef& table, std::string_view sql,
                              std::optional<Csn> at) {
  FIRN_ASSIGN(const Query query, parse_query(sql));
  FIRN_ASSIGN(const TablePin pin, services.tables->pin(table));
  FIRN_ASSIGN(const storage::StoreSnapshot snapshot, pin->store->snapshot(at, "query"));
  ++table->reads;
  storage::ExecutionLimits limits;
  limits.cancelled = &services.cancelled;
  FIRN_ASSIGN(Batch rows, pin->store->query(query, snapshot, nullptr, limits));
  return QueryResult{std::move(rows), snapshot.csn()};
}

Result<ChangesResult> run_changes(Services& services, const TableRef& table,
                                  const fb::ChangesRequest& request) {
  FIRN_ASSIGN(const TablePin pin, services.tables->pin(table));
  storage::TableStore& store = *pin->store;
  ++table->reads;
  storage::ExecutionLimits limits;
  limits.cancelled = &services.cancelled;
  FIRN_ASSIGN(const storage::StoreSnapshot newest, store.snapshot(std::nullopt, "changes"));
  FIRN_ASSIGN(Csn from, begin_of_changes(store, *table, request, newest.csn()));
  std::optional<Csn> to;
  if (request.to()) to = Csn{*request.to()};
  const Csn end = to.value_or(newest.csn());
  if (request.net()) {
    if (request.before())
      return Error(ErrorCode::invalid_argument, "net changes have no rows `update_before`");
    FIRN_ASSIGN(Batch rows, store.net_changes(from, end, limits));
    return ChangesResult{std::move(rows), end};
  }
  for (;;) {
    FIRN_ASSIGN(storage::ChangePage page,
                store.changes({from, to, request.before(), request.max_rows()}, limits));
    if (page.rows.rows() != 0 || page.next >= end) return ChangesResult{std::move(page.rows), page.next};
    from = page.next;  // these commits changed no row
  }
}

Result<std::optional<std::vector<Value>>> run_get(Services& services, const TableRef& table,
                                                  std::span<const Value> key, std::optional<Csn> at) {
  FIRN_ASSIGN(const TablePin pin, services.tables->pin(table));
  FIRN_ASSIGN(const storage::StoreSnapshot snapshot, pin->store->snapshot(at, "query"));
  ++table->reads;
  return pin->store->get(snapshot, key);
}

Result<TableStats> table_stats(Services& services, const TableRef& table) {
  FIRN_ASSIGN(const TablePin pin, services.tables->pin(table));
  FIRN_ASSIGN(const storage::StoreStats stats, pin->store->stats());
  TableStats t = to_stats(stats);
  t.name = table->name;
  t.reads = table->reads;
  t.writes = table->writes;
  if (t.read_only_reason.empty()) t.read_only_reason = table->write_stop();
  return t;
}

Result<flat<fb::GroupDone>> newest_commit(Services& services, const TableRef& table) {
  FIRN_ASSIGN(const TablePin pin, services.tables->pin(table));
  FIRN_ASSIGN(const auto newest, pin->store->newest_commit());
  return make_flat<fb::GroupDone>(
      [&](auto& b) { return fb::CreateGroupDone(b, 0, newest.csn.value, newest.time.us); });
}

Result<flat<fb::JobOrder>> examine(Services& services, const TableRef& table, const fb::Examine& request) {
  if (services.closing) return closing_error();  // many may wait behind one another, and close() for them
  TablePin pin = services.tables->pin_if_open(table);
  if (!pin) {
    // Closed for being idle since: nobody opens it again only to see that nothing is due.
    if (request.session() == 0) {
      JobContext idle;
      idle.table_id = table->id;
      return to_message(idle, std::nullopt, 0, 0);
    }
    FIRN_ASSIGN(pin, services.tables->pin(table));
  }
  storage::TableStore& store = *pin->store;
  if (request.ends_only()) {
    FIRN_TRY(store.follow_ends());
    return to_message(JobContext{}, std::nullopt, 0, 0);
  }
  FIRN_TRY(upkeep(services, table, store, request.upkeep()));
  const StorageTier goal = from_fb(request.goal());
  const bool by_rules = goal == StorageTier::none;
  JobContext context{table->id, request.session(), goal, false, "", services.clock->now().us, request.upto()};
  if (!by_rules && context.settles_upto == 0) {
    FIRN_ASSIGN(const storage::StoreSnapshot now, store.snapshot());
    context.settles_upto = now.csn().value;
  }
  const auto order = by_rules ? store.next_job() : store.next_job_towards(goal, Csn{context.settles_upto});
  std::uint64_t bytes = 0;
  if (order) {
    const std::string found = evidence(store, *order, context.now_us, &bytes);
    context.reason =
        by_rules ? found : fmt::format("asked to move everything to {}; {}", name_of(goal), found);
  }
  const std::uint8_t priority = request.session() != 0     ? kUserPriority
                                : order && order->from_hot ? kHotPriority
                                                           : kFilePriority;
  return to_message(context, order, bytes, priority);
}

namespace {

constexpr std::uint64_t kTrimBytesMin = std::uint64_t{1} << 20;

/// The buffers of a job are large and gone at once; without this glibc keeps them in the worker's arena for good.
void give_memory_back(const Result<storage::JobReport>& report) {
#ifdef __GLIBC__
  if (report && report->bytes_in + report->bytes_out >= kTrimBytesMin) malloc_trim(0);
#endif
}

}  // namespace

flat<fb::JobReport> run_job(Services& services, const TableRef& table, const fb::JobOrder& order) {
  JobContext context = context_of(order);
  const auto report = [&]() -> Result<storage::JobReport> {
    FIRN_ASSIGN(const TablePin pin, services.tables->pin(table));
    return pin->store->run_job(to_store_order(order));
  }();
  give_memory_back(report);
  context.now_us = services.clock->now().us;
  return to_message(context, report);
}

Result<TableRef> create_table(Services& services, const fb::CreateTableRequest& request) {
  const auto text = [](const flatbuffers::String* s) { return s == nullptr ? std::string{} : s->str(); };
  SchemaOptions options;
  options.time = text(request.time());
  if (request.key() != nullptr) {
    for (const auto* k : *request.key()) options.key.push_back(k->str());
  }
  FIRN_ASSIGN(const Schema schema, Schema::parse(text(request.columns()), options));
  return services.tables->create(text(request.name()), schema, {});
}

}  // namespace firn::runtime
