// The warm actor of a table: has large batches written as blocks, and runs the jobs that write warm blocks.
#pragma once
#include "parcels.hpp"

namespace firn::runtime {

struct Services;

using WarmActor = caf::typed_actor<
    // Rows to prepare; they go on to the hot actor.
    caf::reacts_to<flat<fb::CommitOrder>, ArrowBody, CommitSlot, Pin>,
    caf::reacts_to<flat<fb::JobOrder>, JobSlot>>;

WarmActor spawn_warm(caf::actor_system& system, const std::shared_ptr<Services>& services,
                     const TableRef& table);

}  // namespace firn::runtime
