// csv_import: a durable table from the CSV of --flights, types inferred, as each system's own import does it: `firn
// import` as a process of its own, its start and end included; DuckDB's CREATE TABLE AS SELECT * FROM read_csv on two
// threads.
#include "io/row_source.hpp"
#include "tools/bench/bench.hpp"
#include "tools/bench/machine.hpp"

namespace firn::bench {

namespace {

double count_rows(const std::filesystem::path& csv) {
  io::RowSourceOptions options;
  options.path = csv.string();
  const auto source = io::open_rows(options).value();
  double rows = 0;
  while (const auto batch = source->next().value()) rows += static_cast<double>(batch->rows());
  return rows;
}

}  // namespace

void run_csv_import(Bench& bench, const std::string& name) {
  const std::filesystem::path& csv = bench.options().flights;
  if (csv.empty()) return;
  const double rows = count_rows(csv);
  bench.alternate(
      bench.options().runs,
      [&](const std::string& system, bool counts) {
        const std::filesystem::path folder = bench.fresh(system);
        const double cpu = cpu_seconds();
        const Stopwatch watch;
        make_system(system)->import_csv(folder, std::filesystem::absolute(csv));
        const double seconds = watch.s(), used = cpu_seconds() - cpu;
        Bench::drop(folder);
        if (!counts) return;
        bench.report().add(name, system, "rows_per_s", "1/s", rows / seconds);
        bench.report().add(name, system, "cpu_ns_per_row", "ns", used / rows * 1e9);
      },
      &Skills::reads_csv);
}

}  // namespace firn::bench
