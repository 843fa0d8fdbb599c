// A write that says who sends it and which one it is commits once, whatever happens to the table in between; how long that
// is known is said, and who comes later is told.
#include "tests/storage/store_fixture.hpp"

namespace firn::storage {
namespace {

class TokensTest : public model::StoreFixture {
 protected:
  Result<CommitInfo> send(std::uint64_t sequence, int first, int count) {
    model::Change change;
    for (int k = first; k < first + count; ++k)
      change.emplace_back(k, model::Cell{true, static_cast<std::int64_t>(sequence), ""});
    WriteRequest r = model::upsert_of(*store, shape.batch(change)).value();
    r.token = WriteToken{"p", sequence};
    return store->commit_one(std::move(r));
  }
};

TEST_F(TokensTest, ARepeatGetsTheFirstAnswerAfterMovesCheckpointsKillsAndCuts) {
  const CommitInfo small = send(1, 0, 10).value(), large = send(2, 0, 300).value();
  const auto expect_repeats = [&](const char* when) {
    for (const CommitInfo& first : {small, large}) {
      const CommitInfo again = send(first.csn == small.csn ? 1 : 2, 500, 20).value();
      EXPECT_TRUE(again.repeated) << when;
      EXPECT_EQ(again.csn, first.csn) << when;
      EXPECT_EQ(again.time, first.time) << when;
      EXPECT_EQ(again.rows, first.rows) << when;
      EXPECT_EQ(again.tier, first.tier) << when;
    }
  };
  expect_repeats("at once");
  for (const StorageTier to : {StorageTier::warm, StorageTier::cold, StorageTier::hot, StorageTier::cold}) {
    while (const auto order = store->next_job_towards(to)) store->run_job(*order).value();
    expect_repeats("after moves");
  }
  kill_and_open();
  expect_repeats("after a kill");
  store->checkpoint().value();
  disk = disk->cut(io::kCutPolicies[0], 1);
  kill_and_open();
  expect_repeats("after a checkpoint and a power cut");
  close_and_open();
  expect_repeats("after a clean end");
  clock->advance_us(100 * 24 * kHour);
  store->expire().value();
  expect_repeats("after all history has gone");
}

TEST_F(TokensTest, OneOlderThanThoseThatAreRememberedIsRefused) {
  const CommitInfo first = send(1, 0, 1).value();
  send(1'024, 0, 1).value();
  EXPECT_EQ(send(1, 0, 1).value().csn, first.csn) << "the last 1,024 sequences";
  send(1'025, 0, 1).value();
  const auto late = send(1, 0, 1);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code(), ErrorCode::horizon);
  EXPECT_NE(late.error().message().find("older than the last 1024 sequences"), std::string::npos)
      << late.error().message();
}

}  // namespace
}  // namespace firn::storage
