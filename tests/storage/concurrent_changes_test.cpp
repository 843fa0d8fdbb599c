// Changes are read while rows are written, moved and expired: every change comes once, in order, whatever tier its
// version lies in at that moment.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <thread>

#include "storage/cursors.hpp"
#include "tests/scale.hpp"
#include "tests/storage/model_table.hpp"

namespace firn::storage {
namespace {

using namespace model;

constexpr int kRotation = 50;  // commit i writes key i % kRotation with the value i

TEST(ConcurrentChangesTest, EveryChangeComesOnceInOrderWhileRowsMove) {
  const TableShape shape(KeyKind::number);
  const int commits = testing::short_scale() ? 300 : 2'000;
  StoreOptions options;
  options.segment_rows = 100;
  const auto disk = std::make_shared<io::SimDisk>();
  const auto store = TableStore::create(disk, "t", "t", 7, shape.schema(), {}, options).value();
  WriteRequest cursor;
  cursor.kind = WriteRequest::Kind::cursor;
  cursor.cursor.name = "reader";  // holds the history, though all of it may expire at once
  const Csn begin = store->commit_one(std::move(cursor)).value().csn;

  std::atomic<bool> done = false;
  std::atomic<int> moves = 0;
  std::thread writer([&] {
    for (int i = 0; i < commits; ++i) {
      WriteRequest r;
      r.rows = shape.batch({{i % kRotation, {true, i, ""}}});
      store->commit_one(std::move(r)).value();
    }
  });
  std::thread mover([&] {
    HybridTableConfig config;
    config.history_us = 0;
    WriteRequest r;
    r.kind = WriteRequest::Kind::config;
    r.config = config;
    store->commit_one(std::move(r)).value();
    for (int i = 0; !done || moves == 0; ++i) {
      const auto order = store->next_job_towards(std::array{
          StorageTier::warm, StorageTier::cold, StorageTier::hot}[static_cast<std::size_t>(i / 4 % 3)]);
      if (order && store->run_job(*order).ok()) ++moves;  // a job that met a commit may be void
      store->expire().value();
    }
  });
  std::int64_t next = 0;
  std::string wrong;
  for (Csn at = begin; next < commits && wrong.empty();) {
    const auto page = store->changes({at, std::nullopt, true, 40});
    if (!page) {
      wrong = page.error().message();
      break;
    }
    const std::size_t v = *page->rows.schema().find("v");
    for (std::size_t i = 0; i < static_cast<std::size_t>(page->rows.rows()) && wrong.empty(); ++i) {
      const std::string op = page->rows[2].value_at(i).to_string();
      const std::int64_t value = page->rows[v].value_at(i).to_i64();
      const bool before = op == "update_before";
      const std::int64_t expected = before ? next - kRotation : next;
      const bool fits = before || op == (next < kRotation ? "insert" : "update");
      if (value != expected || !fits)
        wrong = op + " to " + std::to_string(value) + " where " + std::to_string(expected) + " is due";
      if (!before) ++next;
    }
    at = page->next;
  }
  done = true;
  writer.join();
  mover.join();
  EXPECT_EQ(wrong, "");
  EXPECT_GT(moves, 0);
}

}  // namespace
}  // namespace firn::storage
