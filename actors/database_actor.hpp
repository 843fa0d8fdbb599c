// The database's actor for programs: creates and opens tables by message.
#pragma once
#include "parcels.hpp"

namespace firn::runtime {

struct Services;

DatabaseActor spawn_database(caf::actor_system& system, const std::shared_ptr<Services>& services);

}  // namespace firn::runtime
