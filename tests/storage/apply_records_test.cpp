// What log records leave in LMDB's catalog: the map of commit times, and the window of tokens.
#include "storage/apply_records.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <random>

namespace firn::storage {
namespace {

class ApplyRecords : public testing::Test {
 protected:
  ApplyRecords() {
    std::filesystem::create_directories(folder_);
    store_ = hot::HotStore::open(folder_, 1, std::size_t{64} << 20, false).value();
  }
  ~ApplyRecords() override {
    store_.reset();
    std::filesystem::remove_all(folder_);
  }

  /// One group of `records` commits at this time; returns the CSN of its first.
  std::uint64_t commit(std::int64_t time_us, std::size_t records, std::uint64_t horizon = 0) {
    std::vector<LogRecord> group(records);
    const std::uint64_t first = csn_ + 1;
    for (LogRecord& r : group) {
      r.csn = ++csn_;
      r.time_us = time_us++;
      r.horizon = horizon;
    }
    apply(group);
    return first;
  }
  void commit_token(std::uint64_t sequence) {
    LogRecord r;
    r.csn = ++csn_;
    r.time_us = static_cast<std::int64_t>(csn_);
    r.token = RecordToken{"p", sequence};
    apply({&r, 1});
  }
  void apply(std::span<const LogRecord> group) {
    auto writer = store_->write(1 << 20).value();
    apply_to_hot(writer, group, ++sequence_).value();
    writer.commit().value();
  }
  std::size_t entries(std::string_view prefix) const {
    std::size_t n = 0;
    store_->read()
        .value()
        .visit_catalog(prefix,
                       [&](std::string_view, std::string_view) -> Result<bool> {
                         n += 1;
                         return true;
                       })
        .value();
    return n;
  }
  std::optional<std::uint64_t> at(std::int64_t time_us) const {
    return csn_at_time(store_->read().value(), time_us).value();
  }

  std::string folder_ = testing::TempDir() + "/apply_records_" + std::to_string(::getpid());
  std::shared_ptr<hot::HotStore> store_;
  std::uint64_t csn_ = 0, sequence_ = 0;
};

TEST_F(ApplyRecords, TheMapOfCommitTimesFindsEveryCommit) {
  std::mt19937_64 rng(1);
  std::vector<std::int64_t> times{0};  // by CSN
  std::int64_t time = 1'000'000;
  for (int i = 0; i < 3'000; ++i) {
    const std::size_t records = 1 + rng() % 4;
    commit(time, records);
    for (std::size_t r = 0; r < records; ++r) times.push_back(time++);
    time += static_cast<std::int64_t>(rng() % 5 == 0 ? rng() % 90'000'000 : rng() % 200);
  }
  EXPECT_EQ(at(999'999), std::nullopt);
  for (std::uint64_t csn = 1; csn < times.size(); ++csn) {
    ASSERT_EQ(at(times[csn]), csn);
    if (csn + 1 < times.size() && times[csn] + 1 < times[csn + 1]) {
      ASSERT_EQ(at(times[csn + 1] - 1), csn);
    }
  }
  EXPECT_LT(entries("t"), 30U);  // not one entry a commit
}

TEST_F(ApplyRecords, CommitTimesBelowTheHorizonAreForgotten) {
  for (int i = 1; i <= 5'000; ++i) commit(i * 1'000, 1);
  const std::size_t before = entries("t");
  commit(6'000'000, 1, 4'900);
  EXPECT_LE(entries("t"), 3U);
  EXPECT_GT(before, 5U);
  EXPECT_EQ(at(4'900'000), 4'900U);
  EXPECT_EQ(at(1'000'000), std::nullopt);
}

TEST_F(ApplyRecords, TokensOutsideTheWindowGoThoughSequencesHaveGaps) {
  for (std::uint64_t s = 0; s < 3'000; s += 3) commit_token(s);
  EXPECT_EQ(entries("kp"), 342U);  // 1,974 to 2,997
  commit_token(1'000'000);
  EXPECT_EQ(entries("kp"), 1U);
}

}  // namespace
}  // namespace firn::storage
