// What sessions did to a table at the same time, and the judge of it. Every commit has a place in one order (its CSN) and
// every read names the commit it saw; so nothing is inferred: the commits are replayed in their order against a map, and
// each answer must be what the map holds at its CSN. One commit order and exact answers imply the properties known by
// name: no stale, torn or repeated read, no lost update, no long fork, conditions decided rightly.
#pragma once
#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace firn::testing {

/// What a key holds: `mark` says which write put it there, so no two versions look alike.
struct Holding {
  std::int64_t balance = 0, mark = 0;
  bool operator==(const Holding&) const = default;
};
using Holdings = std::map<int, std::optional<Holding>>;  ///< nullopt: the key has no row

/// Keys [from, to) whose balance is less than `below`: what a ranged read or a delete by condition speaks of.
struct Band {
  int from = 0, to = 0;
  std::int64_t below = INT64_MAX;
};

struct Operation {
  enum class Kind : std::uint8_t { upsert, insert, update, remove, remove_where, read, scan, total };
  enum class Outcome : std::uint8_t { done, conflict, exists, missing };
  Kind kind = Kind::read;
  Outcome outcome = Outcome::done;
  bool travel = false;      ///< a read of an older state on purpose
  std::uint64_t floor = 0;  ///< a CSN that some session knew of before this one asked
  std::uint64_t csn = 0;  ///< of the commit, of the state read; of a refusal: the newest when it was answered
  std::int64_t time_us = 0;            ///< of the commit
  std::uint64_t rows = 0;              ///< as the answer counts them
  std::int64_t sum = 0;                ///< total: of all balances
  std::optional<std::uint64_t> since;  ///< if_unchanged_since
  std::uint64_t blamed = 0;            ///< conflict: the commit that the answer names
  Holdings keys;                       ///< written or read
  Band band;                           ///< scan, remove_where
  bool is_read() const { return kind >= Kind::read; }
  /// It took a CSN of its own (a delete that finds nothing takes none).
  bool is_commit() const {
    return !is_read() && outcome == Outcome::done && !(kind == Kind::remove_where && rows == 0);
  }
};

/// CSNs after `after` up to `upto` may belong to maintenance.
struct OthersCommits {
  std::uint64_t after = 0, upto = 0;
};

struct History {
  std::vector<std::vector<Operation>> sessions;  ///< each in the order in which it was done
  std::vector<OthersCommits> others;
  int accounts = 0;          ///< keys [0, accounts) hold money that only moves ...
  std::int64_t capital = 0;  ///< ... this much, from the first commit on
};

class Judge {
 public:
  /// What is wrong with the history, the first findings first; empty: it is sound.
  static std::vector<std::string> findings(const History& history) {
    Judge judge(history);
    judge.order_within_sessions();
    judge.order_of_commits();
    judge.replay();
    for (const auto& session : history.sessions)
      for (const Operation& o : session) judge.check(o);
    return std::move(judge.findings_);
  }

 private:
  using Kind = Operation::Kind;
  using Outcome = Operation::Outcome;
  struct Version {
    std::uint64_t csn = 0;
    std::optional<Holding> holding;
  };

  explicit Judge(const History& history) : history_(history) {
    for (const auto& session : history.sessions)
      for (const Operation& o : session)
        if (o.is_commit()) commits_.push_back(&o);
    std::stable_sort(commits_.begin(), commits_.end(), [](auto* a, auto* b) { return a->csn < b->csn; });
  }

  void complain(const Operation& o, const std::string& text) {
    if (findings_.size() < 50) findings_.push_back("CSN " + std::to_string(o.csn) + ": " + text);
  }

  /// What a session, or anybody who told it, has seen does not become unseen.
  void order_within_sessions() {
    for (const auto& session : history_.sessions) {
      std::uint64_t seen = 0;
      for (const Operation& o : session) {
        if (o.travel) continue;
        const std::uint64_t known = std::max(seen, o.floor);
        if (o.is_commit() && o.csn <= known)
          complain(o, "the commit comes before CSN " + std::to_string(known) + ", which was known already");
        if (!o.is_commit() && o.csn < known)
          complain(o, "a stale answer: CSN " + std::to_string(known) + " was known already");
        seen = std::max(seen, o.csn);
      }
    }
  }

  bool others(std::uint64_t csn) const {
    return std::any_of(history_.others.begin(), history_.others.end(),
                       [&](const OthersCommits& c) { return c.after < csn && csn <= c.upto; });
  }

  void order_of_commits() {
    std::uint64_t next = 1;
    std::int64_t time = INT64_MIN;
    for (const Operation* o : commits_) {
      if (o->csn < next) complain(*o, "two commits have this CSN");
      for (; next < o->csn; ++next)
        if (!others(next)) complain(*o, "nobody committed CSN " + std::to_string(next));
      if (o->time_us <= time) complain(*o, "its time is not after that of the commit before");
      time = o->time_us;
      next = o->csn + 1;
    }
  }

  std::optional<Holding> at(int key, std::uint64_t csn) const {
    const auto versions = versions_.find(key);
    if (versions == versions_.end()) return std::nullopt;
    const auto after = std::upper_bound(versions->second.begin(), versions->second.end(), csn,
                                        [](std::uint64_t c, const Version& v) { return c < v.csn; });
    return after == versions->second.begin() ? std::nullopt : std::prev(after)->holding;
  }
  /// The rows of the band at a CSN.
  Holdings rows_at(const Band& band, std::uint64_t csn) const {
    Holdings rows;
    for (auto k = versions_.lower_bound(band.from); k != versions_.end() && k->first < band.to; ++k) {
      const auto holding = at(k->first, csn);
      if (holding && holding->balance < band.below) rows[k->first] = holding;
    }
    return rows;
  }

