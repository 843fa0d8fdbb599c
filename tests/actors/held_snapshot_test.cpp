// What a snapshot costs that is held for the whole of a heavy run of overwrites: resident memory and files beside the same
// run without it, and beside one that keeps every version, which shows what the figures would be if it cost those.
#include "fixture.hpp"
#include "process_figures.hpp"

namespace firn::testing {
namespace {

constexpr std::uint64_t kKeys = 4'000, kBatch = 500;
constexpr int kRounds = 50;
constexpr std::size_t kTextBytes = 500;
constexpr std::uint64_t kVersionsBytes = kKeys * kRounds * kTextBytes;  // what was written: 95 MiB
constexpr std::uint64_t kAllowance = kVersionsBytes / 3;  // sixteen times the versions that it needs

struct Growth {
  std::uint64_t memory = 0, files = 0, versions = 0;  ///< the most
};

class HeldSnapshotCost : public DatabaseTest {
 protected:
  Growth overwrite(bool hold, std::int64_t history_us) {
    DatabaseOptions options;
    options.clock = clock_;
    open(options);
    HybridTable t = table();
    HybridTableConfig config = t.config();
    config.history_us = history_us;
    config.hot_tier_max_size = 1 << 30;  // so that versions go by purges alone
    t.configure(config).value();
    for (std::uint64_t k = 0; k < kKeys; k += kBatch) t.write(events(k, kBatch, text_of(0))).value();
    std::optional<Snapshot> held;
    if (hold) held = t.snapshot(std::nullopt, "long").value();
    Growth most;
    forget_peak();
    const std::uint64_t before = memory_bytes("VmRSS:");
    for (int round = 1; round <= kRounds; ++round) {
      for (std::uint64_t k = 0; k < kKeys; k += kBatch) t.write(events(k, kBatch, text_of(round))).value();
      if (round % 5 != 0) continue;
      clock_->advance_us(120'000'000);
      settle(t, history_us == 0 ? kKeys * (hold ? 2 : 1) : ~std::uint64_t{0});
      most.versions = std::max(most.versions, t.get_stats().value().versions);
      most.files = std::max(most.files, allocated_bytes(folder_));
    }
    const std::uint64_t peak = memory_bytes("VmHWM:");
    most.memory = peak - std::min(peak, before);
    if (held) {
      const auto seen = held->query("SELECT count(*) FROM t WHERE kind = '" + text_of(0) + "'");
      EXPECT_EQ(seen.value().at(0, 0), Value(static_cast<std::int64_t>(kKeys)));
    }
    held.reset();
    EXPECT_TRUE(db_.close());
    db_ = {};
    std::filesystem::remove_all(folder_);
    return most;
  }

 private:
  static std::string text_of(int round) {
    std::string text = std::to_string(round) + " ";
    while (text.size() < kTextBytes) text += static_cast<char>('a' + text.size() * 7 % 26);
    return text;
  }
  /// Looks around as the timer would until no more versions are there than that.
  void settle(const HybridTable& t, std::uint64_t versions) {
    for (int i = 0; i < 400 && t.get_stats().value().versions > versions; ++i) {
      TableActorAccess::core(db_)->tick();
      std::this_thread::sleep_for(5ms);
    }
  }
  std::shared_ptr<io::ManualClock> clock_ = std::make_shared<io::ManualClock>();
};

TEST_F(HeldSnapshotCost, InMemoryAndFilesIsTheVersionsThatItNeeds) {
  constexpr std::int64_t kDayUs = 86'400'000'000;
  const Growth without = overwrite(false, 0), with = overwrite(true, 0), all = overwrite(false, kDayUs);
  for (const auto& [name, g] :
       {std::pair("without", without), std::pair("with", with), std::pair("all kept", all)})
    std::printf("%8s: memory +%llu MiB, files %llu MiB, %llu versions\n", name,
                static_cast<unsigned long long>(g.memory / kMiB),
                static_cast<unsigned long long>(g.files / kMiB), static_cast<unsigned long long>(g.versions));
  EXPECT_LE(with.versions, without.versions + kKeys);
  EXPECT_LE(with.files, without.files + kAllowance);
  // The commit log holds what was written until a checkpoint, whatever is kept: files tell the runs apart by no more.
  EXPECT_GT(all.versions, 10 * with.versions) << "all versions would be noticed";
  if (kSanitized) return;
  EXPECT_LE(with.memory, without.memory + kAllowance);
  EXPECT_GT(all.memory, with.memory + kAllowance) << "all versions would be noticed";
}

}  // namespace
}  // namespace firn::testing
