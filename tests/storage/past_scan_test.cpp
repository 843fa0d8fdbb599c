// AS OF over history in files: it opens the row groups that may hold a version of then, and no others; and it answers as
// before whatever files the versions were moved to.
#include "schema/query.hpp"
#include "tests/storage/store_fixture.hpp"

namespace firn::storage::model {
namespace {

constexpr int kKeys = 300;
constexpr int kCommits = 120;
constexpr int kRows = 50;

class PastScanTest : public StoreFixture, public ::testing::WithParamInterface<StorageTier> {
 protected:
  void SetUp() override {
    options.history_group_rows = 64;
    config.history_us = INT64_MAX / 4;
    create();
  }
  /// Every key once, then random ones again and again; some are removed.
  void overwrite() {
    write(0, kKeys, 0);
    for (int i = 0; i < kCommits; ++i) {
      std::set<int> keys;
      while (keys.size() < kRows) keys.insert(static_cast<int>(rng_() % kKeys));
      Change change;
      for (const int k : keys) change.emplace_back(k, Cell{true, 1'000 * i + k, ""});
      const Result<CommitInfo> done = store->commit_one(upsert_of(*store, shape.batch(change)).value());
      oracle.apply(change, done->csn.value);
      csn = done->csn.value;
      if (i % 7 == 0) remove(static_cast<int>(rng_() % kKeys));
      if (i % 40 == 39) settle(i % 80 == 39 ? StorageTier::warm : StorageTier::cold);
    }
  }
  void settle(StorageTier to) {
    while (const auto order = store->next_job_towards(to)) ASSERT_TRUE(store->run_job(*order).value().done);
  }
  void expect_every_state() {
    for (std::uint64_t at = 2; at <= csn; ++at)
      expect_equal(read_state(*store, at).value(), oracle.state(at), "AS OF CSN " + std::to_string(at));
  }
  /// The groups of history that a sum over all keys opens at that CSN.
  QueryProfile::Tier opened(std::uint64_t at) {
    const Query sum = parse_query("SELECT sum(v) FROM t AS OF CSN " + std::to_string(at)).value();
    const QueryProfile p = store->explain(sum, store->snapshot().value()).value();
    return GetParam() == StorageTier::cold ? p.cold : p.warm;
  }

  void start_with(KeyKind kind) {
    store.reset();
    shape = TableShape(kind);
    oracle = {};
    disk = std::make_shared<io::SimDisk>();
    create();
  }
  /// The rows whose keys begin with a value from that of key `from` to that of key `to`; -1: without an end.
  void expect_range(int from, int to, std::uint64_t at) {
    const std::string column = shape.schema()[shape.schema().key().front()].name;
    const auto bound = [&](int k) {
      const Value v = shape.key(k).front();
      return is_variable(v.type()) ? "'" + v.to_string() + "'" : v.to_string();
    };
    std::string where;
    if (from >= 0) where += " WHERE " + column + " >= " + bound(from);
    if (to >= 0) where += (where.empty() ? " WHERE " : " AND ") + column + " <= " + bound(to);
    State expected;
    for (const auto& [k, cell] : oracle.state(at)) {
      const Value v = shape.key(k).front();
      if ((from < 0 || shape.key(from).front() <= v) && (to < 0 || v <= shape.key(to).front()))
        expected[k] = cell;
    }
    QueryProfile profile;
    const Query query = parse_query("SELECT k, v FROM t AS OF CSN " + std::to_string(at) + where).value();
    const Batch rows = store->query(query, store->snapshot().value(), &profile).value();
    State found;
    for (std::size_t r = 0; r < static_cast<std::size_t>(rows.rows()); ++r)
      found[static_cast<int>(rows[0].value_at(r).to_i64())] = Cell{true, rows[1].value_at(r).to_i64(), ""};
    ASSERT_EQ(static_cast<std::size_t>(rows.rows()), expected.size()) << where << " at " << at;
    expect_equal(found, expected, where + " at " + std::to_string(at));
    if (GetParam() == StorageTier::cold) {
      EXPECT_EQ(profile.rows_scanned, expected.size()) << where << " at " << at;
    }
  }

  std::mt19937_64 rng_{3};
};

TEST_P(PastScanTest, OpensTheGroupsOfThatTimeAndNoOthers) {
  overwrite();
  settle(GetParam());
  const StoreStats s = stats();
  ASSERT_GT(s.history_rows, 5'000U);
  for (std::uint64_t at = csn / 4; at < csn; at += csn / 8) {
    const QueryProfile::Tier tier = opened(at);
    EXPECT_GT(tier.groups_pruned, 2 * tier.groups) << "at " << at;
    EXPECT_LT(tier.rows, 4U * kKeys) << "at " << at
                                     << ": current rows, history of then, and the edges of groups";
  }
}

/// Keys in ranges that are narrow, wide, at either end, empty, and open, at many commits.
TEST_P(PastScanTest, AKeyRangeReadsItsKeysAndNoOthers) {
  for (const KeyKind kind : {KeyKind::number, KeyKind::composite, KeyKind::text}) {
    start_with(kind);
    overwrite();
    settle(GetParam());
    for (std::uint64_t at = 2; at <= csn; at += 9) {
      // No multiples of 5: their texts have a zero byte, which SQL cannot say.
      const auto some_key = [&] { return static_cast<int>(rng_() % (kKeys / 5) * 5 + 1); };
      const int a = some_key(), b = some_key();
      for (const auto& [from, to] :
           {std::pair(a, a), std::pair(a, b), std::pair(b, a), std::pair(-1, b), std::pair(a, -1)})
        expect_range(from, to, at);
    }
  }
}

TEST_P(PastScanTest, OneOfThePresentOpensNoHistory) {
  overwrite();
  settle(GetParam());
  std::uint64_t current = 0;
  for (const FileView& f : store->files()) current += f.info.history ? 0 : f.info.rows;
  ASSERT_GT(stats().history_rows, 10 * current);
  const Query sum = parse_query("SELECT sum(v) FROM t").value();
  const QueryProfile p = store->explain(sum, store->snapshot().value()).value();
  EXPECT_LE(p.warm.rows + p.cold.rows, current);
}

TEST_P(PastScanTest, AnswersStayThroughEveryMove) {
  overwrite();
  expect_every_state();
  for (const StorageTier to : {GetParam(), StorageTier::cold, StorageTier::warm, GetParam()}) {
    settle(to);
    expect_every_state();
  }
  EXPECT_EQ(stats().jobs_refused, 0U);
  close_and_open();
  expect_every_state();
}

TEST_P(PastScanTest, OneKeyIsFoundAtEveryCommit) {
  overwrite();
  settle(GetParam());
  for (std::uint64_t at = 2; at <= csn; at += 3) {
    const StoreSnapshot then = store->snapshot(Csn{at}).value();
    for (int k = 0; k < kKeys; k += 7)
      ASSERT_EQ(read_cell(*store, then, shape, k).value(), oracle.at(k, at)) << "key " << k << " at " << at;
  }
}

TEST_P(PastScanTest, ExpiryLeavesWhatIsRetained) {
  overwrite();
  settle(GetParam());
  clock->advance_us(kHour);
  const StoreSnapshot held = store->snapshot(Csn{csn / 2}).value();
  config.history_us = 60 * kSecond;
  configure();
  clock->advance_us(kHour);
  write(0, 1, 7);
  store->expire().value();
  settle(GetParam());
  EXPECT_LT(stats().history_rows, 2U * kKeys);
  expect_rows(held);
  expect_rows();
}

INSTANTIATE_TEST_SUITE_P(Tiers, PastScanTest, ::testing::Values(StorageTier::warm, StorageTier::cold),
                         [](const auto& p) { return p.param == StorageTier::warm ? "warm" : "cold"; });

}  // namespace
}  // namespace firn::storage::model
