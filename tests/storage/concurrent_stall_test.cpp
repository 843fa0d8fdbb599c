// Writers of blocks who have to merge first, beside one another, beside jobs and beside readers.
#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <thread>

#include "tests/scale.hpp"
#include "tests/storage/model_table.hpp"

namespace firn::storage {
namespace {

constexpr int kWriters = 3, kKeysEach = 400, kBlockRows = 120;

TEST(ConcurrentStall, WritersMergeBesideJobsAndNothingIsLost) {
  const model::TableShape shape(model::KeyKind::number);
  StoreOptions options;
  options.stall_factor = 1;
  HybridTableConfig config;
  config.small_write_rows = 100;
  const auto disk = std::make_shared<io::SimDisk>();
  const auto store = TableStore::create(disk, "t", "events", 7, shape.schema(), config, options).value();
  const int rounds = testing::scaled(200);
  std::atomic<int> writing = kWriters;
  std::atomic<std::size_t> most = 0;
  std::mutex mutex;
  std::string wrong;
  const auto complain = [&](const std::string& what) {
    std::lock_guard lock(mutex);
    wrong += what + "\n";
  };
  // Each writer has keys of its own; each of its batches gives all the rows it touches the value of its round.
  const auto change_in = [](int writer, int round) {
    model::Change change;
    for (int r = 0; r < kBlockRows; ++r)
      change.emplace_back(writer * kKeysEach + (round * 53 + r) % kKeysEach, model::Cell{true, round, ""});
    return change;
  };
  std::vector<std::thread> threads;
  for (int w = 0; w < kWriters; ++w) {
    threads.emplace_back([&, w] {
      for (int i = 0; i < rounds; ++i) {
        const auto done = model::upsert_of(*store, shape.batch(change_in(w, i)));
        const auto committed = done ? store->commit_one(*done) : Result<CommitInfo>(done.error());
        if (!committed) complain(committed.error().message());
        most = std::max(most.load(), store->files().size());
      }
      --writing;
    });
  }
  threads.emplace_back([&] {
    while (writing != 0) {
      const auto order = store->next_job();
      const auto done = order ? store->run_job(*order) : Result<JobReport>(JobReport{});
      if (!done && done.error().code() != ErrorCode::conflict) complain(done.error().message());
    }
  });
  threads.emplace_back([&] {
    while (writing != 0) {
      const auto state = model::read_state(*store);
      if (!state) complain(state.error().message());
    }
  });
  for (std::thread& t : threads) t.join();
  EXPECT_EQ(wrong, "");
  EXPECT_LT(most, 60U);
  model::State expected;
  for (int w = 0; w < kWriters; ++w)
    for (int i = 0; i < rounds; ++i)
      for (const auto& [key, cell] : change_in(w, i)) expected[key] = cell;
  model::expect_equal(model::read_state(*store).value(), expected, "in the end");
}

}  // namespace
}  // namespace firn::storage
