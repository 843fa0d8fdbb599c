// Sessions on threads that read and write one table while maintenance runs, and note all that they were told
// (tests/history/history.hpp judges it). Transfers between accounts are conditional writes, tried again on conflict;
// squads are sets of keys that one batch writes whole; guests come, change and go one by one or by condition.
#pragma once
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <functional>
#include <memory>
#include <mutex>
#include <random>
#include <thread>

#include "schema/batch.hpp"
#include "tests/history/history.hpp"
#include "tests/scale.hpp"

namespace firn::testing {

/// A table as the sessions see it, at the store or through the public interface.
class BankTable {
 public:
  struct Answer {
    std::uint64_t csn = 0;
    std::int64_t time_us = 0;
    std::uint64_t rows = 0;
  };
  /// A pinned state.
  class State {
   public:
    virtual ~State() = default;
    virtual std::uint64_t csn() const = 0;
    virtual Result<Batch> query(const std::string& sql) = 0;
    virtual Result<std::optional<std::vector<Value>>> get(const Key& key) = 0;
  };
  virtual ~BankTable() = default;
  virtual Result<Answer> write(Operation::Kind kind, const Batch& rows, std::optional<Csn> since) = 0;
  virtual Result<Answer> remove(const std::vector<Key>& keys, std::optional<Csn> since) = 0;
  virtual Result<Answer> remove_where(const std::string& condition) = 0;
  virtual Result<std::unique_ptr<State>> state(std::optional<Csn> at = std::nullopt) = 0;
  /// One step of maintenance: a move, a checkpoint, an expiry.
  virtual Result<void> maintain(std::uint64_t dice) = 0;
  /// Listings and statistics, which walk what commits and moves replace.
  virtual Result<void> list() = 0;
};

/// "id i64, balance i64, mark i64"; batches of more than 16 rows are blocks of the warm tier.
inline Schema bank_schema() {
  return Schema::parse("id i64, balance i64, mark i64", {.key = {"id"}, .time = ""}).value();
}

class Bank {
 public:
  static constexpr int kAccounts = 30, kSquads = 6, kFirstSquad = 1'000, kGuests = 60, kFirstGuest = 9'000;
  static constexpr std::int64_t kEach = 100;
  static int squad_size(int squad) {
    return squad % 2 == 0 ? 6 : 40;
  }  // small ones through the log, large ones as blocks

  Bank(BankTable& table, std::uint64_t seed) : table_(table), seed_(seed) {
    history_.accounts = kAccounts;
    history_.capital = kAccounts * kEach;
  }

  /// All sessions for so long; what was wrong in the end, "" if nothing.
  std::string run(std::chrono::milliseconds time) {
    found();
    start([this](Session& s) { transfer(s); });
    start([this](Session& s) { transfer(s); });
    start([this](Session& s) { write_squad(s); });
    start([this](Session& s) { host_guests(s); });
    start([this](Session& s) { look(s); });
    start([this](Session& s) { look(s); });
    std::thread maintenance([this] { guarded([this] { maintain(); }); });
    const auto end = std::chrono::steady_clock::now() + time;
    while (!stop_ && std::chrono::steady_clock::now() < end)
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    stop_ = true;
    for (std::thread& t : threads_) t.join();
    maintenance.join();
    for (auto& s : sessions_) history_.sessions.push_back(std::move(s->operations));
    return verdict();
  }

  std::map<std::string, int> counts() const {
    static constexpr const char* kNames[] = {
        "upserts", "inserts", "updates", "removals", "conditional removals", "reads", "scans", "totals"};
    std::map<std::string, int> counts{{"travels", 0}, {"refusals", 0}};
    for (const char* name : kNames) counts[name] = 0;
    for (const auto& session : history_.sessions)
      for (const Operation& o : session) {
        ++counts[kNames[static_cast<int>(o.kind)]];
        if (o.travel) ++counts["travels"];
        if (o.outcome != Operation::Outcome::done) ++counts["refusals"];
      }
    counts["maintenance"] = static_cast<int>(history_.others.size());
    return counts;
  }

 private:
  using Kind = Operation::Kind;
  using Outcome = Operation::Outcome;
  struct Session {
    explicit Session(std::uint64_t seed, int n)
        : rng(seed * 1'000 + static_cast<std::uint64_t>(n)), number(n) {}
    std::uint64_t below(std::uint64_t n) { return rng() % n; }
    std::mt19937_64 rng;
    int number;
    std::int64_t writes = 0;
    std::vector<Operation> operations;
    std::vector<std::unique_ptr<BankTable::State>> held;
  };

