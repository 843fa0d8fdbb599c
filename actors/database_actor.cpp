#include "database_actor.hpp"

#include "caf_runtime.hpp"
#include "direct_reply.hpp"
#include "services.hpp"

namespace firn::runtime {
namespace {

struct DatabaseState {
  static inline const char* name = "firn.database";
  DatabaseState() = default;
};

DatabaseActor::behavior_type database_actor(DatabaseActor::stateful_pointer<DatabaseState> self,
                                            const std::shared_ptr<Services>& services) {
  prepare(self);
  const auto hand_on = [self, services](const auto& request) {
    const TableSlot slot = direct_reply<TableRef>(self, [](const TableRef& table) {
      return caf::make_message(caf::actor_cast<TableActor>(table->addresses->table.get()));
    });
    services->faults->check("database");
    if (services->closing) return slot.deliver(closing_error());
    if (unsound(request, slot)) return;
    auto [worker, load] = services->workers.for_long_work();
    caf::anon_send(worker, request, slot, std::move(load));
  };
  return {
      [=](const flat<fb::CreateTableRequest>& r) -> caf::delegated<TableActor> {
        hand_on(r);
        return {};
      },
      [=](const flat<fb::OpenTableRequest>& r) -> caf::delegated<TableActor> {
        hand_on(r);
        return {};
      },
  };
}

}  // namespace

DatabaseActor spawn_database(caf::actor_system& system, const std::shared_ptr<Services>& services) {
  return system.spawn(database_actor, services);
}

}  // namespace firn::runtime
