// A database in a folder of its own, with the few verbs that the tests need.
#pragma once
#include <gtest/gtest.h>

#include <filesystem>
#include <thread>

#include "database_core.hpp"
#include "firn/messages.hpp"
#include "table_core.hpp"

namespace firn::testing {

using namespace std::chrono_literals;

inline Schema event_schema() {
  return Schema::parse("id u64, ts timestamp, kind utf8, amount f64", {.key = {"id"}, .time = "ts"}).value();
}

inline Batch events(std::uint64_t first, std::uint64_t count, const std::string& kind = "click") {
  BatchBuilder rows(event_schema());
  for (std::uint64_t i = first; i < first + count; ++i) {
    rows.append(i, Timestamp{1'700'000'000'000'000 + static_cast<std::int64_t>(i)}, kind,
                static_cast<double>(i) / 2);
  }
  return rows.finish().value();
}

class DatabaseTest : public ::testing::Test {
 protected:
  DatabaseTest() {
    static std::atomic<int> number{0};
    folder_ = std::filesystem::temp_directory_path() /
              ("firn-actors-" + std::to_string(getpid()) + "-" + std::to_string(number++));
  }
  ~DatabaseTest() override {
    db_ = {};
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  Database& open(DatabaseOptions options = {}, runtime::InternalOptions internal = {}) {
    internal.faults = faults_;
    db_ =
        TableActorAccess::database(runtime::DatabaseCore::open(folder_.string(), options, internal).value());
    return db_;
  }
  HybridTable table(const std::string& name = "events") {
    return db_.create_table(name, event_schema()).value();
  }
  std::int64_t count(const HybridTable& t) {
    return t.query("SELECT count(*) AS n FROM t").value().at(0, 0).to_i64();
  }
  /// Opens a table by message, through the database's actor.
  Result<void> ask_for_table(const std::string& name) {
    const runtime::HostCall unpin;
    caf::actor_system_config config;
    caf::actor_system system{config};
    caf::scoped_actor self{system};
    const auto request = make_flat<fb::OpenTableRequest>(
        [&](auto& b) { return fb::CreateOpenTableRequest(b, b.CreateString(name)); });
    std::optional<Result<void>> answer;
    self->request(db_.actor(), 5s, request)
        .receive([&](const TableActor&) { answer = Result<void>(); },
                 [&](const caf::error& why) { answer = to_error(why); });
    return *answer;
  }
  /// close() under a watchdog of 5 s.
  void close_in_time() {
    const auto begin = std::chrono::steady_clock::now();
    (void)db_.close();
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s);
  }
  std::filesystem::path folder_;
  std::shared_ptr<runtime::FaultPlan> faults_ = std::make_shared<runtime::FaultPlan>();
  Database db_;
};

}  // namespace firn::testing