  // --- sessions ---
  template <class Body>
  void guarded(const Body& body) {
    try {
      while (!stop_) body();
    } catch (const std::exception& e) {
      const std::lock_guard lock(mutex_);
      errors_.emplace_back(e.what());
      stop_ = true;
    }
  }
  void start(std::function<void(Session&)> body) {
    Session& s =
        *sessions_.emplace_back(std::make_unique<Session>(seed_, static_cast<int>(sessions_.size())));
    threads_.emplace_back([this, &s, body = std::move(body)] {
      guarded([&] { body(s); });
      s.held.clear();
    });
  }
  std::string verdict() const {
    std::string text;
    for (const std::string& e : errors_) text += "an error: " + e + "\n";
    std::size_t shown = 0;
    for (const std::string& f : Judge::findings(history_))
      if (++shown <= 10) text += f + "\n";
    return text;
  }

  // What sessions know of each other. Relaxed, so that it orders nothing that the table itself should order.
  std::uint64_t known() const { return known_.load(std::memory_order_relaxed); }
  void learn(std::uint64_t csn) {
    std::uint64_t now = known();
    while (now < csn && !known_.compare_exchange_weak(now, csn, std::memory_order_relaxed)) {
    }
  }
  Operation begin(Kind kind) const {
    Operation o;
    o.kind = kind;
    o.floor = known();
    return o;
  }
  void note(Session& s, Operation o) {
    if (!o.travel) learn(o.csn);
    s.operations.push_back(std::move(o));
  }

