// Every name of the public interface exists and does what it says, with nothing included but <firn/firn.hpp>.
#include <gtest/gtest.h>
#include <unistd.h>
#include <firn/firn.hpp>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>

namespace firn {
namespace {

class PublicApi : public ::testing::Test {
 protected:
  PublicApi() {
    std::string name = (std::filesystem::temp_directory_path() / "firn-api-XXXXXX").string();
    root_ = ::mkdtemp(name.data());
  }
  ~PublicApi() override { std::filesystem::remove_all(root_); }
  std::string at(const std::string& name) const { return root_ + "/" + name; }

  static Schema schema() {
    return Schema::parse("event_id u64, ts timestamp, user_id i64, type utf8, amount f64",
                         {.key = {"event_id"}, .time = "ts"})
        .value();
  }
  static Batch clicks(std::uint64_t first, int count) {
    BatchBuilder rows(schema());
    for (int i = 0; i < count; ++i)
      rows.append(first + static_cast<std::uint64_t>(i), Timestamp::now(), 42, "click", 9.5);
    return rows.finish().value();
  }
  std::string root_;
};

TEST_F(PublicApi, DatabasesAndTheirTables) {
  const DatabaseOptions options;
  Database db = Database::open(at("shop.firn"), options).value();
  HybridTable made = db.create_table("user_events", schema()).value();
  HybridTable other =
      HybridTable::create(db, "other", Schema::parse("note utf8").value(), HybridTableConfig{}).value();
  EXPECT_EQ(db.tables().value(), (std::vector<std::string>{"other", "user_events"}));
  EXPECT_EQ(db.table("user_events").value().name(), "user_events");
  EXPECT_EQ(db.get_table("other").value().name(), "other");
  made.write(clicks(1, 3)).value();
  EXPECT_EQ(db.query("SELECT count(*) FROM user_events").value().at(0, 0).to_i64(), 3);
  // A table without a key numbers its rows; numbers are not used again.
  BatchBuilder notes(Schema::parse("note utf8").value());
  other.write(notes.append("a").append("b").finish().value()).value();
  const DataFrame numbered = other.query("SELECT _row, note FROM other ORDER BY _row").value();
  const std::uint64_t last = numbered.at(1, 0).as_unsigned();
  const Key keys[] = {Key{Value(last)}};
  other.remove(keys).value();
  BatchBuilder more(Schema::parse("note utf8").value());
  other.write(more.append("c").finish().value()).value();
  EXPECT_GT(other.query("SELECT max(_row) FROM other").value().at(0, 0).as_unsigned(), last);
  EXPECT_EQ(other.query("SELECT * FROM other").value().columns(), 1u) << "_row is visible when named";

  EXPECT_EQ(db.backup(at("monday")).value().tables, 2u);
  db.drop_table("other").value();
  EXPECT_FALSE(db.table("other"));
  EXPECT_EQ(Database::restore(at("monday"), at("again.firn")).value().tables, 2u);
  db.close().value();
  EXPECT_EQ(made.write(clicks(9, 1)).error().code(), ErrorCode::closed);
  EXPECT_EQ(Database::open(at("again.firn")).value().tables().value().size(), 2u);
}

TEST_F(PublicApi, WritesAndWhatTheyAnswer) {
  Database db = Database::open(":memory:").value();
  HybridTable events = db.create_table("user_events", schema()).value();
  const Commit c = events.write(clicks(1, 2)).value();
  EXPECT_GT(c.csn.value, 0u);
  EXPECT_GT(c.time.us, 0);
  EXPECT_EQ(c.tier, StorageTier::hot);
  EXPECT_EQ(c.rows, 2u);
  EXPECT_EQ(events.insert(clicks(3, 5'000)).value().tier, StorageTier::warm);

  WriteOptions insert;
  insert.mode = WriteMode::insert;
  EXPECT_EQ(events.write(clicks(2, 4), insert).error().code(), ErrorCode::already_exists);
  WriteOptions update;
  update.mode = WriteMode::update;
  BatchBuilder part(Schema::parse("event_id u64, amount f64", {.key = {"event_id"}}).value());
  events.write(part.append(std::uint64_t{1}, 1.25).finish().value(), update).value();
  const Row row = *events.get(Key{std::uint64_t{1}}).value();
  EXPECT_EQ(row["amount"], Value(1.25));
  EXPECT_EQ(row["type"], Value("click"));
  EXPECT_TRUE(row["no such column"].is_null());

  WriteOptions once;
  once.token = WriteToken{"producer", 7};
  const Commit first = events.write(clicks(1, 1), once).value();
  const Commit again = events.write(clicks(1, 1), once).value();
  EXPECT_EQ(again.csn, first.csn);
  EXPECT_TRUE(again.repeated);
  WriteOptions careful;
  careful.if_unchanged_since = c.csn;
  EXPECT_EQ(events.write(clicks(1, 1), careful).error().code(), ErrorCode::conflict);

  BatchBuilder twice(schema());
  twice.append(std::uint64_t{9'000}, Timestamp{1}, 1, "earlier", 1.0);
  twice.append(std::uint64_t{9'000}, Timestamp{1}, 1, "later", 1.0);
  events.write(twice.finish().value()).value();
  EXPECT_EQ((*events.get(Key{std::uint64_t{9'000}}).value())["type"], Value("later"));

  const Key gone[] = {Key{std::uint64_t{9'000}}, Key{std::uint64_t{2}}};
  EXPECT_EQ(events.remove(gone).value().rows, 2u);
  EXPECT_FALSE(events.get(gone[0]).value().has_value());
  EXPECT_EQ(events.remove_where("event_id BETWEEN 10 AND 19").value().rows, 10u);

  std::size_t exported = 0, batches = 0;
  events
      .export_all([&](const Batch& b) -> Result<void> {
        exported += static_cast<std::size_t>(b.rows());
        return {};
      })
      .value();
  EXPECT_EQ(exported, 5'002u - 1 - 10);
  EXPECT_EQ(events
                .bulk_import([&]() -> Result<std::optional<Batch>> {
                  if (++batches > 3) return std::optional<Batch>();
                  return std::optional<Batch>(clicks(20'000 * batches, 2'000));
                })
                .value()
                .size(),
            3u);
}

TEST_F(PublicApi, QueriesAndTheirAnswers) {
  Database db = Database::open(":memory:").value();
  HybridTable events = db.create_table("user_events", schema()).value();
  const Commit c = events.write(clicks(1, 3)).value();
  DataFrame df =
      db.query("SELECT type, count(*) AS n FROM user_events WHERE ts > NOW() - 1h GROUP BY type").value();
  EXPECT_EQ(df.rows(), 1);
  EXPECT_EQ(df.columns(), 2u);
  EXPECT_EQ(df.name(1), "n");
  EXPECT_EQ(df.at(0, 1).to_i64(), 3);
  EXPECT_EQ(df.find("n"), 1u);
  EXPECT_EQ(df.to_csv(), "type,n\r\nclick,3\r\n");
  EXPECT_EQ(df.to_json(), R"([{"type":"click","n":3}])");
  std::ostringstream readable;
  readable << df;
  EXPECT_NE(readable.str().find("click"), std::string::npos);
  ArrowArrayStream out;
  df.export_stream(&out);
  ArrowArray chunk;
  ASSERT_EQ(out.get_next(&out, &chunk), 0);
  EXPECT_EQ(chunk.length, 1);
  chunk.release(&chunk);
  out.release(&out);

  // Text, a parsed query and a built one are the same.
  using namespace terms;
  const Query built = QueryBuilder("user_events")
                          .select(column("type"))
                          .select(count(), "n")
                          .where(column("event_id") > 1 && column("type") == "click")
                          .group_by(column("type"))
                          .build()
                          .value();
  EXPECT_EQ(events.read(built).value().at(0, 1).to_i64(), 2);
  EXPECT_EQ(events.read(parse_query("SELECT count(*) FROM user_events").value()).value().at(0, 0).to_i64(),
            3);
  EXPECT_EQ(events.query("SELECT count(*) FROM user_events").value().at(0, 0).to_i64(), 3);

  const Snapshot then = events.snapshot().value();
  events.write(clicks(10, 5)).value();
  EXPECT_EQ(then.csn(), c.csn);
  EXPECT_EQ(then.query("SELECT count(*) FROM user_events").value().at(0, 0).to_i64(), 3);
  EXPECT_FALSE(then.get(Key{std::uint64_t{10}}).value());

  const StoragePlan plan = db.explain("SELECT * FROM user_events WHERE event_id = 1").value();
  EXPECT_EQ(plan.kind, "point");
  EXPECT_FALSE(plan.lines.empty());
  const Result<DataFrame> wrong = db.query("SELECT nosuch FROM user_events");
  ASSERT_FALSE(wrong.ok());
  EXPECT_NE(wrong.error().message().find('^'), std::string::npos) << "points at the place";
  EXPECT_THROW(wrong.value(), Error);
}

TEST_F(PublicApi, UpkeepStatisticsAndConfiguration) {
  Database db = Database::open(":memory:").value();
  HybridTable events = db.create_table("user_events", schema()).value();
  events.write(clicks(1, 3)).value();
  events.write(clicks(10, 5'000)).value();
  const OptimizationResult moved = events.compact({.to = StorageTier::cold}).value();
  EXPECT_FALSE(moved.decisions.empty());
  const OptimizationResult done = events.optimize().value();
  EXPECT_GT(done.bytes_before, 0u);
  const TableStats stats = events.get_stats().value();
  EXPECT_EQ(stats.name, "user_events");
  EXPECT_EQ(stats.rows, 5'003u);
  EXPECT_EQ(stats.cold.rows, 5'003u);
  EXPECT_GT(stats.bytes, 0u);
  const AccessReport access = events.access_report().value();
  EXPECT_FALSE(access.files.empty());

  HybridTableConfig config = events.config();
  config.compaction = CompactionPolicy{};
  config.compaction.strategy = CompactionStrategy::time_based;
  config.tuning = PerformanceTuning{};
  config.tuning.merge_threads = 1;
  config.placement = StorageTier::warm;
  events.configure(config).value();
  EXPECT_EQ(db.table("user_events").value().config(), config);
  events.alter("ADD COLUMN channel utf8 DEFAULT 'web'").value();
  EXPECT_EQ((*events.get(Key{std::uint64_t{1}}).value())["channel"], Value("web"));
  EXPECT_TRUE(events.verify(true).value().empty());
}

TEST_F(PublicApi, ChangesSubscriptionsAndMigration) {
  Database db = Database::open(":memory:").value();
  HybridTable events = db.create_table("user_events", schema()).value();
  Subscription live = events.subscribe().value();
  const Commit c = events.write(clicks(1, 3)).value();
  const ChangeBatch since = events.changes(Csn{0}).value();
  EXPECT_EQ(since.rows.rows(), 3);
  EXPECT_EQ(since.next, c.csn);
  const auto told = live.next(std::chrono::seconds(10)).value();
  ASSERT_TRUE(told);
  EXPECT_EQ(told->rows.rows(), 3);
  std::ofstream(at("a.csv")) << "id,name\n1,ann\n2,bob\n";
  EXPECT_EQ(migrate_to_hybrid(at("a.csv"), db, "people", {.key = {"id"}}).value().rows, 2u);
  EXPECT_EQ((*db.table("people").value().get(Key{2}).value())["name"], Value("bob"));
  EXPECT_EQ(db.query("SELECT count(*) FROM '" + at("a.csv") + "'").value().at(0, 0).to_i64(), 2);
}

}  // namespace
}  // namespace firn
