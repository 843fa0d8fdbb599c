// Power cuts at every boundary of a scripted life of a table, under every policy of what survives, and cuts again during
// the recovery: what was acknowledged is there, whole; at most the one commit under way is there besides.
#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "tests/scale.hpp"
#include "tests/storage/model_table.hpp"

namespace firn::storage {
namespace {

using namespace model;
using io::SimDisk;

constexpr std::uint32_t kSmallRows = 20;

/// A table that acts until its disk fails, and what its answers promised.
class Life {
 public:
  explicit Life(std::shared_ptr<SimDisk> disk) : disk_(std::move(disk)) {
    options_.clock = clock_;
    options_.hot_map_bytes = std::size_t{4} << 20;
    config_.small_write_rows = kSmallRows;
  }

  bool create() {
    auto made = TableStore::create(disk_, "t", "events", 7, shape_.schema(), config_, options_);
    return take(std::move(made));
  }
  bool open() { return take(TableStore::open(disk_, "t", options_)); }
  void kill() { store_.reset(); }
  bool close() {
    const bool ok = store_->close().ok();
    store_.reset();
    return ok;
  }
  bool write(int first, int rows, std::int64_t v) {
    pending_.clear();
    for (int i = 0; i < rows; ++i) pending_.emplace_back(first + i, Cell{true, v, ""});
    auto r = upsert_of(*store_, shape_.batch(pending_));
    return r && done(store_->commit_one(std::move(*r)));
  }
  bool remove(int first, int rows) {
    pending_.clear();
    WriteRequest r;
    r.kind = WriteRequest::Kind::remove_keys;
    for (int i = 0; i < rows; ++i) {
      pending_.emplace_back(first + i, Cell{});
      r.remove_keys.push_back(shape_.encoded(first + i));
    }
    return done(store_->commit_one(std::move(r)));
  }
  bool move(StorageTier to) {
    for (int i = 0; i < 3; ++i) {
      const auto order = store_->next_job_towards(to);
      if (!order) return true;
      if (!store_->run_job(*order)) return false;
    }
    return true;
  }
  bool checkpoint() { return store_->checkpoint().ok(); }

  /// The script; false as soon as the disk fails. `v` tells lives apart.
  bool run(std::int64_t v) {
    return write(0, 10, v) && write(5, 60, v + 1) && remove(20, 5) && write(8, 4, v + 2) &&
           move(StorageTier::warm) && write(40, 12, v + 3) && checkpoint() && move(StorageTier::cold) &&
           write(0, 3, v + 4) && remove(60, 3) && move(StorageTier::hot) && write(30, 40, v + 5) &&
           checkpoint() && close() && open() && write(1, 2, v + 6) && move(StorageTier::cold) &&
           write(3, 2, v + 7);
  }

  /// What an image of this disk holds must be the acknowledged state, or that and the commit under way.
  static std::optional<std::string> check(std::shared_ptr<SimDisk> image, const State& promised,
                                          const Change& under_way) {
    Life life(std::move(image));
    auto opened = TableStore::open(life.disk_, "t", life.options_);
    if (!opened) return "does not open: " + opened.error().message();
    auto state = read_state(**opened);
    if (!state) return "does not answer: " + state.error().message();
    if (*state == promised) return std::nullopt;
    if (*state == after(promised, under_way)) return std::nullopt;
    try {
      expect_equal(*state, promised, "state");
    } catch (const std::exception& e) {
      return std::string(e.what());
    }
    return "differs";
  }
  static State after(State state, const Change& change) {
    for (const auto& [k, cell] : change) {
      if (cell.live)
        state[k] = cell;
      else
        state.erase(k);
    }
    return state;
  }

  const std::shared_ptr<SimDisk>& disk() const { return disk_; }
  TableStore& store() { return *store_; }
  State state;                 ///< acknowledged
  bool promise_early = false;  ///< a planted bug: the answer is counted before it came
  const Change& under_way() const { return pending_; }

 private:
  bool take(Result<std::unique_ptr<TableStore>> made) {
    if (!made) return false;
    store_ = std::move(*made);
    return true;
  }
  bool done(const Result<CommitInfo>& answer) {
    if (!answer && !promise_early) return false;
    state = after(std::move(state), pending_);
    pending_.clear();
    return answer.ok();
  }

