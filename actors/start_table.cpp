#include "start_table.hpp"

namespace firn::runtime {

void start_table(Services& services, const TableRef& table, DoneSlot slot) {
  if (table->addresses->started) return slot.deliver({});
  auto order = make_flat<fb::StartTable>([&](auto& b) { return fb::CreateStartTable(b, table->id); });
  caf::anon_send(services.supervisor.get(), std::move(order), std::move(slot), table);
}

}  // namespace firn::runtime
