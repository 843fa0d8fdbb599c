// as_of: GROUP BY and a read by key, now and as of a random commit, after a tenth of --rows was written and overwritten ten
// times in batches of 1,000 rows. firn alone: by its own rules, and kept in one tier each.
#include <algorithm>
#include <numeric>
#include <random>

#include "firn/firn.hpp"
#include "tools/bench/bench.hpp"
#include "tools/bench/firn_rows.hpp"

namespace firn::bench {

namespace {

constexpr std::uint64_t kShare = 10, kOverwrites = 10;
constexpr std::size_t kBatch = 1'000;
constexpr int kScans = 40, kPoints = 500;

/// A table with a past.
class PastTable {
 public:
  PastTable(Bench& bench, const std::string& system) : folder_(bench.fresh(system)) {
    HybridTableConfig config;
    if (system == "firn-hot") config.placement = StorageTier::hot;
    if (system == "firn-warm") config.placement = StorageTier::warm;
    if (system == "firn-cold") config.placement = StorageTier::cold;
    db_ = Database::open(folder_.string()).value();
    table_ = db_.create_table("events", event_schema(), config).value();
    fill(bench.data(), bench.options().rows / kShare);
    if (config.placement == StorageTier::warm || config.placement == StorageTier::cold)
      (void)table_.compact({.to = config.placement}).value();
  }
  ~PastTable() {
    table_ = {};
    (void)db_.close();
    Bench::drop(folder_);
  }
  PastTable(const PastTable&) = delete;
  PastTable& operator=(const PastTable&) = delete;

  /// Some commit since all keys are there, as " AS OF CSN n".
  std::string some_time(std::mt19937_64& random) const {
    return " AS OF CSN " + std::to_string(commits_[random() % commits_.size()]);
  }
  /// Microseconds that the query took. Every state has all keys.
  double scan_us(const std::string& as_of) const {
    const std::string sql = "SELECT type, count(*), sum(amount) FROM events" + as_of + " GROUP BY type";
    const Stopwatch watch;
    const DataFrame answer = db_.query(sql).value();
    const double us = watch.us();
    const Answer a = answer_of({Question::group_by, 0}, answer.batch());
    if (a.count != keys_) throw Error(ErrorCode::internal, "as_of: " + std::to_string(a.count) + " rows");
    return us;
  }
  double point_us(const std::string& as_of, std::mt19937_64& random) const {
    const std::string sql =
        "SELECT * FROM events" + as_of + " WHERE id = " + std::to_string(random() % keys_);
    const Stopwatch watch;
    const auto rows = db_.query(sql).value().rows();
    const double us = watch.us();
    if (rows != 1) throw Error(ErrorCode::internal, "as_of: a key is missing");
    return us;
  }

 private:
  void fill(EventData& data, std::uint64_t keys) {
    keys_ = keys;
    std::vector<std::uint64_t> ids(keys);
    std::iota(ids.begin(), ids.end(), 0);
    std::mt19937_64 random(1);
    for (std::uint64_t round = 0; round <= kOverwrites; ++round) {
      for (std::uint64_t first = 0; first < keys; first += kBatch) {
        EventChunk part = data.part((round * keys + first) % (kShare * keys), kBatch);
        for (std::size_t i = 0; i < kBatch; ++i) part.rows[i].id = ids[first + i];
        const Commit done = table_.write(batch_of(event_schema(), part.rows)).value();
        if (round > 0) commits_.push_back(done.csn.value);
      }
      std::shuffle(ids.begin(), ids.end(), random);
    }
  }

  std::filesystem::path folder_;
  Database db_;
  HybridTable table_;
  std::uint64_t keys_ = 0;
  std::vector<std::uint64_t> commits_;
};

bool wanted(const Bench& bench, const std::string& system) {
  const auto in = [&](const std::vector<std::string>& names, const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  const bool known = in(system_names(), system);
  return in(bench.options().systems, known ? system : "firn");
}

/// Quantiles of both, and how their 95th percentiles compare.
void report(Bench& bench, const std::string& name, const std::string& system, const std::string& what,
            std::vector<double> now, std::vector<double> then) {
  const auto add = [&](const std::string& metric, const std::string& unit, double value) {
    bench.report().add(name, system, what + metric, unit, value);
  };
  const double now_p95 = quantile(now, 0.95), then_p95 = quantile(then, 0.95);
  add("_now_p50_us", "us", quantile(now, 0.5));
  add("_now_p95_us", "us", now_p95);
  add("_as_of_p50_us", "us", quantile(then, 0.5));
  add("_as_of_p95_us", "us", then_p95);
  add("_p95_ratio", "x", then_p95 / now_p95);
}

}  // namespace

void run_as_of(Bench& bench, const std::string& name) {
  for (const std::string system : {"firn", "firn-hot", "firn-warm", "firn-cold"}) {
    if (!wanted(bench, system)) continue;
    const PastTable table(bench, system);
    std::mt19937_64 random(1);
    for (int run = -1; run < bench.options().runs; ++run) {
      std::vector<double> now, then, key_now, key_then;
      for (int i = 0; i < kScans; ++i) {
        now.push_back(table.scan_us(""));
        then.push_back(table.scan_us(table.some_time(random)));
      }
      for (int i = 0; i < kPoints; ++i) {
        key_now.push_back(table.point_us("", random));
        key_then.push_back(table.point_us(table.some_time(random), random));
      }
      if (run < 0) continue;
      report(bench, name, system, "group_by", std::move(now), std::move(then));
      report(bench, name, system, "point", std::move(key_now), std::move(key_then));
    }
  }
}

}  // namespace firn::bench
