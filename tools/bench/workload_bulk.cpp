// bulk_arrow, bulk_rows: --rows events into an empty table, in durable batches of 50,000. Making the rows is not
// counted; turning them into what the system stores is.
#include "tools/bench/bench.hpp"
#include "tools/bench/machine.hpp"

namespace firn::bench {

void run_bulk(Bench& bench, const std::string& name) {
  const Handover how = name == "bulk_arrow" ? Handover::arrow : Handover::rows;
  double bytes = 0;
  for (std::size_t i = 0; i < bench.chunks(); ++i)
    bytes += static_cast<double>(bench.data().chunk(i).batch.byte_size());
  const auto rows = static_cast<double>(bench.options().rows);
  bench.alternate(bench.options().runs, [&](const std::string& system, bool counts) {
    const std::filesystem::path folder = bench.fresh(system);
    const auto s = make_system(system);
    s->create(folder, {});
    const std::size_t chunks = counts ? bench.chunks() : 1;
    std::vector<double> ends_s;
    const double cpu = cpu_seconds();
    const Stopwatch watch;
    for (std::size_t i = 0; i < chunks; ++i) {
      s->write(bench.data().chunk(i), how);
      ends_s.push_back(watch.s());
    }
    const double used = cpu_seconds() - cpu;
    s->close();
    Bench::drop(folder);
    if (!counts) return;
    Report& r = bench.report();
    r.add(name, system, "rows_per_s", "1/s", rows / ends_s.back());
    r.add(name, system, "logical_mb_per_s", "MB/s", bytes / ends_s.back() / 1e6);
    r.add(name, system, "cpu_ns_per_row", "ns", used / rows * 1e9);
    Rates course = rates_of(ends_s, static_cast<double>(bench.data().chunk_rows()));
    r.add({name, system, "rows a second", course.slot_s, std::move(course.per_slot)});
  });
}

}  // namespace firn::bench
