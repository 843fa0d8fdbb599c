#include "schema/table_schema.hpp"

#include <gtest/gtest.h>

namespace firn {
namespace {

Error refusal(std::string_view columns, const SchemaOptions& options = {}) {
  const auto s = Schema::parse(columns, options);
  return s ? Error(ErrorCode::ok, s->to_string()) : s.error();
}

TEST(SchemaParse, ColumnsKeyAndTime) {
  const Schema s = Schema::parse("event_id u64, ts timestamp, type utf8 not null,\n amount f64 null",
                                 {.key = {"event_id"}, .time = "ts"})
                       .value();
  ASSERT_EQ(s.size(), 4U);
  EXPECT_EQ(s[0], (ColumnSchema{1, "event_id", TypeId::u64, false}));
  EXPECT_EQ(s[1], (ColumnSchema{2, "ts", TypeId::timestamp, true}));
  EXPECT_EQ(s[2], (ColumnSchema{3, "type", TypeId::utf8, false}));
  EXPECT_EQ(s[3], (ColumnSchema{4, "amount", TypeId::f64, true}));
  EXPECT_EQ(s.key(), std::vector<std::size_t>{0});
  EXPECT_EQ(s.time(), 1U);
  EXPECT_FALSE(s.has_row_key());
}

TEST(SchemaParse, WordsOfTheLanguageAreLegalNames) {
  const Schema s =
      Schema::parse(
          "date date, time timestamp, key u64, type utf8, \"not\" bool, null i8 NOT NULL, timestamp i64 NULL")
          .value();
  ASSERT_EQ(s.size(), 8U);
  EXPECT_EQ(s[0].name, "date");
  EXPECT_EQ(s[1].name, "time");
  EXPECT_EQ(s[4].name, "not");
  EXPECT_FALSE(s[5].nullable);
  EXPECT_TRUE(s[6].nullable);
}

TEST(SchemaParse, SqlTypesInAnyCase) {
  const Schema s = Schema::parse("a BIGINT, b Double, c TEXT, d VarChar, e blob, f boolean").value();
  EXPECT_EQ(s.to_string(), "a i64, b f64, c utf8, d utf8, e binary, f bool");
}

TEST(SchemaParse, QuotedNamesSurviveTheRoundTrip) {
  const Schema s =
      Schema::parse(R"("a b" i8, "say ""hi""" u8 not null, "1st" f32, "x,y" date, größe f64)").value();
  EXPECT_EQ(s[0].name, "a b");
  EXPECT_EQ(s[1].name, "say \"hi\"");
  EXPECT_EQ(s.to_string(), R"("a b" i8, "say ""hi""" u8 not null, "1st" f32, "x,y" date, größe f64)");
  EXPECT_EQ(Schema::parse(s.to_string()).value(), s);
}

TEST(SchemaParse, WithoutKeyTheTableGetsARowColumn) {
  const Schema s = Schema::parse("a i8, b utf8").value();
  ASSERT_EQ(s.size(), 3U);
  EXPECT_TRUE(s.has_row_key());
  EXPECT_EQ(s[2], (ColumnSchema{3, "_row", TypeId::u64, false}));
  EXPECT_EQ(s.key(), std::vector<std::size_t>{2});
  EXPECT_EQ(s.to_string(), "a i8, b utf8");
  EXPECT_EQ(s.find("_row"), 2U);
}

TEST(SchemaParse, CompositeKeysKeepTheirOrder) {
  const Schema s = Schema::parse("a i8, b utf8, c date", {.key = {"c", "a"}}).value();
  EXPECT_EQ(s.key(), (std::vector<std::size_t>{2, 0}));
  EXPECT_FALSE(s[0].nullable);
  EXPECT_TRUE(s[1].nullable);
}

TEST(SchemaParse, ErrorsSayTheWordAndThePlace) {
  struct Case {
    std::string_view text;
    std::size_t position;
    std::string_view word;
  };
  for (const Case& c :
       {Case{"", 0, "a column name"}, Case{"a", 1, "type of column \"a\""}, Case{"a u64,", 6, "the end"},
        Case{"a u65", 2, "u65"}, Case{"a u64 b i8", 6, "'b'"}, Case{"a u64 not", 9, "after \"not\""},
        Case{"a u64 not nul", 10, "nul"}, Case{", a u64", 0, "','"}, Case{"a u64; b i8", 5, "';'"},
        Case{"a i8, \"b u8", 6, "has no end"}, Case{"a varchar(10)", 9, "'('"}, Case{"1a u8", 0, "'1'"},
        Case{"a \"u8\"", 2, "u8"}, Case{"x i8, _row u64", 6, "_row"},
        Case{"a u64 primary key", 6, "primary"}}) {
    const Error e = refusal(c.text);
    EXPECT_EQ(e.code(), ErrorCode::parse) << c.text;
    EXPECT_EQ(e.position(), c.position) << c.text;
    EXPECT_NE(e.message().find(c.word), std::string::npos) << e.message();
  }
}

TEST(SchemaParse, ContradictionsAreInvalidArguments) {
  const std::string long_name(256, 'n');
  std::string many = "c0 i8";
  for (int i = 1; i <= 4096; ++i) many += ", c" + std::to_string(i) + " i8";
  for (const Error& e :
       {refusal("a i8, a u8"), refusal("a i8", {.key = {"b"}}), refusal("a i8", {.key = {"a", "a"}}),
        refusal("a i8", {.time = "t"}), refusal("a f64", {.time = "a"}), refusal("a bool", {.time = "a"}),
        refusal("a utf8", {.time = "a"}), refusal("\"\" i8"), refusal(long_name + " i8"), refusal("a\xFF i8"),
        refusal(many), refusal("a i8", {.key = {"A"}}), refusal("a i8", {.key = {"_row"}})}) {
    EXPECT_EQ(e.code(), ErrorCode::invalid_argument) << e.message();
  }
  EXPECT_EQ(refusal(long_name.substr(1) + " i8").code(), ErrorCode::ok);
  EXPECT_EQ(refusal(many.substr(0, many.rfind(','))).code(), ErrorCode::ok);
  EXPECT_EQ(refusal("a u16, b date", {.time = "a"}).code(), ErrorCode::ok);
}

TEST(SchemaMake, KeepsGivenIdsAndNumbersTheRest) {
  const Schema s =
      Schema::make({{7, "a", TypeId::i8, true}, {0, "b", TypeId::i8, true}}, {.key = {"a"}}).value();
  EXPECT_EQ(s[0].id, 7U);
  EXPECT_EQ(s[1].id, 8U);
  EXPECT_FALSE(Schema::make({{7, "a", TypeId::i8, true}, {7, "b", TypeId::i8, true}}));
  EXPECT_FALSE(Schema::make({{1, "a", TypeId::null, true}}));
  EXPECT_FALSE(Schema::make({{1, "a", static_cast<TypeId>(99), true}}));
  EXPECT_FALSE(Schema::make({}));
}

TEST(SchemaMake, PartsOfAKeylessSchemaMakeItAgain) {
  const Schema s = Schema::parse("a i8, t timestamp", {.time = "t"}).value();
  EXPECT_EQ(Schema::make(s.columns(), {.time = "t"}).value(), s);
  EXPECT_EQ(Schema::make(s.columns(), {.key = {"_row"}, .time = "t"}).value(), s);
  std::vector<ColumnSchema> forged = s.columns();
  forged.back().id = 1;  // that of "a"
  EXPECT_FALSE(Schema::make(forged));
  forged.back() = {0, "_row", TypeId::u64, false};
  EXPECT_FALSE(Schema::make(forged));
  EXPECT_FALSE(Schema::make({{1, "_row", TypeId::u64, false}, {2, "a", TypeId::i8, true}}));
  EXPECT_FALSE(Schema::make(s.columns(), {.key = {"a"}}));
}

TEST(Schema, FindsExactlyThenWithoutCase) {
  const Schema s = Schema::parse("Name utf8, NAME utf8, Other i8, a i8").value();
  EXPECT_EQ(s.find("NAME"), 1U);
  EXPECT_EQ(s.find("name"), std::nullopt);
  EXPECT_EQ(s.find("OTHER"), 2U);
  EXPECT_EQ(s.find("none"), std::nullopt);
}

TEST(Schema, ResultsMayRepeatNamesAndHaveNoKey) {
  const Schema s = Schema::for_result({{0, "n", TypeId::i64, true}, {0, "n", TypeId::null, true}});
  EXPECT_EQ(s.size(), 2U);
  EXPECT_TRUE(s.key().empty());
  EXPECT_FALSE(s.has_row_key());
  EXPECT_EQ(Schema().size(), 0U);
}

TEST(Types, NamesReadBack) {
  for (int t = 1; t <= 15; ++t)
    EXPECT_EQ(type_from_name(name_of(static_cast<TypeId>(t))), static_cast<TypeId>(t));
  EXPECT_EQ(type_from_name("decimal"), std::nullopt);
  EXPECT_EQ(type_from_name(""), std::nullopt);
  EXPECT_EQ(name_of(TypeId::null), "null");
  for (const StorageTier t : {StorageTier::none, StorageTier::hot, StorageTier::warm, StorageTier::cold}) {
    EXPECT_EQ(tier_from_name(name_of(t)), t);
  }
  EXPECT_EQ(tier_from_name("HOT"), StorageTier::hot);
  EXPECT_EQ(tier_from_name("tepid"), std::nullopt);
}

TEST(TableSchemaTest, DefaultsAreReadAndWrittenAndDoNotMakeASchemaAnother) {
  const std::string text =
      "id u64 not null, n i32 not null default -5, t utf8 default 'a, b', at timestamp default TIMESTAMP "
      "'2001-01-01T00:00:00.000000Z', f f64 default 0.5, b bool default true";
  const Schema s = Schema::parse(text, {.key = {"id"}}).value();
  EXPECT_EQ(s.to_string(), text);
  EXPECT_EQ(s[1].default_value, Value(std::int32_t{-5}));
  EXPECT_EQ(s[2].default_value, Value("a, b"));
  const Schema plain =
      Schema::parse("id u64, n i32 not null, t utf8, at timestamp, f f64, b bool", {.key = {"id"}}).value();
  EXPECT_EQ(s, plain);
  const auto bad = Schema::parse("id u64, n i8 default 300", {.key = {"id"}});
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().position(), 21U);
  EXPECT_FALSE(Schema::parse("id u64 default"));
  EXPECT_FALSE(Schema::parse("id u64 default 5 6"));
}

}  // namespace
}  // namespace firn
