// Writers, readers and a mover on one table at once: the sum over accounts never changes, in any tier, at any moment.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "tests/scale.hpp"
#include "tests/storage/model_table.hpp"

namespace firn::storage {
namespace {

using namespace model;

constexpr int kWriters = 4, kReaders = 2, kAccounts = 40;  // each writer owns as many accounts

TEST(ConcurrentStoreTest, EveryQuerySeesWholeBatchesWhileRowsMove) {
  const TableShape shape(KeyKind::number);
  StoreOptions options;
  options.segment_rows = 200;
  options.warm_log_bytes = 64 << 10;
  const auto disk = std::make_shared<io::SimDisk>();
  const auto store = TableStore::create(disk, "t", "bank", 7, shape.schema(), {}, options).value();
  Change all;
  for (int k = 0; k < kWriters * kAccounts; ++k) all.emplace_back(k, Cell{true, 100, ""});
  WriteRequest first;
  first.rows = shape.batch(all);
  store->commit_one(std::move(first)).value();

  std::atomic<bool> stop = false;
  std::atomic<int> commits = 0, queries = 0, moves = 0;
  std::mutex mutex;
  std::string wrong;
  const auto report = [&](const std::string& text) {
    const std::lock_guard lock(mutex);
    if (wrong.empty()) wrong = text;
    stop = true;
  };
  const auto guarded = [&](const auto& body) {
    try {
      while (!stop) body();
    } catch (const std::exception& e) {
      report(e.what());
    }
  };
  std::vector<std::thread> threads;
  for (int w = 0; w < kWriters; ++w) {
    threads.emplace_back([&, w] {
      std::mt19937_64 rng(static_cast<std::uint64_t>(w));
      std::vector<std::int64_t> balance(kAccounts, 100);
      Csn last;
      guarded([&] {
        const auto from = rng() % kAccounts, to = rng() % kAccounts;
        if (from == to) return;
        balance[from] -= 7;
        balance[to] += 7;
        const int base = w * kAccounts;
        WriteRequest r;
        const Batch rows = shape.batch({{base + static_cast<int>(from), {true, balance[from], ""}},
                                        {base + static_cast<int>(to), {true, balance[to], ""}}});
        if (rng() % 8 == 0) {
          r.kind = WriteRequest::Kind::blocks;
          r.blocks = store->prepare_blocks(rows).value();
        } else {
          r.rows = rows;
        }
        const CommitInfo info = store->commit_one(std::move(r)).value();
        if (info.csn <= last) report("a CSN went back");
        last = info.csn;
        ++commits;
      });
    });
  }
  for (int i = 0; i < kReaders; ++i) {
    threads.emplace_back([&] {
      Csn last;
      guarded([&] {
        const StoreSnapshot at = store->snapshot().value();
        if (at.csn() < last) report("a snapshot went back");
        last = at.csn();
        const Batch answer = store->query(parse_query("SELECT count(*), sum(v) FROM t").value(), at).value();
        const std::int64_t count = answer[0].value_at(0).to_i64(), sum = answer[1].value_at(0).to_i64();
        if (count != kWriters * kAccounts || sum != 100 * kWriters * kAccounts)
          report("at CSN " + std::to_string(last.value) + ": " + std::to_string(count) + " accounts hold " +
                 std::to_string(sum));
        ++queries;
      });
    });
  }
  threads.emplace_back([&] {
    std::mt19937_64 rng(99);
    guarded([&] {
      static constexpr StorageTier kTiers[] = {StorageTier::hot, StorageTier::warm, StorageTier::cold};
      const auto order = store->next_job_towards(kTiers[rng() % 3]);
      if (!order) return;
      const auto done = store->run_job(*order);
      if (!done && done.error().code() != ErrorCode::conflict) report(done.error().message());
      ++moves;
    });
  });
  threads.emplace_back([&] {  // listings walk a catalog that jobs replace
    guarded([&] {
      for (const FileView& f : store->files())
        if (f.info.rows == 0) report("a file without rows");
      std::this_thread::yield();
    });
  });
  for (int ms = 0; ms < testing::scaled(2'000) && !stop; ms += 10)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  stop = true;
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(wrong, "");
  std::printf("%d commits, %d queries, %d jobs\n", commits.load(), queries.load(), moves.load());
  EXPECT_GT(commits, 0);
  EXPECT_GT(queries, 0);
  EXPECT_GT(moves, 0);
}

}  // namespace
}  // namespace firn::storage
