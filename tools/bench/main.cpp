// firn-bench: firn beside its peers, on the same rows, at equal durability, in one run on one machine.
//
//   firn-bench [--only NAME,...] [--rows N] [--runs N] [--seconds S] [--peers NAME,...|none] [--systems NAME,...]
//              [--flights FILE] [--duckdb LIB] [--dir DIR] [--json FILE] [--html FILE] [--svg FILE]
//
// `firn bench ...` runs this program, which lies beside `firn`, with the same arguments, so that `firn` itself never
// links a peer. Systems take turns; a round that does not count comes first; figures are medians, (min..max) beside
// them. The device's own limits are measured first, always. Workloads (--only takes their names, all are on by default):
//
//   device        append and sync of 256 B and 4 KiB (p50), sequential write and read
//   small_1w      durable 1-row writes over a preload of --rows, --seconds a run: p50, p99, rows a second of a closed
//                 loop; then, for 0.3 of the time, 80 % of that rate on a plan: open_p50 .. open_max count from the
//                 planned arrival, so a stall counts for all that it keeps waiting
//   small_16w     the same with 16 writers
//   small_64w     the same with 64 writers
//   steady        the same with 16 writers: 80 % of the rate that they reach in a tenth of --seconds, on a plan for
//                 --seconds, through all upkeep that comes with it; longest pause. Once a system
//   bulk_arrow    --rows events in durable batches of 50,000 rows, handed over as ready batches; CPU time a row
//   bulk_rows     the same, handed over row by row
//   csv_import    a table from CSV, as `firn import` and DuckDB's read_csv do it; needs --flights
//   mixed         16 writers of single rows on a plan, alone, and beside a bulk load and a running scan: p99 of both,
//                 longest pause
//   point_hot     whole rows by random key among recently written rows
//   point_cold    whole rows by random key among all rows, settled; firn-store also says what a read decodes
//   group_by      SELECT type, count(*), sum(amount) FROM t GROUP BY type, settled
//   filter_count  SELECT count(*) FROM t WHERE status >= 400 AND amount > 500, settled
//   newest_1pct   SELECT * FROM t WHERE ts >= (that of the newest 1 %), settled
//   upsert_scan   the GROUP BY: clean, after 10 % of the rows were replaced (once caught up; and how long that took),
//                 and settled again
//   as_of         GROUP BY, the same of 1 % of the keys, and a read by key, now and as of a random commit; a tenth of
//                 --rows overwritten ten times, each key in each round, and (random_) keys at random
//   size_events   allocated bytes a row, settled, history=0; and of the same rows as Parquet with zstd
//   size_flights  the same of real flights; needs --flights
//   recovery      open and a first read after kill -9 with 100 MiB written in batches of 1,000 rows
//
// Systems: firn, and firn-hot, firn-warm, firn-cold, which are pinned to a tier; firn-messages, whose single rows
// go to the table's actor as messages; firn-store, which leaves out the actors
// and takes part only if --systems names it; lmdb, rocksdb, sqlite; duckdb if its library is found (--duckdb,
// $FIRN_DUCKDB, beside this program, node_modules/@duckdb/node-bindings-linux-x64 of the working folder). Each takes part
// in what it is made for: duckdb in no concurrent writes, upserts or kills, only firn and duckdb in csv_import.
// "Settled" is each system's own final form: firn compacted to cold, RocksDB compacted to the bottom, SQLite and DuckDB
// checkpointed.
// Exit status: 0 done, 1 a workload failed, 2 wrong usage.
#include <charconv>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <span>

#include "tools/bench/bench.hpp"
#include "tools/bench/duckdb_library.hpp"
#include "tools/bench/machine.hpp"
#include "tools/bench/page.hpp"
#include "tools/bench/targets.hpp"

namespace firn::bench {
namespace {

constexpr int kUsage = 2;

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    if (comma > 0) parts.emplace_back(text.substr(0, comma));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return parts;
}

bool ours(std::string_view system) { return system.starts_with("firn"); }

std::uint64_t number(const std::string& option, const std::string& text) {
  std::uint64_t v = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), v);
  if (ec != std::errc() || end != text.data() + text.size() || v == 0)
    throw Error(ErrorCode::invalid_argument, option + " takes a number above 0, not '" + text + "'");
  return v;
}

void use_peers(Options& options, const std::vector<std::string>& peers) {
  std::erase_if(options.systems, [](const std::string& s) { return !ours(s); });
  for (const std::string& p : peers) {
    (void)make_system(p);
    options.systems.push_back(p);
  }
}

void use_systems(Options& options, const std::vector<std::string>& systems) {
  for (const std::string& s : systems) (void)make_system(s);
  options.systems = systems;
}

void use_workloads(Options& options, std::vector<std::string> names) {
  for (const std::string& n : names) {
    const auto& all = workloads();
    if (std::none_of(all.begin(), all.end(), [&](const Workload& w) { return w.name == n; }))
      throw Error(ErrorCode::invalid_argument, "no workload is called " + n + "; --help lists them");
  }
  options.only = std::move(names);
}

