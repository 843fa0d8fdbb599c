// size_events, size_flights: allocated blocks of the whole folder once settled, without history: logs, checkpoints
// and preallocation included, database open. One run: nothing in it is left to chance.
#include "io/decompress.hpp"
#include "schema/text/csv.hpp"
#include "tools/bench/bench.hpp"
#include "tools/bench/machine.hpp"

namespace firn::bench {

namespace {

using Feed = std::function<void(const Batch&)>;

Schema flight_schema() {
  return Schema::parse("id i64, date timestamp, delay i64, distance i64, origin utf8, destination utf8",
                       {.key = {"id"}, .time = "date"})
      .value();
}

void read_flights(const std::filesystem::path& path, const Feed& feed) {
  text::CsvOptions options;
  options.schema = flight_schema();
  text::CsvReader reader(options);
  const auto source = io::open_source(path.string()).value();
  const auto give = [&] {
    while (const auto batch = reader.next()) feed(*batch);
  };
  while (true) {
    const auto bytes = source->next().value();
    if (bytes.empty()) break;
    reader.feed(bytes).value();
    give();
  }
  reader.finish().value();
  give();
}

}  // namespace

void run_size(Bench& bench, const std::string& name) {
  const bool flights = name == "size_flights";
  if (flights && bench.options().flights.empty()) return;
  for (const std::string& system : bench.options().systems) {
    const std::filesystem::path folder = bench.fresh(system);
    const auto s = make_system(system);
    s->create(folder, {flights ? flight_schema() : event_schema(), false});
    double rows = 0, logical = 0;
    const auto feed = [&](const Batch& batch) {
      s->write_rows(batch);
      rows += static_cast<double>(batch.rows());
      logical += static_cast<double>(batch.byte_size());
    };
    if (flights)
      read_flights(bench.options().flights, feed);
    else
      for (std::size_t i = 0; i < bench.chunks(); ++i) feed(bench.data().chunk(i).batch);
    s->settle();
    const auto bytes = static_cast<double>(allocated_bytes(folder));
    if (const auto parquet = s->parquet_bytes(folder / "rows.parquet"))
      bench.report().add(name, system, "parquet_zstd_bytes_per_row", "bytes",
                         static_cast<double>(*parquet) / rows);
    s->close();
    Bench::drop(folder);
    bench.report().add(name, system, "bytes_per_row", "bytes", bytes / rows);
    bench.report().add(name, system, "part_of_arrow_bytes", "", bytes / logical);
  }
}

}  // namespace firn::bench
