// Cells of versions that lived at about the same time: no version is lost, and a query of the past opens few in vain.
#include "storage/life_cells.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

namespace firn::storage {
namespace {

constexpr std::uint64_t kCommits = 440, kKeys = 20'000, kBatch = 500;

/// What overwriting random keys leaves behind.
std::vector<Life> random_history() {
  std::mt19937_64 rng(5);
  std::vector<std::uint64_t> begin(kKeys, 1);
  std::vector<Life> lives;
  for (std::uint64_t csn = 2; csn <= kCommits; ++csn)
    for (std::uint64_t i = 0; i < kBatch; ++i) {
      std::uint64_t& from = begin[rng() % kKeys];
      if (from == csn) continue;
      lives.push_back({from, csn});
      from = csn;
    }
  return lives;
}

struct Bounds {
  std::uint64_t begin_min = ~std::uint64_t{0}, end_max = 0, rows = 0;
  void add(const Life& l) {
    begin_min = std::min(begin_min, l.begin);
    end_max = std::max(end_max, l.end);
    rows += 1;
  }
};

/// Rows of the groups that a query opens, for each row that it needs; the worst of many CSNs.
double worst_read(const std::vector<Life>& lives, const std::vector<Bounds>& groups) {
  double worst = 0;
  for (std::uint64_t csn = 40; csn + 40 < kCommits; csn += 10) {
    std::uint64_t opened = 0;
    for (const Bounds& g : groups) opened += g.begin_min <= csn && csn < g.end_max ? g.rows : 0;
    const auto needed = std::count_if(lives.begin(), lives.end(),
                                      [&](const Life& l) { return l.begin <= csn && csn < l.end; });
    worst = std::max(worst, static_cast<double>(opened) / static_cast<double>(needed));
  }
  return worst;
}

TEST(LifeCellsTest, AQueryOfThePastOpensLittleMoreThanItNeeds) {
  const std::vector<Life> lives = random_history();
  constexpr std::size_t kCells = 128;
  const LifeCells cells = LifeCells::cut(lives, kCells);
  ASSERT_LE(cells.size(), kCells);
  std::vector<Bounds> groups(cells.size());
  for (const Life& l : lives) groups[cells.cell_of(l)].add(l);
  for (const Bounds& g : groups) EXPECT_LT(g.rows, 2 * lives.size() / kCells);
  EXPECT_LT(worst_read(lives, groups), 2.4);

  std::vector<std::uint64_t> begins, ends;
  for (const Life& l : lives) begins.push_back(l.begin), ends.push_back(l.end);
  const std::size_t group_rows = lives.size() / kCells;
  const std::vector<std::uint32_t> order = rows_by_life(begins, ends, group_rows);
  std::vector<Bounds> laid(lives.size() / group_rows + 1);
  for (std::size_t i = 0; i < order.size(); ++i) laid[i / group_rows].add(lives[order[i]]);
  EXPECT_LT(worst_read(lives, laid), 2.4);
}

TEST(LifeCellsTest, ASampleCutsThemToo) {
  const std::vector<Life> lives = random_history();
  std::vector<Life> sample;
  for (std::size_t i = 0; i < lives.size(); i += 17) sample.push_back(lives[i]);
  const LifeCells cells = LifeCells::cut(sample, 64);
  std::vector<Bounds> groups(cells.size());
  for (const Life& l : lives) groups[cells.cell_of(l)].add(l);
  EXPECT_LT(worst_read(lives, groups), 3);
}

TEST(LifeCellsTest, EveryRowHasOnePlace) {
  std::mt19937_64 rng(6);
  for (int round = 0; round < 200; ++round) {
    std::vector<std::uint64_t> begins, ends;
    std::vector<Life> lives;
    const std::uint64_t span = 1 + rng() % 30;
    for (std::uint64_t n = 1 + rng() % 300; n > 0; --n) {
      begins.push_back(rng() % span);
      ends.push_back(begins.back() + 1 + rng() % span);
      lives.push_back({begins.back(), ends.back()});
    }
    std::vector<std::uint32_t> order = rows_by_life(begins, ends, 1 + rng() % 40);
    std::sort(order.begin(), order.end());
    for (std::uint32_t i = 0; i < order.size(); ++i) ASSERT_EQ(order[i], i);
    ASSERT_EQ(order.size(), lives.size());

    const std::size_t wanted = rng() % 40;
    const LifeCells cells = LifeCells::cut(lives, wanted);
    ASSERT_LE(cells.size(), std::max<std::size_t>(1, wanted));
    std::map<std::pair<std::uint64_t, std::uint64_t>, std::size_t> cell_of;
    for (const Life& l : lives) {
      const std::size_t cell = cells.cell_of(l);
      ASSERT_LT(cell, cells.size());
      ASSERT_EQ(cell_of.try_emplace({l.begin, l.end}, cell).first->second, cell)
          << "equal lives are together";
    }
    (void)cells.cell_of({~std::uint64_t{0}, ~std::uint64_t{0}});  // what was in no sample has a cell as well
  }
}

TEST(LifeCellsTest, WhatLivedAtTheSameTimeIsNotParted) {
  const std::vector<Life> same(1'000, Life{3, 9});
  EXPECT_EQ(LifeCells::cut(same, 10).size(), 1U);
  EXPECT_EQ(LifeCells::cut({}, 10).size(), 1U);
  EXPECT_EQ(LifeCells().cell_of({1, 2}), 0U);
}

}  // namespace
}  // namespace firn::storage
