// A table without actors and the oracle beside it, for tests that drive it by hand on the simulated disk.
#pragma once
#include <gtest/gtest.h>

#include "tests/storage/model_table.hpp"

namespace firn::storage::model {

/// A table of any schema, without an oracle.
class MadeStore : public ::testing::Test {
 protected:
  void make(const Schema& schema) {
    store.reset();
    disk = std::make_shared<io::SimDisk>();
    HybridTableConfig config;
    config.small_write_rows = 100;
    store = TableStore::create(disk, "t", "events", 7, schema, config, options).value();
  }
  void kill() {
    store.reset();
    store = TableStore::open(disk, "t", options).value();
  }

  std::shared_ptr<io::SimDisk> disk;
  StoreOptions options;
  std::unique_ptr<TableStore> store;
};

class StoreFixture : public ::testing::Test {
 protected:
  static constexpr std::uint32_t kSmallRows = 100;
  static constexpr std::int64_t kSecond = 1'000'000, kHour = 3'600 * kSecond;

  void SetUp() override { create(); }
  void create() {
    options.clock = clock;
    config.small_write_rows = kSmallRows;
    store = TableStore::create(disk, "t", "events", 7, shape.schema(), config, options).value();
  }
  void close_and_open() {
    store->close().value();
    kill_and_open();
  }
  void kill_and_open() {
    store.reset();
    store = TableStore::open(disk, "t", options).value();
  }

  /// Keys first .. first + count, all with the value v: hot up to kSmallRows, else as a block.
  CommitInfo write(int first, int count, std::int64_t v) {
    Change change;
    for (int k = first; k < first + count; ++k) change.emplace_back(k, Cell{true, v, ""});
    const CommitInfo info = store->commit_one(upsert_of(*store, shape.batch(change)).value()).value();
    oracle.apply(change, info.csn.value);
    csn = info.csn.value;
    return info;
  }
  void remove(int k) {
    WriteRequest r;
    r.kind = WriteRequest::Kind::remove_keys;
    r.remove_keys.push_back(shape.encoded(k));
    csn = store->commit_one(std::move(r)).value().csn.value;
    oracle.put(k, csn, {});
  }
  void configure() {
    WriteRequest r;
    r.kind = WriteRequest::Kind::config;
    r.config = config;
    csn = store->commit_one(std::move(r)).value().csn.value;
  }
  JobReport run(StorageTier to, bool from_hot, std::vector<std::uint64_t> inputs = {}) {
    JobOrder order;
    order.to = to;
    order.from_hot = from_hot;
    order.inputs = std::move(inputs);
    return store->run_job(order).value();
  }
  JobReport purge() { return run(StorageTier::hot, true); }
  /// All that is due by itself.
  void run_jobs() {
    for (int i = 0; i < 1'000; ++i) {
      const auto order = store->next_job();
      if (!order) return;
      store->run_job(*order).value();
    }
    FAIL() << "there is always a next job";
  }

  StoreStats stats() { return store->stats().value(); }
  void expect_rows() { expect_equal(read_state(*store).value(), oracle.state(csn), "now"); }
  void expect_rows(const StoreSnapshot& at) {
    expect_equal(read_state(*store, at).value(), oracle.state(at.csn().value), "the snapshot");
  }

  TableShape shape{KeyKind::number};
  Oracle oracle;
  std::uint64_t csn = 0;  ///< of the last commit of the test
  std::shared_ptr<io::SimDisk> disk = std::make_shared<io::SimDisk>();
  std::shared_ptr<io::ManualClock> clock = std::make_shared<io::ManualClock>();
  StoreOptions options;
  HybridTableConfig config;
  std::unique_ptr<TableStore> store;
};

}  // namespace firn::storage::model
