// Batches of every type with known or random content, and what tests of the Arrow forms say of them.
#pragma once
#include <gtest/gtest.h>

#include <random>

#include "schema/batch.hpp"

namespace firn::test {

inline Schema every_type() {
  return Schema::parse(
             "id u64, b bool, i1 i8, i2 i16, i4 i32, i8 i64, u1 u8, u2 u16, u4 u32, f4 f32, f8 f64, s utf8, "
             "x binary, "
             "ts timestamp, d date, \"q\"\"\\ \xC3\xBC\" utf8 not null",
             {.key = {"id", "q\"\\ \xC3\xBC"}, .time = "ts"})
      .value();
}

/// A value that is often an edge of its type.
inline Value random_value(TypeId type, std::mt19937_64& random) {
  const std::uint64_t bits = random() % 4 == 0 ? ~std::uint64_t{0} << (random() % 64) : random();
  const auto s = static_cast<std::int64_t>(bits);
  switch (type) {
    case TypeId::boolean:
      return Value(random() % 2 == 0);
    case TypeId::i8:
      return Value(static_cast<std::int8_t>(s));
    case TypeId::i16:
      return Value(static_cast<std::int16_t>(s));
    case TypeId::i32:
      return Value(static_cast<std::int32_t>(s));
    case TypeId::i64:
      return Value(s);
    case TypeId::u8:
      return Value(static_cast<std::uint8_t>(bits));
    case TypeId::u16:
      return Value(static_cast<std::uint16_t>(bits));
    case TypeId::u32:
      return Value(static_cast<std::uint32_t>(bits));
    case TypeId::u64:
      return Value(bits);
    case TypeId::f32:
      return Value(static_cast<float>(s) / 3);
    case TypeId::f64:
      return Value(static_cast<double>(s) / 7);
    case TypeId::utf8:
      return Value(std::string(random() % 20, static_cast<char>('a' + random() % 26)) + "\xC3\xBC");
    case TypeId::binary:
      return Value(Binary{std::string(random() % 9, static_cast<char>(random()))});
    case TypeId::timestamp:
      return Value(Timestamp{s});
    case TypeId::date:
      return Value(Date{static_cast<std::int32_t>(s)});
    default:
      return {};
  }
}

inline Batch random_batch(const Schema& schema, std::size_t rows, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<Column> columns;
  for (const ColumnSchema& c : schema.columns()) {
    ColumnBuilder b(c.type);
    const bool nulls = c.nullable && random() % 3 != 0;
    for (std::size_t i = 0; i < rows; ++i) {
      if (nulls && random() % 4 == 0) {
        b.append_null();
      } else {
        b.append(random_value(c.type, random)).value();
      }
    }
    columns.push_back(b.finish());
  }
  return Batch::make(schema, std::move(columns)).value();
}

/// The same values as unique dictionary and codes.
inline Column as_dictionary(const Column& plain) {
  ColumnBuilder values(plain.type);
  std::vector<Value> seen;
  MutableBuffer codes(static_cast<std::size_t>(plain.length) * 4);
  for (std::size_t i = 0; i < static_cast<std::size_t>(plain.length); ++i) {
    if (plain.is_null(i)) continue;
    const Value v = plain.value_at(i);
    std::size_t at = 0;
    while (at < seen.size() && !(seen[at] == v)) ++at;
    if (at == seen.size()) {
      seen.push_back(v);
      values.append(v).value();
    }
    codes.as<std::uint32_t>()[i] = static_cast<std::uint32_t>(at);
  }
  Column c = plain;
  c.values = codes.freeze();
  c.offsets = {};
  c.dictionary = std::make_shared<const Column>(values.finish());
  return c;
}

inline void expect_same_values(const Column& a, const Column& b, std::string_view name) {
  ASSERT_EQ(a.type, b.type) << name;
  ASSERT_EQ(a.length, b.length) << name;
  ASSERT_EQ(a.null_count, b.null_count) << name;
  for (std::size_t i = 0; i < static_cast<std::size_t>(a.length); ++i)
    ASSERT_EQ(a.value_at(i), b.value_at(i)) << name << " row " << i;
}

inline void expect_same(const Batch& a, const Batch& b) {
  ASSERT_EQ(a.rows(), b.rows());
  ASSERT_EQ(a.columns().size(), b.columns().size());
  for (std::size_t i = 0; i < a.columns().size(); ++i) expect_same_values(a[i], b[i], a.schema()[i].name);
}

}  // namespace firn::test
