// Warm blocks: what was encoded is served, whatever order it came in; damage is found and named.
#include "storage/warm/block.hpp"

#include <filesystem>
#include <map>

#include "io/posix_disk.hpp"
#include "tests/schema/arrow_fixture.hpp"

namespace firn::storage::warm {
namespace {

using test::every_type;
using test::expect_same_values;
using test::random_batch;

constexpr std::uint64_t kStore = 77;

Schema events() {
  return Schema::parse("id i64, ts timestamp, v utf8, n i32", {.key = {"id"}, .time = "ts"}).value();
}

Batch rows_of(const std::vector<std::int64_t>& ids) {
  BatchBuilder b(events());
  for (std::size_t i = 0; i < ids.size(); ++i)
    b.append(ids[i], Timestamp{static_cast<std::int64_t>(i) * 10}, "row " + std::to_string(i),
             static_cast<std::int32_t>(i));
  return b.finish().value();
}

class WarmBlock : public ::testing::Test {
 protected:
  void SetUp() override {
    root_ = std::filesystem::temp_directory_path() /
            ("firn_warm_" + std::to_string(::getpid()) + "_" +
             ::testing::UnitTest::GetInstance()->current_test_info()->name());
    disk_ = io::open_disk(root_.string(), true).value();
  }
  void TearDown() override {
    disk_.reset();
    std::filesystem::remove_all(root_);
  }

  /// Appends a block to the log file and returns what a catalog would keep.
  RowFileInfo put(const BlockInput& in, std::uint64_t csn = 5, std::uint32_t group_rows = 128) {
    RowFileInfo info;
    info.id = ++last_id_;
    info.csn_min = info.csn_max = csn;
    info.path = "log";
    EncodedBlock block = encode_block(in, info, {kStore, group_rows}).value();
    auto file =
        disk_->open("log", end_ == 0 ? io::Disk::Mode::create_new : io::Disk::Mode::read_write).value();
    block.info.offset = end_;
    for (const Buffer& b : block.parts) {
      file->write_at(end_, b.bytes()).value();
      end_ += b.size();
    }
    EXPECT_EQ(end_, block.info.offset + block.info.length);
    return block.info;
  }

  std::shared_ptr<const RowFile> open(const RowFileInfo& info) {
    return open_block(*disk_, info, kStore, cache_.common()).value();
  }

  void flip(std::uint64_t offset) {
    auto file = disk_->open("log", io::Disk::Mode::read_write).value();
    std::uint8_t byte = 0;
    file->read_at(offset, {&byte, 1}).value();
    byte ^= 0x10;
    file->write_at(offset, {&byte, 1}).value();
  }

  std::string key(std::int64_t id) { return encode_key(events(), std::vector<Value>{Value(id)}).value(); }

