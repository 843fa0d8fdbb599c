// The hot actor of a table: puts changes in commit order and has them committed in groups, one sync for all that wait.
#pragma once
#include "parcels.hpp"

namespace firn::runtime {

struct Services;

using HotActor = caf::typed_actor<
    // A change that is ready, to be committed.
    caf::reacts_to<flat<fb::CommitOrder>, ArrowBody, CommitSlot, Pin>,
    // A place in the order for a change that is still being prepared; it comes as a CommitOrder with that ticket.
    caf::reacts_to<flat<fb::Reserve>>,
    // It will not come.
    caf::reacts_to<flat<fb::Release>>,
    // A worker has committed and answered a group.
    caf::reacts_to<flat<fb::GroupDone>>>;

HotActor spawn_hot(caf::actor_system& system, const std::shared_ptr<Services>& services,
                   const TableRef& table);

}  // namespace firn::runtime
