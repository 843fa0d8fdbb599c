// Deletion vectors against a std::map: lookups, ranges, growth, and their stored form, also when it is damaged.
#include "storage/deletion_vector.hpp"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "tests/scale.hpp"

namespace firn::storage {
namespace {

constexpr std::uint64_t kFileRows = 200'000, kCsns = 1'000;

using EndMap = std::map<std::uint32_t, std::uint64_t>;

void add(EndMap& oracle, const std::vector<DeletionVector::End>& ends) {
  for (const auto& [row, csn] : ends) {
    const auto [it, fresh] = oracle.try_emplace(row, csn);
    if (!fresh) it->second = std::min(it->second, csn);
  }
}

std::vector<std::uint32_t> ended(const EndMap& oracle, std::uint64_t first, std::uint64_t last,
                                 std::uint64_t csn) {
  std::vector<std::uint32_t> rows;
  for (const auto& [row, end] : oracle)
    if (row >= first && row < last && end <= csn) rows.push_back(row);
  return rows;
}

void expect_same(const DeletionVector& vector, const EndMap& oracle, std::mt19937_64& rng) {
  ASSERT_EQ(vector.size(), oracle.size());
  for (const auto& [row, end] : oracle) ASSERT_EQ(vector.end_of(row), end) << row;
  for (int i = 0; i < 20; ++i) {
    const auto row = static_cast<std::uint32_t>(rng() % kFileRows);
    if (!oracle.contains(row)) {
      ASSERT_EQ(vector.end_of(row), 0U);
    }
    const std::uint64_t first = rng() % kFileRows, last = first + rng() % 70'000,
                        csn = i % 3 == 0 ? kCsns : rng() % (kCsns + 2);
    std::vector<std::uint32_t> rows;
    vector.append_ended(first, last, csn, rows);
    ASSERT_EQ(rows, ended(oracle, first, last, csn)) << first << " " << last << " at " << csn;
    ASSERT_EQ(vector.count_ended(first, last, csn), rows.size());
  }
}

/// Scattered rows, or runs of them; one end for all, or any.
std::vector<DeletionVector::End> some_ends(std::mt19937_64& rng) {
  std::vector<DeletionVector::End> ends;
  const bool runs = rng() % 2 == 0, one_end = rng() % 3 == 0;
  const std::uint64_t at = 1 + rng() % kCsns;
  for (std::uint64_t n = rng() % 400; n > 0; --n) {
    const std::uint64_t row = rng() % kFileRows;
    const std::uint64_t length = runs ? 1 + rng() % 100 : 1;
    for (std::uint64_t r = row; r < std::min(row + length, kFileRows); ++r)
      ends.push_back({static_cast<std::uint32_t>(r), one_end ? at : 1 + rng() % kCsns});
  }
  return ends;
}

TEST(DeletionVectorTest, AnswersAsAMapDoesHoweverItGrewAndAlsoWhenReadBack) {
  std::mt19937_64 rng(20'240'501);
  for (int round = 0; round < firn::testing::scaled(40); ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    EndMap oracle;
    DeletionVector vector;
    for (int step = 0; step < 4; ++step) {
      const auto ends = some_ends(rng);
      add(oracle, ends);
      vector = vector.with(ends);
    }
    ASSERT_NO_FATAL_FAILURE(expect_same(vector, oracle, rng));
    const auto read = DeletionVector::decode(vector.encode(), kFileRows, kCsns);
    ASSERT_TRUE(read) << read.error().message();
    ASSERT_NO_FATAL_FAILURE(expect_same(*read, oracle, rng));
  }
}

TEST(DeletionVectorTest, AnEmptyOneHasNoRowsAndCanBeStored) {
  const DeletionVector none;
  EXPECT_TRUE(none.empty());
  EXPECT_EQ(none.end_of(0), 0U);
  EXPECT_EQ(none.count_ended(0, kFileRows, kCsns), 0U);
  EXPECT_TRUE(DeletionVector::decode(none.encode(), 0, 0)->empty());
}

TEST(DeletionVectorTest, OfSeveralEndsOfARowTheLeastCounts) {
  const DeletionVector v({{7, 30}, {7, 20}, {3, 50}});
  EXPECT_EQ(v.size(), 2U);
  EXPECT_EQ(v.end_of(7), 20U);
  EXPECT_EQ(v.with({{7, 25}}).end_of(7), 20U);
  EXPECT_EQ(v.with({{7, 10}}).end_of(7), 10U);
  EXPECT_EQ(v.greatest_end(), 50U);
}

TEST(DeletionVectorTest, TheLastRowThereCanBeIsARow) {
  const std::uint32_t last = ~std::uint32_t{0};
  const DeletionVector v({{last, 5}, {0, 5}});
  EXPECT_EQ(v.end_of(last), 5U);
  EXPECT_EQ(v.count_ended(1, std::uint64_t{1} << 32, 5), 1U);
  EXPECT_EQ(DeletionVector::decode(v.encode(), std::uint64_t{1} << 32, 5)->end_of(last), 5U);
}

TEST(DeletionVectorTest, AMillionRowsOfOneRunTakeFewBytes) {
  std::vector<DeletionVector::End> ends;
  for (std::uint32_t r = 0; r < 1'000'000; ++r) ends.push_back({r, 9});
  const DeletionVector v(std::move(ends));
  EXPECT_LT(v.memory_bytes(), 1'000U);
  EXPECT_EQ(v.count_ended(10, 20, 9), 10U);
}

TEST(DeletionVectorTest, RowsAndCsnsThatTheTableDoesNotHaveAreRefused) {
  const std::string bytes = DeletionVector({{99, 40}}).encode();
  EXPECT_TRUE(DeletionVector::decode(bytes, 100, 40));
  EXPECT_FALSE(DeletionVector::decode(bytes, 99, 40));
  EXPECT_FALSE(DeletionVector::decode(bytes, 100, 39));
}

TEST(DeletionVectorTest, DamagedBytesGiveAnErrorOrSomeVectorNeverMore) {
  std::mt19937_64 rng(7);
  for (int round = 0; round < firn::testing::scaled(40); ++round) {
    const std::string sound = DeletionVector(some_ends(rng)).encode();
    for (std::size_t cut = 0; cut < sound.size(); cut += 1 + rng() % (1 + sound.size() / 40))
      EXPECT_FALSE(DeletionVector::decode(sound.substr(0, cut), kFileRows, kCsns)) << cut;
    EXPECT_FALSE(DeletionVector::decode(sound + "x", kFileRows, kCsns));
    for (int i = 0; i < 400; ++i) {
      std::string bytes = sound;
      // Headers are where it hurts: the first bytes more often than others.
      const std::size_t at =
          i % 2 == 0 ? rng() % std::min<std::size_t>(bytes.size(), 64) : rng() % bytes.size();
      bytes[at] = static_cast<char>(rng());
      const auto read = DeletionVector::decode(bytes, kFileRows, kCsns);
      if (!read) continue;
      std::vector<std::uint32_t> rows;
      read->append_ended(0, kFileRows, kCsns, rows);
      EXPECT_EQ(rows.size(), read->size());
    }
  }
}

}  // namespace
}  // namespace firn::storage
