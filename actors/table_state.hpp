// What a table's actor remembers between messages.
#pragma once
#include "table_actor.hpp"
#include "waiting_readers.hpp"

namespace firn::runtime {

struct Subscriber {
  caf::strong_actor_ptr actor;
  std::uint64_t credit = 0;
  std::uint64_t csn = 0;  ///< told so far
};

struct TableActorState {
  static inline const char* name = "firn.table";
  TableActorState() = default;
  std::uint64_t last_ticket = 0;
  std::uint64_t csn = 0;
  std::int64_t csn_time_us = 0;
  std::map<caf::actor_addr, Subscriber> subscribers;
  bool looking_for_commits = false;  ///< for subscribers beside another process's writer
  WaitingReaders readers;
  std::optional<WaitingReaders::Time> tick_at;  ///< a ChangesDue comes then
};

using TableSelf = TableFront::stateful_pointer<TableActorState>;

}  // namespace firn::runtime
