// The table actor: what programs talk to by message. It checks, routes and hands on; workers and the hot actor answer
// the sender directly.
#pragma once
#include "parcels.hpp"

namespace firn::runtime {

struct Services;

/// TableActor and, from the hot actor, the news that commits are visible; from workers and itself what concerns requests
/// that wait for them.
using TableFront =
    TableActor::extend<caf::reacts_to<flat<fb::GroupDone>>, caf::reacts_to<flat<fb::ChangesLooked>>,
                       caf::reacts_to<flat<fb::ChangesDue>>>;

TableFront spawn_table(caf::actor_system& system, const std::shared_ptr<Services>& services,
                       const TableRef& table);

}  // namespace firn::runtime
