// Changes and cursors by messages alone: read, waited for, and what becomes of those who wait.
#include "fixture.hpp"

namespace firn::testing {
namespace {

using Lines = std::vector<std::string>;

struct Asked {
  std::optional<std::uint64_t> from = {};
  std::string cursor = {};
  std::optional<std::uint64_t> to = {};
  bool before = false, net = false;
  std::uint64_t max_rows = 65'536;
  std::chrono::microseconds wait{0};
};

flatbuffers::Optional<std::uint64_t> optional(const std::optional<std::uint64_t>& v) {
  return v ? flatbuffers::Optional<std::uint64_t>(*v) : flatbuffers::nullopt;
}

flat<fb::ChangesRequest> changes(const Asked& a) {
  return make_flat<fb::ChangesRequest>([&](auto& b) {
    const auto cursor = b.CreateString(a.cursor);
    return fb::CreateChangesRequest(b, optional(a.from), cursor, optional(a.to), a.before, a.net, a.max_rows,
                                    static_cast<std::uint64_t>(a.wait.count()));
  });
}

flat<fb::CursorRequest> cursor(fb::CursorVerb verb, const std::string& name,
                               std::optional<std::uint64_t> at = {}) {
  return make_flat<fb::CursorRequest>(
      [&](auto& b) { return fb::CreateCursorRequest(b, verb, b.CreateString(name), optional(at)); });
}

/// What came: changes as lines, or an error.
struct Answer {
  ErrorCode code = ErrorCode::ok;
  std::string message;
  Lines lines;
  std::uint64_t next = 0;
};

Answer answer_of(const flat<fb::ChangesAnswer>& found, const ArrowBody& body) {
  Answer a;
  a.next = found->next();
  const Batch rows = body.batch().value();
  EXPECT_EQ(static_cast<std::uint64_t>(rows.rows()), found->rows());
  for (std::size_t i = 0; i < static_cast<std::size_t>(rows.rows()); ++i)
    a.lines.push_back(rows[2].value_at(i).to_string() + " " + rows[3].value_at(i).to_string() + " " +
                      rows[5].value_at(i).to_string());
  return a;
}

Answer answer_of(const caf::error& why) { return {to_error(why).code(), to_error(why).message(), {}, 0}; }

class ChangesMessageTest : public DatabaseTest {
 protected:
  ChangesMessageTest() { config_.set("scheduler.max-threads", 2); }
  template <class Handle>
  static Answer receive(Handle&& handle) {
    Answer a;
    handle.receive(
        [&](const flat<fb::ChangesAnswer>& found, const ArrowBody& body) { a = answer_of(found, body); },
        [&](const caf::error& why) { a = answer_of(why); });
    return a;
  }
  Answer ask(const HybridTable& t, const Asked& a) {
    const runtime::HostCall unpin;
    caf::scoped_actor self{system_};
    return receive(self->request(t.actor(), 30s, changes(a)));
  }
  /// The commit's CSN, or the error.
  Result<std::uint64_t> tell(const HybridTable& t, const flat<fb::CursorRequest>& request) {
    const runtime::HostCall unpin;
    caf::scoped_actor self{system_};
    Result<std::uint64_t> csn = 0;
    self->request(t.actor(), 30s, request)
        .receive([&](const flat<fb::Commit>& c) { csn = c->csn(); },
                 [&](const caf::error& why) { csn = to_error(why); });
    return csn;
  }
  caf::actor_system_config config_;
  caf::actor_system system_{config_};
};

TEST_F(ChangesMessageTest, TheyAreThoseOfTheCall) {
  open();
  HybridTable t = table();
  const std::uint64_t a = t.write(events(1, 2)).value().csn.value;
  const std::uint64_t b = t.write(events(2, 2, "buy")).value().csn.value;
  EXPECT_EQ(ask(t, {.from = 0}).lines,
            (Lines{"insert 1 click", "insert 2 click", "update 2 buy", "insert 3 buy"}));
  EXPECT_EQ(ask(t, {.from = 0}).next, b);
  EXPECT_EQ(ask(t, {.from = 0, .to = a}).lines, (Lines{"insert 1 click", "insert 2 click"}));
  EXPECT_EQ(ask(t, {.from = a, .before = true}).lines,
            (Lines{"update_before 2 click", "update 2 buy", "insert 3 buy"}));
  EXPECT_EQ(ask(t, {.from = 0, .net = true}).lines,
            (Lines{"insert 1 click", "insert 2 buy", "insert 3 buy"}));
  const Answer page = ask(t, {.from = 0, .max_rows = 2});
  EXPECT_EQ(page.lines, (Lines{"insert 1 click", "insert 2 click"}));
  EXPECT_EQ(ask(t, {.from = page.next, .max_rows = 2}).lines, (Lines{"update 2 buy", "insert 3 buy"}));
  EXPECT_EQ(ask(t, {}).next, b) << "without a position: after the newest";
  EXPECT_TRUE(ask(t, {}).lines.empty());
}

TEST_F(ChangesMessageTest, WhatCannotBeIsRefused) {
  open();
  HybridTable t = table();
  t.write(events(1, 2)).value();
  EXPECT_EQ(ask(t, {.from = 0, .cursor = "x"}).code, ErrorCode::invalid_argument);
  EXPECT_EQ(ask(t, {.cursor = "x"}).code, ErrorCode::not_found);
  EXPECT_EQ(ask(t, {.cursor = "x", .wait = 1h}).code, ErrorCode::not_found);
  EXPECT_EQ(ask(t, {.from = 1'000}).code, ErrorCode::out_of_range);
  EXPECT_EQ(ask(t, {.from = 1'000, .wait = 1h}).code, ErrorCode::out_of_range);
  EXPECT_EQ(ask(t, {.from = 0, .to = 1, .wait = 1h}).code, ErrorCode::invalid_argument);
  EXPECT_EQ(ask(t, {.from = 0, .net = true, .wait = 1h}).code, ErrorCode::invalid_argument);
  EXPECT_EQ(ask(t, {.from = 0, .before = true, .net = true}).code, ErrorCode::invalid_argument);
  EXPECT_EQ(tell(t, cursor(fb::CursorVerb::move, "x", 0)).error().code(), ErrorCode::not_found);
  EXPECT_EQ(tell(t, cursor(static_cast<fb::CursorVerb>(3), "x")).error().code(), ErrorCode::invalid_argument);
}

TEST_F(ChangesMessageTest, ARequestThatWaitsIsAnsweredByTheCommitAndNotByMoves) {
  open();
  HybridTable t = table();
  t.write(events(1, 2)).value();
  caf::scoped_actor self{system_};
  const TableActor actor = t.actor();
  auto handle = self->request(actor, 30s, changes({.wait = 1h}));
  auto second = self->request(actor, 30s, changes({.before = true, .wait = 1h}));
  std::this_thread::sleep_for(20ms);  // the first looks are over
  t.compact({.to = StorageTier::cold}).value();
  t.remove(std::span<const Key>(std::vector<Key>{{Value(std::uint64_t{77})}}))
      .value();  // of no row: no change
  t.write(events(2, 1, "buy")).value();
  EXPECT_EQ(receive(handle).lines, Lines{"update 2 buy"});
  EXPECT_EQ(receive(second).lines, (Lines{"update_before 2 click", "update 2 buy"}));
}

TEST_F(ChangesMessageTest, ThoseWhoComeDoNotTakeTheNewsFromThoseWhoWait) {
  open();
  HybridTable t = table();
  std::atomic<bool> stop{false};
  std::thread others([&] {
    const runtime::HostCall unpin;
    while (!stop) ask(t, {.wait = 1us});
  });
  const runtime::HostCall unpin;
  caf::scoped_actor self{system_};
  std::uint64_t last = t.write(events(1, 1)).value().csn.value;
  for (std::uint64_t i = 0; i < 100; ++i) {
    auto handle = self->request(t.actor(), 30s, changes({.from = last, .wait = 1h}));
    const std::size_t rows = i % 2 == 0 ? 1 : 2'000;  // small and large take other ways
    last = t.write(events(10'000 * i, rows)).value().csn.value;
    const Answer answer = receive(handle);
    EXPECT_EQ(answer.code, ErrorCode::ok) << answer.message;
    EXPECT_EQ(answer.lines.size(), rows);
    EXPECT_GE(answer.next, last);  // maintenance may have committed behind it
    if (HasFailure()) break;
    last = answer.next;
  }
  stop = true;
  others.join();
}

TEST_F(ChangesMessageTest, TheTimeIsUpWithoutAChange) {
  open();
  HybridTable t = table();
  const std::uint64_t a = t.write(events(1, 2)).value().csn.value;
  const runtime::HostCall unpin;
  caf::scoped_actor self{system_};
  auto longer = self->request(t.actor(), 30s, changes({.from = a, .wait = 1h}));
  const auto begin = std::chrono::steady_clock::now();
  const Answer none = ask(t, {.from = a, .wait = 50ms});
  const auto took = std::chrono::steady_clock::now() - begin;
  EXPECT_EQ(none.code, ErrorCode::ok);
  EXPECT_TRUE(none.lines.empty());
  EXPECT_EQ(none.next, a);
  EXPECT_GE(took, 50ms);
  EXPECT_LT(took, 20s);
  EXPECT_EQ(ask(t, {.from = a, .wait = 1us}).next, a);
  t.write(events(9, 1)).value();
  EXPECT_EQ(receive(longer).lines, Lines{"insert 9 click"});
}

TEST_F(ChangesMessageTest, AReaderThatAsksAgainAndAgainMissesNothing) {
  open();
  HybridTable t = table();
  constexpr std::uint64_t kCommits = 200;
  std::thread writer([&] {
    for (std::uint64_t i = 0; i < kCommits; ++i) t.write(events(i, 1)).value();
  });
  Asked asked{.from = 0, .max_rows = 10, .wait = 30s};
  std::uint64_t seen = 0;
  while (seen < kCommits) {
    const Answer batch = ask(t, asked);
    ASSERT_EQ(batch.code, ErrorCode::ok) << batch.message;
    ASSERT_FALSE(batch.lines.empty());
    for (const std::string& line : batch.lines)
      ASSERT_EQ(line, "insert " + std::to_string(seen++) + " click");
    asked.from = batch.next;
  }
  writer.join();
}

TEST_F(ChangesMessageTest, CursorsAreMadeMovedReadAndDroppedByMessage) {
  open();
  HybridTable t = table();
  t.write(events(1, 2)).value();
  ASSERT_TRUE(tell(t, cursor(fb::CursorVerb::create, "reader", 0)));
  EXPECT_EQ(tell(t, cursor(fb::CursorVerb::create, "reader")).error().code(), ErrorCode::already_exists);
  const Answer first = ask(t, {.cursor = "reader", .max_rows = 2});
  EXPECT_EQ(first.lines, (Lines{"insert 1 click", "insert 2 click"}));
  EXPECT_EQ(ask(t, {.cursor = "reader", .max_rows = 2}).lines, first.lines) << "not moved yet";
  ASSERT_TRUE(tell(t, cursor(fb::CursorVerb::move, "reader", first.next)));
  db_.close().value();
  db_ = {};
  open();
  t = db_.table("events").value();
  t.write(events(9, 1)).value();
  EXPECT_EQ(ask(t, {.cursor = "reader", .wait = 30s}).lines, Lines{"insert 9 click"});
  const auto stats = [&] {
    const runtime::HostCall unpin;
    caf::scoped_actor self{system_};
    flat<fb::Stats> s;
    self->request(t.actor(), 30s,
                  make_flat<fb::StatsRequest>([](auto& b) { return fb::CreateStatsRequest(b); }))
        .receive([&](const flat<fb::Stats>& got) { s = got; },
                 [](const caf::error& e) { FAIL() << to_error(e).message(); });
    return s;
  };
  const flat<fb::Stats> s = stats();
  ASSERT_EQ(s->cursors()->size(), 1U);
  EXPECT_EQ(s->cursors()->Get(0)->name()->str(), "reader");
  EXPECT_EQ(s->cursors()->Get(0)->csn(), t.cursors().value()[0].csn.value);
  EXPECT_EQ(s->cursors()->Get(0)->lag_commits(), 1U);
  EXPECT_EQ(s->cursors()->Get(0)->limit_us(), 7LL * 24 * 3'600'000'000);
  EXPECT_FALSE(s->cursors()->Get(0)->fell_behind());
  ASSERT_TRUE(tell(t, cursor(fb::CursorVerb::drop, "reader")));
  EXPECT_EQ(stats()->cursors()->size(), 0U);
  EXPECT_EQ(ask(t, {.cursor = "reader"}).code, ErrorCode::not_found);
}

TEST_F(ChangesMessageTest, ACursorWaitsAcrossMovesThatTheHorizonFollows) {
  open();
  HybridTable t = table();
  HybridTableConfig config = t.config();
  config.history_us = 0;
  t.configure(config).value();
  t.write(events(1, 2)).value();
  ASSERT_TRUE(tell(t, cursor(fb::CursorVerb::create, "reader")));
  const std::uint64_t old = t.get_stats().value().csn.value;
  const runtime::HostCall unpin;
  caf::scoped_actor self{system_};
  auto by_cursor = self->request(t.actor(), 30s, changes({.cursor = "reader", .wait = 1h}));
  std::this_thread::sleep_for(20ms);
  t.compact().value();
  t.compact({.to = StorageTier::hot}).value();
  const std::uint64_t horizon = t.get_stats().value().horizon.value;
  ASSERT_GT(horizon, old);
  t.write(events(9, 1)).value();
  EXPECT_EQ(receive(by_cursor).lines, Lines{"insert 9 click"});
  EXPECT_EQ(ask(t, {.from = old, .wait = 1h}).lines, Lines{"insert 9 click"})
      << "between it and the horizon no row changed";
  const Answer late = ask(t, {.from = 1, .wait = 1h});
  EXPECT_EQ(late.code, ErrorCode::horizon);
  EXPECT_NE(late.message.find("earliest valid position is CSN"), std::string::npos) << late.message;
}

TEST_F(ChangesMessageTest, ClosingAndDroppingEndTheWait) {
  open();
  HybridTable t = table();
  HybridTable other = table("other");
  const runtime::HostCall unpin;
  caf::scoped_actor self{system_};
  auto of_other = self->request(other.actor(), 30s, changes({.wait = 1h}));
  auto of_table = self->request(t.actor(), 30s, changes({.wait = 1h}));
  std::this_thread::sleep_for(20ms);
  db_.drop_table("other").value();
  EXPECT_EQ(receive(of_other).code, ErrorCode::closed);
  close_in_time();
  EXPECT_EQ(receive(of_table).code, ErrorCode::closed);
}

TEST_F(ChangesMessageTest, AFailedActorAnswersThoseWhoWait) {
  open();
  HybridTable t = table();
  const runtime::HostCall unpin;
  caf::scoped_actor self{system_};
  auto handle = self->request(t.actor(), 30s, changes({.wait = 1h}));
  std::this_thread::sleep_for(20ms);
  faults_->arm("table");
  t.write(events(1, 1)).value();
  EXPECT_EQ(receive(handle).code, ErrorCode::internal);
}

constexpr std::size_t kTooMany = 8;

/// Asks so many times more often than it may, counts the refusals, and then waits for its end.
caf::behavior crowd(caf::event_based_actor* self, const TableActor& table,
                    std::atomic<std::size_t>* refused) {
  for (std::size_t i = 0; i < kWaitingReadersMax + kTooMany; ++i)
    self->request(table, caf::infinite, changes({.wait = 1h}))
        .then(
            [](const flat<fb::ChangesAnswer>&, const ArrowBody&) {},
            [refused](const caf::error& e) { *refused += to_error(e).code() == ErrorCode::busy ? 1U : 0U; });
  return {[](int) {}};
}

TEST_F(ChangesMessageTest, SoManyMayWaitAndTheDeadAreForgotten) {
  open();
  HybridTable t = table();
  const runtime::HostCall unpin;
  std::atomic<std::size_t> refused{0};
  const caf::actor many = system_.spawn(crowd, t.actor(), &refused);
  const auto until = std::chrono::steady_clock::now() + 30s;
  while (refused < kTooMany && std::chrono::steady_clock::now() < until) std::this_thread::sleep_for(1ms);
  EXPECT_EQ(refused, kTooMany);
  EXPECT_EQ(ask(t, {.wait = 1ms}).code, ErrorCode::busy);
  EXPECT_EQ(ask(t, {.from = 0}).code, ErrorCode::ok) << "who does not wait is answered";
  caf::anon_send_exit(many, caf::exit_reason::kill);
  while (ask(t, {.wait = 1ms}).code == ErrorCode::busy && std::chrono::steady_clock::now() < until) {
  }
  t.write(events(1, 1)).value();
  EXPECT_EQ(ask(t, {.from = 0, .wait = 1h}).lines, Lines{"insert 1 click"});
}

TEST_F(ChangesMessageTest, ASubscriberThatAlsoReadsIsStillToldOfCommits) {
  open();
  HybridTable t = table();
  const runtime::HostCall unpin;
  caf::scoped_actor self{system_};
  const TableActor actor = t.actor();
  self->request(actor, 30s,
                make_flat<fb::SubscribeRequest>([](auto& b) { return fb::CreateSubscribeRequest(b, 5); }))
      .receive([](const flat<fb::Subscribed>&) {},
               [](const caf::error& e) { FAIL() << to_error(e).message(); });
  EXPECT_TRUE(receive(self->request(actor, 30s, changes({.wait = 1ms}))).lines.empty());
  t.write(events(1, 1)).value();
  bool told = false;
  self->receive([&](const flat<fb::CommitEvent>&) { told = true; }, caf::after(30s) >> [] {});
  EXPECT_TRUE(told);
}

TEST_F(ChangesMessageTest, BesideAnotherProcessItLooksNowAndThen) {
  open();
  HybridTable t = table();
  t.write(events(1, 1)).value();
  Database beside = Database::open(folder_.string(), reading()).value();
  const HybridTable read = beside.table("events").value();
  const runtime::HostCall unpin;
  caf::scoped_actor self{system_};
  auto handle = self->request(read.actor(), 30s, changes({.wait = 1h}));
  std::this_thread::sleep_for(20ms);
  t.write(events(2, 1)).value();
  EXPECT_EQ(receive(handle).lines, Lines{"insert 2 click"});
  EXPECT_EQ(tell(read, cursor(fb::CursorVerb::create, "x")).error().code(), ErrorCode::read_only);
  beside.close().value();
}

TEST_F(ChangesMessageTest, ASubscriberBesideAnotherProcessIsToldOfItsCommits) {
  open();
  HybridTable t = table();
  t.write(events(1, 1)).value();
  Database beside = Database::open(folder_.string(), reading()).value();
  const HybridTable read = beside.table("events").value();
  {
    const runtime::HostCall unpin;
    caf::scoped_actor self{system_};
    self->request(read.actor(), 30s,
                  make_flat<fb::SubscribeRequest>([](auto& b) { return fb::CreateSubscribeRequest(b, 100); }))
        .receive([](const flat<fb::Subscribed>&) {},
                 [](const caf::error& e) { FAIL() << to_error(e).message(); });
    const Commit second = t.write(events(2, 1)).value();
    std::uint64_t told = 0;
    std::int64_t time_us = 0;
    const auto until = std::chrono::steady_clock::now() + 30s;
    while (told < second.csn.value && std::chrono::steady_clock::now() < until)
      self->receive(
          [&](const flat<fb::CommitEvent>& e) {
            EXPECT_GT(e->csn(), told);
            told = e->csn();
            time_us = e->time_us();
          },
          caf::after(30s) >> [] {});
    EXPECT_EQ(told, second.csn.value);
    EXPECT_EQ(time_us, second.time.us);
  }
  beside.close().value();
}

TEST_F(ChangesMessageTest, UpdatesThatInsertByMessage) {
  open();
  HybridTable t = table();
  t.write(events(1, 1)).value();
  BatchBuilder rows(Schema::parse("id u64, kind utf8", {.key = {"id"}}).value());
  for (const std::uint64_t id : {1, 2, 2}) rows.append(id, "late");
  const Batch batch = rows.finish().value();
  const runtime::HostCall unpin;
  caf::scoped_actor self{system_};
  const auto write = [&](int mode) {
    const auto request = make_flat<fb::WriteRequest>([&](auto& b) {
      return fb::CreateWriteRequest(b, static_cast<fb::Mode>(mode), b.CreateString("p"),
                                    static_cast<std::uint64_t>(mode) + 1);
    });
    ErrorCode code = ErrorCode::ok;
    self->request(t.actor(), 30s, request, ArrowBody(batch))
        .receive([](const flat<fb::Commit>&) {}, [&](const caf::error& e) { code = to_error(e).code(); });
    return code;
  };
  EXPECT_EQ(write(2), ErrorCode::not_found);
  EXPECT_EQ(write(3), ErrorCode::ok);
  EXPECT_EQ(write(4), ErrorCode::invalid_argument);
  const DataFrame rows_now = t.query("SELECT kind, amount FROM t ORDER BY id").value();
  ASSERT_EQ(rows_now.rows(), 2);
  EXPECT_EQ(rows_now.at(0, 0), Value("late"));
  EXPECT_EQ(rows_now.at(0, 1), Value(0.5));
  EXPECT_EQ(rows_now.at(1, 0), Value("late"));
  EXPECT_TRUE(rows_now.at(1, 1).is_null());
  const Key two{Value(std::uint64_t{2})};
  t.remove(std::span<const Key>(&two, 1)).value();
  EXPECT_EQ(write(3), ErrorCode::ok);
  EXPECT_EQ(count(t), 1) << "a repeat of the token inserts nothing";
}

}  // namespace
}  // namespace firn::testing
