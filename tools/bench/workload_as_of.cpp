// as_of: GROUP BY, the same of 1 % of the keys, and a read by key, now and as of a random commit, after a tenth of --rows
// was written and overwritten ten times in batches of 1,000 rows: every key in each round ("group_by", "range", "point"),
// and keys at random, of which some are overwritten often and some never ("random_..."). firn alone: by its own rules, and
// kept in one tier each.
#include <algorithm>
#include <numeric>
#include <random>

#include "firn/firn.hpp"
#include "tools/bench/bench.hpp"
#include "tools/bench/firn_rows.hpp"

namespace firn::bench {

namespace {

constexpr std::uint64_t kShare = 10, kOverwrites = 10, kContents = 1'000'000;
constexpr std::size_t kBatch = 1'000;
constexpr int kScans = 40, kRanges = 100, kPoints = 500;

enum class Overwrites : std::uint8_t { in_turn, at_random };

/// A table with a past.
class PastTable {
 public:
  PastTable(Bench& bench, const std::string& system, Overwrites overwrites)
      : folder_(bench.fresh(system)), keys_(bench.options().rows / kShare / kBatch * kBatch) {
    HybridTableConfig config;
    if (system == "firn-hot") config.placement = StorageTier::hot;
    if (system == "firn-warm") config.placement = StorageTier::warm;
    if (system == "firn-cold") config.placement = StorageTier::cold;
    db_ = Database::open(folder_.string()).value();
    table_ = db_.create_table("events", event_schema(), config).value();
    fill(bench.data(), overwrites);
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
  double scan_us(const std::string& as_of) const { return sum_us(as_of, "", keys_); }
  double range_us(const std::string& as_of, std::uint64_t first) const {
    const std::uint64_t count = keys_ / 100;
    return sum_us(as_of,
                  " WHERE id BETWEEN " + std::to_string(first) + " AND " + std::to_string(first + count - 1),
                  count);
  }
  double point_us(const std::string& as_of, std::uint64_t key) const {
    const std::string sql = "SELECT * FROM events" + as_of + " WHERE id = " + std::to_string(key);
    const Stopwatch watch;
    const auto rows = db_.query(sql).value().rows();
    const double us = watch.us();
    if (rows != 1) throw Error(ErrorCode::internal, "as_of: a key is missing");
    return us;
  }
  std::uint64_t keys() const { return keys_; }

 private:
  double sum_us(const std::string& as_of, const std::string& where, std::uint64_t rows) const {
    const std::string sql =
        "SELECT type, count(*), sum(amount) FROM events" + as_of + where + " GROUP BY type";
    const Stopwatch watch;
    const DataFrame answer = db_.query(sql).value();
    const double us = watch.us();
    const Answer a = answer_of({Question::group_by, 0}, answer.batch());
    if (a.count != rows) throw Error(ErrorCode::internal, "as_of: " + std::to_string(a.count) + " rows");
    return us;
  }

  void fill(EventData& data, Overwrites overwrites) {
    std::vector<std::uint64_t> ids(keys_);
    std::iota(ids.begin(), ids.end(), 0);
    std::mt19937_64 random(1);
    const std::uint64_t contents = std::min(kShare * keys_, kContents);
    for (std::uint64_t round = 0; round <= kOverwrites; ++round) {
      const bool at_random = round > 0 && overwrites == Overwrites::at_random;
      for (std::uint64_t first = 0; first < keys_; first += kBatch) {
        // A batch has no key twice: its keys are the first of a shuffle that ends behind them.
        for (std::size_t i = 0; at_random && i < kBatch; ++i)
          std::swap(ids[i], ids[i + random() % (keys_ - i)]);
        EventChunk part = data.part((round * keys_ + first) % contents, kBatch);
        for (std::size_t i = 0; i < kBatch; ++i) part.rows[i].id = ids[at_random ? i : first + i];
        const Commit done = table_.write(batch_of(event_schema(), part.rows)).value();
        if (round > 0) commits_.push_back(done.csn.value);
      }
      std::shuffle(ids.begin(), ids.end(), random);
    }
  }

  std::filesystem::path folder_;
  std::uint64_t keys_;
  Database db_;
  HybridTable table_;
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

void ask(Bench& bench, const std::string& name, const std::string& system, Overwrites overwrites) {
  const PastTable table(bench, system, overwrites);
  const std::string prefix = overwrites == Overwrites::at_random ? "random_" : "";
  std::mt19937_64 random(1);
  for (int run = -1; run < bench.options().runs; ++run) {
    // Now and then take turns.
    const auto compare = [&](const std::string& what, int times, auto us) {
      std::vector<double> now, then;
      for (int i = 0; i < times; ++i) {
        now.push_back(us(std::string()));
        then.push_back(us(table.some_time(random)));
      }
      if (run >= 0) report(bench, name, system, prefix + what, std::move(now), std::move(then));
    };
    compare("group_by", kScans, [&](const std::string& as_of) { return table.scan_us(as_of); });
    compare("range", kRanges, [&](const std::string& as_of) {
      return table.range_us(as_of, random() % (table.keys() - table.keys() / 100));
    });
    compare("point", kPoints,
            [&](const std::string& as_of) { return table.point_us(as_of, random() % table.keys()); });
  }
}

}  // namespace

void run_as_of(Bench& bench, const std::string& name) {
  for (const std::string system : {"firn", "firn-hot", "firn-warm", "firn-cold"}) {
    if (!wanted(bench, system)) continue;
    for (const Overwrites overwrites : {Overwrites::in_turn, Overwrites::at_random})
      ask(bench, name, system, overwrites);
  }
}

}  // namespace firn::bench
