// ALTER while rows lie in every tier. The oracle is the table itself: what a commit left is written down at once, while
// its rows are where the write put them, and must be the answer as of that commit ever after, whatever moves or dies.
#include <gtest/gtest.h>

#include "io/sim_disk.hpp"
#include "storage/schema_history.hpp"
#include "tests/storage/store_fixture.hpp"

namespace firn::storage {
namespace {

class SchemaEvolutionTest : public model::MadeStore {
 protected:
  void SetUp() override {
    options.clock = clock;
    options.segment_rows = 300;
    make(Schema::parse("id u64, ts timestamp, a i32, t utf8", {.key = {"id"}, .time = "ts"}).value());
  }

  // --- verbs ---
  std::uint64_t now() { return store->snapshot().value().csn().value; }
  Result<CommitInfo> try_alter(const std::string& text) {
    WriteRequest r;
    r.kind = WriteRequest::Kind::alter;
    r.change = parse_alter(text).value().change;
    return store->commit_one(std::move(r));
  }
  std::uint64_t alter(const std::string& text) {
    const auto done = try_alter(text);
    EXPECT_TRUE(done) << text << ": " << done.error().message();
    remember();
    return now();
  }
  static Batch batch(const Schema& schema, const std::vector<std::vector<Value>>& rows) {
    BatchBuilder b(schema);
    for (const auto& row : rows) b.append_row(row);
    return b.finish().value();
  }
  /// Rows first .. first + count - 1; columns behind the time take values that follow from `salt` and the key.
  Batch rows_of(const Schema& schema, std::uint64_t first, std::uint64_t count, std::int64_t salt) {
    std::vector<std::vector<Value>> rows;
    for (std::uint64_t id = first; id < first + count; ++id) {
      std::vector<Value> row;
      for (std::size_t c = 0; c < schema.size(); ++c) row.push_back(value_of(schema[c], id, salt));
      rows.push_back(std::move(row));
    }
    return batch(schema, rows);
  }
  static Value value_of(const ColumnSchema& c, std::uint64_t id, std::int64_t salt) {
    if (c.name == "id") return Value(id);
    if (c.name == "ts") return Value(Timestamp{static_cast<std::int64_t>(id) * 1'000'000});
    const std::int64_t v = (salt + static_cast<std::int64_t>(id)) % 100 - 20;
    if (c.nullable && v % 7 == 0) return {};
    if (c.type == TypeId::utf8) return Value(c.name + std::to_string(v));
    if (c.type == TypeId::date) return Value(Date{static_cast<std::int32_t>(v)});
    if (c.type == TypeId::timestamp) return Value(Timestamp{v * 86'400'000'000});
    return Value(is_unsigned_integer(c.type) ? v + 20 : v).cast(c.type).value();
  }
  Result<CommitInfo> try_write(const Batch& rows, WriteMode mode = WriteMode::upsert) {
    FIRN_ASSIGN(WriteRequest r, model::upsert_of(*store, rows));
    r.mode = mode;
    return store->commit_one(std::move(r));
  }
  void write(std::uint64_t first, std::uint64_t count, std::int64_t salt) {
    try_write(rows_of(store->schema(), first, count, salt)).value();
    remember();
  }
  void settle(StorageTier to) {
    for (int i = 0; i < 200; ++i) {
      const auto order = store->next_job_towards(to);
      if (!order) return;
      store->run_job(*order).value();
    }
    FAIL() << "did not settle";
  }
  void close() {
    store->close().value();
    kill();
  }
  void cut(io::CutPolicy policy) {
    store.reset();
    disk = disk->cut(policy, 11);
    store = TableStore::open(disk, "t", options).value();
  }
  void move_through_all_tiers() {
    int i = 0;
    for (const StorageTier to : {StorageTier::warm, StorageTier::cold, StorageTier::warm, StorageTier::hot,
                                 StorageTier::cold, StorageTier::hot, StorageTier::warm, StorageTier::cold}) {
      settle(to);
      check_all("in " + std::string(name_of(to)));
      if (++i % 3 == 0) kill();
      if (i % 3 == 1) close();
      check_all("reopened in " + std::string(name_of(to)));
    }
  }

  // --- answers ---
  Result<Batch> ask(const std::string& sql) {
    return store->query(parse_query(sql).value(), store->snapshot().value());
  }
  std::string one(const std::string& sql) {
    const auto answer = ask(sql);
    if (!answer) return answer.error().message();
    return answer->rows() == 0 ? "-" : (*answer)[0].value_at(0).to_string();
  }
  static std::string line(std::span<const Value> row) {
    std::string text;
    for (const Value& v : row) text += (v.is_null() ? "NULL" : v.to_string()) + "|";
    return text;
  }
  /// Names, types and rows as of the commit: by a scan through AS OF, a scan through a snapshot, and by key.
  std::string state(std::uint64_t csn) {
    const StoreSnapshot at = store->snapshot(Csn{csn}).value();
    const Schema schema = store->schema(at);
    const std::string order = " ORDER BY " + schema[schema.key()[0]].name;
    const Batch rows = ask("SELECT * FROM t AS OF CSN " + std::to_string(csn) + order).value();
    const Batch same = store->query(parse_query("SELECT * FROM t" + order).value(), at).value();
    std::string text = rows.schema().to_string();
    EXPECT_EQ(rows.schema().to_string(), same.schema().to_string());
    for (std::size_t i = 0; i < static_cast<std::size_t>(rows.rows()); ++i) {
      std::vector<Value> row, other;
      for (std::size_t c = 0; c < rows.schema().size(); ++c) {
        row.push_back(rows[c].value_at(i));
        other.push_back(same[c].value_at(i));
      }
      EXPECT_EQ(line(row), line(other));
      if (i % 97 == 0) {
        const auto got = store->get(at, std::span<const Value>(&row[0], 1)).value();
        EXPECT_EQ(got ? line(*got) : "absent", line(row)) << "by key, as of CSN " << csn;
      }
      text += "\n" + line(row);
    }
    return text;
  }
  void remember() { states[now()] = state(now()); }
  void check_all(const std::string& where) {
    for (const auto& [csn, text] : states) ASSERT_EQ(state(csn), text) << where << ", as of CSN " << csn;
  }

  std::shared_ptr<io::ManualClock> clock = std::make_shared<io::ManualClock>();
  std::map<std::uint64_t, std::string> states;  ///< by CSN
};

TEST_F(SchemaEvolutionTest, AnAddedColumnReadsAsItsDefaultWhereverTheRowLies) {
  write(0, 200, 1);  // warm
  settle(StorageTier::cold);
  write(200, 200, 2);  // warm
  write(400, 10, 3);   // hot
  alter("ADD x i16 NOT NULL DEFAULT 5");
  alter("ADD y utf8 DEFAULT 'why'");
  alter("ADD z f64");
  EXPECT_EQ(one("SELECT count(*) FROM t WHERE x = 5 AND y = 'why' AND z IS NULL"), "410");
  EXPECT_EQ(one("SELECT sum(x) FROM t"), std::to_string(410 * 5));
  EXPECT_EQ(one("SELECT x FROM t WHERE id = 3"), "5");
  EXPECT_EQ(one("SELECT y FROM t WHERE id = 403"), "why");
  write(405, 10, 4);
  write(0, 150, 5);
  move_through_all_tiers();
}

TEST_F(SchemaEvolutionTest, HotRowsOfThePastAreReadInTheSchemaOfThen) {
  const auto check_often = [&](const std::string& where) {
    for (int i = 0; i < 3; ++i) check_all(where);  // without images of the past, and with them
  };
  write(0, 60, 1);
  write(30, 60, 2);
  alter("ADD x i16 NOT NULL DEFAULT 5");
  write(0, 40, 3);
  write(20, 40, 4);
  alter("ALTER a TYPE i64");
  write(10, 40, 5);
  check_often("after two ALTERs");
  write(0, 20, 6);
  alter("DROP t");
  write(15, 20, 7);
  write(15, 30, 8);
  check_often("after a third");
}

TEST_F(SchemaEvolutionTest, ZoneMapsDoNotPruneWhatADefaultOrAConversionBringsIn) {
  write(0, 2'000, 1);
  settle(StorageTier::cold);
  alter("ADD x i64 DEFAULT 5");
  EXPECT_EQ(one("SELECT count(*) FROM t WHERE x > 3"), "2000");
  EXPECT_EQ(one("SELECT count(*) FROM t WHERE x > 5"), "0");
  EXPECT_EQ(one("SELECT count(*) FROM t WHERE x IS NULL"), "0");
  const std::string before = one("SELECT count(*) FROM t WHERE a > 10");
  alter("ALTER a TYPE f64");
  EXPECT_EQ(one("SELECT count(*) FROM t WHERE a > 10"), before);
  EXPECT_EQ(one("SELECT count(*) FROM t WHERE a > 9.5"),
            before == "-" ? "" : one("SELECT count(*) FROM t WHERE a >= 10"));
  EXPECT_EQ(one("SELECT count(*) FROM t WHERE ts >= TIMESTAMP '1970-01-01 00:10:00'"), "1400");
}

TEST_F(SchemaEvolutionTest, ADroppedColumnStaysReadableBelowTheDropThroughEveryMove) {
  write(0, 200, 1);
  write(100, 10, 2);
  const std::uint64_t before = alter("ADD x i64 DEFAULT 5");
  alter("DROP a");
  alter("DROP x");
  EXPECT_EQ(store->schema().to_string(), "id u64 not null, ts timestamp, t utf8");
  EXPECT_FALSE(ask("SELECT a FROM t"));
  write(50, 100, 3);
  move_through_all_tiers();
  EXPECT_EQ(one("SELECT sum(x) FROM t AS OF CSN " + std::to_string(before)), "1000");
  EXPECT_FALSE(ask("SELECT a FROM t"));
}

TEST_F(SchemaEvolutionTest, ANameThatComesBackIsAnotherColumn) {
  write(0, 150, 1);
  const std::uint64_t first = now();
  alter("DROP a");
  write(10, 10, 2);
  alter("ADD a utf8 DEFAULT 'new'");
  EXPECT_EQ(one("SELECT count(*) FROM t WHERE a = 'new'"), "150");
  write(20, 150, 3);
  alter("DROP a");
  alter("ADD a i8 DEFAULT 1");
  write(30, 20, 4);
  move_through_all_tiers();
  EXPECT_EQ(ask("SELECT a FROM t AS OF CSN " + std::to_string(first)).value().schema()[0].type, TypeId::i32);
}

TEST_F(SchemaEvolutionTest, AWidenedColumnIsOfTheOldTypeInThePast) {
  make(Schema::parse("id u64, a i8, b u32, c f32, d date, e i32, s u8", {.key = {"id"}}).value());
  const auto row = [](std::uint64_t id, std::int8_t a, std::uint32_t b, float c, std::int32_t d,
                      std::int32_t e) {
    return std::vector<Value>{
        Value(id), Value(a), Value(b), Value(c), Value(Date{d}), Value(e), Value(std::uint8_t{255})};
  };
  const auto extremes = [&](std::uint64_t first) {
    return batch(store->schema(), {row(first, -128, 0xFFFFFFFFU, 3.4e38F, -719'162, INT32_MIN),
                                   row(first + 1, 127, 0, -1.5F, 20'000, INT32_MAX)});
  };
  try_write(extremes(0)).value();
  remember();
  write(10, 200, 1);
  settle(StorageTier::cold);
  for (const char* text : {"ALTER a TYPE i16", "ALTER b TYPE i64", "ALTER c TYPE f64", "ALTER e TYPE f64",
                           "ALTER s TYPE u64", "ALTER a TYPE i32", "ALTER a TYPE f64"}) {
    alter(text);
    write(100, 20, 7);
  }
  EXPECT_EQ(one("SELECT b FROM t WHERE id = 0"), "4294967295");
  EXPECT_EQ(one("SELECT e FROM t WHERE id = 0"), "-2147483648");
  EXPECT_FALSE(
      apply_change(store->schema(), SchemaChange::widen("d", TypeId::timestamp)));  // dates reach further
  // Values that the old types could not hold lie beside the old rows in the files to come.
  std::vector<Value> wide = {Value(std::uint64_t{5}), Value(1e300), Value(INT64_MAX),        Value(-1e300),
                             Value(Date{30'000}),     Value(0.25),  Value(~std::uint64_t{0})};
  try_write(batch(store->schema(), {wide})).value();
  remember();
  move_through_all_tiers();
}

TEST_F(SchemaEvolutionTest, ARenamedColumnKeepsItsValues) {
  write(0, 150, 1);
  const std::string sum = one("SELECT sum(a) FROM t");
  alter("RENAME a TO b");
  alter("RENAME id TO number");
  alter("RENAME ts TO at");
  alter("RENAME number TO id");
  alter("RENAME at TO ts");
  EXPECT_EQ(one("SELECT sum(b) FROM t"), sum);
  EXPECT_FALSE(ask("SELECT a FROM t"));
  alter("ADD a i64 DEFAULT 0");
  EXPECT_EQ(one("SELECT sum(a) FROM t"), "0");
  move_through_all_tiers();
}

TEST_F(SchemaEvolutionTest, EveryStateSurvivesALongLifeOfChanges) {
  const std::vector<std::string> changes = {"ADD x u8 DEFAULT 9",
                                            "ALTER x TYPE u16",
                                            "DROP t",
                                            "ADD t binary",
                                            "RENAME x TO y",
                                            "ADD x date DEFAULT '2001-01-01'",
                                            "RENAME x TO day",
                                            "DROP y",
                                            "ALTER a TYPE i64",
                                            "DROP t",
                                            "DROP a",
                                            "ADD a bool NOT NULL DEFAULT TRUE"};
  std::uint64_t n = 0;
  for (const std::string& text : changes) {
    ++n;
    std::vector<std::vector<Value>> rows;
    const Schema schema = store->schema();
    for (std::uint64_t id = n * 50; id < n * 50 + (n % 3 == 0 ? 180 : 30); ++id) {
      std::vector<Value> row;
      for (std::size_t c = 0; c < schema.size(); ++c) {
        const ColumnSchema& column = schema[c];
        row.push_back(column.type == TypeId::boolean  ? Value(id % 2 == 0)
                      : column.type == TypeId::binary ? Value(Binary{"b" + std::to_string(id)})
                                                      : value_of(column, id, static_cast<std::int64_t>(n)));
      }
      rows.push_back(std::move(row));
    }
    try_write(batch(schema, rows)).value();
    remember();
    alter(text);
    if (n % 4 == 1) settle(StorageTier::warm);
    if (n % 4 == 2) settle(StorageTier::cold);
    if (n % 4 == 3) settle(StorageTier::hot);
    check_all("after " + text);
    if (n % 5 == 0) store->checkpoint().value();
    if (n % 2 == 0) kill();
  }
  move_through_all_tiers();
}

TEST_F(SchemaEvolutionTest, RowsForAnEarlierSchemaAreRecastAtTheirCommit) {
  const Schema old = store->schema();
  alter("ADD x i64 NOT NULL DEFAULT 5");
  alter("ALTER a TYPE i64");
  alter("RENAME t TO text");
  alter("ADD y utf8");
  try_write(rows_of(old, 0, 10, 1)).value();    // hot
  try_write(rows_of(old, 10, 200, 1)).value();  // blocks
  EXPECT_EQ(one("SELECT count(*) FROM t WHERE x = 5 AND y IS NULL"), "210");
  EXPECT_EQ(one("SELECT text FROM t WHERE id = 3"), "t-16");
  EXPECT_EQ(one("SELECT text FROM t WHERE id = 13"), "t-6");
  alter("DROP a");
  try_write(rows_of(old, 5, 10, 2)).value();
  EXPECT_EQ(one("SELECT count(*) FROM t"), "210");
  remember();
  move_through_all_tiers();
}

TEST_F(SchemaEvolutionTest, OneGroupHoldsAnAlterAndWritesOfBothSides) {
  const Schema old = store->schema();
  std::vector<WriteRequest> group(3);
  group[0].rows = rows_of(old, 0, 5, 1);
  group[1].kind = WriteRequest::Kind::alter;
  group[1].change = SchemaChange::add("x", TypeId::i64, Value(std::int64_t{5}));
  group[2].rows = rows_of(old, 5, 5, 1);
  const auto answers = store->commit(group);
  for (const auto& a : answers) EXPECT_TRUE(a.ok());
  EXPECT_EQ(answers[2].value().csn.value, answers[0].value().csn.value + 2);
  EXPECT_EQ(one("SELECT sum(x) FROM t"), "50");
  kill();
  EXPECT_EQ(one("SELECT sum(x) FROM t"), "50");
}

TEST_F(SchemaEvolutionTest, ABatchThatFitsNoVersionIsRefusedByTheNameOfItsColumn) {
  alter("DROP a");
  for (const char* columns : {"id u64, ts timestamp, b i32, t utf8", "id u64, ts timestamp, t i64"}) {
    const Schema other = Schema::parse(columns, {.key = {"id"}, .time = "ts"}).value();
    const auto answer = store->commit_one([&] {
      WriteRequest r;
      r.rows = rows_of(other, 0, 2, 1);
      return r;
    }());
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code(), ErrorCode::invalid_argument);
    const bool by_name = answer.error().message().find("column \"b\"") != std::string::npos;
    const bool by_type = answer.error().message().find("column \"t\" is i64") != std::string::npos;
    EXPECT_TRUE(by_name || by_type) << answer.error().message();
    EXPECT_FALSE(store->prepare_blocks(rows_of(other, 0, 2, 1)));
  }
}

TEST_F(SchemaEvolutionTest, BlocksPreparedBeforeAnAlterAreTaken) {
  WriteRequest r;
  r.kind = WriteRequest::Kind::blocks;
  r.blocks = store->prepare_blocks(rows_of(store->schema(), 0, 200, 1)).value();
  alter("ADD x i64 NOT NULL DEFAULT 5");
  alter("ALTER a TYPE i64");
  alter("DROP t");
  store->commit_one(std::move(r)).value();
  EXPECT_EQ(one("SELECT sum(x) FROM t"), "1000");
  EXPECT_EQ(ask("SELECT a FROM t").value().schema()[0].type, TypeId::i64);
  remember();
  move_through_all_tiers();
}

TEST_F(SchemaEvolutionTest, AFileHoldsNothingInAColumnThatWasDroppedBeforeItsCommit) {
  write(300, 200, 1);  // so that files keep the column
  WriteRequest r;
  r.kind = WriteRequest::Kind::blocks;
  r.blocks = store->prepare_blocks(rows_of(store->schema(), 0, 200, 1)).value();
  alter("DROP a");
  store->commit_one(std::move(r)).value();
  settle(StorageTier::cold);
  std::uint64_t values = 0;
  for (const FileView& f : store->files()) {
    const auto file = store->file(f.info.id).value();
    ReadCost cost;
    const std::size_t a = file->schema().find("a").value();
    for (std::size_t g = 0; g < file->groups(); ++g) {
      const Column column = file->read(g, std::span(&a, 1), cost).value()[0];
      values += static_cast<std::uint64_t>(column.length - column.null_count);
    }
  }
  EXPECT_GT(values, 100U);
  EXPECT_LE(values, 200U);
}

TEST_F(SchemaEvolutionTest, UpdatesFindTheirColumnsByTheirPresentAndFormerNames) {
  write(0, 150, 1);
  alter("ADD x i64 NOT NULL DEFAULT 5");
  alter("RENAME a TO b");
  const auto update = [&](const char* columns, Value v) {
    WriteRequest r;
    r.mode = WriteMode::update;
    r.rows =
        batch(Schema::parse(columns, {.key = {"id"}}).value(), {{Value(std::uint64_t{7}), std::move(v)}});
    return store->commit_one(std::move(r));
  };
  update("id u64, x i64", Value(std::int64_t{8})).value();
  update("id u64, a i32", Value(std::int32_t{70})).value();
  EXPECT_EQ(one("SELECT x FROM t WHERE id = 7"), "8");
  EXPECT_EQ(one("SELECT b FROM t WHERE id = 7"), "70");
  EXPECT_EQ(one("SELECT t FROM t WHERE id = 7"), "t-12");
  alter("DROP b");
  const auto late = update("id u64, a i32", Value(std::int32_t{71}));
  ASSERT_FALSE(late);
  EXPECT_NE(late.error().message().find("no column a"), std::string::npos);
  remember();
  move_through_all_tiers();
}

TEST_F(SchemaEvolutionTest, ARefusedChangeLeavesNoTrace) {
  write(0, 10, 1);
  const std::uint64_t before = now();
  const auto refused = try_alter("ALTER a TYPE i16");
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message().find("become i64, f64"), std::string::npos);
  EXPECT_FALSE(try_alter("DROP id"));
  EXPECT_FALSE(try_alter("ADD x i64 NOT NULL"));
  EXPECT_EQ(now(), before);
  check_all("after refusals");
}

TEST_F(SchemaEvolutionTest, AnAcknowledgedAlterSurvivesEveryPowerCut) {
  for (const io::CutPolicy policy : io::kCutPolicies) {
    states.clear();
    make(Schema::parse("id u64, ts timestamp, a i32, t utf8", {.key = {"id"}, .time = "ts"}).value());
    write(0, 150, 1);
    alter("ADD x i64 DEFAULT 5");
    cut(policy);
    check_all("after the first cut");
    write(1, 10, 2);
    alter("DROP a");
    settle(StorageTier::cold);
    cut(policy);
    check_all("after the second cut");
    alter("ADD a utf8 DEFAULT 'new'");
    store->checkpoint().value();
    cut(policy);
    check_all("after the third cut");
    EXPECT_EQ(one("SELECT count(*) FROM t WHERE a = 'new' AND x = 5"), "140");
  }
}

TEST_F(SchemaEvolutionTest, AnIdIsNotGivenAgainThoughTheTableWasOpenedSince) {
  alter("ADD x i64");
  const std::uint32_t id = store->schema()[4].id;
  alter("DROP x");
  close();
  alter("ADD x i64");
  EXPECT_EQ(store->schema()[4].id, id + 1);
}

TEST_F(SchemaEvolutionTest, FilesDropAColumnOnceNoReadableStateHasIt) {
  const auto stored = [&] {
    settle(StorageTier::hot);
    settle(StorageTier::cold);
    std::size_t columns = 0;
    for (const FileView& f : store->files())
      columns = std::max(columns, store->file(f.info.id).value()->schema().size());
    return columns;
  };
  write(0, 200, 1);
  alter("DROP a");
  EXPECT_EQ(stored(), 4U);
  write(0, 200, 2);
  settle(StorageTier::cold);
  clock->advance_us(25LL * 3'600'000'000);
  write(0, 200, 3);
  store->expire().value();
  EXPECT_FALSE(store->snapshot(Csn{2}));
  EXPECT_EQ(stored(), 3U);
}

TEST_F(SchemaEvolutionTest, ADroppedColumnGoesInTimeThoughNoRowWasEverChanged) {
  write(0, 200, 1);
  settle(StorageTier::cold);
  const std::uint64_t dropped = alter("DROP a");
  store->expire().value();
  EXPECT_EQ(now(), dropped);
  clock->advance_us(25LL * 3'600'000'000);
  write(200, 10, 1);
  store->expire().value();
  const std::uint64_t after = now();
  EXPECT_FALSE(store->snapshot(Csn{dropped - 1}));
  settle(StorageTier::hot);
  settle(StorageTier::cold);
  EXPECT_EQ(store->file(store->files().front().info.id).value()->schema().size(), 3U);
  const std::uint64_t moved = now();
  store->expire().value();
  EXPECT_EQ(now(), moved) << "it has nothing to forget any more";
  EXPECT_GT(moved, after);
}

TEST_F(SchemaEvolutionTest, TombstonesTakeNoValueOfANotNullColumn) {
  write(0, 300, 1);
  alter("ADD x i64 NOT NULL DEFAULT 5");
  for (const std::uint64_t count : {150U, 20U}) {  // as a block, and through the log
    WriteRequest r;
    r.kind = WriteRequest::Kind::remove_where;
    r.remove_where = parse_condition("id < " + std::to_string(count)).value();
    store->commit_one(std::move(r)).value();
    remember();
    write(0, 200, 2);
  }
  move_through_all_tiers();
}

TEST(SchemaHistoryTest, FilesHoldWhatReadableStatesHave) {
  Schema schema = Schema::parse("id u64, a i8, b utf8", {.key = {"id"}}).value();
  SchemaHistory history = SchemaHistory().with({1, schema, 1});
  const auto alter = [&](std::uint64_t csn, const char* text) {
    schema = apply_change(schema, parse_alter(text).value().change).value();
    history = history.with({history.newest().version.version + 1, schema, csn});
  };
  alter(10, "ALTER a TYPE i16");
  alter(20, "DROP a");
  alter(30, "ADD a utf8");
  alter(40, "DROP b");
  const auto stored = [&](std::uint64_t horizon, std::uint64_t pin) {
    return history
        .storage_schema([&](std::uint64_t begin, std::uint64_t end) {
          return end > horizon || (begin <= pin && pin < end);
        })
        .value()
        .to_string();
  };
  EXPECT_EQ(history.dropped_at(2), 20U);
  EXPECT_EQ(history.dropped_at(4), std::nullopt);
  EXPECT_EQ(history.dropped_at(9), std::nullopt);
  EXPECT_EQ(stored(40, 99), "id u64 not null, a utf8");
  EXPECT_EQ(stored(39, 99), "id u64 not null, a utf8, b utf8");
  EXPECT_EQ(stored(20, 99), "id u64 not null, a utf8, b utf8");
  EXPECT_EQ(stored(19, 99), "id u64 not null, a utf8, b utf8, \"dropped#2\" i16");
  EXPECT_EQ(stored(40, 5), "id u64 not null, a utf8, b utf8, \"dropped#2\" i16");
  EXPECT_EQ(history.at(19).version.schema.to_string(), "id u64 not null, a i16, b utf8");
  EXPECT_EQ(history.at(0).version.version, 1U);
}

TEST_F(SchemaEvolutionTest, ATableWithoutAKeyKeepsItsRowNumbers) {
  make(Schema::parse("a i32, t utf8").value());
  const auto add_rows = [&](std::size_t count) {
    std::vector<std::vector<Value>> rows(count);
    for (std::size_t i = 0; i < count; ++i)
      for (std::size_t c = 0; c + 1 < store->schema().size(); ++c)
        rows[i].push_back(store->schema()[c].type == TypeId::utf8 ? Value("x")
                                                                  : Value(static_cast<std::int64_t>(i)));
    try_write(batch(store->schema(), rows)).value();
  };
  add_rows(10);
  add_rows(200);
  const auto sum = [&] { return one("SELECT sum(_row) FROM t"); };
  const std::string before = sum();
  const auto alter_only = [&](const char* text) { try_alter(text).value(); };
  alter_only("ADD x i64 DEFAULT 5");
  EXPECT_EQ(sum(), before);
  kill();
  EXPECT_EQ(sum(), before);
  alter_only("DROP a");
  for (const StorageTier to : {StorageTier::cold, StorageTier::hot, StorageTier::warm}) {
    settle(to);
    kill();
    EXPECT_EQ(sum(), before);
    EXPECT_EQ(one("SELECT sum(x) FROM t"), "1050");
    EXPECT_EQ(one("SELECT max(a) FROM t AS OF CSN 3"), "199");
  }
  add_rows(5);
  EXPECT_EQ(one("SELECT count(*) FROM t"), "215");
}

TEST_F(SchemaEvolutionTest, ABackupHasEverySchema) {
  write(0, 200, 1);
  alter("DROP a");
  alter("ADD x i64 DEFAULT 5");
  write(0, 20, 2);
  settle(StorageTier::cold);
  auto copy = std::make_shared<io::SimDisk>();
  store->backup(*copy, "t", {}).value();
  store.reset();
  disk = copy;
  store = TableStore::open(disk, "t", options).value();
  check_all("in the backup");
}

}  // namespace
}  // namespace firn::storage
