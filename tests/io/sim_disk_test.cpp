// The simulation itself: what it forgets, what it keeps, and how it fails.
#include "io/sim_disk.hpp"

#include <filesystem>
#include <set>

#include "tests/io/log_fixture.hpp"

namespace firn::io {
namespace {

using Mode = Disk::Mode;

class SimDiskTest : public ::testing::Test {
 protected:
  std::unique_ptr<File> durable_file(const std::string& path, std::string_view text) {
    auto file = disk_.open(path, Mode::create_new).value();
    file->write_and_sync(0, bytes_of(text)).value();
    disk_.sync_directory("").value();
    return file;
  }
  static Bytes content(SimDisk& disk, const std::string& path) {
    return read_file(disk, path, 1 << 20).value();
  }

  SimDisk disk_;
};

TEST_F(SimDiskTest, WhatWasNotSyncedIsLost) {
  const auto file = durable_file("a", "old");
  file->write_at(0, bytes_of("new")).value();
  EXPECT_EQ(content(disk_, "a"), bytes_of("new"));
  EXPECT_EQ(content(*disk_.cut(CutPolicy::lose, 1), "a"), bytes_of("old"));
  EXPECT_EQ(content(*disk_.cut(CutPolicy::keep, 1), "a"), bytes_of("new"));
}

TEST_F(SimDiskTest, ASyncedFileIsLostWithItsName) {
  disk_.open("a", Mode::create_new).value()->write_and_sync(0, bytes_of("x")).value();
  EXPECT_FALSE(disk_.cut(CutPolicy::lose, 1)->exists("a").value());
  disk_.sync_directory("").value();
  EXPECT_EQ(content(*disk_.cut(CutPolicy::lose, 1), "a"), bytes_of("x"));
}

TEST_F(SimDiskTest, ARenameIsThereWhollyOrNotAtAll) {
  disk_.make_directories("d").value();
  durable_file("a", "x");
  disk_.rename("a", "d/b").value();
  std::set<std::pair<bool, bool>> seen;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    const auto image = disk_.cut(CutPolicy::reorder, seed);
    seen.insert({image->exists("a").value(), image->exists("d/b").value()});
  }
  EXPECT_EQ(seen, (std::set<std::pair<bool, bool>>{{true, false}, {false, true}}));
}

TEST_F(SimDiskTest, CutsAreTheSameForTheSameSeed) {
  const auto file = durable_file("a", "");
  for (std::uint64_t i = 0; i < 20; ++i) file->write_at(i * 700, pattern(700, i)).value();
  for (const CutPolicy policy : kCutPolicies) {
    EXPECT_EQ(content(*disk_.cut(policy, 5), "a"), content(*disk_.cut(policy, 5), "a"));
  }
}

TEST_F(SimDiskTest, TornWritesAreTornBetweenSectors) {
  const auto file = durable_file("a", "");
  file->write_at(0, Bytes(4096, 'x')).value();
  std::set<Bytes> seen;
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    Bytes b = content(*disk_.cut(CutPolicy::tear, seed), "a");
    b.resize(4096);
    for (std::size_t at = 0; at < 4096; at += 512) {
      EXPECT_EQ(std::set<std::uint8_t>(b.begin() + static_cast<std::ptrdiff_t>(at),
                                       b.begin() + static_cast<std::ptrdiff_t>(at + 512))
                    .size(),
                1U);
    }
    seen.insert(b);
  }
  EXPECT_GT(seen.size(), 10U);
}

TEST_F(SimDiskTest, GarbageTouchesOnlyWhatWasNotSynced) {
  const auto file = durable_file("a", std::string(600, 'd'));
  file->write_at(600, Bytes(2000, 'x')).value();
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    Bytes b = content(*disk_.cut(CutPolicy::garbage, seed), "a");
    ASSERT_GE(b.size(), 600U);
    EXPECT_EQ(Bytes(b.begin(), b.begin() + 600), Bytes(600, 'd'));
  }
}

