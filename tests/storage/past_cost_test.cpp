// What a query of the past costs, in bytes decoded, beside the same query now: the promise is twice the time at most, and
// time cannot be asserted on a machine that others use.
#include "schema/query.hpp"
#include "tests/storage/store_fixture.hpp"

namespace firn::storage::model {
namespace {

constexpr int kPastKeys = 4'000, kVersions = 11, kCommitRows = 100;

class PastCostTest : public StoreFixture {
 protected:
  void SetUp() override {
    options.history_group_rows = 320;  // as many cells as 200,000 keys have with groups of 16,384
    config.history_us = INT64_MAX / 4;
    create();
  }
  void overwrite_at_random() {
    std::mt19937_64 random(5);
    for (int k = 0; k < kPastKeys; k += kCommitRows) write(k, kCommitRows, 0);
    first_ = csn;
    for (int i = 0; i < kPastKeys * (kVersions - 1) / kCommitRows; ++i) {
      std::set<int> keys;
      while (keys.size() < kCommitRows) keys.insert(static_cast<int>(random() % kPastKeys));
      Change change;
      for (const int k : keys)
        change.emplace_back(k, Cell{true, static_cast<std::int64_t>(random() % 1'000'000), ""});
      csn = store->commit_one(upsert_of(*store, shape.batch(change)).value())->csn.value;
    }
    while (const auto order = store->next_job_towards(StorageTier::cold))
      ASSERT_TRUE(store->run_job(*order).value().done);
  }
  QueryProfile cost(const std::string& as_of) {
    const Query query = parse_query("SELECT count(*), sum(v), max(k) FROM t" + as_of).value();
    QueryProfile profile;
    const Batch answer = store->query(query, store->snapshot().value(), &profile).value();
    EXPECT_EQ(answer[0].value_at(0).to_i64(), kPastKeys) << as_of;
    return profile;
  }

  std::uint64_t first_ = 0;  ///< all keys are there since
};

TEST_F(PastCostTest, BytesOfAnyPastCommitAreAFewTimesThoseOfThePresent) {
  overwrite_at_random();
  const QueryProfile now = cost("");
  ASSERT_EQ(now.cold.groups, 1U);
  std::vector<double> times;
  for (std::uint64_t at = first_; at < csn; at += 3) {
    const QueryProfile then = cost(" AS OF CSN " + std::to_string(at));
    EXPECT_EQ(then.rows_scanned, now.rows_scanned)
        << "of rows that do not count only the life is decoded, at " << at;
    times.push_back(static_cast<double>(then.cost.bytes_decoded) /
                    static_cast<double>(now.cost.bytes_decoded));
  }
  std::sort(times.begin(), times.end());
  // Two columns of 8 bytes, and the begins of the present: 1.5. The rest are lives at the edges of what counts: 2.09.
  EXPECT_LT(times[times.size() * 95 / 100], 2.2);
}

}  // namespace
}  // namespace firn::storage::model
