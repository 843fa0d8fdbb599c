// Callers that commit for each other: everyone is answered once, with its own answer, whatever the leader meets.
#include "commit_line.hpp"

#include <gtest/gtest.h>

#include <thread>

#include "wire.hpp"

namespace firn::runtime {
namespace {

Parcel parcel(std::uint64_t ticket) {
  Change change;
  change.ticket = ticket;
  return {to_order(change), {}, {}, {}};
}

/// Answers each parcel with its ticket as CSN.
void echo(CommitGroup& group) {
  for (const Parcel& p : group.parcels) {
    Commit c;
    c.csn = Csn{p.order->ticket()};
    p.slot.deliver(c);
  }
}

TEST(CommitLine, ALoneCallerCommitsOnItsOwnThread) {
  CommitLine line;
  for (std::uint64_t i = 1; i <= 100; ++i) {
    const auto done = line.commit(parcel(i), [&, me = std::this_thread::get_id()](CommitGroup& group) {
      EXPECT_EQ(std::this_thread::get_id(), me);
      EXPECT_EQ(group.parcels.size(), 1U);
      echo(group);
    });
    EXPECT_EQ(done.value().csn.value, i);
  }
}

TEST(CommitLine, ManyCallersShareGroupsAndGetTheirOwnAnswers) {
  constexpr std::uint64_t kCallers = 16, kCommits = 300;
  CommitLine line;
  std::atomic<std::uint64_t> groups{0}, inside{0};
  std::vector<std::thread> callers;
  for (std::uint64_t c = 0; c < kCallers; ++c) {
    callers.emplace_back([&, c] {
      for (std::uint64_t i = 0; i < kCommits; ++i) {
        const std::uint64_t ticket = c * kCommits + i;
        const auto done = line.commit(parcel(ticket), [&](CommitGroup& group) {
          EXPECT_EQ(inside++, 0U) << "two leaders";
          ++groups;
          std::this_thread::sleep_for(std::chrono::microseconds(100));  // a sync
          echo(group);
          --inside;
        });
        ASSERT_EQ(done.value().csn.value, ticket);
      }
    });
  }
  for (auto& c : callers) c.join();
  EXPECT_LT(groups, kCallers * kCommits / 2);
}

TEST(CommitLine, WhatAFailingLeaderLeavesIsAnswered) {
  CommitLine line;
  const auto thrown = line.commit(parcel(1), [](CommitGroup&) { throw std::runtime_error("planned"); });
  EXPECT_EQ(thrown.error().code(), ErrorCode::internal);
  const auto forgotten = line.commit(parcel(2), [](CommitGroup&) {});
  EXPECT_EQ(forgotten.error().code(), ErrorCode::internal);
  EXPECT_EQ(line.commit(parcel(3), echo).value().csn.value, 3U);

  std::atomic<int> answered{0}, failed{0};
  std::vector<std::thread> callers;
  for (int c = 0; c < 8; ++c) {
    callers.emplace_back([&, c] {
      for (std::uint64_t i = 0; i < 200; ++i) {
        const auto done = line.commit(parcel(i), [&](CommitGroup& group) {
          if ((i + static_cast<std::uint64_t>(c)) % 3 == 0) throw std::runtime_error("planned");
          echo(group);
        });
        ++(done ? answered : failed);
      }
    });
  }
  for (auto& c : callers) c.join();
  EXPECT_EQ(answered + failed, 1600);
  EXPECT_GT(answered, 0);
  EXPECT_GT(failed, 0);
}

}  // namespace
}  // namespace firn::runtime
