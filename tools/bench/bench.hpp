// What every workload gets: options, rows, loaded systems, and a place for its figures.
#pragma once
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tools/bench/load.hpp"
#include "tools/bench/report.hpp"
#include "tools/bench/system.hpp"

namespace firn::bench {

struct Options {
  std::vector<std::string> only;     ///< workloads; empty: all
  std::vector<std::string> systems;  ///< in the order of the report
  std::uint64_t rows = 1'000'000;    ///< rounded up to whole chunks of 50,000; fewer rows: at least 10,000
  int runs = 5;
  double seconds = 2;             ///< of a run of small_* and mixed
  std::filesystem::path flights;  ///< CSV, may be compressed
  std::filesystem::path json, html, svg;
  std::filesystem::path folder;  ///< scratch; a folder of our own is made in it
};

class Bench {
 public:
  explicit Bench(Options options);
  ~Bench();  ///< removes the scratch folder
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;

  const Options& options() const { return options_; }
  EventData& data() { return data_; }
  Report& report() { return report_; }
  std::size_t chunks() const { return static_cast<std::size_t>(options_.rows / data_.chunk_rows()); }

  /// A fresh folder name for a system; nothing is there yet.
  std::filesystem::path fresh(const std::string& system);
  /// The folder is not needed any more.
  static void drop(const std::filesystem::path& folder);

  /// The state that several workloads share, made when first asked for.
  enum class State : std::uint8_t {
    loaded,   ///< options().rows events, in bulk, as they lie after writing
    settled,  ///< the same, in their final form (firn: cold)
    recent,   ///< recent_rows() events in batches of 1,000 (firn: hot)
  };
  System& prepared(const std::string& system, State state);
  std::uint64_t recent_rows() const { return std::min<std::uint64_t>(options_.rows, 200'000); }
  /// Closes and removes all that prepared() made in this state.
  void forget(State state);
  void forget(const std::function<bool(const std::pair<State, std::string>&)>& gone);

  /// Those of the options that have the skill; null: all.
  std::vector<std::string> systems(bool Skills::*skill = nullptr) const;
  /// Runs `once` for each system (that has the skill) in turn, `runs` times, after one round that does not count.
  /// once(system name, counts): add figures to the report only if `counts`. firn pinned to one tier comes behind the others.
  void alternate(int runs, const std::function<void(const std::string& system, bool counts)>& once,
                 bool Skills::*skill = nullptr);

 private:
  struct Prepared {
    std::filesystem::path folder;
    std::unique_ptr<System> system;
  };
  Options options_;
  EventData data_;
  Report report_;
  std::filesystem::path scratch_;
  int next_folder_ = 0;
  std::map<std::pair<State, std::string>, Prepared> prepared_;
};

/// A family of workloads by name. run() is called with each name that was asked for.
struct Workload {
  std::string name, meaning;
  void (*run)(Bench&, const std::string& name);
};
/// In the order in which they run.
const std::vector<Workload>& workloads();

void run_device(Bench&, const std::string&);
void run_small(Bench&, const std::string&);
void run_steady(Bench&, const std::string&);
void run_bulk(Bench&, const std::string&);
void run_csv_import(Bench&, const std::string&);
void run_mixed(Bench&, const std::string&);
void run_point(Bench&, const std::string&);
void run_scan(Bench&, const std::string&);
void run_upsert_scan(Bench&, const std::string&);
void run_as_of(Bench&, const std::string&);
void run_size(Bench&, const std::string&);
void run_recovery(Bench&, const std::string&);
/// The other half of `recovery`: writes hot rows into `folder` until told enough, says so, and waits to be killed.
int fill_until_killed(const std::string& system, const std::string& folder, std::uint64_t bytes);

}  // namespace firn::bench
