// A forked child shares files, maps and locks with its parent, but has none of its threads: handles from before the fork
// answer with an error, at once, and letting them go harms nothing.
#include <sys/wait.h>
#include <unistd.h>

#include "fixture.hpp"
#include "process_figures.hpp"

namespace firn::testing {
namespace {

constexpr unsigned kSecondsMax = 30;

TEST_F(DatabaseTest, AForkedChildIsRefusedAndHarmsNothing) {
  if (kSanitized) GTEST_SKIP() << "sanitizers have threads of their own, which a child lacks";
  open();
  auto t = table();
  t.write(events(1, 10)).value();
  t.write(events(100, 5'000)).value();
  Snapshot snapshot = t.snapshot().value();
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(kSecondsMax);  // a hang ends by a signal
    int wrong = 0;
    const auto refused = [&](const auto& answer) {
      wrong = 2 * wrong + (!answer && answer.error().message().find("forked") != std::string::npos ? 0 : 1);
    };
    refused(t.write(events(200, 1)));
    refused(t.write(events(300, 5'000)));
    refused(t.get(Key{std::uint64_t{1}}));
    refused(db_.query("SELECT count(*) FROM events"));
    refused(snapshot.query("SELECT count(*) FROM events"));
    refused(t.compact());
    refused(db_.close());
    const auto again = Database::open(folder_.string());
    if (again || again.error().code() != ErrorCode::busy) ++wrong;
    t = {};
    db_ = {};
    ::_exit(wrong == 0 ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "status " << status;
  t.write(events(11, 5)).value();
  EXPECT_EQ(count(t), 5'015);
  t.compact({.to = StorageTier::cold}).value();
  close_in_time();
  open();
  EXPECT_EQ(count(db_.table("events").value()), 5'015);
  EXPECT_TRUE(db_.table("events").value().verify(true).value().empty());
}

}  // namespace
}  // namespace firn::testing
