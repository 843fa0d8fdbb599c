// Whose ring it is: one thread's, for one use at a time, and some places are left for threads that write.
#include "io/uring.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <latch>
#include <numeric>
#include <thread>
#include <vector>

#include "io/uring_disk.hpp"
#include "tests/io/log_fixture.hpp"

namespace firn::io {
namespace {

std::vector<std::uint8_t> numbered(std::size_t n, int first) {
  std::vector<std::uint8_t> out(n);
  std::iota(out.begin(), out.end(), static_cast<std::uint8_t>(first));
  return out;
}

class RingFolder {
 public:
  RingFolder() : path_((std::filesystem::temp_directory_path() / "firn_ring_XXXXXX").string()) {
    if (::mkdtemp(path_.data()) == nullptr) throw std::runtime_error("no temporary folder");
  }
  ~RingFolder() { std::filesystem::remove_all(path_); }
  RingFolder(const RingFolder&) = delete;
  RingFolder& operator=(const RingFolder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

class RingThreads : public ::testing::Test {
 protected:
  void SetUp() override {
    auto disk = UringDisk::open_root(scratch_.path(), false);
    if (!disk) GTEST_SKIP() << disk.error().message();
    disk_ = *disk;
  }
  std::unique_ptr<File> made(const std::string& name) {
    return disk_->open(name, Disk::Mode::create_new).value();
  }
  std::vector<std::uint8_t> content(const std::string& name) {
    return read_file(*disk_, name, 1 << 30).value();
  }
  static ErrorCode code_of(const std::function<void()>& call) {
    try {
      call();
    } catch (const Error& e) {
      return e.code();
    }
    return ErrorCode::ok;
  }

  RingFolder scratch_;
  std::shared_ptr<UringDisk> disk_;
};

TEST_F(RingThreads, OneThatIsInUseIsGivenToNobodyAndRunsNothingElse) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  Ring* const ring = thread_ring();
  ASSERT_NE(ring, nullptr);
  std::uint8_t byte = 0;
  RingRequest waits{RingRequest::Kind::read, ends[0], 0, &byte, 1};
  ring->start(waits);
  EXPECT_TRUE(ring->in_use());
  EXPECT_EQ(thread_ring(), nullptr);
  std::vector<RingRequest> other(1);
  EXPECT_EQ(code_of([&] { ring->run(other); }), ErrorCode::internal);
  ASSERT_EQ(::write(ends[1], "x", 1), 1);
  ring->finish(waits);
  EXPECT_EQ(waits.result, 1);
  EXPECT_EQ(byte, 'x');
  EXPECT_FALSE(ring->in_use());
  EXPECT_EQ(thread_ring(), ring);
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST_F(RingThreads, ALongWriteAndSyncInTheMidstOfAnotherAreTheirOwn) {
  const auto outer = numbered(std::size_t{13} << 20, 1), inner = numbered(std::size_t{3} << 20, 7);
  const auto file = made("outer"), other = made("inner");
  const std::span<const std::uint8_t> parts[] = {outer};
  int calls = 0;
  file->write_parts(5, parts,
                    [&] {
                      ++calls;
                      other->write_at(0, inner).value();
                      other->write_and_sync(inner.size(), std::span(inner).first(100'000)).value();
                      const std::span<const std::uint8_t> more[] = {inner};
                      other->write_parts(0, more, {}).value();
                      std::vector<std::uint8_t> back(std::size_t{1} << 20);
                      other->read_at(0, back).value();
                      EXPECT_TRUE(std::equal(back.begin(), back.end(), inner.begin()));
                    })
      .value();
  EXPECT_EQ(calls, 1);
  auto got = content("outer");
  got.erase(got.begin(), got.begin() + 5);
  EXPECT_TRUE(got == outer);
  got = content("inner");
  ASSERT_EQ(got.size(), inner.size() + 100'000);
  EXPECT_TRUE(std::equal(inner.begin(), inner.end(), got.begin()));
}

TEST_F(RingThreads, AnotherThreadsRingIsRefused) {
  auto ring = Ring::create().value();
  std::vector<RingRequest> requests(1);
  std::thread([&] {
    EXPECT_EQ(code_of([&] { ring->run(requests); }), ErrorCode::internal);
    EXPECT_EQ(code_of([&] { ring->start(requests[0]); }), ErrorCode::internal);
  }).join();
}

TEST_F(RingThreads, ThoseThatReadLeavePlacesForThoseThatWrite) {
  // Threads of their own throughout: the test's may have a ring from an earlier test.
  constexpr int kReaders = 6;
  std::latch tried(kReaders), done(1);
  std::atomic<int> got{0};
  std::vector<std::thread> readers;
  for (int i = 0; i < kReaders; ++i)
    readers.emplace_back([&] {
      got += thread_ring(RingUse::read) != nullptr ? 1 : 0;
      tried.count_down();
      done.wait();
    });
  tried.wait();
  EXPECT_LE(got, kThreadRingsMax - kThreadRingsOfWriters);
  std::thread([&] { EXPECT_NE(thread_ring(), nullptr); }).join();
  done.count_down();
  for (auto& r : readers) r.join();
}

}  // namespace
}  // namespace firn::io
