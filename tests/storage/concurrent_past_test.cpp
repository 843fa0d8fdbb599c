// AS OF at random commits while rows are written, deleted and moved: each commit stays what it was.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <mutex>
#include <random>
#include <thread>

#include "tests/scale.hpp"
#include "tests/storage/model_table.hpp"

namespace firn::storage {
namespace {

using namespace model;

constexpr int kKeys = 200, kRows = 30;

/// Commit i writes these keys with the value i.
Change change_of(int i) {
  Change change;
  for (int r = 0; r < kRows; ++r) change.emplace_back((i * 37 + r * 11) % kKeys, Cell{true, i, ""});
  return change;
}

/// What commits 0 .. last leave.
State state_after(int last) {
  State state;
  for (int i = std::max(0, last - kKeys); i <= last; ++i)
    for (const auto& [key, cell] : change_of(i)) state[key] = cell;
  return state;
}

/// Readers check commits while `meanwhile` runs beside the writer.
void read_past_while(TableStore& store, const TableShape& shape, int commits,
                     const std::function<void(const std::atomic<bool>&)>& meanwhile) {
  std::mutex mutex;
  std::vector<std::uint64_t> csns;  // of commit i
  std::atomic<bool> done = false;
  std::string wrong;
  std::thread writer([&] {
    for (int i = 0; i < commits; ++i) {
      WriteRequest r;
      r.rows = shape.batch(change_of(i));
      const std::uint64_t csn = store.commit_one(std::move(r)).value().csn.value;
      std::lock_guard lock(mutex);
      csns.push_back(csn);
    }
    done = true;
  });
  std::thread other([&] { meanwhile(done); });
  std::atomic<int> reads = 0;
  const auto read = [&](unsigned seed) {
    std::mt19937 random(seed);
    while (!done || reads < 20) {
      int commit = 0;
      std::uint64_t csn = 0;
      {
        std::lock_guard lock(mutex);
        if (csns.empty()) continue;
        commit = static_cast<int>(random() % csns.size());
        csn = csns[static_cast<std::size_t>(commit)];
      }
      std::string why;
      const Result<State> found = read_state(store, csn);
      if (!found)
        why = found.error().message();
      else if (*found != state_after(commit))
        why = "commit " + std::to_string(commit) + " reads otherwise at CSN " + std::to_string(csn);
      ++reads;
      if (why.empty()) continue;
      std::lock_guard lock(mutex);
      wrong = why;
      return;
    }
  };
  std::thread first(read, 1), second(read, 2);
  for (std::thread* t : {&writer, &other, &first, &second}) t->join();
  EXPECT_EQ(wrong, "");
}

class ConcurrentPastTest : public ::testing::Test {
 protected:
  const TableShape shape{KeyKind::number};
  StoreOptions options;
  std::unique_ptr<TableStore> store;

  void SetUp() override {
    options.segment_rows = 1'000;
    options.unresolved_bytes_max = 200'000;
    store =
        TableStore::create(std::make_shared<io::SimDisk>(), "t", "t", 7, shape.schema(), {}, options).value();
  }
};

TEST_F(ConcurrentPastTest, RowsAreWritten) {
  read_past_while(*store, shape, testing::scaled(500), [](const std::atomic<bool>&) {});
}

TEST_F(ConcurrentPastTest, RowsAreWrittenAndMoved) {
  read_past_while(*store, shape, testing::scaled(400), [&](const std::atomic<bool>& done) {
    for (std::size_t i = 0; !done; ++i) {
      const auto order = store->next_job_towards(
          std::array{StorageTier::warm, StorageTier::cold, StorageTier::hot}[i / 4 % 3]);
      if (order) (void)store->run_job(*order);  // a job that met a commit may be void
      (void)store->follow_ends();
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  });
}

}  // namespace
}  // namespace firn::storage
