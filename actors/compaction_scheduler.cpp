#include "compaction_scheduler.hpp"

#include "caf_runtime.hpp"
#include "job_queue.hpp"
#include "services.hpp"
#include "wire.hpp"

namespace firn::runtime {
namespace {

constexpr auto kBudgetPause = std::chrono::milliseconds(100);

struct SchedulerState {
  static inline const char* name = "firn.scheduler";
  SchedulerState() : jobs(1) {}
  JobQueue jobs;
  bool armed = false;
};

using SchedulerSelf = CompactionScheduler::stateful_pointer<SchedulerState>;

void start(SchedulerSelf self, const JobQueue::Job& job) {
  const auto me = caf::actor_cast<CompactionScheduler>(self);
  const TableRef table = job.table;
  JobSlot slot([me, table, slot = job.slot](Result<flat<fb::JobReport>> r) {
    JobContext ended;
    ended.table_id = table->id;
    caf::anon_send(me, to_message(ended, Result<storage::JobReport>(storage::JobReport{})));
    slot.deliver(std::move(r));
  });
  // Jobs that write segments are the cold actor's; all others the warm actor's.
  if (job.order->to() == fb::Tier::cold)
    caf::anon_send(table->addresses->cold.get(), job.order, std::move(slot));
  else
    caf::anon_send(table->addresses->warm.get(), job.order, std::move(slot));
}

void start_what_may(SchedulerSelf self, const Services& services) {
  SchedulerState& s = self->state;
  while (auto job = s.jobs.next(services.clock->monotonic_us())) start(self, *job);
  if (!s.jobs.waits_for_budget() || s.armed) return;
  s.armed = true;
  self->delayed_send(self, kBudgetPause, make_tick(0));
}

CompactionScheduler::behavior_type scheduler(SchedulerSelf self, const std::shared_ptr<Services>& services) {
  prepare(self);
  self->state.jobs = JobQueue(services->workers.jobs_max());
  return {
      [=](const flat<fb::JobOrder>& order, const JobSlot& slot, const TableRef& table) {
        services->faults->check("scheduler");
        self->state.jobs.add({order, slot, table});
        start_what_may(self, *services);
      },
      [=](const flat<fb::JobReport>& ended) {
        services->faults->check("scheduler");
        self->state.jobs.finished(ended->table_id());
        start_what_may(self, *services);
      },
      [=](const flat<fb::Tick>&) {
        services->faults->check("scheduler");
        self->state.armed = false;
        start_what_may(self, *services);
      },
  };
}

}  // namespace

CompactionScheduler spawn_scheduler(caf::actor_system& system, const std::shared_ptr<Services>& services) {
  return system.spawn(scheduler, services);
}

}  // namespace firn::runtime