  /// The decision of an accepted write, against the state just before it.
  void check_decision(const Operation& o) {
    for (const auto& [key, holding] : o.keys) {
      const auto versions = versions_.find(key);
      const std::uint64_t newest = versions == versions_.end() ? 0 : versions->second.back().csn;
      const bool live = at(key, o.csn - 1).has_value();
      const std::string name = "key " + std::to_string(key);
      if (o.since && newest > *o.since)
        complain(o, "a lost update: " + name + " was changed by CSN " + std::to_string(newest) + ", after " +
                        std::to_string(*o.since));
      if (o.kind == Kind::insert && live) complain(o, "an insert over " + name + ", which is there");
      if (o.kind == Kind::update && !live) complain(o, "an update of " + name + ", which is not there");
    }
  }

  void replay() {
    std::int64_t capital = 0;
    bool founded = false;
    for (const Operation* o : commits_) {
      check_decision(*o);
      const Holdings removed = o->kind == Kind::remove_where ? rows_at(o->band, o->csn - 1) : Holdings{};
      const std::size_t rows = o->kind == Kind::remove_where ? removed.size() : o->keys.size();
      if (o->rows != rows)
        complain(*o, std::to_string(o->rows) + " rows were counted, not " + std::to_string(rows));
      const auto put = [&](int key, std::optional<Holding> next) {
        const auto before = at(key, o->csn - 1);
        if (o->kind == Kind::update && before && next)
          next->mark = before->mark;  // only the balance was given
        if (key < history_.accounts) capital += (next ? next->balance : 0) - (before ? before->balance : 0);
        versions_[key].push_back({o->csn, next});
      };
      for (const auto& [key, holding] : o->keys) put(key, holding);
      for (const auto& [key, holding] : removed) put(key, std::nullopt);
      founded |= capital != 0;
      if (founded && capital != history_.capital)
        complain(
            *o, "the accounts hold " + std::to_string(capital) + ", not " + std::to_string(history_.capital));
    }
  }

  static std::string text_of(const std::optional<Holding>& h) {
    return h ? std::to_string(h->balance) + " by write " + std::to_string(h->mark) : "nothing";
  }
  void check_equal(const Operation& o, const Holdings& read, const Holdings& expected) {
    for (const auto& [key, holding] : expected) {
      const auto found = read.find(key);
      const auto got = found == read.end() ? std::nullopt : found->second;
      if (got != holding)
        complain(o, "key " + std::to_string(key) + " was read as " + text_of(got) + ", not as " +
                        text_of(holding));
    }
    for (const auto& [key, holding] : read)
      if (!expected.contains(key))
        complain(o, "key " + std::to_string(key) + " was read as " + text_of(holding) + ", not as nothing");
  }

  /// An answer that is no commit: what was read, or why a write was refused.
  void check(const Operation& o) {
    if (o.kind == Kind::read) {
      Holdings expected;
      for (const auto& [key, holding] : o.keys) expected[key] = at(key, o.csn);
      check_equal(o, o.keys, expected);
    } else if (o.kind == Kind::scan) {
      check_equal(o, o.keys, rows_at(o.band, o.csn));
    } else if (o.kind == Kind::total) {
      std::int64_t sum = 0;
      const Holdings all = rows_at({INT32_MIN, INT32_MAX}, o.csn);
      for (const auto& [key, holding] : all) sum += holding->balance;
      if (o.rows != all.size() || o.sum != sum)
        complain(o, std::to_string(o.rows) + " rows hold " + std::to_string(o.sum) + ", not " +
                        std::to_string(all.size()) + " with " + std::to_string(sum));
    } else if (o.kind == Kind::remove_where && o.outcome == Outcome::done && o.rows == 0) {
      if (!rows_at(o.band, o.csn).empty()) complain(o, "a delete found nothing though there were rows");
    } else if (o.outcome != Outcome::done && !refused_rightly(o)) {
      complain(o, o.outcome == Outcome::conflict
                      ? "refused for a change by CSN " + std::to_string(o.blamed) + " since " +
                            std::to_string(o.since.value_or(0)) + ", which made none"
                      : "refused though every key was as the write asks");
    }
  }
  bool refused_rightly(const Operation& o) const {
    return std::any_of(o.keys.begin(), o.keys.end(), [&](const auto& k) {
      const auto found = versions_.find(k.first);
      static const std::vector<Version> kNone;
      const std::vector<Version>& versions = found == versions_.end() ? kNone : found->second;
      if (o.outcome == Outcome::conflict)
        return o.since && o.blamed > *o.since && o.blamed <= o.csn &&
               std::any_of(versions.begin(), versions.end(),
                           [&](const Version& v) { return v.csn == o.blamed; });
      const bool live = o.outcome == Outcome::exists;
      return at(k.first, o.floor).has_value() == live ||
             std::any_of(versions.begin(), versions.end(), [&](const Version& v) {
               return v.csn > o.floor && v.csn <= o.csn && v.holding.has_value() == live;
             });
    });
  }

  const History& history_;
  std::vector<const Operation*> commits_;
  std::map<int, std::vector<Version>> versions_;
  std::vector<std::string> findings_;
};

}  // namespace firn::testing
