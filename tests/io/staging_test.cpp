// Memory of direct writes: counted, kept for the next write, given back when there is none.
#include "io/staging.hpp"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace firn::io {
namespace {

TEST(StagingMemory, IsCountedAndGivenBackWhenNobodyUsesIt) {
  trim_staging(std::chrono::milliseconds(0));
  const std::size_t before = staging_bytes();
  {
    std::vector<Staging> pieces;
    for (std::size_t i = 0; i < kStagingKeptMax + 2; ++i) pieces.push_back(take_staging());
    EXPECT_EQ(staging_bytes(), before + (kStagingKeptMax + 2) * kStagingBytes);
  }
  EXPECT_EQ(staging_bytes(), before + kStagingKeptMax * kStagingBytes) << "for the next write";
  trim_staging(std::chrono::hours(1));
  EXPECT_EQ(staging_bytes(), before + kStagingKeptMax * kStagingBytes) << "they do not lie idle yet";
  const Staging used = take_staging();
  trim_staging(std::chrono::milliseconds(0));
  EXPECT_EQ(staging_bytes(), before + kStagingBytes) << "one is in use";
  used.get()[kStagingBytes - 1] = 1;
}

TEST(StagingMemory, OnlyWhatLayIdleLongEnoughGoes) {
  trim_staging(std::chrono::milliseconds(0));
  const std::size_t before = staging_bytes();
  { const Staging a = take_staging(), b = take_staging(); }
  std::this_thread::sleep_for(std::chrono::milliseconds(60));
  { const Staging again = take_staging(); }  // the one that came back last: the other stays idle
  trim_staging(std::chrono::milliseconds(50));
  EXPECT_EQ(staging_bytes(), before + kStagingBytes);
  trim_staging(std::chrono::milliseconds(0));
  EXPECT_EQ(staging_bytes(), before);
}

}  // namespace
}  // namespace firn::io
