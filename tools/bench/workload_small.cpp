// small_1w, small_16w, small_64w: durable writes of one new row each, over a preload of --rows. steady: the same by 16
// writers for long (--seconds 600), through all moves, log rolls, checkpoints and merges that come with that.
//
// A run first finds the saturated rate (closed loop), then offers 80 % of it on a plan (open loop): the latencies that
// count are those of the plan. p50_us, p99_us of the closed loop say what one writer waits for that asks again at once.
#include <atomic>

#include "tools/bench/bench.hpp"

namespace firn::bench {

namespace {

constexpr double kWarmPart = 0.15, kOpenPart = 0.3;  // of the seconds of a run
constexpr double kSteadyFindPart = 0.1;              // in front of them: the rate that lasts
constexpr double kOfSaturated = 0.8;
constexpr std::size_t kDifferentRows = 10'000;  // new ids over and over these

void report_open(Bench& bench, const std::string& name, const std::string& system, const LoadOutcome& open) {
  Report& r = bench.report();
  r.add(name, system, "open_p50_us", "us", open.us.quantile(0.5));
  r.add(name, system, "open_p99_us", "us", open.us.quantile(0.99));
  r.add(name, system, "open_p999_us", "us", open.us.quantile(0.999));
  r.add(name, system, "open_max_us", "us", open.us.max());
  r.add(name, system, "at 80 % of the saturated rate", open.us);
}

/// Durable writes of one new row each. Ids lie far above the preload; every workload of the family gets its own.
class OneRowWrites {
 public:
  explicit OneRowWrites(Bench& bench)
      : rows_(bench.data().part(0, std::min(kDifferentRows, bench.data().chunk_rows()))) {}
  void write_to(System& s) const {
    const std::uint64_t id = next_id_++;
    Event e = rows_.rows[id % rows_.rows.size()];
    e.id = id;
    s.write_one(e);
  }

 private:
  static inline std::atomic<std::uint64_t> next_id_{std::uint64_t{1} << 40};
  EventChunk rows_;
};

}  // namespace

void run_small(Bench& bench, const std::string& name) {
  const int writers = name == "small_1w" ? 1 : name == "small_16w" ? 16 : 64;
  const OneRowWrites rows(bench);
  const double seconds = bench.options().seconds;
  bench.alternate(
      bench.options().runs,
      [&](const std::string& system, bool counts) {
        System& s = bench.prepared(system, Bench::State::loaded);
        const auto write = [&] { rows.write_to(s); };
        const LoadOutcome closed = run_load({writers, counts ? seconds : seconds * kWarmPart}, write);
        if (!counts) return;
        Report& r = bench.report();
        r.add(name, system, "p50_us", "us", closed.us.quantile(0.5));
        r.add(name, system, "p99_us", "us", closed.us.quantile(0.99));
        r.add(name, system, "rows_per_s", "1/s", closed.per_s());
        r.add({name, system, "rows a second", closed.slot_s, closed.per_slot});
        report_open(bench, name, system,
                    run_load({writers, seconds * kOpenPart, closed.per_s() * kOfSaturated}, write));
      },
      writers == 1 ? &Skills::writes_one : &Skills::many_writers);
}

/// One run a system: what counts is its length.
void run_steady(Bench& bench, const std::string& name) {
  constexpr int kWriters = 16;
  const OneRowWrites rows(bench);
  const double seconds = bench.options().seconds;
  bench.alternate(
      1,
      [&](const std::string& system, bool counts) {
        if (!counts) return;
        System& s = bench.prepared(system, Bench::State::loaded);
        const auto write = [&] { rows.write_to(s); };
        const double rate = run_load({kWriters, seconds * kSteadyFindPart}, write).per_s() * kOfSaturated;
        const LoadOutcome open = run_load({kWriters, seconds, rate}, write);
        Report& r = bench.report();
        r.add(name, system, "planned_per_s", "1/s", rate);
        r.add(name, system, "p50_us", "us", open.us.quantile(0.5));
        r.add(name, system, "p99_us", "us", open.us.quantile(0.99));
        r.add(name, system, "p999_us", "us", open.us.quantile(0.999));
        r.add(name, system, "longest_pause_ms", "ms", open.us.max() / 1e3);
        r.add({name, system, "rows a second", open.slot_s, open.per_slot});
      },
      &Skills::many_writers);
}

}  // namespace firn::bench