TEST_F(SimDiskTest, AFailedSyncLosesItsPagesAndTheNextOneReportsSuccess) {
  const auto file = durable_file("a", "old");
  file->write_at(0, bytes_of("new")).value();
  disk_.fail_at(disk_.operations() + 1, SimDisk::Failure::io);
  EXPECT_FALSE(file->sync().ok());
  EXPECT_FALSE(file->sync().ok());  // the handle is poisoned
  disk_.open("a", Mode::read_write).value()->sync().value();
  EXPECT_EQ(content(disk_, "a"), bytes_of("new"));
  EXPECT_EQ(content(*disk_.cut(CutPolicy::keep, 1), "a"), bytes_of("old"));
}

TEST_F(SimDiskTest, AFrozenDiskAnswersNothingAndCanBeCut) {
  const auto file = durable_file("a", "old");
  disk_.fail_at(disk_.operations() + 1, SimDisk::Failure::freeze);
  EXPECT_FALSE(file->write_at(0, bytes_of("new")).ok());
  EXPECT_FALSE(file->sync().ok());
  Bytes back(3);
  EXPECT_EQ(file->read_at(0, back).error().code(), ErrorCode::io);
  EXPECT_EQ(content(*disk_.cut(CutPolicy::lose, 1), "a"), bytes_of("old"));
  EXPECT_EQ(content(*disk_.cut(CutPolicy::keep, 1), "a"), bytes_of("new"));  // it may have arrived
}

TEST_F(SimDiskTest, FailuresStrikeOnceOrForGood) {
  const auto file = durable_file("a", "");
  disk_.fail_at(disk_.operations() + 2, SimDisk::Failure::full);
  file->write_at(0, bytes_of("1")).value();
  EXPECT_EQ(file->write_at(0, bytes_of("2")).error().code(), ErrorCode::full);
  file->write_at(0, bytes_of("3")).value();
  disk_.fail_at(disk_.operations() + 1, SimDisk::Failure::io, true);
  EXPECT_FALSE(file->write_at(0, bytes_of("4")).ok());
  EXPECT_FALSE(file->write_at(0, bytes_of("5")).ok());
}

TEST_F(SimDiskTest, AFullDiskHasRoomAgainAfterARemoval) {
  durable_file("a", std::string(900, 'x'));
  const auto file = durable_file("b", "");
  disk_.set_capacity(1000);
  EXPECT_EQ(disk_.free_bytes().value(), 100U);
  EXPECT_EQ(file->write_at(0, Bytes(200)).error().code(), ErrorCode::full);
  EXPECT_EQ(file->allocate(200).error().code(), ErrorCode::full);
  disk_.remove("a").value();
  file->write_at(0, Bytes(200)).value();
}

TEST_F(SimDiskTest, AReadFaultIsRetriedOnce) {
  const auto file = durable_file("a", "abc");
  int left = 1;
  disk_.set_fault([&](SimOp op, const std::string&, std::uint64_t) -> std::optional<Error> {
    if (op == SimOp::read && left-- > 0) return Error(ErrorCode::io, "ordered");
    return std::nullopt;
  });
  Bytes back(3);
  file->read_at(0, back).value();
  left = 2;
  EXPECT_FALSE(file->read_at(0, back).ok());
}

TEST_F(SimDiskTest, ScratchFoldersAreEachDisksOwnAndGoWithIt) {
  auto image = disk_.cut(CutPolicy::keep, 1);
  const std::string mine = disk_.host_path("x");
  const std::string its = image->host_path("x");
  EXPECT_NE(mine, its);
  const auto folder = std::filesystem::path(its).parent_path();
  EXPECT_TRUE(std::filesystem::is_directory(folder));
  image.reset();
  EXPECT_FALSE(std::filesystem::exists(folder));
}

}  // namespace
}  // namespace firn::io
