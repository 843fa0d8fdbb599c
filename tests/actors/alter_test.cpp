// ALTER through the public interface: handles, snapshots, messages, and other processes' eyes.
#include "fixture.hpp"

namespace firn::testing {
namespace {

class AlterTest : public DatabaseTest {
 protected:
  static std::int64_t number(HybridTable& t, const std::string& sql) {
    return t.query(sql).value().at(0, 0).to_i64();
  }
};

TEST_F(AlterTest, TheSchemaIsNewAtOnceForEveryHandleAndSurvives) {
  open();
  auto t = table();
  const HybridTable other = db_.table("events").value();
  t.write(events(1, 10)).value();
  const Commit c = t.alter("ADD COLUMN n i32 NOT NULL DEFAULT 5").value();
  EXPECT_EQ(c.csn, Csn{3});
  EXPECT_EQ(other.schema().to_string(),
            "id u64 not null, ts timestamp, kind utf8, amount f64, n i32 not null default 5");
  EXPECT_EQ(number(t, "SELECT sum(n) FROM events"), 50);
  t.alter(SchemaChange::rename("kind", "type")).value();
  t.alter("ALTER TABLE events ALTER n TYPE i64").value();
  close_in_time();
  open();
  auto again = db_.table("events").value();
  EXPECT_EQ(again.schema().to_string(),
            "id u64 not null, ts timestamp, type utf8, amount f64, n i64 not null default 5");
  EXPECT_EQ((*again.get({Value(std::uint64_t{1})}).value())["n"], Value(std::int64_t{5}));
}

TEST_F(AlterTest, WritersThatKnowTheOldColumnsGoOn) {
  open();
  auto t = table();
  t.alter("ADD n i32 NOT NULL DEFAULT 5").value();
  t.alter("DROP amount").value();
  t.write(events(1, 10)).value();       // small
  t.write(events(100, 5'000)).value();  // blocks
  EXPECT_EQ(number(t, "SELECT sum(n) FROM events"), 5'010 * 5);
  // By name, without the column that has a default.
  BatchBuilder rows(Schema::parse("kind utf8, id u64", {.key = {"id"}}).value());
  rows.append("named", std::uint64_t{7});
  t.write(rows.finish().value()).value();
  EXPECT_EQ((*t.get({Value(std::uint64_t{7})}).value())["n"], Value(std::int32_t{5}));
  BatchBuilder odd(Schema::parse("id u64, nosuch i64", {.key = {"id"}}).value());
  odd.append(std::uint64_t{7}, 1);
  const auto refused = t.write(odd.finish().value());
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message().find("nosuch"), std::string::npos);
  // Some columns of some rows.
  BatchBuilder part(Schema::parse("id u64, n i32", {.key = {"id"}}).value());
  part.append(std::uint64_t{7}, 9);
  WriteOptions update;
  update.mode = WriteMode::update;
  t.write(part.finish().value(), update).value();
  EXPECT_EQ((*t.get({Value(std::uint64_t{7})}).value())["n"], Value(std::int32_t{9}));
  EXPECT_EQ((*t.get({Value(std::uint64_t{7})}).value())["kind"], Value("named"));
}

TEST_F(AlterTest, ABatchOfTheNewestNamesMeansTheseThoughAnEarlierSchemaLookedAlike) {
  open();
  const Schema schema = Schema::parse("id u64, a i64", {.key = {"id"}}).value();
  auto t = db_.create_table("t", schema).value();
  const auto write = [&](std::uint64_t id, std::uint64_t count, std::int64_t a) {
    BatchBuilder rows(schema);
    for (std::uint64_t i = id; i < id + count; ++i) rows.append(i, a);
    t.write(rows.finish().value()).value();
  };
  t.alter("DROP a").value();
  t.alter("ADD a i64").value();  // another column, and the batches' schema equals the first version's
  write(1, 1, 7);
  write(10, 5'000, 8);
  EXPECT_EQ(number(t, "SELECT a FROM t WHERE id = 1"), 7);
  EXPECT_EQ(number(t, "SELECT sum(a) FROM t WHERE id >= 10"), 40'000);
  t.alter("RENAME a TO b").value();
  t.alter("ADD a i64 DEFAULT 1").value();
  write(2, 1, 9);
  EXPECT_EQ(number(t, "SELECT a FROM t WHERE id = 2"), 9);
  EXPECT_TRUE(t.query("SELECT b FROM t WHERE id = 2").value().at(0, 0).is_null());
}

TEST_F(AlterTest, SnapshotsAndAsOfAnswerInTheSchemaOfTheirTime) {
  open();
  auto t = table();
  t.write(events(1, 5'000)).value();
  const Snapshot before = t.snapshot().value();
  t.alter("DROP amount").value();
  t.alter("ADD amount utf8 DEFAULT 'none'").value();
  const auto check = [&] {
    const Key key = {Value(std::uint64_t{4})};
    EXPECT_EQ((*before.get(key).value())["amount"], Value(2.0));
    EXPECT_EQ((*t.get(key).value())["amount"], Value("none"));
    EXPECT_EQ(before.query("SELECT count(*) FROM events WHERE amount = 2").value().at(0, 0).to_i64(), 1);
    EXPECT_EQ(number(t, "SELECT count(*) FROM events WHERE amount = 'none'"), 5'000);
    EXPECT_EQ(number(t, "SELECT count(*) FROM events AS OF CSN 3 WHERE id > 0"), 5'000);
    EXPECT_FALSE(t.query("SELECT amount FROM events AS OF CSN 3"));
    EXPECT_EQ(t.query("SELECT amount FROM events AS OF CSN 2 WHERE id = 4").value().at(0, 0), Value(2.0));
  };
  check();
  t.compact().value();
  check();
  t.compact({.to = StorageTier::hot}).value();
  check();
}

TEST_F(AlterTest, RefusalsSayWhyAndChangeNothing) {
  open();
  auto t = table();
  const auto code = [&](const char* text) {
    const auto done = t.alter(text);
    return done ? ErrorCode::ok : done.error().code();
  };
  EXPECT_EQ(code("DROP id"), ErrorCode::invalid_argument);
  EXPECT_EQ(code("ALTER amount TYPE i64"), ErrorCode::invalid_argument);
  EXPECT_EQ(code("DROP nosuch"), ErrorCode::not_found);
  EXPECT_EQ(code("ADD kind i64"), ErrorCode::already_exists);
  EXPECT_EQ(code("ADD x"), ErrorCode::parse);
  EXPECT_EQ(code("ALTER TABLE other DROP kind"), ErrorCode::invalid_argument);
  EXPECT_EQ(t.schema(), event_schema());
  EXPECT_EQ(t.get_stats().value().csn, Csn{1});
}

TEST_F(AlterTest, AProgramAltersByMessage) {
  open();
  auto t = table();
  caf::actor_system_config config;
  config.set("scheduler.max-threads", 2);
  caf::actor_system system{config};
  caf::scoped_actor self{system};
  const auto request = [](const char* text) {
    return make_flat<fb::AlterRequest>(
        [&](auto& b) { return fb::CreateAlterRequest(b, b.CreateString(text)); });
  };
  self->request(t.actor(), caf::infinite, request("ADD n i64 DEFAULT 5"))
      .receive([](const flat<fb::Commit>& c) { EXPECT_EQ(c->csn(), 2U); },
               [](const caf::error& e) { FAIL() << to_error(e).message(); });
  EXPECT_EQ(t.schema().size(), 5U);
  for (const char* bad : {"ADD n", "DROP id", "ALTER TABLE other DROP n"}) {
    self->request(t.actor(), caf::infinite, request(bad))
        .receive([](const flat<fb::Commit>&) { FAIL(); },
                 [](const caf::error& e) { EXPECT_NE(to_error(e).message(), ""); });
  }
}

TEST_F(AlterTest, WritersAndReadersGoOnWhileColumnsComeAndGo) {
  open();
  auto t = table();
  std::atomic<bool> stop{false};
  std::thread writer([&, w = t]() mutable {
    for (std::uint64_t i = 0; i < 60 && !stop; ++i) w.write(events(i * 10, i % 10 == 0 ? 1'500 : 10)).value();
  });
  std::thread reader([&, r = t]() mutable {
    while (!stop) {
      const DataFrame all = r.query("SELECT * FROM events LIMIT 5").value();
      EXPECT_GE(all.columns(), 4U);
      r.query("SELECT count(*), sum(amount) FROM events").value();
    }
  });
  for (int i = 0; i < 8; ++i) {
    t.alter("ADD extra i16 NOT NULL DEFAULT 5").value();
    EXPECT_EQ(number(t, "SELECT count(*) FROM events WHERE extra IS NULL"), 0);
    t.alter("ALTER extra TYPE i32").value();
    if (i == 4) t.compact().value();
    t.alter("DROP extra").value();
  }
  stop = true;
  writer.join();
  reader.join();
  EXPECT_EQ(t.schema(), event_schema());
}

TEST_F(AlterTest, AReaderBesideTheWriterSeesTheNewColumns) {
  open();
  auto t = table();
  t.write(events(1, 10)).value();
  const Database beside = Database::open(folder_.string(), reading()).value();
  auto seen = beside.table("events").value();
  EXPECT_EQ(seen.schema().size(), 4U);
  t.alter("ADD n i64 DEFAULT 5").value();
  EXPECT_EQ(seen.schema().size(), 5U);
  EXPECT_EQ(number(seen, "SELECT sum(n) FROM events"), 50);
}

}  // namespace
}  // namespace firn::testing
