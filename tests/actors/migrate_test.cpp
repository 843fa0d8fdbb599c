// A file becomes a table; a table becomes batches and a table again.
#include <fstream>

#include "fixture.hpp"
#include "schema/arrow_ipc.hpp"

namespace firn::testing {
namespace {

class MigrateTest : public DatabaseTest {
 protected:
  MigrateTest() { open(); }
  std::string file(const std::string& name, const std::string& text) {
    const std::string path = (folder_ / name).string();
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }
};

TEST_F(MigrateTest, CsvBecomesATableWithKeyAndTime) {
  const std::string csv = file("a.csv", "id,at,x\n1,2001-01-01,1.5\n2,2001-01-02,\n3,2001-01-03,2\n");
  MigrateOptions options;
  options.key = {"id"};
  options.time = "at";
  options.batch_rows = 2;
  std::vector<std::uint64_t> steps;
  options.progress = [&](const MigrateReport& r) { steps.push_back(r.rows); };
  const auto done = migrate_to_hybrid(csv, db_, "a", options).value();
  EXPECT_EQ(done.rows, 3u);
  EXPECT_EQ(done.commits, 2u);
  EXPECT_EQ(steps, (std::vector<std::uint64_t>{2, 3}));
  EXPECT_EQ(db_.query("SELECT sum(x) AS s FROM a SINCE '2001-01-02'").value().at(0, 0), Value(2.0));
  EXPECT_TRUE(db_.table("a").value().get({Value(3)}).value());
  EXPECT_EQ(migrate_to_hybrid(csv, db_, "a", options).error().code(), ErrorCode::already_exists);
}

TEST_F(MigrateTest, RowsWithoutKeyAndNoRowsAtAll) {
  EXPECT_EQ(migrate_to_hybrid(file("b.ndjson", "{\"v\": 1}\n{\"v\": 1}\n"), db_, "b").value().rows, 2u);
  EXPECT_EQ(db_.query("SELECT count(*) AS n FROM b").value().at(0, 0).to_i64(), 2);
  EXPECT_EQ(migrate_to_hybrid(file("c.csv", "id,name\n"), db_, "c").value().rows, 0u);
  EXPECT_EQ(db_.query("SELECT * FROM c").value().columns(), 2u);
}

TEST_F(MigrateTest, ArrowBringsItsKey) {
  std::string bytes;
  arrow::ArrowFileWriter writer(event_schema(), [&](std::span<const std::uint8_t> b) -> Result<void> {
    bytes.append(reinterpret_cast<const char*>(b.data()), b.size());
    return {};
  });
  writer.write(events(1, 10)).value();
  writer.close().value();
  EXPECT_EQ(migrate_to_hybrid(file("d.arrow", bytes), db_, "d").value().rows, 10u);
  EXPECT_EQ(db_.table("d").value().schema().to_string(), event_schema().to_string());
}

TEST_F(MigrateTest, ErrorsSayWhatIsDurable) {
  MigrateOptions options;
  options.batch_rows = 5'000;
  std::string text = "id\n";
  for (int i = 0; i < 12'000; ++i) text += std::to_string(i) + "\n";  // types are found from 10,000
  options.key = {"id"};
  const std::string bad = file("e.csv", text + "x\n");
  const auto stopped = migrate_to_hybrid(bad, db_, "e", options);
  ASSERT_FALSE(stopped);
  EXPECT_NE(stopped.error().message().find("line 12002"), std::string::npos) << stopped.error().message();
  EXPECT_NE(stopped.error().message().find("10000 rows in 2 commits are in the table"), std::string::npos);
  EXPECT_EQ(db_.query("SELECT count(*) AS n FROM e").value().at(0, 0).to_i64(), 10'000);
  EXPECT_EQ(migrate_to_hybrid((folder_ / "nofile.csv").string(), db_, "f").error().code(),
            ErrorCode::not_found);
  EXPECT_FALSE(db_.table("f"));
  const auto foreign = migrate_to_hybrid(file("g.db", std::string("SQLite format 3\0xxxx", 20)), db_, "g");
  EXPECT_FALSE(foreign);
  EXPECT_FALSE(db_.table("g"));
  MigrateOptions cancelled;
  cancelled.cancel.emplace();
  cancelled.cancel->cancel();
  EXPECT_EQ(migrate_to_hybrid(bad, db_, "h", cancelled).error().code(), ErrorCode::cancelled);
  EXPECT_FALSE(db_.table("h"));
}

TEST_F(MigrateTest, ATableWhoseFirstBatchIsRefusedIsNotThere) {
  std::string bytes;
  const Schema schema = Schema::parse("k utf8, v i64", {.key = {"k"}}).value();
  arrow::ArrowFileWriter writer(schema, [&](std::span<const std::uint8_t> b) -> Result<void> {
    bytes.append(reinterpret_cast<const char*>(b.data()), b.size());
    return {};
  });
  BatchBuilder rows(schema);
  writer.write(rows.append(std::string(600, 'x'), 1).finish().value()).value();
  writer.close().value();
  const auto refused = migrate_to_hybrid(file("long.arrow", bytes), db_, "long");
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message().find("at most 503"), std::string::npos) << refused.error().message();
  EXPECT_FALSE(db_.table("long"));
}

TEST_F(MigrateTest, ExportAndBulkImportMoveATable) {
  auto t = table();
  t.write(events(1, 5'000)).value();
  t.compact({.to = StorageTier::cold}).value();
  t.write(events(4'990, 20, "new")).value();
  std::vector<Batch> batches;
  t.export_all([&](const Batch& b) -> Result<void> {
     batches.push_back(b);
     return {};
   }).value();
  auto copy = db_.create_table("copy", event_schema()).value();
  std::size_t at = 0;
  copy.bulk_import([&]() -> Result<std::optional<Batch>> {
        return at == batches.size() ? std::optional<Batch>() : std::optional<Batch>(batches[at++]);
      })
      .value();
  const auto rows = [&](const std::string& name) {
    return db_.query("SELECT * FROM " + name + " ORDER BY id").value().to_csv();
  };
  EXPECT_EQ(rows("copy"), rows("events"));
  EXPECT_EQ(
      t.export_all([](const Batch&) -> Result<void> { return Error(ErrorCode::full, "no"); }).error().code(),
      ErrorCode::full);
}

}  // namespace
}  // namespace firn::testing
