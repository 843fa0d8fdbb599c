// Writers, readers and maintenance through the public interface at once: every answer is the one that its CSN fixes.
#include "fixture.hpp"
#include "tests/history/bank.hpp"

namespace firn::testing {
namespace {

class ApiBank : public BankTable {
 public:
  explicit ApiBank(Database& db) {
    HybridTableConfig config;
    config.small_write_rows = 16;
    config.history_us = 400'000;
    table_ = db.create_table("bank", bank_schema(), config).value();
  }

  Result<Answer> write(Operation::Kind kind, const Batch& rows, std::optional<Csn> since) override {
    WriteOptions options;
    if (kind == Operation::Kind::insert) options.mode = WriteMode::insert;
    if (kind == Operation::Kind::update) options.mode = WriteMode::update;
    options.if_unchanged_since = since;
    return answer(table_.write(rows, options));
  }
  Result<Answer> remove(const std::vector<Key>& keys, std::optional<Csn> since) override {
    WriteOptions options;
    options.if_unchanged_since = since;
    return answer(table_.remove(keys, options));
  }
  Result<Answer> remove_where(const std::string& condition) override {
    return answer(table_.remove_where(condition));
  }
  Result<std::unique_ptr<State>> state(std::optional<Csn> at) override {
    FIRN_ASSIGN(Snapshot snapshot, table_.snapshot(at));
    return std::unique_ptr<State>(std::make_unique<Pinned>(std::move(snapshot)));
  }
  Result<void> maintain(std::uint64_t dice) override {
    static constexpr StorageTier kTiers[] = {StorageTier::hot, StorageTier::warm, StorageTier::cold};
    if (dice % 8 == 0) return table_.checkpoint();
    if (dice % 8 < 3) {
      FIRN_TRY(table_.optimize());
      return {};
    }
    const auto done = table_.compact({.to = kTiers[dice / 8 % 3]});
    if (!done && done.error().code() != ErrorCode::conflict) return done.error();
    return {};
  }
  Result<void> list() override {
    FIRN_TRY(table_.segments());
    FIRN_TRY(table_.get_stats());
    return {};
  }

 private:
  struct Pinned : State {
    explicit Pinned(Snapshot s) : at(std::move(s)) {}
    std::uint64_t csn() const override { return at.csn().value; }
    Result<Batch> query(const std::string& sql) override {
      FIRN_ASSIGN(const DataFrame frame, at.query(sql));
      return frame.batch();
    }
    Result<std::optional<std::vector<Value>>> get(const Key& key) override {
      using Row = std::optional<std::vector<Value>>;
      FIRN_ASSIGN(const auto row, at.get(key));
      if (!row) return Row{};
      return Row({(*row)[0], (*row)[1], (*row)[2]});
    }
    Snapshot at;
  };
  static Result<Answer> answer(const Result<Commit>& commit) {
    if (!commit) return commit.error();
    return Answer{commit->csn.value, commit->time.us, commit->rows};
  }
  HybridTable table_;
};

using HistoryTest = DatabaseTest;

TEST_F(HistoryTest, EveryAnswerIsTheOneOfItsCsnWhileRowsMove) {
  DatabaseOptions options;
  options.background = false;  // moves are asked for, so that each CSN can be accounted for
  open(options);
  soak_bank([&](std::uint64_t) {
    (void)db_.drop_table("bank");
    return std::make_unique<ApiBank>(db_);
  });
}

}  // namespace
}  // namespace firn::testing
