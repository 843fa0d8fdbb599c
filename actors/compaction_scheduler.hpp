// The compaction scheduler of a database: one job a table, fewer jobs than workers, within one I/O budget, the most
// urgent first.
#pragma once
#include "parcels.hpp"

namespace firn::runtime {

struct Services;

using CompactionScheduler = caf::typed_actor<caf::reacts_to<flat<fb::JobOrder>, JobSlot, TableRef>,
                                             // A job ended.
                                             caf::reacts_to<flat<fb::JobReport>>,
                                             // The budget may allow more.
                                             caf::reacts_to<flat<fb::Tick>>>;

CompactionScheduler spawn_scheduler(caf::actor_system& system, const std::shared_ptr<Services>& services);

}  // namespace firn::runtime
