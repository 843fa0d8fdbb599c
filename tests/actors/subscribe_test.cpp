// Changes, cursors and live consumers through the public interface.
#include "fixture.hpp"

namespace firn::testing {
namespace {

class SubscribeTest : public DatabaseTest {
 protected:
  static std::vector<std::string> lines_of(const ChangeBatch& batch) {
    std::vector<std::string> out;
    for (std::int64_t i = 0; i < batch.rows.rows(); ++i)
      out.push_back(batch.rows.at(i, 2).to_string() + " " + batch.rows.at(i, 3).to_string() + " " +
                    batch.rows.at(i, 5).to_string());
    return out;
  }
  /// The next batch; it must come.
  static ChangeBatch fetch(Subscription& s) { return s.next(30s).value().value(); }
  using Lines = std::vector<std::string>;
};

TEST_F(SubscribeTest, ChangesAndNetChangesOfATable) {
  open();
  HybridTable t = table();
  const Commit a = t.write(events(1, 2)).value();
  t.write(events(2, 1, "buy")).value();
  const Key key{Value(std::uint64_t{1})};
  const Commit c = t.remove(std::span<const Key>(&key, 1)).value();
  const ChangeBatch all = t.changes(Csn{0}).value();
  EXPECT_EQ(lines_of(all), (Lines{"insert 1 click", "insert 2 click", "update 2 buy", "delete 1 click"}));
  EXPECT_EQ(all.next, c.csn);
  EXPECT_EQ(all.rows.name(0), "_csn");
  ChangesOptions options;
  options.before = true;
  options.to = Csn{a.csn.value + 1};
  EXPECT_EQ(lines_of(t.changes(a.csn, options).value()), (Lines{"update_before 2 click", "update 2 buy"}));
  EXPECT_EQ(t.net_changes(Csn{0}, c.csn).value().rows(), 1);
  EXPECT_EQ(t.query("SELECT * FROM t CHANGES SINCE 0").value().rows(), 4);
  EXPECT_EQ(
      db_.query("SELECT count(*) AS n FROM events CHANGES SINCE 0 WHERE _op = 'insert'").value().at(0, 0),
      Value(std::int64_t{2}));
  EXPECT_EQ(t.csn_at(a.time).value(), a.csn);
}

TEST_F(SubscribeTest, ChangesComeByMessageToo) {
  open();
  HybridTable t = table();
  t.write(events(1, 3)).value();
  const runtime::HostCall unpin;
  caf::actor_system_config config;
  caf::actor_system system{config};
  caf::scoped_actor self{system};
  const auto request = make_flat<fb::QueryRequest>([](auto& b) {
    return fb::CreateQueryRequest(b, b.CreateString("SELECT * FROM events CHANGES SINCE 0"));
  });
  self->request(t.actor(), 30s, request)
      .receive(
          [](const flat<fb::QueryAnswer>& answer, const ArrowBody& body) {
            EXPECT_EQ(answer->rows(), 3U);
            EXPECT_EQ(body.batch().value().schema()[2].name, "_op");
          },
          [](const caf::error& why) { FAIL() << to_error(why).message(); });
}

TEST_F(SubscribeTest, ALiveConsumerGetsEveryCommitOnce) {
  open();
  HybridTable t = table();
  t.write(events(0, 5)).value();
  Subscription s = t.subscribe().value();
  EXPECT_FALSE(s.next(0us).value().has_value()) << "it begins after the newest commit";
  constexpr std::uint64_t kCommits = 200;
  std::thread writer([&] {
    for (std::uint64_t i = 0; i < kCommits; ++i) t.write(events(1'000 + i, 1)).value();
  });
  std::uint64_t seen = 0;
  while (seen < kCommits) {
    const ChangeBatch batch = fetch(s);
    for (std::int64_t i = 0; i < batch.rows.rows(); ++i)
      ASSERT_EQ(batch.rows.at(i, 3).to_u64(), 1'000 + seen++);
  }
  writer.join();
  EXPECT_FALSE(s.next(1ms).value().has_value());
}

TEST_F(SubscribeTest, WaitingEndsWithTheCommit) {
  open();
  HybridTable t = table();
  Subscription s = t.subscribe().value();
  std::optional<ChangeBatch> got;
  std::thread consumer([&] { got = fetch(s); });
  t.write(events(7, 1)).value();
  consumer.join();
  EXPECT_EQ(lines_of(*got), Lines{"insert 7 click"});
}

TEST_F(SubscribeTest, ASlowConsumerHoldsBackNobodyAndMissesNothing) {
  open();
  HybridTable t = table();
  SubscribeOptions options;
  options.from = Csn{0};
  options.max_rows = 100;
  Subscription s = t.subscribe(options).value();
  for (int i = 0; i < 20; ++i) t.write(events(0, 60, "round " + std::to_string(i))).value();
  t.compact({.to = StorageTier::cold}).value();
  std::int64_t rows = 0;
  for (int i = 0; i < 20; ++i) {
    const ChangeBatch batch = fetch(s);
    EXPECT_EQ(batch.rows.rows(), 60) << "whole commits, as many as fit";
    EXPECT_EQ(batch.rows.at(0, 5).to_string(), "round " + std::to_string(i));
    rows += batch.rows.rows();
  }
  EXPECT_EQ(rows, 1200);
  EXPECT_FALSE(s.next(0us).value().has_value());
}

TEST_F(SubscribeTest, CloseEndsTheWait) {
  open();
  HybridTable t = table();
  Subscription s = t.subscribe().value();
  ErrorCode code = ErrorCode::ok;
  std::atomic<bool> waiting = false;
  std::thread consumer([&] {
    waiting = true;
    code = s.next(60s).error().code();
  });
  while (!waiting) std::this_thread::yield();
  close_in_time();
  consumer.join();
  EXPECT_EQ(code, ErrorCode::closed);
  EXPECT_EQ(s.next(0us).error().code(), ErrorCode::closed);
}

TEST_F(SubscribeTest, ACursorResumesAfterReopening) {
  open();
  HybridTable t = table();
  t.create_cursor("reader", {.at = Csn{0}}).value();
  t.write(events(1, 2)).value();
  t.write(events(3, 1)).value();
  SubscribeOptions options;
  options.cursor = "reader";
  options.max_rows = 2;
  {
    Subscription s = t.subscribe(options).value();
    EXPECT_EQ(lines_of(fetch(s)), (Lines{"insert 1 click", "insert 2 click"}));
    s.ack().value();
    EXPECT_EQ(lines_of(fetch(s)), Lines{"insert 3 click"});  // not acknowledged
  }
  db_.close().value();
  db_ = {};
  open();
  t = db_.table("events").value();
  Subscription s = t.subscribe(options).value();
  EXPECT_EQ(lines_of(fetch(s)), Lines{"insert 3 click"});
  s.ack().value();
  EXPECT_FALSE(s.next(0us).value().has_value()) << "its own move is no change";
  const std::vector<CursorInfo> cursors = t.cursors().value();
  ASSERT_EQ(cursors.size(), 1U);
  EXPECT_EQ(cursors[0].name, "reader");
  EXPECT_EQ(cursors[0].limit, std::chrono::hours(24 * 7));
  EXPECT_EQ(t.get_stats().value().cursors.size(), 1U);
  t.drop_cursor("reader").value();
  EXPECT_EQ(t.subscribe(options).error().code(), ErrorCode::not_found);
  EXPECT_TRUE(s.ack().ok()) << "nothing new to acknowledge";
}

TEST_F(SubscribeTest, AConsumerThatIsDoneGoesOnThoughTheHorizonPassedItsPosition) {
  open();
  HybridTable t = table();
  HybridTableConfig config = t.config();
  config.history_us = 0;
  t.configure(config).value();
  t.create_cursor("reader").value();
  Subscription s = t.subscribe({.cursor = "reader"}).value();
  t.write(events(1, 2)).value();
  fetch(s);
  s.ack().value();
  t.compact().value();  // commits that change no row, and the horizon with them
  t.compact({.to = StorageTier::hot}).value();
  ASSERT_GT(t.get_stats().value().horizon, s.position());
  t.write(events(9, 1)).value();
  EXPECT_EQ(lines_of(fetch(s)), Lines{"insert 9 click"});
}

TEST_F(SubscribeTest, CursorsComeWithABackup) {
  open();
  HybridTable t = table();
  const Commit a = t.write(events(1, 2)).value();
  t.write(events(3, 2)).value();
  t.create_cursor("reader", {.at = a.csn, .limit = std::chrono::hours(3)}).value();
  const std::string copy = folder_.string() + ".copy", restored = folder_.string() + ".restored";
  db_.backup(copy).value();
  Database::restore(copy, restored).value();
  {
    Database other = Database::open(restored, reading()).value();
    const auto cursors = other.table("events").value().cursors().value();
    ASSERT_EQ(cursors.size(), 1U);
    EXPECT_EQ(cursors[0].csn, a.csn);
    EXPECT_EQ(cursors[0].limit, std::chrono::hours(3));
    EXPECT_EQ(other.table("events").value().changes(a.csn).value().rows.rows(), 2);
    Subscription s = other.table("events").value().subscribe({.cursor = "reader"}).value();
    EXPECT_EQ(lines_of(fetch(s)), (Lines{"insert 3 click", "insert 4 click"}));
    EXPECT_EQ(s.ack().error().code(), ErrorCode::read_only);
  }
  std::filesystem::remove_all(copy);
  std::filesystem::remove_all(restored);
}

TEST_F(SubscribeTest, AReaderBesideTheWriterGetsEveryCommitOnce) {
  open();
  HybridTable t = table();
  t.write(events(0, 1)).value();
  Database beside = Database::open(folder_.string(), reading()).value();
  Subscription s = beside.table("events").value().subscribe().value();
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_FALSE(s.next(150ms).value().has_value());
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 150ms);
  constexpr std::uint64_t kCommits = 100;
  std::thread writer([&] {
    for (std::uint64_t i = 1; i <= kCommits; ++i) {
      t.write(events(i, 1)).value();
      if (i == kCommits / 2) t.compact({.to = StorageTier::cold}).value();
    }
  });
  std::uint64_t seen = 0;
  while (seen < kCommits) {
    const ChangeBatch batch = fetch(s);
    for (std::int64_t i = 0; i < batch.rows.rows(); ++i) ASSERT_EQ(batch.rows.at(i, 3).to_u64(), ++seen);
  }
  writer.join();
  std::thread closer([&] {
    std::this_thread::sleep_for(20ms);
    beside.close().value();
  });
  EXPECT_EQ(s.next(60s).error().code(), ErrorCode::closed);
  closer.join();
}

TEST_F(SubscribeTest, WhatCannotBeIsRefused) {
  open();
  HybridTable t = table();
  SubscribeOptions both;
  both.from = Csn{0};
  both.cursor = "x";
  EXPECT_EQ(t.subscribe(both).error().code(), ErrorCode::invalid_argument);
  Subscription s = t.subscribe().value();
  EXPECT_EQ(s.ack().error().code(), ErrorCode::invalid_argument);
  EXPECT_EQ(t.move_cursor("x", Csn{0}).error().code(), ErrorCode::not_found);
  EXPECT_EQ(Subscription().next(0us).error().code(), ErrorCode::closed);
  SubscribeOptions future;
  future.from = Csn{1'000};
  EXPECT_EQ(t.subscribe(future).value().next(0us).error().code(), ErrorCode::out_of_range);
}

}  // namespace
}  // namespace firn::testing
