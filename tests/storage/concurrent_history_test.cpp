// Writers, readers and maintenance on one table at once, at the store: every answer is the one that its CSN fixes.
#include "io/sim_disk.hpp"
#include "storage/table_store.hpp"
#include "tests/history/bank.hpp"

namespace firn::storage {
namespace {

using testing::Bank;
using testing::BankTable;
using testing::Operation;

class StoreBank : public BankTable {
 public:
  explicit StoreBank(bool moves) : moves_(moves) {
    StoreOptions options;
    options.segment_rows = 200;
    options.warm_log_bytes = 64 << 10;
    // Only the maintenance thread may commit what no session did (writers that merge: concurrent_stall_test.cpp).
    options.stall_factor = 0;
    HybridTableConfig config;
    config.small_write_rows = 16;
    config.history_us = 400'000;
    config.hot_tier_max_size = 16 << 10;  // so that the policies have work as well
    config.warm_tier_max_size = 64 << 10;
    config.compaction.max_files = 4;
    store_ = TableStore::create(disk_, "t", "bank", 7, testing::bank_schema(), config, options).value();
  }

  Result<Answer> write(Operation::Kind kind, const Batch& rows, std::optional<Csn> since) override {
    WriteRequest r;
    if (kind == Operation::Kind::insert) r.mode = WriteMode::insert;
    if (kind == Operation::Kind::update) r.mode = WriteMode::update;
    if (kind == Operation::Kind::update || store_->is_small(rows)) {
      r.rows = rows;
    } else {  // one commit of several blocks
      r.kind = WriteRequest::Kind::blocks;
      const auto half = static_cast<std::size_t>(rows.rows()) / 2;
      for (const Batch& part :
           {rows.slice(0, half), rows.slice(half, static_cast<std::size_t>(rows.rows()) - half)}) {
        FIRN_ASSIGN(const auto blocks, store_->prepare_blocks(part));
        r.blocks.insert(r.blocks.end(), blocks.begin(), blocks.end());
      }
    }
    r.if_unchanged_since = since;
    return commit(std::move(r));
  }
  Result<Answer> remove(const std::vector<Key>& keys, std::optional<Csn> since) override {
    WriteRequest r;
    r.kind = WriteRequest::Kind::remove_keys;
    for (const Key& key : keys) r.remove_keys.push_back(encode_key(testing::bank_schema(), key).value());
    r.if_unchanged_since = since;
    return commit(std::move(r));
  }
  Result<Answer> remove_where(const std::string& condition) override {
    WriteRequest r;
    r.kind = WriteRequest::Kind::remove_where;
    r.remove_where = parse_condition(condition).value();
    return commit(std::move(r));
  }
  Result<std::unique_ptr<State>> state(std::optional<Csn> at) override {
    FIRN_ASSIGN(StoreSnapshot snapshot, store_->snapshot(at));
    return std::unique_ptr<State>(std::make_unique<Pinned>(*store_, std::move(snapshot)));
  }
  Result<void> maintain(std::uint64_t dice) override {
    if (dice % 8 == 0) return store_->checkpoint();
    if (dice % 8 == 1) return store_->expire();
    static constexpr StorageTier kTiers[] = {StorageTier::hot, StorageTier::warm, StorageTier::cold};
    const auto order = moves_ ? store_->next_job_towards(kTiers[dice / 8 % 3]) : store_->next_job();
    if (!order) return {};
    const auto done = store_->run_job(*order);
    // A delete or another batch may have replaced an input meanwhile.
    if (!done && done.error().code() != ErrorCode::conflict) return done.error();
    return {};
  }
  Result<void> list() override {
    for (const FileView& f : store_->files())
      if (f.info.rows == 0) return Error(ErrorCode::internal, "a file without rows");
    FIRN_TRY(store_->stats());
    return {};
  }

 private:
  struct Pinned : State {
    Pinned(TableStore& s, StoreSnapshot snapshot) : store(s), at(std::move(snapshot)) {}
    std::uint64_t csn() const override { return at.csn().value; }
    Result<Batch> query(const std::string& sql) override { return store.query(parse_query(sql).value(), at); }
    Result<std::optional<std::vector<Value>>> get(const Key& key) override { return store.get(at, key); }
    TableStore& store;
    StoreSnapshot at;
  };
  Result<Answer> commit(WriteRequest r) {
    FIRN_ASSIGN(const CommitInfo info, store_->commit_one(std::move(r)));
    return Answer{info.csn.value, info.time.us, info.rows};
  }

  bool moves_;
  std::shared_ptr<io::SimDisk> disk_ = std::make_shared<io::SimDisk>();
  std::unique_ptr<TableStore> store_;
};

TEST(ConcurrentHistoryTest, EveryAnswerIsTheOneOfItsCsnWhileRowsMove) {
  testing::soak_bank([](std::uint64_t) { return std::make_unique<StoreBank>(true); });
}

TEST(ConcurrentHistoryTest, EveryAnswerIsTheOneOfItsCsnUnderThePoliciesOfTheTable) {
  testing::soak_bank([](std::uint64_t) { return std::make_unique<StoreBank>(false); });
}

/// Writes as if nobody had asked for a condition.
class ForgetfulBank : public StoreBank {
 public:
  ForgetfulBank() : StoreBank(true) {}
  Result<Answer> write(Operation::Kind kind, const Batch& rows, std::optional<Csn>) override {
    return StoreBank::write(kind, rows, std::nullopt);
  }
};

TEST(ConcurrentHistoryTest, TableThatForgetsConditionsIsFoundOut) {
  std::string wrong;
  for (std::uint64_t seed = 1; seed <= 50 && wrong.empty(); ++seed) {
    ForgetfulBank table;
    wrong = Bank(table, seed).run(std::chrono::milliseconds(200));
  }
  EXPECT_NE(wrong.find("a lost update"), std::string::npos) << wrong;
}

}  // namespace
}  // namespace firn::storage
