#include "hot_actor.hpp"

#include "caf_runtime.hpp"
#include "commit_queue.hpp"
#include "services.hpp"

namespace firn::runtime {
namespace {

struct HotState {
  static inline const char* name = "firn.hot";
  HotState() = default;
  CommitQueue queue;
  bool committing = false;
  bool stopping = false;
  bool had_company = false;  ///< more than one change was around lately
};

using HotSelf = HotActor::stateful_pointer<HotState>;

void commit_next(HotSelf self, Services& services, const TableRef& table) {
  HotState& s = self->state;
  if (s.committing) return;
  std::vector<Parcel> parcels = s.queue.take();
  if (parcels.empty()) {
    if (s.stopping && s.queue.empty()) self->quit(caf::exit_reason::user_shutdown);
    return;
  }
  s.committing = true;
  s.had_company = s.had_company || parcels.size() > 1;
  auto group = std::make_shared<CommitGroup>(
      CommitGroup{std::move(parcels), s.had_company ? kCompanyWait : std::chrono::microseconds(0)});
  const auto me = caf::actor_cast<HotActor>(self);
  GroupSlot done([me](Result<flat<fb::GroupDone>> r) {
    caf::anon_send(me, r ? *r : make_flat<fb::GroupDone>([](auto& b) { return fb::CreateGroupDone(b); }));
  });
  auto [worker, load] = services.workers.for_commit();
  caf::anon_send(worker, std::move(group), std::move(done), table, std::move(load));
}

void group_done(HotSelf self, const flat<fb::GroupDone>& done, const TableRef& table) {
  HotState& s = self->state;
  s.committing = false;
  s.had_company = done->requests() + s.queue.size() > 1;
  if (done->csn() != 0) caf::anon_send(table->addresses->table.get(), done);
}

HotActor::behavior_type hot_actor(HotSelf self, const std::shared_ptr<Services>& services,
                                  const TableRef& table) {
  prepare(self);
  self->set_exit_handler([=](caf::scheduled_actor*, caf::exit_msg&) {
    self->state.stopping = true;
    commit_next(self, *services, table);
  });
  return {
      [=](const flat<fb::CommitOrder>& order, const ArrowBody& rows, const CommitSlot& slot, const Pin& pin) {
        services->faults->check("hot");
        if (self->state.stopping) return slot.deliver(closing_error());
        self->state.queue.add({order, rows, slot, pin});
        commit_next(self, *services, table);
      },
      [=](const flat<fb::Reserve>& r) {
        services->faults->check("hot");
        self->state.queue.reserve(r->ticket(), r->stream());
      },
      [=](const flat<fb::Release>& r) {
        services->faults->check("hot");
        self->state.queue.release(r->ticket());
        commit_next(self, *services, table);
      },
      [=](const flat<fb::GroupDone>& done) {
        group_done(self, done, table);
        services->faults->check("hot");
        commit_next(self, *services, table);
      },
  };
}

}  // namespace

HotActor spawn_hot(caf::actor_system& system, const std::shared_ptr<Services>& services,
                   const TableRef& table) {
  return system.spawn(hot_actor, services, table);
}

}  // namespace firn::runtime
