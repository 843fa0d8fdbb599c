// A table under random operations beside its oracle: the state of both and the verbs that change or compare them. Every
// answer must be the oracle's, at every retained CSN, at every moment (DESIGN D8); what a query answered before a
// move, a checkpoint, an expiry or an opening it must answer after it.
//
// Each step draws from a generator of its own, seeded by (seed, step), so that any subset of a seed's steps is a
// script of its own (tests/storage/model_script.hpp).
#pragma once
#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "tests/storage/answer_memory.hpp"
#include "tests/storage/model_alter.hpp"
#include "tests/storage/model_changes.hpp"
#include "tests/storage/model_script.hpp"
#include "tests/storage/model_table.hpp"

namespace firn::storage::model {

inline constexpr int kKeys = 400;
inline constexpr int kCompareEvery = 100;
inline constexpr std::uint32_t kSmallRows = 60;
inline constexpr std::int64_t kSecond = 1'000'000, kHour = 3'600 * kSecond;
inline constexpr std::int64_t kPinMaxAge = 3 * kHour;

struct Counts {
  std::map<std::string, int> done;
  std::map<std::string, int> moved, overwritten;
  int pins_broken = 0;
  void add(const Counts& o) {
    pins_broken += o.pins_broken;
    for (const auto& [k, n] : o.done) done[k] += n;
    for (const auto& [k, n] : o.moved) moved[k] += n;
    for (const auto& [k, n] : o.overwritten) overwritten[k] += n;
  }
};

/// A fault planted in the oracle, to prove that the alarm rings: once the verb `first` has been run and then the verb
/// `then`, the oracle believes a wrong value.
struct PlantedFault {
  std::string first, then;
};

class Model {
 public:
  explicit Model(Script script, std::optional<PlantedFault> fault = std::nullopt)
      : script_(std::move(script)),
        fault_(std::move(fault)),
        shape_(static_cast<KeyKind>(script_.seed % kKeyKinds)) {
    options_.clock = clock_;
    options_.warm_log_bytes = 96 << 10;
    options_.segment_rows = 300;
    options_.history_group_rows = 16;
    options_.resolve_set_rows = 48;  // some files to a set, some sets to a pass
    options_.hot_map_bytes = std::size_t{16} << 20;
    options_.purge_versions_min = 40;
    options_.purge_bounds = {16, 64};
    options_.unresolved_bytes_max = 24 << 10;
    options_.job_hook = [this](std::string_view stage) { in_mid_job(stage); };
    config_.small_write_rows = kSmallRows;
    config_.hot_tier_max_age_us = 2 * kHour;
    config_.warm_tier_max_age_us = 5 * kHour;
    config_.history_us = kHour;
    config_.pin_max_age_us = kPinMaxAge;
    config_.compaction.max_files = 6;
    config_.tuning.merge_threads = 2;
    store_ = TableStore::create(disk_, "t", "events", 7, shape_.schema(), config_, options_).value();
    csn_ = store_->snapshot().value().csn().value;
  }

  /// Runs the script's steps and compares everything every so often and in the end.
  std::optional<Failure> run() {
    try {
      for (std::size_t i = 0; i < script_.steps.size(); ++i) {
        step_ = script_.steps[i];
        rng_.seed(seed_of_step(script_.seed, step_));
        act();
        if ((i + 1) % kCompareEvery == 0) compare_with_past();
      }
      compare_with_past();
      return std::nullopt;
    } catch (const std::exception& e) {
      return Failure{step_, e.what(), {history_.begin(), history_.end()}};
    }
  }
  const Counts& counts() const { return counts_; }

 private:
  struct Verb {
    const char* name;
    int weight;
    void (Model::*run)();
  };

