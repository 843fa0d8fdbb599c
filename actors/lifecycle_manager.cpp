#include "lifecycle_manager.hpp"

#include "caf_runtime.hpp"
#include "io/staging.hpp"
#include "lifecycle_sessions.hpp"
#include "services.hpp"
#include "wire.hpp"

namespace firn::runtime {
namespace {

constexpr std::int64_t kUpkeepUs = 60'000'000;
constexpr std::int64_t kFailureRestUs =
    30'000'000;  // after a failed background job the table is left alone for so long

/// What the background does with a table just now.
struct Watch {
  bool busy = false;  ///< examined, or a job of the background is under way
  std::int64_t upkeep_us = INT64_MIN / 2, rest_until_us = INT64_MIN;  ///< monotonic
};

struct LifecycleState {
  static inline const char* name = "firn.lifecycle";
  LifecycleState() = default;
  LifecycleSessions sessions;
  bool between_looks = false;  ///< of our own timer: half of a tick has passed
  std::map<std::uint64_t, Watch> watches;
};

using LifecycleSelf = LifecycleManager::stateful_pointer<LifecycleState>;

flat<fb::JobReport> failed_report(std::uint64_t table, std::uint64_t session, const Error& why) {
  JobContext context;
  context.table_id = table;
  context.session = session;
  return to_message(context, Result<storage::JobReport>(why));
}

/// A worker looks; its findings come back as a JobOrder or a failed JobReport.
void examine(LifecycleSelf self, Services& services, const TableRef& table, std::uint64_t session,
             StorageTier goal, bool upkeep, std::uint64_t upto = 0) {
  const auto me = caf::actor_cast<LifecycleManager>(self);
  ExamineSlot slot([me, table, session](Result<flat<fb::JobOrder>> r) {
    if (r)
      caf::anon_send(me, std::move(*r), table);
    else
      caf::anon_send(me, failed_report(table->id, session, r.error()), table);
  });
  auto request = make_flat<fb::Examine>(
      [&](auto& b) { return fb::CreateExamine(b, table->id, session, to_fb(goal), upkeep, false, upto); });
  auto [worker, load] = services.workers.for_looks();
  caf::anon_send(worker, std::move(request), std::move(slot), table, std::move(load));
}

/// Ended rows are found twice a tick, beside whatever job runs: at rest no file is behind for longer than that.
void follow_ends(const std::shared_ptr<Services>& shared) {
  Services& services = *shared;
  for (const TableRef& table : services.tables->all()) {
    if (services.closing || table->dropped || !table->addresses->started) continue;
    if (!services.tables->pin_if_open(table) || table->following.exchange(true)) continue;
    ExamineSlot slot([weak = std::weak_ptr(shared), table](const Result<flat<fb::JobOrder>>& r) {
      table->following = false;
      const auto alive = weak.lock();
      if (!r && alive && !alive->closing)
        alive->log("table \"" + table->name + "\": ended rows could not be found: " + r.error().message());
    });
    auto request = make_flat<fb::Examine>(
        [&](auto& b) { return fb::CreateExamine(b, table->id, 0, to_fb(StorageTier::none), false, true); });
    auto [worker, load] = services.workers.for_looks();
    caf::anon_send(worker, std::move(request), std::move(slot), table, std::move(load));
  }
}

void look_around(LifecycleSelf self, Services& services) {
  const std::int64_t now_us = services.clock->now().us, monotonic_us = services.clock->monotonic_us();
  for (const TableRef& table : services.tables->all()) {
    caf::anon_send(services.analyzer.get(), make_flat<fb::AccessCount>([&](auto& b) {
                     return fb::CreateAccessCount(b, table->id, table->reads, table->writes, now_us);
                   }));
    if (services.closing || table->dropped || !table->addresses->started) continue;
    if (!services.tables->pin_if_open(table)) continue;
    Watch& watch = self->state.watches[table->id];
    if (watch.busy || monotonic_us < watch.rest_until_us) continue;
    const bool upkeep = monotonic_us - watch.upkeep_us >= kUpkeepUs;
    if (upkeep) watch.upkeep_us = monotonic_us;
    watch.busy = true;
    examine(self, services, table, 0, StorageTier::none, upkeep);
  }
}

void order_job(LifecycleSelf self, Services& services, const flat<fb::JobOrder>& order,
               const TableRef& table) {
  if (is_settled(*order) || services.closing) {
    if (order->session() == 0)
      self->state.watches[table->id].busy = false;
    else
      self->state.sessions.finish(order->session(),
                                  services.closing ? Result<void>(closing_error()) : Result<void>());
    return;
  }
  if (Session* s = self->state.sessions.find(order->session()); s != nullptr) s->upto = order->settles_upto();
  const auto me = caf::actor_cast<LifecycleManager>(self);
  JobSlot slot([me, table, session = order->session()](Result<flat<fb::JobReport>> r) {
    caf::anon_send(me, r ? std::move(*r) : failed_report(table->id, session, r.error()), table);
  });
  caf::anon_send(services.scheduler.get(), order, std::move(slot), table);
}

void background_report(LifecycleSelf self, Services& services, const fb::JobReport& r,
                       const TableRef& table) {
  Watch& watch = self->state.watches[table->id];
  watch.busy = false;
  if (LifecycleSessions::is_overtaken(r) || services.closing) return;
  if (r.error() != 0) {
    watch.rest_until_us = services.clock->monotonic_us() + kFailureRestUs;
    services.log("table \"" + table->name +
                 "\": background work failed: " + (r.message() ? r.message()->str() : ""));
    return;
  }
  if (!r.done() || services.closing) return;
  watch.busy = true;  // more may be due
  examine(self, services, table, 0, StorageTier::none, false);
}

void session_report(LifecycleSelf self, Services& services, const fb::JobReport& r, const TableRef& table) {
  Session* s = self->state.sessions.find(r.session());
  if (s == nullptr) return;
  if (r.error() == 0 && r.done()) s->result.decisions.push_back(to_decision(r));
  switch (LifecycleSessions::after(*s, r)) {
    case LifecycleSessions::Next::look_again:
      return examine(self, services, table, r.session(), s->goal, false, s->upto);
    case LifecycleSessions::Next::finished:
      return self->state.sessions.finish(r.session(), {});
    case LifecycleSessions::Next::failed:
      return self->state.sessions.finish(
          r.session(),
          Error(static_cast<ErrorCode>(r.error()), r.message() ? r.message()->str() : "a job failed"));
  }
}

void job_ended(LifecycleSelf self, Services& services, const flat<fb::JobReport>& r, const TableRef& table) {
  if (r->error() == 0 && r->done()) table->decisions.record(to_decision(*r));
  if (r->session() == 0)
    background_report(self, services, *r, table);
  else
    session_report(self, services, *r, table);
}

void arm_timer(LifecycleSelf self, const Services& services) {
  if (!services.background || !services.own_ticks) return;
  self->delayed_send(self, std::chrono::microseconds(services.tick_us / 2), make_tick(0));
}

LifecycleManager::behavior_type lifecycle(LifecycleSelf self, const std::shared_ptr<Services>& services) {
  prepare(self);
  arm_timer(self, *services);
  return {
      [=](const flat<fb::Tick>& tick) {
        services->faults->check("lifecycle");
        const bool own = tick->now_us() == 0;  // our timer, not a test's hand
        follow_ends(services);
        io::trim_staging(io::kStagingIdle);
        if (own) self->state.between_looks = !self->state.between_looks;
        if (!own || !self->state.between_looks) look_around(self, *services);
        if (own) arm_timer(self, *services);
      },
      [=](const flat<fb::Examine>& request, const SettleSlot& slot, const TableRef& table) {
        services->faults->check("lifecycle");
        Session session;
        session.table = table;
        session.slot = slot;
        session.goal = from_fb(request->goal());
        const std::uint64_t id = self->state.sessions.open(std::move(session));
        examine(self, *services, table, id, from_fb(request->goal()), false);
      },
      [=](const flat<fb::JobOrder>& order, const TableRef& table) {
        services->faults->check("lifecycle");
        order_job(self, *services, order, table);
      },
      [=](const flat<fb::JobReport>& report, const TableRef& table) {
        services->faults->check("lifecycle");
        job_ended(self, *services, report, table);
      },
  };
}

}  // namespace

LifecycleManager spawn_lifecycle(caf::actor_system& system, const std::shared_ptr<Services>& services) {
  return system.spawn(lifecycle, services);
}

}  // namespace firn::runtime
