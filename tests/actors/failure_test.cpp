// Actors that fail, writers that do not stop, and closing in the middle of it.
#include <future>

#include "fixture.hpp"

namespace firn::testing {
namespace {

class FailingActor : public DatabaseTest, public ::testing::WithParamInterface<const char*> {};

TEST_P(FailingActor, NextCallWorksAndCloseEnds) {
  open();
  auto t = table();
  t.write(events(1, 1)).value();
  faults_->arm(GetParam());
  // Calls that meet the failure are answered, with an error or the truth; none hangs.
  for (int i = 0; i < 20; ++i) {
    (void)t.write(events(2, 1));
    (void)t.write(events(10, 5'000));
    (void)t.compact();
    (void)t.get_stats();
    (void)db_.create_table("other" + std::to_string(i), event_schema()).value().write(events(1, 1));
    TableActorAccess::core(db_)->tick();
    (void)ask_for_table("events");
    if (faults_->fired(GetParam()) != 0) break;
  }
  EXPECT_EQ(faults_->fired(GetParam()), 1);
  std::this_thread::sleep_for(50ms);
  EXPECT_GE(count(t), 1);
  const auto again = t.write(events(3, 1));
  EXPECT_TRUE(again) << again.error().message();
  close_in_time();
}

INSTANTIATE_TEST_SUITE_P(Each, FailingActor,
                         ::testing::Values("hot", "warm", "cold", "io_worker", "lifecycle", "scheduler",
                                           "analyzer", "supervisor", "table", "database"));

/// A worker that is stuck in a job, until let go.
class StuckJob : public DatabaseTest {
 protected:
  struct Gate {
    std::promise<void> entered, let_go, left;
  };
  StuckJob() {
    internal_.store.job_hook = [gate = gate_](std::string_view stage) {
      if (stage != "written") return;
      gate->entered.set_value();
      gate->let_go.get_future().wait();
      gate->left.set_value();
    };
  }
  const std::shared_ptr<Gate> gate_ = std::make_shared<Gate>();
  runtime::InternalOptions internal_;
};

TEST_F(StuckJob, CloseAnswersBusyInTimeAndTheJobMayEndLater) {
  open({}, internal_);
  auto t = table();
  t.write(events(1, 20'000)).value();
  std::optional<Result<OptimizationResult>> compacted;
  std::thread caller([&] { compacted = t.compact(); });
  gate_->entered.get_future().wait();

  const auto began = std::chrono::steady_clock::now();
  const Result<void> closed = db_.close();
  EXPECT_LT(std::chrono::steady_clock::now() - began, 5s);
  EXPECT_EQ(closed ? ErrorCode::ok : closed.error().code(), ErrorCode::busy);
  EXPECT_FALSE(t.write(events(1, 1)));
  const auto second = Database::open(folder_.string());
  EXPECT_EQ(second ? ErrorCode::ok : second.error().code(), ErrorCode::busy);  // the job still writes

  gate_->let_go.set_value();
  gate_->left.get_future().wait();
  caller.join();
  EXPECT_FALSE(*compacted);
  t = {};
  db_ = {};
  // The lock goes when the job has ended; what was acknowledged is there.
  std::optional<Database> reopened;
  for (int i = 0; i < 1'000 && !reopened; ++i) {
    if (auto again = Database::open(folder_.string())) reopened = *again;
    std::this_thread::sleep_for(5ms);
  }
  ASSERT_TRUE(reopened);
  EXPECT_EQ(count(reopened->table("events").value()), 20'000);
}

TEST_F(DatabaseTest, ActorThatFailsForGoodMakesTheTableReadOnly) {
  open();
  auto t = table();
  t.write(events(1, 1)).value();
  faults_->arm("hot", 1'000);
  std::optional<Error> last;
  for (int i = 0; i < 200; ++i) {
    const auto done = t.write(events(2, 5'000));  // large: small ones are committed by their callers
    ASSERT_FALSE(done);
    last = done.error();
    if (last->code() == ErrorCode::read_only) break;
    std::this_thread::sleep_for(5ms);
  }
  EXPECT_EQ(last->code(), ErrorCode::read_only);
  EXPECT_NE(last->message().find("fault planned"), std::string::npos) << last->message();
  EXPECT_EQ(count(t), 1);
  EXPECT_FALSE(t.get_stats().value().read_only_reason.empty());
  close_in_time();
}

TEST_F(DatabaseTest, SixteenWritersShareSyncs) {
  open();
  auto t = table();
  std::vector<std::thread> writers;
  for (std::uint64_t w = 0; w < 16; ++w) {
    writers.emplace_back([t, w]() mutable {
      for (std::uint64_t i = 0; i < 50; ++i) t.write(events(w * 1'000 + i, 1)).value();
    });
  }
  for (auto& w : writers) w.join();
  EXPECT_EQ(count(t), 800);
  close_in_time();
}

TEST_F(DatabaseTest, CloseWhileWritersRun) {
  open();
  auto t = table();
  std::atomic<std::uint64_t> acknowledged{0};
  std::vector<std::thread> writers;
  for (std::uint64_t w = 0; w < 8; ++w) {
    writers.emplace_back([t, w, &acknowledged]() mutable {
      for (std::uint64_t i = 0;; ++i) {
        const auto done = t.write(events(w * 1'000'000 + i, 1));
        if (!done) {
          EXPECT_EQ(done.error().code(), ErrorCode::closed) << done.error().message();
          return;
        }
        ++acknowledged;
      }
    });
  }
  std::this_thread::sleep_for(200ms);
  close_in_time();
  for (auto& w : writers) w.join();
  open();
  EXPECT_EQ(count(db_.table("events").value()), static_cast<std::int64_t>(acknowledged.load()));
}

TEST_F(DatabaseTest, OpenAndCloseManyTimes) {
  for (int i = 0; i < 30; ++i) {
    open();
    auto t = i == 0 ? table() : db_.table("events").value();
    t.write(events(static_cast<std::uint64_t>(i), 1)).value();
    close_in_time();
  }
}

}  // namespace
}  // namespace firn::testing
