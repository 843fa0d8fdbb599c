#include "schema/batch.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <random>
#include <utility>

#include "tests/schema/samples.hpp"

namespace firn {
namespace {

Buffer bytes(std::string_view s) {
  MutableBuffer b;
  b.append(s.data(), s.size());
  return b.freeze();
}

template <class T>
Buffer numbers(std::initializer_list<T> values) {
  MutableBuffer b;
  for (const T v : values) b.push(v);
  return b.freeze();
}

Column text_column(std::int64_t length, Buffer offsets, Buffer values) {
  Column c;
  c.type = TypeId::utf8, c.length = length, c.offsets = std::move(offsets), c.values = std::move(values);
  return c;
}

Column fixed_column(TypeId type, std::int64_t length, Buffer values) {
  Column c;
  c.type = type, c.length = length, c.values = std::move(values);
  return c;
}

Column coded(Column codes, Column dictionary) {
  codes.type = dictionary.type;
  codes.dictionary = std::make_shared<const Column>(std::move(dictionary));
  return codes;
}

/// The message of the refusal, "" if the column is taken. With the schema `c TYPE [not null]`.
std::string refusal(Column c, bool nullable = true) {
  const Schema s = Schema::for_result({{1, "c", c.type, nullable}});
  const auto b = Batch::make(s, {std::move(c)});
  return b ? "" : b.error().message();
}

TEST(BatchMake, TakesWhatBuildersMake) {
  std::mt19937_64 random(31);
  for (const TypeId type : kColumnTypes) {
    for (const std::size_t rows : {0, 1, 100}) {
      for (const Column& c : {column_of(type, random_values(type, rows, 3, random)),
                              random_dictionary_column(type, rows, 3, random),
                              random_dictionary_column(type, rows, 1, random)}) {
        const Batch b = Batch::make(Schema::for_result({{1, "c", type, true}}), {c}).value();
        EXPECT_EQ(values_of(b[0]), values_of(c));
        EXPECT_EQ(b.rows(), static_cast<std::int64_t>(rows));
      }
    }
  }
}

TEST(BatchMake, TextOffsetsMustAscendWithinTheValues) {
  EXPECT_EQ(refusal(text_column(2, numbers<std::int32_t>({1, 2, 4}), bytes("abcd"))), "");
  EXPECT_NE(refusal(text_column(2, numbers<std::int32_t>({0, 3, 2}), bytes("abcd"))), "");
  EXPECT_NE(refusal(text_column(2, numbers<std::int32_t>({-1, 0, 2}), bytes("abcd"))), "");
  EXPECT_NE(refusal(text_column(2, numbers<std::int32_t>({0, 2, 5}), bytes("abcd"))), "");
  EXPECT_NE(refusal(text_column(2, numbers<std::int32_t>({0, 2}), bytes("abcd"))), "");
  EXPECT_NE(refusal(text_column(2, {}, bytes("abcd"))), "");
  EXPECT_EQ(refusal(text_column(0, {}, {})), "");
  EXPECT_NE(refusal(text_column(-1, numbers<std::int32_t>({0}), {})), "");
  EXPECT_NE(refusal(text_column(std::int64_t{1} << 40, numbers<std::int32_t>({0}), {})), "");
}

TEST(BatchMake, TextMustBeUtf8ValueByValue) {
  EXPECT_NE(refusal(text_column(1, numbers<std::int32_t>({0, 1}), bytes("\xFF"))).find("row 0"),
            std::string::npos);
  EXPECT_NE(refusal(text_column(2, numbers<std::int32_t>({0, 1, 2}), bytes("\xC3\xBC"))),
            "");  // cut in a letter
  EXPECT_EQ(refusal(text_column(2, numbers<std::int32_t>({0, 2, 2}), bytes("\xC3\xBC\xFF"))), "");
  Column under_null = text_column(2, numbers<std::int32_t>({0, 1, 2}), bytes("a\xFF"));
  under_null.validity = bytes("\x01");
  EXPECT_EQ(refusal(under_null), "");
  under_null.type = TypeId::binary;
  EXPECT_EQ(refusal(under_null), "");
}

TEST(BatchMake, BuffersMustHoldTheRows) {
  EXPECT_EQ(refusal(fixed_column(TypeId::u32, 1, bytes("abcd"))), "");
  EXPECT_NE(refusal(fixed_column(TypeId::u32, 2, bytes("abcdefg"))), "");
  EXPECT_NE(refusal(fixed_column(TypeId::boolean, 9, bytes("a"))), "");
  EXPECT_EQ(refusal(fixed_column(TypeId::boolean, 8, bytes("a"))), "");
  Column short_validity = fixed_column(TypeId::u8, 9, bytes("abcdefghi"));
  short_validity.validity = bytes("\xFF");
  EXPECT_NE(refusal(short_validity).find("validity"), std::string::npos);
}

TEST(BatchMake, NullsAreCountedAnew) {
  for (const std::int64_t claimed : {-1, 0, 7}) {
    Column c = fixed_column(TypeId::u8, 3, bytes("abc"));
    c.validity = bytes("\xFD");  // bits behind the end are no rows
    c.null_count = claimed;
    const Batch b = Batch::make(Schema::for_result({{1, "c", TypeId::u8, true}}), {c}).value();
    EXPECT_EQ(b[0].null_count, 1);
    EXPECT_NE(refusal(c, false).find("not null"), std::string::npos);
    c.validity = bytes("\x07");
    EXPECT_EQ(refusal(c, false), "");
  }
}

TEST(BatchMake, DictionariesAreCheckedToo) {
  const Column ab = text_column(2, numbers<std::int32_t>({0, 1, 2}), bytes("ab"));
  const Column codes = fixed_column(TypeId::u32, 2, numbers<std::uint32_t>({1, 0}));
  EXPECT_EQ(refusal(coded(codes, ab)), "");
  EXPECT_NE(refusal(coded(fixed_column(TypeId::u32, 2, numbers<std::uint32_t>({0, 2})), ab)), "");
  EXPECT_NE(refusal(coded(fixed_column(TypeId::u32, 2, numbers<std::uint32_t>({0})), ab)), "");
  EXPECT_NE(refusal(coded(codes, text_column(2, numbers<std::int32_t>({0, 1, 2}), bytes("aa")))), "");
  EXPECT_NE(refusal(coded(codes, text_column(2, numbers<std::int32_t>({0, 1, 2}), bytes("a\xFF")))), "");
  EXPECT_NE(refusal(coded(codes, fixed_column(TypeId::u16, 2, bytes("abab")))), "");
  EXPECT_NE(refusal(coded(codes, fixed_column(TypeId::boolean, 3, bytes("\x05")))), "");
  EXPECT_NE(refusal(coded(codes, coded(codes, ab))), "");
  Column with_null = ab;
  with_null.validity = bytes("\x01");
  EXPECT_NE(refusal(coded(codes, with_null)), "");
  EXPECT_NE(refusal(coded(codes, text_column(0, {}, {}))), "");
  Column wrong_type = coded(codes, ab);
  wrong_type.type = TypeId::binary;
  EXPECT_NE(refusal(wrong_type), "");
}

TEST(BatchMake, CodesIntoAnEmptyDictionaryMayOnlyBeNull) {
  Column codes = fixed_column(TypeId::u32, 2, numbers<std::uint32_t>({9, 9}));
  codes.validity = bytes(std::string_view("\0", 1));
  for (const TypeId type : kColumnTypes) {
    Column c = coded(codes, column_of(type, {}));
    const Batch b = Batch::make(Schema::for_result({{1, "c", type, true}}), {c}).value();
    EXPECT_EQ(values_of(b[0]), std::vector<Value>(2)) << name_of(type);
  }
}

TEST(BatchMake, MisalignedBuffersAreCopied) {
  const Buffer odd = bytes("xabcdefgh").slice(1, 8);
  const Batch b =
      Batch::make(Schema::for_result({{1, "c", TypeId::u64, true}}), {fixed_column(TypeId::u64, 1, odd)})
          .value();
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(b[0].values.data()) % 8, 0U);
  EXPECT_EQ(b[0].as<std::uint64_t>()[0], 0x6867666564636261U);
  const Buffer offsets = bytes(std::string_view("x\0\0\0\0\1\0\0\0", 9)).slice(1, 8);
  EXPECT_EQ(refusal(text_column(1, offsets, bytes("a"))), "");
}

TEST(BatchMake, SchemaAndColumnsMustAgree) {
  const Schema s = Schema::parse("a u8, b utf8", {.key = {"a"}}).value();
  const Column a = column_of(TypeId::u8, {std::uint8_t{1}}), b = column_of(TypeId::utf8, {"x"});
  EXPECT_TRUE(Batch::make(s, {a, b}));
  EXPECT_EQ(Batch::make(s, {a}).error().code(), ErrorCode::invalid_argument);
  EXPECT_EQ(Batch::make(s, {a, a}).error().code(), ErrorCode::type_mismatch);
  EXPECT_NE(Batch::make(s, {a, column_of(TypeId::utf8, {})}).error().message().find("\"b\""),
            std::string::npos);
}

TEST(Batch, SlicesAndTakesAllColumns) {
  BatchBuilder rows(Schema::parse("a u8, b utf8", {.key = {"a"}}).value());
  for (int i = 0; i < 10; ++i) rows.append(i, i % 2 == 0 ? Value() : Value(std::to_string(i)));
  const Batch b = rows.finish().value();
  const Batch t = b.slice(2, 5).take(std::vector<std::uint32_t>{4, 1});
  EXPECT_EQ(t.rows(), 2);
  EXPECT_EQ(values_of(t[0]), (std::vector<Value>{std::uint8_t{6}, std::uint8_t{3}}));
  EXPECT_EQ(values_of(t[1]), (std::vector<Value>{Value(), "3"}));
  EXPECT_EQ(t.schema(), b.schema());
}

TEST(BatchBuilder, ConvertsWhatFits) {
  const Schema s =
      Schema::parse("id u64, ts timestamp, d date, f f32, raw binary, ok bool", {.key = {"id"}}).value();
  BatchBuilder rows(s);
  const Batch b = rows.append(1, "2001-01-01T00:00:00.5Z", "2001-01-01", 0.1, "x", true)
                      .append(std::int8_t{2}, Date{1}, Date{2}, 7, Binary{"\xFF"}, nullptr)
                      .finish()
                      .value();
  EXPECT_EQ(values_of(b[0]), (std::vector<Value>{std::uint64_t{1}, std::uint64_t{2}}));
  EXPECT_EQ(values_of(b[1]), (std::vector<Value>{Timestamp{978'307'200'500'000}, Timestamp{86'400'000'000}}));
  EXPECT_EQ(values_of(b[2]), (std::vector<Value>{Date{11'323}, Date{2}}));
  EXPECT_EQ(values_of(b[3]), (std::vector<Value>{0.1F, 7.0F}));
  EXPECT_EQ(values_of(b[4]), (std::vector<Value>{Binary{"x"}, Binary{"\xFF"}}));
  EXPECT_EQ(values_of(b[5]), (std::vector<Value>{true, Value()}));
  EXPECT_TRUE(Batch::make(s, b.columns()));
}

TEST(BatchBuilder, FirstErrorSticksNamesThePlaceAndIsThenForgotten) {
  BatchBuilder rows(Schema::parse("id u8, name utf8, n i16 not null", {.key = {"id"}}).value());
  rows.append(1, "a", 1).append(2, nullptr, 70'000).append("worse", 1, 1).append(3, "c", 3);
  EXPECT_EQ(rows.rows(), 1);
  const Error e = rows.finish().error();
  EXPECT_EQ(e.code(), ErrorCode::out_of_range);
  EXPECT_NE(e.message().find("row 1, column \"n\""), std::string::npos) << e.message();
  EXPECT_EQ(values_of(rows.append(9, "z", 9).finish().value()[0]), std::vector<Value>{std::uint8_t{9}});
}

TEST(BatchBuilder, RefusesNullWrongCountAndBadText) {
  const auto code = [](std::vector<Value> row) {
    BatchBuilder rows(Schema::parse("id u8, name utf8", {.key = {"id"}}).value());
    return rows.append_row(row).finish().error().code();
  };
  EXPECT_EQ(code({nullptr, "a"}), ErrorCode::invalid_argument);
  EXPECT_EQ(code({1}), ErrorCode::invalid_argument);
  EXPECT_EQ(code({1, "a", 2}), ErrorCode::invalid_argument);
  EXPECT_EQ(code({1, "\xFF"}), ErrorCode::type_mismatch);
  EXPECT_EQ(code({1, 5}), ErrorCode::type_mismatch);
}

TEST(BatchBuilder, LeavesTheRowColumnToTheCommit) {
  BatchBuilder rows(Schema::parse("a i8, b utf8").value());
  const Batch b = rows.append(1, "x").append(2, "y").finish().value();
  ASSERT_EQ(b.columns().size(), 3U);
  EXPECT_EQ(values_of(b[2]), (std::vector<Value>{std::uint64_t{0}, std::uint64_t{0}}));
  EXPECT_TRUE(Batch::make(b.schema(), b.columns()));
  EXPECT_EQ(rows.append(1, "x", std::uint64_t{5}).finish().error().code(), ErrorCode::invalid_argument);
}

TEST(BatchBuilder, EmptyBatchIsABatch) {
  BatchBuilder rows(Schema::parse("a i8, b utf8").value());
  const Batch b = rows.finish().value();
  EXPECT_EQ(b.rows(), 0);
  EXPECT_TRUE(Batch::make(b.schema(), b.columns()));
  EXPECT_EQ(b.slice(0, 0).rows(), 0);
}

/// append(x) takes short cuts where types allow them; append_row({Value(x)}) takes none.
template <class T>
void expect_same_as_value(const Schema& schema, const T& v) {
  BatchBuilder direct(schema), through(schema);
  for (const int row : {0, 1}) {
    direct.append(v);
    through.append_row({Value(v)});
    EXPECT_EQ(direct.rows(), through.rows()) << row;
  }
  const auto a = direct.finish();
  const auto b = through.finish();
  ASSERT_EQ(a.ok(), b.ok()) << schema.to_string();
  if (!a.ok()) {
    EXPECT_EQ(a.error().code(), b.error().code()) << a.error().message();
    return;
  }
  for (std::size_t i = 0; i < 2; ++i)
    EXPECT_EQ((*a)[0].value_at(i), (*b)[0].value_at(i)) << schema.to_string();
}

TEST(BatchBuilder, ShortCutsAppendWhatValuesWould) {
  for (const char* type : {"bool", "i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64", "f32", "f64", "utf8",
                           "binary", "timestamp", "date"}) {
    const Schema one = Schema::parse(std::string("a ") + type).value();
    for (const std::int64_t v : {std::int64_t{0}, std::int64_t{-1}, std::int64_t{127}, std::int64_t{128},
                                 std::int64_t{70'000}, std::int64_t{-3'000'000'000},
                                 std::int64_t{3'000'000'000}, std::numeric_limits<std::int64_t>::min()}) {
      expect_same_as_value(one, v);
      if (std::in_range<int>(v)) expect_same_as_value(one, static_cast<int>(v));
      if (v >= 0) expect_same_as_value(one, static_cast<std::uint64_t>(v));
    }
    for (const double v : {0.0, -0.0, 1.5, 300.0, 1e300}) expect_same_as_value(one, v);
    expect_same_as_value(one, 2.5F);
    expect_same_as_value(one, true);
    for (const char* v : {"", "a", "2001-02-03", "2001-02-03T04:05:06Z", "\xff\xfe", "\\x0a1b"}) {
      expect_same_as_value(one, v);
      expect_same_as_value(one, std::string(v));
      expect_same_as_value(one, std::string_view(v));
    }
    expect_same_as_value(one, nullptr);
    expect_same_as_value(one, Timestamp{5});
    expect_same_as_value(one, Date{5});
  }
}

TEST(BatchBuilder, ARowThatFailsInItsMidstIsLeftOut) {
  BatchBuilder rows(Schema::parse("id u8, name utf8, n i8", {.key = {"id"}}).value());
  rows.append(1, "a", 2).append(2, "b", 300);
  EXPECT_EQ(rows.rows(), 1);
  EXPECT_NE(rows.finish().error().message().find("row 1, column \"n\""), std::string::npos);
  rows.append(3, "c", 4);
  EXPECT_EQ(rows.finish().value().rows(), 1);
}

}  // namespace
}  // namespace firn
