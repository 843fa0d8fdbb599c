// Those who hear of commits from a table's actor. Subscribers are told that there are some, one event a credit. For a
// ChangesRequest a worker looks, and one that may wait is kept until a commit, or time, gives reason to look again.
#pragma once
#include "services.hpp"
#include "table_state.hpp"

namespace firn::runtime {

/// The sender of the message that is being handled is told of commits from now on, one event a credit.
flat<fb::Subscribed> subscribe(TableSelf self, const Services& services, const TableRef& table,
                               std::uint32_t credit);

/// An error is for the caller to deliver.
Result<void> take_changes(TableSelf self, Services& services, const TableRef& table,
                          const flat<fb::ChangesRequest>& request, const caf::actor_addr& asker,
                          const ChangesSlot& slot);
void look_is_over(TableSelf self, Services& services, const TableRef& table, const fb::ChangesLooked& done);
void hear_of_commits(TableSelf self, Services& services, const TableRef& table, const fb::GroupDone& done);
void look_at_time(TableSelf self, Services& services, const TableRef& table);

}  // namespace firn::runtime
