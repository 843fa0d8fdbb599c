// Damage at rest, through the engine: every kind of file of a table, every kind of damage. Whatever happens to the
// bytes: the right answer or a clear error that names the file, never a wrong answer, never the end of the process.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "io/crc32c.hpp"
#include "tests/scale.hpp"
#include "tests/storage/model_table.hpp"
#include "tests/storage/scratch_folder.hpp"

namespace firn::storage {
namespace {

using namespace model;
using firn::testing::content_of;
using firn::testing::set_content;
using io::SimDisk;

constexpr std::uint32_t kSmallRows = 20;
constexpr std::size_t kSector = 4'096;
constexpr std::uint64_t kSinceCheckpoint = 10;  // commits of the script
using Rng = std::mt19937_64;

StoreOptions options_of(bool read_only = false) {
  StoreOptions options;
  options.clock = std::make_shared<io::ManualClock>();
  options.hot_map_bytes = std::size_t{4} << 20;
  options.read_only = read_only;
  return options;
}

std::vector<std::uint8_t> bytes_of(io::Disk& disk, const std::string& path) {
  return io::read_file(disk, path, std::uint64_t{1} << 30).value();
}

void put_bytes(io::Disk& disk, const std::string& path, std::span<const std::uint8_t> bytes) {
  if (disk.exists(path).value()) disk.remove(path).value();
  const auto file = disk.open(path, io::Disk::Mode::create_new).value();
  file->write_at(0, bytes).value();
  file->sync().value();
  disk.sync_directory(std::filesystem::path(path).parent_path().string()).value();
}

/// A prepared table that holds rows in all tiers, history, tombstones, two checkpoints and a log of several files.
class Prepared {
 public:
  Prepared(std::uint64_t seed, bool clean) : clean_(clean), rng_(seed) {
    disk_ = std::make_shared<SimDisk>();
    HybridTableConfig config;
    config.small_write_rows = kSmallRows;
    store_ = TableStore::create(disk_, "t", "events", 7, shape.schema(), config, options_of()).value();
    write(0, 400);
    write(1'000, 300);
    move(StorageTier::cold);
    write(100, 15);
    write(150, 200);
    remove(40, 5);
    remove(1'100, 60);
    move(StorageTier::cold);
    store_->checkpoint().value();
    write(300, 150);
    remove(1'200, 40);
    write(2'000, 100);
    store_->checkpoint().value();
    const std::uint64_t before = csn_;
    for (int i = 0; i < 8; ++i) write(320 + i * 90, 12);
    remove(500, 3);
    write(0, 60);
    if (csn_ - before != kSinceCheckpoint) mismatch("the script has another number of commits");
    if (clean) store_->close().value();
    store_.reset();
  }

  /// A copy, LMDB's file with it.
  std::shared_ptr<SimDisk> copy() const {
    std::shared_ptr<SimDisk> image = disk_->cut(io::CutPolicy::keep, 0);
    std::filesystem::remove_all(image->host_path("t/hot"));
    std::filesystem::copy(disk_->host_path("t/hot"), image->host_path("t/hot"),
                          std::filesystem::copy_options::recursive);
    return image;
  }
  SimDisk& disk() const { return *disk_; }
  State at(std::uint64_t csn) const { return oracle_.state(csn); }
  std::uint64_t csn() const { return csn_; }
  bool clean() const { return clean_; }

  TableShape shape{KeyKind::number};

 private:
  void commit(WriteRequest r, const Change& change) {
    csn_ = store_->commit_one(std::move(r)).value().csn.value;
    oracle_.apply(change, csn_);
  }
  void write(int first, int rows) {
    Change change;
    for (int i = 0; i < rows; ++i)
      change.emplace_back(first + i, Cell{true, static_cast<std::int64_t>(rng_() % 1'000'000),
                                          "tag " + std::to_string(rng_() % 1'000)});
    commit(upsert_of(*store_, shape.batch(change)).value(), change);
  }
  void remove(int first, int rows) {
    Change change;
    WriteRequest r;
    r.kind = WriteRequest::Kind::remove_keys;
    for (int i = 0; i < rows; ++i) {
      change.emplace_back(first + i, Cell{});
      r.remove_keys.push_back(shape.encoded(first + i));
    }
    commit(std::move(r), change);
  }
  void move(StorageTier to) {
    while (const auto order = store_->next_job_towards(to)) store_->run_job(*order).value();
    csn_ = store_->snapshot().value().csn().value;
  }

  bool clean_;
  Rng rng_;
  std::shared_ptr<SimDisk> disk_;
  std::unique_ptr<TableStore> store_;
  Oracle oracle_;
  std::uint64_t csn_ = 0;
};

// --- kinds of file and of damage -----------------------------------------------------------------------------------------

/// The files of the table by kind: "table.fb", "commit", "checkpoint", "marker", "warm", "cold", "hot".
std::map<std::string, std::vector<std::string>> files_of(const Prepared& table) {
  std::map<std::string, std::vector<std::string>> out;
  out["table.fb"] = {"t/table.fb"};
  for (const char* part : {"commit", "warm", "cold", "hot"})
    for (const io::DirEntry& e : table.disk().list(std::string("t/") + part).value()) {
      if (e.is_directory) continue;
      const std::string kind = e.name == "clean"            ? "marker"
                               : e.name.starts_with("ckp-") ? "checkpoint"
                                                            : part;
      out[kind].push_back(std::string("t/") + part + "/" + e.name);
    }
  for (const auto& e : std::filesystem::recursive_directory_iterator(table.disk().host_path("t/hot")))
    if (e.path().filename() == "data.mdb")
      out["data.mdb"].push_back(
          "t/hot/" + std::filesystem::relative(e.path(), table.disk().host_path("t/hot")).string());
  return out;
}

/// A file of the simulated disk, or LMDB's in its scratch folder.
std::vector<std::uint8_t> get(SimDisk& disk, const std::string& path) {
  if (!path.ends_with("data.mdb")) return bytes_of(disk, path);
  const std::string text = content_of(disk.host_path(path));
  return {text.begin(), text.end()};
}
void set(SimDisk& disk, const std::string& path, const std::vector<std::uint8_t>& bytes) {
  if (!path.ends_with("data.mdb")) return put_bytes(disk, path, bytes);
  set_content(disk.host_path(path), std::string(bytes.begin(), bytes.end()));
}
void erase(SimDisk& disk, const std::string& path) {
  if (!path.ends_with("data.mdb"))
    disk.remove(path).value();
  else
    std::filesystem::remove(disk.host_path(path));
}

enum class Damage { flip, zero, swap, cut, missing, empty, foreign, count };
constexpr const char* kDamageNames[] = {"flip", "zero", "swap", "cut", "missing", "empty", "foreign"};

/// False if the file stayed as it was.
bool harm(SimDisk& disk, const std::string& path, Damage damage, Rng& rng, const Prepared& stranger) {
  const std::vector<std::uint8_t> old = get(disk, path);
  std::vector<std::uint8_t> bytes = old;
  const std::size_t sectors = (bytes.size() + kSector - 1) / kSector;
  const auto sector = [&](std::size_t n) {
    return std::span(bytes).subspan(n * kSector, std::min(kSector, bytes.size() - n * kSector));
  };
  switch (damage) {
    case Damage::flip:
      bytes[rng() % bytes.size()] ^= static_cast<std::uint8_t>(1U << (rng() % 8));
      break;
    case Damage::zero: {
      const auto s = sector(rng() % sectors);
      std::fill(s.begin(), s.end(), std::uint8_t{0});
      break;
    }
    case Damage::swap: {
      const auto a = sector(rng() % sectors), b = sector(rng() % sectors);
      const std::size_t n = std::min(a.size(), b.size());
      std::swap_ranges(a.begin(), a.begin() + static_cast<std::ptrdiff_t>(n), b.begin());
      break;
    }
    case Damage::cut:
      bytes.resize(rng() % bytes.size());
      break;
    case Damage::missing:
      erase(disk, path);
      return true;
    case Damage::empty:
      bytes.clear();
      break;
    case Damage::foreign: {
      if (!path.ends_with("data.mdb") && !stranger.disk().exists(path).value()) return false;
      bytes = get(stranger.disk(), path);
      break;
    }
    case Damage::count:
      break;
  }
  if (bytes == old) return false;
  set(disk, path, bytes);
  return true;
}

// --- what must hold --------------------------------------------------------------------------------------------------------

struct Verdict {
  bool refused = false;  ///< some answer was an error
  bool found = false;    ///< verify found something
  std::string wrong;     ///< a wrong answer, or an error that is not clear
  std::string message;   ///< of the first error
};

void note_error(Verdict& v, const Error& e) {
  v.refused = true;
  if (v.message.empty()) v.message = e.message();
  const bool right_code = e.code() == ErrorCode::corrupt || e.code() == ErrorCode::unsupported ||
                          e.code() == ErrorCode::not_found;
  if (!right_code || e.message().find("t/") == std::string::npos) v.wrong = "unclear error: " + e.message();
}

void compare(Verdict& v, const State& table, const State& oracle, const std::string& what) {
  try {
    expect_equal(table, oracle, what);
  } catch (const std::exception& e) {
    v.wrong = e.what();
  }
}

void check_points(Verdict& v, TableStore& store, const Prepared& table, std::uint64_t csn) {
  const auto at = store.snapshot().value();
  const State oracle = table.at(csn);
  for (const int k : {0, 45, 110, 170, 310, 350, 399, 500, 1'020, 1'110, 1'210, 2'050, 3'000}) {
    const auto cell = read_cell(store, at, table.shape, k);
    const auto known = oracle.find(k);
    if (!cell)
      note_error(v, cell.error());
    else if (*cell != (known == oracle.end() ? Cell{} : known->second))
      v.wrong = "point read of " + text_of(k, *cell);
  }
}

/// Opens the table and reads everything in several ways. At most `doubtful` commits may be gone from the end.
Verdict examine(const std::shared_ptr<SimDisk>& disk, const Prepared& table, bool read_only,
                std::uint64_t doubtful) {
  Verdict v;
  auto store = TableStore::open(disk, "t", options_of(read_only));
  if (!store) {
    note_error(v, store.error());
    v.found = true;
    return v;
  }
  const std::uint64_t csn = (*store)->snapshot().value().csn().value;
  if (csn > table.csn() || csn + doubtful < table.csn())
    v.wrong = "the newest CSN is " + std::to_string(csn) + ", expected " + std::to_string(table.csn());
  const auto all = read_state(**store);
  if (all)
    compare(v, *all, table.at(csn), "now");
  else
    note_error(v, all.error());
  for (std::uint64_t past = 2; past < csn; past += 5) {
    const auto then = read_state(**store, past);
    if (then)
      compare(v, *then, table.at(past), "as of " + std::to_string(past));
    else
      note_error(v, then.error());
  }
  check_points(v, **store, table, csn);
  const auto findings = (*store)->verify(true);
  if (!findings) note_error(v, findings.error());
  v.found = !findings || !findings->empty();
  return v;
}

class DamageTest : public ::testing::TestWithParam<bool> {
 protected:
  static const Prepared& table(bool clean) {
    static const Prepared closed(1, true), killed(1, false);
    return clean ? closed : killed;
  }
  static const Prepared& stranger() {
    static const Prepared other(2, true);
    return other;
  }
};

TEST_P(DamageTest, TheRightAnswerOrAClearError) {
  const Prepared& t = table(GetParam());
  std::map<std::string, std::map<std::string, int>> counts;
  const auto kinds = files_of(t);
  for (const char* kind : {"table.fb", "commit", "checkpoint", "warm", "cold", "data.mdb"})
    ASSERT_TRUE(kinds.contains(kind)) << kind;
  for (const auto& [kind, paths] : kinds) {
    for (int d = 0; d < static_cast<int>(Damage::count); ++d) {
      const auto damage = static_cast<Damage>(d);
      const bool many = damage == Damage::flip;
      const bool some = damage == Damage::zero || damage == Damage::swap || damage == Damage::cut;
      const auto seeds = many   ? testing::scaled(300)
                         : some ? testing::scaled(40)
                                : static_cast<int>(paths.size());
      for (int seed = 0; seed < seeds; ++seed) {
        Rng rng(static_cast<std::uint64_t>(seed * 100 + d));
        const std::string& path = paths[static_cast<std::size_t>(seed) % paths.size()];
        const std::shared_ptr<SimDisk> disk = t.copy();
        if (!harm(*disk, path, damage, rng, stranger())) continue;
        const std::string where = path + ", " + kDamageNames[d] + ", seed " + std::to_string(seed);
        // After a kill nothing vouches for the last entries of the open log (schema/formats/log.md): a flip there
        // costs the last commit, the loss of its last sector or of the file those since the last checkpoint.
        const std::uint64_t doubt = t.clean() || kind != "commit" ? 0 : many ? 1 : kSinceCheckpoint;
        for (const bool read_only : {true, false}) {
          if (seeds > 20 && read_only == (seed % 2 == 0)) continue;  // one of the two
          const Verdict v = examine(disk, t, read_only, doubt);
          ASSERT_EQ(v.wrong, "") << where << (read_only ? ", read-only" : "");
          // What cannot be read is found by a scrub; what is named by the catalog is found even if no answer needs it.
          ASSERT_TRUE(!v.refused || v.found) << where << ": " << v.message;
          ASSERT_TRUE(kind != "cold" || v.found) << where;
          counts[kind][v.refused ? "refused" : v.found ? "found" : "answered"] += 1;
        }
      }
    }
  }
  for (const auto& [kind, results] : counts) {
    std::printf("%-10s", kind.c_str());
    for (const auto& [result, n] : results) std::printf(" %s %d", result.c_str(), n);
    std::printf("\n");
  }
}

INSTANTIATE_TEST_SUITE_P(ClosedOrKilled, DamageTest, ::testing::Bool());

// --- a bad block ---------------------------------------------------------------------------------------------------------

/// Three files with keys apart, and hot rows over all of them.
struct ThreeRanges {
  ThreeRanges() {
    HybridTableConfig config;
    config.small_write_rows = kSmallRows;
    auto store = TableStore::create(disk, "t", "events", 7, shape.schema(), config, options_of()).value();
    for (const int first : {0, 1'000}) {
      write(*store, first, 300, 1);
      const auto files = store->files();
      store->run_job({StorageTier::cold, false, 0, {files.back().info.id}}).value();
    }
    write(*store, 2'000, 300, 1);
    for (const int first : {10, 1'010, 2'010}) write(*store, first, 5, 2);
    files = store->files();
    store->close().value();
  }
  void write(TableStore& store, int first, int rows, std::int64_t v) const {
    Change change;
    for (int i = 0; i < rows; ++i) change.emplace_back(first + i, Cell{true, v, "x"});
    store.commit_one(upsert_of(store, shape.batch(change)).value()).value();
  }
  /// Rows and sum of v of the keys [first, first + 1000); "" and the error's text if it cannot be said.
  static std::string sum(TableStore& store, int first) {
    const std::string sql = "SELECT count(*), sum(v) FROM t WHERE id >= " + std::to_string(first * 7) +
                            " AND id < " + std::to_string((first + 1'000) * 7);
    const auto answer = store.query(parse_query(sql).value(), store.snapshot().value());
    if (!answer) return answer.error().message();
    return (*answer)[0].value_at(0).to_string() + " " + (*answer)[1].value_at(0).to_string();
  }
  TableShape shape{KeyKind::number};
  std::shared_ptr<SimDisk> disk = std::make_shared<SimDisk>();
  std::vector<FileView> files;
};

TEST(BadBlockTest, OnlyQueriesThatTouchItsRangeFailAndNameIt) {
  const ThreeRanges table;
  ASSERT_EQ(table.files.size(), 3U);
  const std::string good = "300 305";
  for (std::size_t victim = 0; victim < 3; ++victim) {
    const RowFileInfo& info = table.files[victim].info;
    for (const std::uint64_t place : {std::uint64_t{20}, info.length / 2, info.length - 20}) {
      const std::shared_ptr<SimDisk> disk = table.disk->cut(io::CutPolicy::keep, 0);
      const std::string path = "t/" + info.path;
      std::vector<std::uint8_t> bytes = bytes_of(*disk, path);
      // A whole sector, so that keys are hit too.
      const std::uint64_t from = info.offset + (place / 512) * 512;
      for (std::uint64_t i = from; i < std::min(from + 2'048, info.offset + info.length); ++i)
        bytes[i] ^= 0x55;
      put_bytes(*disk, path, bytes);
      for (const bool read_only : {true, false}) {
        const std::string where = path + " at " + std::to_string(place) + (read_only ? ", read-only" : "");
        auto store = TableStore::open(disk, "t", options_of(read_only)).value();
        int refused = 0;
        for (int i = 0; i < 3; ++i) {
          const std::string answer = ThreeRanges::sum(*store, i * 1'000);
          if (answer == good) continue;
          EXPECT_EQ(i, static_cast<int>(victim)) << where << ": " << answer;
          ++refused;
          EXPECT_NE(answer.find(info.path), std::string::npos) << answer;
        }
        const auto all = read_state(*store);
        EXPECT_TRUE(all ? refused == 0 : all.error().message().find(info.path) != std::string::npos) << where;
        EXPECT_TRUE(store->stats()) << where;
        const auto findings = store->verify(true).value();
        ASSERT_EQ(findings.size(), 1U) << where;
        EXPECT_NE(findings[0].find(info.path), std::string::npos) << findings[0];
        if (read_only) continue;
        // The rest lives on: writes, moves, a reopening.
        const int other = victim == 0 ? 1'000 : 0;
        table.write(*store, other + 20, 5, 7);
        int jobs = 0, failed = 0;
        for (; jobs < 50; ++jobs) {
          const auto order = store->next_job_towards(StorageTier::cold);
          if (!order) break;
          if (!store->run_job(*order)) ++failed;
        }
        EXPECT_LT(jobs, 50) << where << ": maintenance does not leave the file alone";
        EXPECT_LE(failed, 4) << where;
        EXPECT_EQ(ThreeRanges::sum(*store, other), "300 335") << where;
        store->close().value();
        store = TableStore::open(disk, "t", options_of()).value();
        EXPECT_EQ(ThreeRanges::sum(*store, other), "300 335") << where;
      }
    }
  }
}

TEST(BadBlockTest, OlderVersionsDoNotShowThroughOneThatIsPrunedAway) {
  ThreeRanges table;
  auto store = TableStore::open(table.disk, "t", options_of()).value();
  table.write(*store, 1'000, 200, 9);  // ends versions with v = 1; its own zone map says v = 9
  const RowFileInfo info = store->files().back().info;
  store->close().value();
  store.reset();
  const std::string path = "t/" + info.path;
  std::vector<std::uint8_t> bytes = bytes_of(*table.disk, path);
  bytes[info.offset + info.length - 100] ^= 1;  // in its body; its header stays sound
  put_bytes(*table.disk, path, bytes);
  for (const bool read_only : {true, false}) {
    store = TableStore::open(table.disk, "t", options_of(read_only)).value();
    const auto ask = [&](const std::string& where) {
      return store->query(parse_query("SELECT id FROM t WHERE v = 1" + where).value(),
                          store->snapshot().value());
    };
    const auto answer = ask("");
    ASSERT_FALSE(answer) << answer->rows();
    EXPECT_NE(answer.error().message().find(info.path), std::string::npos) << answer.error().message();
    EXPECT_FALSE(ask(" AND id >= 7000 AND id < 7700"));
    EXPECT_EQ(ask(" AND id < 7000").value().rows(), 295);
    EXPECT_EQ(ask(" AND id >= 14000").value().rows(), 295);
    store.reset();
  }
}

TEST(DamageTableTest, TheUndamagedTableAnswers) {
  for (const bool clean : {true, false}) {
    const Prepared t(1, clean);
    for (const bool read_only : {true, false}) {
      const Verdict v = examine(t.copy(), t, read_only, 0);
      EXPECT_EQ(v.wrong, "");
      EXPECT_FALSE(v.refused) << v.message;
      EXPECT_FALSE(v.found);
    }
  }
}

}  // namespace
}  // namespace firn::storage
