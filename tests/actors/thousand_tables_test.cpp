// A thousand tables of one row each, with 1,024 descriptors: what they may cost (threads, memory, disk, descriptors).
#include <iostream>

#include "fixture.hpp"
#include "process_figures.hpp"
#include "tests/scale.hpp"

namespace firn::testing {
namespace {

constexpr rlim_t kDescriptors = 1'024;
constexpr std::size_t kThreadsBesideCores = 8;
constexpr std::uint64_t kMemoryMax = 300 * kMiB, kDiskMax = 200 * kMiB;

class ThousandTables : public DatabaseTest {
 protected:
  std::string name(int i) const { return "t" + std::to_string(i); }

  void make_all() {
    for (int i = 0; i < tables_; ++i) {
      const auto row = events(static_cast<std::uint64_t>(i), 1, name(i));
      db_.create_table(name(i), event_schema()).value().write(row).value();
      look();
    }
  }

  void read_all() {
    for (int i = 0; i < tables_; ++i) {
      const auto row = db_.table(name(i)).value().get({Value(static_cast<std::uint64_t>(i))}).value();
      ASSERT_TRUE(row) << name(i);
      EXPECT_EQ((*row)["kind"], Value(name(i)));
      look();
    }
  }

  void look() {
    threads_ = std::max(threads_, thread_count());
    descriptors_ = std::max(descriptors_, descriptor_count());
  }

  const int tables_ = scaled(1'000);
  std::size_t threads_ = 0, descriptors_ = 0;
};

TEST_F(ThousandTables, StayWithinThreadsMemoryAndDisk) {
  const DescriptorLimit few(kDescriptors);
  forget_peak();
  open();
  make_all();
  const std::uint64_t open_disk = allocated_bytes(folder_);
  const auto closed = db_.close();
  ASSERT_TRUE(closed) << closed.error().message();
  const std::uint64_t disk = allocated_bytes(folder_);

  const auto began = std::chrono::steady_clock::now();
  open();
  read_all();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  const std::uint64_t read_disk = allocated_bytes(folder_);
  const std::uint64_t peak = memory_bytes("VmHWM");
  close_in_time();

  std::cout << tables_ << " tables: " << threads_ << " threads, " << descriptors_ << " descriptors, "
            << peak / kMiB << " MiB of memory at most, " << open_disk / kMiB << " MiB of disk while open, "
            << disk / kMiB << " MiB closed, " << read_disk / kMiB << " MiB while read; opened and read in "
            << took.count() << " s\n";
  // ThreadSanitizer has a thread of its own.
  EXPECT_LE(threads_, std::thread::hardware_concurrency() + kThreadsBesideCores + (kSanitized ? 1 : 0));
  EXPECT_LT(descriptors_, kDescriptors);
  EXPECT_LT(std::max({open_disk, disk, read_disk}), kDiskMax);
  if (!kSanitized) {
    EXPECT_LT(peak, kMemoryMax);
  }
}

}  // namespace
}  // namespace firn::testing
