// The supervisor of a database: starts every other actor, monitors them, and starts a failed one again, with a growing
// delay and at most 5 times in 10 minutes; then the table, or the whole database, takes no more writes and says why.
#pragma once
#include "parcels.hpp"

namespace firn::runtime {

struct Services;

using Supervisor = caf::typed_actor<
    // Start a table's actors if they do not run (no table: nothing; the answer says that the others run).
    caf::reacts_to<flat<fb::StartTable>, DoneSlot, TableRef>,
    // Stop them and answer when they have ended.
    caf::reacts_to<flat<fb::StopTable>, DoneSlot, TableRef>,
    // The delay of a failed actor is over.
    caf::reacts_to<flat<fb::Restart>>>;

Supervisor spawn_supervisor(caf::actor_system& system, const std::shared_ptr<Services>& services);

inline constexpr int kRestartsMax = 5;
inline constexpr std::int64_t kRestartWindowUs = 600'000'000;

}  // namespace firn::runtime
