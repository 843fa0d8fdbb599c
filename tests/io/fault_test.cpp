// Faults of the machine below the real disks: short writes, interruptions, failed syncs, full devices, forks,
// refusal of the ring; and the lock file.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>

#include "io/file_lock.hpp"
#include "io/posix_disk.hpp"
#include "io/uring.hpp"
#include "io/uring_disk.hpp"
#include "tests/io/log_fixture.hpp"

namespace firn::io {
namespace {

namespace fs = std::filesystem;
using Mode = Disk::Mode;

/// System calls that fail as told: each error of a list once, then for real; writes of at most `write_max`
/// bytes.
class FaultyCalls final : public SystemCalls {
 public:
  std::vector<int> write_errors, read_errors, sync_errors, allocate_errors;
  std::size_t write_max = SIZE_MAX;
  int syncs = 0;

  ssize_t pwrite(int fd, const void* bytes, std::size_t n, off_t offset) override {
    if (fails(write_errors)) return -1;
    return SystemCalls::pwrite(fd, bytes, std::min(n, write_max), offset);
  }
  ssize_t pwritev(int fd, const iovec* parts, int count, off_t offset) override {
    if (fails(write_errors)) return -1;
    if (write_max == SIZE_MAX) return SystemCalls::pwritev(fd, parts, count, offset);
    return SystemCalls::pwrite(fd, parts->iov_base, std::min(parts->iov_len, write_max), offset);
  }
  ssize_t pread(int fd, void* out, std::size_t n, off_t offset) override {
    if (fails(read_errors)) return -1;
    return SystemCalls::pread(fd, out, std::min<std::size_t>(n, 100), offset);
  }
  int fdatasync(int fd) override {
    ++syncs;
    return fails(sync_errors) ? -1 : SystemCalls::fdatasync(fd);
  }
  int fallocate(int fd, off_t offset, off_t length) override {
    return fails(allocate_errors) ? -1 : SystemCalls::fallocate(fd, offset, length);
  }

