// bulk_arrow, bulk_rows: --rows events into an empty table, in durable batches of 50,000. Making the rows is not
// counted; turning them into what the system stores is.
#include "tools/bench/bench.hpp"

namespace firn::bench {

void run_bulk(Bench& bench, const std::string& name) {
  const Handover how = name == "bulk_arrow" ? Handover::arrow : Handover::rows;
  for (std::size_t i = 0; i < bench.chunks(); ++i) (void)bench.data().chunk(i);
  bench.alternate(std::min(bench.options().runs, 3), [&](const std::string& system, bool counts) {
    const std::filesystem::path folder = bench.fresh(system);
    const auto s = make_system(system);
    s->create(folder, {});
    const std::size_t chunks = counts ? bench.chunks() : 1;
    const Stopwatch watch;
    for (std::size_t i = 0; i < chunks; ++i) s->write(bench.data().chunk(i), how);
    const double seconds = watch.s();
    s->close();
    Bench::drop(folder);
    if (!counts) return;
    bench.report().add(name, system, "rows_per_s", "1/s",
                       static_cast<double>(chunks * bench.data().chunk_rows()) / seconds);
  });
}

}  // namespace firn::bench
