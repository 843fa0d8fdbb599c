// The lifecycle manager of a database: looks at every open table each tick, orders what is due, and carries compact() and
// optimize() through until the table is settled. Decisions end in the table's log.
#pragma once
#include "parcels.hpp"

namespace firn::runtime {

struct Services;

using LifecycleManager = caf::typed_actor<caf::reacts_to<flat<fb::Tick>>,
                                          // Settle a table towards a goal, then answer.
                                          caf::reacts_to<flat<fb::Examine>, SettleSlot, TableRef>,
                                          // What a worker found due.
                                          caf::reacts_to<flat<fb::JobOrder>, TableRef>,
                                          // What a job came to, or why the examination failed.
                                          caf::reacts_to<flat<fb::JobReport>, TableRef>>;

LifecycleManager spawn_lifecycle(caf::actor_system& system, const std::shared_ptr<Services>& services);

}  // namespace firn::runtime
