// A fingerprint depends on what versions mean and on nothing else.
#include "storage/fingerprint.hpp"

#include <gtest/gtest.h>

#include <bit>
#include <numeric>
#include <random>

#include "tests/storage/query_fixture.hpp"

namespace firn::storage {
namespace {

constexpr std::size_t kManyRows = 500;
const char* const kColumns =
    "id u64, b bool, a i8, s i16, i i32, l i64, c u8, h u16, w u32, f f32, d f64, t utf8, x binary, ts "
    "timestamp, "
    "day date, twin i64";

Schema schema_of_all() { return Schema::parse(kColumns, {.key = {"id"}, .time = "ts"}).value(); }

/// A value that fits any column.
Value value_of(TypeId type, std::uint64_t n) {
  switch (type) {
    case TypeId::boolean:
      return Value(n % 2 == 0);
    case TypeId::utf8:
      return Value("text " + std::to_string(n));
    case TypeId::f32:
    case TypeId::f64:
      return Value(static_cast<double>(n) / 4);
    case TypeId::timestamp:
      return Value(Timestamp{static_cast<std::int64_t>(n)});
    case TypeId::date:
      return Value(Date{static_cast<std::int32_t>(n)});
    default:
      return Value(static_cast<std::int64_t>(n % 100));
  }
}

Batch batch_of(const Schema& schema, std::size_t rows) {
  std::vector<Column> columns;
  for (std::size_t c = 0; c < schema.size(); ++c) {
    ColumnBuilder b(schema[c].type);
    for (std::size_t i = 0; i < rows; ++i) {
      if (c == 0)
        b.append_fixed(std::uint64_t{i});
      else if ((i + c) % 7 == 0)
        b.append_null();
      else if (schema[c].type == TypeId::binary)
        b.append_bytes(std::string(i % 5, '\0'));
      else
        b.append(value_of(schema[c].type, i * 3 + c)).value();
    }
    columns.push_back(b.finish());
  }
  return {schema, static_cast<std::int64_t>(rows), std::move(columns)};
}

Fingerprint fingerprint_of(const Batch& rows, const Buffer& tombstones = {}) {
  Fingerprint sum;
  for (const HashPair& h : hash_of_rows(rows, tombstones)) sum.add(hash_of_content(h, 5, 0, false));
  return sum;
}

Batch with_column(const Batch& rows, std::size_t at, Column column) {
  std::vector<Column> columns = rows.columns();
  columns[at] = std::move(column);
  return {rows.schema(), rows.rows(), std::move(columns)};
}

/// One column of one value.
HashPair hash_of_one(TypeId type, const std::function<void(ColumnBuilder&)>& append) {
  ColumnBuilder id(TypeId::u64), value(type);
  id.append_fixed(std::uint64_t{1});
  append(value);
  std::vector<ColumnSchema> columns = {{1, "id", TypeId::u64, false}, {2, "value", type, true}};
  const Schema schema = Schema::make(columns, {.key = {"id"}}).value();
  return hash_of_rows(Batch(schema, 1, {id.finish(), value.finish()})).front();
}
HashPair hash_of_double(std::uint64_t bits) {
  return hash_of_one(TypeId::f64, [&](ColumnBuilder& b) { b.append_fixed(std::bit_cast<double>(bits)); });
}

TEST(Fingerprint, DoesNotDependOnTheOrderOfRowsNorOnHowTheyAreCut) {
  const Batch rows = batch_of(schema_of_all(), kManyRows);
  std::vector<std::uint32_t> order(kManyRows);
  std::iota(order.begin(), order.end(), 0U);
  std::mt19937_64 chance(3);
  std::shuffle(order.begin(), order.end(), chance);
  EXPECT_EQ(fingerprint_of(rows.take(order)), fingerprint_of(rows));
  Fingerprint parts = fingerprint_of(rows.slice(0, 123));
  parts += fingerprint_of(rows.slice(123, kManyRows - 123));
  EXPECT_EQ(parts, fingerprint_of(rows));
}

TEST(Fingerprint, DoesNotDependOnTheEncoding) {
  const Batch rows = batch_of(schema_of_all(), kManyRows);
  std::vector<Column> columns;
  for (const Column& c : rows.columns()) columns.push_back(to_dictionary(c));
  EXPECT_EQ(fingerprint_of(Batch(rows.schema(), rows.rows(), columns)), fingerprint_of(rows));
}

TEST(Fingerprint, DoesNotDependOnTheOrderOfColumns) {
  const Batch rows = batch_of(schema_of_all(), kManyRows);
  std::vector<ColumnSchema> reversed(rows.schema().columns().rbegin(), rows.schema().columns().rend());
  std::vector<Column> columns(rows.columns().rbegin(), rows.columns().rend());
  const Schema schema = Schema::make(reversed, {.key = {"id"}}).value();
  EXPECT_EQ(fingerprint_of(Batch(schema, rows.rows(), columns)), fingerprint_of(rows));
}

TEST(Fingerprint, AMissingColumnIsOneOfNulls) {
  const Schema wide = Schema::parse("id u64, l i64, t utf8", {.key = {"id"}}).value();
  const Schema narrow = Schema::parse("id u64, l i64", {.key = {"id"}}).value();
  const Batch rows = batch_of(narrow, kManyRows);
  ColumnBuilder nulls(TypeId::utf8);
  for (std::size_t i = 0; i < kManyRows; ++i) nulls.append_null();
  EXPECT_EQ(fingerprint_of(Batch(wide, rows.rows(), {rows[0], rows[1], nulls.finish()})),
            fingerprint_of(rows));
}

TEST(Fingerprint, NoticesOneOtherValueInAnyColumn) {
  const Batch rows = batch_of(schema_of_all(), kManyRows);
  for (std::size_t c = 0; c < rows.columns().size(); ++c) {
    for (const std::size_t changed : {std::size_t{0}, std::size_t{10}, kManyRows - 1}) {
      ColumnBuilder b(rows[c].type);
      for (std::size_t i = 0; i < kManyRows; ++i)
        b.append_from(rows[c], i == changed ? (i + 9) % kManyRows : i);
      const Batch other = with_column(rows, c, b.finish());
      if (other[c].value_at(changed) == rows[c].value_at(changed)) continue;
      EXPECT_NE(fingerprint_of(other), fingerprint_of(rows))
          << rows.schema()[c].name << " of row " << changed;
    }
  }
}

TEST(Fingerprint, NoticesValuesThatChangePlaces) {
  const Batch rows = batch_of(schema_of_all(), kManyRows);
  const auto l = rows.schema().find("l").value(), twin = rows.schema().find("twin").value();
  EXPECT_NE(fingerprint_of(with_column(with_column(rows, l, rows[twin]), twin, rows[l])),
            fingerprint_of(rows))
      << "two columns of one type";
  std::vector<std::uint32_t> order(kManyRows);
  std::iota(order.begin(), order.end(), 0U);
  std::swap(order[10], order[11]);
  EXPECT_NE(fingerprint_of(with_column(rows, l, rows[l].take(order))), fingerprint_of(rows)) << "two rows";
}

TEST(Fingerprint, NoticesWhatComesTwiceOrNotAtAll) {
  const Batch rows = batch_of(schema_of_all(), kManyRows);
  std::vector<std::uint32_t> order(kManyRows);
  std::iota(order.begin(), order.end(), 0U);
  order[4] = 5;
  EXPECT_NE(fingerprint_of(rows.take(order)), fingerprint_of(rows));
  order.erase(order.begin());
  EXPECT_NE(fingerprint_of(rows.take(order)), fingerprint_of(rows));
}

TEST(Fingerprint, NullIsUnlikeAnyValue) {
  const auto null = [](TypeId type) { return hash_of_one(type, [](ColumnBuilder& b) { b.append_null(); }); };
  EXPECT_NE(null(TypeId::i64),
            hash_of_one(TypeId::i64, [](ColumnBuilder& b) { b.append_fixed(std::int64_t{0}); }));
  EXPECT_NE(null(TypeId::boolean),
            hash_of_one(TypeId::boolean, [](ColumnBuilder& b) { b.append_bool(false); }));
  EXPECT_NE(null(TypeId::utf8), hash_of_one(TypeId::utf8, [](ColumnBuilder& b) { b.append_bytes(""); }));
  EXPECT_EQ(null(TypeId::utf8), null(TypeId::i64));
}

TEST(Fingerprint, FloatsCountByTheirBits) {
  EXPECT_NE(hash_of_double(0), hash_of_double(0x8000000000000000)) << "-0 and 0";
  EXPECT_NE(hash_of_double(0x7ff8000000000000), hash_of_double(0x7ff8000000000001)) << "two NaNs";
  EXPECT_EQ(hash_of_double(0x7ff8000000000001), hash_of_double(0x7ff8000000000001)) << "one NaN";
}

TEST(Fingerprint, LivesArePartOfAVersion) {
  EXPECT_NE(hash_of_version("key", 5, false), hash_of_version("kez", 5, false));
  EXPECT_NE(hash_of_version("key", 5, false), hash_of_version("key", 6, false));
  EXPECT_NE(hash_of_version("key", 5, false), hash_of_version("key", 5, true));
  const HashPair values{1, 2};
  const HashPair content = hash_of_content(values, 5, 9, false);
  EXPECT_NE(content, hash_of_content({1, 3}, 5, 9, false));
  EXPECT_NE(content, hash_of_content({2, 2}, 5, 9, false));
  EXPECT_NE(content, hash_of_content(values, 6, 9, false));
  EXPECT_NE(content, hash_of_content(values, 5, 0, false));
  EXPECT_NE(content, hash_of_content(values, 9, 5, false));
  EXPECT_NE(content, hash_of_content(values, 5, 9, true));
}

TEST(Fingerprint, OfATombstoneOnlyTheKeyCounts) {
  const Batch rows = batch_of(schema_of_all(), 8);
  MutableBuffer bits(1);
  set_bit(bits.data(), 3);
  const Buffer tombstones = bits.freeze();
  std::vector<std::uint32_t> order = {0, 1, 2, 5, 4, 5, 6, 7};
  Batch other = rows.take(order);
  EXPECT_NE(fingerprint_of(other, tombstones), fingerprint_of(rows, tombstones)) << "another key";
  other = with_column(other, 0, rows[0]);
  EXPECT_EQ(fingerprint_of(other, tombstones), fingerprint_of(rows, tombstones));
  EXPECT_NE(fingerprint_of(other), fingerprint_of(rows));
}

}  // namespace
}  // namespace firn::storage
