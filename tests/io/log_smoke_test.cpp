#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "io/log_reader.hpp"
#include "io/posix_disk.hpp"

namespace firn::io {
namespace {

TEST(LogOnPosixDisk, EntriesComeBackAfterSealAndRewrite) {
  char name[] = "/tmp/firn_log_XXXXXX";
  ASSERT_NE(::mkdtemp(name), nullptr);
  auto disk = PosixDisk::open_root(name, false).value();
  {
    auto log = AppendLog::create(*disk, "a.log", {{7, 1}, 1, 0}).value();
    for (int i = 0; i < 100; ++i) {
      const std::vector<std::uint8_t> payload(static_cast<std::size_t>(i * 37), static_cast<std::uint8_t>(i));
      const auto p = i % 3 == 0 ? log->append_and_sync(payload, 1) : log->append(payload, 1);
      ASSERT_TRUE(p.ok()) << p.error().message();
    }
    log->sync().value();
  }
  RewriteRequest request;
  request.expect.store_id = 7;
  request.new_file_id = 2;
  const auto made = rewrite_tail(*disk, "a.log", "b.log", request);
  ASSERT_TRUE(made.ok()) << made.error().message();
  EXPECT_EQ(made->count, 100U);
  EXPECT_FALSE(made->old_tail.torn);
  std::filesystem::remove_all(name);
}

}  // namespace
}  // namespace firn::io
