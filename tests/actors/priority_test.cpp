// Who gives way to whom: firn's own long work does, a program's threads never do.
#include <dirent.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include "fixture.hpp"

namespace firn {
namespace {

/// The nice values of all threads of this process.
std::vector<int> nice_values() {
  std::vector<int> values;
  DIR* threads = ::opendir("/proc/self/task");
  while (const dirent* entry = ::readdir(threads))
    if (entry->d_name[0] != '.')
      values.push_back(::getpriority(PRIO_PROCESS, static_cast<id_t>(std::stoul(entry->d_name))));
  ::closedir(threads);
  return values;
}

TEST(PriorityTest, LongWorkGivesWayAndTheCallerDoesNot) {
  const int mine = ::getpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()));
  Database db = Database::open(":memory:").value();
  HybridTable table = db.create_table("t", Schema::parse("id u64, v i64", {.key = {"id"}}).value()).value();
  BatchBuilder rows(table.schema());
  for (std::uint64_t i = 0; i < 300'000; ++i) rows.append(i, std::int64_t{1});
  table.write(rows.finish().value()).value();  // a worker's
  EXPECT_EQ(table.query("SELECT count(*) FROM t WHERE v = 1").value().at(0, 0).to_i64(),
            300'000);  // and the pool's
  EXPECT_EQ(::getpriority(PRIO_PROCESS, static_cast<id_t>(::gettid())), mine);
  const std::vector<int> values = nice_values();
  EXPECT_GT(std::count_if(values.begin(), values.end(), [&](int n) { return n > mine; }), 0);
  EXPECT_GT(std::count(values.begin(), values.end(), mine), 1) << "commits keep their place";
  db.close().value();
}

}  // namespace
}  // namespace firn
