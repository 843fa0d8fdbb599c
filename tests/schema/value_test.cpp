#include "schema/value.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <sstream>

#include "schema/coerce.hpp"
#include "tests/schema/samples.hpp"

namespace firn {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr std::int64_t kI64Min = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t kI64Max = std::numeric_limits<std::int64_t>::max();
constexpr std::uint64_t kU64Max = std::numeric_limits<std::uint64_t>::max();

ErrorCode cast_error(const Value& v, TypeId to) {
  const auto r = v.cast(to);
  return r ? ErrorCode::ok : r.error().code();
}
ErrorCode coerce_error(const Value& v, TypeId to) {
  const auto r = coerce(v, to);
  return r ? ErrorCode::ok : r.error().code();
}

TEST(ValueOrder, NullFirstNanLastZerosEqual) {
  EXPECT_EQ(Value(), Value(nullptr));
  EXPECT_LT(Value(), Value(false));
  EXPECT_EQ(Value(0.0), Value(-0.0));
  EXPECT_EQ(Value(std::nan("1")), Value(-std::nan("2")));
  EXPECT_LT(Value(kInf), Value(std::nan("")));
  EXPECT_LT(Value(-kInf), Value(-1.0));
  EXPECT_LT(Value("b"), Value("\xC3\xBC"));
  EXPECT_LT(Value(Binary{"\x7F"}), Value(Binary{"\x80"}));
  EXPECT_NE(Value(1), Value(std::int64_t{1}));
  EXPECT_LT(Value(kU64Max - 1), Value(kU64Max));
}

TEST(ValueText, IsThatOfCsv) {
  EXPECT_EQ(Value().to_string(), "");
  EXPECT_EQ(Value(true).to_string(), "true");
  EXPECT_EQ(Value(kI64Min).to_string(), "-9223372036854775808");
  EXPECT_EQ(Value(kU64Max).to_string(), "18446744073709551615");
  EXPECT_EQ(Value(0.1F).to_string(), "0.1");
  EXPECT_EQ(Value(Timestamp{0}).to_string(), "1970-01-01T00:00:00.000000Z");
  EXPECT_EQ(Value(Date{-1}).to_string(), "1969-12-31");
  EXPECT_EQ(Value(Binary{std::string("\0\x1F\xAB", 3)}).to_string(), "\\x001fab");
  std::ostringstream out;
  out << Value() << ' ' << Value("x");
  EXPECT_EQ(out.str(), "NULL x");
}

TEST(ValueText, FloatsAreShortestAndReadBack) {
  for (const auto& [d, text] : std::vector<std::pair<double, std::string>>{{0, "0"},
                                                                           {-0.0, "-0"},
                                                                           {1, "1"},
                                                                           {0.1, "0.1"},
                                                                           {-2.5, "-2.5"},
                                                                           {100000, "100000"},
                                                                           {123456.789, "123456.789"},
                                                                           {1e15, "1000000000000000"},
                                                                           {1e16, "1e16"},
                                                                           {1e300, "1e300"},
                                                                           {1.5e-7, "1.5e-7"},
                                                                           {0.00001, "0.00001"},
                                                                           {0.00012345, "0.00012345"},
                                                                           {kInf, "inf"},
                                                                           {-kInf, "-inf"},
                                                                           {std::nan(""), "nan"},
                                                                           {5e-324, "5e-324"}}) {
    EXPECT_EQ(format_double(d), text);
  }
  EXPECT_EQ(format_float(16777216.0F), "16777216");
  EXPECT_EQ(format_float(3.4028235e38F), "3.4028235e38");
  std::mt19937_64 random(1);
  for (int i = 0; i < 20'000; ++i) {
    const double d = std::bit_cast<double>(random());
    EXPECT_EQ(Value(format_double(d)).cast(TypeId::f64).value(), Value(d));
    const float f = std::bit_cast<float>(static_cast<std::uint32_t>(random()));
    EXPECT_EQ(Value(format_float(f)).cast(TypeId::f32).value(), Value(f));
  }
}

TEST(ValueCast, EveryValueReadsBackFromItsText) {
  std::mt19937_64 random(2);
  for (const TypeId type : kColumnTypes) {
    std::vector<Value> values = random_values(type, 300, 0, random);
    for (const Value& v : edge_values(type)) values.push_back(v);
    for (const Value& v : values) EXPECT_EQ(Value(v.to_string()).cast(type).value(), v) << name_of(type);
  }
}

TEST(ValueCast, FloatsTruncateTowardZero) {
  EXPECT_EQ(Value(2.9).cast(TypeId::i32).value(), Value(2));
  EXPECT_EQ(Value(-2.9).cast(TypeId::i32).value(), Value(-2));
  EXPECT_EQ(Value(-0.9).cast(TypeId::u8).value(), Value(std::uint8_t{0}));
  EXPECT_EQ(Value(-0x1p63).cast(TypeId::i64).value(), Value(kI64Min));
  EXPECT_EQ(Value(0x1p63).cast(TypeId::u64).value(), Value(std::uint64_t{1} << 63));
  for (const double d : {0x1p63, kInf, -kInf, std::nan(""), -0x1.1p63}) {
    EXPECT_EQ(cast_error(d, TypeId::i64), ErrorCode::out_of_range) << d;
  }
  EXPECT_EQ(cast_error(0x1p64, TypeId::u64), ErrorCode::out_of_range);
  EXPECT_EQ(cast_error(-1.0, TypeId::u64), ErrorCode::out_of_range);
  EXPECT_EQ(cast_error(128.0, TypeId::i8), ErrorCode::out_of_range);
  EXPECT_EQ(Value(127.99).cast(TypeId::i8).value(), Value(std::int8_t{127}));
}

TEST(ValueCast, IntegersKeepTheirValueOrAreOutOfRange) {
  EXPECT_EQ(Value(kU64Max).cast(TypeId::u64).value(), Value(kU64Max));
  EXPECT_EQ(cast_error(kU64Max, TypeId::i64), ErrorCode::out_of_range);
  EXPECT_EQ(cast_error(-1, TypeId::u64), ErrorCode::out_of_range);
  EXPECT_EQ(cast_error(256, TypeId::u8), ErrorCode::out_of_range);
  EXPECT_EQ(Value(-128).cast(TypeId::i8).value(), Value(std::int8_t{-128}));
  EXPECT_EQ(cast_error(-129, TypeId::i8), ErrorCode::out_of_range);
  EXPECT_EQ(Value(true).cast(TypeId::i16).value(), Value(std::int16_t{1}));
  EXPECT_EQ(Value(kU64Max).cast(TypeId::f64).value(), Value(0x1p64));
  EXPECT_EQ(Value((std::int64_t{1} << 24) + 1).cast(TypeId::f32).value(), Value(0x1p24F));
  EXPECT_EQ(cast_error(1e300, TypeId::f32), ErrorCode::out_of_range);
  EXPECT_EQ(Value(7).cast(TypeId::boolean).value(), Value(true));
}

TEST(ValueCast, TextIsTrimmedAndParsedToItsEnd) {
  EXPECT_EQ(Value("  42\t").cast(TypeId::u8).value(), Value(std::uint8_t{42}));
  EXPECT_EQ(Value("+42").cast(TypeId::i8).value(), Value(std::int8_t{42}));
  EXPECT_EQ(Value("-0").cast(TypeId::u8).value(), Value(std::uint8_t{0}));
  EXPECT_EQ(Value("18446744073709551615").cast(TypeId::u64).value(), Value(kU64Max));
  EXPECT_EQ(Value("1e3").cast(TypeId::f64).value(), Value(1000.0));
  EXPECT_EQ(Value(" T ").cast(TypeId::boolean).value(), Value(true));
  EXPECT_EQ(Value("0").cast(TypeId::boolean).value(), Value(false));
  EXPECT_EQ(Value(" 2001-01-01 ").cast(TypeId::date).value(), Value(Date{11323}));
  EXPECT_EQ(Value("1e-400").cast(TypeId::f64).value(), Value(0.0));
  for (const char* text : {"", " ", "4 2", "0x10", "1.5", "--1", "+-1", "1e3", "abc"}) {
    EXPECT_EQ(cast_error(text, TypeId::i32), ErrorCode::type_mismatch) << text;
  }
  EXPECT_EQ(cast_error("18446744073709551616", TypeId::u64), ErrorCode::out_of_range);
  EXPECT_EQ(cast_error("-1", TypeId::u64), ErrorCode::out_of_range);
  EXPECT_EQ(cast_error("300", TypeId::u8), ErrorCode::out_of_range);
  EXPECT_EQ(cast_error("1e400", TypeId::f64), ErrorCode::out_of_range);
  EXPECT_EQ(cast_error("1e39", TypeId::f32), ErrorCode::out_of_range);
  EXPECT_EQ(cast_error("yes", TypeId::boolean), ErrorCode::type_mismatch);
  EXPECT_EQ(cast_error("\\xabc", TypeId::binary), ErrorCode::type_mismatch);
}

TEST(ValueCast, TimesAndTheirNumbers) {
  EXPECT_EQ(Value(Timestamp{-1}).cast(TypeId::date).value(), Value(Date{-1}));
  EXPECT_EQ(Value(Date{1}).cast(TypeId::timestamp).value(), Value(Timestamp{86'400'000'000}));
  EXPECT_EQ(cast_error(Date{std::numeric_limits<std::int32_t>::max()}, TypeId::timestamp),
            ErrorCode::out_of_range);
  EXPECT_EQ(Value(5).cast(TypeId::timestamp).value(), Value(Timestamp{5}));
  EXPECT_EQ(Value(Timestamp{5}).cast(TypeId::i64).value(), Value(std::int64_t{5}));
  EXPECT_EQ(Value(Date{5}).cast(TypeId::i32).value(), Value(5));
  EXPECT_EQ(cast_error(kU64Max, TypeId::timestamp), ErrorCode::out_of_range);
  EXPECT_EQ(cast_error(1.5, TypeId::timestamp), ErrorCode::type_mismatch);
  EXPECT_EQ(cast_error(true, TypeId::date), ErrorCode::type_mismatch);
  EXPECT_EQ(cast_error(Timestamp{1}, TypeId::boolean), ErrorCode::type_mismatch);
}

TEST(ValueCast, NullBecomesNullOfAnything) {
  for (const TypeId t : kColumnTypes) EXPECT_TRUE(Value().cast(t).value().is_null());
}

TEST(ValueEdge, ReadersThrowWhereNoSenseExists) {
  EXPECT_EQ(Value(3.7).to_i64(), 3);
  EXPECT_EQ(Value(Timestamp{9}).to_i64(), 9);
  EXPECT_EQ(Value(kU64Max).to_u64(), kU64Max);
  EXPECT_EQ(Value(2).to_f64(), 2.0);
  EXPECT_THROW(Value().to_i64(), Error);
  EXPECT_THROW(Value("1").to_i64(), Error);
  EXPECT_THROW(Value(kU64Max).to_i64(), Error);
  EXPECT_THROW(Value(-1).to_u64(), Error);
}

TEST(Coerce, KeepsOnlyWhatLosesNothing) {
  EXPECT_EQ(coerce(42, TypeId::u64).value(), Value(std::uint64_t{42}));
  EXPECT_EQ(coerce(3.0, TypeId::i8).value(), Value(std::int8_t{3}));
  EXPECT_EQ(coerce(std::int64_t{1} << 53, TypeId::f64).value(), Value(0x1p53));
  EXPECT_EQ(coerce(0.1, TypeId::f32).value(), Value(0.1F));
  EXPECT_EQ(coerce("2001-01-01", TypeId::timestamp).value(), Value(Timestamp{978'307'200'000'000}));
  EXPECT_EQ(coerce("\\x00ff", TypeId::binary).value(), Value(Binary{std::string("\0\xFF", 2)}));
  EXPECT_EQ(coerce("raw", TypeId::binary).value(), Value(Binary{"raw"}));
  EXPECT_EQ(coerce_error(-1, TypeId::u64), ErrorCode::out_of_range);
  EXPECT_EQ(coerce_error((std::int64_t{1} << 53) + 1, TypeId::f64), ErrorCode::out_of_range);
  EXPECT_EQ(coerce_error(kI64Max, TypeId::f64), ErrorCode::out_of_range);
  EXPECT_EQ(coerce_error(kU64Max, TypeId::f64), ErrorCode::out_of_range);
  EXPECT_EQ(coerce_error((1 << 24) + 1, TypeId::f32), ErrorCode::out_of_range);
  EXPECT_EQ(coerce_error(1e300, TypeId::f32), ErrorCode::out_of_range);
  EXPECT_EQ(coerce_error(3.5, TypeId::i8), ErrorCode::type_mismatch);
  EXPECT_EQ(coerce_error("1", TypeId::i8), ErrorCode::type_mismatch);
  EXPECT_EQ(coerce_error(1, TypeId::timestamp), ErrorCode::type_mismatch);
  EXPECT_EQ(coerce_error(true, TypeId::i8), ErrorCode::type_mismatch);
  EXPECT_EQ(coerce_error("\xFF", TypeId::utf8), ErrorCode::type_mismatch);
  EXPECT_EQ(coerce_error(Binary{"a"}, TypeId::utf8), ErrorCode::type_mismatch);
}

}  // namespace
}  // namespace firn
