#include "io_worker.hpp"

#include <thread>

#include "caf_runtime.hpp"
#include "io/thread_priority.hpp"
#include "start_table.hpp"
#include "table_work.hpp"

namespace firn::runtime {
namespace {

struct WorkerState {
  static inline const char* name = "firn.io_worker";
  WorkerState() = default;
};

std::optional<Csn> pinned(bool is_pinned, std::uint64_t csn) {
  return is_pinned ? std::optional<Csn>(Csn{csn}) : std::nullopt;
}

std::string_view text_view(const flatbuffers::String* s) {
  return s == nullptr ? std::string_view{} : std::string_view(s->c_str(), s->size());
}

void admit_and_pass(Services& services, const TableRef& table, Parcel parcel) {
  if (auto ready = admit(services, table, parcel); !ready) return parcel.slot.deliver(ready.error());
  caf::anon_send(table->addresses->hot.get(), std::move(parcel.order), std::move(parcel.rows),
                 std::move(parcel.slot), std::move(parcel.pin));
}

Result<std::optional<std::vector<Value>>> get_row(Services& services, const TableRef& table,
                                                  const fb::GetRequest& request) {
  if (request.key() == nullptr) return Error(ErrorCode::invalid_argument, "a GetRequest needs a key");
  FIRN_ASSIGN(const std::vector<Value> key, from_row(*request.key()));
  return run_get(services, table, key, pinned(request.pinned(), request.as_of_csn()));
}

/// The slot gets the table once its actors run.
void hand_out(Services& services, Result<TableRef> table, const TableSlot& slot) {
  if (!table) return slot.deliver(table.error());
  if (auto pin = services.tables->pin(*table); !pin) return slot.deliver(pin.error());
  start_table(services, *table, DoneSlot([slot, t = *table](const Result<void>& r) {
                if (r)
                  slot.deliver(t);
                else
                  slot.deliver(r.error());
              }));
}

IoWorker::behavior_type io_worker(IoWorker::stateful_pointer<WorkerState> self,
                                  const std::shared_ptr<Services>& services, bool commits) {
  prepare(self);
  if (!commits) io::give_way_to_others();
  const auto begin = [services] { services->faults->check("io_worker"); };
  return {
      [=](const GroupRef& group, const GroupSlot& slot, const TableRef& table, const Pin&) {
        begin();
        const auto done = commit_group(*services, table, *group);
        group->parcels.clear();
        if (group->linger.count() != 0) std::this_thread::sleep_for(group->linger);
        slot.deliver(done);
      },
      [=](const flat<fb::CommitOrder>& order, const ArrowBody& rows, const CommitSlot& slot, const Pin& pin,
          const TableRef& table, const Pin&) {
        begin();
        admit_and_pass(*services, table, {order, rows, slot, pin});
      },
      [=](const flat<fb::QueryRequest>& r, const QuerySlot& slot, const TableRef& table, const Pin&) {
        begin();
        slot.deliver(run_query(*services, table, text_view(r->sql()), pinned(r->pinned(), r->as_of_csn())));
      },
      [=](const flat<fb::ChangesRequest>& r, const ChangesSlot& slot, const TableRef& table, const Pin&) {
        begin();
        slot.deliver(run_changes(*services, table, *r));
      },
      [=](const flat<fb::GetRequest>& r, const RowSlot& slot, const TableRef& table, const Pin&) {
        begin();
        slot.deliver(get_row(*services, table, *r));
      },
      [=](const flat<fb::StatsRequest>&, const StatsSlot& slot, const TableRef& table, const Pin&) {
        begin();
        slot.deliver(table_stats(*services, table));
      },
      [=](const GroupSlot& slot, const TableRef& table, const Pin&) {
        begin();
        slot.deliver(newest_commit(*services, table));
      },
      [=](const flat<fb::Examine>& r, const ExamineSlot& slot, const TableRef& table, const Pin&) {
        begin();
        slot.deliver(examine(*services, table, *r));
      },
      [=](const flat<fb::JobOrder>& order, const JobSlot& slot, const TableRef& table, const Pin&) {
        begin();
        slot.deliver(run_job(*services, table, *order));
      },
      [=](const flat<fb::CreateTableRequest>& r, const TableSlot& slot, const Pin&) {
        begin();
        hand_out(*services, create_table(*services, *r), slot);
      },
      [=](const flat<fb::OpenTableRequest>& r, const TableSlot& slot, const Pin&) {
        begin();
        hand_out(*services, services->tables->find(std::string(text_view(r->name()))), slot);
      },
  };
}

}  // namespace

IoWorker spawn_worker(caf::actor_system& system, const std::shared_ptr<Services>& services, bool commits) {
  return system.spawn<caf::detached>(io_worker, services, commits);
}

}  // namespace firn::runtime
