// Backup while writers go on, restore, and what an interrupted one leaves.
#include <fstream>

#include "fixture.hpp"

namespace firn::testing {
namespace {

namespace fs = std::filesystem;

class BackupTest : public DatabaseTest {
 protected:
  BackupTest() : aside_(folder_.string() + "-aside") { fs::create_directories(aside_); }
  ~BackupTest() override {
    std::error_code ignored;
    fs::remove_all(aside_, ignored);
  }
  std::string place(const std::string& name) const { return (aside_ / name).string(); }
  /// One table with rows in every tier, an ended version of some, and a token.
  HybridTable filled() {
    auto t = table();
    t.write(events(1, 5'000, "cold")).value();
    t.compact({.to = StorageTier::cold}).value();
    t.write(events(4'000, 3'000, "warm")).value();
    WriteOptions with_token;
    with_token.token = WriteToken{"p", 7};
    first_ = t.write(events(6'900, 200, "hot"), with_token).value();
    return t;
  }
  static std::string all_rows(const Database& db, const std::string& travel = "") {
    return db.query("SELECT * FROM events " + travel + " ORDER BY id").value().to_csv();
  }
  /// Changes one byte in the middle of the largest file below the folder.
  static fs::path damage(const fs::path& below) {
    fs::path largest;
    for (const auto& e : fs::recursive_directory_iterator(below))
      if (e.is_regular_file() && (largest.empty() || e.file_size() > fs::file_size(largest)))
        largest = e.path();
    std::fstream file(largest, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(static_cast<std::streamoff>(fs::file_size(largest) / 2));
    const char byte = static_cast<char>(file.get());
    file.seekp(static_cast<std::streamoff>(fs::file_size(largest) / 2));
    file.put(static_cast<char>(byte ^ 0x10));
    return largest;
  }
  fs::path aside_;
  Commit first_;
};

TEST_F(BackupTest, HoldsEverythingAndOpensAsADatabase) {
  open();
  auto t = filled();
  const std::string now = all_rows(db_), past = all_rows(db_, "AS OF CSN 3");
  const auto report = db_.backup(place("b")).value();
  EXPECT_EQ(report.tables, 1u);
  EXPECT_GT(report.files, 2u);
  t.write(events(1, 10, "later")).value();
  ASSERT_TRUE(db_.close());
  auto copy = Database::open(place("b")).value();
  EXPECT_EQ(all_rows(copy), now);
  EXPECT_EQ(all_rows(copy, "AS OF CSN 3"), past);
  auto u = copy.table("events").value();
  EXPECT_TRUE(u.verify(true).value().empty());
  EXPECT_FALSE(u.decisions().value().empty());
  WriteOptions again;
  again.token = WriteToken{"p", 7};
  const Commit repeated = u.write(events(6'900, 200, "hot"), again).value();
  EXPECT_TRUE(repeated.repeated);
  EXPECT_EQ(repeated.csn, first_.csn);
  const Csn next = u.write(events(9'000, 1)).value().csn;
  EXPECT_EQ(next.value, first_.csn.value + 1);
  ASSERT_TRUE(copy.close());
  copy = Database::open(place("b")).value();  // what the copy commits, it keeps
  EXPECT_EQ(copy.table("events").value().get({Value(std::uint64_t{9'000})}).value().has_value(), true);
}

TEST_F(BackupTest, IsOneCommitWhileWritersAndMovesGoOn) {
  open();
  auto t = table();
  t.write(events(1, 2'000)).value();
  std::atomic<bool> stop = false;
  // Every commit replaces the same 100 rows: in a copy as of one commit they all have one `kind`.
  std::thread writer([&] {
    for (int i = 0; !stop; ++i) t.write(events(1, 100, "w" + std::to_string(i))).value();
  });
  std::thread mover([&] {
    while (!stop) (void)t.compact({.to = StorageTier::cold});
  });
  for (int i = 0; i < 4; ++i) {
    const auto made = db_.backup(place("b" + std::to_string(i)));
    EXPECT_TRUE(made) << (made ? "" : made.error().message());
  }
  stop = true;
  writer.join();
  mover.join();
  for (int i = 0; i < 4; ++i) {
    auto copy = Database::open(place("b" + std::to_string(i))).value();
    EXPECT_EQ(copy.query("SELECT count(*) AS n FROM events").value().at(0, 0).to_i64(), 2'000);
    EXPECT_EQ(
        copy.query("SELECT count(DISTINCT kind) AS n FROM events WHERE id <= 100").value().at(0, 0).to_i64(),
        1);
    EXPECT_TRUE(copy.table("events").value().verify(true).value().empty());
  }
}

TEST_F(BackupTest, RestoreChecksAndBringsBackTheSameDatabase) {
  open();
  filled();
  db_.create_table("empty", event_schema()).value();
  const std::string now = all_rows(db_), past = all_rows(db_, "AS OF CSN 3");
  db_.backup(place("b")).value();
  const auto report = Database::restore(place("b"), place("r")).value();
  EXPECT_EQ(report.tables, 2u);
  auto restored = Database::open(place("r")).value();
  EXPECT_EQ(all_rows(restored), now);
  EXPECT_EQ(all_rows(restored, "AS OF CSN 3"), past);
  EXPECT_EQ(restored.table("events").value().get_stats().value().recovery_us, 0);  // it was closed cleanly
  // A closed database is a source as well; one that is open is not.
  EXPECT_EQ(Database::restore(folder_.string(), place("no")).error().code(), ErrorCode::busy);
  ASSERT_TRUE(db_.close());
  Database::restore(folder_.string(), place("closed")).value();
  EXPECT_EQ(all_rows(Database::open(place("closed")).value()), now);
}

TEST_F(BackupTest, DamageIsFoundOnTheWay) {
  open();
  filled();
  db_.backup(place("b")).value();
  damage(place("b"));
  const auto restored = Database::restore(place("b"), place("r"));
  ASSERT_FALSE(restored);
  EXPECT_EQ(restored.error().code(), ErrorCode::corrupt);
  const fs::path hurt = damage(folder_ / "tables/00000001/cold");
  const auto copied = db_.backup(place("c"));
  ASSERT_FALSE(copied);
  EXPECT_EQ(copied.error().code(), ErrorCode::corrupt);
  EXPECT_NE(copied.error().message().find(hurt.filename().string()), std::string::npos);
  for (const char* half : {"r", "r.partial", "c", "c.partial"}) EXPECT_FALSE(fs::exists(place(half))) << half;
}

TEST_F(BackupTest, NeverOverwrites) {
  open();
  filled();
  fs::create_directories(place("there"));
  EXPECT_EQ(db_.backup(place("there")).error().code(), ErrorCode::already_exists);
  fs::create_directories(place("b.partial"));
  std::ofstream(place("b.partial") + "/mine") << "x";
  EXPECT_EQ(db_.backup(place("b")).error().code(), ErrorCode::already_exists);
  EXPECT_TRUE(fs::exists(place("b.partial") + "/mine"));
  EXPECT_EQ(Database::restore(place("nothing"), place("r")).error().code(), ErrorCode::not_found);
  EXPECT_EQ(Database::restore(place("there"), place("r")).error().code(), ErrorCode::not_found);
}

TEST_F(BackupTest, InterruptedLeavesNothingThatLooksWhole) {
  open();
  filled();
  BackupOptions options;
  options.cancel.emplace();
  options.cancel->cancel();
  EXPECT_EQ(db_.backup(place("b"), options).error().code(), ErrorCode::cancelled);
  EXPECT_FALSE(fs::exists(place("b")));
  EXPECT_FALSE(fs::exists(place("b.partial")));
  // What a kill leaves: half a copy with its marker. It is no database, and the next backup takes its place.
  fs::create_directories(place("b.partial") + "/tables/00000001");
  std::ofstream(place("b.partial") + "/partial");
  EXPECT_FALSE(Database::open(place("b.partial"), existing()));
  EXPECT_EQ(Database::restore(place("b.partial"), place("r")).error().code(), ErrorCode::not_found);
  ASSERT_TRUE(db_.backup(place("b")));
  EXPECT_FALSE(fs::exists(place("b.partial")));
  EXPECT_FALSE(fs::exists(place("b") + "/partial"));
}

TEST_F(BackupTest, NeedsTheDatabaseOpenForWriting) {
  open();
  filled();
  auto reader = Database::open(folder_.string(), reading()).value();
  EXPECT_EQ(reader.backup(place("b")).error().code(), ErrorCode::read_only);
  EXPECT_FALSE(fs::exists(place("b.partial")));
}

}  // namespace
}  // namespace firn::testing
