#include "table_core.hpp"

#include <fmt/format.h>

#include "commit_line.hpp"
#include "schema/key_codec.hpp"
#include "start_table.hpp"
#include "table_work.hpp"
#include "wire.hpp"
#include "write_check.hpp"

namespace firn::runtime {
namespace {

// What a change without rows counts at the gate.
constexpr std::uint64_t kChangeBytes = 256;
// Larger batches, which only a table pinned to hot gets here, are not held twice.
constexpr std::uint64_t kEncodedAheadBytesMax = std::uint64_t{1} << 20;

std::string key_text(const Schema& schema, const std::string& encoded) {
  const auto key = decode_key(schema, encoded);
  if (!key) return "";
  std::string text;
  for (const Value& v : *key) text += (text.empty() ? "" : ", ") + v.to_string();
  return text;
}

/// Where the file would be best, by what was read of it.
void suggest_tier(AccessReport::File& f, const HybridTableConfig& config) {
  f.suggested = config.placement != StorageTier::none ? config.placement : f.tier;
  if (config.placement != StorageTier::none)
    f.reason = "placement is pinned";
  else if (f.tier == StorageTier::cold && f.heat >= 16) {
    f.suggested = StorageTier::warm;
    f.reason = fmt::format("{:.1f} reads an hour of a cold file", f.heat);
  } else
    f.reason = fmt::format("{:.1f} reads an hour: where it is it costs least", f.heat);
}

}  // namespace

Result<TableCore::Entered> TableCore::enter() const {
  FIRN_ASSIGN(Pin call, db_->enter());
  FIRN_ASSIGN(TablePin table, db_->services().tables->pin(entry_));
  return Entered{std::move(call), std::move(table)};
}

Result<TableCore::Entered> TableCore::enter_to_write() const {
  FIRN_TRY(db_->check_writable());
  FIRN_ASSIGN(Entered in, enter());
  if (const std::string stop = entry_->write_stop(); !stop.empty()) {
    return Error(ErrorCode::read_only, "table \"" + entry_->name + "\" takes no writes: " + stop);
  }
  if (!entry_->addresses->started) {
    WaitingCall<void> started;
    start_table(db_->services(), entry_, started.slot());
    FIRN_TRY(started.wait());
  }
  return in;
}

/// Committed on this thread or that of another caller (CommitLine), with no actor on the way.
Result<Commit> TableCore::commit_in_line(Parcel parcel, std::uint64_t bytes) {
  FIRN_ASSIGN(parcel.pin, entry_->write_gate()->acquire(bytes));
  return entry_->line->commit(std::move(parcel), [this](CommitGroup& group) {
    auto done = commit_group(db_->services(), entry_, group);
    if (done->csn() != 0 && entry_->watched) caf::anon_send(entry_->addresses->table.get(), std::move(done));
  });
}

Result<Commit> TableCore::commit_small(const Change& change, std::uint64_t bytes) {
  Parcel parcel;
  parcel.order = to_order(change);
  return commit_in_line(std::move(parcel), bytes);
}

/// Rows that fit the table: checked, and encoded where their commit will want them so.
Result<Commit> TableCore::commit_rows(storage::TableStore& store, Batch rows, const WriteOptions& options) {
  Parcel parcel;
  parcel.request = std::make_shared<storage::WriteRequest>();
  storage::WriteRequest& request = *parcel.request;
  request.mode = static_cast<storage::WriteMode>(options.mode);
  if (options.token) request.token = storage::WriteToken{options.token->producer, options.token->sequence};
  request.if_unchanged_since = options.if_unchanged_since;
  request.columns_by_id =
      true;  // they were fitted to the table's schema; it may be altered until they commit
  std::uint64_t bytes = rows.byte_size();
  if (!is_update(options.mode) && bytes <= kEncodedAheadBytesMax) {
    FIRN_ASSIGN(request.encoded, store.encode(rows));
  }
  if (!request.encoded) FIRN_TRY(check_keys(rows));
  if (request.encoded) bytes += request.encoded->list.size();
  request.rows = std::move(rows);
  return commit_in_line(std::move(parcel), bytes);
}

Result<Commit> TableCore::write(const Batch& given, const WriteOptions& options) {
  FIRN_ASSIGN(const Entered in, enter_to_write());
  FIRN_ASSIGN(Batch rows, fit_to_table(in.store(), given, options.mode));
  if (in.store().is_small(rows) || is_update(options.mode))
    return commit_rows(in.store(), std::move(rows), options);
  Change change;
  change.options = options;
  FIRN_ASSIGN(Pin permit, db_->services().bulk_gate->acquire(rows.byte_size()));
  WaitingCall<Commit> call;
  caf::anon_send(entry_->addresses->warm.get(), to_order(change), ArrowBody(std::move(rows)), call.slot(),
                 std::move(permit));
  return call.wait();
}

Result<Commit> TableCore::remove(std::span<const Key> keys, const WriteOptions& options) {
  FIRN_ASSIGN(const Entered in, enter_to_write());
  Change change;
  change.kind = fb::CommitKind::remove_keys;
  change.options = options;
  std::uint64_t bytes = kChangeBytes;
  for (const Key& key : keys) {
    FIRN_ASSIGN(std::string encoded, encode_key(in.store().schema(), std::span<const Value>(key)));
    bytes += encoded.size();
    change.keys.push_back(std::move(encoded));
  }
  return commit_small(change, bytes);
}

Result<Commit> TableCore::remove_where(std::string_view condition, const WriteOptions& options) {
  FIRN_TRY(parse_condition(condition));
  FIRN_ASSIGN(const Entered in, enter_to_write());
  Change change;
  change.kind = fb::CommitKind::remove_where;
  change.options = options;
  change.where = condition;
  return commit_small(change, kChangeBytes);
}

Result<Commit> TableCore::alter(const AlterStatement& statement) {
  FIRN_TRY(statement.check_addressee(entry_->name));
  FIRN_ASSIGN(const Entered in, enter_to_write());
  Change change;
  change.kind = fb::CommitKind::alter;
  change.alter = statement.change.to_string();
  FIRN_ASSIGN(const Commit commit, commit_small(change, kChangeBytes + change.alter.size()));
  entry_->decisions.record({db_->services().clock->now(), "alter", change.alter, "asked for"});
  db_->services().tables->store_decisions(*entry_);
  return commit;
}

Result<Commit> TableCore::change_cursor(storage::CursorRequest request) {
  FIRN_ASSIGN(const Entered in, enter_to_write());
  Change change;
  change.kind = fb::CommitKind::cursor;
  change.cursor = std::move(request);
  return commit_small(change, kChangeBytes);
}

Result<void> TableCore::configure(const HybridTableConfig& config) {
  FIRN_ASSIGN(const Entered in, enter_to_write());
  Change change;
  change.kind = fb::CommitKind::config;
  change.config = config;
  FIRN_TRY(commit_small(change, kChangeBytes));
  entry_->decisions.record({db_->services().clock->now(), "set", "configuration", "asked for"});
  db_->services().tables->store_decisions(*entry_);
  return {};
}

Result<OptimizationResult> TableCore::settle(StorageTier goal) {
  FIRN_ASSIGN(const Entered in, enter_to_write());
  FIRN_ASSIGN(const storage::StoreStats before, in.store().stats());
  WaitingCall<OptimizationResult> call;
  auto request =
      make_flat<fb::Examine>([&](auto& b) { return fb::CreateExamine(b, entry_->id, 0, to_fb(goal)); });
  caf::anon_send(db_->services().lifecycle.get(), std::move(request), call.slot(), entry_);
  Result<OptimizationResult> settled = call.wait();
  db_->services().tables->store_decisions(*entry_);
  FIRN_ASSIGN(OptimizationResult result, std::move(settled));
  FIRN_ASSIGN(const storage::StoreStats after, in.store().stats());
  result.bytes_before = before.bytes;
  result.bytes_after = after.bytes;
  return result;
}

Result<TableStats> TableCore::stats() const {
  FIRN_ASSIGN(const Pin call, db_->enter());
  FIRN_ASSIGN(TableStats s, table_stats(db_->services(), entry_));
  FIRN_ASSIGN(const AccessReport access, access_report());
  s.workload = access.workload;
  return s;
}

Result<AccessReport> TableCore::access_report() const {
  FIRN_ASSIGN(const Entered in, enter());
  WaitingCall<flat<fb::AccessRates>> call;
  auto request =
      make_flat<fb::AccessRequest>([&](auto& b) { return fb::CreateAccessRequest(b, entry_->id); });
  const auto now = db_->services().clock->now().us;
  caf::anon_send(db_->services().analyzer.get(), make_flat<fb::AccessCount>([&](auto& b) {
                   return fb::CreateAccessCount(b, entry_->id, entry_->reads, entry_->writes, now);
                 }));
  caf::anon_send(db_->services().analyzer.get(), std::move(request), call.slot());
  FIRN_ASSIGN(const auto rates, call.wait());
  AccessReport report;
  report.reads_per_s = rates->reads_per_s();
  report.writes_per_s = rates->writes_per_s();
  report.workload = static_cast<Workload>(rates->workload());
  const HybridTableConfig config = in.store().config();
  for (const storage::FileView& v : in.store().files()) {
    AccessReport::File f;
    f.id = v.info.id;
    f.tier = v.info.tier;
    f.rows = v.info.rows;
    f.bytes = v.info.length;
    f.reads = v.access.reads;
    f.ended = v.ended;
    f.heat = v.access.heat;
    f.key_min = key_text(in.store().schema(), v.info.key_min);
    f.key_max = key_text(in.store().schema(), v.info.key_max);
    suggest_tier(f, config);
    report.files.push_back(std::move(f));
  }
  return report;
}

}  // namespace firn::runtime
