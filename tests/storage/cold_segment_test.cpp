// Segments: rows come back as they went in; keys are found; damage is reported, never read as rows.
#include <gtest/gtest.h>

#include <unistd.h>
#include <algorithm>
#include <numeric>

#include <filesystem>
#include <map>
#include <random>

#include "io/posix_disk.hpp"
#include "storage/cold/segment.hpp"

namespace firn::storage::cold {
namespace {

struct Row {
  std::vector<Value> values;
  std::uint64_t csn = 1, end = 0;
  bool tombstone = false;
};

class ColdSegment : public testing::Test {
 protected:
  void SetUp() override {
    root_ = std::filesystem::temp_directory_path() / ("firn-cold-" + std::to_string(::getpid()));
    std::filesystem::remove_all(root_);
    disk_ = io::PosixDisk::open_root(root_.string(), true).value();
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  RowFileInfo write(const Schema& schema, const std::vector<Row>& rows, bool history = false,
                    std::uint32_t group_rows = 3000) {
    RowFileInfo info;
    info.id = 7, info.history = history, info.path = "cold/seg-" + std::to_string(++files_);
    SegmentOptions options;
    options.row_group_rows = group_rows, options.store_id = kStore;
    auto w = SegmentWriter::create(*disk_, schema, info, options).value();
    for (std::size_t at = 0; at < rows.size(); at += 2500) {
      const std::size_t n = std::min<std::size_t>(2500, rows.size() - at);
      std::vector<ColumnBuilder> columns;
      for (const ColumnSchema& c : schema.columns()) columns.emplace_back(c.type);
      std::vector<std::uint64_t> csns, ends;
      MutableBuffer dead(bitmap_bytes(n));
      for (std::size_t i = 0; i < n; ++i) {
        const Row& r = rows[at + i];
        for (std::size_t c = 0; c < columns.size(); ++c) columns[c].append(r.values[c]).value();
        csns.push_back(r.csn);
        if (history) ends.push_back(r.end);
        if (r.tombstone) set_bit(dead.data(), i);
      }
      std::vector<Column> done;
      for (ColumnBuilder& c : columns) done.push_back(c.finish());
      w->append(Batch(schema, static_cast<std::int64_t>(n), std::move(done)), csns, ends, dead.freeze())
          .value();
    }
    return w->finish().value();
  }
  std::shared_ptr<const RowFile> open(const RowFileInfo& info) {
    return open_segment(*disk_, info, kStore).value();
  }

  /// Whole groups and single rows against what was written.
  void expect_rows(const RowFile& f, const std::vector<Row>& rows) {
    ASSERT_EQ(f.info().rows, rows.size());
    const std::size_t width = f.schema().size();
    std::vector<std::size_t> all(width);
    for (std::size_t i = 0; i < width; ++i) all[i] = i;
    ReadCost cost;
    for (std::size_t g = 0; g < f.groups(); ++g) {
      const auto columns = f.read(g, all, cost).value();
      const Column csns = f.csns(g, cost).value();
      const Buffer dead = f.tombstones(g, cost).value();
      for (std::uint64_t r = f.group_first(g); r < f.group_first(g + 1); ++r) {
        const std::size_t i = r - f.group_first(g);
        for (std::size_t c = 0; c < width; ++c) {
          ASSERT_EQ(columns[c].value_at(i), rows[r].values[c])
              << "row " << r << " column " << f.schema()[c].name;
        }
        ASSERT_EQ(csns.value_at(i), Value(rows[r].csn));
        ASSERT_EQ(!dead.empty() && bit_at(dead.data(), i), rows[r].tombstone);
      }
      expect_some(f, g, columns, csns);
      if (!f.info().history) continue;
      const Column ends = f.ends(g, cost).value();
      for (std::size_t i = 0; i < static_cast<std::size_t>(ends.length); ++i) {
        ASSERT_EQ(ends.value_at(i), Value(rows[f.group_first(g) + i].end));
      }
    }
    for (std::size_t r = 0; r < rows.size(); r += 1 + rows.size() / 53) {
      ReadCost point;
      const auto got = f.row(static_cast<std::uint32_t>(r), all, point).value();
      ASSERT_EQ(got.values, rows[r].values) << r;
      ASSERT_EQ(got.csn, rows[r].csn);
      ASSERT_EQ(got.tombstone, rows[r].tombstone);
    }
  }

  /// Some rows of a group, few and many of them, are what they are among all.
  static void expect_some(const RowFile& f, std::size_t g, const std::vector<Column>& whole,
                          const Column& csns) {
    std::vector<std::size_t> all(whole.size());
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = i;
    std::mt19937_64 random(g);
    ReadCost cost;
    for (const std::uint64_t one_in : {1, 2, 40, 900}) {
      std::vector<std::uint32_t> rows;
      for (std::uint32_t r = 0; r < csns.length; ++r)
        if (random() % one_in == 0) rows.push_back(r);
      if (rows.empty()) continue;
      const auto some = f.read(g, all, rows, cost).value();
      for (std::size_t c = 0; c < some.size(); ++c) {
        ASSERT_EQ(some[c].length, static_cast<std::int64_t>(rows.size()));
        std::int64_t nulls = 0;
        for (std::size_t i = 0; i < rows.size(); ++i) {
          ASSERT_EQ(some[c].value_at(i), whole[c].value_at(rows[i]))
              << "row " << rows[i] << " of column " << f.schema()[c].name;
          nulls += some[c].is_null(i) ? 1 : 0;
        }
        ASSERT_EQ(some[c].null_count, nulls);
      }
      expect_living(f, g, rows, csns);
    }
  }

  /// At CSNs below, above and among all begins: of some rows, and of all.
  static void expect_living(const RowFile& f, std::size_t g, const std::vector<std::uint32_t>& some,
                            const Column& csns) {
    std::vector<std::uint32_t> all(static_cast<std::size_t>(csns.length));
    std::iota(all.begin(), all.end(), 0U);
    const Column plain = csns.to_plain();
    const auto begins = plain.as<std::uint64_t>();
    const auto [least, greatest] = std::minmax_element(begins.begin(), begins.end());
    for (const std::uint64_t csn : {std::uint64_t{0}, *least - 1, *least, begins[begins.size() / 2],
                                    *greatest - 1, *greatest, ~std::uint64_t{0}}) {
      const auto expected = [&](std::vector<std::uint32_t> rows) {
        std::erase_if(rows, [&](std::uint32_t r) { return begins[r] > csn; });
        return rows;
      };
      ReadCost cost;
      const LifeTest test{csn, true, false};
      ASSERT_EQ(f.living(g, test, some, cost).value(), expected(some)) << "at " << csn;
      ASSERT_EQ(f.living(g, test, std::nullopt, cost).value(), expected(all)) << "at " << csn;
      ASSERT_EQ(f.RowFile::living(g, test, some, cost).value(), expected(some)) << "at " << csn;
      ASSERT_EQ(f.RowFile::living(g, test, std::nullopt, cost).value(), expected(all)) << "at " << csn;
    }
  }

  static constexpr std::uint64_t kStore = 0xABCD;
  std::filesystem::path root_;
  std::shared_ptr<io::Disk> disk_;
  int files_ = 0;
};

Schema everything() {
  return Schema::parse(
             "id u64, a i8 null, b i16 null, c i32 null, d u8 null, e u16 null, f u32 null, g u64 null, h "
             "f32 null, "
             "i f64 null, j utf8 null, k binary null, l timestamp null, m date null, n bool null, o i64 "
             "null, p utf8 null",
             {{"id"}, "l"})
      .value();
}

Row random_row(std::mt19937_64& r, std::uint64_t id) {
  Row row;
  const auto or_null = [&](Value v) { return r() % 10 == 0 ? Value() : v; };
  const auto bytes = [&] {
    std::string s(r() % 12, ' ');
    for (char& c : s) c = static_cast<char>(r());
    return s;
  };
  row.values = {Value(id),
                or_null(std::int8_t(r())),
                or_null(std::int16_t(r())),
                or_null(std::int32_t(r())),
                or_null(std::uint8_t(r())),
                or_null(std::uint16_t(r())),
                or_null(std::uint32_t(r())),
                or_null(std::uint64_t(r())),
                or_null(static_cast<float>(r() % 1000) / 4),
                or_null(r() % 20 ? double(r() % 10'000) / 100 : -0.0),
                or_null("city " + std::to_string(r() % 9)),
                or_null(Binary{bytes()}),
                or_null(Timestamp{std::int64_t(1'000'000 * id)}),
                or_null(Date{std::int32_t(r() % 9000)}),
                or_null(r() % 3 == 0),
                Value(),
                "/x/" + std::to_string(r() % 10'000) + "/y"};
  row.csn = 5 + id % 3;
  return row;
}

TEST_F(ColdSegment, AllTypesWithNullsComeBack) {
  std::mt19937_64 random(11);
  for (const std::size_t n : {1U, 2U, 1024U, 9001U}) {
    std::vector<Row> rows;
    for (std::size_t i = 0; i < n; ++i) rows.push_back(random_row(random, i * 3 + 1));
    const RowFileInfo info = write(everything(), rows);
    const auto f = open(info);
    expect_rows(*f, rows);
    f->verify().value();
    EXPECT_EQ(f->info().csn_min, 5 + 1 % 3);
    EXPECT_EQ(f->info().time_min.has_value(), n > 2 || !rows[0].values[12].is_null());
  }
}

TEST_F(ColdSegment, OneFullGroupAndOneRow) {
  std::vector<Row> rows;
  const Schema s = Schema::parse("id u64, v i64", {{"id"}, ""}).value();
  for (std::uint64_t i = 0; i < 65'537; ++i) rows.push_back({{Value(i), Value(std::int64_t(i % 7))}});
  const auto f = open(write(s, rows, false, 65'536));
  EXPECT_EQ(f->groups(), 2U);
  expect_rows(*f, rows);
}

TEST_F(ColdSegment, TombstonesAreMarked) {
  std::mt19937_64 random(12);
  std::vector<Row> rows;
  for (std::size_t i = 0; i < 5000; ++i)
    rows.push_back(random_row(random, i)), rows.back().tombstone = random() % 5 == 0;
  const RowFileInfo info = write(everything(), rows);
  EXPECT_GT(info.tombstones, 0U);
  expect_rows(*open(info), rows);
}

TEST_F(ColdSegment, HistoryFindsTheVersionOfACsn) {
  std::mt19937_64 random(13);
  std::vector<Row> rows;
  for (std::uint64_t key = 0; key < 900; ++key) {
    std::uint64_t csn = 1 + random() % 5;
    for (std::uint64_t k = random() % 6 + (key == 400 ? 3000 : 0); k > 0; --k) {
      const std::uint64_t end = csn + 1 + random() % 5;
      Row r = random_row(random, key * 2);
      r.csn = csn, r.end = end;
      rows.push_back(std::move(r));
      csn = end + random() % 2;
    }
  }
  const auto f = open(write(everything(), rows, true));
  expect_rows(*f, rows);
  for (int k = 0; k < 500; ++k) {
    const std::uint64_t key = random() % 1802, csn = random() % 40;
    ReadCost cost;
    const Value v(key);
    const auto found = f->find(encode_key(f->schema(), std::span(&v, 1)).value(), csn, cost).value();
    std::optional<std::uint32_t> expected;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (rows[i].values[0] == v && rows[i].csn <= csn && csn < rows[i].end)
        expected = static_cast<std::uint32_t>(i);
    }
    ASSERT_EQ(found, expected) << key << " at " << csn;
  }
}

TEST_F(ColdSegment, KeysOfAllTypesAreFound) {
  std::mt19937_64 random(14);
  for (const char* type : {"i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64", "f64", "utf8", "binary",
                           "timestamp", "date", "bool", "i64,utf8"}) {
    const bool pair = std::string_view(type) == "i64,utf8";
    const Schema s = pair ? Schema::parse("a i64, b utf8, v i32", {{"a", "b"}, ""}).value()
                          : Schema::parse(std::string("a ") + type + ", v i32", {{"a"}, ""}).value();
    std::map<std::string, Key> keys;
    const auto draw = [&]() -> Key {
      const std::string text = "key " + std::to_string(random() % 20'000);
      if (pair) return {Value(std::int64_t(random() % 50) - 25), Value(text)};
      const TypeId t = s[0].type;
      if (t == TypeId::utf8 || t == TypeId::binary) return {Value::of_bytes(t, text)};
      if (t == TypeId::boolean) return {Value(random() % 2 == 0)};
      if (is_float(t))
        return {Value::of_float(t, static_cast<double>(std::int64_t(random() % 100'000) - 50'000) / 8)};
      const unsigned bits = static_cast<unsigned>(width_of(t)) * 8 - 1;
      if (is_unsigned_integer(t)) return {Value::of_unsigned(t, random() & ((std::uint64_t{1} << bits) - 1))};
      return {Value::of_signed(t, static_cast<std::int64_t>(random()) >> (63 - bits))};
    };
    for (int i = 0; i < 4000; ++i) {
      const Key k = draw();
      keys[encode_key(s, k).value()] = k;
    }
    std::vector<Row> rows;
    std::map<std::string, std::uint32_t> row_of;
    for (const auto& [encoded, k] : keys) {
      if (random() % 4 == 0 && keys.size() > 100) continue;
      row_of[encoded] = static_cast<std::uint32_t>(rows.size());
      Row r;
      r.values = k;
      r.values.emplace_back(std::int32_t(rows.size()));
      rows.push_back(std::move(r));
    }
    const auto f = open(write(s, rows, false, 1500));
    int probes = 0;
    for (const auto& [encoded, k] : keys) {
      if (keys.size() > 1000 && ++probes % 7 != 0) continue;
      ReadCost cost;
      const auto it = row_of.find(encoded);
      ASSERT_EQ(f->find(encoded, 100, cost).value(),
                it == row_of.end() ? std::nullopt : std::optional(it->second))
          << type;
    }
    const auto all = f->keys().value();
    ASSERT_EQ(all->keys.size(), rows.size());
    EXPECT_TRUE(all->keys.is_strictly_ascending()) << type;
  }
}

TEST_F(ColdSegment, AnyDamageIsAnErrorNeverARow) {
  std::mt19937_64 random(15);
  std::vector<Row> rows;
  for (std::size_t i = 0; i < 4000; ++i) rows.push_back(random_row(random, i * 9));
  const RowFileInfo info = write(everything(), rows);
  const auto bytes = io::read_file(*disk_, info.path, 1U << 30).value();
  for (int k = 0; k < 120; ++k) {
    auto damaged = bytes;
    const std::size_t at = k < 40 ? damaged.size() - 1 - random() % 3000 : random() % damaged.size();
    damaged[at] = static_cast<std::uint8_t>(damaged[at] ^ 1U << random() % 8);
    (void)disk_->remove(info.path);
    auto file = disk_->open(info.path, io::Disk::Mode::create_new).value();
    file->write_at(0, damaged).value();
    const auto opened = open_segment(*disk_, info, kStore);
    const Result<void> verified = opened ? (*opened)->verify() : Result<void>(opened.error());
    ASSERT_FALSE(verified.ok()) << "flip at " << at;
    EXPECT_EQ(
        verified.error().code() == ErrorCode::corrupt || verified.error().code() == ErrorCode::unsupported,
        true);
    EXPECT_NE(verified.error().message().find(info.path), std::string::npos);
    EXPECT_NE(verified.error().message().find("offset"), std::string::npos) << verified.error().message();
    if (opened) {
      ReadCost cost;
      for (std::size_t g = 0; g < (*opened)->groups(); ++g) {
        const std::size_t column = random() % everything().size();
        const auto c = (*opened)->read(g, std::span(&column, 1), cost);
        if (!c) continue;
        for (std::size_t i = 0; i < 50; ++i)
          ASSERT_EQ((*c)[0].value_at(i), rows[(*opened)->group_first(g) + i].values[column]);
      }
    }
    EXPECT_TRUE(describe_segment(*disk_, info.path).ok());
  }
}

TEST_F(ColdSegment, ForeignAndCutFilesAreRefused) {
  std::mt19937_64 random(16);
  const RowFileInfo info = write(everything(), {random_row(random, 1)});
  EXPECT_EQ(open_segment(*disk_, info, 1).error().code(), ErrorCode::corrupt);
  RowFileInfo other = info;
  other.id = 8;
  EXPECT_EQ(open_segment(*disk_, other, kStore).error().code(), ErrorCode::corrupt);
  disk_->open(info.path, io::Disk::Mode::read_write).value()->truncate(info.length - 1).value();
  EXPECT_EQ(open_segment(*disk_, info, kStore).error().code(), ErrorCode::corrupt);
  disk_->open(info.path, io::Disk::Mode::read_write).value()->truncate(0).value();
  EXPECT_EQ(open_segment(*disk_, info, kStore).error().code(), ErrorCode::corrupt);
  EXPECT_TRUE(describe_segment(*disk_, info.path).ok());
}

TEST_F(ColdSegment, ASmallCacheGivesTheSameRows) {
  std::mt19937_64 random(17);
  std::vector<Row> rows;
  for (std::size_t i = 0; i < 6000; ++i) rows.push_back(random_row(random, i));
  const RowFileInfo info = write(everything(), rows);
  for (const std::uint64_t capacity : {0U, 20'000U}) {
    BlockCache::process().set_capacity(capacity);
    expect_rows(*open(info), rows);
    EXPECT_LE(BlockCache::process().stats().bytes, capacity);
  }
  BlockCache::process().set_capacity(BlockCache::kNoBound);
}

TEST_F(ColdSegment, KeysOutOfOrderAreRefused) {
  const Schema s = Schema::parse("id u64", {{"id"}, ""}).value();
  RowFileInfo info;
  info.id = 1, info.path = "cold/x";
  auto w = SegmentWriter::create(*disk_, s, info, {}).value();
  BatchBuilder b(s);
  b.append(std::uint64_t{2}).append(std::uint64_t{1});
  const std::uint64_t csns[] = {1, 1};
  EXPECT_EQ(w->append(b.finish().value(), csns, {}, {}).error().code(), ErrorCode::invalid_argument);
}

}  // namespace
}  // namespace firn::storage::cold
