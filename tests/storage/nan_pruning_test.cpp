// NaN is above all numbers: `x > 5` holds for it. A zone map whose greatest number is 3 must not hide the NaN beside it,
// in whatever tier the row lies.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "io/sim_disk.hpp"
#include "storage/table_store.hpp"

namespace firn::storage {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

class NanPruningTest : public ::testing::TestWithParam<StorageTier> {
 protected:
  void SetUp() override {
    options.clock = std::make_shared<io::ManualClock>();
    HybridTableConfig config;
    config.small_write_rows = 10'000;
    store = TableStore::create(disk, "t", "events", 7, schema, config, options).value();
  }
  void fill(const std::vector<double>& values) {
    BatchBuilder b(schema);
    std::uint64_t id = 0;
    for (const double v : values) b.append(id++, v, static_cast<float>(v));
    WriteRequest r;
    r.rows = b.finish().value();
    store->commit_one(std::move(r)).value();
    if (GetParam() == StorageTier::hot) return;
    while (const auto order = store->next_job_towards(GetParam())) store->run_job(*order).value();
    ASSERT_EQ(store->stats().value().hot.rows, 0U);
  }
  std::int64_t count(const std::string& where) {
    const auto rows =
        store->query(parse_query("SELECT id FROM t WHERE " + where).value(), store->snapshot().value());
    return rows.value().rows();
  }

  Schema schema = Schema::parse("id u64, x f64, y f32", {.key = {"id"}}).value();
  std::shared_ptr<io::SimDisk> disk = std::make_shared<io::SimDisk>();
  StoreOptions options;
  std::unique_ptr<TableStore> store;
};

TEST_P(NanPruningTest, AGreatestNumberDoesNotHideANan) {
  fill({1, 2, 3, kNan, -4});
  for (const char* column : {"x", "y"}) {
    const std::string c = column;
    EXPECT_EQ(count(c + " > 5"), 1) << c;
    EXPECT_EQ(count(c + " >= 5"), 1) << c;
    EXPECT_EQ(count(c + " > 2.5"), 2) << c;
    EXPECT_EQ(count(c + " < -5"), 0) << c;
    EXPECT_EQ(count(c + " <= 3"), 4) << c;
    EXPECT_EQ(count(c + " BETWEEN 4 AND 9"), 0) << c;
    EXPECT_EQ(count("NOT " + c + " <= 3"), 1) << c;
  }
  const Batch extremes =
      store->query(parse_query("SELECT min(x), max(x) FROM t").value(), store->snapshot().value()).value();
  EXPECT_EQ(extremes[0].value_at(0).to_f64(), -4);
  EXPECT_TRUE(std::isnan(extremes[1].value_at(0).to_f64()));
}

TEST_P(NanPruningTest, NothingButNan) {
  fill({kNan, kNan, -kNan});
  for (const char* column : {"x", "y"}) {
    const std::string c = column;
    EXPECT_EQ(count(c + " > 5"), 3) << c;
    EXPECT_EQ(count(c + " < 5"), 0) << c;
    EXPECT_EQ(count(c + " = 5"), 0) << c;
  }
}

TEST_P(NanPruningTest, NanAsTheFirstAndTheLastValue) {
  fill({kNan, 1, 2});
  EXPECT_EQ(count("x < 2"), 1);
  EXPECT_EQ(count("x > 100"), 1);
  EXPECT_EQ(count("x > -1"), 3);
}

INSTANTIATE_TEST_SUITE_P(Tiers, NanPruningTest,
                         ::testing::Values(StorageTier::hot, StorageTier::warm, StorageTier::cold));

/// A float key prunes files by its range before they are opened.
TEST(NanKeyTest, AFileIsNotPrunedByAKeyThatIsNan) {
  const Schema schema = Schema::parse("x f64, v i64", {.key = {"x"}}).value();
  StoreOptions options;
  options.clock = std::make_shared<io::ManualClock>();
  auto store =
      TableStore::create(std::make_shared<io::SimDisk>(), "t", "events", 7, schema, {}, options).value();
  BatchBuilder b(schema);
  for (const double x : {-1.0, 0.0, 3.0, kNan}) b.append(x, std::int64_t{1});
  WriteRequest r;
  r.rows = b.finish().value();
  store->commit_one(std::move(r)).value();
  const auto count = [&](const std::string& where) {
    return store->query(parse_query("SELECT v FROM t WHERE " + where).value(), store->snapshot().value())
        .value()
        .rows();
  };
  for (const StorageTier to : {StorageTier::hot, StorageTier::warm, StorageTier::cold}) {
    if (to != StorageTier::hot)
      while (const auto order = store->next_job_towards(to)) store->run_job(*order).value();
    EXPECT_EQ(count("x > 5"), 1) << name_of(to);
    EXPECT_EQ(count("x < 0"), 1) << name_of(to);
    EXPECT_EQ(count("x >= -0.0 AND x <= 3"), 2) << name_of(to);
    EXPECT_EQ(count("x < -5"), 0) << name_of(to);
  }
}

}  // namespace
}  // namespace firn::storage
