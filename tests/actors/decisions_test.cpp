// Decisions outlive the process that made them.
#include <fstream>

#include "decision_log.hpp"
#include "fixture.hpp"
#include "storage/decision_file.hpp"

namespace firn::testing {
namespace {

std::vector<std::string> actions(const HybridTable& t) {
  std::vector<std::string> list;
  for (const Decision& d : t.decisions().value()) list.push_back(d.action + " " + d.subject + " " + d.reason);
  return list;
}

TEST_F(DatabaseTest, DecisionsSurviveClosing) {
  open();
  auto t = table();
  t.write(events(1, 100)).value();
  t.compact({.to = StorageTier::cold}).value();
  const auto made = actions(t);
  ASSERT_FALSE(made.empty());
  ASSERT_TRUE(db_.close());
  open();
  EXPECT_EQ(actions(db_.table("events").value()), made);
  auto config = db_.table("events").value().config();
  db_.table("events").value().configure(config).value();
  ASSERT_TRUE(db_.close());
  open();
  const auto later = actions(db_.table("events").value());
  ASSERT_EQ(later.size(), made.size() + 1);
  EXPECT_EQ(std::vector<std::string>(later.begin(), later.end() - 1), made);
}

TEST_F(DatabaseTest, DecisionsOfACompactionAreStoredWhenItReturns) {
  open();
  auto t = table();
  t.write(events(1, 100)).value();
  t.compact({.to = StorageTier::cold}).value();
  // Beside the writer, as after a kill: what is on disk now.
  auto reader = Database::open(folder_.string(), reading()).value();
  EXPECT_EQ(actions(reader.table("events").value()), actions(t));
}

TEST_F(DatabaseTest, DamagedDecisionsCostOnlyThemselves) {
  open();
  auto t = table();
  t.write(events(1, 100)).value();
  t.compact({.to = StorageTier::cold}).value();
  ASSERT_TRUE(db_.close());
  std::fstream(folder_ / "tables/00000001/decisions.fb", std::ios::in | std::ios::out).seekp(40).put('!');
  std::string notices;
  DatabaseOptions options;
  options.log = [&](std::string_view line) { notices += std::string(line) + "\n"; };
  open(options);
  EXPECT_EQ(count(db_.table("events").value()), 100);
  EXPECT_TRUE(actions(db_.table("events").value()).empty());
  EXPECT_NE(notices.find("decisions.fb: checksum mismatch"), std::string::npos) << notices;
}

TEST(DecisionLog, APassingReadErrorDoesNotCostWhatWasStored) {
  using Entries = std::vector<storage::DecisionEntry>;
  runtime::DecisionLog log;
  Entries disk = {{Timestamp{1}, "compact", "file 1", "earlier"}};
  const auto store = [&](const Entries& entries) {
    disk = entries;
    return Result<void>();
  };
  const auto failing = [] { return Result<Entries>(Error(ErrorCode::io, "read: Input/output error")); };
  EXPECT_FALSE(log.load_once(failing));
  log.record({Timestamp{2}, "set", "configuration", "asked for"});
  EXPECT_FALSE(log.store_if_new(store));
  EXPECT_EQ(disk.size(), 1u);
  EXPECT_TRUE(log.unread());
  log.load_once([&] { return Result<Entries>(disk); }).value();
  log.store_if_new(store).value();
  ASSERT_EQ(disk.size(), 2u);
  EXPECT_EQ(disk.front().reason, "earlier");
}

TEST(DecisionFile, KeepsTheNewestAndRefusesDamage) {
  std::vector<storage::DecisionEntry> many;
  for (int i = 0; i < 1'500; ++i)
    many.push_back({Timestamp{i}, "compact", std::string(5'000, 'x'), std::to_string(i)});
  auto bytes = storage::encode_decisions(many);
  const auto kept = storage::decode_decisions(bytes).value();
  ASSERT_EQ(kept.size(), storage::kDecisionsMax);
  EXPECT_EQ(kept.front().reason, "500");
  EXPECT_EQ(kept.back().reason, "1499");
  EXPECT_EQ(kept.back().time.us, 1'499);
  bytes[bytes.size() / 2] ^= 1;
  EXPECT_EQ(storage::decode_decisions(bytes).error().code(), ErrorCode::corrupt);
}

}  // namespace
}  // namespace firn::testing
