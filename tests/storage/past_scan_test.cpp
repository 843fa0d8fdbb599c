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
