// Where a table's actors are.
#pragma once
#include "address_book.hpp"
#include "cold_actor.hpp"
#include "hot_actor.hpp"
#include "table_actor.hpp"
#include "warm_actor.hpp"

namespace firn::runtime {

struct TableAddresses {
  Address<TableFront> table;
  Address<HotActor> hot;
  Address<WarmActor> warm;
  Address<ColdActor> cold;
  std::atomic<bool> started{false};
};

}  // namespace firn::runtime
