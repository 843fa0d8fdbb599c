#include "wire.hpp"

#include <fmt/format.h>

#include "storage/log_record.hpp"

namespace firn::runtime {
namespace {

using Builder = flatbuffers::FlatBufferBuilder;

flatbuffers::Offset<flatbuffers::Vector<std::uint8_t>> bytes_of(Builder& b, std::string_view s) {
  return b.CreateVector(reinterpret_cast<const std::uint8_t*>(s.data()), s.size());  // NOLINT
}

std::string_view view(const flatbuffers::Vector<std::uint8_t>* v) {
  if (v == nullptr) return {};
  return {reinterpret_cast<const char*>(v->data()), v->size()};  // NOLINT
}

std::string text(const flatbuffers::String* s) { return s == nullptr ? std::string{} : s->str(); }

using BlockList = std::vector<flatbuffers::Offset<fb::Bytes>>;
BlockList block_list(Builder& b, std::span<const storage::RowFileInfo> blocks) {
  BlockList list;
  for (const auto& info : blocks)
    list.push_back(fb::CreateBytes(b, bytes_of(b, storage::encode_file_info(info))));
  return list;
}

Result<std::vector<storage::RowFileInfo>> read_blocks(const fb::CommitOrder& order) {
  std::vector<storage::RowFileInfo> blocks;
  if (order.blocks() == nullptr) return blocks;
  for (const fb::Bytes* bytes : *order.blocks()) {
    FIRN_ASSIGN(auto info, storage::decode_file_info(view(bytes->bytes())));
    blocks.push_back(std::move(info));
  }
  return blocks;
}

std::vector<std::string> read_keys(const fb::CommitOrder& order) {
  std::vector<std::string> keys;
  if (order.key_ends() == nullptr) return keys;
  const std::string_view all = view(order.keys());
  std::size_t begin = 0;
  for (const std::uint32_t end : *order.key_ends()) {
    FIRN_CHECK(begin <= end && end <= all.size());
    keys.emplace_back(all.substr(begin, end - begin));
    begin = end;
  }
  return keys;
}

template <class Message>
Result<WriteOptions> conditions(const Message& m) {
  WriteOptions options;
  if (m.producer() != nullptr && m.producer()->size() != 0)
    options.token = WriteToken{m.producer()->str(), m.sequence()};
  if (m.conditional()) options.if_unchanged_since = Csn{m.if_unchanged_since()};
  return options;
}

flatbuffers::Offset<fb::TierStats> tier_stats(Builder& b, const TierReport& t) {
  return fb::CreateTierStats(b, t.rows, t.bytes, t.files);
}

TierReport report_of(const storage::TierStats& t) { return {t.rows, t.bytes, t.files}; }

std::string action_name(const fb::JobReport& r) {
  if (r.to() == r.from()) return r.from_hot() ? "purge_hot" : "compact";
  switch (r.to()) {
    case fb::Tier::hot:
      return "promote_to_hot";
    case fb::Tier::warm:
      return r.from() == fb::Tier::cold ? "promote_to_warm" : "demote_to_warm";
    default:
      return "archive_to_cold";
  }
}

}  // namespace

StorageTier from_fb(fb::Tier tier) {
  const auto n = static_cast<std::uint8_t>(tier);
  return n <= 3 ? static_cast<StorageTier>(n) : StorageTier::none;
}

flat<fb::CommitOrder> to_order(const Change& c) {
  return make_flat<fb::CommitOrder>([&](Builder& b) {
    std::string keys;
    std::vector<std::uint32_t> ends;
    for (const std::string& k : c.keys) {
      keys += k;
      ends.push_back(static_cast<std::uint32_t>(keys.size()));
    }
    const auto producer = b.CreateString(c.options.token ? c.options.token->producer : std::string{});
    const auto blocks = b.CreateVector(block_list(b, c.blocks));
    const auto key_bytes = bytes_of(b, keys);
    const auto key_ends = b.CreateVector(ends);
    const auto where = b.CreateString(c.where);
    const auto config =
        bytes_of(b, c.kind == fb::CommitKind::config ? storage::encode_config(c.config) : std::string{});
    const auto alter = b.CreateString(c.alter);
    const auto cursor = b.CreateString(c.cursor.name);
    const auto cursor_at =
        c.cursor.at ? flatbuffers::Optional<std::uint64_t>(c.cursor.at->value) : flatbuffers::nullopt;
    const auto cursor_limit =
        c.cursor.limit_us ? flatbuffers::Optional<std::int64_t>(*c.cursor.limit_us) : flatbuffers::nullopt;
    return fb::CreateCommitOrder(
        b, c.kind, static_cast<fb::Mode>(c.options.mode), producer,
        c.options.token ? c.options.token->sequence : 0, c.options.if_unchanged_since.has_value(),
        c.options.if_unchanged_since.value_or(Csn{}).value, blocks, key_bytes, key_ends, where, config,
        c.ticket, c.stream, alter, cursor, static_cast<std::uint8_t>(c.cursor.verb), cursor_at, cursor_limit);
  });
}

flat<fb::CommitOrder> with_blocks(const fb::CommitOrder& o, std::span<const storage::RowFileInfo> infos) {
  return make_flat<fb::CommitOrder>([&](Builder& b) {
    const auto producer = b.CreateString(text(o.producer()));
    const auto blocks = b.CreateVector(block_list(b, infos));
    return fb::CreateCommitOrder(b, fb::CommitKind::blocks, o.mode(), producer, o.sequence(), o.conditional(),
                                 o.if_unchanged_since(), blocks, 0, 0, 0, 0, o.ticket(), o.stream());
  });
}

Result<storage::WriteRequest> to_store_request(const fb::CommitOrder& o, const ArrowBody& rows) {
  storage::WriteRequest r;
  r.kind = static_cast<storage::WriteRequest::Kind>(o.kind());
  r.mode = static_cast<storage::WriteMode>(o.mode());
  FIRN_ASSIGN(const WriteOptions options, conditions(o));
  if (options.token) r.token = storage::WriteToken{options.token->producer, options.token->sequence};
  r.if_unchanged_since = options.if_unchanged_since;
  switch (o.kind()) {
    case fb::CommitKind::rows: {
      FIRN_ASSIGN(r.rows, rows.batch());
      r.columns_by_id = true;  // they were fitted to the table's schema; it may have been altered since
      break;
    }
    case fb::CommitKind::blocks: {
      FIRN_ASSIGN(r.blocks, read_blocks(o));
      break;
    }
    case fb::CommitKind::remove_keys:
      r.remove_keys = read_keys(o);
      break;
    case fb::CommitKind::remove_where: {
      FIRN_ASSIGN(r.remove_where, parse_condition(text(o.where())));
      break;
    }
    case fb::CommitKind::cursor:
      r.cursor.name = text(o.cursor());
      r.cursor.verb = static_cast<storage::CursorRequest::Verb>(o.cursor_verb());
      if (o.cursor_at()) r.cursor.at = Csn{*o.cursor_at()};
      if (o.cursor_limit_us()) r.cursor.limit_us = *o.cursor_limit_us();
      break;
    case fb::CommitKind::config: {
      FIRN_ASSIGN(r.config, storage::decode_config(view(o.config())));
      break;
    }
    case fb::CommitKind::alter: {
      FIRN_ASSIGN(AlterStatement statement, parse_alter(text(o.change())));
      r.change = std::move(statement.change);
      break;
    }
  }
  return r;
}

Result<WriteOptions> write_options(const fb::WriteRequest& request) {
  FIRN_ASSIGN(WriteOptions options, conditions(request));
  const auto mode = static_cast<std::uint8_t>(request.mode());
  if (mode > static_cast<std::uint8_t>(WriteMode::update_or_insert))
    return Error(ErrorCode::invalid_argument, fmt::format("write mode {} is none", mode));
  options.mode = static_cast<WriteMode>(mode);
  return options;
}

Result<WriteOptions> write_options(const fb::RemoveRequest& request) { return conditions(request); }

Result<storage::CursorRequest> cursor_request(const fb::CursorRequest& m) {
  storage::CursorRequest r;
  const auto verb = static_cast<std::uint8_t>(m.verb());
  if (verb > static_cast<std::uint8_t>(storage::CursorRequest::Verb::drop))
    return Error(ErrorCode::invalid_argument, fmt::format("cursor verb {} is none", verb));
  r.verb = static_cast<storage::CursorRequest::Verb>(verb);
  r.name = text(m.name());
  if (m.at()) r.at = Csn{*m.at()};
  if (m.limit_us()) r.limit_us = *m.limit_us();
  return r;
}

flat<fb::ChangesRequest> go_on_from(const fb::ChangesRequest& r, Csn from) {
  return make_flat<fb::ChangesRequest>([&](Builder& b) {
    return fb::CreateChangesRequest(b, from.value, 0, r.to(), r.before(), r.net(), r.max_rows(), r.wait_us());
  });
}

Commit to_commit(const storage::CommitInfo& i) { return {i.csn, i.time, i.tier, i.rows, i.repeated}; }

CursorInfo to_cursor(const storage::CursorView& c) {
  return {c.name,        c.csn,    c.created,    c.updated, std::chrono::microseconds(c.limit_us),
          c.lag_commits, c.lag_us, c.fell_behind};
}

TableStats to_stats(const storage::StoreStats& s) {
  TableStats t;
  t.name = s.name;
  t.csn = s.csn;
  t.last_commit_time = s.last_commit_time;
  t.rows = s.rows;
  t.bytes = s.bytes;
  t.hot = report_of(s.hot);
  t.warm = report_of(s.warm);
  t.cold = report_of(s.cold);
  t.history_rows = s.history_rows;
  t.history_bytes = s.history_bytes;
  t.log_bytes = s.log_bytes;
  t.checkpoint_bytes = s.checkpoint_bytes;
  t.pins = s.pins;
  t.versions = s.versions;
  t.lag_commits = s.lag_commits;
  t.lag_keys = s.lag_keys;
  for (const storage::PinView& p : s.pin_list) t.pin_list.push_back({p.owner, Csn{p.csn}, p.age_us});
  t.horizon = s.horizon;
  if (s.bytes_ingested != 0) {
    t.write_amplification = static_cast<double>(s.bytes_written) / static_cast<double>(s.bytes_ingested);
  }
  t.recovery_us = s.recovery_us;
  t.jobs_refused = s.jobs_refused;
  t.read_only_reason = s.read_only_reason;
  for (const storage::CursorView& c : s.cursors) t.cursors.push_back(to_cursor(c));
  return t;
}

flat<fb::Commit> to_message(const Commit& c) {
  return make_flat<fb::Commit>([&](Builder& b) {
    return fb::CreateCommit(b, c.csn.value, c.time.us, to_fb(c.tier), c.rows, c.repeated);
  });
}

flat<fb::Settled> to_message(const OptimizationResult& r) {
  return make_flat<fb::Settled>([&](Builder& b) {
    std::vector<flatbuffers::Offset<fb::Decision>> list;
    for (const Decision& d : r.decisions) {
      const auto action = b.CreateString(d.action), subject = b.CreateString(d.subject),
                 reason = b.CreateString(d.reason);
      list.push_back(fb::CreateDecision(b, d.time.us, action, subject, reason));
    }
    return fb::CreateSettled(b, b.CreateVector(list), r.bytes_before, r.bytes_after);
  });
}

flat<fb::Stats> to_message(const TableStats& s) {
  return make_flat<fb::Stats>([&](Builder& b) {
    const auto name = b.CreateString(s.name), reason = b.CreateString(s.read_only_reason);
    const auto hot = tier_stats(b, s.hot), warm = tier_stats(b, s.warm), cold = tier_stats(b, s.cold);
    std::vector<flatbuffers::Offset<fb::PinStats>> pins;
    for (const PinReport& p : s.pin_list)
      pins.push_back(fb::CreatePinStats(b, b.CreateString(p.owner), p.csn.value, p.age_us));
    const auto pin_list = b.CreateVector(pins);
    std::vector<flatbuffers::Offset<fb::CursorStats>> list;
    for (const CursorInfo& c : s.cursors)
      list.push_back(fb::CreateCursorStats(b, b.CreateString(c.name), c.csn.value, c.created.us, c.updated.us,
                                           c.limit.count(), c.lag_commits, c.lag_us, c.fell_behind));
    const auto cursors = b.CreateVector(list);
    return fb::CreateStats(b, name, s.csn.value, s.last_commit_time.us, s.rows, s.bytes, hot, warm, cold,
                           s.history_rows, s.history_bytes, s.log_bytes, s.checkpoint_bytes, s.pins,
                           s.horizon.value, s.reads, s.writes, static_cast<std::uint8_t>(s.workload),
                           s.write_amplification, s.recovery_us, reason, s.jobs_refused, s.versions,
                           s.lag_commits, s.lag_keys, pin_list, cursors);
  });
}

flat<fb::GetAnswer> to_message(const std::optional<std::vector<Value>>& row) {
  return make_flat<fb::GetAnswer>([&](Builder& b) {
    const auto cells = row ? to_row(b, *row) : flatbuffers::Offset<fb::Row>{};
    return fb::CreateGetAnswer(b, row.has_value(), cells);
  });
}

flat<fb::QueryAnswer> to_message(const QueryResult& r) {
  return make_flat<fb::QueryAnswer>([&](Builder& b) {
    return fb::CreateQueryAnswer(b, r.csn.value, static_cast<std::uint64_t>(r.rows.rows()));
  });
}

flat<fb::ChangesAnswer> to_message(const ChangesResult& r) {
  return make_flat<fb::ChangesAnswer>([&](Builder& b) {
    return fb::CreateChangesAnswer(b, r.next.value, static_cast<std::uint64_t>(r.rows.rows()));
  });
}

flat<fb::Tick> make_tick(std::int64_t now_us) {
  return make_flat<fb::Tick>([&](Builder& b) { return fb::CreateTick(b, now_us); });
}

flat<fb::Release> make_release(std::uint64_t ticket) {
  return make_flat<fb::Release>([&](Builder& b) { return fb::CreateRelease(b, ticket); });
}

JobContext context_of(const fb::JobOrder& o) {
  return {o.table_id(), o.session(), from_fb(o.to()), o.from_hot(), text(o.reason()), 0, o.settles_upto()};
}

flat<fb::JobReport> to_message(const JobContext& c, const Result<storage::JobReport>& result) {
  return make_flat<fb::JobReport>([&](Builder& b) {
    const storage::JobReport r = result ? *result : storage::JobReport{};
    const auto reason = b.CreateString(c.reason);
    const auto message = b.CreateString(result ? std::string{} : result.error().message());
    const auto code = result ? ErrorCode::ok : result.error().code();
    return fb::CreateJobReport(b, c.table_id, c.session, to_fb(c.to), to_fb(r.from), c.from_hot, r.done,
                               r.inputs, r.outputs, r.rows_in, r.rows_out, r.rows_dropped, r.bytes_in,
                               r.bytes_out, c.now_us, reason, static_cast<std::uint8_t>(code), message);
  });
}

flat<fb::JobOrder> to_message(const JobContext& c, const std::optional<storage::JobOrder>& order,
                              std::uint64_t bytes, std::uint8_t priority) {
  return make_flat<fb::JobOrder>([&](Builder& b) {
    const auto inputs = b.CreateVector(order ? order->inputs : std::vector<std::uint64_t>{});
    const auto reason = b.CreateString(c.reason);
    return fb::CreateJobOrder(b, c.table_id, c.session, to_fb(order ? order->to : StorageTier::none),
                              order && order->from_hot, inputs, priority, bytes, reason,
                              order ? order->hot_upto : 0, c.settles_upto);
  });
}

storage::JobOrder to_store_order(const fb::JobOrder& o) {
  storage::JobOrder order;
  order.to = from_fb(o.to());
  order.from_hot = o.from_hot();
  order.hot_upto = o.hot_upto();
  if (o.inputs() != nullptr) order.inputs.assign(o.inputs()->begin(), o.inputs()->end());
  return order;
}

bool is_settled(const fb::JobOrder& o) {
  return !o.from_hot() && (o.inputs() == nullptr || o.inputs()->size() == 0);
}

Decision to_decision(const fb::JobReport& r) {
  Decision d;
  d.time = {r.time_us()};
  d.action = action_name(r);
  d.subject = r.from_hot() ? "hot rows" : fmt::format("{} file(s)", r.inputs());
  if (r.from_hot() && r.inputs() != 0) d.subject += fmt::format(" and {} file(s)", r.inputs());
  d.reason = fmt::format("{}; {} rows and {} bytes became {} rows and {} bytes in {} file(s), {} dropped",
                         text(r.reason()), r.rows_in(), r.bytes_in(), r.rows_out(), r.bytes_out(),
                         r.outputs(), r.rows_dropped());
  return d;
}

}  // namespace firn::runtime
