#include "cold_actor.hpp"

#include "caf_runtime.hpp"
#include "services.hpp"

namespace firn::runtime {
namespace {

struct ColdState {
  static inline const char* name = "firn.cold";
  ColdState() = default;
};

ColdActor::behavior_type cold_actor(ColdActor::stateful_pointer<ColdState> self,
                                    const std::shared_ptr<Services>& services, const TableRef& table) {
  prepare(self);
  return {
      [=](const flat<fb::JobOrder>& order, const JobSlot& slot) {
        services->faults->check("cold");
        auto [worker, load] = services->workers.for_long_work();
        caf::anon_send(worker, order, slot, table, std::move(load));
      },
  };
}

}  // namespace

ColdActor spawn_cold(caf::actor_system& system, const std::shared_ptr<Services>& services,
                     const TableRef& table) {
  return system.spawn(cold_actor, services, table);
}

}  // namespace firn::runtime
