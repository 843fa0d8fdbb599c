// What ALTER may say, and what comes of it.
#include "schema/schema_change.hpp"

#include <gtest/gtest.h>

#include <cmath>

namespace firn {
namespace {

const Schema kTable = Schema::parse("id u64, ts timestamp, n i32 default 7, \"my text\" utf8, f f32",
                                    {.key = {"id"}, .time = "ts"})
                          .value();

SchemaChange change_of(const std::string& text) { return parse_alter(text).value().change; }

Schema after(const std::string& text, const Schema& schema = kTable) {
  return apply_change(schema, change_of(text)).value();
}

/// The message of the refusal, which must have this code.
std::string alter_refusal(ErrorCode code, const std::string& text, const Schema& schema = kTable) {
  const auto made = apply_change(schema, change_of(text));
  EXPECT_FALSE(made) << text;
  if (made) return "";
  EXPECT_EQ(made.error().code(), code) << made.error().message();
  return made.error().message();
}

bool says(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TEST(SchemaChangeTest, EveryFormIsReadAndWrittenBack) {
  const std::vector<std::pair<const char*, SchemaChange>> forms = {
      {"ADD COLUMN x i64", SchemaChange::add("x", TypeId::i64)},
      {"add x bigint not null default -5",
       SchemaChange::add("x", TypeId::i64, Value(std::int64_t{-5}), false)},
      {"ADD x i8 DEFAULT 5 NOT NULL", SchemaChange::add("x", TypeId::i8, Value(std::int8_t{5}), false)},
      {"ADD \"a b\" utf8 DEFAULT 'it''s'", SchemaChange::add("a b", TypeId::utf8, Value("it's"))},
      {"ADD x f64 DEFAULT 'nan'", SchemaChange::add("x", TypeId::f64, Value(std::nan("")))},
      {"ADD x bool DEFAULT TRUE", SchemaChange::add("x", TypeId::boolean, Value(true))},
      {"ADD x binary DEFAULT x'00ff'", SchemaChange::add("x", TypeId::binary, Value(Binary{{'\0', '\xff'}}))},
      {"ADD x timestamp DEFAULT '2001-01-01'",
       SchemaChange::add("x", TypeId::timestamp, Value(Timestamp{978'307'200'000'000}))},
      {"ADD x date DEFAULT DATE '1970-01-02'", SchemaChange::add("x", TypeId::date, Value(Date{1}))},
      {"ADD x i64 DEFAULT NULL", SchemaChange::add("x", TypeId::i64)},
      {"ALTER TABLE events DROP COLUMN n;", SchemaChange::drop("n")},
      {"DROP type", SchemaChange::drop("type")},
      {"RENAME a TO \"b\"\"c\"", SchemaChange::rename("a", "b\"c")},
      {"RENAME COLUMN a TO date", SchemaChange::rename("a", "date")},
      {"ALTER n TYPE i64", SchemaChange::widen("n", TypeId::i64)},
      {"ALTER COLUMN n SET DATA TYPE f64", SchemaChange::widen("n", TypeId::f64)},
      {"ALTER TABLE t ALTER table TYPE i64", SchemaChange::widen("table", TypeId::i64)},
  };
  for (const auto& [text, change] : forms) {
    EXPECT_EQ(change_of(text), change) << text;
    EXPECT_EQ(change_of(change.to_string()), change) << change.to_string();
  }
  EXPECT_EQ(parse_alter("ALTER TABLE events DROP n").value().table, "events");
}

TEST(SchemaChangeTest, ErrorsPointAtThePlace) {
  const auto error = [](const std::string& text) {
    const auto parsed = parse_alter(text);
    EXPECT_FALSE(parsed) << text;
    return parsed ? Error(ErrorCode::internal, "taken") : parsed.error();
  };
  EXPECT_TRUE(says(error("ADD x int7").message(), "no type is named 'int7'"));
  EXPECT_EQ(error("ADD x int7").position(), 6U);
  EXPECT_TRUE(says(error("ADD x int7").message(), "\n      ^"));
  EXPECT_EQ(error("ADD x i8 DEFAULT 300").position(), 17U);
  EXPECT_TRUE(says(error("ADD x i8 DEFAULT 300").message(), "does not fit i8"));
  EXPECT_TRUE(says(error("ADD x i8 DEFAULT y").message(), "expected a literal"));
  EXPECT_TRUE(says(error("ADDD x i8").message(), "did you mean ADD?"));
  EXPECT_TRUE(says(error("DROP x y").message(), "the end of the change"));
  EXPECT_TRUE(says(error("RENAME x y").message(), "expected TO"));
  EXPECT_FALSE(parse_alter(""));
  EXPECT_FALSE(parse_alter("DROP \xff"));
}

TEST(SchemaChangeTest, AnAddedColumnComesLastAndKeepsItsDefault) {
  const Schema s = after("ADD x i16 NOT NULL DEFAULT 3");
  ASSERT_EQ(s.size(), 6U);
  EXPECT_EQ(s[5].name, "x");
  EXPECT_EQ(s[5].id, 6U);
  EXPECT_EQ(s[5].default_value, Value(std::int16_t{3}));
  EXPECT_FALSE(s[5].nullable);
  EXPECT_EQ(s.time(), kTable.time());
}

TEST(SchemaChangeTest, TheGeneratedKeyStaysLastWithItsId) {
  const Schema table = Schema::parse("a i64").value();
  const Schema s = after("ADD b i64", table);
  EXPECT_TRUE(s.has_row_key());
  EXPECT_EQ(s[1].name, "b");
  EXPECT_EQ(s[1].id, 3U);
  EXPECT_EQ(s[2].name, "_row");
  EXPECT_EQ(s[2].id, 2U);
  EXPECT_TRUE(says(alter_refusal(ErrorCode::invalid_argument, "DROP a", table), "only column"));
  alter_refusal(ErrorCode::invalid_argument, "DROP _row", table);
  alter_refusal(ErrorCode::invalid_argument, "RENAME _row TO x", table);
  alter_refusal(ErrorCode::invalid_argument, "RENAME a TO _row", table);
  alter_refusal(ErrorCode::invalid_argument, "ADD _row u64");
}

TEST(SchemaChangeTest, AnIdIsNeverGivenAgain) {
  const Schema dropped = after("DROP x", after("ADD x i64"));
  EXPECT_EQ(dropped, kTable);
  EXPECT_EQ(dropped.last_column_id(), 6U);
  EXPECT_EQ(after("ADD x i64", dropped)[5].id, 7U);
}

TEST(SchemaChangeTest, KeyAndEventTimeCanOnlyBeRenamed) {
  const Schema s = after("RENAME ts TO at", after("RENAME id TO number"));
  EXPECT_EQ(s[s.key()[0]].name, "number");
  EXPECT_EQ(s[*s.time()].name, "at");
  EXPECT_TRUE(says(alter_refusal(ErrorCode::invalid_argument, "DROP id"), "part of the key"));
  EXPECT_TRUE(says(alter_refusal(ErrorCode::invalid_argument, "DROP ts"), "event time"));
  const Schema narrow = Schema::parse("id u32, v i64", {.key = {"id"}}).value();
  EXPECT_TRUE(
      says(alter_refusal(ErrorCode::invalid_argument, "ALTER id TYPE u64", narrow), "part of the key"));
}

TEST(SchemaChangeTest, WideningTakesTheDefaultAlong) {
  const Schema s = after("ALTER n TYPE i64");
  EXPECT_EQ(s[2].type, TypeId::i64);
  EXPECT_EQ(s[2].default_value, Value(std::int64_t{7}));
  EXPECT_EQ(s[2].id, kTable[2].id);
}

TEST(SchemaChangeTest, OnlyLosslessTypeChangesAreTaken) {
  // An oracle: the extreme values of `from` come back from `to`.
  const std::vector<TypeId> types = {TypeId::boolean, TypeId::i8,   TypeId::i16,   TypeId::i32,
                                     TypeId::i64,     TypeId::u8,   TypeId::u16,   TypeId::u32,
                                     TypeId::u64,     TypeId::f32,  TypeId::f64,   TypeId::timestamp,
                                     TypeId::date,    TypeId::utf8, TypeId::binary};
  for (const TypeId from : types) {
    for (const TypeId to : types) {
      bool expected = false;
      if (from == TypeId::f32) expected = to == TypeId::f64;
      if (is_integer(from) && (is_integer(to) || to == TypeId::f64) && from != to) {
        const unsigned bits = static_cast<unsigned>(8 * width_of(from));
        const Value greatest =
            is_unsigned_integer(from)
                ? Value::of_unsigned(from, ~std::uint64_t{0} >> (64 - bits))
                : Value::of_signed(from, static_cast<std::int64_t>(~std::uint64_t{0} >> (65 - bits)));
        const Value least = is_unsigned_integer(from) ? Value::of_unsigned(from, 0)
                                                      : Value::of_signed(from, -greatest.as_signed() - 1);
        expected = true;
        for (const Value& v : {greatest, least}) {
          const auto there = v.cast(to);
          const auto back = there ? there->cast(from) : Result<Value>(there.error());
          expected = expected && back && *back == v && (to != TypeId::f64 || bits <= 32);
        }
        if (to != TypeId::f64 && width_of(to) == width_of(from)) expected = false;
      }
      EXPECT_EQ(is_widening(from, to), expected) << name_of(from) << " to " << name_of(to);
    }
  }
  EXPECT_TRUE(says(alter_refusal(ErrorCode::invalid_argument, "ALTER n TYPE i16"), "become i64, f64"));
  EXPECT_TRUE(says(alter_refusal(ErrorCode::invalid_argument, "ALTER n TYPE i32"), "already"));
}

TEST(SchemaChangeTest, UnknownAndTakenNamesAreRefused) {
  EXPECT_TRUE(says(alter_refusal(ErrorCode::not_found, "DROP y"), "it has id, ts, n"));
  alter_refusal(ErrorCode::not_found, "RENAME y TO z");
  alter_refusal(ErrorCode::not_found, "ALTER y TYPE i64");
  EXPECT_TRUE(says(alter_refusal(ErrorCode::already_exists, "ADD n i64"), "\"n\" already"));
  alter_refusal(ErrorCode::already_exists, "RENAME f TO n");
  EXPECT_TRUE(says(alter_refusal(ErrorCode::invalid_argument, "ADD y i64 NOT NULL"), "give a DEFAULT"));
}

TEST(SchemaChangeTest, AStatementSaysWhichTableItIsFor) {
  EXPECT_TRUE(parse_alter("DROP x").value().check_addressee("t"));
  EXPECT_TRUE(parse_alter("ALTER TABLE t DROP x").value().check_addressee("t"));
  const auto refused = parse_alter("ALTER TABLE u DROP x").value().check_addressee("t");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::invalid_argument);
}

TEST(SchemaChangeTest, ATableHasAtMost4096Columns) {
  std::vector<ColumnSchema> columns;
  for (int i = 0; i < 4096; ++i) columns.push_back({0, "c" + std::to_string(i), TypeId::i64, true});
  const Schema full = Schema::make(columns, {.key = {"c0"}}).value();
  EXPECT_TRUE(says(alter_refusal(ErrorCode::invalid_argument, "ADD x i64", full), "4096"));
}

}  // namespace
}  // namespace firn
