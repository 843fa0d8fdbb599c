// Faults that pass: no descriptors, no room, a device that takes ten seconds. Writes fail with a clear error or wait,
// reads go on, and the open handle continues afterwards.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "storage/scan_pool.hpp"
#include "tests/storage/model_table.hpp"
#include "tests/storage/scratch_folder.hpp"

namespace firn::storage {
namespace {

using namespace model;
using firn::testing::ScratchFolder;
using io::SimDisk;

constexpr std::uint32_t kSmallRows = 20;

struct Table {
  explicit Table(std::shared_ptr<io::Disk> on) : disk(std::move(on)) {
    HybridTableConfig config;
    config.small_write_rows = kSmallRows;
    options.clock = std::make_shared<io::ManualClock>();
    options.hot_map_bytes = std::size_t{4} << 20;
    store = TableStore::create(disk, "t", "events", 7, shape.schema(), config, options).value();
  }
  Result<CommitInfo> write(int first, int rows, std::int64_t v) {
    Change change;
    for (int i = 0; i < rows; ++i) change.emplace_back(first + i, Cell{true, v, ""});
    FIRN_ASSIGN(WriteRequest r, upsert_of(*store, shape.batch(change)));
    FIRN_ASSIGN(const CommitInfo done, store->commit_one(std::move(r)));
    for (const auto& [k, cell] : change) state[k] = cell;
    return done;
  }
  Result<void> move(StorageTier to) {
    for (int i = 0; i < 20; ++i) {
      const auto order = store->next_job_towards(to);
      if (!order) return {};
      FIRN_TRY(store->run_job(*order));
    }
    return {};
  }
  bool holds() { return read_state(*store).value() == state; }
  void reopen() {
    store.reset();
    store = TableStore::open(disk, "t", options).value();
  }

  std::shared_ptr<io::Disk> disk;
  TableShape shape{KeyKind::number};
  StoreOptions options;
  std::unique_ptr<TableStore> store;
  State state;
};

/// Leaves this process no free descriptor until it goes.
class NoDescriptors {
 public:
  NoDescriptors() {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    rlimit less = before_;
    less.rlim_cur = std::min<rlim_t>(before_.rlim_cur, 256);
    ::setrlimit(RLIMIT_NOFILE, &less);
    for (int fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC); fd >= 0;
         fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC))
      taken_.push_back(fd);
  }
  ~NoDescriptors() {
    for (const int fd : taken_) ::close(fd);
    ::setrlimit(RLIMIT_NOFILE, &before_);
  }
  NoDescriptors(const NoDescriptors&) = delete;
  NoDescriptors& operator=(const NoDescriptors&) = delete;

 private:
  rlimit before_{};
  std::vector<int> taken_;
};

TEST(DeviceFaultTest, WithoutDescriptorsWritesFailAndTheHandleGoesOnWhenThereAreSome) {
  ScratchFolder folder;
  Table table(io::open_disk(folder.path(), true).value());
  ASSERT_TRUE(table.write(0, 15, 1) && table.write(100, 60, 2) && table.move(StorageTier::cold));
  ASSERT_TRUE(table.write(0, 60, 3) && table.holds());
  // UndefinedBehaviorSanitizer reads an object's type through a pipe when it meets it first: all that reads make, the hot
  // image, rows since and the threads of the scan pool, has to be met before.
  for (int first = 400; first < 430; first += 10) ASSERT_TRUE(table.write(first, 5, 3) && table.holds());
  run_in_scan_pool(2, [](std::uint32_t) {});
  {
    const NoDescriptors none;
    EXPECT_TRUE(table.write(200, 5, 4)) << "a small write needs no new file";
    const auto moved = table.move(StorageTier::cold);
    EXPECT_FALSE(moved);
    EXPECT_NE(moved.error().message().find("Too many open files"), std::string::npos)
        << moved.error().message();
    const auto checkpoint = table.store->checkpoint();
    EXPECT_FALSE(checkpoint);
    EXPECT_NE(checkpoint.error().message().find("Too many open files"), std::string::npos);
    EXPECT_TRUE(table.holds()) << "reads go on";
  }
  EXPECT_EQ(table.store->stats().value().read_only_reason, "");
  const auto small = table.write(10, 5, 5);
  EXPECT_TRUE(small) << small.error().message();
  EXPECT_TRUE(table.write(300, 60, 6));
  EXPECT_TRUE(table.move(StorageTier::cold));
  EXPECT_TRUE(table.store->checkpoint());
  EXPECT_TRUE(table.holds());
  table.reopen();
  EXPECT_TRUE(table.holds());
}

TEST(DeviceFaultTest, AFileThatCannotBeOpenedForAMomentFailsOneReadOnly) {
  auto disk = std::make_shared<SimDisk>();
  Table table(disk);
  ASSERT_TRUE(table.write(0, 60, 1) && table.move(StorageTier::cold) && table.write(5, 3, 2));
  table.reopen();
  auto left = std::make_shared<std::atomic<int>>(3);
  disk->set_fault([left](io::SimOp op, const std::string& path, std::uint64_t) -> std::optional<Error> {
    if (op != io::SimOp::read || path.find("/cold/") == std::string::npos || --*left < 0) return std::nullopt;
    return Error(ErrorCode::io, "'" + path + "': read at offset 0: Input/output error");
  });
  const auto failed = read_state(*table.store);
  ASSERT_FALSE(failed);
  EXPECT_NE(failed.error().message().find("/cold/"), std::string::npos) << failed.error().message();
  while (*left > 0) (void)read_state(*table.store);
  EXPECT_TRUE(table.holds()) << "nothing of the failure was kept";
}

/// A device that holds every write to the log until it is let go: ten seconds, or as long as it likes.
TEST(DeviceFaultTest, WhileAWriteTakesLongReadsAnswerAndOrderIsKept) {
  auto disk = std::make_shared<SimDisk>();
  Table table(disk);
  ASSERT_TRUE(table.write(0, 15, 1));
  const State before = table.state;
  std::atomic<bool> slow = true, waiting = false;
  // The disk asks before each operation: here it waits, as a device would.
  disk->set_fault([&](io::SimOp op, const std::string& path, std::uint64_t) -> std::optional<Error> {
    if (op != io::SimOp::sync || path.find("/commit/") == std::string::npos) return std::nullopt;
    waiting = true;
    while (slow) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return std::nullopt;
  });
  std::vector<std::uint64_t> csns;
  std::thread writer([&] {
    for (int i = 0; i < 3; ++i) csns.push_back(table.write(i, 2, 10 + i).value().csn.value);
  });
  while (!waiting) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  // In memory there is one lock for the whole disk: rows in hot are read without it.
  EXPECT_EQ(read_state(*table.store).value(), before) << "no answer shows what is not durable";
  EXPECT_TRUE(csns.empty());
  slow = false;
  writer.join();
  disk->set_fault({});
  EXPECT_TRUE(std::is_sorted(csns.begin(), csns.end()));
  EXPECT_EQ(csns.size(), 3U);
  EXPECT_TRUE(table.holds());
  table.reopen();
  EXPECT_TRUE(table.holds());
}

}  // namespace
}  // namespace firn::storage
