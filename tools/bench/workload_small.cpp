// small_1w, small_16w, small_64w: durable writes of one new row each, over a preload of --rows.
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>

#include "tools/bench/bench.hpp"

namespace firn::bench {

namespace {

constexpr double kRunSeconds = 2, kWarmSeconds = 0.3;
constexpr int kRuns = 3;
constexpr std::size_t kDifferentRows = 10'000;  // new ids over and over these

struct Outcome {
  std::vector<double> us;
  double seconds = 0;
};

Outcome write_for(System& system, const std::vector<Event>& rows, int writers, double seconds,
                  std::atomic<std::uint64_t>& next_id) {
  std::vector<Outcome> each(static_cast<std::size_t>(writers));
  std::exception_ptr failure;
  std::mutex failing;
  const Stopwatch all;
  std::vector<std::jthread> threads;
  for (Outcome& own : each) {
    threads.emplace_back([&] {
      try {
        while (all.s() < seconds) {
          Event e = rows[next_id % rows.size()];
          e.id = next_id++;
          const Stopwatch one;
          system.write_one(e);
          own.us.push_back(one.us());
        }
      } catch (...) {
        const std::lock_guard lock(failing);
        failure = std::current_exception();
      }
    });
  }
  threads.clear();
  if (failure) std::rethrow_exception(failure);
  Outcome sum;
  sum.seconds = all.s();
  for (const Outcome& own : each) sum.us.insert(sum.us.end(), own.us.begin(), own.us.end());
  return sum;
}

}  // namespace

void run_small(Bench& bench, const std::string& name) {
  const int writers = name == "small_1w" ? 1 : name == "small_16w" ? 16 : 64;
  const EventChunk rows = bench.data().part(0, kDifferentRows);
  // Far above the preload; every workload of the family gets ids of its own.
  static std::atomic<std::uint64_t> next_id{std::uint64_t{1} << 40};
  bench.alternate(kRuns, [&](const std::string& system, bool counts) {
    System& s = bench.prepared(system, Bench::State::loaded);
    Outcome o = write_for(s, rows.rows, writers, counts ? kRunSeconds : kWarmSeconds, next_id);
    if (!counts) return;
    bench.report().add(name, system, "p50_us", "us", quantile(o.us, 0.5));
    bench.report().add(name, system, "p99_us", "us", quantile(o.us, 0.99));
    bench.report().add(name, system, "rows_per_s", "1/s", static_cast<double>(o.us.size()) / o.seconds);
  });
}

}  // namespace firn::bench
