// CHANGES SINCE n: what commits did to rows, however they were written and wherever they lie now. The oracle keeps what
// each commit did to each key.
#include <gtest/gtest.h>

#include "io/sim_disk.hpp"
#include "storage/changes.hpp"
#include "storage/cursors.hpp"
#include "tests/storage/model_changes.hpp"

namespace firn::storage {
namespace {

constexpr std::int64_t kHourUs = 3'600'000'000;

/// One change as a line: "3 update 17 b".
using Lines = std::vector<std::string>;

class ChangesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    options.clock = clock;
    options.segment_rows = 400;
    HybridTableConfig config;
    config.small_write_rows = 100;
    config.history_us = kHourUs;
    store = TableStore::create(disk, "t", "events", 7, schema, config, options).value();
    first_csn = now();
  }
  std::uint64_t now() { return store->snapshot().value().csn().value; }
  void reopen(bool clean) {
    if (clean) store->close().value();
    store.reset();
    store = TableStore::open(disk, "t", options).value();
  }

  // --- verbs: change table and oracle ---
  Batch rows(std::uint64_t first, std::uint64_t count, const std::string& text) {
    BatchBuilder b(schema);
    for (std::uint64_t i = first; i < first + count; ++i) b.append(i, text);
    return b.finish().value();
  }
  std::uint64_t commit(WriteRequest request) {
    return store->commit_one(std::move(request)).value().csn.value;
  }
  std::uint64_t put(std::uint64_t first, std::uint64_t count, const std::string& text) {
    const std::uint64_t csn = commit(model::upsert_of(*store, rows(first, count, text)).value());
    for (std::uint64_t i = first; i < first + count; ++i) done[csn][i] = text;
    return csn;
  }
  /// One commit of a block a text, over the same keys: the last one counts.
  std::uint64_t put_blocks(std::uint64_t first, std::uint64_t count, const Lines& texts) {
    WriteRequest r;
    r.kind = WriteRequest::Kind::blocks;
    for (const std::string& text : texts) {
      const auto blocks = store->prepare_blocks(rows(first, count, text)).value();
      r.blocks.insert(r.blocks.end(), blocks.begin(), blocks.end());
    }
    const std::uint64_t csn = commit(std::move(r));
    for (std::uint64_t i = first; i < first + count; ++i) done[csn][i] = texts.back();
    return csn;
  }
  std::uint64_t remove(std::uint64_t first, std::uint64_t count) {
    WriteRequest r;
    r.kind = WriteRequest::Kind::remove_keys;
    for (std::uint64_t i = first; i < first + count; ++i)
      r.remove_keys.push_back(encode_key(schema, Key{Value(i)}).value());
    const std::uint64_t csn = commit(std::move(r));
    for (std::uint64_t i = first; i < first + count; ++i) done[csn][i] = std::nullopt;
    return csn;
  }
  void settle(StorageTier to) {
    for (int i = 0; i < 200; ++i) {
      const auto order = store->next_job_towards(to);
      if (!order) return;
      store->run_job(*order).value();
    }
    FAIL() << "did not settle";
  }
  void cursor(CursorRequest::Verb verb, const std::string& name, std::optional<std::uint64_t> at = {},
              std::optional<std::int64_t> limit_us = {}) {
    WriteRequest r;
    r.kind = WriteRequest::Kind::cursor;
    r.cursor = {verb, name, at ? std::optional(Csn{*at}) : std::nullopt, limit_us};
    commit(std::move(r));
  }
  /// Hours pass, then a job rewrites and expiry runs until nothing goes any more.
  void pass(int hours) {
    clock->advance_us(hours * kHourUs);
    put(9'999, 1, "tick");
    settle(StorageTier::cold);
    store->expire().value();
  }

  // --- what the table says, what the oracle says ---
  static Lines lines_of(const Batch& b) {
    Lines out;
    for (std::size_t i = 0; i < static_cast<std::size_t>(b.rows()); ++i)
      out.push_back(b[0].value_at(i).to_string() + " " + b[2].value_at(i).to_string() + " " +
                    b[3].value_at(i).to_string() + " " + b[4].value_at(i).to_string());
    return out;
  }
  Lines changes(std::uint64_t from, bool before = false, std::uint64_t max_rows = 0) {
    Lines out;
    for (std::uint64_t at = from;;) {
      const ChangePage page = store->changes({Csn{at}, std::nullopt, before, max_rows}).value();
      const Lines lines = lines_of(page.rows);
      out.insert(out.end(), lines.begin(), lines.end());
      at = page.next.value;
      if (at == now()) return out;
    }
  }
  Result<ChangePage> since(Csn from) { return store->changes({from, std::nullopt, false, 0}); }
  Lines asked(const std::string& sql) {
    return lines_of(store->query(parse_query(sql).value(), store->snapshot().value()).value());
  }
  Lines expected(std::uint64_t from, bool before = false) {
    Lines out;
    std::map<std::uint64_t, std::string> state;
    for (const auto& [csn, keys] : done) {
      for (const auto& [key, text] : keys) {
        const auto was = state.find(key);
        const std::string head = std::to_string(csn), k = " " + std::to_string(key) + " ";
        if (csn > from && was != state.end()) {
          if (text && before) out.push_back(head + " update_before" + k + was->second);
          out.push_back(head + (text ? " update" + k + *text : " delete" + k + was->second));
        } else if (csn > from && text) {
          out.push_back(head + " insert" + k + *text);
        }
        if (text)
          state[key] = *text;
        else
          state.erase(key);
      }
    }
    return out;
  }
  std::map<std::uint64_t, std::string> state_at(std::uint64_t csn) {
    std::map<std::uint64_t, std::string> state;
    for (const auto& [at, keys] : done)
      for (const auto& [key, text] : keys)
        if (at <= csn) {
          if (text)
            state[key] = *text;
          else
            state.erase(key);
        }
    return state;
  }
  void expect_oracle(const char* where) {
    const std::uint64_t horizon = store->stats().value().horizon.value;
    for (std::uint64_t from = horizon; from <= now(); ++from) {
      ASSERT_EQ(changes(from, true), expected(from, true)) << where << ", since " << from;
      ASSERT_EQ(changes(from, false, 70), expected(from)) << where << ", paged since " << from;
    }
  }

  Schema schema = Schema::parse("id u64, text utf8", {.key = {"id"}}).value();
  std::shared_ptr<io::SimDisk> disk = std::make_shared<io::SimDisk>();
  std::shared_ptr<io::ManualClock> clock = std::make_shared<io::ManualClock>();
  StoreOptions options;
  std::unique_ptr<TableStore> store;
  std::uint64_t first_csn = 0;
  /// What each commit made of each key.
  std::map<std::uint64_t, std::map<std::uint64_t, std::optional<std::string>>> done;
};

TEST_F(ChangesTest, EachKindOnce) {
  const std::uint64_t a = put(1, 2, "a"), b = put(2, 2, "b"), c = remove(1, 1);
  const std::string A = std::to_string(a), B = std::to_string(b), C = std::to_string(c);
  EXPECT_EQ(changes(0), (Lines{A + " insert 1 a", A + " insert 2 a", B + " update 2 b", B + " insert 3 b",
                               C + " delete 1 a"}));
  EXPECT_EQ(changes(a, true),
            (Lines{B + " update_before 2 a", B + " update 2 b", B + " insert 3 b", C + " delete 1 a"}));
  EXPECT_EQ(changes(c), Lines{});
}

TEST_F(ChangesTest, ATombstoneOverNothingIsNoChange) {
  put(1, 1, "a");
  remove(5, 3);
  remove(1, 1);
  remove(1, 1);
  const std::uint64_t again = put(1, 1, "b");
  EXPECT_EQ(changes(0), expected(0));
  EXPECT_EQ(changes(again - 1), Lines{std::to_string(again) + " insert 1 b"});
}

TEST_F(ChangesTest, SeveralBlocksOfACommitCountOnce) {
  put(0, 500, "old");
  const std::uint64_t csn = put_blocks(100, 300, {"first", "second", "last"});
  EXPECT_EQ(changes(csn - 1), expected(csn - 1));
  EXPECT_EQ(changes(0), expected(0));
  for (const StorageTier to : {StorageTier::cold, StorageTier::hot, StorageTier::warm}) {
    settle(to);
    EXPECT_EQ(changes(0), expected(0)) << "after a move to " << name_of(to);
  }
}

TEST_F(ChangesTest, MovesCompactionsAndReopeningLeaveNoTrace) {
  put(0, 40, "a");
  put(0, 600, "b");
  put(20, 30, "c");
  remove(100, 200);
  remove(25, 3);
  put(590, 30, "d");
  expect_oracle("as written");
  for (const StorageTier to : {StorageTier::warm, StorageTier::cold, StorageTier::hot, StorageTier::cold}) {
    settle(to);
    put(24, 2, "between");
    expect_oracle("after a move");
    reopen(to == StorageTier::warm);
    expect_oracle("after reopening");
  }
  store->checkpoint().value();
  reopen(false);
  expect_oracle("from a checkpoint");
}

TEST_F(ChangesTest, ReplayFromZeroRebuildsTheTableAtEveryCommit) {
  put(0, 300, "a");
  put(10, 50, "b");
  remove(30, 60);
  settle(StorageTier::cold);
  put_blocks(200, 200, {"c", "d"});
  remove(0, 150);
  put(5, 5, "e");
  std::map<std::uint64_t, std::string> table;
  const Batch all = since(Csn{0}).value().rows;
  std::size_t i = 0;
  for (std::uint64_t csn = 1; csn <= now(); ++csn) {
    for (; i < static_cast<std::size_t>(all.rows()) && all[0].value_at(i).to_u64() == csn; ++i) {
      const std::uint64_t key = all[3].value_at(i).to_u64();
      if (all[2].value_at(i).to_string() == "delete")
        table.erase(key);
      else
        table[key] = all[4].value_at(i).to_string();
    }
    ASSERT_EQ(table, state_at(csn)) << "CSN " << csn;
  }
}

TEST_F(ChangesTest, PagesHoldWholeCommitsAndOneLargeCommitComesAlone) {
  put(0, 10, "a");
  put(0, 10, "b");
  put(0, 500, "c");
  put(0, 10, "d");
  settle(StorageTier::warm);
  put(0, 10, "e");
  std::vector<std::int64_t> sizes;
  for (std::uint64_t at = first_csn; at < now();) {
    const ChangePage page = store->changes({Csn{at}, std::nullopt, false, 25}).value();
    if (page.rows.rows() > 0) sizes.push_back(page.rows.rows());
    ASSERT_GT(page.next.value, at);
    at = page.next.value;
  }
  EXPECT_EQ(sizes, (std::vector<std::int64_t>{20, 500, 20}));
}

TEST(CommitBudgetTest, TheBoundOnlyFalls) {
  CommitBudget budget(9, 100);
  budget.add(90, 48);
  EXPECT_EQ(budget.bound(), 100U) << "one commit is a page, however large";
  budget.stop_at(80);
  budget.add(80, 46);
  EXPECT_EQ(budget.bound(), 80U);
  budget.add(70, 5);
  EXPECT_EQ(budget.bound(), 79U);
  budget.add(60, 4);
  EXPECT_EQ(budget.bound(), 79U);
  budget.add(75, 1);
  EXPECT_EQ(budget.bound(), 74U);
}

TEST_F(ChangesTest, SmallPagesOfALargeHotTierLoseNothing) {
  for (int round = 0; round < 12; ++round)
    put(static_cast<std::uint64_t>(round) * 20, 60, std::to_string(round));
  EXPECT_EQ(changes(0, false, 9), expected(0));
  reopen(true);  // nobody knows by heart now what changed when
  for (const std::uint64_t max_rows : {1, 9, 100, 150}) EXPECT_EQ(changes(0, false, max_rows), expected(0));
}

TEST_F(ChangesTest, ExpiryTakesOldPositionsAndLeavesTheRest) {
  put(0, 300, "a");
  put(0, 300, "b");
  settle(StorageTier::cold);
  pass(2);
  put(100, 20, "c");
  const std::uint64_t horizon = store->stats().value().horizon.value;
  ASSERT_GT(horizon, first_csn);
  expect_oracle("after expiry");
  const auto gone = since(Csn{horizon - 1});
  ASSERT_FALSE(gone.ok());
  EXPECT_EQ(gone.error().code(), ErrorCode::horizon);
  EXPECT_NE(gone.error().message().find("earliest valid position is CSN " + std::to_string(horizon)),
            std::string::npos)
      << gone.error().message();
  EXPECT_EQ(since(Csn{0}).error().code(), ErrorCode::horizon);
  EXPECT_EQ(since(Csn{now() + 1}).error().code(), ErrorCode::out_of_range);
  EXPECT_EQ(store->changes({Csn{horizon + 1}, Csn{horizon}, false, 0}).error().code(),
            ErrorCode::invalid_argument);
}

TEST_F(ChangesTest, NetChangesAreTheDifferenceOfTwoStates) {
  const std::uint64_t a = put(0, 300, "a");
  put(10, 50, "b");
  put(10, 20, "a");  // back to what it was: no net change
  remove(200, 150);
  settle(StorageTier::cold);
  put(205, 5, "again");
  put(400, 200, "new");
  remove(400, 10);  // came and went
  const auto check = [&](std::uint64_t from, std::uint64_t to) {
    const auto was = state_at(from), is = state_at(to);
    std::map<std::uint64_t, std::string> net;
    for (const auto& [key, text] : was)
      if (!is.contains(key)) net[key] = "delete " + text;
    for (const auto& [key, text] : is) {
      const auto old = was.find(key);
      if (old == was.end())
        net[key] = "insert " + text;
      else if (old->second != text)
        net[key] = "update " + text;
    }
    const Batch rows = store->net_changes(Csn{from}, Csn{to}).value();
    std::map<std::uint64_t, std::string> got;
    for (std::size_t i = 0; i < static_cast<std::size_t>(rows.rows()); ++i)
      got[rows[3].value_at(i).to_u64()] =
          rows[2].value_at(i).to_string() + " " + rows[4].value_at(i).to_string();
    EXPECT_EQ(got, net) << from << " to " << to;
    EXPECT_EQ(got.size(), static_cast<std::size_t>(rows.rows()));
  };
  for (std::uint64_t from = a - 1; from <= now(); ++from)
    for (std::uint64_t to = from; to <= now(); ++to) check(from, to);
  EXPECT_EQ(store->net_changes(Csn{2}, Csn{1}).error().code(), ErrorCode::invalid_argument);
}

// --- SQL ---

TEST_F(ChangesTest, QueriesFilterAggregateAndEndAtASnapshot) {
  put(0, 300, "a");
  const std::uint64_t b = put(10, 20, "b");
  const StoreSnapshot then = store->snapshot().value();
  remove(15, 10);
  settle(StorageTier::cold);
  put(1'000, 5, "c");
  EXPECT_EQ(asked("SELECT * FROM t CHANGES SINCE 0"), expected(0));
  EXPECT_EQ(asked("SELECT * FROM t CHANGES SINCE " + std::to_string(b) + " WITH BEFORE"), expected(b, true));
  const auto ask = [&](const std::string& sql) {
    return store->query(parse_query(sql).value(), store->snapshot().value()).value();
  };
  const Batch kinds =
      ask("SELECT _op, count(*) AS n FROM t CHANGES SINCE 0 WHERE id < 200 GROUP BY _op ORDER BY _op");
  ASSERT_EQ(kinds.rows(), 3);
  EXPECT_EQ(kinds[1].value_at(0).to_i64(), 10);   // delete
  EXPECT_EQ(kinds[1].value_at(1).to_i64(), 200);  // insert
  EXPECT_EQ(kinds[1].value_at(2).to_i64(), 20);   // update
  EXPECT_EQ(ask("SELECT count(*) FROM t CHANGES SINCE 0")[0].value_at(0).to_i64(), 335);
  EXPECT_EQ(ask("SELECT text FROM t CHANGES SINCE 0 WHERE _csn = " + std::to_string(b)).rows(), 20);
  EXPECT_EQ(ask("SELECT _csn FROM t CHANGES SINCE 0 LIMIT 7").rows(), 7);
  const Query all = parse_query("SELECT count(*) FROM t CHANGES SINCE 0").value();
  EXPECT_EQ(store->query(all, then).value()[0].value_at(0).to_i64(), 320);
  EXPECT_EQ(
      ask("SELECT count(*) FROM t CHANGES SINCE 0 AS OF CSN " + std::to_string(b))[0].value_at(0).to_i64(),
      320);
  const Query beyond = parse_query("SELECT * FROM t CHANGES SINCE 999999").value();
  EXPECT_EQ(store->query(beyond, then).error().code(), ErrorCode::out_of_range);
}

TEST_F(ChangesTest, ExplainSaysWhatIsRead) {
  put(0, 300, "a");
  settle(StorageTier::cold);
  const std::uint64_t b = put(1'000, 300, "b");  // a warm block
  const std::uint64_t c = put(2'000, 7, "c");    // hot
  const auto read = [&](const std::string& sql, bool analyze) {
    const Query query = parse_query(sql).value();
    QueryProfile p;
    if (analyze)
      store->query(query, store->snapshot().value(), &p).value();
    else
      p = store->explain(query, store->snapshot().value()).value();
    return std::vector<std::uint64_t>{p.cold.files, p.cold.files_pruned, p.warm.files, p.warm.files_pruned,
                                      p.hot.rows};
  };
  using Numbers = std::vector<std::uint64_t>;
  for (const bool analyze : {false, true}) {
    EXPECT_EQ(read("SELECT * FROM t CHANGES SINCE 0", analyze), (Numbers{1, 0, 1, 0, 7}));
    EXPECT_EQ(read("SELECT * FROM t CHANGES SINCE " + std::to_string(b - 1), analyze),
              (Numbers{0, 1, 1, 0, 7}));
    EXPECT_EQ(read("SELECT * FROM t CHANGES SINCE " + std::to_string(b), analyze), (Numbers{0, 1, 0, 1, 7}));
    EXPECT_EQ(read("SELECT * FROM t CHANGES SINCE 0 WHERE id < 500", analyze)[3], 1U);
    EXPECT_EQ(read("SELECT * FROM t CHANGES SINCE 0 WHERE _csn = " + std::to_string(c), analyze),
              (Numbers{0, 1, 0, 1, 7}));
  }
  const Query beyond = parse_query("SELECT * FROM t CHANGES SINCE 999999").value();
  EXPECT_EQ(store->explain(beyond, store->snapshot().value()).error().code(), ErrorCode::out_of_range);
}

TEST_F(ChangesTest, ATimeMeansTheCommitsAfterIt) {
  clock->advance_us(kHourUs);
  const std::uint64_t a = put(0, 3, "a");
  clock->advance_us(10 * 60'000'000);
  put(1, 3, "b");
  EXPECT_EQ(asked("SELECT * FROM t CHANGES SINCE NOW() - 5m"), expected(a));
  EXPECT_EQ(asked("SELECT * FROM t CHANGES SINCE NOW() - 15m"), expected(0));
  const Batch rows = since(Csn{0}).value().rows;
  const std::string time = format_timestamp(rows[1].value_at(0).as_signed());  // of commit a
  EXPECT_EQ(asked("SELECT * FROM t CHANGES SINCE '" + time + "'"), expected(a));
  EXPECT_EQ(rows[1].value_at(5).as_signed() - rows[1].value_at(0).as_signed(), 10 * 60'000'000);
}

// --- cursors ---

TEST_F(ChangesTest, ACursorHoldsHistoryUntilItLagsByMoreThanItsLimit) {
  const std::uint64_t a = put(0, 300, "a");
  put(0, 300, "b");
  cursor(CursorRequest::Verb::create, "reader", a, 5 * kHourUs);
  settle(StorageTier::cold);
  pass(2);
  EXPECT_LE(store->stats().value().horizon.value, a) << "the cursor holds it";
  EXPECT_EQ(changes(a), expected(a));
  for (const bool clean : {true, false}) {
    reopen(clean);
    ASSERT_EQ(store->cursors().value().size(), 1U);
    pass(1);
    EXPECT_EQ(changes(a), expected(a));
  }
  const CursorView lagging = store->cursors().value().front();
  EXPECT_EQ(lagging.csn.value, a);
  EXPECT_EQ(lagging.lag_commits, now() - a);
  EXPECT_GE(lagging.lag_us, 4 * kHourUs);
  EXPECT_FALSE(lagging.fell_behind);
  pass(3);
  const std::uint64_t horizon = store->stats().value().horizon.value;
  EXPECT_GT(horizon, a) << "its limit is passed";
  EXPECT_TRUE(store->cursors().value().front().fell_behind);
  const auto behind = since(Csn{a});
  ASSERT_FALSE(behind.ok());
  EXPECT_EQ(behind.error().code(), ErrorCode::horizon);
  EXPECT_NE(behind.error().message().find(std::to_string(horizon)), std::string::npos);
}

TEST_F(ChangesTest, CursorsMoveAndGo) {
  const std::uint64_t a = put(0, 300, "a"), b = put(0, 300, "b");
  cursor(CursorRequest::Verb::create, "reader", a);
  cursor(CursorRequest::Verb::move, "reader", b);
  // One that has seen everything stays so through commits that change no row.
  const std::uint64_t moved = store->cursors().value().front().csn.value;
  EXPECT_EQ(store->cursors().value().front().limit_us, kCursorLimitUs);
  EXPECT_GE(moved, b);
  settle(StorageTier::cold);
  pass(2);
  const std::uint64_t horizon = store->stats().value().horizon.value;
  EXPECT_GT(horizon, a) << "what it is done with is not held";
  EXPECT_EQ(changes(store->cursors().value().front().csn.value).size(), 1U);  // the tick
  cursor(CursorRequest::Verb::drop, "reader");
  EXPECT_TRUE(store->cursors().value().empty());
  reopen(false);
  EXPECT_TRUE(store->cursors().value().empty());
}

TEST_F(ChangesTest, AReaderOfATableAtRestDoesNotFallBehind) {
  put(0, 300, "a");
  put(0, 300, "b");
  cursor(CursorRequest::Verb::create, "reader", {}, kHourUs);
  settle(StorageTier::cold);
  EXPECT_EQ(store->cursors().value().front().lag_commits, 0U);
  clock->advance_us(10 * kHourUs);
  store->expire().value();
  const CursorView reader = store->cursors().value().front();
  EXPECT_GT(store->stats().value().horizon.value, first_csn);
  EXPECT_EQ(reader.lag_us, 0);
  EXPECT_EQ(changes(reader.csn.value), Lines{});
  const std::uint64_t c = put(1, 1, "c");
  EXPECT_EQ(changes(reader.csn.value), expected(c - 1));
}

TEST_F(ChangesTest, MaintenanceDoesNotLeaveOneBehindWhoHasReadEverything) {
  const std::uint64_t at = put(0, 300, "a");
  for (const StorageTier to : {StorageTier::warm, StorageTier::cold, StorageTier::warm, StorageTier::cold}) {
    clock->advance_us(3 * kHourUs);
    settle(to);
  }
  ASSERT_GT(store->stats().value().horizon.value, at) << "the horizon goes along with the commits of moves";
  for (const bool clean : {true, false}) {
    EXPECT_EQ(since(Csn{at}).value().rows.rows(), 0);
    reopen(clean);
  }
  EXPECT_EQ(since(Csn{at}).value().rows.rows(), 0);
  put(5, 2, "b");
  EXPECT_EQ(changes(at), expected(at));
  EXPECT_EQ(since(Csn{at - 1}).error().code(), ErrorCode::horizon) << "these rows are history";
  pass(3);
  pass(3);
  EXPECT_EQ(since(Csn{at}).error().code(), ErrorCode::horizon) << "others have passed with rows of their own";
}

TEST_F(ChangesTest, ReadersOfATableAtRestDoNotLeaveEachOtherBehind) {
  const std::uint64_t a = put(0, 300, "a");
  cursor(CursorRequest::Verb::create, "one", a);
  cursor(CursorRequest::Verb::create, "two", a);
  settle(StorageTier::cold);
  cursor(CursorRequest::Verb::move, "one", a);  // from there on only commits that changed no row
  for (const bool clean : {true, false}) {
    for (const CursorView& c : store->cursors().value()) EXPECT_EQ(c.lag_commits, 0U) << c.name;
    reopen(clean);
  }
  const std::uint64_t b = put(0, 1, "b");
  settle(StorageTier::warm);
  for (const CursorView& c : store->cursors().value())
    EXPECT_LT(c.csn.value, b) << c.name << " has not seen it";
}

TEST_F(ChangesTest, CursorsThatCannotBeAreRefused) {
  const std::uint64_t a = put(0, 300, "a");
  const auto answer = [&](CursorRequest::Verb verb, const std::string& name, std::optional<Csn> at = {}) {
    WriteRequest r;
    r.kind = WriteRequest::Kind::cursor;
    r.cursor = {verb, name, at, {}};
    const auto info = store->commit_one(std::move(r));
    return info ? ErrorCode::ok : info.error().code();
  };
  using Verb = CursorRequest::Verb;
  EXPECT_EQ(answer(Verb::create, ""), ErrorCode::invalid_argument);
  EXPECT_EQ(answer(Verb::create, std::string(256, 'x')), ErrorCode::invalid_argument);
  EXPECT_EQ(answer(Verb::create, "a\nb"), ErrorCode::invalid_argument);
  EXPECT_EQ(answer(Verb::move, "x", Csn{a}), ErrorCode::not_found);
  EXPECT_EQ(answer(Verb::drop, "x"), ErrorCode::not_found);
  EXPECT_EQ(answer(Verb::create, "x", Csn{a + 99}), ErrorCode::out_of_range);
  EXPECT_EQ(answer(Verb::create, "x"), ErrorCode::ok);
  EXPECT_EQ(answer(Verb::create, "x"), ErrorCode::already_exists);
  EXPECT_EQ(answer(Verb::move, "x"), ErrorCode::invalid_argument);
  for (std::size_t i = 1; i < kCursorsMax; ++i)
    ASSERT_EQ(answer(Verb::create, "c" + std::to_string(i)), ErrorCode::ok);
  EXPECT_EQ(answer(Verb::create, "one too many"), ErrorCode::busy);
  EXPECT_EQ(store->cursors().value().size(), kCursorsMax);
}

// --- the model's checker rings ---

TEST(ModelChanges, WhatTheOracleDoesNotKnowIsNoticed) {
  using namespace model;
  const TableShape shape(KeyKind::number);
  const auto disk = std::make_shared<io::SimDisk>();
  const auto store = TableStore::create(disk, "t", "t", 7, shape.schema(), {}, {}).value();
  const Change change = {{1, {true, 5, "red"}}, {2, {true, 6, "blue"}}};
  const std::uint64_t csn =
      store->commit_one(upsert_of(*store, shape.batch(change)).value()).value().csn.value;
  Oracle sound;
  sound.apply(change, csn);
  EXPECT_NO_THROW(expect_changes(*store, sound, 0, csn, 0));
  Oracle other_row = sound, other_key = sound, other_kind = sound;
  other_row.put(1, csn, {true, 7, "red"});
  other_key.put(3, csn, {true, 1, ""});
  other_kind.put(2, csn - 1, {true, 6, "blue"});
  for (const Oracle& wrong : {other_row, other_key, other_kind})
    EXPECT_THROW(expect_changes(*store, wrong, 0, csn, 0), std::runtime_error);
}

}  // namespace
}  // namespace firn::storage