  std::shared_ptr<SimDisk> disk_;
  std::shared_ptr<io::ManualClock> clock_ = std::make_shared<io::ManualClock>();
  TableShape shape_{KeyKind::number};
  HybridTableConfig config_;
  StoreOptions options_;
  Change pending_;
  std::unique_ptr<TableStore> store_;
};

std::uint64_t operations_of_the_script() {
  Life life(std::make_shared<SimDisk>());
  EXPECT_TRUE(life.create());
  const std::uint64_t before = life.disk()->operations();
  EXPECT_TRUE(life.run(100));
  return life.disk()->operations() - before;
}

TEST(PowerCutTest, EveryAcknowledgedCommitSurvivesACutAtEveryOperation) {
  const std::uint64_t total = operations_of_the_script();
  const auto step = static_cast<std::uint64_t>(testing::short_scale() ? 10 : 1);
  int cuts = 0;
  for (std::uint64_t n = 1; n <= total; n += step) {
    Life life(std::make_shared<SimDisk>());
    ASSERT_TRUE(life.create());
    life.disk()->fail_at(life.disk()->operations() + n, SimDisk::Failure::freeze);
    (void)life.run(100);
    life.kill();
    for (const io::CutPolicy policy : io::kCutPolicies) {
      const std::string where = "cut at operation " + std::to_string(n) + " of " + std::to_string(total) +
                                ", policy " + std::to_string(static_cast<int>(policy));
      std::shared_ptr<SimDisk> image = life.disk()->cut(policy, n);
      ++cuts;
      // A second and a third life may end in the midst of recovery.
      for (int again = 0; again < 2; ++again) {
        std::shared_ptr<SimDisk> next = image->cut(io::CutPolicy::keep, 0);
        next->fail_at(
            1 + (n * 7 + static_cast<std::uint64_t>(policy) * 3 + static_cast<std::uint64_t>(again) * 5) % 24,
            SimDisk::Failure::freeze);
        Life short_life(next);
        (void)short_life.open();
        short_life.kill();
        image = next->cut(policy, n + 1);
        ++cuts;
      }
      const auto wrong = Life::check(image, life.state, life.under_way());
      ASSERT_FALSE(wrong) << where << ": " << *wrong;
    }
  }
  std::printf("%llu operations, %d cuts\n", static_cast<unsigned long long>(total), cuts);
  EXPECT_GE(cuts, testing::scaled(2'000));
}

// --- the alarms ring -------------------------------------------------------------------------------------------------

/// Whether the checker reports a loss for any cut of a run with this planted fault.
template <class Plant>
bool alarm_rings(Plant plant) {
  const std::uint64_t total = operations_of_the_script();
  for (std::uint64_t n = 1; n <= total; n += 3) {
    Life life(std::make_shared<SimDisk>());
    if (!life.create()) return false;
    plant(life);
    life.disk()->fail_at(life.disk()->operations() + n, SimDisk::Failure::freeze);
    (void)life.run(100);
    life.kill();
    for (const io::CutPolicy policy : {io::CutPolicy::lose, io::CutPolicy::reorder})
      if (Life::check(life.disk()->cut(policy, n), life.state, life.under_way())) return true;
  }
  return false;
}

TEST(PowerCutAlarmTest, AMissingSyncIsNoticed) {
  EXPECT_TRUE(alarm_rings([](Life& life) { life.disk()->lie_about_sync(true); }));
}
TEST(PowerCutAlarmTest, AMissingSyncOfAFolderIsNoticed) {
  EXPECT_TRUE(alarm_rings([](Life& life) { life.disk()->lie_about_directory_sync(true); }));
}
TEST(PowerCutAlarmTest, ABrokenLinkIsNoticed) {
  EXPECT_TRUE(alarm_rings([](Life& life) { life.disk()->break_link(true); }));
}
TEST(PowerCutAlarmTest, AnEarlyAcknowledgementIsNoticed) {
  EXPECT_TRUE(alarm_rings([](Life& life) { life.promise_early = true; }));
}
TEST(PowerCutAlarmTest, ASoundRunRaisesNoAlarm) {
  EXPECT_FALSE(alarm_rings([](Life&) {}));
}

// --- LMDB's own file -------------------------------------------------------------------------------------------------

std::string bytes_of(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::filesystem::path hot_file(const SimDisk& disk) {
  for (const auto& entry : std::filesystem::recursive_directory_iterator(disk.host_path("t/hot")))
    if (entry.path().filename() == "data.mdb") return entry.path();
  return {};
}

TEST(PowerCutTest, AHotFileThatIsNotTheOneThatWasClosedIsRebuilt) {
  constexpr std::size_t kPage = 4'096;
  for (const bool clean : {true, false}) {
    for (int kind = 0; kind < 12; ++kind) {
      std::mt19937_64 rng(static_cast<std::uint64_t>(kind));
      Life life(std::make_shared<SimDisk>());
      ASSERT_TRUE(life.create() && life.write(0, 15, 1) && life.close() && life.open());
      const std::string old = bytes_of(hot_file(*life.disk()));
      ASSERT_TRUE(life.write(5, 10, 2) && life.write(100, 15, 3) && life.remove(3, 4));
      if (clean)
        ASSERT_TRUE(life.close());
      else
        life.kill();
      const auto path = hot_file(*life.disk());
      std::string bytes = bytes_of(path);
      ASSERT_FALSE(bytes.empty());
      if (kind < 6) {  // some pages of the older file
        for (std::size_t at = 0; at + kPage <= std::min(old.size(), bytes.size()); at += kPage)
          if (rng() % 2 == 0) bytes.replace(at, kPage, old, at, kPage);
      } else if (kind < 9) {
        for (std::size_t i = 0; i < bytes.size(); ++i)
          if (kind == 6 || rng() % 50 == 0) bytes[i] = static_cast<char>(rng());
      } else {
        bytes.resize(bytes.size() * static_cast<std::size_t>(kind - 9) / 3);
      }
      std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
      const auto wrong = Life::check(life.disk(), life.state, {});
      ASSERT_FALSE(wrong) << (clean ? "closed" : "killed") << ", kind " << kind << ": " << *wrong;
    }
  }
}

// --- faults of the disk ----------------------------------------------------------------------------------------------

bool holds(Life& life) { return read_state(life.store()).value() == life.state; }

TEST(DiskFaultTest, AFullDiskRefusesWritesAndTheHandleGoesOnWhenThereIsRoom) {
  for (int kind = 0; kind < 4; ++kind) {
    Life life(std::make_shared<SimDisk>());
    ASSERT_TRUE(life.create() && life.write(0, 15, 1) && life.write(50, 60, 2));
    const std::uint64_t used = (std::uint64_t{1} << 40) - life.disk()->free_bytes().value();
    life.disk()->set_capacity(used + 100);
    bool refused = false;
    for (int i = 0; i < 4'000 && !refused; ++i) {
      switch (kind) {
        case 0:
          refused = !life.write(i % 100, 15, 10 + i);
          break;
        case 1:
          refused = !life.write(i % 100, 60, 10 + i);
          break;
        case 2:
          refused = !life.move(StorageTier::cold);
          break;
        default:
          refused = !(life.write(i % 50, 2, i) && life.checkpoint());
          break;
      }
    }
    EXPECT_TRUE(refused) << kind;
    EXPECT_TRUE(holds(life)) << "while full, kind " << kind;
    life.disk()->set_capacity(std::nullopt);
    EXPECT_TRUE(life.write(10, 12, 7'777) && life.write(20, 60, 8'888) && life.move(StorageTier::cold) &&
                life.checkpoint())
        << "with room again, kind " << kind << " " << life.store().stats().value().read_only_reason;
    EXPECT_TRUE(holds(life)) << kind;
    life.kill();
    const auto wrong = Life::check(life.disk(), life.state, {});
    EXPECT_FALSE(wrong) << kind << ": " << *wrong;
  }
}

SimDisk::Fault failing_sync_once(const std::string& part) {
  auto left = std::make_shared<int>(1);
  return [part, left](io::SimOp op, const std::string& path, std::uint64_t) -> std::optional<Error> {
    if (op != io::SimOp::sync || path.find(part) == std::string::npos || (*left)-- <= 0) return std::nullopt;
    return Error(ErrorCode::io, "'" + path + "': the sync failed");
  };
}

TEST(DiskFaultTest, AFailedSyncOfTheLogMakesTheTableReadOnlyUntilItIsReopened) {
  Life life(std::make_shared<SimDisk>());
  ASSERT_TRUE(life.create() && life.write(0, 15, 1));
  life.disk()->set_fault(failing_sync_once("/commit/"));
  EXPECT_FALSE(life.write(0, 10, 2));
  const Change under_way = life.under_way();
  EXPECT_NE(life.store().stats().value().read_only_reason.find("sync failed"), std::string::npos);
  EXPECT_FALSE(life.write(30, 3, 3));
  EXPECT_TRUE(holds(life));
  life.kill();
  const auto wrong = Life::check(life.disk()->cut(io::CutPolicy::lose, 1), life.state, under_way);
  EXPECT_FALSE(wrong) << *wrong;
}

TEST(DiskFaultTest, AFailedSyncOfAFileThatIsNotNamedVoidsThatJobOnly) {
  for (const char* part : {"/warm/", "/cold/"}) {
    Life life(std::make_shared<SimDisk>());
    ASSERT_TRUE(life.create() && life.write(0, 15, 1) && life.write(50, 60, 2));
    life.disk()->set_fault(failing_sync_once(part));
    if (std::string_view(part) == "/warm/")
      EXPECT_FALSE(life.write(20, 60, 3));
    else
      EXPECT_FALSE(life.move(StorageTier::cold));
    EXPECT_TRUE(holds(life)) << part;
    EXPECT_EQ(life.store().stats().value().read_only_reason, "");
    EXPECT_TRUE(life.write(20, 60, 4) && life.move(StorageTier::cold) && holds(life)) << part;
    const auto wrong = Life::check(life.disk()->cut(io::CutPolicy::lose, 1), life.state, {});
    EXPECT_FALSE(wrong) << part << ": " << *wrong;
  }
}

}  // namespace
}  // namespace firn::storage
