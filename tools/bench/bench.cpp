#include "tools/bench/bench.hpp"

#include <unistd.h>

#include <algorithm>
#include <iterator>

namespace firn::bench {

namespace {
constexpr std::size_t kChunkRows = 50'000, kChunkRowsLeast = 10'000;
constexpr std::size_t kRecentBatch =
    1000;  // firn's default small_write_rows: such batches go to the hot tier

bool is_pinned(const std::string& system) {
  return system == "firn-hot" || system == "firn-warm" || system == "firn-cold";
}
}  // namespace

Bench::Bench(Options options)
    : options_(std::move(options)),
      data_(static_cast<std::size_t>(std::clamp<std::uint64_t>(options_.rows, kChunkRowsLeast, kChunkRows))),
      scratch_(options_.folder / ("firn-bench-" + std::to_string(::getpid()))) {
  options_.rows = (options_.rows + data_.chunk_rows() - 1) / data_.chunk_rows() * data_.chunk_rows();
  std::filesystem::create_directories(scratch_);
}

Bench::~Bench() {
  prepared_.clear();
  std::error_code ignored;
  std::filesystem::remove_all(scratch_, ignored);
}

std::filesystem::path Bench::fresh(const std::string& system) {
  return scratch_ / (system + "-" + std::to_string(next_folder_++));
}

void Bench::drop(const std::filesystem::path& folder) { std::filesystem::remove_all(folder); }

System& Bench::prepared(const std::string& system, State state) {
  Prepared& p = prepared_[{state, system}];
  if (p.system) return *p.system;
  p.folder = fresh(system);
  p.system = make_system(system);
  p.system->create(p.folder, {});
  if (state == State::recent) {
    for (std::uint64_t i = 0; i < recent_rows(); i += kRecentBatch)
      p.system->write(data_.part(i, kRecentBatch), Handover::arrow);
    return *p.system;
  }
  for (std::size_t i = 0; i < chunks(); ++i) p.system->write(data_.chunk(i), Handover::arrow);
  if (state == State::settled) p.system->settle();
  return *p.system;
}

void Bench::forget(State state) {
  forget([&](const auto& which) { return which.first == state; });
}

void Bench::forget(const std::function<bool(const std::pair<State, std::string>&)>& gone) {
  for (auto it = prepared_.begin(); it != prepared_.end();) {
    if (!gone(it->first)) {
      ++it;
      continue;
    }
    it->second.system->close();
    drop(it->second.folder);
    it = prepared_.erase(it);
  }
}

std::vector<std::string> Bench::systems(bool Skills::*skill) const {
  std::vector<std::string> some;
  for (const std::string& s : options_.systems)
    if (skill == nullptr || make_system(s)->skills().*skill) some.push_back(s);
  return some;
}

void Bench::alternate(int runs, const std::function<void(const std::string&, bool)>& once,
                      bool Skills::*skill) {
  // Whatever does not suit its one tier a pinned table makes up for in the background: it runs when nobody else does.
  std::vector<std::string> free = systems(skill), pinned;
  std::copy_if(free.begin(), free.end(), std::back_inserter(pinned), is_pinned);
  std::erase_if(free, is_pinned);
  for (const auto& in_turn : {free, pinned})
    for (int run = -1; run < runs; ++run)
      for (const std::string& system : in_turn) once(system, run >= 0);
  forget([](const auto& which) { return is_pinned(which.second); });
}

const std::vector<Workload>& workloads() {
  static const std::vector<Workload> all = {
      {"device", "the device's own limits: sync of one append, sequential write and read", run_device},
      {"small_1w", "durable 1-row writes, one writer", run_small},
      {"small_16w", "durable 1-row writes, 16 writers", run_small},
      {"small_64w", "durable 1-row writes, 64 writers", run_small},
      {"steady", "durable 1-row writes, 16 writers, at 80 % of what they can, for long (--seconds 600)",
       run_steady},
      {"bulk_arrow", "durable batches of 50,000 rows, handed over as ready batches", run_bulk},
      {"bulk_rows", "durable batches of 50,000 rows, handed over row by row", run_bulk},
      {"csv_import", "a table from the CSV of real flights (--flights)", run_csv_import},
      {"mixed", "16 small writers beside a bulk load and a running scan", run_mixed},
      {"point_hot", "whole rows by random key, recently written", run_point},
      {"point_cold", "whole rows by random key, settled", run_point},
      {"group_by", "SELECT type, count(*), sum(amount) FROM t GROUP BY type, settled", run_scan},
      {"filter_count", "count(*) under two predicates, settled", run_scan},
      {"newest_1pct", "SELECT * of the newest 1 %, settled", run_scan},
      {"upsert_scan", "the GROUP BY after 10 % of the rows were replaced", run_upsert_scan},
      {"as_of", "GROUP BY, a range and a read by key, now and as of a random commit (firn, by tier)",
       run_as_of},
      {"size_events", "bytes on disk, settled, no history", run_size},
      {"size_flights", "bytes on disk of real flights (--flights), settled, no history", run_size},
      {"recovery", "open and a first read after kill -9 with 100 MiB written in small batches", run_recovery},
  };
  return all;
}

}  // namespace firn::bench
