// group_by, filter_count, newest_1pct: questions over all rows, settled (firn: cold). Systems must agree.
#include <optional>

#include "tools/bench/bench.hpp"

namespace firn::bench {

namespace {

Asked asked_of(Bench& bench, const std::string& name) {
  if (name == "group_by") return {Question::group_by, 0};
  if (name == "filter_count") return {Question::filter_count, 0};
  const std::uint64_t first = bench.options().rows - bench.options().rows / 100;
  const std::size_t chunk_rows = bench.data().chunk_rows();
  return {Question::newest, bench.data().chunk(first / chunk_rows).rows[first % chunk_rows].ts};
}

}  // namespace

void run_scan(Bench& bench, const std::string& name) {
  const Asked asked = asked_of(bench, name);
  std::optional<Answer> agreed;
  bench.alternate(bench.options().runs, [&](const std::string& system, bool counts) {
    System& s = bench.prepared(system, Bench::State::settled);
    const Stopwatch watch;
    const Answer answer = s.ask(asked);
    const double us = watch.us();
    if (!agreed) agreed = answer;
    if (!agree(*agreed, answer))
      throw Error(ErrorCode::internal, name + ": " + system + " gives another answer");
    if (counts) bench.report().add(name, system, "ms", "ms", us / 1000);
  });
}

}  // namespace firn::bench
