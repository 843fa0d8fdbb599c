// bulk_arrow, bulk_rows: --rows events into an empty table, in durable batches of 50,000. Making the rows is not
// counted; turning them into what the system stores is. First by one writer, each batch durable before the next begins;
// then by two, where a system takes them: one batch may be made while the other one is synced.
#include <algorithm>
#include <atomic>
#include <thread>

#include "tools/bench/bench.hpp"
#include "tools/bench/machine.hpp"

namespace firn::bench {

namespace {

/// Writes the chunks with so many threads; when each of them was durable.
std::vector<double> write_chunks(System& s, Bench& bench, Handover how, std::size_t chunks,
                                 std::size_t writers) {
  std::vector<double> ends_s(chunks);
  std::atomic<std::size_t> next{0};
  const Stopwatch watch;
  const auto write = [&] {
    for (std::size_t i = next++; i < chunks; i = next++) {
      s.write(bench.data().chunk(i), how);
      ends_s[i] = watch.s();
    }
  };
  std::vector<std::jthread> others;
  for (std::size_t w = 1; w < writers; ++w) others.emplace_back(write);
  write();
  others.clear();
  std::sort(ends_s.begin(), ends_s.end());
  return ends_s;
}

}  // namespace

void run_bulk(Bench& bench, const std::string& name) {
  const Handover how = name == "bulk_arrow" ? Handover::arrow : Handover::rows;
  double bytes = 0;
  for (std::size_t i = 0; i < bench.chunks(); ++i)
    bytes += static_cast<double>(bench.data().chunk(i).batch.byte_size());
  const auto rows = static_cast<double>(bench.options().rows);
  const auto run = [&](const std::string& system, bool counts, std::size_t writers) {
    const std::filesystem::path folder = bench.fresh(system);
    const auto s = make_system(system);
    s->create(folder, {});
    const double cpu = cpu_seconds();
    std::vector<double> ends_s = write_chunks(*s, bench, how, counts ? bench.chunks() : 1, writers);
    const double used = cpu_seconds() - cpu;
    s->close();
    Bench::drop(folder);
    if (!counts) return;
    Report& r = bench.report();
    const std::string by = writers == 1 ? "" : "_" + std::to_string(writers) + "_writers";
    r.add(name, system, "rows_per_s" + by, "1/s", rows / ends_s.back());
    r.add(name, system, "logical_mb_per_s" + by, "MB/s", bytes / ends_s.back() / 1e6);
    r.add(name, system, "cpu_ns_per_row" + by, "ns", used / rows * 1e9);
    if (writers != 1) return;
    Rates course = rates_of(ends_s, static_cast<double>(bench.data().chunk_rows()));
    r.add({name, system, "rows a second", course.slot_s, std::move(course.per_slot)});
  };
  for (const std::size_t writers : {1, 2})
    bench.alternate(
        bench.options().runs, [&](const std::string& system, bool counts) { run(system, counts, writers); },
        writers == 1 ? nullptr : &Skills::bulk_by_many);
}

}  // namespace firn::bench
