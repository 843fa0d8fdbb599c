// Maintenance that would change an answer is stopped before it is published: faults planted in every kind of job.
#include "storage/job_proof.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>

#include "storage/log_record.hpp"
#include "tests/storage/model_table.hpp"

namespace firn::storage {
namespace {

constexpr int kKeys = 300;
constexpr std::int64_t kHourUs = 3'600'000'000;

using RowsFault = std::function<void(Batch&, std::vector<std::uint64_t>& csns,
                                     std::vector<std::uint64_t>& ends, Buffer& tombstones)>;

/// The batch with the values of one column moved on by one row.
void rotate(Batch& rows, std::size_t column) {
  std::vector<std::uint32_t> order;
  for (std::uint32_t i = 0; i < static_cast<std::uint32_t>(rows.rows()); ++i)
    order.push_back((i + 1) % static_cast<std::uint32_t>(rows.rows()));
  std::vector<Column> columns = rows.columns();
  columns[column] = columns[column].take(order);
  rows = Batch(rows.schema(), rows.rows(), std::move(columns));
}

struct NamedFault {
  const char* name;
  RowsFault fault;
};
const NamedFault kFaults[] = {
    {"a value of the neighbour", [](Batch& rows, auto&, auto&, auto&) { rotate(rows, 3); }},
    {"a text of the neighbour", [](Batch& rows, auto&, auto&, auto&) { rotate(rows, 4); }},
    {"NULL for a value",
     [](Batch& rows, auto&, auto&, auto&) {
       std::vector<Column> columns = rows.columns();
       ColumnBuilder b(columns[3].type);
       b.append_null();
       b.append_column(columns[3].slice(1, static_cast<std::size_t>(rows.rows()) - 1));
       columns[3] = b.finish();
       rows = Batch(rows.schema(), rows.rows(), std::move(columns));
     }},
    {"another CSN", [](Batch&, auto& csns, auto&, auto&) { csns.front() -= 1; }},
    {"a tombstone for a row",
     [](Batch& rows, auto&, auto&, Buffer& tombstones) {
       MutableBuffer bits(bitmap_bytes(static_cast<std::size_t>(rows.rows())));
       for (std::size_t i = 0; !tombstones.empty() && i < static_cast<std::size_t>(rows.rows()); ++i)
         if (bit_at(tombstones.data(), i)) set_bit(bits.data(), i);
       const bool was = bit_at(bits.data(), 0);
       was ? clear_bit(bits.data(), 0) : set_bit(bits.data(), 0);
       tombstones = bits.freeze();
     }},
};

class JobProofTest : public ::testing::Test {
 protected:
  void SetUp() override { create(); }
  void create() {
    store.reset();
    disk = std::make_shared<io::SimDisk>();
    oracle = {};
    log.clear();
    options = {};
    options.clock = clock;
    options.log = [this](std::string_view text) { log.emplace_back(text); };
    store = TableStore::create(disk, "t", "events", 7, shape.schema(), {}, options).value();
  }
  void reopen() {
    store->close().value();
    store = TableStore::open(disk, "t", options).value();
  }
  void write(int first, int count, std::int64_t v) {
    model::Change change;
    for (int k = first; k < first + count; ++k)
      change.emplace_back(k % kKeys, model::Cell{true, v + k, k % 3 == 0 ? "" : "tag " + std::to_string(k)});
    const auto info = store->commit_one(model::upsert_of(*store, shape.batch(change)).value()).value();
    oracle.apply(change, info.csn.value);
    csn = info.csn.value;
  }
  void remove(int first, int count) {
    WriteRequest r;
    r.kind = WriteRequest::Kind::remove_keys;
    for (int k = first; k < first + count; ++k) r.remove_keys.push_back(shape.encoded(k));
    csn = store->commit_one(std::move(r)).value().csn.value;
    for (int k = first; k < first + count; ++k) oracle.put(k, csn, {});
  }
  /// Rows, some of them overwritten or removed, in this tier; and some that were overwritten since.
  void fill(StorageTier tier) {
    write(0, kKeys, 1'000);
    write(100, 80, 2'000);
    remove(250, 20);
    if (tier == StorageTier::hot) return;
    settle(tier);
    write(0, 40, 3'000);
    remove(60, 10);
  }
  void settle(StorageTier to) {
    for (int i = 0; i < 50; ++i) {
      const auto order = store->next_job_towards(to);
      if (!order) return;
      store->run_job(*order).value();
    }
    FAIL() << "did not settle";
  }
  JobOrder order(StorageTier from, StorageTier to) {
    JobOrder order;
    order.to = to;
    order.from_hot = from == StorageTier::hot;
    for (const FileView& f : store->files())
      if (f.info.tier == from && !(to == StorageTier::hot && f.info.history))
        order.inputs.push_back(f.info.id);
    return order;
  }
  // Faults are planted by opening the table anew with them.
  void plant_in_rows(RowsFault fault) {
    options.job_faults.rows = std::move(fault);
    reopen();
  }
  void plant_drop(std::function<bool(std::uint64_t csn, std::uint64_t end)> fault) {
    options.job_faults.drop = std::move(fault);
    reopen();
  }
  std::vector<std::uint64_t> files() {
    std::vector<std::uint64_t> ids;
    for (const FileView& f : store->files()) ids.push_back(f.info.id);
    return ids;
  }
  void expect_right_answers() {
    for (std::uint64_t at = store->stats().value().horizon.value; at <= csn; ++at)
      model::expect_equal(model::read_state(*store, at).value(), oracle.state(at),
                          "CSN " + std::to_string(at));
    EXPECT_TRUE(store->verify(true).value().empty());
  }
  /// The job is refused loudly, nothing has changed, and nobody offers it again for a while.
  void expect_refused(const Result<JobReport>& done, const std::vector<std::uint64_t>& before) {
    ASSERT_FALSE(done) << "the fault was not noticed";
    EXPECT_EQ(done.error().code(), ErrorCode::internal) << done.error().message();
    EXPECT_NE(done.error().message().find("was refused"), std::string::npos) << done.error().message();
    ASSERT_FALSE(log.empty());
    EXPECT_EQ(log.back(), done.error().message());
    EXPECT_EQ(store->stats().value().jobs_refused, 1U);
    EXPECT_EQ(files(), before);
    expect_right_answers();
  }
  /// What was refused succeeds once the fault is gone.
  void expect_works_again(const JobOrder& order) {
    EXPECT_TRUE(store->run_job(order).value().done);
    expect_right_answers();
    options.job_faults = {};
    reopen();
    expect_right_answers();
    write(5, 30, 9'000);
    expect_right_answers();
  }
  /// A fault that happens at the first occasion, and then no more.
  static RowsFault once(RowsFault fault, const std::shared_ptr<int>& met) {
    return [fault = std::move(fault), met](Batch& rows, auto& csns, auto& ends, auto& tombstones) {
      if ((*met)++ == 0) fault(rows, csns, ends, tombstones);
    };
  }

  model::TableShape shape{model::KeyKind::number};
  std::shared_ptr<io::SimDisk> disk;
  std::shared_ptr<io::ManualClock> clock = std::make_shared<io::ManualClock>();
  StoreOptions options;
  std::unique_ptr<TableStore> store;
  model::Oracle oracle;
  std::uint64_t csn = 0;
  std::vector<std::string> log;
};

struct Move {
  StorageTier from, to;
};
const Move kMoves[] = {
    {StorageTier::hot, StorageTier::warm},  {StorageTier::warm, StorageTier::warm},
    {StorageTier::warm, StorageTier::cold}, {StorageTier::cold, StorageTier::cold},
    {StorageTier::cold, StorageTier::warm}, {StorageTier::warm, StorageTier::hot},
    {StorageTier::cold, StorageTier::hot},
};

TEST_F(JobProofTest, RowsThatChangeOnTheirWayStopAnyMove) {
  for (const Move& move : kMoves) {
    for (const NamedFault& fault : kFaults) {
      SCOPED_TRACE(std::string(name_of(move.from)) + " -> " + std::string(name_of(move.to)) + ": " +
                   fault.name);
      create();
      fill(move.from);
      const auto met = std::make_shared<int>(0);
      plant_in_rows(once(fault.fault, met));
      const JobOrder job = order(move.from, move.to);
      const auto before = files();
      const auto done = store->run_job(job);
      ASSERT_GT(*met, 0);
      expect_refused(done, before);
      expect_works_again(job);
    }
  }
}

TEST_F(JobProofTest, AnotherEndOfAnEndedVersionStopsAnyMove) {
  for (const Move& move : kMoves) {
    SCOPED_TRACE(std::string(name_of(move.from)) + " -> " + std::string(name_of(move.to)));
    create();
    fill(move.from);
    bool met = false;
    plant_in_rows([&](Batch&, auto&, auto& ends, auto&) {
      if (met || ends.empty()) return;
      met = true;
      ends.front() += 1;
    });
    const JobOrder job = order(move.from, move.to);
    const auto before = files();
    const auto done = store->run_job(job);
    ASSERT_TRUE(met);
    expect_refused(done, before);
    expect_works_again(job);
  }
}

TEST_F(JobProofTest, AVersionDroppedWithoutProofStopsAnyMove) {
  for (const Move& move : kMoves) {
    for (const bool ended : {false, true}) {
      SCOPED_TRACE(std::string(name_of(move.from)) + " -> " + std::string(name_of(move.to)) +
                   (ended ? ", ended" : ", live"));
      create();
      fill(move.from);
      bool met = false;
      plant_drop([&](std::uint64_t, std::uint64_t end) {
        if (met || ended != (end != 0)) return false;
        return met = true;
      });
      const JobOrder job = order(move.from, move.to);
      const auto before = files();
      const auto done = store->run_job(job);
      ASSERT_TRUE(met);
      expect_refused(done, before);
      expect_works_again(job);
    }
  }
}

TEST_F(JobProofTest, ADemotionMayOnlyDropWhatItHasRead) {
  using Fault = std::function<void(std::string&, std::string&, std::uint64_t&)>;
  const Fault faults[] = {
      [](std::string&, std::string&, std::uint64_t& bound) { bound += 1; },
      [](std::string&, std::string&, std::uint64_t& bound) { bound -= 1; },
      [](std::string& min, std::string& max, std::uint64_t&) { max = min; },
      [this](std::string& min, std::string&, std::uint64_t&) { min = shape.encoded(5); },
  };
  for (const Fault& fault : faults) {
    create();
    write(0, kKeys, 1'000);
    write(100, 80, 2'000);
    const std::uint64_t upto = csn;
    write(150, 80, 3'000);
    bool met = false;
    options.job_faults.hot_drop = [&](std::string& min, std::string& max, std::uint64_t& bound) {
      if (!std::exchange(met, true)) fault(min, max, bound);
    };
    reopen();
    JobOrder job = order(StorageTier::hot, StorageTier::warm);
    job.hot_upto = upto;
    const auto done = store->run_job(job);
    ASSERT_TRUE(met);
    expect_refused(done, {});
    expect_works_again(job);
  }
}

TEST_F(JobProofTest, APurgeDropsWhatWasFoundOrNothing) {
  struct Fault {
    const char* name;
    std::function<void(HotPurge&)> fault;
  };
  const Fault faults[] = {
      {"a horizon too far", [](HotPurge& p) { p.rule.horizon += 1; }},
      {"a horizon not far enough", [](HotPurge& p) { p.rule.horizon -= 1; }},
      {"a pin forgotten", [](HotPurge& p) { p.rule.kept.clear(); }},
      {"a key left out", [](HotPurge& p) { p.key_max = p.key_min; }},
      {"tombstones that stay", [](HotPurge& p) { p.rule.tombstones = false; }},
  };
  for (const Fault& fault : faults) {
    SCOPED_TRACE(fault.name);
    create();
    bool faulty = true;
    options.job_faults.purge = [&](HotPurge& p) {
      if (std::exchange(faulty, false)) fault.fault(p);
    };
    reopen();
    write(0, 250, 1'000);
    const StoreSnapshot held = store->snapshot().value();
    write(0, kKeys, 2'000);
    write(0, kKeys, 3'000);
    remove(240, 20);
    clock->advance_us(48 * kHourUs);
    write(100, 80, 4'000);
    const std::uint64_t versions = store->stats().value().versions;
    const JobOrder purge = order(StorageTier::hot, StorageTier::hot);
    const auto done = store->run_job(purge);
    ASSERT_FALSE(faulty);
    expect_refused(done, {});
    EXPECT_EQ(store->stats().value().versions, versions);
    EXPECT_FALSE(store->next_job()) << "offered again at once";
    model::expect_equal(model::read_state(*store, held).value(), oracle.state(held.csn().value), "held");
    EXPECT_TRUE(store->run_job(purge).value().done);
    EXPECT_LT(store->stats().value().versions, versions);
    model::expect_equal(model::read_state(*store, held).value(), oracle.state(held.csn().value), "held");
    expect_right_answers();
  }
}

TEST_F(JobProofTest, APurgeDropsNothingThatSomebodyMayRead) {
  write(0, kKeys, 1'000);
  write(0, kKeys, 2'000);
  clock->advance_us(48 * kHourUs);
  write(100, 80, 3'000);
  const std::uint64_t young = csn;
  bool faulty = true;
  plant_drop([&](std::uint64_t begin, std::uint64_t end) { return faulty && begin < young && end == young; });
  const JobOrder purge = order(StorageTier::hot, StorageTier::hot);
  expect_refused(store->run_job(purge), {});
  faulty = false;
  expect_works_again(purge);
}

TEST_F(JobProofTest, AFileThatIsDamagedBeforeItIsReadBackStopsTheMove) {
  for (const Move& move : kMoves) {
    if (move.to == StorageTier::hot) continue;
    SCOPED_TRACE(std::string(name_of(move.from)) + " -> " + std::string(name_of(move.to)));
    create();
    fill(move.from);
    int met = 0;
    options.job_hook = [&](std::string_view stage) {
      if (stage != "written") return;
      if (met++ != 0) return;
      const std::string folder = "t/" + std::string(name_of(move.to));
      std::string newest;
      for (const io::DirEntry& entry : disk->list(folder).value()) newest = std::max(newest, entry.name);
      const std::string path = folder + "/" + newest;
      const auto file = disk->open(path, io::Disk::Mode::read).value();
      std::vector<std::uint8_t> bytes(file->size().value());
      file->read_at(0, bytes).value();
      while (!bytes.empty() && bytes.back() == 0) bytes.pop_back();  // room that was reserved
      // In the midst of a segment, or all over the block that was written last.
      const std::vector<std::uint8_t> noise(move.to == StorageTier::cold ? 200 : 2'000, 0x5a);
      const std::size_t at = move.to == StorageTier::cold ? bytes.size() / 3 : bytes.size() - 2'500;
      disk->damage(path, at, noise).value();
    };
    reopen();
    const JobOrder job = order(move.from, move.to);
    const auto before = files();
    const auto done = store->run_job(job);
    ASSERT_EQ(met, 1);
    ASSERT_FALSE(done);
    EXPECT_NE(done.error().message().find("was refused"), std::string::npos) << done.error().message();
    EXPECT_EQ(store->stats().value().jobs_refused, 1U);
    EXPECT_EQ(files(), before);
    expect_right_answers();
    expect_works_again(job);
  }
}

TEST_F(JobProofTest, ExpiryMayOnlyTakeWhatIsOutOfReach) {
  fill(StorageTier::cold);
  ASSERT_GT(store->stats().value().history_rows, 0U);
  bool faulty = true;
  plant_drop([&](std::uint64_t, std::uint64_t) { return faulty; });
  const auto before = files();
  const auto done = store->expire();
  ASSERT_FALSE(done);
  EXPECT_NE(done.error().message().find("was refused"), std::string::npos) << done.error().message();
  EXPECT_EQ(store->stats().value().jobs_refused, 1U);
  EXPECT_EQ(files(), before);
  expect_right_answers();
  store->expire().value();  // not tried again at once
  EXPECT_EQ(store->stats().value().jobs_refused, 1U);
  faulty = false;
  clock->advance_us(48 * kHourUs);
  store->expire().value();
  EXPECT_EQ(store->stats().value().history_rows, 0U);
  EXPECT_EQ(store->stats().value().jobs_refused, 1U);
  model::expect_equal(model::read_state(*store).value(), oracle.state(csn), "now");
}

TEST_F(JobProofTest, ARefusedJobIsNotOfferedAgainAtOnce) {
  for (const Move& move : {kMoves[0], kMoves[2], kMoves[6]}) {
    SCOPED_TRACE(std::string(name_of(move.from)) + " -> " + std::string(name_of(move.to)));
    create();
    fill(move.from);
    bool faulty = true;
    plant_in_rows([&](Batch& rows, auto&, auto&, auto&) {
      if (faulty) rotate(rows, 3);
    });
    if (move.from != StorageTier::hot) {  // the rows that were overwritten since stand in the way
      faulty = false;
      store->run_job(order(StorageTier::hot, StorageTier::warm)).value();
      faulty = true;
    }
    int refused = 0;
    for (int i = 0; i < 20; ++i) {
      const auto job = store->next_job_towards(move.to);
      if (!job) break;
      refused += store->run_job(*job) ? 0 : 1;
      ASSERT_LT(i, 19) << "the same again and again";
    }
    EXPECT_GT(refused, 0);
    EXPECT_EQ(store->stats().value().jobs_refused, static_cast<std::uint64_t>(refused));
    expect_right_answers();
    faulty = false;
    EXPECT_FALSE(store->next_job_towards(move.to));
    clock->step_us(-2 * kHourUs);
    clock->advance_us(kHourUs);
    EXPECT_TRUE(store->next_job_towards(move.to)) << "whatever the wall clock says, an hour has passed";
    settle(move.to);
    expect_right_answers();
  }
}

TEST(JobProofValuesTest, EveryEncodingKeepsItsFingerprintThroughAllTiers) {
  const Schema schema = Schema::parse(
                            "id u64, same i64, runs i32, near i64, steps i64, few utf8, price f64, odd f64, "
                            "single f32, url utf8, "
                            "noise binary, wild i64, flag bool, small i8, day date, ts timestamp, none i64",
                            {.key = {"id"}, .time = "ts"})
                            .value();
  const auto disk = std::make_shared<io::SimDisk>();
  StoreOptions options;
  options.clock = std::make_shared<io::ManualClock>();
  const auto store = TableStore::create(disk, "t", "events", 7, schema, {}, options).value();
  std::mt19937_64 chance(5);
  BatchBuilder b(schema);
  for (std::uint64_t i = 0; i < 5'000; ++i) {
    const auto n = static_cast<std::int64_t>(i);
    // Zero with a sign, NaNs of several kinds, infinity, a subnormal.
    const std::uint64_t odd[] = {0x8000000000000000, 0x7ff8000000000000, 0xfff8000000000123,
                                 0x7ff0000000000000, 1};
    std::vector<Value> row = {
        Value(i),
        Value(std::int64_t{7}),
        Value(n / 100),
        Value(std::int64_t{1'000'000} + static_cast<std::int64_t>(chance() % 50)),
        Value(n * 1'000),
        Value("tag " + std::to_string(chance() % 5)),
        Value(static_cast<double>(chance() % 10'000) / 100),
        Value(std::bit_cast<double>(odd[i % 5])),
        Value(i % 9 == 0 ? -0.0 : static_cast<double>(i)),
        Value("https://example.org/a/rather/long/path/" + std::to_string(i)),
        Value(),
        Value(static_cast<std::int64_t>(chance())),
        Value(i % 3 == 0),
        Value(static_cast<std::int64_t>(i % 100) - 50),
        Value(Date{static_cast<std::int32_t>(i)}),
        Value(Timestamp{n * 60'000'000}),
        Value(),
    };
    if (i % 11 == 0) row[2 + i % 12] = Value();
    b.append_row(row);
  }
  store->commit_one(model::upsert_of(*store, b.finish().value()).value()).value();
  for (const StorageTier to : {StorageTier::cold, StorageTier::warm, StorageTier::hot, StorageTier::cold,
                               StorageTier::hot, StorageTier::warm}) {
    int jobs = 0;
    for (; const auto order = store->next_job_towards(to); ++jobs) store->run_job(*order).value();
    EXPECT_GT(jobs, 0);
  }
  EXPECT_EQ(store->stats().value().jobs_refused, 0U);
}

}  // namespace
}  // namespace firn::storage
