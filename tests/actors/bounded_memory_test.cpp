// Producers that are far too fast for the disk wait; memory does not grow.
//
// FIRN_SOAK_SECONDS says how long each test produces (default 3; the promise is for 30).
#include <cstdlib>
#include <iostream>
#include <latch>

#include "fixture.hpp"
#include "io/posix_disk.hpp"
#include "io/staging.hpp"
#include "process_figures.hpp"
#include "storage/block_cache.hpp"

namespace firn::testing {
namespace {

constexpr std::uint64_t kGrowthMax = 64 * kMiB;
constexpr int kProducers = 16;
// Decoded blocks have a budget of their own (100 MiB by default); here it is small, so that the rest shows.
constexpr std::size_t kCacheBytes = 8 * kMiB;

std::chrono::seconds soak_time() {
  const char* seconds = std::getenv("FIRN_SOAK_SECONDS");  // NOLINT(concurrency-mt-unsafe): before any thread
  return std::chrono::seconds(seconds == nullptr ? 3 : std::max(1, std::atoi(seconds)));
}

/// The kernel's calls, as a slow device would answer them once slowed().
class SlowCalls final : public io::SystemCalls {
 public:
  void slow_down(std::chrono::microseconds sync, std::chrono::microseconds mebibyte) {
    sync_us_ = sync.count();
    mebibyte_us_ = mebibyte.count();
  }
  ssize_t pwrite(int fd, const void* bytes, std::size_t n, off_t offset) override {
    wait(static_cast<std::int64_t>(static_cast<double>(n) / kMiB * static_cast<double>(mebibyte_us_)));
    return SystemCalls::pwrite(fd, bytes, n, offset);
  }
  int fdatasync(int fd) override {
    wait(sync_us_);
    return SystemCalls::fdatasync(fd);
  }

 private:
  static void wait(std::int64_t us) { std::this_thread::sleep_for(std::chrono::microseconds(us)); }
  std::atomic<std::int64_t> sync_us_{0}, mebibyte_us_{0};
};

struct Produced {
  double rows_per_s = 0;
  std::uint64_t growth = 0;  ///< bytes of memory at most above the start
};

class BoundedMemory : public DatabaseTest {
 protected:
  void open_on_slow_disk() {
    runtime::InternalOptions internal;
    internal.disk = io::PosixDisk::open_root(folder_.string(), true, calls_).value();
    open({}, internal);
  }

  /// All producers write batches of so many new rows without a pause.
  Produced produce(HybridTable t, std::uint64_t rows_each, std::chrono::milliseconds time) {
    std::atomic<bool> stop{false};
    std::atomic<std::uint64_t> rows{0};
    std::vector<std::thread> producers;
    std::latch ready(kProducers + 1), go(1);
    for (int p = 0; p < kProducers; ++p) {
      producers.emplace_back([&, t, p]() mutable {
        std::uint64_t next = static_cast<std::uint64_t>(p + 1) << 32 | written_;
        Batch batch = events(next, rows_each);  // what a producer holds is its own
        ready.count_down();
        go.wait();
        while (!stop) {
          EXPECT_TRUE(t.write(batch));
          next += rows_each;
          rows += rows_each;
          batch = events(next, rows_each);
        }
      });
    }
    ready.arrive_and_wait();
    malloc_trim(0);
    const std::uint64_t before = memory_bytes("VmRSS");
    go.count_down();
    std::uint64_t most = before;
    const auto began = std::chrono::steady_clock::now();
    while (std::chrono::steady_clock::now() - began < time) {
      std::this_thread::sleep_for(20ms);
      most = std::max(most, memory_bytes("VmRSS"));
    }
    const std::uint64_t counted = rows;
    written_ += counted;
    stop = true;
    calls_.slow_down(0us, 0us);
    for (auto& p : producers) p.join();
    return {static_cast<double>(counted) / std::chrono::duration<double>(time).count(), most - before};
  }

  /// First on the disk as it is, then on one that is more than ten times slower.
  void run(std::uint64_t rows_each, std::chrono::microseconds sync, std::chrono::microseconds mebibyte) {
    storage::BlockCache::process().set_capacity(kCacheBytes);
    open_on_slow_disk();
    auto t = table();
    const Produced fast = produce(t, rows_each, 1s);
    calls_.slow_down(sync, mebibyte);
    const Produced slow = produce(t, rows_each, soak_time());
    std::cout << rows_each << " rows a write, " << kProducers << " producers: " << fast.rows_per_s
              << " rows/s on the disk as it is, " << slow.rows_per_s << " rows/s on the slow one for "
              << soak_time().count() << " s; memory grew by " << slow.growth / 1024 << " KiB (before that by "
              << fast.growth / 1024 << " KiB)\n";
    if (!kSanitized) {
      EXPECT_LT(slow.rows_per_s, fast.rows_per_s / 2);  // the disk is what they wait for
      EXPECT_LT(slow.growth, kGrowthMax);
    }
    close_in_time();
  }

  ~BoundedMemory() override { storage::BlockCache::process().set_capacity(storage::BlockCache::kNoBound); }
  SlowCalls calls_;
  std::uint64_t written_ = 0;
};

TEST_F(BoundedMemory, SmallWritesOnASlowDisk) { run(10, 200ms, 0us); }

TEST_F(BoundedMemory, BulkWritesOnASlowDisk) { run(5'000, 50ms, 500ms); }

TEST_F(BoundedMemory, StagingMemoryGoesWhenItLiesIdleAndWhenTheDatabaseCloses) {
  open_on_slow_disk();
  table().write(events(1, 1)).value();
  { const io::Staging piece = io::take_staging(); }
  EXPECT_GE(io::staging_bytes(), io::kStagingBytes);
  for (int i = 0; i < 200 && io::staging_bytes() != 0; ++i) std::this_thread::sleep_for(50ms);
  EXPECT_EQ(io::staging_bytes(), 0U);
  { const io::Staging piece = io::take_staging(); }
  close_in_time();
  EXPECT_EQ(io::staging_bytes(), 0U);
}

TEST_F(BoundedMemory, RemovalsThatNobodyWaitsForAreRefusedInTheEnd) {
  open_on_slow_disk();
  auto t = table();
  t.write(events(1, 1)).value();
  calls_.slow_down(50ms, 0us);
  constexpr std::size_t kRequests = 6'000;  // more than the write buffer of 1 MiB takes
  std::size_t done = 0, refused = 0;
  {
    const runtime::HostCall unpin;
    caf::actor_system_config config;
    caf::actor_system system{config};
    caf::scoped_actor self{system};
    const TableActor actor = t.actor();
    const auto request = make_flat<fb::RemoveRequest>([](auto& b) {
      const Value key[] = {Value(std::uint64_t{1})};
      const auto row = to_row(b, key);
      return fb::CreateRemoveRequest(b, b.CreateVector(&row, 1));
    });
    using Answer = decltype(self->request(actor, caf::infinite, request));
    std::vector<Answer> answers;
    for (std::size_t i = 0; i < kRequests; ++i)
      answers.push_back(self->request(actor, caf::infinite, request));
    for (Answer& answer : answers) {
      answer.receive([&](const flat<fb::Commit>&) { ++done; },
                     [&](const caf::error& why) {
                       EXPECT_EQ(to_error(why).code(), ErrorCode::busy) << to_error(why).message();
                       ++refused;
                     });
    }
  }
  EXPECT_GT(done, 0u);
  EXPECT_GT(refused, 0u);
  calls_.slow_down(0us, 0us);
  close_in_time();
}

}  // namespace
}  // namespace firn::testing
