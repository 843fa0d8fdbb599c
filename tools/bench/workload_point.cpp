// point_hot, point_cold: whole rows by random existing key, one thread, caches warm.
#include <random>

#include "tools/bench/bench.hpp"

namespace firn::bench {

namespace {
constexpr int kReads = 20'000;        // a run, unless
constexpr double kMostSeconds = 0.5;  // they take longer
constexpr int kDecodedSamples = 200;
}  // namespace

void run_point(Bench& bench, const std::string& name) {
  const bool hot = name == "point_hot";
  const Bench::State state = hot ? Bench::State::recent : Bench::State::settled;
  const std::uint64_t rows = hot ? bench.recent_rows() : bench.options().rows;
  bench.alternate(bench.options().runs, [&](const std::string& system, bool counts) {
    System& s = bench.prepared(system, state);
    std::mt19937_64 random(1);
    Histogram us;
    const Stopwatch all;
    for (int i = 0; i < kReads && all.s() < kMostSeconds; ++i) {
      const std::uint64_t id = random() % rows;
      const Stopwatch one;
      if (!s.get(id)) throw Error(ErrorCode::not_found, system + " has no row " + std::to_string(id));
      us.add(one.us());
    }
    const double mean = all.us() / static_cast<double>(us.count());
    if (!counts) return;
    bench.report().add(name, system, "p50_us", "us", us.quantile(0.5));
    bench.report().add(name, system, "p99_us", "us", us.quantile(0.99));
    bench.report().add(name, system, "mean_us", "us", mean);
    bench.report().add(name, system, "one read", us);
    std::vector<double> decoded;
    for (int i = 0; i < kDecodedSamples; ++i)
      if (const auto bytes = s.decoded_by_get(random() % rows))
        decoded.push_back(static_cast<double>(*bytes));
    if (!decoded.empty()) bench.report().add(name, system, "decoded_max", "bytes", quantile(decoded, 1));
  });
  if (hot) bench.forget(state);
}

}  // namespace firn::bench
