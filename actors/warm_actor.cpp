#include "warm_actor.hpp"

#include "caf_runtime.hpp"
#include "services.hpp"

namespace firn::runtime {
namespace {

struct WarmState {
  static inline const char* name = "firn.warm";
  WarmState() = default;
};

WarmActor::behavior_type warm_actor(WarmActor::stateful_pointer<WarmState> self,
                                    const std::shared_ptr<Services>& services, const TableRef& table) {
  prepare(self);
  return {
      [=](const flat<fb::CommitOrder>& order, const ArrowBody& rows, const CommitSlot& slot, const Pin& pin) {
        services->faults->check("warm");
        auto [worker, load] = services->workers.for_long_work();
        caf::anon_send(worker, order, rows, slot, pin, table, std::move(load));
      },
      [=](const flat<fb::JobOrder>& order, const JobSlot& slot) {
        services->faults->check("warm");
        auto [worker, load] = services->workers.for_long_work();
        caf::anon_send(worker, order, slot, table, std::move(load));
      },
  };
}

}  // namespace

WarmActor spawn_warm(caf::actor_system& system, const std::shared_ptr<Services>& services,
                     const TableRef& table) {
  return system.spawn(warm_actor, services, table);
}

}  // namespace firn::runtime
