// History segments: groups of versions that lived at about the same time, whatever order they came in. Every version is
// found, groups say truly between which CSNs they lie, and files of the format before are read.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

#include "io/crc32c.hpp"
#include "io/sim_disk.hpp"
#include "storage/cold/bloom_filter.hpp"
#include "storage/cold/segment.hpp"
#include "storage/cold/segment_footer.hpp"
#include "storage/job_proof.hpp"

namespace firn::storage::cold {
namespace {

struct Version {
  std::string key;
  std::int64_t v = 0;
  std::uint64_t csn = 0, end = 0;
};

class ColdHistory : public testing::Test {
 protected:
  ColdHistory() {
    for (int k = 0; k < 120; ++k) {
      std::uint64_t csn = 1 + random_() % 30;
      for (std::uint64_t n = random_() % 60; n > 0; --n) {
        const std::uint64_t end = csn + 1 + random_() % 40;
        versions_.push_back({"key-" + std::to_string(k), std::int64_t(random_() % 1'000), csn, end});
        csn = end + (random_() % 10 == 0 ? 5 : 0);
      }
    }
  }
  void sort_versions() {
    std::sort(versions_.begin(), versions_.end(), [](const Version& a, const Version& b) {
      return std::tie(a.key, a.csn) < std::tie(b.key, b.csn);
    });
  }

  RowFileInfo write(LifeCells cells, std::uint32_t group_rows) {
    RowFileInfo info;
    info.id = 7, info.history = true, info.path = "h";
    SegmentOptions options;
    options.row_group_rows = group_rows, options.store_id = kStore, options.cells = std::move(cells);
    auto w = SegmentWriter::create(*disk_, schema_, info, options).value();
    for (std::size_t at = 0; at < versions_.size(); at += 700) {
      BatchBuilder rows(schema_);
      std::vector<std::uint64_t> csns, ends;
      for (std::size_t i = at; i < std::min(at + 700, versions_.size()); ++i) {
        rows.append(versions_[i].key, versions_[i].v);
        csns.push_back(versions_[i].csn), ends.push_back(versions_[i].end);
      }
      w->append(rows.finish().value(), csns, ends, {}).value();
    }
    return w->finish().value();
  }
  LifeCells cells(std::size_t n) const {
    std::vector<Life> lives;
    for (const Version& v : versions_) lives.push_back({v.csn, v.end});
    return LifeCells::cut(lives, n);
  }

  void expect_all(const RowFile& f) {
    const std::size_t both[] = {0, 1};
    std::map<std::pair<std::string, std::uint64_t>, std::int64_t> seen;
    ReadCost cost;
    for (std::size_t g = 0; g < f.groups(); ++g) {
      const auto columns = f.read(g, both, cost).value();
      const Column csns = f.csns(g, cost).value().to_plain(), ends = f.ends(g, cost).value().to_plain();
      const CsnBounds b = f.bounds(g);
      for (std::size_t i = 0; i < static_cast<std::size_t>(csns.length); ++i) {
        const std::uint64_t begin = csns.as<std::uint64_t>()[i], end = ends.as<std::uint64_t>()[i];
        EXPECT_TRUE(b.begin_min <= begin && begin <= b.begin_max && b.end_min <= end && end <= b.end_max);
        seen[{columns[0].value_at(i).to_string(), begin}] = columns[1].value_at(i).to_i64();
      }
      expect_living(f, g, csns.as<std::uint64_t>(), ends.as<std::uint64_t>());
    }
    ASSERT_EQ(seen.size(), versions_.size());
    for (const Version& v : versions_) ASSERT_EQ(seen.at({v.key, v.csn}), v.v);

    const auto keys = f.keys().value();
    ASSERT_EQ(keys->keys.size(), versions_.size());
    for (std::size_t i = 1; i < versions_.size(); ++i) {
      const auto order = keys->keys.compare(i - 1, keys->keys, i);
      ASSERT_TRUE(order < 0 || (order == 0 && csn_of(f, keys->row(i - 1)) < csn_of(f, keys->row(i))));
    }
    for (int k = -1; k < 125; k += 3)
      for (std::uint64_t csn = 0; csn < 2'000; csn += 17) expect_found(f, "key-" + std::to_string(k), csn);
  }
  /// By their begins, their ends and both; of all rows, and of a third.
  void expect_living(const RowFile& f, std::size_t g, std::span<const std::uint64_t> begins,
                     std::span<const std::uint64_t> ends) {
    std::vector<std::uint32_t> all, third;
    for (std::uint32_t r = 0; r < begins.size(); ++r) {
      all.push_back(r);
      if (random_() % 3 == 0) third.push_back(r);
    }
    const std::size_t middle = begins.size() / 2;
    for (const std::uint64_t csn : {begins[middle] - 1, begins[middle], ends[middle] - 1, ends[middle]}) {
      for (const LifeTest test : {LifeTest{csn, true, false}, {csn, false, true}, {csn, true, true}}) {
        const auto expected = [&](std::vector<std::uint32_t> rows) {
          std::erase_if(rows, [&](std::uint32_t r) {
            return (test.begins && begins[r] > csn) || (test.ends && ends[r] <= csn);
          });
          return rows;
        };
        ReadCost cost;
        ASSERT_EQ(f.living(g, test, std::nullopt, cost).value(), expected(all)) << "at " << csn;
        ASSERT_EQ(f.living(g, test, third, cost).value(), expected(third)) << "at " << csn;
        ASSERT_EQ(f.RowFile::living(g, test, std::nullopt, cost).value(), expected(all)) << "at " << csn;
        ASSERT_EQ(f.RowFile::living(g, test, third, cost).value(), expected(third)) << "at " << csn;
      }
    }
  }
  static std::uint64_t csn_of(const RowFile& f, std::uint32_t row) {
    ReadCost cost;
    return f.row(row, {}, cost).value().csn;
  }
  void expect_found(const RowFile& f, const std::string& key, std::uint64_t csn) {
    const auto expected = std::find_if(versions_.begin(), versions_.end(), [&](const Version& v) {
      return v.key == key && v.csn <= csn && csn < v.end;
    });
    const Value value(key);
    ReadCost cost;
    const auto row = f.find(encode_key(schema_, std::span(&value, 1)).value(), csn, cost).value();
    ASSERT_EQ(row.has_value(), expected != versions_.end()) << key << " at " << csn;
    if (!row) return;
    const std::size_t both[] = {0, 1};
    const auto found = f.row(*row, both, cost).value();
    ASSERT_EQ(found.values[0], value);
    ASSERT_EQ(found.values[1], Value(expected->v)) << key << " at " << csn;
    ASSERT_EQ(found.csn, expected->csn);
  }

  static constexpr std::uint64_t kStore = 0xABCD;
  std::mt19937_64 random_{4};
  std::vector<Version> versions_;
  Schema schema_ = Schema::parse("k utf8, v i64", {{"k"}, ""}).value();
  std::shared_ptr<io::SimDisk> disk_ = std::make_shared<io::SimDisk>();
};

TEST_F(ColdHistory, CellsThatAreFullAllAtOnceLeaveNothingBehind) {
  versions_.clear();
  for (int k = 0; k < 1'400; ++k)
    versions_.push_back({"key-" + std::to_string(k), k, k % 2 == 0 ? 1U : 2U, k % 2 == 0 ? 2U : 3U});
  sort_versions();
  std::stable_sort(versions_.begin(), versions_.end(), [](const Version& a, const Version& b) {
    return std::pair(a.v / 700, a.key) < std::pair(b.v / 700, b.key);  // as many of each life in each batch
  });
  const RowFileInfo info = write(cells(350), 350);
  EXPECT_EQ(info.rows, 1'400U);
  const auto file = open_segment(*disk_, info, kStore).value();
  EXPECT_EQ(file->groups(), 4U);
  expect_all(*file);
}

TEST_F(ColdHistory, VersionsInAnyOrderAreFoundInTheirCells) {
  std::shuffle(versions_.begin(), versions_.end(), random_);
  const auto f = open_segment(*disk_, write(cells(20), 100), kStore).value();
  EXPECT_GT(f->groups(), 20U) << "some cells take several groups";
  expect_all(*f);
  f->verify().value();
  std::size_t met = 0;
  for (std::size_t g = 0; g < f->groups(); ++g) met += f->bounds(g).may_hold(400, true) ? 1 : 0;
  EXPECT_LT(met, f->groups() / 2);
}

/// A group's own filter says for most keys that the group need not be searched.
TEST_F(ColdHistory, GroupsWithoutTheKeyAreNotSearched) {
  std::shuffle(versions_.begin(), versions_.end(), random_);
  const auto f = open_segment(*disk_, write({}, 60), kStore).value();
  ASSERT_GT(f->groups(), 40U);
  ReadCost found;
  for (const Version& v : versions_) {
    const Value value(v.key);
    ASSERT_TRUE(f->find(encode_key(schema_, {&value, 1}).value(), v.csn, found).value()) << v.key;
  }
  const LoadedFooter loaded = load_footer(*disk_->open("h", io::Disk::Mode::read).value()).value();
  std::uint64_t bytes = 0;
  for (const FooterGroup& g : loaded.footer.groups) bytes += bloom_bytes(g.rows);
  EXPECT_EQ(loaded.footer.group_blooms.length, bytes);
}

TEST_F(ColdHistory, OneCellOfSeveralGroupsInAnyOrder) {
  std::shuffle(versions_.begin(), versions_.end(), random_);
  const auto f = open_segment(*disk_, write({}, 512), kStore).value();
  EXPECT_GT(f->groups(), 4U);
  expect_all(*f);
}

/// What programs wrote that knew only key order: an index over the whole file, and no word on CSNs.
TEST_F(ColdHistory, TheFormatBeforeIsRead) {
  sort_versions();
  const RowFileInfo info = write({}, 1'024);
  LoadedFooter old = load_footer(*disk_->open("h", io::Disk::Mode::read).value()).value();
  ASSERT_GT(old.footer.groups.size(), 2U);
  for (FooterGroup& g : old.footer.groups) g.bounds = {0, 0, 0, 0};
  old.footer.group_blooms = {};
  auto bytes = io::read_file(*disk_, "h", 1U << 30).value();
  bytes.resize(old.data_length);
  const std::string footer = write_footer(old.footer);
  bytes.insert(bytes.end(), footer.begin(), footer.end());
  const std::span<const std::uint8_t> tail(bytes.data() + old.data_length, footer.size());
  SegmentTrailer t{kStore,
                   7,
                   old.data_length,
                   static_cast<std::uint32_t>(footer.size()),
                   io::crc32c(tail),
                   kOrderedVersion,
                   kSegmentMagic,
                   0,
                   0};
  std::uint8_t raw[sizeof t];
  std::memcpy(raw, &t, sizeof t);
  t.crc = io::crc32c(std::span<const std::uint8_t>(raw).first(sizeof raw - sizeof t.crc));
  std::memcpy(raw, &t, sizeof t);
  bytes.insert(bytes.end(), raw, raw + sizeof raw);
  disk_->open("old", io::Disk::Mode::create_new).value()->write_at(0, bytes).value();

  RowFileInfo given = info;
  given.path = "old", given.length = bytes.size(), given.hash = 0;
  const auto f = open_segment(*disk_, given, kStore).value();
  EXPECT_EQ(f->bounds(0), CsnBounds{});
  EXPECT_TRUE(f->bounds(0).may_hold(0, true));
  EXPECT_TRUE(f->keys().value()->rows.empty());
  expect_all(*f);
}

/// A file that says of its groups what is not so.
class Liar final : public RowFile {
 public:
  Liar(std::shared_ptr<const RowFile> file, CsnBounds bounds) : file_(std::move(file)), bounds_(bounds) {}
  const RowFileInfo& info() const override { return file_->info(); }
  const Schema& schema() const override { return file_->schema(); }
  std::size_t groups() const override { return file_->groups(); }
  std::uint64_t group_first(std::size_t g) const override { return file_->group_first(g); }
  const ColumnStats* stats(std::size_t g, std::size_t c) const override { return file_->stats(g, c); }
  CsnBounds bounds(std::size_t) const override { return bounds_; }
  using RowFile::read;
  Result<std::vector<Column>> read(std::size_t g, std::span<const std::size_t> columns,
                                   ReadCost& cost) const override {
    return file_->read(g, columns, cost);
  }
  Result<Column> csns(std::size_t g, ReadCost& cost) const override { return file_->csns(g, cost); }
  Result<Column> ends(std::size_t g, ReadCost& cost) const override { return file_->ends(g, cost); }
  Result<Buffer> tombstones(std::size_t g, ReadCost& cost) const override {
    return file_->tombstones(g, cost);
  }
  Result<std::shared_ptr<const FileKeys>> keys() const override { return file_->keys(); }
  Result<std::optional<std::uint32_t>> find(std::string_view key, std::uint64_t csn,
                                            ReadCost& cost) const override {
    return file_->find(key, csn, cost);
  }
  Result<PointRow> row(std::uint32_t row, std::span<const std::size_t> columns,
                       ReadCost& cost) const override {
    return file_->row(row, columns, cost);
  }
  std::vector<ColumnDetail> details() const override { return {}; }
  Result<void> verify() const override { return {}; }

 private:
  std::shared_ptr<const RowFile> file_;
  CsnBounds bounds_;
};

TEST_F(ColdHistory, NoProofForAFileWhoseGroupsHoldOtherCommitsThanTheyName) {
  const RowFileInfo info = write({}, 100'000);
  const auto f = open_segment(*disk_, info, kStore).value();
  const CsnBounds truth = f->bounds(0);
  const auto proved = [&](CsnBounds said) {
    JobProof proof;
    return proof.add_file(info, Liar(f, said)).ok();
  };
  EXPECT_TRUE(proved(truth));
  for (std::uint64_t CsnBounds::*field : {&CsnBounds::begin_min, &CsnBounds::end_min}) {
    CsnBounds said = truth;
    said.*field += 1;
    EXPECT_FALSE(proved(said));
  }
  for (std::uint64_t CsnBounds::*field : {&CsnBounds::begin_max, &CsnBounds::end_max}) {
    CsnBounds said = truth;
    said.*field -= 1;
    EXPECT_FALSE(proved(said));
  }
}

}  // namespace
}  // namespace firn::storage::cold
