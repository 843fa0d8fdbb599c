// The cold actor of a table: runs the jobs that write segments.
#pragma once
#include "parcels.hpp"

namespace firn::runtime {

struct Services;

using ColdActor = caf::typed_actor<caf::reacts_to<flat<fb::JobOrder>, JobSlot>>;

ColdActor spawn_cold(caf::actor_system& system, const std::shared_ptr<Services>& services,
                     const TableRef& table);

}  // namespace firn::runtime
