// The judge of histories rings: one planted offence each, in a history that is sound but for that.
#include <gtest/gtest.h>

#include "tests/history/history.hpp"

namespace firn::testing {
namespace {

using Kind = Operation::Kind;
using Outcome = Operation::Outcome;

Operation commit(std::uint64_t csn, Holdings keys, std::optional<std::uint64_t> since = std::nullopt) {
  Operation o;
  o.kind = Kind::upsert;
  o.csn = csn;
  o.time_us = static_cast<std::int64_t>(100 * csn);
  o.rows = keys.size();
  o.keys = std::move(keys);
  o.since = since;
  return o;
}
Operation read(std::uint64_t csn, Holdings keys) {
  Operation o;
  o.csn = csn;
  o.keys = std::move(keys);
  return o;
}
Operation refused(Outcome why, std::uint64_t csn, int key) {
  Operation o;
  o.kind = why == Outcome::exists ? Kind::insert : why == Outcome::missing ? Kind::update : Kind::upsert;
  o.outcome = why;
  o.csn = csn;
  o.keys[key] = Holding{1, 1};
  return o;
}

class HistoryJudge : public ::testing::Test {
 protected:
  /// Accounts 0 and 1 hold 200; session 0 moves 30, key 5 comes and key 6 comes, each by a commit of its own.
  HistoryJudge() {
    history_.accounts = 2;
    history_.capital = 200;
    history_.sessions = {{commit(1, {{0, Holding{100, 1}}, {1, Holding{100, 1}}}),
                          commit(2, {{0, Holding{70, 2}}, {1, Holding{130, 2}}}, 1)},
                         {commit(3, {{5, Holding{5, 3}}}), commit(4, {{6, Holding{6, 4}}})}};
  }
  void session(std::vector<Operation> operations) { history_.sessions.push_back(std::move(operations)); }
  std::string findings() const {
    std::string text;
    for (const std::string& f : Judge::findings(history_)) text += f + "\n";
    return text;
  }
  void expect_sound() const { EXPECT_EQ(findings(), ""); }
  void expect_ring(const std::string& text) const {
    EXPECT_NE(findings().find(text), std::string::npos) << "found: " << findings();
  }
  History history_;
};

TEST_F(HistoryJudge, SoundHistoryIsSilent) {
  session({read(1, {{0, Holding{100, 1}}}), read(2, {{0, Holding{70, 2}}, {5, std::nullopt}}),
           read(4, {{5, Holding{5, 3}}, {6, Holding{6, 4}}})});
  expect_sound();
}

TEST_F(HistoryJudge, StaleReadRings) {
  session({read(3, {{0, Holding{100, 1}}})});
  expect_ring("CSN 3: key 0 was read as 100 by write 1, not as 70 by write 2");
}

TEST_F(HistoryJudge, ReadFromTheFutureRings) {
  session({read(1, {{0, Holding{70, 2}}})});
  expect_ring("CSN 1: key 0 was read as 70 by write 2");
}

TEST_F(HistoryJudge, SessionThatGoesBackRings) {
  session({read(3, {{0, Holding{70, 2}}}), read(2, {{0, Holding{70, 2}}})});
  expect_ring("a stale answer: CSN 3 was known already");
}

TEST_F(HistoryJudge, UnseenOwnWriteRings) {
  history_.sessions[0].push_back(read(1, {{0, Holding{100, 1}}}));
  expect_ring("a stale answer: CSN 2 was known already");
}

TEST_F(HistoryJudge, AcknowledgedCommitThatAnotherMissesRings) {
  Operation late = read(2, {{5, std::nullopt}});
  late.floor = 3;
  session({late});
  expect_ring("a stale answer: CSN 3 was known already");
}

TEST_F(HistoryJudge, LostUpdateRings) {
  session({commit(5, {{0, Holding{90, 5}}, {1, Holding{110, 5}}}, 1)});
  expect_ring("a lost update: key 0 was changed by CSN 2, after 1");
}

TEST_F(HistoryJudge, TornBatchRings) {
  session({read(2, {{0, Holding{70, 2}}, {1, Holding{100, 1}}})});
  expect_ring("key 1 was read as 100 by write 1, not as 130 by write 2");
}

TEST_F(HistoryJudge, LongForkRings) {
  session({read(3, {{5, Holding{5, 3}}, {6, std::nullopt}})});
  session({read(3, {{5, std::nullopt}, {6, Holding{6, 4}}})});  // sees the two writes the other way round
  expect_ring("key 6 was read as 6 by write 4, not as nothing");
}

TEST_F(HistoryJudge, CommitOrderThatGoesBackRings) {
  std::swap(history_.sessions[1][0], history_.sessions[1][1]);
  expect_ring("CSN 3: the commit comes before CSN 4");
}

TEST_F(HistoryJudge, CsnGivenTwiceRings) {
  session({commit(4, {{7, Holding{7, 7}}})});
  expect_ring("two commits have this CSN");
}

TEST_F(HistoryJudge, GapRingsUnlessMaintenanceAccountsForIt) {
  session({commit(7, {{7, Holding{7, 7}}})});
  expect_ring("nobody committed CSN 5");
  history_.others = {{4, 6}};
  expect_sound();
}

TEST_F(HistoryJudge, TimeThatGoesBackRings) {
  history_.sessions[1][1].time_us = 300;
  expect_ring("its time is not after");
}

TEST_F(HistoryJudge, MoneyFromNowhereRings) {
  session({commit(5, {{0, Holding{71, 5}}})});
  expect_ring("the accounts hold 201, not 200");
}

TEST_F(HistoryJudge, InsertOverARowRings) {
  Operation o = commit(5, {{6, Holding{1, 5}}});
  o.kind = Kind::insert;
  session({o});
  expect_ring("an insert over key 6");
}

TEST_F(HistoryJudge, UpdateOfNothingRings) {
  Operation o = commit(5, {{9, Holding{1, 5}}});
  o.kind = Kind::update;
  session({o});
  expect_ring("an update of key 9, which is not there");
}

TEST_F(HistoryJudge, RefusalsNeedAReason) {
  Operation conflict = refused(Outcome::conflict, 4, 5);
  conflict.since = 2;
  conflict.blamed = 3;
  session({conflict, refused(Outcome::exists, 4, 5), refused(Outcome::missing, 4, 9)});
  expect_sound();
  history_.sessions.back()[0].blamed = 4;
  expect_ring("refused for a change by CSN 4 since 2, which made none");
  history_.sessions.back() = {refused(Outcome::exists, 4, 9)};
  expect_ring("refused though every key was as the write asks");
  history_.sessions.back() = {refused(Outcome::missing, 4, 0)};
  history_.sessions.back()[0].floor = 1;
  expect_ring("refused though every key was as the write asks");
}

TEST_F(HistoryJudge, DeleteByConditionMustTakeAllThatMeetsIt) {
  Operation o;
  o.kind = Kind::remove_where;
  o.band = {5, 7, 100};
  o.csn = 5;
  o.time_us = 500;
  o.rows = 2;
  session({o, read(5, {{5, std::nullopt}, {6, std::nullopt}})});
  expect_sound();
  history_.sessions.back()[0].rows = 1;
  expect_ring("1 rows were counted, not 2");
  history_.sessions.back()[0].rows = 0;
  history_.sessions.back()[0].csn = 4;
  expect_ring("a delete found nothing though there were rows");
}

TEST_F(HistoryJudge, ScanThatMissesOrInventsRowsRings) {
  Operation scan;
  scan.kind = Kind::scan;
  scan.csn = 4;
  scan.band = {5, 10};
  scan.keys[5] = Holding{5, 3};
  session({scan});
  expect_ring("key 6 was read as nothing, not as 6 by write 4");
  history_.sessions.back()[0].keys[6] = Holding{6, 4};
  expect_sound();
  history_.sessions.back()[0].keys[8] = Holding{8, 8};
  expect_ring("key 8 was read as 8 by write 8, not as nothing");
}

TEST_F(HistoryJudge, WrongTotalRings) {
  Operation total;
  total.kind = Kind::total;
  total.csn = 4;
  total.rows = 4;
  total.sum = 211;
  session({total});
  expect_sound();
  history_.sessions.back()[0].sum = 210;
  expect_ring("4 rows hold 210, not 4 with 211");
}

}  // namespace
}  // namespace firn::testing
