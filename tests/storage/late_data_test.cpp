// Weeks of virtual time with rows that come up to a year late: they are placed by the age of their commit, what lies settled
// stays untouched, and the device is written a bounded number of times for each byte that came.
#include <gtest/gtest.h>

#include <random>

#include "io/sim_disk.hpp"
#include "storage/table_store.hpp"
#include "tests/scale.hpp"

namespace firn::storage {
namespace {

constexpr std::int64_t kHour = 3'600'000'000;
constexpr int kRowsAnHour = 150;
constexpr std::uint64_t kSegmentRows = 10'000;
constexpr double kWriteAmplificationMax = 12;

enum class KeyOrder : std::uint8_t { id, event_time };

class LateTable {
 public:
  LateTable(KeyOrder order, int late_percent)
      : schema_(Schema::parse("id u64, ts timestamp, device utf8, value f64",
                              order == KeyOrder::id ? SchemaOptions{.key = {"id"}, .time = "ts"}
                                                    : SchemaOptions{.key = {"ts", "id"}, .time = "ts"})
                    .value()),
        late_percent_(late_percent) {
    StoreOptions options;
    options.clock = clock_;
    options.segment_rows = kSegmentRows;
    store_ = TableStore::create(disk_, "t", "t", 1, schema_, {}, options).value();
  }

  /// Rows of each hour, and what is due after it. A checkpoint a day, as a full log would ask for.
  void live(int hours) {
    for (int h = 0; h < hours; ++h) {
      clock_->advance_us(kHour);
      write();
      for (int jobs = 0; jobs < 100; ++jobs) {
        const auto order = store_->next_job();
        if (!order) break;
        store_->run_job(*order).value();
        files_max_ = std::max(files_max_, store_->files().size());
      }
      EXPECT_FALSE(store_->next_job()) << "there is always a next job";
      if (h % 24 == 0) store_->checkpoint().value();
      if (h % 24 == 0) store_->expire().value();
      look();
    }
  }
  TableStore& store() { return *store_; }
  std::uint64_t written() const { return rows_; }
  std::size_t files_max() const { return files_max_; }
  /// Full segments that were rewritten though none of their rows changed.
  std::size_t disturbed() const { return disturbed_; }
  std::size_t settled() const { return settled_.size(); }
  double amplification() {
    const StoreStats s = store_->stats().value();
    return static_cast<double>(s.bytes_written) / static_cast<double>(s.bytes_ingested);
  }

 private:
  void write() {
    BatchBuilder rows(schema_);
    for (int i = 0; i < kRowsAnHour; ++i) {
      std::int64_t ts = clock_->now().us - static_cast<std::int64_t>(rng_() % kHour);
      if (static_cast<int>(rng_() % 100) < late_percent_)
        ts -= static_cast<std::int64_t>(rng_() % (365 * 24)) * kHour;
      rows.append(++rows_, Timestamp{ts}, "device-" + std::to_string(rng_() % 50),
                  static_cast<double>(rng_() % 1'000) / 8);
    }
    WriteRequest r;
    r.rows = rows.finish().value();
    store_->commit_one(std::move(r)).value();
  }
  void look() {
    std::set<std::uint64_t> now;
    for (const FileView& f : store_->files())
      if (f.info.tier == StorageTier::cold && f.info.rows > kSegmentRows / 2) now.insert(f.info.id);
    for (const std::uint64_t id : settled_)
      if (!now.contains(id)) ++disturbed_;
    settled_ = std::move(now);
  }

  Schema schema_;
  int late_percent_;
  std::mt19937_64 rng_{11};
  std::shared_ptr<io::ManualClock> clock_ = std::make_shared<io::ManualClock>();
  std::shared_ptr<io::SimDisk> disk_ = std::make_shared<io::SimDisk>();
  std::unique_ptr<TableStore> store_;
  std::uint64_t rows_ = 0;
  std::size_t files_max_ = 0, disturbed_ = 0;
  std::set<std::uint64_t> settled_;
};

class LateDataTest : public ::testing::TestWithParam<KeyOrder> {};

TEST_P(LateDataTest, LateRowsRewriteNothingThatLiesSettled) {
  const int hours = std::max(24 * 21, testing::scaled(24 * 7 * 5));
  LateTable late(GetParam(), 5), punctual(GetParam(), 0);
  late.live(hours);
  punctual.live(hours);
  for (LateTable* t : {&late, &punctual}) {
    const StoreStats s = t->store().stats().value();
    std::printf(
        "%llu rows: hot %llu, warm %llu in %llu, cold %llu in %llu; at most %zu files, %zu settled, "
        "written %.2f times\n",
        static_cast<unsigned long long>(s.rows), static_cast<unsigned long long>(s.hot.rows),
        static_cast<unsigned long long>(s.warm.rows), static_cast<unsigned long long>(s.warm.files),
        static_cast<unsigned long long>(s.cold.rows), static_cast<unsigned long long>(s.cold.files),
        t->files_max(), t->settled(), t->amplification());
    EXPECT_EQ(s.rows, t->written());
    // By the age of their commits, whatever their event time says.
    EXPECT_LE(s.hot.rows, 26U * kRowsAnHour);
    EXPECT_GT(s.cold.rows, 0U);
    EXPECT_EQ(t->disturbed(), 0U);
    EXPECT_LE(t->files_max(), 120U);
    EXPECT_LE(t->amplification(), kWriteAmplificationMax);
  }
  EXPECT_LE(late.amplification(), 1.2 * punctual.amplification());
}

INSTANTIATE_TEST_SUITE_P(Keys, LateDataTest, ::testing::Values(KeyOrder::id, KeyOrder::event_time),
                         [](const auto& p) { return p.param == KeyOrder::id ? "id" : "eventTime"; });

}  // namespace
}  // namespace firn::storage