  // --- writing ---
  Holding fresh(Session& s, std::int64_t balance) const {
    return {balance, s.number * 1'000'000LL + ++s.writes};
  }
  static Batch batch_of(Kind kind, const Holdings& keys) {
    static const Schema kPartial = Schema::parse("id i64, balance i64", {.key = {"id"}, .time = ""}).value();
    BatchBuilder rows(kind == Kind::update ? kPartial : bank_schema());
    for (const auto& [key, h] : keys) {
      if (kind == Kind::update)
        rows.append(std::int64_t{key}, h->balance);
      else
        rows.append(std::int64_t{key}, h->balance, h->mark);
    }
    return rows.finish().value();
  }
  /// "... was changed by commit 17, after 12"
  static std::uint64_t blamed_in(const std::string& message) {
    static const std::string kBefore = "changed by commit ";
    const auto at = message.find(kBefore);
    return at == std::string::npos ? 0 : std::strtoull(message.c_str() + at + kBefore.size(), nullptr, 10);
  }
  /// Writes what `o` says; false if it was refused.
  bool write(Session& s, Operation o) {
    const auto since = o.since ? std::optional(Csn{*o.since}) : std::nullopt;
    Result<BankTable::Answer> answer = Error(ErrorCode::internal, "not asked");
    if (o.kind == Kind::remove) {
      std::vector<Key> keys;
      for (const auto& [key, h] : o.keys) keys.push_back({Value(std::int64_t{key})});
      answer = table_.remove(keys, since);
    } else if (o.kind == Kind::remove_where) {
      answer =
          table_.remove_where("id >= " + std::to_string(o.band.from) + " AND id < " +
                              std::to_string(o.band.to) + " AND balance < " + std::to_string(o.band.below));
    } else {
      answer = table_.write(o.kind, batch_of(o.kind, o.keys), since);
    }
    if (answer) {
      o.csn = answer->csn;
      o.time_us = answer->time_us;
      o.rows = answer->rows;
      note(s, std::move(o));
      return true;
    }
    const ErrorCode code = answer.error().code();
    if (code == ErrorCode::horizon && o.since) return false;  // what it read may have been expired since
    if (code == ErrorCode::conflict)
      o.outcome = Outcome::conflict;
    else if (code == ErrorCode::already_exists)
      o.outcome = Outcome::exists;
    else if (code == ErrorCode::not_found)
      o.outcome = Outcome::missing;
    else
      throw std::runtime_error(answer.error().message());
    o.blamed = blamed_in(answer.error().message());
    o.csn = table_.state().value()->csn();
    note(s, std::move(o));
    return false;
  }
  void found() {
    Session& s = *sessions_.emplace_back(std::make_unique<Session>(seed_, 0));
    history_.others.push_back({0, table_.state().value()->csn()});  // it was created by a commit
    Operation all = begin(Kind::upsert);
    for (int k = 0; k < kAccounts; ++k) all.keys[k] = fresh(s, kEach);
    write(s, std::move(all));
  }
  void transfer(Session& s) {
    const int from = static_cast<int>(s.below(kAccounts)), to = static_cast<int>(s.below(kAccounts));
    if (from == to) return;
    const auto amount = static_cast<std::int64_t>(1 + s.below(20));
    for (int attempt = 0; attempt < 20 && !stop_; ++attempt) {
      Operation seen = begin(Kind::read);
      const auto state = table_.state().value();
      seen.keys = {{from, std::nullopt}, {to, std::nullopt}};
      points(*state, seen);
      Operation move = begin(Kind::upsert);
      move.since = state->csn();
      move.keys[from] = fresh(s, seen.keys[from].value().balance - amount);
      move.keys[to] = fresh(s, seen.keys[to].value().balance + amount);
      note(s, std::move(seen));
      if (write(s, std::move(move))) return;
    }
  }
  void write_squad(Session& s) {
    const int squad = static_cast<int>(s.below(kSquads));
    Operation o = begin(s.below(8) == 0 ? Kind::remove : Kind::upsert);
    const Holding h = fresh(s, static_cast<std::int64_t>(s.below(50)));
    for (int i = 0; i < squad_size(squad); ++i) {
      const int key = kFirstSquad + 100 * squad + i;
      o.keys[key] = o.kind == Kind::remove ? std::nullopt : std::optional(h);
    }
    write(s, std::move(o));
  }
  void host_guests(Session& s) {
    const auto pick = s.below(10);
    const auto guest = [&] { return kFirstGuest + static_cast<int>(s.below(kGuests)); };
    if (pick == 9) {
      Operation o = begin(Kind::remove_where);
      o.band.from = guest();
      o.band.to = o.band.from + 1 + static_cast<int>(s.below(40));
      o.band.below = static_cast<std::int64_t>(s.below(40));
      write(s, std::move(o));
      return;
    }
    Operation o = begin(pick < 3   ? Kind::insert
                        : pick < 6 ? Kind::update
                        : pick < 8 ? Kind::upsert
                                   : Kind::remove);
    for (std::uint64_t i = 0; i < 1 + s.below(3); ++i)
      o.keys[guest()] = o.kind == Kind::remove
                            ? std::nullopt
                            : std::optional(fresh(s, static_cast<std::int64_t>(s.below(40))));
    write(s, std::move(o));
  }

