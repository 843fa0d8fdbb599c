// Queries that end early: by a token, by a deadline, by close(). And queries over files.
#include <fstream>

#include "fixture.hpp"

namespace firn::testing {
namespace {

/// A query that takes long: every row is a group of its own, and then they are sorted.
constexpr const char* kSlow =
    "SELECT id, count(*) AS n, sum(amount * amount) AS s FROM events GROUP BY id ORDER BY s DESC, id";

TEST_F(DatabaseTest, CancelledTokenEndsAQuery) {
  open();
  auto t = table();
  t.write(events(1, 10)).value();
  QueryOptions options;
  options.cancel.emplace();
  EXPECT_EQ(db_.query(kSlow, options).value().rows(), 10);
  options.cancel->cancel();
  EXPECT_EQ(db_.query(kSlow, options).error().code(), ErrorCode::cancelled);
  EXPECT_EQ(t.query(kSlow, options).error().code(), ErrorCode::cancelled);
  EXPECT_EQ(t.snapshot().value().query(kSlow, options).error().code(), ErrorCode::cancelled);
  EXPECT_EQ(db_.query(kSlow).value().rows(), 10);
}

TEST_F(DatabaseTest, DeadlineThatHasPassedEndsAQuery) {
  open();
  auto t = table();
  t.write(events(1, 10)).value();
  QueryOptions options;
  options.timeout = 0us;
  const auto late = db_.query(kSlow, options);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code(), ErrorCode::timeout);
  options.timeout = std::chrono::microseconds::max();
  EXPECT_EQ(db_.query(kSlow, options).value().rows(), 10);
}

TEST_F(DatabaseTest, DeadlineEndsARunningQuerySoon) {
  open();
  auto t = table();
  t.write(events(1, 400'000)).value();
  const auto began = std::chrono::steady_clock::now();
  const std::int64_t whole = db_.query(kSlow).value().rows();
  const auto takes = std::chrono::steady_clock::now() - began;
  EXPECT_EQ(whole, 400'000);
  QueryOptions options;
  options.timeout = std::chrono::duration_cast<std::chrono::microseconds>(takes / 4);
  const auto again = std::chrono::steady_clock::now();
  const auto late = db_.query(kSlow, options);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code(), ErrorCode::timeout);
  EXPECT_LT(std::chrono::steady_clock::now() - again, takes + 1s);
}

TEST_F(DatabaseTest, TokenEndsQueriesOfOtherThreads) {
  open();
  auto t = table();
  t.write(events(1, 50'000)).value();
  QueryOptions options;
  options.cancel.emplace();
  std::vector<std::thread> readers;
  std::atomic<int> cancelled = 0, strange = 0;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&] {
      for (;;) {
        const auto answer = db_.query(kSlow, options);
        if (answer) continue;
        ++(answer.error().code() == ErrorCode::cancelled ? cancelled : strange);
        return;
      }
    });
  }
  options.cancel->cancel();
  for (auto& r : readers) r.join();
  EXPECT_EQ(cancelled, 3);
  EXPECT_EQ(strange, 0);
}

TEST_F(DatabaseTest, FilesAnswerQueriesInPlace) {
  std::filesystem::create_directories(folder_);
  const std::string csv = folder_.string() + "/a.csv", lines = folder_.string() + "/a.ndjson";
  std::ofstream(csv) << "id,name\n1,x\n2,\n3,\"\"\n";
  std::ofstream(lines) << "{\"id\": 7}\n{\"id\": 8}\n";
  auto db = Database::open(":memory:").value();
  EXPECT_EQ(db.query("SELECT count(*) AS n, count(name) AS m FROM '" + csv + "'").value().to_csv(),
            "n,m\r\n3,2\r\n");
  EXPECT_EQ(db.query("SELECT sum(id) AS s FROM '" + lines + "'").value().at(0, 0).to_i64(), 15);
  EXPECT_EQ(db.query("SELECT * FROM '" + csv + ".no'").error().code(), ErrorCode::not_found);
  EXPECT_EQ(db.query("SELECT * FROM '" + csv + "' AS OF CSN 1").error().code(), ErrorCode::unsupported);
  EXPECT_FALSE(db.query("SELECT nosuch FROM '" + csv + "'"));
  EXPECT_EQ(db.explain("SELECT * FROM '" + csv + "'").error().code(), ErrorCode::unsupported);
  QueryOptions stopped;
  stopped.cancel.emplace();
  stopped.cancel->cancel();
  EXPECT_EQ(db.query("SELECT * FROM '" + csv + "'", stopped).error().code(), ErrorCode::cancelled);
}

TEST_F(DatabaseTest, DatabaseInMemoryGoesWithItsClose) {
  std::filesystem::create_directories(folder_);
  const char* before = std::getenv("TMPDIR");
  const std::string kept = before != nullptr ? before : "";
  setenv("TMPDIR", folder_.c_str(), 1);
  auto db = Database::open(":memory:").value();
  auto other = Database::open(":memory:").value();
  if (before != nullptr)
    setenv("TMPDIR", kept.c_str(), 1);
  else
    unsetenv("TMPDIR");
  auto t = db.create_table("events", event_schema()).value();
  t.write(events(1, 5)).value();
  EXPECT_EQ(count(t), 5);
  EXPECT_TRUE(other.tables().value().empty());
  const auto folders = [&] {
    return std::distance(std::filesystem::directory_iterator(folder_), std::filesystem::directory_iterator());
  };
  EXPECT_EQ(folders(), 2);
  ASSERT_TRUE(db.close());
  EXPECT_EQ(folders(), 1);
  ASSERT_TRUE(other.close());
  EXPECT_EQ(folders(), 0);
  EXPECT_EQ(Database::open(":memory:", reading()).error().code(), ErrorCode::invalid_argument);
}

}  // namespace
}  // namespace firn::testing