  // --- chance ---
  std::uint64_t below(std::uint64_t n) { return n == 0 ? 0 : rng_() % n; }
  bool chance(int percent) { return below(100) < static_cast<std::uint64_t>(percent); }
  int any_key() { return static_cast<int>(chance(50) ? below(kKeys) : below(40)); }  // some are hot
  Cell fresh_cell() {
    static constexpr const char* kTags[] = {"", "red", "green", "blue",
                                            "a rather long tag that compresses well"};
    return {true, static_cast<std::int64_t>(below(1'000'000)) - 500'000, kTags[below(5)]};
  }
  Change fresh_change(std::size_t rows) {
    Change change;
    const bool run = chance(30);
    const int first = any_key();
    for (std::size_t i = 0; i < rows; ++i)
      change.emplace_back(run ? (first + static_cast<int>(i)) % kKeys : any_key(), fresh_cell());
    return change;
  }
  std::uint64_t retained_csn() {
    const std::uint64_t horizon = store_->stats().value().horizon.value;
    return horizon + below(now() - horizon + 1);
  }
  std::uint64_t now() { return store_->snapshot().value().csn().value; }

  void note(std::string text) {
    history_.push_back(std::to_string(step_) + (depth_ > 0 ? " (in a job) " : " ") + std::move(text));
    if (history_.size() > kNotesMax) history_.pop_front();
  }

  // --- steps ---
  void act() {
    static constexpr Verb kVerbs[] = {
        {"write", 20, &Model::write_small},
        {"bulk", 7, &Model::write_bulk},
        {"blocks", 2, &Model::write_blocks},
        {"remove", 7, &Model::remove_keys},
        {"remove where", 3, &Model::remove_where},
        {"insert", 4, &Model::insert},
        {"update", 3, &Model::update},
        {"if unchanged", 3, &Model::if_unchanged},
        {"token", 4, &Model::token},
        {"group", 2, &Model::group},
        {"get", 8, &Model::get},
        {"query", 8, &Model::query},
        {"as of", 5, &Model::as_of},
        {"changes", 4, &Model::changes},
        {"cursor", 3, &Model::cursor},
        {"snapshot", 5, &Model::snapshot},
        {"job", 12, &Model::job},
        {"job towards", 3, &Model::job_towards},
        {"next job", 3, &Model::next_job},
        {"checkpoint", 2, &Model::checkpoint},
        {"expire", 2, &Model::expire},
        {"follow ends", 3, &Model::follow_ends},
        {"purge", 3, &Model::purge},
        {"configure", 2, &Model::configure},
        {"alter", 3, &Model::alter},
        {"wait", 6, &Model::wait},
        {"close", 2, &Model::close},
        {"kill", 2, &Model::kill},
        {"cut", 2, &Model::cut},
        {"verify", 2, &Model::verify},
    };
    int total = 0;
    for (const Verb& v : kVerbs) {
      total += v.weight;
      counts_.done.try_emplace(v.name, 0);
    }
    auto pick = static_cast<int>(below(static_cast<std::uint64_t>(total)));
    for (const Verb& v : kVerbs) {
      pick -= v.weight;
      if (pick >= 0) continue;
      counts_.done[v.name] += 1;
      (this->*v.run)();
      if (fault_) plant(v.name);
      return;
    }
  }
  void plant(std::string_view verb) {
    const State state = oracle_.state(csn_);
    if (armed_ && verb == fault_->then && !state.empty()) {
      Cell wrong = state.begin()->second;
      wrong.v += 1;
      oracle_.put(state.begin()->first, csn_, wrong);
    }
    armed_ = armed_ || verb == fault_->first;
  }

  // --- writing ---
  CommitInfo committed(const CommitInfo& info) {
    expect(info.csn.value > csn_, "CSN " + std::to_string(info.csn.value) + " after " + std::to_string(csn_));
    csn_ = info.csn.value;
    return info;
  }
  WriteRequest request_of(const Change& change) { return upsert_of(*store_, shape_.batch(change)).value(); }
  void write(const Change& change) {
    const CommitInfo info = committed(store_->commit_one(request_of(change)).value());
    oracle_.apply(change, info.csn.value);
  }
  void write_small() {
    const Change change = fresh_change(1 + below(50));
    note("write " + std::to_string(change.size()) + " rows from key " + std::to_string(change.front().first));
    write(change);
  }
  void write_bulk() {
    const Change change = fresh_change(kSmallRows + 1 + below(250));
    note("bulk of " + std::to_string(change.size()) + " rows");
    write(change);
  }
  /// One commit of several blocks, in which keys repeat: the later block wins.
  void write_blocks() {
    WriteRequest r;
    r.kind = WriteRequest::Kind::blocks;
    Change all;
    const auto blocks = 2 + below(3);
    for (std::uint64_t i = 0; i < blocks; ++i) {
      const Change change = fresh_change(30 + below(80));
      const std::vector<RowFileInfo> infos = store_->prepare_blocks(shape_.batch(change)).value();
      r.blocks.insert(r.blocks.end(), infos.begin(), infos.end());
      all.insert(all.end(), change.begin(), change.end());
    }
    note("commit of " + std::to_string(r.blocks.size()) + " blocks, " + std::to_string(all.size()) + " rows");
    const CommitInfo info = committed(store_->commit_one(std::move(r)).value());
    oracle_.apply(all, info.csn.value);
  }
  void remove_keys() {
    WriteRequest r;
    r.kind = WriteRequest::Kind::remove_keys;
    std::vector<int> keys;
    const auto count = chance(10) ? kSmallRows + 20 + below(50) : 1 + below(20);
    for (std::uint64_t i = 0; i < count; ++i) keys.push_back(any_key());
    for (const int k : keys) r.remove_keys.push_back(shape_.encoded(k));
    note("remove " + std::to_string(keys.size()) + " keys from " + std::to_string(keys.front()));
    const CommitInfo info = committed(store_->commit_one(std::move(r)).value());
    for (const int k : keys) oracle_.put(k, info.csn.value, {});
  }
  void remove_where() {
    const auto low = static_cast<std::int64_t>(below(kKeys)),
               width = static_cast<std::int64_t>(below(chance(15) ? 150 : 20));
    const std::string sql =
        "k BETWEEN " + std::to_string(low) + " AND " + std::to_string(low + width) + " AND v > 0";
    note("remove where " + sql);
    WriteRequest r;
    r.kind = WriteRequest::Kind::remove_where;
    r.remove_where = parse_condition(sql).value();
    std::vector<int> hit;
    for (const auto& [k, cell] : oracle_.state(csn_))
      if (k >= low && k <= low + width && cell.v > 0) hit.push_back(k);
    const CommitInfo info = store_->commit_one(std::move(r)).value();
    expect(info.rows == hit.size(),
           "removed " + std::to_string(info.rows) + " rows, expected " + std::to_string(hit.size()));
    if (hit.empty()) return;
    committed(info);
    for (const int k : hit) oracle_.put(k, info.csn.value, {});
  }
  void insert() {
    const Change change = fresh_change(chance(15) ? kSmallRows + 1 + below(30) : 1 + below(3));
    WriteRequest r = request_of(change);
    r.mode = WriteMode::insert;
    const bool refused = std::any_of(change.begin(), change.end(),
                                     [&](const auto& c) { return oracle_.at(c.first, csn_).live; });
    note(std::string("insert, to be ") + (refused ? "refused" : "taken"));
    const auto answer = store_->commit_one(std::move(r));
    if (refused) {
      expect(!answer && answer.error().code() == ErrorCode::already_exists,
             "an insert over a live key was not refused");
      return;
    }
    oracle_.apply(change, committed(answer.value()).csn.value);
  }
  void update() {
    std::vector<std::pair<int, std::int64_t>> rows;
    const bool inserts = chance(40);
    bool refused = false;
    const State before = oracle_.state(csn_);
    for (std::uint64_t i = 0; i < 1 + below(5); ++i) {
      int k = any_key();
      if (chance(inserts ? 50 : 90) && !before.empty()) {
        const auto near = before.lower_bound(k);
        k = near == before.end() ? before.begin()->first : near->first;
      }
      rows.emplace_back(k, fresh_cell().v);
      refused = refused || (!inserts && !before.contains(k));
    }
    note((inserts ? "update or insert of " : "update of ") + std::to_string(rows.size()) + " rows" +
         (refused ? ", to be refused" : ""));
    WriteRequest r;
    r.mode = inserts ? WriteMode::update_or_insert : WriteMode::update;
    r.rows = shape_.partial_batch(rows);
    const auto answer = store_->commit_one(std::move(r));
    if (refused) {
      expect(!answer && answer.error().code() == ErrorCode::not_found,
             "an update of an absent row was not refused");
      return;
    }
    const CommitInfo info = committed(answer.value());
    for (const auto& [k, v] : rows) {
      const auto was = before.find(k);
      Cell cell = was != before.end() ? was->second : Cell{true, 0, ""};
      cell.v = v;
      if (was != before.end()) extras_.carried(k, oracle_.version_at(k, info.csn.value - 1), info.csn.value);
      oracle_.put(k, info.csn.value, cell);
    }
  }
  void if_unchanged() {
    const std::uint64_t since = chance(50) ? csn_ - below(4) : retained_csn();
    const Change change = fresh_change(1 + below(4));
    const bool refused = std::any_of(change.begin(), change.end(),
                                     [&](const auto& c) { return oracle_.newest(c.first) > since; });
    note("write if unchanged since " + std::to_string(since) + (refused ? ", to be refused" : ""));
    WriteRequest r;
    r.rows = shape_.batch(change);
    r.if_unchanged_since = Csn{since};
    const bool below_horizon = since < store_->stats().value().horizon.value;
    const auto answer = store_->commit_one(std::move(r));
    if (below_horizon) {  // the proof may be gone with the history
      expect(!answer && answer.error().code() == ErrorCode::horizon,
             "a condition below the horizon was not refused");
      return;
    }
    if (refused) {
      expect(!answer && answer.error().code() == ErrorCode::conflict, "a changed key was not noticed");
      return;
    }
    oracle_.apply(change, committed(answer.value()).csn.value);
  }
  void token() {
    if (!tokens_.empty() && chance(40)) {
      const auto& [sequence, first] =
          tokens_[tokens_.size() - 1 - below(std::min<std::size_t>(tokens_.size(), 30))];
      note("token " + std::to_string(sequence) + " again");
      WriteRequest r = request_of(fresh_change(chance(20) ? kSmallRows + 5 : 3));
      r.token = WriteToken{"p", sequence};
      const CommitInfo info = store_->commit_one(std::move(r)).value();
      expect(info.repeated && info.csn == first.csn && info.time == first.time && info.rows == first.rows,
             "a repeated token did not get the first answer");
      return;
    }
    const std::uint64_t sequence = tokens_.empty() ? 1 : tokens_.back().first + 1 + below(3);
    const Change change = fresh_change(chance(20) ? kSmallRows + 5 : 3);
    note("token " + std::to_string(sequence));
    WriteRequest r = request_of(change);
    r.token = WriteToken{"p", sequence};
    const CommitInfo info = committed(store_->commit_one(std::move(r)).value());
    expect(!info.repeated, "a fresh token was taken for a repeat");
    oracle_.apply(change, info.csn.value);
    tokens_.emplace_back(sequence, info);
  }
  /// Several requests with one sync.
  void group() {
    std::vector<Change> changes;
    std::vector<WriteRequest> requests;
    for (std::uint64_t i = 0; i < 2 + below(6); ++i) {
      changes.push_back(fresh_change(chance(20) ? kSmallRows + 5 : 1 + below(5)));
      requests.push_back(request_of(changes.back()));
    }
    note("group of " + std::to_string(requests.size()));
    const auto answers = store_->commit(requests);
    for (std::size_t i = 0; i < answers.size(); ++i)
      oracle_.apply(changes[i], committed(answers[i].value()).csn.value);
  }

  // --- reading ---
  void get() {
    const StoreSnapshot at = store_->snapshot().value();
    const int k = any_key();
    const Cell table = read_cell(*store_, at, shape_, k).value(), oracle = oracle_.at(k, csn_);
    expect(table == oracle, "get: table: " + text_of(k, table) + "; oracle: " + text_of(k, oracle));
  }
  std::vector<Value> ask(const std::string& sql) {
    const Batch answer = store_->query(parse_query(sql).value(), store_->snapshot().value()).value();
    std::vector<Value> row;
    for (std::size_t c = 0; c < answer.schema().size(); ++c) row.push_back(answer[c].value_at(0));
    return row;
  }
  void query() {
    const std::uint64_t csn = chance(50) ? retained_csn() : now();
    const std::string travel = csn == now() && chance(50) ? "" : " AS OF CSN " + std::to_string(csn);
    const State state = oracle_.state(csn);
    const auto low = static_cast<std::int64_t>(below(kKeys)),
               high = low + static_cast<std::int64_t>(below(200));
    const bool filtered = chance(60);
    std::string where;
    std::int64_t count = 0, sum = 0, red = 0;
    if (filtered) where = " WHERE k BETWEEN " + std::to_string(low) + " AND " + std::to_string(high);
    for (const auto& [k, cell] : state) {
      if (filtered && (k < low || k > high)) continue;
      count += 1;
      sum += cell.v;
      red += cell.tag == "red" ? 1 : 0;
    }
    const std::string sql =
        "SELECT count(*), sum(v), count(CASE WHEN tag = 'red' THEN 1 END) FROM t" + travel + where;
    note(sql);
    const auto row = ask(sql);
    expect(row[0].to_i64() == count, "count " + row[0].to_string() + ", expected " + std::to_string(count));
    expect(count == 0 ? row[1].is_null() : row[1].to_i64() == sum,
           "sum " + row[1].to_string() + ", expected " + std::to_string(sum));
    expect(row[2].to_i64() == red, "red " + row[2].to_string() + ", expected " + std::to_string(red));
    const auto alone = ask("SELECT count(*) FROM t" + travel);  // may be answered from metadata
    expect(alone[0].to_i64() == static_cast<std::int64_t>(state.size()),
           "count(*)" + travel + " " + alone[0].to_string() + ", expected " + std::to_string(state.size()));
  }
  void as_of() {
    const std::uint64_t csn = retained_csn();
    note("all rows as of CSN " + std::to_string(csn));
    expect_equal(read_state(*store_, csn).value(), oracle_.state(csn), "AS OF CSN " + std::to_string(csn));
    extras_.check(*store_, oracle_, csn);
    if (csn > 0) {
      const StoreSnapshot old = store_->snapshot(Csn{csn}).value();
      const int k = any_key();
      const Cell table = read_cell(*store_, old, shape_, k).value(), oracle = oracle_.at(k, csn);
      expect(table == oracle, "get at CSN " + std::to_string(csn) + ": table: " + text_of(k, table) +
                                  "; oracle: " + text_of(k, oracle));
    }
  }
  void changes() {
    const std::uint64_t from = retained_csn(), max_rows = chance(50) ? 0 : 1 + below(300);
    note("changes since CSN " + std::to_string(from) + " by " + std::to_string(max_rows) + " rows");
    expect_changes(*store_, oracle_, from, now(), max_rows);
  }
  void cursor() {
    const std::uint64_t position = retained_csn();
    note("a cursor, to CSN " + std::to_string(position));
    committed(cursors_.act(*store_, position, [this](std::uint64_t n) { return below(n); }));
    cursors_.check(*store_, oracle_, now());
  }
  void snapshot() {
    if (snapshots_.size() < 6 && chance(60)) {
      snapshots_.push_back(
          {chance(50) ? store_->snapshot().value() : store_->snapshot(Csn{retained_csn()}).value(),
           clock_->now().us});
      note("snapshot at CSN " + std::to_string(snapshots_.back().at.csn().value));
      return;
    }
    check_snapshots();
    if (!snapshots_.empty() && chance(50)) {
      note("snapshot let go");
      snapshots_.erase(snapshots_.begin() + static_cast<std::ptrdiff_t>(below(snapshots_.size())));
    }
  }
  void check_snapshots() {
    for (const Held& held : snapshots_) {
      const StoreSnapshot& s = held.at;
      const std::string where = "snapshot at CSN " + std::to_string(s.csn().value);
      const State oracle = oracle_.state(s.csn().value);
      const auto rows = read_state(*store_, s);
      if (!rows) {  // given up: an error, never other rows
        expect(rows.error().code() == ErrorCode::horizon && clock_->now().us - held.since_us > kPinMaxAge,
               where + ": " + rows.error().message());
        counts_.pins_broken += 1;
        continue;
      }
      expect_equal(*rows, oracle, where);
      for (int i = 0; i < 20; ++i) {
        const int k = any_key();
        const Cell table = read_cell(*store_, s, shape_, k).value(), cell = oracle_.at(k, s.csn().value);
        expect(table == cell, where + ": get: table: " + text_of(k, table) + "; oracle: " + text_of(k, cell));
      }
    }
  }
  void compare_with_past() {
    compare_all();
    memory_.check_all(*store_);
  }
  void compare_all() {
    expect_equal(read_state(*store_).value(), oracle_.state(csn_), "all rows");
    extras_.check(*store_, oracle_, now());  // moves may have taken the horizon past the last write
    const StoreSnapshot at = store_->snapshot().value();
    for (int k = 0; k < kKeys; ++k) {
      const Cell table = read_cell(*store_, at, shape_, k).value(), oracle = oracle_.at(k, csn_);
      expect(table == oracle, "get: table: " + text_of(k, table) + "; oracle: " + text_of(k, oracle));
    }
    for (int i = 0; i < 3; ++i) as_of();
    check_snapshots();
    const StoreStats stats = store_->stats().value();
    expect(stats.rows == oracle_.state(csn_).size(), "stats say " + std::to_string(stats.rows) +
                                                         " live rows, expected " +
                                                         std::to_string(oracle_.state(csn_).size()));
    expect(stats.jobs_refused == 0, "a job was refused");
    expect(stats.read_only_reason.empty(), "read-only: " + stats.read_only_reason);
    if (depth_ == 0) expect_no_orphans();  // a job under way has files that nothing names yet
  }
  /// Before maintenance: takes down what queries answer at one more retained CSN.
  void remember() {
    if (!memory_.full() || chance(30)) memory_.remember(*store_, chance(40) ? now() : retained_csn(), rng_);
  }
  /// After it: they must answer the same at some of those that were taken down.
  void recall() { memory_.check_some(*store_, rng_); }
  /// Every file of the tiers is named by the catalog.
  void expect_no_orphans() {
    std::set<std::string> named;
    for (const FileView& f : store_->files()) named.insert(f.info.path);
    for (const std::string tier : {"warm", "cold"})
      for (const io::DirEntry& entry : disk_->list("t/" + tier).value())
        expect(named.contains(tier + "/" + entry.name), "nobody needs " + tier + "/" + entry.name);
  }

  // --- moving ---
  void report(const std::string& what, const Result<JobReport>& done, bool may_fail) {
    if (!done) {
      const ErrorCode code = done.error().code();
      expect(may_fail &&
                 (code == ErrorCode::conflict || code == ErrorCode::busy || code == ErrorCode::not_found),
             what + ": " + done.error().message());
      return;
    }
    if (!done->done) return;
    counts_.moved[what] += 1;
    if (overwritten_) counts_.overwritten[what] += 1;
  }
  void run(const JobOrder& order, const std::string& what) {
    std::string inputs;
    for (const std::uint64_t id : order.inputs) inputs += " " + std::to_string(id);
    note("job " + what + inputs +
         (order.hot_upto != 0 ? " up to CSN " + std::to_string(order.hot_upto) : ""));
    const bool outer = depth_ == 0;
    if (outer) overwritten_ = nested_ = false;
    remember();
    const auto done = store_->run_job(order);
    report(what, done, !outer || nested_);
    recall();
  }
  static std::string name_of_move(const JobOrder& order, StorageTier from) {
    const std::string to(name_of(order.to));
    return (order.from_hot ? "hot" : std::string(name_of(from))) + " -> " + to;
  }
  void run(const JobOrder& order) {
    StorageTier from = StorageTier::none;
    for (const FileView& f : store_->files())
      if (!order.inputs.empty() && f.info.id == order.inputs.front()) from = f.info.tier;
    run(order, name_of_move(order, from));
  }
  /// Any files of one tier, to any tier.
  void job() {
    JobOrder order;
    if (chance(25)) {
      order.from_hot = true;
      order.to = StorageTier::warm;
      if (chance(40)) order.hot_upto = 1 + below(csn_);
      run(order);
      return;
    }
    static constexpr StorageTier kTiers[] = {StorageTier::hot, StorageTier::warm, StorageTier::cold};
    order.to = kTiers[below(3)];
    const StorageTier from = chance(50) ? StorageTier::warm : StorageTier::cold;
    const int share = chance(30) ? 100 : static_cast<int>(20 + below(60));
    for (const FileView& f : store_->files()) {
      if (f.info.tier != from || !chance(share) || (order.to == StorageTier::hot && f.info.history)) continue;
      order.inputs.push_back(f.info.id);
    }
    std::shuffle(order.inputs.begin(), order.inputs.end(), rng_);
    if (!order.inputs.empty()) run(order);
  }
  void job_towards() {
    static constexpr StorageTier kTiers[] = {StorageTier::hot, StorageTier::warm, StorageTier::cold};
    const StorageTier to = kTiers[below(3)];
    note("next job towards " + std::string(name_of(to)));
    for (std::uint64_t i = 0; i < 1 + below(4); ++i)
      if (const auto order = store_->next_job_towards(to)) run(*order);
  }
  void next_job() {
    note("next job");
    for (int i = 0; i < 200; ++i) {
      const auto order = store_->next_job();
      if (!order) return;
      run(*order);
      expect(i < 199 || depth_ > 0, "there is always a next job");
      if (chance(30)) return;
    }
  }
  /// Another's work while a job is about to publish.
  void in_mid_job(std::string_view stage) {
    if (depth_ > 0 || stage == "stored" || !chance(60)) return;
    ++depth_;
    for (std::uint64_t i = 0; i < 1 + below(3); ++i) {
      if (chance(10)) alter();
      // While a purge is published nobody else moves rows or the horizon, and the CSNs that go are not read any more; a
      // writer of blocks may have to merge first, which waits for that.
      const bool purging = stage == "searched";
      const auto pick = below(!purging ? 100 : store_->files().size() > 40 ? 45 : 60);
      const State before = oracle_.state(csn_);
      if (pick < 30 && !before.empty()) {
        Change change;
        for (std::uint64_t r = 0; r < 1 + below(30); ++r) {
          const auto near = before.lower_bound(any_key());
          change.emplace_back(near == before.end() ? before.begin()->first : near->first, fresh_cell());
        }
        note("overwrite " + std::to_string(change.size()) + " live rows");
        write(change);
        overwritten_ = true;
      } else if (pick < 45) {
        remove_keys();
        overwritten_ = true;
      } else if (pick < 60) {
        write_bulk();
        overwritten_ = true;
      } else if (pick < 75) {
        compare_all();
      } else if (pick < 80) {
        checkpoint();
      } else if (pick < 85) {
        expire();
      } else if (pick < 90) {
        nested_ = true;  // without tombstones the job under way is void
        purge();
      } else {
        nested_ = true;
        job();
      }
    }
    --depth_;
  }

  // --- the rest ---
  void checkpoint() {
    note("checkpoint");
    remember();
    store_->checkpoint().value();
    recall();
  }
  void expire() {
    note("expire");
    remember();
    store_->expire().value();
    csn_ = std::max(csn_, now());
    recall();
  }
  void follow_ends() {
    note("follow ends");
    store_->follow_ends().value();
    const StoreStats stats = store_->stats().value();
    expect(stats.lag_commits == 0 && stats.lag_keys == 0, "ends were followed and are behind");
  }
  /// Drops superseded hot versions, however few there are.
  void purge() {
    JobOrder order;
    order.from_hot = true;
    order.to = StorageTier::hot;
    run(order);
  }
  void configure() {
    static constexpr std::int64_t kHistories[] = {0, 60 * kSecond, kHour, 30 * kHour};
    config_.history_us = kHistories[below(4)];
    note("history is kept for " + std::to_string(config_.history_us / kSecond) + " s");
    WriteRequest r;
    r.kind = WriteRequest::Kind::config;
    r.config = config_;
    committed(store_->commit_one(std::move(r)).value());
  }
  /// A column comes, goes, gets another name or a wider type; then rows that fill the columns there are.
  void alter() {
    WriteRequest r;
    r.kind = WriteRequest::Kind::alter;
    r.change = extras_.next(rng_);
    note(r.change.to_string());
    const SchemaChange change = r.change;
    extras_.took(change, committed(store_->commit_one(std::move(r)).value()).csn.value);
    const Change rows = fresh_change(1 + below(chance(40) ? 3 * kSmallRows : 20));
    const Batch wide = extras_.widened(shape_.batch(rows), store_->schema(), rows, rng_);
    const CommitInfo info = committed(store_->commit_one(upsert_of(*store_, wide).value()).value());
    oracle_.apply(rows, info.csn.value);
    extras_.filled(info.csn.value);
  }
  void wait() {
    const std::int64_t us = static_cast<std::int64_t>(below(chance(20) ? 4 * kHour : 200 * kSecond));
    note("wait " + std::to_string(us / kSecond) + " s");
    clock_->advance_us(us);
  }
  void verify() {
    note("verify");
    const auto findings = store_->verify(true).value();
    expect(findings.empty(), findings.empty() ? "" : findings.front());
  }
  void reopened() {
    store_ = TableStore::open(disk_, "t", options_).value();
    expect_equal(read_state(*store_).value(), oracle_.state(csn_), "after opening");
    recall();
  }
  void close() {
    note("close");
    remember();
    snapshots_.clear();
    store_->close().value();
    store_.reset();
    reopened();
  }
  void kill() {
    note("kill");
    remember();
    snapshots_.clear();
    store_.reset();
    reopened();
  }
  void cut() {
    const auto policy = io::kCutPolicies[below(std::size(io::kCutPolicies))];
    note("power cut, policy " + std::to_string(static_cast<int>(policy)));
    remember();
    snapshots_.clear();
    store_.reset();
    disk_ = disk_->cut(policy, rng_());
    reopened();
  }

  static constexpr std::size_t kNotesMax = 60;

  Script script_;
  std::optional<PlantedFault> fault_;
  int step_ = 0, depth_ = 0;
  bool overwritten_ = false, nested_ = false, armed_ = false;
  std::mt19937_64 rng_;
  TableShape shape_;
  Oracle oracle_;
  ExtraColumns extras_;
  CursorOracle cursors_;
  std::uint64_t csn_ = 0;  ///< of the last commit that the test made
  std::shared_ptr<io::SimDisk> disk_ = std::make_shared<io::SimDisk>();
  std::shared_ptr<io::ManualClock> clock_ = std::make_shared<io::ManualClock>();
  StoreOptions options_;
  HybridTableConfig config_;
  struct Held {
    StoreSnapshot at;
    std::int64_t since_us;
  };
  std::vector<Held> snapshots_;
  std::vector<std::pair<std::uint64_t, CommitInfo>> tokens_;
  AnswerMemory memory_;
  std::deque<std::string> history_;
  Counts counts_;
  std::unique_ptr<TableStore> store_;  // last: it calls the hook
};

}  // namespace firn::storage::model
