// What travels between firn's own actors, and nothing else does: flat<T>, Arrow bodies, reply slots and pins. A pin
// keeps something for as long as it is held: a share of a gate, a table's entry, a group of commits.
#pragma once
#include <chrono>
#include <memory>
#include <vector>

#include "byte_gate.hpp"
#include "firn/messages.hpp"
#include "reply_slot.hpp"

namespace firn::storage {
struct WriteRequest;
}

namespace firn::runtime {

class TableEntry;
using TableRef = std::shared_ptr<TableEntry>;

/// Rows of a query and the commit that they show.
struct QueryResult {
  Batch rows;
  Csn csn;
};

/// Changes and how far they go.
struct ChangesResult {
  Batch rows;
  Csn next;
};

using CommitSlot = ReplySlot<Commit>;
using GroupSlot = ReplySlot<flat<fb::GroupDone>>;
using QuerySlot = ReplySlot<QueryResult>;
using ChangesSlot = ReplySlot<ChangesResult>;
using RowSlot = ReplySlot<std::optional<std::vector<Value>>>;
using StatsSlot = ReplySlot<TableStats>;
using ExamineSlot = ReplySlot<flat<fb::JobOrder>>;
using JobSlot = ReplySlot<flat<fb::JobReport>>;
using SettleSlot = ReplySlot<OptimizationResult>;
using RatesSlot = ReplySlot<flat<fb::AccessRates>>;
using DoneSlot = ReplySlot<void>;
using TableSlot = ReplySlot<TableRef>;

/// One change with its rows, the slot that its answer goes to, and what is held until then.
struct Parcel {
  flat<fb::CommitOrder> order;
  ArrowBody rows;
  CommitSlot slot;
  Pin pin;
  std::shared_ptr<storage::WriteRequest> request =
      nullptr;  ///< instead of order and rows, where no actor is on the way
};

/// Changes that share one sync.
struct CommitGroup {
  std::vector<Parcel> parcels;
  std::chrono::microseconds linger{
      0};  ///< time to wait after answering, so that writers can come back together
};
using GroupRef = std::shared_ptr<CommitGroup>;

inline Error closing_error() { return {ErrorCode::closed, "the database is closed"}; }

}  // namespace firn::runtime

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(firn::runtime::Pin)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(firn::runtime::TableRef)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(firn::runtime::GroupRef)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(firn::runtime::CommitSlot)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(firn::runtime::GroupSlot)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(firn::runtime::QuerySlot)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(firn::runtime::ChangesSlot)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(firn::runtime::RowSlot)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(firn::runtime::StatsSlot)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(firn::runtime::ExamineSlot)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(firn::runtime::JobSlot)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(firn::runtime::SettleSlot)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(firn::runtime::RatesSlot)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(firn::runtime::DoneSlot)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(firn::runtime::TableSlot)
