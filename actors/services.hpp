// What the actors of one open database have at hand.
#pragma once
#include <functional>
#include <memory>

#include "access_analyzer.hpp"
#include "address_book.hpp"
#include "compaction_scheduler.hpp"
#include "database_actor.hpp"
#include "fault_plan.hpp"
#include "lifecycle_manager.hpp"
#include "supervisor.hpp"
#include "table_addresses.hpp"
#include "table_directory.hpp"
#include "worker_pool.hpp"

namespace firn::runtime {

struct Services {
  explicit Services(std::size_t workers_count) : workers(workers_count) {}
  std::shared_ptr<io::Clock> clock;
  std::unique_ptr<TableDirectory> tables;
  std::shared_ptr<FaultPlan> faults;
  std::shared_ptr<ByteGate> bulk_gate;        ///< bytes of large batches under way, all tables
  std::function<void(std::string_view)> log;  ///< never empty
  bool read_only = false;
  bool background = true;
  bool own_ticks = true;  ///< false: a test moves the clock and ticks
  std::int64_t tick_us = 1'000'000;
  WorkerPool workers;
  Address<Supervisor> supervisor;
  Address<LifecycleManager> lifecycle;
  Address<CompactionScheduler> scheduler;
  Address<AccessAnalyzer> analyzer;
  Address<DatabaseActor> database;
  std::atomic<bool> closing{false};    ///< no new work
  std::atomic<bool> cancelled{false};  ///< running queries end
  std::shared_ptr<std::atomic<bool>> stop_jobs = std::make_shared<std::atomic<bool>>(false);  ///< jobs end

  void set_write_stop(const std::string& reason) {
    for (const TableRef& t : tables->all()) t->stop_writes(reason);
  }
};

}  // namespace firn::runtime
