// Snapshots as pins: who holds them, how old they are, and what happens to one that is older than the table allows.
#include "storage/pins.hpp"

#include "tests/storage/store_fixture.hpp"

namespace firn::storage {
namespace {

class PinsTest : public model::StoreFixture {};

TEST_F(PinsTest, ListsWhoHoldsWhichCsnAndForHowLong) {
  const std::uint64_t first = write(0, 10, 1).csn.value;
  const StoreSnapshot old = store->snapshot(std::nullopt, "nightly report").value();
  clock->advance_us(5 * kSecond);
  write(0, 10, 2);
  const StoreSnapshot young = store->snapshot().value();
  clock->advance_us(2 * kSecond);

  const StoreStats s = stats();
  EXPECT_EQ(s.pins, 2U);
  ASSERT_EQ(s.pin_list.size(), 2U);
  EXPECT_EQ(s.pin_list[0].owner, "nightly report");
  EXPECT_EQ(s.pin_list[0].csn, first);
  EXPECT_EQ(s.pin_list[0].age_us, 7 * kSecond);
  EXPECT_EQ(s.pin_list[1].owner, "snapshot");
  EXPECT_EQ(s.pin_list[1].age_us, 2 * kSecond);
}

TEST_F(PinsTest, APinGoesWithTheLastCopyOfItsSnapshot) {
  write(0, 10, 1);
  {
    const StoreSnapshot one = store->snapshot().value();
    const StoreSnapshot copy = one;  // NOLINT(performance-unnecessary-copy-initialization): what is tested
    EXPECT_EQ(stats().pins, 1U);
  }
  EXPECT_EQ(stats().pins, 0U);
}

TEST_F(PinsTest, WithoutALimitAPinIsNeverTooOld) {
  write(0, 10, 1);
  const StoreSnapshot held = store->snapshot().value();
  clock->advance_us(1'000 * 86'400 * kSecond);
  write(0, 10, 2);
  store->expire().value();
  store->follow_ends().value();
  expect_rows(held);
}

TEST_F(PinsTest, OneOlderThanTheLimitIsGivenUpAndItsReadsFailWhateverTheyAsk) {
  config.set("pin_max_age", "1m").value();
  configure();
  write(0, 10, 1);
  const StoreSnapshot old = store->snapshot(std::nullopt, "forgotten").value();
  clock->advance_us(45 * kSecond);
  const StoreSnapshot young = store->snapshot().value();
  store->follow_ends().value();
  expect_rows(old);

  clock->advance_us(30 * kSecond);
  store->follow_ends().value();
  const std::vector<Value> key = shape.key(3);
  const Result<Batch> query = store->query(parse_query("SELECT count(*) FROM t").value(), old);
  ASSERT_FALSE(query);
  EXPECT_EQ(query.error().code(), ErrorCode::horizon);
  for (const char* part : {"forgotten", "pin_max_age (1m)", "take a new one"})
    EXPECT_NE(query.error().message().find(part), std::string::npos) << query.error().message();
  EXPECT_FALSE(store->get(old, key));
  EXPECT_FALSE(store->explain(parse_query("SELECT v FROM t").value(), old));
  EXPECT_FALSE(store->scan_all(old, [](const Batch&) { return Result<void>(); }));
  EXPECT_EQ(stats().pins, 1U);
  expect_rows(young);
}

TEST_F(PinsTest, APinThatIsBrokenWhileAReadIsUnderWayFailsThatRead) {
  config.set("pin_max_age", "1m").value();
  configure();
  write(0, 10, 1);
  const StoreSnapshot held = store->snapshot().value();
  const Result<void> read = store->scan_all(held, [&](const Batch&) -> Result<void> {
    clock->advance_us(120 * kSecond);
    return store->follow_ends();
  });
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code(), ErrorCode::horizon);
}

TEST_F(PinsTest, WhatABrokenPinHeldMayGo) {
  config.set("pin_max_age", "1m").value();
  config.history_us = 0;
  configure();
  write(0, 50, 1);
  const StoreSnapshot held = store->snapshot().value();
  write(0, 50, 2);
  purge();
  EXPECT_EQ(stats().versions, 100U);
  clock->advance_us(120 * kSecond);
  purge();
  EXPECT_EQ(stats().versions, 50U);
  expect_rows();
}

}  // namespace
}  // namespace firn::storage
