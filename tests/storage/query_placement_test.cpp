// The same random query over the same history, wherever the rows lie (hot, warm, cold, or spread over all with moves in
// the midst of the history), and by SQLite: one answer. Now, as of each commit, and since a time; over random rows of
// all types and over real flights.
#include <gtest/gtest.h>

#include <chrono>

#include "io/sim_disk.hpp"
#include "storage/table_store.hpp"
#include "tests/scale.hpp"
#include "tests/storage/query_data.hpp"

namespace firn::storage::oracle {
namespace {

Batch batch_of(const Data& data, const Step& step) {
  BatchBuilder builder(data.schema);
  for (const auto& row : step.rows) builder.append_row(row);
  return builder.finish().value();
}

// --- the data as firn holds it -----------------------------------------------------------------------------------------

enum class Placement : std::uint8_t { hot, warm, cold, mixed };
constexpr const char* kPlacements[] = {"hot", "warm", "cold", "mixed"};

class PlacedTable {
 public:
  PlacedTable(const Data& data, Placement placement, std::uint64_t seed) : data_(data), rng_(seed) {
    StoreOptions options;
    options.clock = clock_;
    options.segment_rows = 300;
    options.history_group_rows = 40;
    HybridTableConfig config;
    config.history_us = INT64_MAX / 4;
    if (placement == Placement::hot) config.placement = StorageTier::hot;
    store_ = TableStore::create(disk_, "t", "t", 1, data.schema, config, options).value();
    for (const Step& step : data.steps) {
      apply(step);
      if (placement == Placement::mixed) shuffle();
    }
    if (placement == Placement::warm) settle(StorageTier::warm);
    if (placement == Placement::cold) settle(StorageTier::cold);
    expect_placed(placement);
    clock_->advance_us(1'000'000);
    now_ = store_->snapshot().value();
  }

