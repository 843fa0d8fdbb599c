#include "table_readers.hpp"

namespace firn::runtime {
namespace {

// How often the time of requests that wait for commits is looked at. The clock keeps an actor until the last tick.
constexpr auto kWaitTick = std::chrono::milliseconds(1'000);
constexpr auto kTickMin = std::chrono::milliseconds(1);

void send_to_worker(Services& services, const TableRef& table, const flat<fb::ChangesRequest>& request,
                    ChangesSlot slot) {
  auto [worker, load] = services.workers.for_long_work();
  caf::anon_send(worker, request, std::move(slot), table, std::move(load));
}

/// A worker looks; what it finds goes to the reader, or word that there is nothing yet comes back here.
void look(TableSelf self, Services& services, const TableRef& table, const WaitingReaders::Look& due) {
  const auto me = caf::actor_cast<TableFront>(self);
  ChangesSlot slot([me, due](Result<ChangesResult> found) {
    const bool answered = due.last || !found || found->rows.rows() != 0;
    const std::uint64_t csn = found ? found->next.value : 0;
    if (answered) due.slot.deliver(std::move(found));
    caf::anon_send(me, make_flat<fb::ChangesLooked>(
                           [&](auto& b) { return fb::CreateChangesLooked(b, due.ticket, csn, answered); }));
  });
  send_to_worker(services, table, due.request, std::move(slot));
}

void look(TableSelf self, Services& services, const TableRef& table,
          const std::vector<WaitingReaders::Look>& all) {
  for (const WaitingReaders::Look& due : all) look(self, services, table, due);
}

// Tickets of readers begin with 1.
constexpr std::uint64_t kForSubscribers = 0;

/// Subscribers where nobody announces commits: a worker looks which is the newest. If it is new, they are told as of any
/// other.
void look_for_commits(TableSelf self, Services& services, const TableRef& table) {
  TableActorState& s = self->state;
  if (s.subscribers.empty() || std::exchange(s.looking_for_commits, true)) return;
  GroupSlot slot([me = caf::actor_cast<TableFront>(self)](const Result<flat<fb::GroupDone>>& newest) {
    if (newest) caf::anon_send(me, *newest);
    caf::anon_send(me, make_flat<fb::ChangesLooked>(
                           [](auto& b) { return fb::CreateChangesLooked(b, kForSubscribers, 0, false); }));
  });
  auto [worker, load] = services.workers.for_long_work();
  caf::anon_send(worker, std::move(slot), table, std::move(load));
}

/// Sees to it that a ChangesDue comes in time. One that is on its way and too late is overtaken, and ignored later.
void tick(TableSelf self, const Services& services) {
  TableActorState& s = self->state;
  const bool polls = services.read_only && !s.subscribers.empty();
  if (s.readers.empty() && !polls) return;
  const auto now = std::chrono::steady_clock::now();
  const auto at = std::min(s.readers.next_due(), now + (services.read_only ? kPollEvery : kWaitTick));
  if (s.tick_at && *s.tick_at <= at) return;
  s.tick_at = at;
  const std::chrono::nanoseconds wait = std::max(at - now, std::chrono::steady_clock::duration(kTickMin));
  self->delayed_send(self, wait, make_flat<fb::ChangesDue>([](auto& b) { return fb::CreateChangesDue(b); }));
}

void tell(Subscriber& s, const TableActorState& state, const TableRef& table,
          const caf::strong_actor_ptr& me) {
  if (s.credit == 0 || s.csn >= state.csn) return;
  --s.credit;
  s.csn = state.csn;
  auto event = make_flat<fb::CommitEvent>([&](auto& b) {
    const auto name = b.CreateString(table->name);
    return fb::CreateCommitEvent(b, name, state.csn, state.csn_time_us);
  });
  s.actor->enqueue(me, caf::make_message_id(), caf::make_message(std::move(event)), nullptr);
}

/// Somebody's end is of interest once, whatever they have asked for: watch() comes before that is noted, unwatch() after
/// it is forgotten.
void watch(TableSelf self, const caf::actor_addr& address) {
  const TableActorState& s = self->state;
  if (!s.subscribers.contains(address) && !s.readers.has(address)) self->monitor(address);
}

void unwatch(TableSelf self, const caf::actor_addr& address) {
  const TableActorState& s = self->state;
  if (address && !s.subscribers.contains(address) && !s.readers.has(address)) self->demonitor(address);
}

/// Word of commits comes to this actor from now on. Returns the newest commit of which none may come any more; that of
/// those before may still be under way to others who listen already.
std::uint64_t listen(TableSelf self, const TableRef& table) {
  // In this order: a commit announces itself, then looks whether anybody watches.
  table->watched = true;
  return std::max(self->state.csn, table->commits.newest());
}

}  // namespace

flat<fb::Subscribed> subscribe(TableSelf self, const Services& services, const TableRef& table,
                               std::uint32_t credit) {
  TableActorState& state = self->state;
  std::uint64_t newest = state.csn;
  const auto& sender = self->current_sender();
  if (sender) {
    const auto address = caf::actor_cast<caf::actor_addr>(sender);
    newest = listen(self, table);
    watch(self, address);
    Subscriber& s = state.subscribers.try_emplace(address, Subscriber{sender, 0, newest}).first->second;
    s.credit += credit;
    tell(s, state, table, caf::actor_cast<caf::strong_actor_ptr>(self));
    tick(self, services);
  }
  return make_flat<fb::Subscribed>([&](auto& b) { return fb::CreateSubscribed(b, newest); });
}

Result<void> take_changes(TableSelf self, Services& services, const TableRef& table,
                          const flat<fb::ChangesRequest>& request, const caf::actor_addr& asker,
                          const ChangesSlot& slot) {
  if (services.closing) return closing_error();
  if (request->wait_us() == 0) {
    send_to_worker(services, table, request, slot);
    return {};
  }
  if (request->to() || request->net())
    return Error(ErrorCode::invalid_argument, "changes that are waited for have no `to` and are not `net`");
  WaitingReaders& readers = self->state.readers;
  if (readers.full())
    return Error(ErrorCode::busy, "table \"" + table->name + "\": " + std::to_string(kWaitingReadersMax) +
                                      " requests wait for its commits already");
  listen(self, table);
  watch(self, asker);
  look(self, services, table, readers.add(request, slot, asker, std::chrono::steady_clock::now()));
  tick(self, services);
  return {};
}

void look_is_over(TableSelf self, Services& services, const TableRef& table, const fb::ChangesLooked& done) {
  WaitingReaders& readers = self->state.readers;
  if (done.ticket() == kForSubscribers) {
    self->state.looking_for_commits = false;  // one look at a time
    return;
  }
  if (done.answered()) return unwatch(self, readers.answered(done.ticket()));
  const Csn newest{std::max(self->state.csn, table->commits.newest())};
  look(self, services, table,
       readers.looked(done.ticket(), Csn{done.csn()}, newest, std::chrono::steady_clock::now()));
  tick(self, services);
}

void hear_of_commits(TableSelf self, Services& services, const TableRef& table, const fb::GroupDone& done) {
  TableActorState& s = self->state;
  if (done.csn() <= s.csn) return;
  s.csn = done.csn();
  s.csn_time_us = done.time_us();
  const auto me = caf::actor_cast<caf::strong_actor_ptr>(self);
  for (auto& [address, subscriber] : s.subscribers) tell(subscriber, s, table, me);
  look(self, services, table, s.readers.committed(Csn{s.csn}));
}

void look_at_time(TableSelf self, Services& services, const TableRef& table) {
  TableActorState& s = self->state;
  const auto now = std::chrono::steady_clock::now();
  if (!s.tick_at || now < *s.tick_at) return;
  s.tick_at.reset();
  look(self, services, table, s.readers.expired(now));
  if (services.read_only) {
    look(self, services, table, s.readers.poll());
    look_for_commits(self, services, table);
  }
  tick(self, services);
}

}  // namespace firn::runtime
