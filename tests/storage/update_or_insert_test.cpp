// Updates that insert the rows that are not there: what such a row holds, and when it is refused.
#include <gtest/gtest.h>

#include "io/sim_disk.hpp"
#include "tests/storage/store_fixture.hpp"

namespace firn::storage {
namespace {

class UpdateOrInsertTest : public model::MadeStore {
 protected:
  void SetUp() override {
    make(Schema::parse("id u64, ts timestamp, a i32, n i64 not null default 5, t utf8",
                       {.key = {"id"}, .time = "ts"})
             .value());
  }

  // --- verbs ---
  using Rows = std::vector<std::pair<std::uint64_t, Value>>;
  /// Rows of the key and one more column.
  static Batch pairs(const std::string& column, const Rows& rows) {
    BatchBuilder b(Schema::parse("id u64, " + column, {.key = {"id"}}).value());
    for (const auto& [id, v] : rows) b.append_row({Value(id), v});
    return b.finish().value();
  }
  static WriteRequest request(const std::string& column, const Rows& rows) {
    WriteRequest r;
    r.mode = WriteMode::update_or_insert;
    r.rows = pairs(column, rows);
    return r;
  }
  Result<CommitInfo> set(const std::string& column, const Rows& rows) {
    return store->commit_one(request(column, rows));
  }
  void write(std::uint64_t first, std::uint64_t count) {
    BatchBuilder b(store->schema());
    for (std::uint64_t id = first; id < first + count; ++id)
      b.append_row(
          {Value(id), Value(Timestamp{1}), Value(std::int32_t{1}), Value(std::int64_t{1}), Value("old")});
    store->commit_one(model::upsert_of(*store, b.finish().value()).value()).value();
  }
  void remove(std::uint64_t id) {
    WriteRequest r;
    r.kind = WriteRequest::Kind::remove_keys;
    r.remove_keys.push_back(encode_key(store->schema(), Key{Value(id)}).value());
    store->commit_one(std::move(r)).value();
  }
  void alter(const std::string& text) {
    WriteRequest r;
    r.kind = WriteRequest::Kind::alter;
    r.change = parse_alter(text).value().change;
    store->commit_one(std::move(r)).value();
  }
  void settle(StorageTier to) {
    while (const auto order = store->next_job_towards(to)) store->run_job(*order).value();
  }
  std::uint64_t now() { return store->snapshot().value().csn().value; }
  std::string row(std::uint64_t id) {
    const auto values = store->get(store->snapshot().value(), Key{Value(id)}).value();
    std::string text;
    if (values)
      for (const Value& v : *values)
        text += (text.empty() ? "" : " ") + (v.is_null() ? "NULL" : v.to_string());
    return text;
  }
  static Value i32(std::int32_t v) { return Value(v); }
};

TEST_F(UpdateOrInsertTest, AMissingRowTakesDefaultsAndNullAndAnotherKeepsItsColumns) {
  write(1, 1);
  const CommitInfo info = set("a i32", {{1, i32(10)}, {2, i32(20)}}).value();
  EXPECT_EQ(info.rows, 2U);
  EXPECT_EQ(row(1), "1 1970-01-01T00:00:00.000001Z 10 1 old");
  EXPECT_EQ(row(2), "2 NULL 20 5 NULL");
  kill();
  EXPECT_EQ(row(2), "2 NULL 20 5 NULL");
}

TEST_F(UpdateOrInsertTest, KeysAreFoundInEveryTierAndDeletedOnesAreNot) {
  write(0, 150);
  settle(StorageTier::cold);
  write(1'000, 150);  // a warm block
  write(2'000, 10);   // hot
  for (const std::uint64_t id : {5, 1'005, 2'005}) remove(id);
  const std::uint64_t before = now();
  const Rows rows = {{4, i32(7)},     {5, i32(7)},     {1'004, i32(7)}, {1'005, i32(7)},
                     {2'004, i32(7)}, {2'005, i32(7)}, {9'999, i32(7)}};
  set("a i32", rows).value();
  const auto check = [&] {
    for (const std::uint64_t id : {4, 1'004, 2'004})
      EXPECT_EQ(row(id), std::to_string(id) + " 1970-01-01T00:00:00.000001Z 7 1 old");
    for (const std::uint64_t id : {5, 1'005, 2'005, 9'999})
      EXPECT_EQ(row(id), std::to_string(id) + " NULL 7 5 NULL");
    std::string kinds;
    const Batch changes = store->changes({Csn{before}, Csn{before + 1}, false, 0}).value().rows;
    for (std::size_t i = 0; i < rows.size(); ++i) kinds += changes[2].value_at(i).to_string() + " ";
    EXPECT_EQ(kinds, "update insert update insert update insert insert ");
  };
  check();
  settle(StorageTier::warm);
  check();
  settle(StorageTier::cold);
  check();
}

TEST_F(UpdateOrInsertTest, AColumnThatNeedsAValueRefusesTheBatchNamingColumnAndKey) {
  make(Schema::parse("id u64, a i32, t utf8 not null", {.key = {"id"}}).value());
  set("t utf8", {{1, Value("x")}}).value();
  const std::uint64_t before = now();
  const auto refused = set("a i32", {{1, i32(1)}, {42, i32(1)}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::invalid_argument);
  EXPECT_NE(refused.error().message().find("column t "), std::string::npos) << refused.error().message();
  EXPECT_NE(refused.error().message().find("key 42 "), std::string::npos) << refused.error().message();
  EXPECT_EQ(now(), before);
  EXPECT_EQ(row(1), "1 NULL x");
  set("a i32", {{1, i32(1)}}).value();
  EXPECT_EQ(row(1), "1 1 x");
}

TEST_F(UpdateOrInsertTest, OfSeveralRowsOfANewKeyTheLastOneStays) {
  const std::uint64_t before = now();
  set("a i32", {{3, i32(1)}, {4, i32(9)}, {3, i32(2)}, {3, Value()}}).value();
  EXPECT_EQ(row(3), "3 NULL NULL 5 NULL");
  EXPECT_EQ(store->changes({Csn{before}, std::nullopt, false, 0}).value().rows.rows(), 2);
}

TEST_F(UpdateOrInsertTest, ARepeatedTokenInsertsNothing) {
  const auto again = [&] {
    WriteRequest r = request("a i32", {{1, i32(1)}});
    r.token = WriteToken{"p", 1};
    return store->commit_one(std::move(r)).value();
  };
  const CommitInfo first = again();
  remove(1);
  EXPECT_TRUE(again().repeated);
  EXPECT_EQ(row(1), "");
  kill();
  EXPECT_EQ(again().csn, first.csn);
  EXPECT_EQ(row(1), "");
}

TEST_F(UpdateOrInsertTest, DefaultsAreThoseInForceAndColumnsAreFoundByFormerNames) {
  alter("ADD x i64 NOT NULL DEFAULT 7");
  alter("RENAME a TO b");
  alter("DROP t");
  set("a i32", {{1, i32(3)}}).value();
  EXPECT_EQ(row(1), "1 NULL 3 5 7");
  set("x i64", {{2, Value(std::int64_t{8})}}).value();
  EXPECT_EQ(row(2), "2 NULL NULL 5 8");
  EXPECT_EQ(set("t utf8", {{3, Value("x")}}).error().code(), ErrorCode::not_found);
}

TEST_F(UpdateOrInsertTest, ADeletionCountsAsAChangeOfItsKey) {
  write(1, 1);
  const std::uint64_t before = now();
  remove(1);
  WriteRequest r = request("a i32", {{1, i32(1)}});
  r.if_unchanged_since = Csn{before};
  EXPECT_EQ(store->commit_one(std::move(r)).error().code(), ErrorCode::conflict);
}

TEST_F(UpdateOrInsertTest, RequestsOfOneGroupSeeEachOther) {
  std::vector<WriteRequest> group;
  group.push_back(request("a i32", {{1, i32(1)}}));
  group.push_back(request("t utf8", {{1, Value("x")}}));
  for (const auto& answer : store->commit(group)) ASSERT_TRUE(answer);
  EXPECT_EQ(row(1), "1 NULL 1 5 x");
}

TEST_F(UpdateOrInsertTest, ATableWithoutAKeyNumbersItsRowsItself) {
  make(Schema::parse("a i32").value());
  const std::uint64_t before = now();
  WriteRequest r;
  r.mode = WriteMode::update_or_insert;
  ColumnBuilder a(TypeId::i32), number(TypeId::u64);
  a.append(i32(1)).value();
  number.append(Value(std::uint64_t{77})).value();
  r.rows = Batch(store->schema(), 1, {a.finish(), number.finish()});
  const auto refused = store->commit_one(std::move(r));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::invalid_argument);
  EXPECT_EQ(now(), before);
}

}  // namespace
}  // namespace firn::storage
