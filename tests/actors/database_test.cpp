// The public interface from outside: what a program sees.
#include <sstream>

#include "fixture.hpp"

namespace firn::testing {
namespace {

TEST_F(DatabaseTest, WritesAreReadBack) {
  open();
  auto t = table();
  const Commit c = t.write(events(1, 3)).value();
  EXPECT_EQ(c.rows, 3u);
  EXPECT_EQ(c.tier, StorageTier::hot);
  EXPECT_EQ(count(t), 3);
  const auto row = t.get({Value(std::uint64_t{2})}).value();
  ASSERT_TRUE(row);
  EXPECT_EQ((*row)["kind"], Value("click"));
  EXPECT_EQ((*row)["amount"].to_f64(), 1.0);
  EXPECT_FALSE(t.get({Value(std::uint64_t{9})}).value());
}

TEST_F(DatabaseTest, LargeBatchesGoToTheWarmTier) {
  open();
  auto t = table();
  const Commit c = t.write(events(1, 20'000)).value();
  EXPECT_EQ(c.tier, StorageTier::warm);
  EXPECT_EQ(count(t), 20'000);
}

TEST_F(DatabaseTest, ColumnsAreMatchedByName) {
  open();
  auto t = table();
  BatchBuilder rows(Schema::parse("kind utf8, id i32", {.key = {"id"}}).value());
  rows.append("late", 7);
  ASSERT_TRUE(t.write(rows.finish().value()));
  const auto row = t.get({Value(7)}).value();
  ASSERT_TRUE(row);
  EXPECT_EQ((*row)["kind"], Value("late"));
  EXPECT_TRUE((*row)["amount"].is_null());
  BatchBuilder wrong(Schema::parse("id u64, kindd utf8", {.key = {"id"}}).value());
  wrong.append(std::uint64_t{1}, "x");
  const auto refused = t.write(wrong.finish().value());
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message().find("did you mean \"kind\""), std::string::npos);
}

TEST_F(DatabaseTest, SurvivesCloseAndOpen) {
  open();
  table().write(events(1, 10)).value();
  ASSERT_TRUE(db_.close());
  EXPECT_EQ(db_.tables().error().code(), ErrorCode::closed);
  open();
  EXPECT_EQ(db_.tables().value(), std::vector<std::string>{"events"});
  EXPECT_EQ(count(db_.table("events").value()), 10);
}

TEST_F(DatabaseTest, SecondOpenIsBusy) {
  open();
  const auto second = Database::open(folder_.string());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), ErrorCode::busy);
}

TEST_F(DatabaseTest, UnknownTableNamesTheNearest) {
  open();
  table();
  const auto missing = db_.query("SELECT * FROM event");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code(), ErrorCode::not_found);
  EXPECT_NE(missing.error().message().find("did you mean \"events\""), std::string::npos);
  EXPECT_NE(missing.error().message().find('^'), std::string::npos);
  EXPECT_EQ(db_.query("SELECT * FROM EVENTS").value().rows(), 0);
}

TEST_F(DatabaseTest, DropRemovesTheFiles) {
  open();
  {
    auto t = table();
    t.write(events(1, 10)).value();
  }
  ASSERT_TRUE(db_.drop_table("events"));
  EXPECT_TRUE(db_.tables().value().empty());
  EXPECT_TRUE(std::filesystem::is_empty(folder_ / "tables"));
  EXPECT_EQ(count(table()), 0);
}

TEST_F(DatabaseTest, RemoveByKeyAndByCondition) {
  open();
  auto t = table();
  t.write(events(1, 10)).value();
  const std::vector<Key> keys{{Value(std::uint64_t{1})}, {Value(std::uint64_t{2})}};
  EXPECT_EQ(t.remove(keys).value().rows, 2u);
  t.remove_where("id > 8").value();
  EXPECT_EQ(count(t), 6);
}

TEST_F(DatabaseTest, SnapshotsStay) {
  open();
  auto t = table();
  t.write(events(1, 5)).value();
  const Snapshot s = t.snapshot().value();
  t.write(events(6, 5)).value();
  EXPECT_EQ(s.query("SELECT * FROM events").value().rows(), 5);
  EXPECT_EQ(count(t), 10);
  db_.close().value();
  EXPECT_EQ(s.query("SELECT * FROM events").error().code(), ErrorCode::closed);
}

TEST_F(DatabaseTest, CompactMovesEverythingAndAnswersStay) {
  open();
  auto t = table();
  t.write(events(1, 500)).value();
  t.write(events(400, 5'000)).value();
  const auto before = t.query("SELECT count(*) AS n, sum(amount) AS s FROM events").value().to_csv();
  const auto done = t.compact({.to = StorageTier::cold}).value();
  EXPECT_FALSE(done.decisions.empty());
  EXPECT_EQ(t.get_stats().value().cold.rows, 5'399u);
  EXPECT_EQ(t.query("SELECT count(*) AS n, sum(amount) AS s FROM events").value().to_csv(), before);
  EXPECT_FALSE(t.decisions().value().empty());
  EXPECT_TRUE(t.optimize());
}

TEST_F(DatabaseTest, MemoryDatabaseLeavesNothing) {
  auto db = Database::open(":memory:").value();
  auto t = db.create_table("events", event_schema()).value();
  t.write(events(1, 3)).value();
  EXPECT_EQ(count(t), 3);
}

TEST_F(DatabaseTest, AgeMovesRowsByTheClock) {
  auto clock = std::make_shared<io::ManualClock>();
  DatabaseOptions options;
  options.clock = clock;
  open(options);
  auto t = table();
  t.write(events(1, 100)).value();
  clock->advance_us(8LL * 86'400'000'000);
  for (int i = 0; i < 400 && t.get_stats().value().hot.rows != 0; ++i) {
    TableActorAccess::core(db_)->tick();
    std::this_thread::sleep_for(5ms);
  }
  EXPECT_EQ(t.get_stats().value().hot.rows, 0u);
  EXPECT_EQ(count(t), 100);
}

TEST_F(DatabaseTest, AgeMovesOnlyWhatIsOld) {
  auto clock = std::make_shared<io::ManualClock>();
  DatabaseOptions options;
  options.clock = clock;
  open(options);
  auto t = table();
  t.write(events(1, 100)).value();
  clock->advance_us(23LL * 3'600'000'000);
  t.write(events(1'001, 50)).value();
  clock->advance_us(2LL * 3'600'000'000);
  for (int i = 0; i < 400 && t.get_stats().value().warm.rows == 0; ++i) {
    TableActorAccess::core(db_)->tick();
    std::this_thread::sleep_for(5ms);
  }
  EXPECT_EQ(t.get_stats().value().warm.rows, 100u);
  EXPECT_EQ(t.get_stats().value().hot.rows, 50u);
  EXPECT_EQ(count(t), 150);
}

TEST_F(DatabaseTest, DataFramesPrint) {
  open();
  auto t = table();
  t.write(events(1, 1, "größe")).value();
  std::ostringstream out;
  out << t.query("SELECT id, kind, NULL AS nothing FROM events").value();
  EXPECT_NE(out.str().find("│  1 │ größe │ NULL    │"), std::string::npos) << out.str();
  EXPECT_EQ(t.query("SELECT kind FROM events").value().to_csv(), "kind\r\ngröße\r\n");
}

TEST_F(DatabaseTest, ManyTablesWithinFewDescriptors) {
  runtime::InternalOptions few;
  few.open_tables_max = 8;
  open({}, few);
  for (int i = 0; i < 60; ++i) {
    auto t = table("t" + std::to_string(i));
    ASSERT_TRUE(t.write(events(1, 1)));
  }
  for (int i = 0; i < 60; ++i) EXPECT_EQ(count(db_.table("t" + std::to_string(i)).value()), 1);
  std::size_t files = 0;
  for ([[maybe_unused]] const auto& f : std::filesystem::directory_iterator("/proc/self/fd")) ++files;
  EXPECT_LT(files, 200u);
  close_in_time();
}

}  // namespace
}  // namespace firn::testing
