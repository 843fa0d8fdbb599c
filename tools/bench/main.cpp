// firn-bench: firn beside its peers, on the same rows, at equal durability, in one run on one machine.
//
//   firn-bench [--only NAME,...] [--rows N] [--peers lmdb,rocksdb] [--systems NAME,...] [--flights FILE] [--json FILE]
//              [--dir DIR] [--runs N]
//
// `firn bench ...` runs this program from the folder of `firn` with the same arguments, so that `firn` itself never
// links a peer. Systems take turns; a round that does not count comes first; figures are medians, (min..max) beside
// them. Workloads (--only takes their names, all are on by default):
//
//   device        sync of one append of 256 B and 4 KiB (p50), sequential write and read
//   small_1w      durable 1-row writes over a preload of --rows: p50, p99, rows a second; 2 s a run
//   small_16w     the same with 16 writers
//   small_64w     the same with 64 writers
//   bulk_arrow    --rows events in durable batches of 50,000 rows, handed over as ready batches
//   bulk_rows     the same, handed over row by row
//   point_hot     whole rows by random key among recently written rows
//   point_cold    whole rows by random key among all rows, settled; firn also says what a read decodes
//   group_by      SELECT type, count(*), sum(amount) FROM t GROUP BY type, settled
//   filter_count  SELECT count(*) FROM t WHERE status >= 400 AND amount > 500, settled
//   newest_1pct   SELECT * FROM t WHERE ts >= (that of the newest 1 %), settled
//   size_events   allocated bytes a row, settled, history=0
//   size_flights  the same of real flights; needs --flights
//   recovery      open after kill -9 with 100 MiB written in batches of 1,000 rows
//
// "Settled" is each system's own final form: firn compacted to cold, RocksDB compacted to the bottom.
// Exit status: 0 done, 1 a workload failed, 2 wrong usage.
#include <charconv>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <span>

#include "tools/bench/bench.hpp"
#include "tools/bench/machine.hpp"

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

Options parse(std::span<char*> arguments) {
  Options options;
  options.systems = system_names();
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
    else if (option == "--json")
      options.json = value;
    else if (option == "--dir")
      options.folder = value;
    else
      throw Error(ErrorCode::invalid_argument, "unknown option " + option);
  }
  return options;
}

void print_usage() {
  std::cout << "usage: firn-bench [--only NAME,...] [--rows N] [--peers NAME,...|none] [--systems NAME,...]\n"
               "                  [--flights FILE] [--json FILE] [--dir DIR] [--runs N]\n\nworkloads:\n";
  for (const Workload& w : workloads()) std::printf("  %-14s %s\n", w.name.c_str(), w.meaning.c_str());
  std::printf("systems:\n ");
  for (const std::string& s : system_names()) std::printf(" %s", s.c_str());
  std::printf("\n");
}

bool wanted(const Options& options, const std::string& name) {
  return options.only.empty() ||
         std::find(options.only.begin(), options.only.end(), name) != options.only.end();
}

/// Runs what was asked for; a workload that fails is told and does not stop the others.
bool run_all(Bench& bench) {
  bool all_well = true;
  for (const Workload& w : workloads()) {
    if (!wanted(bench.options(), w.name)) continue;
    const Stopwatch watch;
    try {
      w.run(bench, w.name);
      std::printf("%s", bench.report().table(w.name).c_str());
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

int run(const Options& options) {
  Bench bench(options);
  std::printf("%s", describe_machine(options.folder).c_str());
  for (const std::string& s : options.systems)
    std::printf("%-10s %s\n", s.c_str(), make_system(s)->version().c_str());
  std::printf("rows       %llu events; median (min..max)\n\n",
              static_cast<unsigned long long>(bench.options().rows));
  const bool all_well = run_all(bench);
  if (!options.json.empty()) {
    std::ofstream out(options.json);
    out << bench.report().json();
    if (!out.flush()) throw Error(ErrorCode::io, "cannot write " + options.json.string());
  }
  return all_well ? 0 : 1;
}

int main_of(std::span<char*> arguments) {
  if (arguments.size() == 3 && std::string_view(arguments[0]) == "--fill")
    return fill_until_killed(arguments[1], arguments[2]);
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