 private:
  static bool fails(std::vector<int>& errors) {
    if (errors.empty()) return false;
    errno = errors.back();
    errors.pop_back();
    return true;
  }
};

class Scratch {
 public:
  Scratch() : path_((fs::temp_directory_path() / "firn_fault_XXXXXX").string()) {
    if (::mkdtemp(path_.data()) == nullptr) std::abort();
  }
  ~Scratch() { fs::remove_all(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

class PosixFaults : public ::testing::Test {
 protected:
  Scratch scratch_;
  FaultyCalls calls_;
  std::shared_ptr<PosixDisk> disk_ = PosixDisk::open_root(scratch_.path(), false, calls_).value();
  std::unique_ptr<File> file_ = disk_->open("f", Mode::create_new).value();
};

TEST_F(PosixFaults, ShortWritesAndInterruptionsGoOn) {
  calls_.write_max = 7;
  calls_.write_errors = {EINTR, EAGAIN, EINTR};
  calls_.sync_errors = {EINTR};
  calls_.read_errors = {EINTR, EAGAIN};
  const Bytes bytes = pattern(1000, 1);
  file_->write_and_sync(0, bytes).value();
  EXPECT_EQ(read_file(*disk_, "f", 1000).value(), bytes);
}

TEST_F(PosixFaults, AnEndlessInterruptionIsAnErrorInTheEnd) {
  calls_.write_errors = std::vector<int>(5000, EINTR);
  EXPECT_EQ(file_->write_at(0, Bytes(10)).error().code(), ErrorCode::io);
}

TEST_F(PosixFaults, AFailedSyncPoisonsTheFileAndIsNeverRetried) {
  calls_.sync_errors = {EIO};
  const auto first = file_->write_and_sync(0, Bytes(10));
  EXPECT_EQ(first.error().code(), ErrorCode::io);
  EXPECT_NE(first.error().message().find("'f'"), std::string::npos);
  EXPECT_EQ(file_->sync().error().message(), first.error().message());
  EXPECT_EQ(file_->write_and_sync(0, Bytes(10)).error().message(), first.error().message());
  EXPECT_EQ(calls_.syncs, 1);
}

TEST_F(PosixFaults, FullDevicesAndQuotasAreFull) {
  calls_.write_errors = {ENOSPC};
  EXPECT_EQ(file_->write_at(0, Bytes(10)).error().code(), ErrorCode::full);
  calls_.write_errors = {EDQUOT};
  EXPECT_EQ(file_->write_at(0, Bytes(10)).error().code(), ErrorCode::full);
  calls_.allocate_errors = {ENOSPC};
  EXPECT_EQ(file_->allocate(100).error().code(), ErrorCode::full);
  file_->write_and_sync(0, Bytes(10)).value();
}

TEST_F(PosixFaults, PartsCutShortComeBackWhole) {
  calls_.write_max = 100'000;
  calls_.write_errors = {EINTR, EAGAIN};
  const Bytes bytes = pattern((3 << 20) + 77, 1);
  const std::span<const std::uint8_t> all(bytes);
  std::vector<std::span<const std::uint8_t>> parts;  // more of them than one call takes
  for (std::size_t at = 0; at < 1500; ++at) parts.push_back(all.subspan(at, 1));
  parts.push_back(all.subspan(1500));
  file_->write_parts(9, parts).value();
  Bytes back(bytes.size());
  file_->read_at(9, back).value();
  EXPECT_TRUE(back == bytes);
  calls_.write_errors = {ENOSPC};
  EXPECT_EQ(file_->write_parts(9, parts).error().code(), ErrorCode::full);
}

TEST_F(PosixFaults, WithoutFallocateTheRoomIsWritten) {
  calls_.allocate_errors = {EOPNOTSUPP};
  file_->write_at(0, bytes_of("abc")).value();
  file_->allocate(200'000).value();
  EXPECT_EQ(file_->size().value(), 200'000U);
  EXPECT_EQ(read_file(*disk_, "f", 1 << 20).value().at(1), 'b');
}

TEST_F(PosixFaults, AReadErrorIsRetriedOnce) {
  file_->write_at(0, bytes_of("abc")).value();
  Bytes back(3);
  calls_.read_errors = {EIO};
  file_->read_at(0, back).value();
  EXPECT_EQ(back, bytes_of("abc"));
  calls_.read_errors = {EIO, EIO};
  EXPECT_EQ(file_->read_at(0, back).error().code(), ErrorCode::io);
}

TEST_F(PosixFaults, AForkedChildIsRefused) {
  const pid_t child = ::fork();
  if (child == 0) {
    const bool refused = !file_->write_and_sync(0, Bytes(1)).ok() && !disk_->open("f", Mode::read).ok();
    ::_exit(refused ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

/// Faults of the ring are put into its completions: the kernel has done its work, the result says otherwise.
class RingFaults : public ::testing::Test {
 protected:
  void SetUp() override {
    auto disk = UringDisk::open_root(scratch_.path(), false);
    if (!disk) GTEST_SKIP() << disk.error().message();
    disk_ = *disk;
    file_ = disk_->open("f", Mode::create_new).value();
  }
  void TearDown() override {
    if (Ring* ring = thread_ring()) ring->set_completion_hook({});
  }
  void hook(Ring::CompletionHook hook) { thread_ring()->set_completion_hook(std::move(hook)); }
  Bytes content() { return read_file(*disk_, "f", 1 << 30).value(); }

  Scratch scratch_;
  std::shared_ptr<UringDisk> disk_;
  std::unique_ptr<File> file_;
};

TEST_F(RingFaults, AWriteThatTheKernelCutsShortIsFinishedBeforeTheSync) {
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  rlimit small = before;
  small.rlim_cur = 5000;  // a real short write: the kernel stops here and cancels the linked sync
  std::vector<std::pair<RingRequest::Kind, std::int32_t>> seen;
  hook([&](const RingRequest& r, std::int32_t result) {
    seen.emplace_back(r.kind, result);
    ::setrlimit(RLIMIT_FSIZE, &before);
    return result;
  });
  const Bytes bytes = pattern(100'000, 1);  // less would not go through the ring
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const auto done = file_->write_and_sync(0, bytes);
  ::setrlimit(RLIMIT_FSIZE, &before);
  ASSERT_TRUE(done.ok()) << done.error().message();
  EXPECT_EQ(content(), bytes);
  using Kind = RingRequest::Kind;
  // What is left goes by plain calls.
  const std::vector<std::pair<Kind, std::int32_t>> expected{{Kind::write, 5000}, {Kind::sync, -ECANCELED}};
  EXPECT_EQ(seen, expected);
}

TEST_F(RingFaults, InterruptionsInCompletionsAreTriedAgain) {
  int left = 5;
  hook([&](const RingRequest&, std::int32_t result) {
    return left-- > 0 ? (left % 2 != 0 ? -EINTR : -EAGAIN) : result;
  });
  const Bytes bytes = pattern(100'000, 1);
  file_->write_and_sync(0, bytes).value();
  left = 5;
  file_->sync().value();
  left = 20;
  file_->write_at(0, pattern(9 << 20, 2)).value();
  EXPECT_TRUE(content() == pattern(9 << 20, 2));
}

TEST_F(RingFaults, AnEndlessInterruptionIsAnErrorInTheEnd) {
  hook([](const RingRequest&, std::int32_t) { return -EINTR; });
  EXPECT_FALSE(file_->write_at(0, Bytes(1 << 20)).ok());
}

TEST_F(RingFaults, LongWritesWithShortPiecesComeBackWhole) {
  std::uint64_t n = 0;
  hook([&](const RingRequest&, std::int32_t result) { return ++n % 3 == 0 ? result / 2 : result; });
  const Bytes bytes = pattern((25 << 20) + 77, 1);
  file_->write_and_sync(5, bytes).value();
  Bytes back(bytes.size());
  file_->read_at(5, back).value();
  EXPECT_TRUE(back == bytes);
}

TEST_F(RingFaults, PartsCutShortOrInterruptedComeBackWhole) {
  std::uint64_t n = 0;
  hook([&](const RingRequest& r, std::int32_t result) {
    if (r.kind != RingRequest::Kind::write) return result;
    n += 1;
    return n % 3 == 0 ? result / 2 : n % 5 == 0 ? -EINTR : result;
  });
  const Bytes bytes = pattern((25 << 20) + 77, 1);
  const std::span<const std::uint8_t> all(bytes);
  const std::vector<std::span<const std::uint8_t>> parts{
      all.first(100), all.subspan(100, 12 << 20), {}, all.subspan(100 + (12 << 20))};
  int meanwhile = 0;
  file_->write_parts(5, parts, [&] { ++meanwhile; }).value();
  EXPECT_EQ(meanwhile, 1);
  file_->sync().value();
  Bytes back(bytes.size());
  file_->read_at(5, back).value();
  EXPECT_TRUE(back == bytes);
}

TEST_F(RingFaults, APartThatCannotBeWrittenIsTheAnswer) {
  int writes = 0;
  hook([&](const RingRequest& r, std::int32_t result) {
    return r.kind == RingRequest::Kind::write && ++writes == 3 ? -ENOSPC : result;
  });
  const Bytes bytes = pattern(15 << 20, 1);
  const std::vector<std::span<const std::uint8_t>> parts{bytes};
  EXPECT_EQ(file_->write_parts(0, parts).error().code(), ErrorCode::full);
}

TEST_F(RingFaults, PartsThatTheDeviceRefusesToTakeDirectlyAreWrittenAllTheSame) {
  hook([&](const RingRequest&, std::int32_t) { return -EINVAL; });
  const Bytes bytes = pattern((13 << 20) + 5, 1);
  const std::vector<std::span<const std::uint8_t>> parts{bytes};
  file_->write_parts(0, parts).value();
  file_->sync().value();
  EXPECT_TRUE(content() == bytes);
}

TEST_F(RingFaults, PartsStandBesideWhatIsThere) {
  const Bytes before = pattern(5000, 1), bytes = pattern((3 << 20) + 5, 2), behind = pattern(5000, 3);
  file_->write_at(0, before).value();
  file_->write_at(5000 + bytes.size(), behind).value();
  const std::span<const std::uint8_t> all(bytes);
  const std::vector<std::span<const std::uint8_t>> parts{all.first(4095), all.subspan(4095)};
  file_->write_parts(5000, parts).value();
  Bytes expected = before;
  expected.insert(expected.end(), bytes.begin(), bytes.end());
  expected.insert(expected.end(), behind.begin(), behind.end());
  EXPECT_TRUE(content() == expected);
}

TEST_F(RingFaults, WhatThrowsMeanwhileThrowsWhenTheKernelIsDone) {
  const Bytes bytes = pattern(3 << 20, 1);
  const std::vector<std::span<const std::uint8_t>> parts{bytes};
  EXPECT_THROW((void)file_->write_parts(0, parts, [] { throw std::bad_alloc(); }), std::bad_alloc);
  EXPECT_TRUE(content() == bytes);
}

TEST_F(RingFaults, AFailedSyncPoisonsTheFile) {
  int syncs = 0;
  hook([&](const RingRequest& r, std::int32_t result) {
    if (r.kind != RingRequest::Kind::sync) return result;
    return ++syncs == 1 ? -EIO : result;
  });
  const auto first = file_->write_and_sync(0, Bytes(100'000));
  EXPECT_EQ(first.error().code(), ErrorCode::io);
  EXPECT_EQ(file_->sync().error().message(), first.error().message());
  EXPECT_EQ(file_->write_and_sync(0, Bytes(10)).error().message(), first.error().message());
  EXPECT_EQ(syncs, 1);
}

TEST_F(RingFaults, AFullDeviceIsFullAndNotForEver) {
  bool full = true;
  hook([&](const RingRequest& r, std::int32_t result) {
    return full && r.kind == RingRequest::Kind::write ? -ENOSPC : result;
  });
  EXPECT_EQ(file_->write_at(0, Bytes(1 << 20)).error().code(), ErrorCode::full);
  full = false;
  file_->write_and_sync(0, Bytes(10)).value();
}

TEST_F(RingFaults, AForkedChildGetsNoRing) {
  ASSERT_NE(thread_ring(), nullptr);
  const pid_t child = ::fork();
  if (child == 0) ::_exit(thread_ring() == nullptr && !file_->sync().ok() ? 0 : 1);
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  file_->write_and_sync(0, Bytes(10)).value();  // ours is unharmed
}

TEST(OpenDisk, MakesTheFolderOnRequestOnly) {
  const Scratch scratch;
  EXPECT_EQ(open_disk(scratch.path() + "/a/b", false).error().code(), ErrorCode::not_found);
  auto disk = open_disk(scratch.path() + "/a/b/", true).value();
  EXPECT_TRUE(fs::is_directory(scratch.path() + "/a/b"));
  EXPECT_EQ(disk->host_path("x"), fs::canonical(scratch.path()).string() + "/a/b/x");
}

TEST(OpenDisk, TheRingCanBeSwitchedOff) {
  const Scratch scratch;
  ASSERT_EQ(::setenv("FIRN_NO_URING", "1", 1), 0);
  std::string notice;
  const auto disk = open_disk(scratch.path(), false, &notice);
  ::unsetenv("FIRN_NO_URING");
  ASSERT_TRUE(disk.ok());
  EXPECT_NE(notice.find("FIRN_NO_URING"), std::string::npos);
  EXPECT_EQ(dynamic_cast<UringDisk*>(disk->get()), nullptr);
}

TEST(OpenDisk, ARefusedRingIsNoticedAndReplaced) {
  const Scratch scratch;
  std::string notice = "unset";
  const auto disk = open_disk(scratch.path(), false, &notice).value();
  EXPECT_EQ(notice.empty(), dynamic_cast<UringDisk*>(disk.get()) != nullptr);
}

TEST(FileLock, SecondHolderIsToldWhoHoldsIt) {
  const Scratch scratch;
  {
    const auto held = FileLock::acquire(scratch.path());
    ASSERT_TRUE(held.ok()) << held.error().message();
    const auto second = FileLock::acquire(scratch.path());
    EXPECT_EQ(second.error().code(), ErrorCode::busy);
    EXPECT_NE(second.error().message().find("process " + std::to_string(::getpid())), std::string::npos);
  }
  EXPECT_TRUE(FileLock::acquire(scratch.path()).ok());
}

TEST(FileLock, SurvivesTheDeathOfAChildAndOtherDescriptorsOfTheFile) {
  const Scratch scratch;
  const auto held = FileLock::acquire(scratch.path());
  const pid_t child = ::fork();
  if (child == 0) ::_exit(FileLock::acquire(scratch.path()).ok() ? 1 : 0);
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  std::fclose(std::fopen((scratch.path() + "/lock").c_str(), "r"));
  EXPECT_EQ(FileLock::acquire(scratch.path()).error().code(), ErrorCode::busy);
}

TEST(FileLock, ASymbolicLinkIsRefused) {
  const Scratch scratch;
  fs::create_symlink("/etc/passwd", scratch.path() + "/lock");
  EXPECT_EQ(FileLock::acquire(scratch.path()).error().code(), ErrorCode::invalid_argument);
}

}  // namespace
}  // namespace firn::io
