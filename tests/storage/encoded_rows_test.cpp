// Rows that their writer encoded before their commit: the same rows as a commit encodes, whatever happened in between.
#include <gtest/gtest.h>

#include "io/sim_disk.hpp"
#include "tests/storage/store_fixture.hpp"

namespace firn::storage {
namespace {

class EncodedRowsTest : public model::MadeStore {
 protected:
  using Rows = std::vector<std::pair<std::string, std::int64_t>>;
  void SetUp() override { make(Schema::parse("id utf8, a i64", {.key = {"id"}}).value()); }

  Batch batch(const Rows& rows) const {
    BatchBuilder b(store->schema());
    for (const auto& [id, a] : rows) b.append_row({Value(id), Value(a)});
    return b.finish().value();
  }
  WriteRequest encoded(const Rows& rows) const {
    WriteRequest r;
    r.rows = batch(rows);
    r.encoded = store->encode(r.rows).value();
    EXPECT_TRUE(r.encoded);
    return r;
  }
  void alter(const std::string& text) {
    WriteRequest r;
    r.kind = WriteRequest::Kind::alter;
    r.change = parse_alter(text).value().change;
    store->commit_one(std::move(r)).value();
  }
  std::string row(const std::string& id) const {
    const auto values = store->get(store->snapshot().value(), Key{Value(id)}).value();
    std::string text;
    if (values)
      for (const Value& v : *values) text += v.to_string() + " ";
    return text;
  }
};

TEST_F(EncodedRowsTest, AreTheRowsThatWereGiven) {
  const CommitInfo done = store->commit_one(encoded({{"b", 1}, {"a", 2}, {"b", 3}})).value();
  EXPECT_EQ(done.rows, 3U);
  EXPECT_EQ(done.tier, StorageTier::hot);
  EXPECT_EQ(row("a"), "a 2 ");
  EXPECT_EQ(row("b"), "b 3 ") << "the later row of a key wins";
  kill();
  EXPECT_EQ(row("a"), "a 2 ");
  EXPECT_EQ(row("b"), "b 3 ");
}

TEST_F(EncodedRowsTest, AreEncodedAgainIfTheSchemaChangedMeanwhile) {
  WriteRequest before = encoded({{"a", 1}});
  alter("ADD n i64 NOT NULL DEFAULT 7");
  store->commit_one(std::move(before)).value();
  EXPECT_EQ(row("a"), "a 1 7 ");
  kill();
  EXPECT_EQ(row("a"), "a 1 7 ");
}

TEST_F(EncodedRowsTest, AreNotOfAnEarlierSchema) {
  const Batch before = batch({{"a", 1}});
  alter("ADD n i64");
  EXPECT_FALSE(store->encode(before).value());
}

TEST_F(EncodedRowsTest, AreRefusedForAConditionLikeOthers) {
  store->commit_one(encoded({{"b", 1}})).value();
  WriteRequest insert = encoded({{"a", 2}, {"b", 2}});
  insert.mode = WriteMode::insert;
  EXPECT_EQ(store->commit_one(std::move(insert)).error().code(), ErrorCode::already_exists);
  EXPECT_EQ(row("a"), "");
  EXPECT_EQ(row("b"), "b 1 ");
}

TEST_F(EncodedRowsTest, AKeyThatIsTooLongNamesItsRow) {
  const Result<std::optional<EncodedRows>> refused =
      store->encode(batch({{"a", 1}, {std::string(600, 'k'), 2}}));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::invalid_argument);
  EXPECT_NE(refused.error().message().find("row 1"), std::string::npos) << refused.error().message();
}

TEST_F(EncodedRowsTest, RowsThatTheirCommitNumbersWaitForIt) {
  make(Schema::parse("a i64").value());
  BatchBuilder b(store->schema());
  b.append_row({Value(std::int64_t{1})});
  EXPECT_FALSE(store->encode(b.finish().value()).value());
}

}  // namespace
}  // namespace firn::storage
