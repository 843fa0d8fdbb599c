#include "table_actor.hpp"

#include "caf_runtime.hpp"
#include "direct_reply.hpp"
#include "schema/key_codec.hpp"
#include "table_readers.hpp"
#include "wire.hpp"
#include "write_check.hpp"

namespace firn::runtime {
namespace {

// Bodies up to this are decoded and checked here; larger ones by a worker.
constexpr std::size_t kInlineBytesMax = 256u << 10;
// What a change without rows counts at the gate.
constexpr std::uint64_t kOrderBytes = 256;

CommitSlot commit_slot(TableSelf self) {
  return direct_reply<Commit>(self, [](Commit c) { return caf::make_message(to_message(c)); });
}

SettleSlot settle_slot(TableSelf self) {
  return direct_reply<OptimizationResult>(
      self, [](const OptimizationResult& r) { return caf::make_message(to_message(r)); });
}

/// Commits of one sender keep their order.
std::uint64_t stream_of(TableSelf self) {
  const auto& sender = self->current_sender();
  return sender ? sender->id() : 0;
}

Error too_much() {
  return {ErrorCode::busy, "too many bytes of unanswered writes; wait for an answer before sending more"};
}

/// Two things held as one.
Pin both(Pin a, Pin b) { return std::make_shared<std::pair<Pin, Pin>>(std::move(a), std::move(b)); }

/// Keeps a place in the hot actor's order; gives it up when the pin goes, whatever became of the change.
Pin reserve_place(const HotActor& hot, std::uint64_t ticket, std::uint64_t stream) {
  caf::anon_send(hot, make_flat<fb::Reserve>([&](auto& b) { return fb::CreateReserve(b, ticket, stream); }));
  return Pin(nullptr, [hot, ticket](void*) { caf::anon_send(hot, make_release(ticket)); });
}

struct Door {
  Services& services;
  const TableRef& table;
  Result<void> open() const {
    if (services.closing) return closing_error();
    if (const std::string stop = table->write_stop(); !stop.empty()) {
      return Error(ErrorCode::read_only, "table \"" + table->name + "\" takes no writes: " + stop);
    }
    return {};
  }
};

/// Small rows that need no worker, ready to commit; nothing if a worker must look at them.
Result<std::optional<Batch>> check_here(Services& services, const TableRef& table, const ArrowBody& body,
                                        WriteMode mode) {
  if (body.byte_size() > kInlineBytesMax) return std::optional<Batch>{};
  const TablePin pin = services.tables->pin_if_open(table);
  if (!pin) return std::optional<Batch>{};
  FIRN_ASSIGN(const Batch given, body.batch());
  FIRN_ASSIGN(Batch rows, fit_to_table(*pin->store, given, mode));
  if (!pin->store->is_small(rows) && !is_update(mode)) return std::optional<Batch>{};
  FIRN_TRY(check_keys(rows));
  return std::optional<Batch>(std::move(rows));
}

Result<void> take_write(TableSelf self, Services& services, const TableRef& table,
                        const fb::WriteRequest& request, const ArrowBody& body, std::uint64_t stream,
                        const CommitSlot& slot) {
  FIRN_TRY((Door{services, table}.open()));
  Change change;
  FIRN_ASSIGN(change.options, write_options(request));
  FIRN_ASSIGN(auto rows, check_here(services, table, body, change.options.mode));
  change.stream = stream;
  const HotActor hot = table->addresses->hot.get();
  if (rows) {
    const auto gate = table->write_gate();
    const Pin permit = gate ? gate->try_acquire(body.byte_size()) : nullptr;
    if (!permit) return too_much();
    caf::anon_send(hot, to_order(change), ArrowBody(std::move(*rows)), slot, permit);
    return {};
  }
  const Pin permit = services.bulk_gate->try_acquire(body.byte_size());
  if (!permit) return too_much();
  change.ticket = ++self->state.last_ticket;
  const Pin place = reserve_place(hot, change.ticket, change.stream);
  caf::anon_send(table->addresses->warm.get(), to_order(change), body, slot, both(permit, place));
  return {};
}

Result<void> take_remove(Services& services, const TableRef& table, const fb::RemoveRequest& request,
                         std::uint64_t stream, const CommitSlot& slot) {
  FIRN_TRY((Door{services, table}.open()));
  Change change;
  FIRN_ASSIGN(change.options, write_options(request));
  change.stream = stream;
  if (request.where() != nullptr && request.where()->size() != 0) {
    change.kind = fb::CommitKind::remove_where;
    change.where = request.where()->str();
    FIRN_TRY(parse_condition(change.where));
  } else {
    change.kind = fb::CommitKind::remove_keys;
    const auto schema = table->schema();
    if (!schema || request.keys() == nullptr) {
      return Error(ErrorCode::invalid_argument, "a RemoveRequest needs keys or a condition");
    }
    for (const fb::Row* row : *request.keys()) {
      FIRN_ASSIGN(const std::vector<Value> key, from_row(*row));
      FIRN_ASSIGN(std::string encoded, encode_key(*schema, key));
      change.keys.push_back(std::move(encoded));
    }
  }
  std::uint64_t bytes = kOrderBytes + change.where.size();
  for (const std::string& key : change.keys) bytes += key.size();
  const auto gate = table->write_gate();
  Pin permit = gate ? gate->try_acquire(bytes) : nullptr;
  if (!permit) return too_much();
  caf::anon_send(table->addresses->hot.get(), to_order(change), ArrowBody{}, slot, std::move(permit));
  return {};
}

Result<void> take_alter(Services& services, const TableRef& table, const fb::AlterRequest& request,
                        std::uint64_t stream, const CommitSlot& slot) {
  FIRN_TRY((Door{services, table}.open()));
  const std::string text = request.change() == nullptr ? std::string() : request.change()->str();
  FIRN_ASSIGN(const AlterStatement statement, parse_alter(text));
  FIRN_TRY(statement.check_addressee(table->name));
  Change change;
  change.kind = fb::CommitKind::alter;
  change.alter = statement.change.to_string();
  change.stream = stream;
  const auto gate = table->write_gate();
  Pin permit = gate ? gate->try_acquire(kOrderBytes + text.size()) : nullptr;
  if (!permit) return too_much();
  caf::anon_send(table->addresses->hot.get(), to_order(change), ArrowBody{}, slot, std::move(permit));
  return {};
}

Result<void> take_cursor(Services& services, const TableRef& table, const fb::CursorRequest& request,
                         std::uint64_t stream, const CommitSlot& slot) {
  FIRN_TRY((Door{services, table}.open()));
  Change change;
  change.kind = fb::CommitKind::cursor;
  FIRN_ASSIGN(change.cursor, cursor_request(request));
  change.stream = stream;
  const auto gate = table->write_gate();
  Pin permit = gate ? gate->try_acquire(kOrderBytes + change.cursor.name.size()) : nullptr;
  if (!permit) return too_much();
  caf::anon_send(table->addresses->hot.get(), to_order(change), ArrowBody{}, slot, std::move(permit));
  return {};
}

void settle(Services& services, const TableRef& table, fb::Tier goal, const SettleSlot& slot) {
  if (services.closing) return slot.deliver(closing_error());
  auto request = make_flat<fb::Examine>([&](auto& b) { return fb::CreateExamine(b, table->id, 0, goal); });
  caf::anon_send(services.lifecycle.get(), std::move(request), slot, table);
}

template <class Slot>
bool refused(const Services& services, const Slot& slot) {
  if (services.closing) slot.deliver(closing_error());
  return services.closing;
}

TableFront::behavior_type table_actor(TableSelf self, const std::shared_ptr<Services>& services,
                                      const TableRef& table) {
  prepare(self);
  self->set_down_handler([=](caf::scheduled_actor*, caf::down_msg& d) {
    self->state.subscribers.erase(d.source);
    self->state.readers.forget(d.source);
  });
  self->set_exit_handler([=](caf::scheduled_actor*, caf::exit_msg& end) {
    if (!end.reason) return;
    self->state.readers.refuse_all(gone_error());
    self->quit(std::move(end.reason));
  });
  const auto begin = [services] { services->faults->check("table"); };
  return {
      [=](const flat<fb::WriteRequest>& r, const ArrowBody& body) -> caf::delegated<flat<fb::Commit>> {
        const std::uint64_t stream = stream_of(self);  // the slot takes the sender over
        const CommitSlot slot = commit_slot(self);
        begin();
        if (unsound(r, slot)) return {};
        if (auto taken = take_write(self, *services, table, *r, body, stream, slot); !taken)
          slot.deliver(taken.error());
        return {};
      },
      [=](const flat<fb::RemoveRequest>& r) -> caf::delegated<flat<fb::Commit>> {
        const std::uint64_t stream = stream_of(self);  // the slot takes the sender over
        const CommitSlot slot = commit_slot(self);
        begin();
        if (unsound(r, slot)) return {};
        if (auto taken = take_remove(*services, table, *r, stream, slot); !taken) slot.deliver(taken.error());
        return {};
      },
      [=](const flat<fb::AlterRequest>& r) -> caf::delegated<flat<fb::Commit>> {
        const std::uint64_t stream = stream_of(self);
        const CommitSlot slot = commit_slot(self);
        begin();
        if (unsound(r, slot)) return {};
        if (auto taken = take_alter(*services, table, *r, stream, slot); !taken) slot.deliver(taken.error());
        return {};
      },
      [=](const flat<fb::QueryRequest>& r) -> caf::delegated<flat<fb::QueryAnswer>, ArrowBody> {
        const QuerySlot slot = direct_reply<QueryResult>(self, [](QueryResult x) {
          auto answer = to_message(x);
          return caf::make_message(std::move(answer), ArrowBody(std::move(x.rows)));
        });
        begin();
        if (refused(*services, slot) || unsound(r, slot)) return {};
        auto [worker, load] = services->workers.for_long_work();
        caf::anon_send(worker, r, slot, table, std::move(load));
        return {};
      },
      [=](const flat<fb::ChangesRequest>& r) -> caf::delegated<flat<fb::ChangesAnswer>, ArrowBody> {
        // The slot takes the sender over.
        const auto asker = caf::actor_cast<caf::actor_addr>(self->current_sender());
        const ChangesSlot slot = direct_reply<ChangesResult>(self, [](ChangesResult x) {
          auto answer = to_message(x);
          return caf::make_message(std::move(answer), ArrowBody(std::move(x.rows)));
        });
        begin();
        if (!asker) return {};
        if (unsound(r, slot)) return {};
        if (auto taken = take_changes(self, *services, table, r, asker, slot); !taken)
          slot.deliver(taken.error());
        return {};
      },
      [=](const flat<fb::CursorRequest>& r) -> caf::delegated<flat<fb::Commit>> {
        const std::uint64_t stream = stream_of(self);
        const CommitSlot slot = commit_slot(self);
        begin();
        if (unsound(r, slot)) return {};
        if (auto taken = take_cursor(*services, table, *r, stream, slot); !taken) slot.deliver(taken.error());
        return {};
      },
      [=](const flat<fb::GetRequest>& r) -> caf::delegated<flat<fb::GetAnswer>> {
        const RowSlot slot = direct_reply<std::optional<std::vector<Value>>>(
            self,
            [](const std::optional<std::vector<Value>>& row) { return caf::make_message(to_message(row)); });
        begin();
        if (refused(*services, slot) || unsound(r, slot)) return {};
        auto [worker, load] = services->workers.for_long_work();
        caf::anon_send(worker, r, slot, table, std::move(load));
        return {};
      },
      [=](const flat<fb::CompactRequest>& r) -> caf::delegated<flat<fb::Settled>> {
        const SettleSlot slot = settle_slot(self);
        begin();
        if (unsound(r, slot)) return {};
        if (from_fb(r->to()) == StorageTier::none)
          slot.deliver(Error(ErrorCode::invalid_argument, "compact needs a tier"));
        else
          settle(*services, table, r->to(), slot);
        return {};
      },
      [=](const flat<fb::OptimizeRequest>& r) -> caf::delegated<flat<fb::Settled>> {
        const SettleSlot slot = settle_slot(self);
        begin();
        if (unsound(r, slot)) return {};
        settle(*services, table, fb::Tier::none, slot);
        return {};
      },
      [=](const flat<fb::StatsRequest>& r) -> caf::delegated<flat<fb::Stats>> {
        const StatsSlot slot = direct_reply<TableStats>(
            self, [](const TableStats& s) { return caf::make_message(to_message(s)); });
        begin();
        if (refused(*services, slot) || unsound(r, slot)) return {};
        auto [worker, load] = services->workers.for_long_work();
        caf::anon_send(worker, r, slot, table, std::move(load));
        return {};
      },
      [=](const flat<fb::SubscribeRequest>& r) -> caf::result<flat<fb::Subscribed>> {
        begin();
        if (!r) return to_caf(unsound_message());
        return subscribe(self, *services, table, r->credit());
      },
      [=](const flat<fb::GroupDone>& done) {
        begin();
        hear_of_commits(self, *services, table, *done);
      },
      [=](const flat<fb::ChangesLooked>& done) {
        begin();
        look_is_over(self, *services, table, *done);
      },
      [=](const flat<fb::ChangesDue>&) {
        begin();
        look_at_time(self, *services, table);
      },
  };
}

}  // namespace

TableFront spawn_table(caf::actor_system& system, const std::shared_ptr<Services>& services,
                       const TableRef& table) {
  return system.spawn(table_actor, services, table);
}

}  // namespace firn::runtime
