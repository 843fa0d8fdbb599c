// When and how often a table looks for ended rows: what an open knows already, what a kill leaves, how far behind it may
// fall. `files_looked_at` counts the files whose keys were read for it.
#include <schema/log_generated.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "storage/apply_records.hpp"
#include "storage/clean_marker.hpp"
#include "storage/hot/hot_store.hpp"
#include "tests/storage/store_fixture.hpp"

namespace firn::storage {
namespace {

class EndsTest : public model::StoreFixture {
 protected:
  /// Two files of the same keys, and hot rows over both.
  void overlap() {
    write(0, 1'000, 1);
    write(500, 1'000, 2);
    write(0, 50, 3);
    write(700, 50, 4);
  }
  std::uint64_t looked_at() { return stats().files_looked_at; }
  void expect_known(const char* when) {
    expect_rows();
    EXPECT_EQ(looked_at(), 0U) << when;
  }
  /// The environment of a table that was closed cleanly; `use` may change it, the marker is made to match.
  template <class Use>
  void with_environment(Use use) {
    const auto identity = io::read_file(*disk, "t/table.fb", 1 << 16).value();
    const std::uint64_t store_id = flatbuffers::GetRoot<fb::TableFile>(identity.data() + 8)->store_id();
    auto marker = read_clean_marker(*disk, "t/hot/clean", store_id).value().value();
    const std::string folder = disk->host_path("t/hot/" + std::to_string(marker.generation));
    {
      const auto hot = hot::HotStore::open(folder, 7, std::size_t{64} << 20, false).value();
      use(*hot);
      hot->sync().value();
    }
    ASSERT_TRUE(measure_file(folder + "/data.mdb", marker));
    write_clean_marker(*disk, "t/hot/clean", store_id, marker).value();
  }
  /// Closes the table and counts the vectors that it has stored.
  std::uint64_t close_and_count() {
    store->close().value();
    store.reset();
    std::uint64_t count = 0;
    with_environment([&](const hot::HotStore& hot) {
      const auto add = [&](std::string_view, std::string_view) -> Result<bool> {
        count += 1;
        return true;
      };
      hot.read().value().visit_catalog("d", add).value();
    });
    return count;
  }
};

TEST_F(EndsTest, AnOpenAfterAcleanEndKnowsAllEnds) {
  overlap();
  expect_rows();
  EXPECT_GT(looked_at(), 0U);
  close_and_open();
  expect_known("a clean end");
}

TEST_F(EndsTest, ACloseFindsWhatNobodyHasAskedFor) {
  overlap();
  close_and_open();
  expect_known("a close without a query");
}

TEST_F(EndsTest, AfterAKillTheCheckpointsVectorsAreUsedAndOnlyWhatCameSinceIsLookedFor) {
  overlap();
  expect_rows();
  store->checkpoint().value();
  kill_and_open();
  expect_known("a checkpoint");

  write(0, 60, 5);  // only over the first file
  store->follow_ends().value();
  store->follow_ends().value();  // stored, but not in the checkpoint
  kill_and_open();
  expect_rows();
  EXPECT_EQ(looked_at(), 1U);
}

TEST_F(EndsTest, AVectorNeverClaimsMoreThanTheLogThatRecoveryReplays) {
  overlap();
  store->checkpoint().value();
  for (int i = 0; i < 20; ++i) {
    write(i * 40, 80, 10 + i);
    if (i % 3 == 0) store->follow_ends().value();
    if (i % 7 == 6) store->checkpoint().value();
    if (i % 5 == 4) run(StorageTier::warm, true);
    disk = disk->cut(io::kCutPolicies[static_cast<std::size_t>(i) % std::size(io::kCutPolicies)],
                     static_cast<std::uint64_t>(i));
    kill_and_open();
    expect_rows();
    for (std::uint64_t at = 1; at <= csn; at += 3)
      model::expect_equal(model::read_state(*store, at).value(), oracle.state(at), std::to_string(at));
  }
}

TEST_F(EndsTest, TheBackgroundFollowsAndStoresWithoutAnyQuery) {
  overlap();
  store->follow_ends().value();
  const StoreStats s = stats();
  EXPECT_EQ(s.lag_commits, 0U);
  EXPECT_EQ(s.lag_keys, 0U);
  EXPECT_EQ(s.files_looked_at, 2U);
  EXPECT_GT(s.vector_bytes, 0U);
  store->follow_ends().value();  // at rest: nothing is looked at again
  EXPECT_EQ(looked_at(), 2U);
}

TEST_F(EndsTest, TheLagCountsCommitsAndKeysThatFilesHaveNotBeenAskedFor) {
  write(0, 1'000, 1);
  EXPECT_EQ(stats().lag_commits, 0U);
  write(5'000, 20, 2);  // nobody has these keys
  EXPECT_EQ(stats().lag_commits, 0U);
  write(10, 20, 3);
  write(20, 20, 4);
  const StoreStats behind = stats();
  EXPECT_EQ(behind.lag_commits, 2U);
  EXPECT_EQ(behind.lag_keys, 40U);
  EXPECT_EQ(stats().lag_commits, 0U) << "looking has resolved them";
}

TEST_F(EndsTest, FilesThatOverlapNothingAreNeverLookedAt) {
  for (int i = 0; i < 5; ++i) write(i * 1'000, 1'000, i);
  expect_rows();
  EXPECT_EQ(looked_at(), 0U);
}

TEST_F(EndsTest, TheVectorGoesWithItsFile) {
  overlap();
  EXPECT_EQ(close_and_count(), 2U);
  kill_and_open();
  run(StorageTier::warm, true);
  for (const FileView& f : store->files()) EXPECT_FALSE(f.info.history && f.ended != 0);
  std::vector<std::uint64_t> all;
  for (const FileView& f : store->files()) all.push_back(f.info.id);
  run(StorageTier::cold, false, all);
  expect_rows();
  EXPECT_LE(close_and_count(), 1U) << "the files that had them are gone";
}

TEST_F(EndsTest, AnEntryThatIsWrongIsNotUsedAndItsEndsAreFoundAgain) {
  overlap();
  std::vector<std::string> notes;
  options.log = [&](std::string_view text) { notes.emplace_back(text); };
  const std::uint64_t file = store->files().front().info.id;
  const std::string wrong[] = {"short", std::string(40, '\xff'), std::string(40, '\0')};
  for (const std::string& bytes : wrong) {
    store->close().value();
    store.reset();
    with_environment([&](hot::HotStore& hot) {
      auto writer = hot.write(4'096).value();
      writer.put_catalog(catalog_key('d', file), bytes).value();
      writer.commit().value();
    });
    notes.clear();
    kill_and_open();
    ASSERT_EQ(notes.size(), 1U);
    EXPECT_NE(notes.front().find("ends are found again"), std::string::npos) << notes.front();
    expect_rows();
    EXPECT_EQ(looked_at(), 1U);
  }
}

TEST_F(EndsTest, AReaderBesideTheWriterUsesWhatIsStored) {
  overlap();
  store->close().value();
  options.read_only = true;
  store = TableStore::open(disk, "t", options).value();
  expect_known("a clean end, for a reader");
}

class SmallDelta : public EndsTest {
 protected:
  void SetUp() override {
    options.unresolved_bytes_max = 20'000;
    create();
  }
};

TEST_F(SmallDelta, WritersResolveBeforeKeysThatWaitTakeMoreMemoryThanAllowed) {
  write(0, 1'000, 1);
  std::uint64_t most = 0;
  for (int i = 0; i < 300; ++i) {
    write(i % 10, 90, i);  // the same keys over and over, and nobody asks
    if (i % 10 == 0) {
      const StoreStats s = stats();
      most = std::max(most, s.delta_bytes);
    }
  }
  EXPECT_LT(most, 2 * options.unresolved_bytes_max);
  expect_rows();
}

TEST_F(EndsTest, WritersWaitForSomeFilesVectorsAtATime) {
  int parts = 0;
  options.job_hook = [&](std::string_view stage) {
    if (stage != "stored") return;
    parts += 1;
    write(5'000 + parts, 1, 1);  // nothing is held meanwhile
  };
  options.stall_factor = 0;
  kill_and_open();
  for (int i = 0; i < 70; ++i) write(0, 101, i);
  store->follow_ends().value();
  store->follow_ends().value();
  EXPECT_GE(parts, 3);
  options.job_hook = {};
  store->checkpoint().value();
  kill_and_open();
  expect_known("all parts");
}

TEST_F(EndsTest, AClockSetBackDoesNotKeepVectorsFromBeingStored) {
  int parts = 0;
  options.job_hook = [&](std::string_view stage) { parts += stage == "stored" ? 1 : 0; };
  kill_and_open();
  for (int i = 0; i < 40; ++i) write(0, 2'000, i);  // too many bytes to be stored at once
  store->follow_ends().value();
  store->follow_ends().value();
  ASSERT_GT(parts, 0);
  parts = 0;
  clock->step_us(-kHour);
  for (int i = 0; i < 3; ++i) {  // never at rest
    clock->advance_us(20 * kSecond);
    for (int k = 0; k < 40; ++k) write(0, 2'000, k);
    store->follow_ends().value();
  }
  EXPECT_GT(parts, 0);
}

TEST_F(EndsTest, RowsAreCountedAtOneCommit) {
  write(0, 2'000, 1);
  for (int k = 1'990; k < 2'000; ++k) remove(k);
  run(StorageTier::warm, true);  // a file with tombstones: its rows are counted one by one
  std::atomic<bool> done = false;
  std::thread writer([&] {
    for (int i = 0; !done; ++i) {
      write(i % 100 * 10, 40, i);
      store->follow_ends().value();
    }
  });
  int other = 0;
  for (int i = 0; i < 300; ++i) other += store->stats().value().rows == 1'990 ? 0 : 1;
  done = true;
  writer.join();
  EXPECT_EQ(other, 0);
}

TEST_F(SmallDelta, AJobThatRunsMeanwhileDoesNotHoldTheKeys) {
  write(0, 1'000, 1);
  std::uint64_t most = 0;
  bool inside = false;
  options.job_hook = [&](std::string_view stage) {
    if (stage != "written") return;
    if (inside) return;
    inside = true;
    for (int i = 0; i < 100; ++i) {
      write(i % 10, 90, 100 + i);
      most = std::max(most, store->stats().value().delta_bytes);
    }
  };
  kill_and_open();
  run(StorageTier::cold, false, {store->files().front().info.id});
  EXPECT_TRUE(inside);
  EXPECT_LT(most, 2 * options.unresolved_bytes_max);
  expect_rows();
}

TEST_F(SmallDelta, AFileThatCannotBeReadDoesNotHoldTheKeys) {
  write(0, 1'000, 1);
  write(5'000, 1'000, 1);
  const FileView lost = store->files().front();
  {
    const auto file = disk->open("t/" + lost.info.path, io::Disk::Mode::read_write).value();
    const std::vector<std::uint8_t> damage(lost.info.length, 'x');
    file->write_at(lost.info.offset, damage).value();
    file->sync().value();
  }
  kill_and_open();
  for (int i = 0; i < 200; ++i) write(i % 10, 90, 200 + i);
  EXPECT_LT(stats().delta_bytes, 2 * options.unresolved_bytes_max);
}

}  // namespace
}  // namespace firn::storage
