// Settling a table beside a writer: what was committed before is moved, what comes meanwhile is left, and so it ends.
#include "tests/storage/store_fixture.hpp"

namespace firn::storage {
namespace {

class SettleTest : public model::StoreFixture, public ::testing::WithParamInterface<StorageTier> {};

TEST_P(SettleTest, EndsBesideAWriterThatNeverRests) {
  write(0, 300, 1);
  write(300, 50, 1);
  write(20, 50, 2);
  write(100, 150, 2);
  remove(7);
  const std::uint64_t upto = csn;
  int jobs = 0;
  for (; jobs < 50; ++jobs) {
    const auto order = store->next_job_towards(GetParam(), Csn{upto});
    if (!order) break;
    store->run_job(*order).value();
    write(jobs % 300, 20, 100 + jobs);
    write(jobs % 100, 120, 200 + jobs);
  }
  EXPECT_LT(jobs, 15);
  EXPECT_TRUE(store->next_job_towards(GetParam())) << "what came since";
  for (const FileView& f : store->files()) {
    if (f.info.history || f.info.csn_min > upto) continue;
    EXPECT_EQ(f.info.tier, GetParam()) << f.info.path;
  }
  expect_rows();
  model::expect_equal(model::read_state(*store, upto).value(), oracle.state(upto), "when it was asked for");
}
INSTANTIATE_TEST_SUITE_P(Tiers, SettleTest,
                         ::testing::Values(StorageTier::hot, StorageTier::warm, StorageTier::cold));

}  // namespace
}  // namespace firn::storage
