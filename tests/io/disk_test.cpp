// One specification, three disks: what a Disk promises holds for system calls, the ring and the simulation
// alike.
#include "io/disk.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <thread>

#include "io/posix_disk.hpp"
#include "io/sim_disk.hpp"
#include "io/uring_disk.hpp"
#include "tests/io/log_fixture.hpp"

namespace firn::io {
namespace {

namespace fs = std::filesystem;
using Mode = Disk::Mode;

enum class Kind { posix, posix_by_parts, uring, sim };

class DiskTest : public ::testing::TestWithParam<Kind> {
 protected:
  void SetUp() override {
    root_ = (fs::temp_directory_path() / "firn_disk_XXXXXX").string();
    ASSERT_NE(::mkdtemp(root_.data()), nullptr);
    switch (GetParam()) {
      case Kind::posix:
        disk_ = PosixDisk::open_root(root_, false).value();
        break;
      case Kind::posix_by_parts: {
        auto disk = PosixDisk::open_root(root_, false).value();
        disk->forget_openat2();
        disk_ = disk;
        break;
      }
      case Kind::uring: {
        auto disk = UringDisk::open_root(root_, false);
        if (!disk) GTEST_SKIP() << disk.error().message();
        disk_ = *disk;
        break;
      }
      case Kind::sim:
        disk_ = std::make_shared<SimDisk>();
        break;
    }
  }
  void TearDown() override { fs::remove_all(root_); }

  bool is_simulated() const { return GetParam() == Kind::sim; }
  void make(const std::string& path, const Bytes& bytes = {}) {
    disk_->open(path, Mode::create_new).value()->write_at(0, bytes).value();
  }
  Bytes content(const std::string& path) { return read_file(*disk_, path, 1 << 30).value(); }
  std::vector<std::string> names(const std::string& path) {
    std::vector<std::string> out;
    const auto entries = disk_->list(path).value();
    for (const DirEntry& e : entries) out.push_back(e.name + (e.is_directory ? "/" : ""));
    return out;
  }
  template <class T>
  void expect_code(const Result<T>& r, ErrorCode code) {
    ASSERT_FALSE(r.ok());
    EXPECT_EQ(r.error().code(), code) << r.error().message();
  }

