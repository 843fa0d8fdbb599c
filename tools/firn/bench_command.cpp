// bench: hands its words to firn-bench, a program of its own, so that this one never links what it is measured against.
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "commands.hpp"

namespace firn::cli {
namespace {

std::filesystem::path bench_program() {
  std::error_code ignored;
  return std::filesystem::read_symlink("/proc/self/exe", ignored).parent_path() / "firn-bench";
}

const std::vector<Option>& bench_options() {
  static const std::vector<Option> options = {
      {"only", "NAME,...", "these workloads; default: all, listed by firn-bench --help"},
      {"rows", "N", "events of a table; default 1000000"},
      {"runs", "N", "counted runs of each figure; default 5"},
      {"seconds", "S", "length of a run of small writes; default 2"},
      {"peers", "NAME,...|none", "lmdb, rocksdb, sqlite, duckdb; default: those that are there"},
      {"systems", "NAME,...", "exactly these, firn and its variants too"},
      {"flights", "FILE", "CSV of real flights, for csv_import and size_flights"},
      {"duckdb", "LIB", "DuckDB's shared library, if it lies at none of the usual places"},
      {"dir", "DIR", "where the tables are made and removed; default: the folder for temporary files"},
      {"json", "FILE", "writes all figures"},
      {"html", "FILE", "writes the report as a page with plots"},
      {"svg", "FILE", "writes the main figures as one picture"},
  };
  return options;
}

ExitStatus run_bench(const Arguments& a) {
  std::vector<std::string> words = {"firn-bench"};
  for (const Option& option : bench_options()) {
    if (const auto value = a.value(option.name)) {
      words.push_back("--" + std::string(option.name));
      words.push_back(*value);
    }
  }
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const std::filesystem::path program = bench_program();
  ::execv(program.c_str(), argv.data());
  throw Failure(ExitStatus::failed, program.string() + ": " + std::strerror(errno));
}

}  // namespace

// The program is optional, and so is its command.
std::vector<Command> bench_commands() {
  if (::access(bench_program().c_str(), X_OK) != 0) return {};
  return {{"bench",
           "measures firn beside other databases on this machine",
           {},
           bench_options(),
           "Prints the machine, the device's own limits and the peers' versions, then a table for each "
           "workload and what\n"
           "is to be reached. Nothing that exists is touched.",
           run_bench}};
}

}  // namespace firn::cli