double seconds(const std::string& option, const std::string& text) {
  double v = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), v);
  if (ec != std::errc() || end != text.data() + text.size() || !(v > 0 && v <= 86'400))
    throw Error(ErrorCode::invalid_argument, option + " takes seconds above 0, not '" + text + "'");
  return v;
}

/// The library decides which systems there are, so its option is looked for before the others.
void find_duckdb(std::span<char*> arguments) {
  std::filesystem::path library;
  for (std::size_t i = 0; i + 1 < arguments.size(); i += 2)
    if (std::string_view(arguments[i]) == "--duckdb") library = arguments[i + 1];
  load_duckdb(library);
}

Options parse(std::span<char*> arguments) {
  find_duckdb(arguments);
  Options options;
  options.systems = default_systems();
  options.folder = std::filesystem::temp_directory_path();
  for (std::size_t i = 0; i < arguments.size(); i += 2) {
    const std::string option = arguments[i];
    if (i + 1 == arguments.size())
      throw Error(ErrorCode::invalid_argument, option + " lacks its value, or is unknown");
    const std::string value = arguments[i + 1];
    if (option == "--only")
      use_workloads(options, split(value));
    else if (option == "--rows")
      options.rows = number(option, value);
    else if (option == "--runs")
      options.runs = static_cast<int>(std::min<std::uint64_t>(number(option, value), 1000));
    else if (option == "--peers")
      use_peers(options, value == "none" ? std::vector<std::string>{} : split(value));
    else if (option == "--systems")
      use_systems(options, split(value));
    else if (option == "--flights")
      options.flights = value;
    else if (option == "--seconds")
      options.seconds = seconds(option, value);
    else if (option == "--duckdb")
      continue;  // find_duckdb() took it
    else if (option == "--json")
      options.json = value;
    else if (option == "--html")
      options.html = value;
    else if (option == "--svg")
      options.svg = value;
    else if (option == "--dir")
      options.folder = value;
    else
      throw Error(ErrorCode::invalid_argument, "unknown option " + option);
  }
  return options;
}

void print_usage() {
  std::cout
      << "usage: firn-bench [--only NAME,...] [--rows N] [--runs N] [--seconds S] [--peers NAME,...|none]\n"
         "                  [--systems NAME,...] [--flights FILE] [--duckdb LIB] [--dir DIR]\n"
         "                  [--json FILE] [--html FILE] [--svg FILE]\n\nworkloads:\n";
  for (const Workload& w : workloads()) std::printf("  %-14s %s\n", w.name.c_str(), w.meaning.c_str());
  std::printf("systems:\n ");
  for (const std::string& s : system_names()) std::printf(" %s", s.c_str());
  std::printf("\n");
}

bool wanted(const Options& options, const std::string& name) {
  return options.only.empty() || name == "device" ||
         std::find(options.only.begin(), options.only.end(), name) != options.only.end();
}

/// Runs what was asked for; a workload that fails is told and does not stop the others.
bool run_all(Bench& bench) {
  bool all_well = true;
  for (const Workload& w : workloads()) {
    if (!wanted(bench.options(), w.name)) continue;
    const Stopwatch watch;
    bench.report().describe(w.name, w.meaning);
    try {
      w.run(bench, w.name);
      std::printf("%s%s", bench.report().table(w.name).c_str(),
                  target_lines(targets_of(bench.report()), w.name).c_str());
      std::printf("  took %.1f s\n\n", watch.s());
    } catch (const std::exception& e) {
      std::fflush(stdout);
      std::fprintf(stderr, "firn-bench: %s: %s\n", w.name.c_str(), e.what());
      all_well = false;
    }
    std::fflush(stdout);
  }
  return all_well;
}

/// What the figures were measured on, a name and a value a line.
Setting describe_run(const Options& options, std::uint64_t rows) {
  Setting lines = describe_machine(options.folder);
  for (const std::string& s : options.systems) lines.emplace_back(s, make_system(s)->version());
  lines.emplace_back("rows", short_number(static_cast<double>(rows)) + " events; median (min..max) of " +
                                 std::to_string(options.runs) + " runs, systems in turn");
  return lines;
}

void write_file(const std::filesystem::path& path, const std::string& text) {
  if (path.empty()) return;
  std::ofstream out(path);
  out << text;
  if (!out.flush()) throw Error(ErrorCode::io, "cannot write " + path.string());
}

int run(const Options& options) {
  Bench bench(options);
  const Setting setting = describe_run(options, bench.options().rows);
  for (const auto& [name, value] : setting) std::printf("%-10s %s\n", name.c_str(), value.c_str());
  if (!duckdb_found())
    std::printf("duckdb     no library found (--duckdb LIB names one): its rows are missing\n");
  std::printf("\n");
  const bool all_well = run_all(bench);
  write_file(options.json, bench.report().json());
  write_file(options.html, html_page(bench.report(), setting));
  write_file(options.svg, svg_overview(bench.report()));
  return all_well ? 0 : 1;
}

int main_of(std::span<char*> arguments) {
  if (arguments.size() == 4 && std::string_view(arguments[0]) == "--fill")
    return fill_until_killed(arguments[1], arguments[2], number("--fill", arguments[3]));
  if (arguments.size() == 1 &&
      (std::string_view(arguments[0]) == "--help" || std::string_view(arguments[0]) == "-h")) {
    print_usage();
    return 0;
  }
  try {
    return run(parse(arguments));
  } catch (const Error& e) {
    std::fprintf(stderr, "firn-bench: %s\n", e.what());
    return e.code() == ErrorCode::invalid_argument ? kUsage : 1;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "firn-bench: %s\n", e.what());
    return 1;
  }
}

}  // namespace
}  // namespace firn::bench

int main(int argc, char** argv) {
  return firn::bench::main_of({argv + 1, static_cast<std::size_t>(argc > 0 ? argc - 1 : 0)});
}
