// small_1w, small_16w, small_64w: durable writes of one new row each, over a preload of --rows.
//
// A run first finds the saturated rate (closed loop), then offers 80 % of it on a plan (open loop): the latencies that
// count are those of the plan. p50_us, p99_us of the closed loop say what one writer waits for that asks again at once.
#include <atomic>

#include "tools/bench/bench.hpp"

namespace firn::bench {

namespace {

constexpr double kWarmPart = 0.15, kOpenPart = 0.3;  // of the seconds of a run
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

}  // namespace

void run_small(Bench& bench, const std::string& name) {
  const int writers = name == "small_1w" ? 1 : name == "small_16w" ? 16 : 64;
  const EventChunk rows = bench.data().part(0, std::min(kDifferentRows, bench.data().chunk_rows()));
  // Far above the preload; every workload of the family gets ids of its own.
  static std::atomic<std::uint64_t> next_id{std::uint64_t{1} << 40};
  const double seconds = bench.options().seconds;
  bench.alternate(
      bench.options().runs,
      [&](const std::string& system, bool counts) {
        System& s = bench.prepared(system, Bench::State::loaded);
        const auto write = [&] {
          const std::uint64_t id = next_id++;
          Event e = rows.rows[id % rows.rows.size()];
          e.id = id;
          s.write_one(e);
        };
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

}  // namespace firn::bench