  // --- reading ---
  static void points(BankTable::State& state, Operation& o) {
    o.csn = state.csn();
    for (auto& [key, holding] : o.keys) {
      const auto row = state.get({Value(std::int64_t{key})}).value();
      holding = row ? std::optional(Holding{(*row)[1].to_i64(), (*row)[2].to_i64()}) : std::nullopt;
    }
  }
  static Holdings rows_of(const Batch& rows) {
    Holdings out;
    for (std::size_t i = 0; i < static_cast<std::size_t>(rows.rows()); ++i) {
      const auto key = static_cast<int>(rows[0].value_at(i).to_i64());
      if (!out.emplace(key, Holding{rows[1].value_at(i).to_i64(), rows[2].value_at(i).to_i64()}).second)
        throw std::runtime_error("key " + std::to_string(key) + " appears twice in an answer");
    }
    return out;
  }
  /// Rows of a band, by the key's range or by all that the table holds.
  static void scan(BankTable::State& state, Operation& o, const std::string& travel = "") {
    const bool whole = o.band.from == INT32_MIN;
    o.keys = rows_of(state
                         .query("SELECT id, balance, mark FROM t" + travel +
                                (whole ? ""
                                       : " WHERE id >= " + std::to_string(o.band.from) + " AND id < " +
                                             std::to_string(o.band.to)))
                         .value());
  }
  void look_at(Session& s, BankTable::State& state, Operation o) {
    o.csn = state.csn();
    const auto pick = s.below(4);
    if (pick == 0) {
      o.kind = Kind::read;
      for (int i = 0; i < 4; ++i) o.keys[static_cast<int>(s.below(kAccounts))] = std::nullopt;
      o.keys[kFirstSquad + static_cast<int>(s.below(kSquads)) * 100] = std::nullopt;
      o.keys[kFirstGuest + static_cast<int>(s.below(kGuests))] = std::nullopt;
      points(state, o);
    } else if (pick == 1) {
      o.kind = Kind::total;
      const Batch answer = state.query("SELECT count(*), sum(balance) FROM t").value();
      o.rows = static_cast<std::uint64_t>(answer[0].value_at(0).to_i64());
      o.sum = answer[1].value_at(0).is_null() ? 0 : answer[1].value_at(0).to_i64();
    } else {
      o.kind = Kind::scan;
      const int squad = kFirstSquad + 100 * static_cast<int>(s.below(kSquads));
      o.band = pick == 2 ? Band{INT32_MIN, INT32_MAX} : Band{squad, squad + 100};
      scan(state, o);
    }
    note(s, std::move(o));
  }
  void look(Session& s) {
    Operation o = begin(Kind::read);
    const auto pick = s.below(10);
    if (pick == 0 && !s.held.empty()) {  // a state seen before still looks as it did
      o.travel = true;
      look_at(s, *s.held[s.below(s.held.size())], std::move(o));
      return;
    }
    if (pick == 1) return travel(s, std::move(o));
    if (pick == 2) table_.list().value();
    auto state = table_.state().value();
    look_at(s, *state, std::move(o));
    if (s.held.size() >= 4) s.held.erase(s.held.begin() + static_cast<std::ptrdiff_t>(s.below(4)));
    if (s.below(5) == 0) s.held.push_back(std::move(state));
  }
  /// Some older commit, by a snapshot or by the query's words; it may have been expired.
  void travel(Session& s, Operation o) {
    const std::uint64_t newest = known(), back = 1 + s.below(200);
    if (newest <= back) return;
    o.travel = true;
    const Csn at{newest - back};
    if (s.below(2) == 0) {
      if (auto state = table_.state(at))
        look_at(s, **state, std::move(o));
      else if (state.error().code() != ErrorCode::horizon)
        throw std::runtime_error(state.error().message());
      return;
    }
    o.kind = Kind::scan;
    o.csn = at.value;
    o.band = {INT32_MIN, INT32_MAX};
    const auto rows = table_.state().value()->query("SELECT id, balance, mark FROM t AS OF CSN " +
                                                    std::to_string(at.value));
    if (!rows && rows.error().code() == ErrorCode::horizon) return;
    o.keys = rows_of(rows.value());
    note(s, std::move(o));
  }

  // --- beside ---
  void maintain() {
    const std::uint64_t before = table_.state().value()->csn();
    table_.maintain(maintenance_rng_()).value();
    history_.others.push_back({before, table_.state().value()->csn()});
  }

  BankTable& table_;
  const std::uint64_t seed_;
  std::mt19937_64 maintenance_rng_{seed_};
  History history_;  ///< `others` is the maintenance thread's until it is joined
  std::vector<std::unique_ptr<Session>> sessions_;
  std::vector<std::thread> threads_;
  std::atomic<bool> stop_ = false;
  std::atomic<std::uint64_t> known_ = 0;
  std::mutex mutex_;
  std::vector<std::string> errors_;
};

/// Rounds with a fresh table each, by default one; FIRN_SOAK_SECONDS asks for more, FIRN_SEED repeats one.
inline void soak_bank(const std::function<std::unique_ptr<BankTable>(std::uint64_t seed)>& open) {
  const std::chrono::seconds soak(number_from("FIRN_SOAK_SECONDS").value_or(0));
  const auto end = std::chrono::steady_clock::now() + soak;
  std::uint64_t seed = number_from("FIRN_SEED").value_or(std::random_device{}());
  do {
    std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
    const auto table = open(seed);
    Bank bank(*table, seed);
    const std::string wrong = bank.run(std::chrono::milliseconds(scaled(3'000)));
    ASSERT_EQ(wrong, "") << "seed " << seed;
    for (const auto& [name, n] : bank.counts()) {
      std::printf("  %d %s", n, name.c_str());
      EXPECT_GE(n, short_scale() ? 0 : 1) << name;  // a short run may miss some
    }
    std::printf("\n");
    ++seed;
  } while (std::chrono::steady_clock::now() < end);
}

}  // namespace firn::testing
