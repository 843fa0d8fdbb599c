// mixed: 16 writers of single rows, beside one thread that loads batches of 50,000 new rows and one that asks the
// GROUP BY, each again and again as fast as it is answered.
//
// A run, on a new table: the rate that the writers reach beside the others, then alone (closed loops); then 80 % of the
// former on a plan, first alone, then beside the others. Both sides of the comparison so bear the same load.
#include <atomic>
#include <exception>
#include <thread>

#include "tools/bench/bench.hpp"

namespace firn::bench {

namespace {

constexpr int kWriters = 16;
constexpr double kFindPart = 0.2, kAlonePart = 0.2, kBesidePart = 0.4;  // of the seconds of a run
constexpr double kPlannedPart = 0.8;
constexpr std::size_t kPreloadChunks = 4, kMixedRows = 10'000;
constexpr double kBulkBatchesMost =
    400;  // 20 million rows a phase: a long run loads evenly, not all the disk holds
constexpr std::uint64_t kSmallIds = std::uint64_t{1} << 40, kBulkIds = std::uint64_t{1} << 41;

/// The same rows under new ids.
EventChunk renumbered(const EventChunk& chunk, std::uint64_t first_id) {
  ColumnBuilder ids(TypeId::u64);
  EventChunk copy{{}, chunk.rows};
  for (Event& e : copy.rows) {
    e.id = first_id++;
    ids.append_fixed(e.id);
  }
  std::vector<Column> columns = chunk.batch.columns();
  columns[0] = ids.finish();
  copy.batch = Batch(chunk.batch.schema(), chunk.batch.rows(), std::move(columns));
  return copy;
}

/// Calls step() on a thread of its own until the end; end() throws what it threw.
class Repeated {
 public:
  explicit Repeated(std::function<void()> step)
      : thread_([this, step = std::move(step)] {
          try {
            while (!ended_) step();
          } catch (...) {
            failure_ = std::current_exception();
          }
        }) {}
  ~Repeated() { ended_ = true; }
  Repeated(const Repeated&) = delete;
  Repeated& operator=(const Repeated&) = delete;
  void end() {
    ended_ = true;
    thread_.join();
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  std::atomic<bool> ended_{false};
  std::exception_ptr failure_;
  std::jthread thread_;  // the last: it uses the others, and is joined before they go
};

class MixedTable {
 public:
  MixedTable(Bench& bench, const std::string& system)
      : bench_(bench),
        folder_(bench.fresh(system)),
        system_(make_system(system)),
        rows_(bench.data().part(0, std::min(kMixedRows, bench.data().chunk_rows()))) {
    system_->create(folder_, {});
    for (std::size_t i = 0; i < std::min(kPreloadChunks, bench.chunks()); ++i)
      system_->write(bench.data().chunk(i), Handover::arrow);
  }
  ~MixedTable() {
    try {
      system_->close();
      Bench::drop(folder_);
    } catch (const std::exception& e) {
      std::fprintf(stderr, "firn-bench: mixed: %s\n", e.what());
    }
  }
  MixedTable(const MixedTable&) = delete;
  MixedTable& operator=(const MixedTable&) = delete;

  LoadOutcome small_writes(double seconds, double per_s) {
    return run_load({kWriters, seconds, per_s}, [this] {
      const std::uint64_t id = next_small_++;
      Event e = rows_.rows[id % rows_.rows.size()];
      e.id = id;
      system_->write_one(e);
    });
  }
  LoadOutcome beside(double seconds, double per_s) {
    const std::uint64_t bulk_before = next_bulk_;
    const int scans_before = scans_;
    const Stopwatch watch;
    std::uint64_t batches = 0;
    Repeated bulk([&, this] {
      const double planned = static_cast<double>(batches++) * seconds / kBulkBatchesMost;
      if (planned > watch.s())
        std::this_thread::sleep_for(std::chrono::duration<double>(planned - watch.s()));
      const EventChunk& chunk = bench_.data().chunk(batches % bench_.chunks());
      system_->write(renumbered(chunk, next_bulk_), Handover::arrow);
      next_bulk_ += chunk.rows.size();
    });
    Repeated scan([this] {
      (void)system_->ask({Question::group_by, 0});
      ++scans_;
    });
    LoadOutcome outcome = small_writes(seconds, per_s);
    bulk.end();
    scan.end();
    bulk_per_s = static_cast<double>(next_bulk_ - bulk_before) / watch.s();
    scans_per_s = static_cast<double>(scans_ - scans_before) / watch.s();
    return outcome;
  }
  double bulk_per_s = 0, scans_per_s = 0;  ///< of the last beside()

 private:
  Bench& bench_;
  std::filesystem::path folder_;
  std::unique_ptr<System> system_;
  EventChunk rows_;
  std::atomic<std::uint64_t> next_small_{kSmallIds};
  std::uint64_t next_bulk_ = kBulkIds;
  int scans_ = 0;
};

}  // namespace

void run_mixed(Bench& bench, const std::string& name) {
  for (std::size_t i = 0; i < bench.chunks(); ++i)
    (void)bench.data().chunk(i);  // not made while others measure
  const double seconds = bench.options().seconds;
  bench.alternate(
      bench.options().runs,
      [&](const std::string& system, bool counts) {
        MixedTable table(bench, system);
        const LoadOutcome found = table.beside(seconds * kFindPart, 0);
        if (!counts) return;
        const LoadOutcome free = table.small_writes(seconds * kFindPart, 0);
        const double per_s = found.per_s() * kPlannedPart;
        const LoadOutcome alone = table.small_writes(seconds * kAlonePart, per_s);
        const LoadOutcome beside = table.beside(seconds * kBesidePart, per_s);
        Report& r = bench.report();
        r.add(name, system, "p99_alone_us", "us", alone.us.quantile(0.99));
        r.add(name, system, "p99_beside_us", "us", beside.us.quantile(0.99));
        r.add(name, system, "closed_p99_alone_us", "us", free.us.quantile(0.99));
        r.add(name, system, "closed_p99_beside_us", "us", found.us.quantile(0.99));
        r.add(name, system, "longest_pause_ms", "ms", beside.us.max() / 1000);
        r.add(name, system, "saturated_beside_per_s", "1/s", found.per_s());
        r.add(name, system, "bulk_rows_per_s", "1/s", table.bulk_per_s);
        r.add(name, system, "scans_per_s", "1/s", table.scans_per_s);
        r.add(name, system, "alone", alone.us);
        r.add(name, system, "beside bulk load and scan", beside.us);
        r.add({name, system, "small rows a second", beside.slot_s, beside.per_slot});
      },
      &Skills::many_writers);
}

}  // namespace firn::bench
