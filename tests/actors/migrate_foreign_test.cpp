// Tables of SQLite files and LMDB environments become tables.
#include <lmdb.h>
#include <sqlite3.h>

#include "fixture.hpp"

namespace firn::testing {
namespace {

class MigrateForeignTest : public DatabaseTest {
 protected:
  MigrateForeignTest() { open(); }
  std::string place(const std::string& name) const { return (folder_ / name).string(); }
  std::string csv(const std::string& sql) {
    std::string text = db_.query(sql).value().to_csv();
    std::erase(text, '\r');
    return text;
  }
};

// --- SQLite ---------------------------------------------------------------------------------------------------------

class MigrateSqliteTest : public MigrateForeignTest {
 protected:
  void SetUp() override {
    sqlite("CREATE TABLE probe(x)");
    const auto built = migrate_to_hybrid(file_, db_, "probe");
    if (!built && built.error().code() == ErrorCode::unsupported) GTEST_SKIP() << "built without SQLite";
    sqlite("DROP TABLE probe");
  }
  void sqlite(const std::string& sql) {
    sqlite3* db = nullptr;
    ASSERT_EQ(sqlite3_open(file_.c_str(), &db), SQLITE_OK);
    char* why = nullptr;
    EXPECT_EQ(sqlite3_exec(db, sql.c_str(), nullptr, nullptr, &why), SQLITE_OK)
        << (why == nullptr ? "" : why);
    sqlite3_free(why);
    sqlite3_close(db);
  }
  const std::string file_ = place("shop.db");
};

TEST_F(MigrateSqliteTest, ColumnsKeyAndValuesComeAlong) {
  sqlite(
      "CREATE TABLE \"my orders\"(n INTEGER NOT NULL, shop TEXT NOT NULL, at TIMESTAMP, day DATE, paid "
      "BOOLEAN, "
      "price DECIMAL(10,2), note VARCHAR(20), raw BLOB, \"any\", PRIMARY KEY (shop, n));"
      "INSERT INTO \"my orders\" VALUES (1, 'x', '2001-02-03 04:05:06', '2001-02-03', 1, 5, 'a', x'00ff', 1),"
      "(2, 'x', 981173106, NULL, 0, 2.5, NULL, NULL, 'two');");
  const auto done = migrate_to_hybrid(file_, db_, "orders").value();
  EXPECT_EQ(done.rows, 2U);
  EXPECT_EQ(db_.table("orders").value().schema().to_string(),
            "n i64 not null, shop utf8 not null, at timestamp, day date, paid bool, price f64, note utf8, "
            "raw binary, "
            "any utf8");
  EXPECT_EQ(csv("SELECT n, at, day, paid, price, note, any FROM orders ORDER BY n"),
            "n,at,day,paid,price,note,any\n"
            "1,2001-02-03T04:05:06.000000Z,2001-02-03,true,5,a,1\n"
            "2,2001-02-03T04:05:06.000000Z,,false,2.5,,two\n");
  const Row row = db_.table("orders").value().get({Value("x"), Value(std::int64_t{1})}).value().value();
  EXPECT_EQ(row["raw"].as_bytes(), std::string("\0\xff", 2));
}

TEST_F(MigrateSqliteTest, OneOfSeveralTablesIsNamed) {
  sqlite(
      "CREATE TABLE a(id INTEGER PRIMARY KEY); CREATE TABLE b(x); CREATE VIEW v AS SELECT id * 2 AS y FROM a;"
      "INSERT INTO a VALUES (1), (2)");
  const auto which = migrate_to_hybrid(file_, db_, "t");
  EXPECT_EQ(which.error().code(), ErrorCode::invalid_argument);
  EXPECT_NE(which.error().message().find("a, b"), std::string::npos) << which.error().message();
  EXPECT_EQ(migrate_to_hybrid(file_, db_, "t", {.table = "c"}).error().code(), ErrorCode::not_found);
  EXPECT_FALSE(db_.table("t"));
  migrate_to_hybrid(file_, db_, "t", {.table = "a"}).value();
  EXPECT_EQ(csv("SELECT * FROM t ORDER BY id"), "id\n1\n2\n");
  migrate_to_hybrid(file_, db_, "v", {.table = "v"}).value();
  EXPECT_EQ(csv("SELECT * FROM v ORDER BY y"), "y\n2\n4\n");
  migrate_to_hybrid(file_, db_, "empty", {.table = "b"}).value();
  EXPECT_EQ(csv("SELECT * FROM empty"), "x\n");
}

TEST_F(MigrateSqliteTest, ManyRowsComeInBatchesAndAMisfitStopsWithItsRow) {
  sqlite(
      "CREATE TABLE t(id INTEGER PRIMARY KEY, x INT);"
      "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 12000) "
      "INSERT INTO t SELECT i, i * 3 FROM n");
  const auto done = migrate_to_hybrid(file_, db_, "good", {.batch_rows = 5'000}).value();
  EXPECT_EQ(done.rows, 12'000U);
  EXPECT_EQ(done.commits, 3U);
  EXPECT_EQ(csv("SELECT count(*) AS n, sum(x) AS s FROM good"), "n,s\n12000,216018000\n");
  sqlite("UPDATE t SET x = 'odd' WHERE id = 11000");
  const auto stopped = migrate_to_hybrid(file_, db_, "bad", {.batch_rows = 5'000});
  ASSERT_FALSE(stopped);
  EXPECT_NE(stopped.error().message().find("row 11000, column \"x\""), std::string::npos)
      << stopped.error().message();
  EXPECT_NE(stopped.error().message().find("10000 rows in 2 commits"), std::string::npos);
}

TEST_F(MigrateSqliteTest, GeneratedColumnsComeAlong) {
  sqlite(
      "CREATE TABLE t(id INTEGER PRIMARY KEY, a INT, twice INT GENERATED ALWAYS AS (a * 2) VIRTUAL, half "
      "REAL AS "
      "(a / 2.0) STORED); INSERT INTO t(id, a) VALUES (1, 3), (2, 5)");
  migrate_to_hybrid(file_, db_, "t").value();
  EXPECT_EQ(csv("SELECT id, a, twice, half FROM t ORDER BY id"), "id,a,twice,half\n1,3,6,1.5\n2,5,10,2.5\n");
}

TEST_F(MigrateSqliteTest, KeysThatBecomeEqualAreSaid) {
  sqlite(
      "CREATE TABLE t(k PRIMARY KEY, x INT); INSERT INTO t VALUES (1, 10), ('1', 20), ('two', 30), (2.5, "
      "40)");
  const auto equal = migrate_to_hybrid(file_, db_, "t");
  ASSERT_FALSE(equal);
  EXPECT_EQ(equal.error().code(), ErrorCode::invalid_argument);
  EXPECT_NE(equal.error().message().find("1 rows have the key of another"), std::string::npos)
      << equal.error().message();
  sqlite("CREATE TABLE twice(k INT, x INT); INSERT INTO twice VALUES (1, 10), (1, 20), (2, 30)");
  const auto chosen = migrate_to_hybrid(file_, db_, "chosen", {.key = {"k"}, .table = "twice"});
  EXPECT_EQ(chosen.value().rows, 3U);
  EXPECT_EQ(chosen.value().replaced, 1U);
  EXPECT_EQ(csv("SELECT k, x FROM chosen ORDER BY k"), "k,x\n1,20\n2,30\n");
}

TEST_F(MigrateSqliteTest, AFileIsReadInPlace) {
  sqlite("CREATE TABLE t(id INTEGER PRIMARY KEY, x REAL); INSERT INTO t VALUES (1, 0.5), (2, 1)");
  EXPECT_EQ(csv("SELECT sum(x) AS s FROM '" + file_ + "'"), "s\n1.5\n");
}

// --- LMDB -----------------------------------------------------------------------------------------------------------

class MigrateLmdbTest : public MigrateForeignTest {
 protected:
  using Entries = std::vector<std::pair<std::string, std::string>>;
  /// Adds entries to a database of the environment; name "": its own.
  void put(const std::string& name, unsigned flags, const Entries& entries, unsigned env_flags = 0) {
    if (env_flags == 0) std::filesystem::create_directories(env_);
    MDB_env* env = nullptr;
    ASSERT_EQ(mdb_env_create(&env), 0);
    mdb_env_set_maxdbs(env, 8);
    ASSERT_EQ(mdb_env_open(env, env_.c_str(), env_flags, 0600), 0);
    MDB_txn* txn = nullptr;
    MDB_dbi dbi = 0;
    ASSERT_EQ(mdb_txn_begin(env, nullptr, 0, &txn), 0);
    ASSERT_EQ(mdb_dbi_open(txn, name.empty() ? nullptr : name.c_str(), flags, &dbi), 0);
    for (auto [key, value] : entries) {
      MDB_val k{key.size(), key.data()}, v{value.size(), value.data()};
      ASSERT_EQ(mdb_put(txn, dbi, &k, &v, 0), 0);
    }
    ASSERT_EQ(mdb_txn_commit(txn), 0);
    mdb_env_close(env);
  }
  static std::string number(std::uint64_t n) { return {reinterpret_cast<const char*>(&n), sizeof n}; }
  std::string env_ = place("kv");
};

TEST_F(MigrateLmdbTest, KeysAndValuesAreBinaryColumns) {
  put("", 0, {{"b", "2"}, {"a", std::string("1\0x", 3)}, {"c", ""}});
  const auto done = migrate_to_hybrid(env_, db_, "kv", {.batch_rows = 2}).value();
  EXPECT_EQ(done.rows, 3U);
  EXPECT_EQ(done.commits, 2U);
  HybridTable t = db_.table("kv").value();
  EXPECT_EQ(t.schema().to_string(), "key binary not null, value binary not null");
  const auto value_of = [&](const std::string& key) {
    return t.get({Value::of_bytes(TypeId::binary, key)}).value().value()["value"].as_bytes();
  };
  EXPECT_EQ(value_of("a"), std::string("1\0x", 3));
  EXPECT_EQ(value_of("b"), "2");
  EXPECT_EQ(value_of("c"), "");
}

TEST_F(MigrateLmdbTest, NamedDatabasesNumbersAndSeveralValuesAKey) {
  put("numbers", MDB_CREATE | MDB_INTEGERKEY, {{number(300), "c"}, {number(2), "b"}});
  migrate_to_hybrid(env_, db_, "only").value();
  EXPECT_EQ(csv("SELECT key FROM only ORDER BY key"), "key\n2\n300\n");
  put("several", MDB_CREATE | MDB_DUPSORT, {{"k", "1"}, {"k", "2"}});
  const auto which = migrate_to_hybrid(env_, db_, "t");
  EXPECT_EQ(which.error().code(), ErrorCode::invalid_argument);
  EXPECT_NE(which.error().message().find("numbers, several"), std::string::npos) << which.error().message();
  EXPECT_EQ(migrate_to_hybrid(env_, db_, "t", {.table = "none"}).error().code(), ErrorCode::not_found);
  EXPECT_EQ(migrate_to_hybrid(env_, db_, "t", {.table = "several"}).value().rows, 2U);
  EXPECT_EQ(count(db_.table("t").value()), 2);
  EXPECT_TRUE(db_.table("t").value().schema().has_row_key());
}

TEST_F(MigrateLmdbTest, AFileThatWasCutIsRefusedNotMapped) {
  Entries many;
  for (std::uint64_t i = 0; i < 500; ++i) many.emplace_back(number(i), std::string(1'000, 'x'));
  put("", 0, many);
  const std::string file = env_ + "/data.mdb";
  const auto whole = std::filesystem::file_size(file);
  EXPECT_EQ(migrate_to_hybrid(env_, db_, "whole").value().rows, 500U);
  for (const auto left :
       {whole - 1, whole / 2, std::uintmax_t{3 * 4'096}, std::uintmax_t{4'096 + 100}, std::uintmax_t{200}}) {
    std::filesystem::resize_file(file, left);
    const auto cut = migrate_to_hybrid(env_, db_, "cut");
    ASSERT_FALSE(cut) << left;
    EXPECT_EQ(cut.error().code(), ErrorCode::corrupt);
    EXPECT_NE(cut.error().message().find("shorter than it says"), std::string::npos) << cut.error().message();
  }
}

TEST_F(MigrateLmdbTest, AFileWithoutAFolder) {
  env_ = place("single.mdb");
  put("", 0, {{"k", "v"}}, MDB_NOSUBDIR);
  EXPECT_EQ(migrate_to_hybrid(env_, db_, "t").value().rows, 1U);
}

TEST_F(MigrateLmdbTest, FirnsOwnFilesAreNoSource) {
  table("mine").write(events(1, 3)).value();
  std::string hot;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_))
    if (entry.path().filename() == "data.mdb") hot = entry.path().parent_path().string();
  ASSERT_FALSE(hot.empty());
  EXPECT_EQ(migrate_to_hybrid(hot, db_, "t").error().code(), ErrorCode::invalid_argument);
}

}  // namespace
}  // namespace firn::testing