  std::string root_;
  std::shared_ptr<Disk> disk_;
};

TEST_P(DiskTest, WhatWasWrittenIsRead) {
  const auto file = disk_->open("a", Mode::create_new).value();
  file->write_at(0, bytes_of("hello ")).value();
  file->write_and_sync(6, bytes_of("world")).value();
  file->sync().value();
  EXPECT_EQ(content("a"), bytes_of("hello world"));
  EXPECT_EQ(file->path(), "a");
}

TEST_P(DiskTest, WritesOfEverySizeComeBack) {
  const auto file = disk_->open("a", Mode::create_new).value();
  for (const std::size_t n : {0U, 1U, 4095U, 65536U, (1U << 20) - 1, 1U << 20, (1U << 20) + 1, 37U << 20}) {
    const Bytes bytes = pattern(n, n);
    file->write_and_sync(3, bytes).value();
    Bytes back(n);
    file->read_at(3, back).value();
    ASSERT_TRUE(back == bytes) << n;
  }
}

TEST_P(DiskTest, AHoleReadsAsZero) {
  const auto file = disk_->open("a", Mode::create_new).value();
  file->write_at(4, bytes_of("x")).value();
  EXPECT_EQ(content("a"), (Bytes{0, 0, 0, 0, 'x'}));
}

TEST_P(DiskTest, ReadingPastTheEndIsDamage) {
  make("a", bytes_of("four"));
  const auto file = disk_->open("a", Mode::read).value();
  Bytes five(5);
  expect_code(file->read_at(0, five), ErrorCode::corrupt);
  expect_code(file->read_at(4, std::span(five).first(1)), ErrorCode::corrupt);
  Bytes large(2 << 20);
  expect_code(file->read_at(0, large), ErrorCode::corrupt);
  file->read_at(4, {}).value();
}

TEST_P(DiskTest, AllocateAndTruncateSetTheLength) {
  const auto file = disk_->open("a", Mode::create_new).value();
  file->write_at(0, bytes_of("abc")).value();
  file->allocate(10'000).value();
  EXPECT_EQ(file->size().value(), 10'000U);
  EXPECT_GE(file->allocated_bytes().value(), 10'000U);
  file->allocate(5).value();  // never shortens
  EXPECT_EQ(file->size().value(), 10'000U);
  file->truncate(2).value();
  EXPECT_EQ(content("a"), bytes_of("ab"));
}

TEST_P(DiskTest, OpenSaysWhatIsThereAndWhatIsNot) {
  expect_code(disk_->open("a", Mode::read), ErrorCode::not_found);
  expect_code(disk_->open("a", Mode::read_write), ErrorCode::not_found);
  make("a");
  expect_code(disk_->open("a", Mode::create_new), ErrorCode::already_exists);
  disk_->make_directories("d").value();
  expect_code(disk_->open("d", Mode::read), ErrorCode::invalid_argument);
  EXPECT_TRUE(disk_->exists("a").value());
  EXPECT_TRUE(disk_->exists("d").value());
  EXPECT_FALSE(disk_->exists("b").value());
  EXPECT_FALSE(disk_->exists("no/b").value());
}

TEST_P(DiskTest, AFileOpenForReadingTakesNoWrites) {
  make("a", bytes_of("x"));
  const auto file = disk_->open("a", Mode::read).value();
  EXPECT_FALSE(file->write_at(0, bytes_of("y")).ok());
  EXPECT_EQ(content("a"), bytes_of("x"));
}

TEST_P(DiskTest, FoldersNestAndListInOrder) {
  disk_->make_directories("a/b/c").value();
  disk_->make_directories("a/b/c").value();
  make("a/z");
  make("a/m");
  EXPECT_EQ(names("a"), (std::vector<std::string>{"b/", "m", "z"}));
  EXPECT_EQ(names(""), (std::vector<std::string>{"a/"}));
  expect_code(disk_->list("nowhere"), ErrorCode::not_found);
  disk_->sync_directory("a/b").value();
  disk_->sync_directory("").value();
  expect_code(disk_->sync_directory("nowhere"), ErrorCode::not_found);
  expect_code(disk_->make_directories("a/z/deeper"), ErrorCode::invalid_argument);
}

TEST_P(DiskTest, RenameMovesAndReplaces) {
  disk_->make_directories("d").value();
  make("a", bytes_of("new"));
  make("d/b", bytes_of("old"));
  disk_->rename("a", "d/b").value();
  EXPECT_EQ(content("d/b"), bytes_of("new"));
  EXPECT_FALSE(disk_->exists("a").value());
  expect_code(disk_->rename("a", "c"), ErrorCode::not_found);
  disk_->rename("d", "e").value();
  EXPECT_EQ(content("e/b"), bytes_of("new"));
}

TEST_P(DiskTest, AnOpenFileOutlivesItsName) {
  make("a", bytes_of("still here"));
  const auto file = disk_->open("a", Mode::read).value();
  disk_->remove("a").value();
  EXPECT_FALSE(disk_->exists("a").value());
  expect_code(disk_->remove("a"), ErrorCode::not_found);
  Bytes back(10);
  file->read_at(0, back).value();
  EXPECT_EQ(back, bytes_of("still here"));
}

TEST_P(DiskTest, RemoveTreeTakesAllOrNothingThere) {
  disk_->make_directories("t/u/v").value();
  make("t/u/x");
  make("t/y");
  make("beside");
  disk_->remove_tree("t").value();
  disk_->remove_tree("t").value();
  disk_->remove_tree("no/such").value();
  EXPECT_EQ(names(""), (std::vector<std::string>{"beside"}));
}

TEST_P(DiskTest, PathsCannotLeaveTheRoot) {
  for (const char* path : {"..", "../x", "a/../../x", "/etc/passwd", "a//b", "./a", "a/.", "a/"}) {
    expect_code(disk_->open(path, Mode::read), ErrorCode::invalid_argument);
    expect_code(disk_->open(path, Mode::create_new), ErrorCode::invalid_argument);
    expect_code(disk_->make_directories(path), ErrorCode::invalid_argument);
    expect_code(disk_->remove(path), ErrorCode::invalid_argument);
    expect_code(disk_->rename(path, "x"), ErrorCode::invalid_argument);
    expect_code(disk_->list(path), ErrorCode::invalid_argument);
    expect_code(disk_->remove_tree(path), ErrorCode::invalid_argument);
  }
  expect_code(disk_->open(std::string("a\0b", 3), Mode::create_new), ErrorCode::invalid_argument);
  expect_code(disk_->remove_tree(""), ErrorCode::invalid_argument);
}

TEST_P(DiskTest, SymbolicLinksAreRefused) {
  if (is_simulated()) GTEST_SKIP() << "has no links";
  fs::create_directories(root_ + "/real");
  make("real/f", bytes_of("x"));
  fs::create_symlink("real/f", root_ + "/to_file");
  fs::create_symlink("/etc", root_ + "/to_etc");
  fs::create_symlink("real", root_ + "/to_folder");
  for (const char* path : {"to_file", "to_etc/passwd", "to_folder/f"}) {
    expect_code(disk_->open(path, Mode::read), ErrorCode::invalid_argument);
    expect_code(disk_->exists(path), ErrorCode::invalid_argument);
  }
  expect_code(disk_->open("to_folder/new", Mode::create_new), ErrorCode::invalid_argument);
  expect_code(disk_->list("to_folder"), ErrorCode::invalid_argument);
  expect_code(disk_->make_directories("to_folder/x"), ErrorCode::invalid_argument);
  expect_code(disk_->remove_tree("to_folder"), ErrorCode::invalid_argument);
  disk_->make_directories("tree").value();
  fs::create_symlink(root_ + "/real", root_ + "/tree/link");
  disk_->remove_tree("tree").value();  // takes the link, not what it shows
  EXPECT_EQ(content("real/f"), bytes_of("x"));
}

TEST_P(DiskTest, APipeIsNoFileAndDoesNotHang) {
  if (is_simulated()) GTEST_SKIP() << "has no pipes";
  ASSERT_EQ(::mkfifo((root_ + "/pipe").c_str(), 0600), 0);
  expect_code(disk_->open("pipe", Mode::read), ErrorCode::invalid_argument);
}

TEST_P(DiskTest, FilesAndFoldersAreTheOwnersAlone) {
  if (is_simulated()) GTEST_SKIP() << "has no rights";
  disk_->make_directories("d").value();
  make("d/f");
  struct stat st {};
  ASSERT_EQ(::stat((root_ + "/d").c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 0777U, 0700U);
  ASSERT_EQ(::stat((root_ + "/d/f").c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 0777U, 0600U);
}

TEST_P(DiskTest, ReplaceFileIsWholeAndLeavesNoOther) {
  replace_file(*disk_, "f", bytes_of("one")).value();
  make("f.tmp", bytes_of("left behind by a crash"));
  replace_file(*disk_, "f", bytes_of("two")).value();
  EXPECT_EQ(content("f"), bytes_of("two"));
  EXPECT_EQ(names(""), (std::vector<std::string>{"f"}));
  expect_code(read_file(*disk_, "f", 2), ErrorCode::corrupt);
}

TEST_P(DiskTest, ManyThreadsReadAndWriteTheirOwnFiles) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([this, t] {
      const auto file = disk_->open("f" + std::to_string(t), Mode::create_new).value();
      for (std::uint64_t i = 0; i < 20; ++i) {
        const Bytes bytes = pattern(5000, i);
        file->write_and_sync(i * 5000, bytes).value();
        Bytes back(5000);
        file->read_at(i * 5000, back).value();
        ASSERT_TRUE(back == bytes);
      }
    });
  }
  for (auto& t : threads) t.join();
}

TEST_P(DiskTest, HostPathIsARealFolderForOthers) {
  disk_->make_directories("hot/1").value();
  EXPECT_TRUE(fs::is_directory(disk_->host_path("hot/1")));
  EXPECT_TRUE(fs::is_directory(fs::path(disk_->host_path("hot/1/data.mdb")).parent_path()));
  EXPECT_GT(disk_->free_bytes().value(), 0U);
}

TEST_P(DiskTest, ALogLivesOnIt) {
  auto log = AppendLog::create(*disk_, "l", {{1, 2}, 1, 0}).value();
  for (std::size_t i = 0; i < 30; ++i) log->append_and_sync(pattern(i * 1000, i), 1).value();
  log->append_and_sync(pattern(3 << 20, 99), 1).value();
  log->seal().value();
  LogExpectation expect;
  expect.store_id = 1;
  expect.must_be_sealed = true;
  const Reading r = read_log(*disk_, "l", expect);
  ASSERT_FALSE(r.error.has_value()) << r.error->message();
  EXPECT_EQ(r.payloads.size(), 31U);
}

std::string name_of_disk(const ::testing::TestParamInfo<Kind>& info) {
  switch (info.param) {
    case Kind::posix:
      return "Posix";
    case Kind::posix_by_parts:
      return "PosixByParts";
    case Kind::uring:
      return "Uring";
    case Kind::sim:
      return "Sim";
  }
  return "";
}

INSTANTIATE_TEST_SUITE_P(Disks, DiskTest,
                         ::testing::Values(Kind::posix, Kind::posix_by_parts, Kind::uring, Kind::sim),
                         name_of_disk);

}  // namespace
}  // namespace firn::io