  std::filesystem::path root_;
  std::shared_ptr<io::Disk> disk_;
  BlockCache cache_{std::size_t{1} << 20};
  std::uint64_t end_ = 0, last_id_ = 0;
};

TEST_F(WarmBlock, ServesEveryTypeGroupByGroup) {
  Batch b = drop_duplicate_keys(random_batch(every_type(), 1000, 1)).value();
  const RowFileInfo info = put({.rows = b});
  auto block = open(info);
  EXPECT_EQ(block->schema(), b.schema());
  EXPECT_EQ(block->info().rows, static_cast<std::uint64_t>(b.rows()));
  ASSERT_EQ(block->groups(), (static_cast<std::size_t>(b.rows()) + 127) / 128);
  std::vector<std::size_t> all(b.columns().size());
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = i;
  ReadCost cost;
  for (std::size_t g = 0; g < block->groups(); ++g) {
    const auto columns = block->read(g, all, cost).value();
    const auto first = block->group_first(g);
    const Batch part = b.slice(first, block->group_first(g + 1) - first);
    for (std::size_t i = 0; i < all.size(); ++i) expect_same_values(part[i], columns[i], b.schema()[i].name);
    EXPECT_EQ(block->csns(g, cost).value().value_at(0), Value(std::uint64_t{5}));
  }
  EXPECT_EQ(cost.groups_read, block->groups());
  block->verify().value();
}

TEST_F(WarmBlock, StatisticsBoundEveryValue) {
  Batch b = drop_duplicate_keys(random_batch(every_type(), 1000, 2)).value();
  auto block = open(put({.rows = b}));
  for (std::size_t g = 0; g < block->groups(); ++g) {
    for (std::size_t c = 0; c < b.columns().size(); ++c) {
      const ColumnStats* s = block->stats(g, c);
      ASSERT_NE(s, nullptr);
      std::uint64_t nulls = 0;
      bool min_seen = false, max_seen = false;
      for (auto i = block->group_first(g); i < block->group_first(g + 1); ++i) {
        const Value v = b[c].value_at(i);
        if (v.is_null()) {
          ++nulls;
          continue;
        }
        EXPECT_LE(s->min, v);
        EXPECT_GE(s->max, v);
        min_seen |= s->min == v;
        max_seen |= s->max == v;
      }
      EXPECT_EQ(s->nulls, nulls);
      const bool values = s->exact && !s->min.is_null();
      EXPECT_TRUE(!values || (min_seen && max_seen)) << c;
    }
  }
}

TEST_F(WarmBlock, LongTextHasBoundsInsteadOfValues) {
  Schema s = Schema::parse("id i64, t utf8", {.key = {"id"}, .time = ""}).value();
  BatchBuilder b(s);
  b.append(std::int64_t{1}, std::string(100, 'b')).append(std::int64_t{2}, std::string(100, 'c'));
  const Batch rows = b.finish().value();
  auto block = open(put({.rows = rows}));
  const ColumnStats* t = block->stats(0, 1);
  EXPECT_FALSE(t->exact);
  EXPECT_LE(t->min, Value(std::string(100, 'b')));
  EXPECT_GE(t->max, Value(std::string(100, 'c')));
  EXPECT_LT(t->max, Value("d"));
}

TEST_F(WarmBlock, FindsKeysInAnyRowOrder) {
  for (const auto& ids : {std::vector<std::int64_t>{1, 2, 3, 4}, {40, -7, 1000, 3}, {9}}) {
    const Batch rows = rows_of(ids);
    auto block = open(put({.rows = rows}));
    ReadCost cost;
    for (std::size_t i = 0; i < ids.size(); ++i)
      EXPECT_EQ(block->find(key(ids[i]), kCsnMax.value, cost).value(), i);
    for (std::int64_t absent : {-8, 0, 5, 41, 999, 1001})
      EXPECT_FALSE(block->find(key(absent), 9, cost).value());
    auto keys = block->keys().value();
    EXPECT_TRUE(keys->keys.is_strictly_ascending());
    for (std::size_t i = 0; i < ids.size(); ++i) {
      std::string scratch;
      EXPECT_EQ(keys->keys.at(i, scratch), key(ids[keys->row(i)]));
    }
    EXPECT_EQ(block->keys().value(), keys) << "shared while held";
  }
}

TEST_F(WarmBlock, FilterAnswersMostAbsentKeysWithoutTheBody) {
  std::vector<std::int64_t> ids;
  for (std::int64_t i = 0; i < 5000; ++i) ids.push_back(i * 100);
  const Batch rows = rows_of(ids);
  auto block = open(put({.rows = rows}));
  ReadCost cost;
  for (std::int64_t i = 0; i < 5000; ++i) ASSERT_FALSE(block->find(key(i * 100 + 50), 9, cost).value());
  EXPECT_GT(cost.blooms_hit, 4800U);
  for (std::int64_t id : ids) ASSERT_TRUE(block->find(key(id), 9, cost).value());
}

TEST_F(WarmBlock, DenseAscendingKeysNeedNoFilter) {
  std::vector<std::int64_t> dense, sparse;
  for (std::int64_t i = 0; i < 1000; ++i) dense.push_back(i), sparse.push_back(i * 9);
  const Batch a = rows_of(dense), b = rows_of(sparse);
  EXPECT_LT(put({.rows = a}).length + 1000, put({.rows = b}).length);
}

TEST_F(WarmBlock, CsnsTombstonesAndTimeRangeAreKept) {
  const Batch rows = rows_of({5, 3, 9});
  const std::vector<std::uint64_t> csns{7, 4, 6};
  MutableBuffer bits(1);
  set_bit(bits.data(), 2);
  const RowFileInfo info = put({.rows = rows, .csns = csns, .tombstones = bits.freeze()});
  EXPECT_EQ(info.csn_min, 4U);
  EXPECT_EQ(info.csn_max, 7U);
  EXPECT_EQ(info.tombstones, 1U);
  EXPECT_EQ(info.time_min, 0);
  EXPECT_EQ(info.time_max, 20);
  EXPECT_EQ(info.key_min, key(3));
  EXPECT_EQ(info.key_max, key(9));
  auto block = open(info);
  ReadCost cost;
  EXPECT_EQ(block->csns(0, cost).value().value_at(1), Value(std::uint64_t{4}));
  EXPECT_TRUE(bit_at(block->tombstones(0, cost).value().data(), 2));
  const std::vector<std::size_t> columns{0, 2};
  const auto row = block->row(2, columns, cost).value();
  EXPECT_TRUE(row.tombstone);
  EXPECT_EQ(row.csn, 6U);
  EXPECT_EQ(row.values[0], Value(std::int64_t{9}));
  EXPECT_EQ(block->row(0, columns, cost).value().values[1], Value("row 0"));
}

TEST_F(WarmBlock, TombstonesMayHaveNullsInNotNullColumns) {
  const Schema s = Schema::parse("id i64, v utf8 not null", {.key = {"id"}, .time = ""}).value();
  ColumnBuilder id(TypeId::i64), v(TypeId::utf8);
  id.append_fixed(std::int64_t{1});
  v.append_null();
  const Batch rows(s, 1, {id.finish(), v.finish()});
  MutableBuffer bits(1);
  set_bit(bits.data(), 0);
  auto block = open(put({.rows = rows, .tombstones = bits.freeze()}));
  ReadCost cost;
  EXPECT_TRUE(block->row(0, std::vector<std::size_t>{0}, cost).value().tombstone);
}

TEST_F(WarmBlock, HistoryFindsTheVersionThatLivedThen) {
  const Batch rows = rows_of({1, 2, 1, 1});
  const std::vector<std::uint64_t> begins{10, 10, 2, 5}, ends{20, 11, 5, 9};
  auto block = open(put({.rows = rows, .csns = begins, .ends = ends, .history = true}));
  EXPECT_EQ(block->info().end_max, 20U);
  ReadCost cost;
  auto at = [&](std::int64_t id, std::uint64_t csn) { return block->find(key(id), csn, cost).value(); };
  EXPECT_EQ(at(1, 2), 2U);
  EXPECT_EQ(at(1, 4), 2U);
  EXPECT_EQ(at(1, 5), 3U);
  EXPECT_FALSE(at(1, 9));
  EXPECT_EQ(at(1, 19), 0U);
  EXPECT_FALSE(at(1, 20));
  EXPECT_EQ(at(2, 10), 1U);
  EXPECT_EQ(block->ends(0, cost).value().value_at(3), Value(std::uint64_t{9}));
  block->verify().value();
}

TEST_F(WarmBlock, LaterRowOfAKeyWins) {
  const Batch rows = rows_of({3, 1, 3, 2, 1, 3});
  KeyOrder order;
  const Batch kept = drop_duplicate_keys(rows, &order).value();
  ASSERT_EQ(kept.rows(), 3);
  std::map<std::int64_t, std::string> seen;
  for (std::size_t i = 0; i < 3; ++i) seen[kept[0].value_at(i).to_i64()] = kept[2].value_at(i).to_string();
  EXPECT_EQ(seen, (std::map<std::int64_t, std::string>{{1, "row 4"}, {2, "row 3"}, {3, "row 5"}}));
  auto block = open(put({.rows = kept, .order = &order}));
  block->verify().value();
  EXPECT_EQ(encode_block({.rows = rows}, {}, {}).error().code(), ErrorCode::invalid_argument);
}

TEST_F(WarmBlock, DistinctRowsAreNotCopied) {
  const Batch rows = rows_of({3, 1, 2});
  EXPECT_EQ(drop_duplicate_keys(rows).value()[0].values.data(), rows[0].values.data());
}

TEST_F(WarmBlock, BodyIsReadOnceWhileItFitsTheCache) {
  const Batch rows = rows_of({3, 1, 2});
  auto block = open(put({.rows = rows}));
  ReadCost cost;
  const std::vector<std::size_t> columns{0};
  (void)block->read(0, columns, cost).value();
  const std::uint64_t once = cost.bytes_read;
  (void)block->read(0, columns, cost).value();
  EXPECT_EQ(cost.bytes_read, once);
  cache_.set_capacity(0);
  (void)block->read(0, columns, cost).value();
  EXPECT_EQ(cost.bytes_read, 2 * once);
}

TEST_F(WarmBlock, BlocksOfOneLogAreTold) {
  const Batch a = rows_of({1, 2}), b = rows_of({8, 9});
  const RowFileInfo first = put({.rows = a}), second = put({.rows = b});
  RowFileInfo wrong = second;
  wrong.offset = first.offset;
  EXPECT_EQ(open_block(*disk_, wrong, kStore, cache_.common()).error().code(), ErrorCode::corrupt);
  EXPECT_EQ(open_block(*disk_, first, kStore + 1, cache_.common()).error().code(), ErrorCode::corrupt);
  auto file = disk_->open("log", io::Disk::Mode::read).value();
  const RowFileInfo told = read_block_info(*file, second.offset, kStore).value();
  EXPECT_EQ(told.key_min, second.key_min);
  EXPECT_EQ(told.length, second.length);
}

TEST_F(WarmBlock, EveryFlippedByteIsFoundOrHarmless) {
  const Batch rows = rows_of({5, 3, 9});
  const RowFileInfo info = put({.rows = rows});
  for (std::uint64_t at = 0; at < info.length; ++at) {
    flip(info.offset + at);
    auto block = open_block(*disk_, info, kStore, cache_.common());
    if (block) {
      const auto verified = (*block)->verify();
      EXPECT_FALSE(verified.ok()) << "byte " << at;
      EXPECT_TRUE(verified.ok() || verified.error().code() == ErrorCode::corrupt);
    } else {
      EXPECT_TRUE(block.error().code() == ErrorCode::corrupt) << block.error().message();
    }
    flip(info.offset + at);
  }
}

}  // namespace
}  // namespace firn::storage::warm
