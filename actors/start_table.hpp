// Making sure that a table's actors run.
#pragma once
#include "services.hpp"

namespace firn::runtime {

/// Answers the slot once they do (at once, if so already); the supervisor starts them. Any thread.
void start_table(Services& services, const TableRef& table, DoneSlot slot);

}  // namespace firn::runtime