  Result<Batch> run(const RandomQuery& q) {
    FIRN_ASSIGN(const Query parsed, parse_query(text(q)));
    return store_->query(parsed, now_);
  }
  std::string text(const RandomQuery& q) const {
    std::string from = "t";
    if (q.since_us)
      from += " SINCE " + std::string("TIMESTAMP '") + Value(Timestamp{*q.since_us}).to_string() + "'";
    const CommitInfo& at = commits_[q.version];
    if (q.travel == 1) from += " AS OF CSN " + std::to_string(at.csn.value);
    if (q.travel >= 2)
      from +=
          " AS OF TIMESTAMP '" + Value(Timestamp{at.time.us + (q.travel == 3 ? 1'000 : 0)}).to_string() + "'";
    return q.text(Dialect::firn, from);
  }

 private:
  void apply(const Step& step) {
    clock_->advance_us(1'000'000);
    WriteRequest r;
    if (!step.removed.empty()) {
      r.kind = WriteRequest::Kind::remove_keys;
      for (const Key& key : step.removed) r.remove_keys.push_back(encode_key(data_.schema, key).value());
    } else if (const Batch rows = batch_of(data_, step); store_->is_small(rows)) {
      r.rows = rows;
    } else {
      r.kind = WriteRequest::Kind::blocks;
      r.blocks = store_->prepare_blocks(rows).value();
    }
    commits_.push_back(store_->commit_one(std::move(r)).value());
  }
  void settle(StorageTier to) {
    while (const auto order = store_->next_job_towards(to)) store_->run_job(*order).value();
  }
  void expect_placed(Placement placement) {
    const StoreStats stats = store_->stats().value();
    const std::uint64_t rows[] = {stats.hot.rows, stats.warm.rows, stats.cold.rows};
    for (std::size_t tier = 0; tier < 3 && placement != Placement::mixed; ++tier)
      EXPECT_EQ(rows[tier], tier == static_cast<std::size_t>(placement) ? stats.rows : 0)
          << kPlacements[tier];
  }
  void shuffle() {
    static constexpr StorageTier kTiers[] = {StorageTier::hot, StorageTier::warm, StorageTier::cold};
    for (std::uint64_t i = 0; i < rng_() % 3; ++i)
      if (const auto order = store_->next_job_towards(kTiers[rng_() % 3])) store_->run_job(*order).value();
  }

  const Data& data_;
  std::mt19937_64 rng_;
  std::shared_ptr<io::ManualClock> clock_ = std::make_shared<io::ManualClock>();
  std::shared_ptr<io::SimDisk> disk_ = std::make_shared<io::SimDisk>();
  std::unique_ptr<TableStore> store_;
  std::vector<CommitInfo> commits_;
  StoreSnapshot now_;
};

// --- and as SQLite does: a table for each commit's state ---------------------------------------------------------------

class OracleTables {
 public:
  explicit OracleTables(const Data& data) : data_(data) {
    std::map<Key, Row> state;
    for (std::size_t v = 0; v < data.steps.size(); ++v) {
      for (const auto& values : data.steps[v].rows) {
        state[key_of(values)] = cells_of(data, values);
      }
      for (const Key& key : data.steps[v].removed) state.erase(key);
      std::vector<Row> rows;
      for (auto& [key, row] : state) rows.push_back(row);
      create_table(sqlite_, data, name(v));
      sqlite_.insert(name(v), rows);
    }
  }
  std::string text(const RandomQuery& q) const {
    std::string from = name(q.version) + " AS t";
    if (q.since_us)
      from = "(SELECT * FROM " + name(q.version) + " WHERE " + data_.schema[*data_.schema.time()].name +
             " >= " + std::to_string(*q.since_us) + ") AS t";
    return q.text(Dialect::sqlite, from);
  }
  std::vector<Row> run(const RandomQuery& q) { return sqlite_.run(text(q)); }

 private:
  static std::string name(std::size_t version) { return "t" + std::to_string(version); }
  Key key_of(const std::vector<Value>& values) const {
    Key key;
    for (const std::size_t k : data_.schema.key()) key.push_back(values[k]);
    return key;
  }
  const Data& data_;
  Sqlite sqlite_;
};

// --- comparing ---------------------------------------------------------------------------------------------------------

class Comparison {
 public:
  Comparison(const Data& data, std::uint64_t seed) : data_(data), sqlite_(data) {
    for (const Placement p : {Placement::hot, Placement::warm, Placement::cold, Placement::mixed})
      tables_.push_back(std::make_unique<PlacedTable>(data, p, seed));
  }
  /// Where the answers differ; "" if nowhere.
  std::string mismatch(const RandomQuery& q) {
    const std::vector<Row> expected = sqlite_.run(q);
    std::vector<Kind> kinds = q.star ? data_.kinds : std::vector<Kind>{};
    for (const Expr& e : q.items) kinds.push_back(e.kind);
    for (std::size_t p = 0; p < tables_.size(); ++p) {
      const auto answer = tables_[p]->run(q);
      const std::string where = std::string(kPlacements[p]) + ": " + tables_[p]->text(q) + "\n";
      if (!answer) return where + answer.error().message();
      if (const std::string d = difference(q, cells_of(*answer, kinds), expected); !d.empty())
        return where + "SQLite: " + sqlite_.text(q) + "\n" + d;
    }
    return "";
  }
  /// The same failure by a query as simple as can be found.
  std::string shrunk(RandomQuery q, std::string failure) {
    for (int attempts = 0; attempts < 400;) {
      bool simpler = false;
      for (const RandomQuery& next : q.simpler()) {
        if (++attempts > 400) break;
        std::string still;
        try {
          still = mismatch(next);
        } catch (const std::exception&) {
          continue;  // not a query of both dialects any more
        }
        const bool error = still.find("\nSQLite: ") == std::string::npos;
        if (still.empty() || error != (failure.find("\nSQLite: ") == std::string::npos)) continue;
        q = next;
        failure = std::move(still);
        simpler = true;
        break;
      }
      if (!simpler) break;
    }
    return failure;
  }
  /// "" or the shrunk failure.
  std::string check(const RandomQuery& q) {
    std::string failure = mismatch(q);
    return failure.empty() ? failure : shrunk(q, std::move(failure));
  }

 private:
  const Data& data_;
  OracleTables sqlite_;
  std::vector<std::unique_ptr<PlacedTable>> tables_;
};

/// Rounds with data and queries of their own, by default so many; FIRN_SOAK_SECONDS asks for more, FIRN_SEED repeats one.
void compare_rounds(int rounds, int queries, const std::function<Data(std::mt19937_64&)>& make) {
  const auto one = testing::number_from("FIRN_SEED");
  const auto asked = testing::number_from("FIRN_SOAK_SECONDS");
  const std::chrono::seconds soak(asked.value_or(0));
  const auto began = std::chrono::steady_clock::now();
  std::uint64_t seed = one.value_or(asked ? std::random_device{}() : 1);
  for (int round = 0; round < rounds || std::chrono::steady_clock::now() - began < soak; ++round, ++seed) {
    std::mt19937_64 rng(seed);
    const Data data = make(rng);
    QueryGenerator generator(rng, data.columns, data.words, data.time_min, data.time_max);
    Comparison comparison(data, seed);
    RandomQuery all;
    all.star = true;
    for (all.version = 0; all.version < data.steps.size(); ++all.version) {
      all.travel = 1;
      ASSERT_EQ(comparison.mismatch(all), "") << "seed " << seed;
    }
    for (int n = 0; n < queries; ++n)
      ASSERT_EQ(comparison.check(generator.query(data.steps.size())), "")
          << "FIRN_SEED=" << seed << ", query " << n;
    if (one) return;
  }
}

TEST(QueryPlacement, RandomRowsAnswerTheSameWhereverTheyLie) {
  compare_rounds(testing::scaled(20), 225, random_data);
}

TEST(QueryPlacement, FlightsAnswerTheSameWhereverTheyLie) {
  compare_rounds(1, testing::scaled(500), [](std::mt19937_64& rng) { return flights(rng, 4'000); });
}

TEST(QueryPlacement, ComparisonRingsAndShrinks) {
  std::mt19937_64 rng(7);
  const Data data = random_data(rng);
  Comparison comparison(data, 7);
  QueryGenerator generator(rng, data.columns, data.words, data.time_min, data.time_max);
  RandomQuery q;
  q.version = data.steps.size() - 1;
  const Expr column{Kind::integer, "i", "i"};
  q.items = {{Kind::integer, "(#0 + 1)", "(#0 + 2)", {column}}, column};  // a translation that is wrong
  q.where = Expr{Kind::boolean, "(#0 > -100)", "(#0 > -100)", {column}};
  const std::string found = comparison.check(q);
  EXPECT_NE(found.find("SELECT (i + 1) FROM t\n"), std::string::npos) << found;
}

}  // namespace
}  // namespace firn::storage::oracle
