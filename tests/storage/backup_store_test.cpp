// A table's copy on another disk: what a power cut leaves of it, what a failing disk does to it.
#include <gtest/gtest.h>

#include "io/sim_disk.hpp"
#include "storage/table_store.hpp"
#include "tests/storage/model_table.hpp"

namespace firn::storage {
namespace {

using io::SimDisk;

class BackupStoreTest : public ::testing::Test {
 protected:
  BackupStoreTest() {
    options_.clock = std::make_shared<io::ManualClock>();
    options_.hot_map_bytes = std::size_t{4} << 20;
    store_ = TableStore::create(disk_, "t", "events", 7, schema_, {}, options_).value();
    write(1, 3'000, "cold");
    move(StorageTier::cold);
    write(2'000, 2'000, "warm");
    write(1, 50, "hot");
  }
  void write(std::uint64_t first, std::uint64_t count, const std::string& text) {
    BatchBuilder b(schema_);
    for (std::uint64_t i = first; i < first + count; ++i) b.append(i, text);
    store_->commit_one(model::upsert_of(*store_, b.finish().value()).value()).value();
  }
  void move(StorageTier to) {
    while (const auto order = store_->next_job_towards(to)) store_->run_job(*order).value();
  }
  static std::string all_rows(TableStore& store) {
    const Query q = parse_query("SELECT id, text FROM t ORDER BY id").value();
    const Batch rows = store.query(q, store.snapshot().value()).value();
    std::string text;
    for (std::size_t i = 0; i < static_cast<std::size_t>(rows.rows()); ++i)
      text += rows[0].value_at(i).to_string() + rows[1].value_at(i).to_string() + "\n";
    return text;
  }

  const Schema schema_ = Schema::parse("id u64, text utf8", {.key = {"id"}}).value();
  std::shared_ptr<SimDisk> disk_ = std::make_shared<SimDisk>();
  StoreOptions options_;
  std::unique_ptr<TableStore> store_;
};

// A map that must grow waits for all read transactions: none may be held while bytes go to the target.
TEST_F(BackupStoreTest, WritersOfAFullMapDoNotWaitForASlowTarget) {
  SimDisk to;
  bool written = false;
  const std::string promised = all_rows(*store_);
  to.set_fault([&](io::SimOp op, const std::string&, std::uint64_t) -> std::optional<Error> {
    if (op != io::SimOp::write || std::exchange(written, true)) return std::nullopt;
    for (std::uint64_t i = 0; i < 12; ++i) write(10'000 + 800 * i, 800, std::string(800, 'x'));  // 7 MiB of 4
    return std::nullopt;
  });
  store_->backup(to, "copy/t", {}).value();
  EXPECT_TRUE(written);
  EXPECT_EQ(all_rows(*TableStore::open(to.cut(io::CutPolicy::lose, 1), "copy/t", options_).value()),
            promised);
}

TEST_F(BackupStoreTest, APowerCutLosesNothingOfIt) {
  const std::string promised = all_rows(*store_);
  SimDisk to;
  const CopyCounts counts = store_->backup(to, "copy/t", {}).value();
  EXPECT_GE(counts.files, 4u);
  for (const io::CutPolicy policy : io::kCutPolicies) {
    const std::shared_ptr<SimDisk> image = to.cut(policy, 1);
    const auto copy = TableStore::open(image, "copy/t", options_);
    ASSERT_TRUE(copy) << copy.error().message();
    EXPECT_EQ(all_rows(**copy), promised);
    EXPECT_TRUE((*copy)->verify(true).value().empty());
  }
}

TEST_F(BackupStoreTest, ALyingDiskIsNoticedByThisTest) {
  SimDisk to;
  to.lie_about_sync(true);
  ASSERT_TRUE(store_->backup(to, "copy/t", {}));
  const std::shared_ptr<SimDisk> image = to.cut(io::CutPolicy::lose, 1);
  EXPECT_FALSE(TableStore::open(image, "copy/t", options_));
}

TEST_F(BackupStoreTest, AFailureAtAnyOperationIsAnErrorAndHarmsNobody) {
  const std::string before = all_rows(*store_);
  for (std::uint64_t n = 1;; ++n) {
    SimDisk to;
    to.fail_at(n, n % 2 == 0 ? SimDisk::Failure::io : SimDisk::Failure::full);
    const auto made = store_->backup(to, "copy/t", {});
    if (made) {
      EXPECT_GT(n, 15u);
      break;
    }
    const ErrorCode code = made.error().code();
    EXPECT_TRUE(code == ErrorCode::io || code == ErrorCode::full) << made.error().message();
    // The identity comes last: what was cut short is no table, unless only its last sync failed.
    const auto opened =
        TableStore::open(std::shared_ptr<SimDisk>(to.cut(io::CutPolicy::lose, n)), "copy/t", options_);
    EXPECT_FALSE(opened) << n;
  }
  write(9'000, 1, "after");
  EXPECT_EQ(all_rows(*store_), before + "9000after\n");
}

TEST_F(BackupStoreTest, AFullDestinationStopsIt) {
  SimDisk to;
  to.set_capacity(100'000);
  const auto made = store_->backup(to, "copy/t", {});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code(), ErrorCode::full);
}

TEST_F(BackupStoreTest, DamagedSourceBytesAreNamedWithFileAndOffset) {
  const RowFileInfo cold = store_->files().front().info;
  ASSERT_EQ(cold.tier, StorageTier::cold);
  const std::uint8_t byte[] = {0x5a};
  disk_->damage("t/" + cold.path, cold.offset + cold.length / 2, byte).value();
  SimDisk to;
  const auto made = store_->backup(to, "copy/t", {});
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code(), ErrorCode::corrupt);
  EXPECT_NE(made.error().message().find(cold.path), std::string::npos) << made.error().message();
}

TEST_F(BackupStoreTest, EndsWhenAskedTo) {
  const std::atomic<bool> stop = true;
  ExecutionLimits limits;
  limits.stopped = &stop;
  SimDisk to;
  EXPECT_EQ(store_->backup(to, "copy/t", limits).error().code(), ErrorCode::cancelled);
}

}  // namespace
}  // namespace firn::storage
