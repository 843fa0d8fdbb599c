// Settling a table beside a writer: what was committed before is moved, what comes meanwhile is left, and so it ends. And
// writers that nobody settles after: small blocks do not pile up without a bound.
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

class KeptInOneTier : public model::StoreFixture, public ::testing::WithParamInterface<StorageTier> {};

TEST_P(KeptInOneTier, SmallWritesPassThroughHotAndMoveInStepsWorthAJob) {
  config.placement = GetParam();
  configure();
  int jobs = 0;
  const auto upkeep = [&] {
    for (; jobs < 1'000; ++jobs) {
      const auto order = store->next_job();
      if (!order) return;
      store->run_job(*order).value();
    }
  };
  for (int i = 0; i < 300; ++i) {
    EXPECT_EQ(write(i, 1, i).tier, StorageTier::hot);
    upkeep();
  }
  EXPECT_LE(jobs, 2) << "one move of hot rows a second, and the files on";
  EXPECT_GT(stats().hot.rows, 0U);
  expect_rows();
  for (int i = 0; i < 30; ++i) {
    clock->advance_us(2 * kSecond);
    write(i, 1, 1'000 + i);
    upkeep();
    EXPECT_EQ(stats().hot.rows, 0U);
  }
  EXPECT_LE(jobs, 80) << "a merge for each handful of new files at most";
  for (const FileView& f : store->files()) EXPECT_EQ(f.info.tier, GetParam());
  EXPECT_LT(store->files().size(), 48U);
  expect_rows();
}
INSTANTIATE_TEST_SUITE_P(Tiers, KeptInOneTier, ::testing::Values(StorageTier::warm, StorageTier::cold));

class StallTest : public model::StoreFixture {};

/// A close does not wait for a long merge: the job ends, and nothing has happened.
TEST_F(StallTest, AJobThatIsToStopChangesNothing) {
  const auto stop = std::make_shared<std::atomic<bool>>(false);
  options.stop_jobs = stop;
  options.job_hook = [&](std::string_view stage) { *stop = stage == "written"; };
  kill_and_open();
  for (int i = 0; i < 4; ++i) write(i * 100, 300, i);
  write(0, 50, 9);
  const auto files = [&] {
    std::vector<std::string> paths;
    for (const FileView& f : store->files()) paths.push_back(f.info.path + ":" + std::to_string(f.info.id));
    return paths;
  };
  const auto before = files();
  for (const bool from_hot : {false, true}) {
    *stop = false;
    JobOrder order;
    order.to = from_hot ? StorageTier::warm : StorageTier::cold;
    order.from_hot = from_hot;
    if (!from_hot)
      for (const FileView& f : store->files()) order.inputs.push_back(f.info.id);
    const auto ended = store->run_job(order);
    ASSERT_FALSE(ended);
    EXPECT_EQ(ended.error().code(), ErrorCode::closed);
    EXPECT_EQ(files(), before);
    EXPECT_EQ(store->run_job(order).error().code(), ErrorCode::closed) << "before it begins";
  }
  EXPECT_EQ(stats().jobs_refused, 0U);
  expect_rows();
  options.job_hook = {};
  *stop = false;
  kill_and_open();
  run(StorageTier::warm, true);
  for (auto order = store->next_job_towards(StorageTier::cold); order;
       order = store->next_job_towards(StorageTier::cold))
    store->run_job(*order).value();
  expect_rows();
}

TEST_F(StallTest, WhoeverWritesMoreBlocksThanAnybodyMergesMergesThem) {
  std::size_t most = 0;
  for (int i = 0; i < 400; ++i) {
    write(i * 37 % 900, 120, i);  // no job runs
    most = std::max(most, store->files().size());
  }
  EXPECT_LT(most, 60U);
  EXPECT_GT(most, 40U) << "a few dozen files are no reason to make a writer wait";
  expect_rows();
  kill_and_open();
  expect_rows();
}

TEST_F(StallTest, WhatCannotBeMergedDoesNotStopWriters) {
  options.job_faults.rows = [](Batch&, std::vector<std::uint64_t>& csns, auto&&...) { csns.front() += 1; };
  kill_and_open();
  for (int i = 0; i < 100; ++i) write(i * 37 % 900, 120, i);
  EXPECT_GE(store->files().size(), 100U);
  EXPECT_GT(stats().jobs_refused, 0U);
  expect_rows();
}

}  // namespace
}  // namespace firn::storage
