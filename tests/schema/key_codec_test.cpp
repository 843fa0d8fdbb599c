#include "schema/key_codec.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "tests/schema/samples.hpp"

namespace firn {
namespace {

Schema schema_of(std::vector<TypeId> key) {
  std::vector<ColumnSchema> columns;
  SchemaOptions options;
  for (const TypeId t : key) {
    columns.push_back({0, "k" + std::to_string(columns.size()), t, false});
    options.key.push_back(columns.back().name);
  }
  return Schema::make(std::move(columns), options).value();
}

std::string encoded(const Schema& s, const Key& key) { return encode_key(s, key).value(); }

Batch batch_of(const Schema& s, const std::vector<Key>& keys) {
  BatchBuilder b(s);
  for (const Key& k : keys) b.append_row(k);
  return b.finish().value();
}

KeyColumn column_of(const Schema& s, const Batch& b) {
  std::vector<Column> columns;
  for (const std::size_t k : s.key()) columns.push_back(b[k]);
  return KeyColumn::encode(s, columns, b.rows()).value();
}

/// Order, round trip and prefix-freeness over all pairs of keys.
void expect_order_preserved(const Schema& s, const std::vector<Key>& keys) {
  for (const Key& a : keys) {
    const std::string ea = encoded(s, a);
    EXPECT_EQ(decode_key(s, ea).value(), a);
    for (const Key& b : keys) {
      const std::string eb = encoded(s, b);
      EXPECT_EQ(ea.compare(eb) <=> 0, std::weak_ordering(a <=> b)) << a[0] << " against " << b[0];
      if (ea != eb) {
        EXPECT_FALSE(eb.starts_with(ea)) << a[0] << " is a prefix of " << b[0];
      }
    }
  }
}

class KeyOfEveryType : public testing::TestWithParam<TypeId> {};

TEST_P(KeyOfEveryType, BytesOrderAsValues) {
  const Schema s = schema_of({GetParam()});
  std::mt19937_64 random(7);
  std::vector<Key> keys;
  for (const Value& v : edge_values(GetParam())) keys.push_back({v});
  for (int i = 0; i < 60; ++i) keys.push_back({random_value(GetParam(), random)});
  expect_order_preserved(s, keys);
}

TEST_P(KeyOfEveryType, ColumnSortsAndComparesAsValues) {
  const Schema s = schema_of({GetParam()});
  std::mt19937_64 random(8);
  for (const std::size_t rows : {0, 1, 2, 100, 3000}) {
    std::vector<Key> keys;
    for (std::size_t i = 0; i < rows; ++i) keys.push_back({random_value(GetParam(), random)});
    const Batch b = batch_of(s, keys);
    const KeyColumn c = column_of(s, b);
    EXPECT_EQ(c.is_fixed(), !is_variable(GetParam()));
    std::vector<std::uint32_t> expected(rows);
    for (std::uint32_t i = 0; i < rows; ++i) expected[i] = i;
    EXPECT_EQ(c.is_strictly_ascending(),
              rows < 2 || std::is_sorted(keys.begin(), keys.end(), std::less_equal<>()));
    std::stable_sort(expected.begin(), expected.end(), [&](auto x, auto y) { return keys[x] < keys[y]; });
    EXPECT_EQ(c.sort_permutation(), expected);
    std::string scratch, one;
    for (std::size_t i = 0; i < std::min<std::size_t>(rows, 100); ++i) {
      one.clear();
      ASSERT_TRUE(encode_key(s, b, i, one));
      EXPECT_EQ(c.at(i, scratch), one);
      EXPECT_EQ(c.compare(i, one), std::weak_ordering::equivalent);
      EXPECT_EQ(c.compare(i, c, 0), std::weak_ordering(keys[i] <=> keys[0]));
    }
  }
}

TEST_P(KeyOfEveryType, DictionaryFormEncodesAsPlain) {
  const Schema s = schema_of({GetParam()});
  std::mt19937_64 random(9);
  const Column c = random_dictionary_column(GetParam(), 200, 0, random);
  const auto fromdict = KeyColumn::encode(s, {&c, 1}, 200).value();
  const Column plain = c.to_plain();
  const auto fromplain = KeyColumn::encode(s, {&plain, 1}, 200).value();
  for (std::size_t i = 0; i < 200; ++i)
    EXPECT_EQ(fromdict.compare(i, fromplain, i), std::weak_ordering::equivalent);
}

INSTANTIATE_TEST_SUITE_P(Types, KeyOfEveryType, testing::ValuesIn(kColumnTypes),
                         [](const auto& type) { return std::string(name_of(type.param)); });

TEST(KeyCodec, CompositeKeysOrderColumnByColumn) {
  const Schema s = schema_of({TypeId::utf8, TypeId::i32, TypeId::binary, TypeId::f64});
  std::mt19937_64 random(10);
  std::vector<Key> keys;
  for (int i = 0; i < 150; ++i) {
    keys.push_back({std::string(random() % 3, static_cast<char>(random() % 2)),
                    static_cast<std::int32_t>(random() % 3) - 1,
                    Binary{std::string(random() % 3, static_cast<char>(255 * (random() % 2)))},
                    static_cast<double>(random() % 3) - 1});
  }
  expect_order_preserved(s, keys);
  std::vector<std::uint32_t> expected(keys.size());
  for (std::uint32_t i = 0; i < expected.size(); ++i) expected[i] = i;
  std::stable_sort(expected.begin(), expected.end(), [&](auto x, auto y) { return keys[x] < keys[y]; });
  EXPECT_EQ(column_of(s, batch_of(s, keys)).sort_permutation(), expected);
}

TEST(KeyCodec, BytesAreThoseOfTheFormat) {
  using namespace std::string_literals;
  EXPECT_EQ(encoded(schema_of({TypeId::u32}), {0x01020304U}), "\x01\x02\x03\x04"s);
  EXPECT_EQ(encoded(schema_of({TypeId::i16}), {std::int16_t{-1}}), "\x7F\xFF"s);
  EXPECT_EQ(encoded(schema_of({TypeId::boolean}), {true}), "\x01"s);
  EXPECT_EQ(encoded(schema_of({TypeId::utf8}), {"a\0b"s}), "a\0\xFF"s + "b\0\0"s);
  EXPECT_EQ(encoded(schema_of({TypeId::f32}), {1.0F}), "\xBF\x80\0\0"s);
  EXPECT_EQ(encoded(schema_of({TypeId::f64}), {-1.0}), "\x40\x0F\xFF\xFF\xFF\xFF\xFF\xFF"s);
}

TEST(KeyCodec, ZerosAndNansHaveOneForm) {
  const Schema s = schema_of({TypeId::f64});
  EXPECT_EQ(encoded(s, {-0.0}), encoded(s, {0.0}));
  EXPECT_EQ(encoded(s, {-std::nan("1")}), encoded(s, {std::nan("77")}));
  EXPECT_GT(encoded(s, {std::nan("")}), encoded(s, {std::numeric_limits<double>::infinity()}));
}

TEST(KeyCodec, ValuesOfOtherTypesAreConverted) {
  const Schema s = schema_of({TypeId::u64, TypeId::timestamp});
  EXPECT_EQ(encoded(s, {7, "1970-01-01 00:00:01"}), encoded(s, {std::uint64_t{7}, Timestamp{1'000'000}}));
  EXPECT_EQ(encode_key(s, Key{-1, Timestamp{}}).error().code(), ErrorCode::out_of_range);
  EXPECT_NE(encode_key(s, Key{"x", Timestamp{}}).error().message().find("k0"), std::string::npos);
}

TEST(KeyCodec, NullsAndWrongCountsAreRefused) {
  const Schema s = schema_of({TypeId::i8, TypeId::utf8});
  EXPECT_EQ(encode_key(s, Key{1}).error().code(), ErrorCode::invalid_argument);
  EXPECT_EQ(encode_key(s, Key{1, nullptr}).error().code(), ErrorCode::invalid_argument);
  const Schema nullable = Schema::parse("a i8, k utf8").value();
  BatchBuilder rows(nullable);
  const Batch b = rows.append(1, nullptr).finish().value();
  std::vector<Column> columns{b[0], b[1]};
  std::string out = "kept";
  const Batch as_keys(s, 1, columns);
  EXPECT_EQ(encode_key(s, as_keys, 0, out).error().code(), ErrorCode::invalid_argument);
  EXPECT_EQ(out, "kept");
  EXPECT_NE(KeyColumn::encode(s, columns, 1).error().message().find("k1"), std::string::npos);
}

TEST(KeyCodec, FiveHundredThreeBytesAreTheMost) {
  const Schema s = schema_of({TypeId::u32, TypeId::utf8});
  const Key most{1U, std::string(503 - 4 - 2, 'x')}, more{1U, std::string(504 - 4 - 2, 'x')};
  EXPECT_EQ(encoded(s, most).size(), 503U);
  EXPECT_EQ(decode_key(s, encoded(s, most)).value(), most);
  EXPECT_EQ(encode_key(s, more).error().code(), ErrorCode::invalid_argument);
  const Batch b = batch_of(s, {most, more});
  std::string out = "kept";
  EXPECT_EQ(encode_key(s, b, 1, out).error().code(), ErrorCode::invalid_argument);
  EXPECT_EQ(out, "kept");
  const std::vector<Column> columns{b[0], b[1]};
  EXPECT_NE(KeyColumn::encode(s, columns, 2).error().message().find("row 1"), std::string::npos);
  EXPECT_FALSE(encode_key(s, Key{1U, std::string(250, '\0')}));  // each zero takes two bytes
}

TEST(KeyCodec, DamagedBytesAreCorruptNeverMore) {
  using namespace std::string_literals;
  const auto code = [](std::vector<TypeId> key, const std::string& bytes) {
    const auto r = decode_key(schema_of(std::move(key)), bytes);
    return r ? ErrorCode::ok : r.error().code();
  };
  EXPECT_EQ(code({TypeId::u32}, "\1\2\3"s), ErrorCode::corrupt);
  EXPECT_EQ(code({TypeId::u32}, "\1\2\3\4\5"s), ErrorCode::corrupt);
  EXPECT_EQ(code({TypeId::boolean}, "\2"s), ErrorCode::corrupt);
  EXPECT_EQ(code({TypeId::utf8}, "abc"s), ErrorCode::corrupt);
  EXPECT_EQ(code({TypeId::utf8}, "abc\0"s), ErrorCode::corrupt);
  EXPECT_EQ(code({TypeId::utf8}, "abc\0\1"s), ErrorCode::corrupt);
  EXPECT_EQ(code({TypeId::utf8}, "\xC0\x80\0\0"s), ErrorCode::corrupt);
  EXPECT_EQ(code({TypeId::binary}, "\xC0\x80\0\0"s), ErrorCode::ok);
  EXPECT_EQ(code({TypeId::f32}, "\x7F\xFF\xFF\xFF"s), ErrorCode::corrupt);  // -0
  EXPECT_EQ(code({TypeId::f32}, "\xFF\xFF\xFF\xFF"s), ErrorCode::corrupt);  // another NaN
  EXPECT_EQ(code({TypeId::binary}, std::string(502, 'x') + "\0\0"s), ErrorCode::corrupt);
}

TEST(KeyCodec, RandomBytesDecodeToTheirOneKeyOrNothing) {
  std::mt19937_64 random(11);
  const Schema s = schema_of({TypeId::binary, TypeId::f32, TypeId::boolean});
  int good = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes;
    for (std::size_t n = random() % 14; n-- > 0;) bytes += "\0\xFF\1a"[random() % 4];
    if (const auto key = decode_key(s, bytes)) {
      ++good;
      EXPECT_EQ(encoded(s, *key), bytes);
    }
  }
  EXPECT_GT(good, 0);
}

TEST(KeyColumn, GrowsOneKeyAtATime) {
  for (const TypeId type : {TypeId::i16, TypeId::utf8}) {
    const Schema s = schema_of({type});
    KeyColumn c(s);
    const std::vector<Value> values =
        type == TypeId::i16 ? std::vector<Value>{std::int16_t{3}, std::int16_t{-4}, std::int16_t{0}}
                            : std::vector<Value>{"c", "", "b"};
    for (const Value& v : values) c.push_back(encoded(s, {v}));
    EXPECT_EQ(c.size(), 3U);
    EXPECT_EQ(c.sort_permutation(), (std::vector<std::uint32_t>{1, 2, 0}));
    std::string scratch;
    EXPECT_EQ(decode_key(s, c.at(1, scratch)).value(), Key{values[1]});
  }
}

TEST(KeyColumn, EqualTextsBehindAPrefixKeepTheirRows) {
  const Schema s = schema_of({TypeId::utf8});
  std::vector<Key> keys;
  for (int i = 0; i < 2000; ++i)
    keys.push_back({"https://example.org/a/long/prefix/" + std::to_string(i * 7919 % 37)});
  std::vector<std::uint32_t> expected(keys.size());
  for (std::uint32_t i = 0; i < expected.size(); ++i) expected[i] = i;
  std::stable_sort(expected.begin(), expected.end(), [&](auto x, auto y) { return keys[x] < keys[y]; });
  EXPECT_EQ(column_of(s, batch_of(s, keys)).sort_permutation(), expected);
}

TEST(KeyColumn, OnlyOneFixedWidthColumnIsHeldAsNumbers) {
  EXPECT_TRUE(has_fixed_key(schema_of({TypeId::boolean})));
  EXPECT_TRUE(has_fixed_key(Schema::parse("a utf8").value()));  // _row
  EXPECT_FALSE(has_fixed_key(schema_of({TypeId::utf8})));
  EXPECT_FALSE(has_fixed_key(schema_of({TypeId::u8, TypeId::u8})));
  EXPECT_FALSE(has_fixed_key(Schema()));
}

}  // namespace
}  // namespace firn
