// The image of past versions by itself: what it shows at any CSN is what a list of (begin, end) shows.
#include "storage/version_image.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

namespace firn::storage {
namespace {

/// An image of one i64 column whose values number the versions, and each version's life.
class VersionImageTest : public ::testing::Test {
 protected:
  struct Life {
    std::uint64_t begin = 0, end = 0;  ///< 0: none
  };

  /// Writes `key` as of `csn`, or deletes it.
  void put(std::uint64_t key, std::uint64_t csn) {
    remove(key, csn);
    live_[key] = lives_.size();
    lives_.push_back({csn, 0});
  }
  void remove(std::uint64_t key, std::uint64_t csn) {
    const auto live = live_.find(key);
    if (live == live_.end()) return;
    lives_[live->second].end = csn;
    live_.erase(live);
  }
  /// Brings the image up to `csn`, from all that was written since.
  void extend(std::uint64_t csn) {
    VersionImage::Addition more;
    more.csn = csn;
    ColumnBuilder values(TypeId::i64);
    const std::size_t first = image_.rows();
    // The new rows come in another order than that of their commits.
    std::vector<std::uint32_t> shuffled(lives_.size() - first);
    for (std::uint32_t i = 0; i < shuffled.size(); ++i) shuffled[i] = i;
    std::shuffle(shuffled.begin(), shuffled.end(), random_);
    more.order.resize(shuffled.size());
    for (std::uint32_t at = 0; at < shuffled.size(); ++at) {
      values.append_fixed(static_cast<std::int64_t>(first + shuffled[at]));
      more.order[shuffled[at]] = at;
    }
    more.columns.push_back(values.finish());
    for (std::size_t i = 0; i < lives_.size(); ++i) {
      if (i >= first) more.begins.push_back(lives_[i].begin);
      if (lives_[i].end > image_.csn()) more.ends.push_back({lives_[i].end, static_cast<std::uint32_t>(i)});
    }
    std::sort(more.ends.begin(), more.ends.end(), [](const auto& a, const auto& b) { return a.csn < b.csn; });
    image_.add(std::move(more));
  }
  void expect_at(std::uint64_t csn) {
    std::vector<std::int64_t> shown, expected;
    for (const VisibleChunk& c : image_.visible_at(csn)) {
      const std::size_t before = shown.size();
      for (std::size_t i = 0; i < c.chunk->rows; ++i)
        if ((c.bits[i / 64] >> i % 64 & 1) != 0) shown.push_back(c.chunk->columns[0].as<std::int64_t>()[i]);
      ASSERT_EQ(shown.size() - before, c.count);
      ASSERT_NE(c.count, 0U);
    }
    for (std::size_t i = 0; i < lives_.size(); ++i)
      if (lives_[i].begin <= csn && (lives_[i].end == 0 || lives_[i].end > csn))
        expected.push_back(static_cast<std::int64_t>(i));
    ASSERT_EQ(shown, expected) << "at CSN " << csn;
  }

  VersionImage image_{{0}};
  std::vector<Life> lives_;
  std::map<std::uint64_t, std::size_t> live_;  ///< key -> its last version
  std::mt19937_64 random_{7};
};

TEST_F(VersionImageTest, AnEmptyImageShowsNothing) {
  extend(5);
  EXPECT_TRUE(image_.visible_at(3).empty());
  EXPECT_EQ(image_.rows(), 0U);
}

TEST_F(VersionImageTest, EveryCsnBetweenAndBeyondCommits) {
  put(1, 3);
  put(2, 3);
  put(1, 5);
  remove(2, 8);
  extend(9);
  put(2, 12);
  remove(1, 12);
  extend(12);
  extend(20);
  for (std::uint64_t csn = 0; csn <= 20; ++csn) expect_at(csn);
  EXPECT_EQ(image_.begin_of(0), 3U);
  EXPECT_EQ(image_.begin_of(1), 3U);
  EXPECT_EQ(image_.begin_of(2), 5U);
  EXPECT_EQ(image_.begin_of(3), 12U);
}

TEST_F(VersionImageTest, ManyChunksAndCheckpointsInAnyNumberOfSteps) {
  std::uint64_t csn = 0;
  const auto commits = [&](int count, std::uint64_t keys, int rows) {
    for (int i = 0; i < count; ++i) {
      ++csn;
      for (int r = 0; r < rows; ++r) {
        const std::uint64_t key = random_() % keys;
        if (live_.contains(key) && lives_[live_[key]].begin == csn) continue;
        if (random_() % 8 == 0)
          remove(key, csn);
        else
          put(key, csn);
      }
    }
  };
  commits(150, 3'000, 1'000);  // two chunks, of which the first is soon all history
  extend(csn);
  commits(20, 100'000, 1'000);  // many visible rows
  extend(csn);
  for (int i = 0; i < 40; ++i) commits(1, 100'000, 50), extend(csn);
  commits(60, 3'000, 1'000);
  extend(csn);
  EXPECT_GT(image_.rows(), 2 * VersionChunk::kRows);
  for (int i = 0; i < 60; ++i) expect_at(random_() % (csn + 1));
  expect_at(csn);
}

TEST_F(VersionImageTest, CheckpointsTakeFewBytesARow) {
  // A thousand keys, each overwritten again and again, and some that never change between them.
  std::uint64_t csn = 0;
  for (std::uint64_t i = 0; i < 300'000; ++i) put(i % 100 == 0 ? 1'000'000 + i : i % 1'000, ++csn);
  extend(csn);
  EXPECT_LT(image_.byte_size(), lives_.size() * 64);
  for (int i = 0; i < 20; ++i) expect_at(random_() % (csn + 1));
}

}  // namespace
}  // namespace firn::storage
