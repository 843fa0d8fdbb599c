// An I/O worker: a detached actor, so a thread of its own, that does whatever blocks. The last pin of each message is its
// share in the worker's load (worker_pool.hpp).
#pragma once
#include "parcels.hpp"

namespace firn::runtime {

struct Services;

using IoWorker = caf::typed_actor<
    // Commit a group, answer its slots, then the group's.
    caf::reacts_to<GroupRef, GroupSlot, TableRef, Pin>,
    // Check rows; write large ones as blocks; pass the change to the hot actor.
    caf::reacts_to<flat<fb::CommitOrder>, ArrowBody, CommitSlot, Pin, TableRef, Pin>,
    caf::reacts_to<flat<fb::QueryRequest>, QuerySlot, TableRef, Pin>,
    caf::reacts_to<flat<fb::ChangesRequest>, ChangesSlot, TableRef, Pin>,
    caf::reacts_to<flat<fb::GetRequest>, RowSlot, TableRef, Pin>,
    caf::reacts_to<flat<fb::StatsRequest>, StatsSlot, TableRef, Pin>,
    // Say which commit is the newest.
    caf::reacts_to<GroupSlot, TableRef, Pin>,
    // See what is due for a table, and do the small upkeep.
    caf::reacts_to<flat<fb::Examine>, ExamineSlot, TableRef, Pin>,
    // Run a maintenance job.
    caf::reacts_to<flat<fb::JobOrder>, JobSlot, TableRef, Pin>,
    // Create or open a table.
    caf::reacts_to<flat<fb::CreateTableRequest>, TableSlot, Pin>,
    caf::reacts_to<flat<fb::OpenTableRequest>, TableSlot, Pin>>;

/// The one that commits takes a ring for its thread (io/uring.hpp) before others can.
IoWorker spawn_worker(caf::actor_system& system, const std::shared_ptr<Services>& services, bool commits);

}  // namespace firn::runtime
