// upsert_scan: the GROUP BY over all rows when they are settled (clean), after a tenth of them was replaced in batches
// of 1,000 random keys (upserted: once the system says that it has caught up, which takes lag_ms after the last
// answer), and when they are settled again (compacted). Systems must agree at each stage.
#include <chrono>
#include <optional>
#include <random>
#include <thread>

#include "tools/bench/bench.hpp"
#include "tools/bench/firn_rows.hpp"

namespace firn::bench {

namespace {

constexpr std::size_t kUpsertBatch = 1000;
constexpr double kCatchUpSeconds = 10;  // to catch up

struct UpsertTable {
  std::string name;
  std::filesystem::path folder;
  std::unique_ptr<System> system;
};

std::vector<EventChunk> replacements(Bench& bench) {
  std::mt19937_64 random(2);
  const auto any_row = [&] {
    const std::uint64_t i = random() % bench.options().rows;
    return bench.data().chunk(i / bench.data().chunk_rows()).rows[i % bench.data().chunk_rows()];
  };
  std::vector<EventChunk> batches;
  for (std::uint64_t done = 0; done < bench.options().rows / 10; done += kUpsertBatch) {
    EventChunk batch;
    for (std::size_t i = 0; i < kUpsertBatch; ++i) {
      const std::uint64_t id = any_row().id;
      batch.rows.push_back(any_row());
      batch.rows.back().id = id;
    }
    batch.batch = batch_of(event_schema(), batch.rows);
    batches.push_back(std::move(batch));
  }
  return batches;
}

void time_scans(Bench& bench, std::vector<UpsertTable>& tables, const std::string& workload,
                const std::string& metric) {
  std::optional<Answer> agreed;
  for (int run = -1; run < bench.options().runs; ++run) {
    for (UpsertTable& t : tables) {
      const Stopwatch watch;
      const Answer answer = t.system->ask({Question::group_by, 0});
      const double ms = watch.us() / 1000;
      if (!agreed) agreed = answer;
      if (!agree(*agreed, answer))
        throw Error(ErrorCode::internal, workload + ": " + t.name + " gives another answer, " + metric);
      if (run >= 0) bench.report().add(workload, t.name, metric, "ms", ms);
    }
  }
}

double wait_ms(System& system) {
  const Stopwatch watch;
  while (!system.caught_up() && watch.s() < kCatchUpSeconds)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  return watch.us() / 1000;
}

}  // namespace

void run_upsert_scan(Bench& bench, const std::string& name) {
  std::vector<UpsertTable> tables;
  for (const std::string& system : bench.systems(&Skills::upserts)) {
    UpsertTable& t = tables.emplace_back(UpsertTable{system, bench.fresh(system), make_system(system)});
    t.system->create(t.folder, {});
    for (std::size_t i = 0; i < bench.chunks(); ++i) t.system->write(bench.data().chunk(i), Handover::arrow);
    t.system->settle();
  }
  time_scans(bench, tables, name, "clean_ms");
  const std::vector<EventChunk> batches = replacements(bench);
  for (UpsertTable& t : tables) {
    for (const EventChunk& batch : batches) t.system->write(batch, Handover::arrow);
    bench.report().add(name, t.name, "lag_ms", "ms", wait_ms(*t.system));
  }
  time_scans(bench, tables, name, "upserted_ms");
  for (UpsertTable& t : tables) t.system->settle();
  time_scans(bench, tables, name, "compacted_ms");
  for (UpsertTable& t : tables) {
    t.system->close();
    Bench::drop(t.folder);
  }
}

}  // namespace firn::bench
