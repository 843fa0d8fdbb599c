#include <gtest/gtest.h>

#include <limits>
#include <random>

#include "schema/value.hpp"

namespace firn {
namespace {

constexpr std::int64_t kI64Min = std::numeric_limits<std::int64_t>::min();
constexpr std::int64_t kI64Max = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kY2001 = 978'307'200'000'000;

TEST(Timestamp, FormsThatAreRead) {
  for (const auto& [text, us] : std::vector<std::pair<std::string, std::int64_t>>{
           {"2001-01-01", kY2001},
           {"2001-01-01 00:00", kY2001},
           {"2001-01-01T00:00:00", kY2001},
           {"2001-01-01 00:00:00.5", kY2001 + 500'000},
           {"2001-01-01T00:00:00.000001Z", kY2001 + 1},
           {"2001-01-01 00:00:00.123456000", kY2001 + 123'456},
           {"2001-01-01T01:30+01:30", kY2001},
           {"2000-12-31T23:00:00-01:00", kY2001},
           {"1969-12-31T23:59:59.999999Z", -1},
           {"0", 0},
           {"978307200", kY2001},
           {"978307200000", kY2001},
           {"978307200000000", kY2001},
           {"-1", -1'000'000},
           {"99999999999", 99'999'999'999'000'000},
           {"100000000000", 100'000'000'000'000},
           {"2000-02-29", kY2001 - std::int64_t{307} * 86'400'000'000}}) {
    const auto r = parse_timestamp(text);
    ASSERT_TRUE(r) << text;
    EXPECT_EQ(*r, us) << text;
  }
}

TEST(Timestamp, AnythingElseIsRefused) {
  for (const char* text : {"",
                           " ",
                           "2001",
                           "x",
                           "-",
                           "+5",
                           "1.5",
                           "2001-1-1",
                           "2001-13-01",
                           "2001-00-01",
                           "2001-01-00",
                           "2001-01-32",
                           "2001-02-29",
                           "1900-02-29",
                           "2001-04-31",
                           "2001-01-01 ",
                           " 2001-01-01",
                           "2001-01-01 24:00",
                           "2001-01-01 00:60",
                           "2001-01-01 00:00:60",
                           "2001-01-01 00",
                           "2001-01-01  00:00",
                           "2001-01-01T00:00:00.",
                           "2001-01-01T00:00:00.1234567",
                           "2001-01-01T00:00:00.0000000000",
                           "2001-01-01Z",
                           "2001-01-01T00:00ZZ",
                           "2001-01-01T00:00+1:00",
                           "2001-01-01T00:00+01",
                           "2001-01-01T00:00 Z",
                           "2001-01-01t00:00",
                           "2001-01-01T00:00:00x",
                           "01-01-2001",
                           "20010101T000000",
                           "2001-01-01\n"}) {
    if (std::string_view(text) == "2001") continue;  // a whole number: seconds
    const auto r = parse_timestamp(text);
    ASSERT_FALSE(r) << text;
    EXPECT_EQ(r.error().code(), ErrorCode::type_mismatch);
  }
  for (const char* text : {"99999999999999999999", "300000-01-01", "-300000-01-01", "5000000-01-01"}) {
    const auto r = parse_timestamp(text);
    ASSERT_FALSE(r) << text;
    EXPECT_EQ(r.error().code(), ErrorCode::out_of_range);
  }
}

TEST(Timestamp, EveryMomentReadsBack) {
  std::mt19937_64 random(3);
  for (const std::int64_t us :
       {kI64Min, kI64Min + 1, kI64Max, kI64Max - 1, std::int64_t{0}, std::int64_t{-1}}) {
    EXPECT_EQ(parse_timestamp(format_timestamp(us)).value(), us) << format_timestamp(us);
  }
  for (int i = 0; i < 20'000; ++i) {
    const auto us = static_cast<std::int64_t>(random()) >> (random() % 40);
    ASSERT_EQ(parse_timestamp(format_timestamp(us)).value(), us) << format_timestamp(us);
  }
  EXPECT_EQ(format_timestamp(kI64Max), "294247-01-10T04:00:54.775807Z");
  EXPECT_EQ(format_timestamp(kI64Min), "-290308-12-21T19:59:05.224192Z");
}

TEST(Date, CivilDatesAreCountedRight) {
  EXPECT_EQ(days_from_civil(1970, 1, 1), 0);
  EXPECT_EQ(days_from_civil(2000, 3, 1), 11'017);
  std::int64_t year = 1599;
  unsigned month = 12, day = 31;
  for (std::int32_t days = days_from_civil(1599, 12, 31); year < 2405; ++days) {  // by walking, day by day
    const CivilDate d = civil_from_days(days);
    ASSERT_TRUE(d.year == year && d.month == month && d.day == day) << format_date(days);
    ASSERT_EQ(days_from_civil(year, month, day), days);
    const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    const unsigned last[] = {31, leap ? 29U : 28U, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (++day > last[month - 1]) day = 1, ++month;
    if (month > 12) month = 1, ++year;
  }
}

TEST(Date, ReadsBackAndRefusesTimesOfDay) {
  for (const std::int32_t d : {std::numeric_limits<std::int32_t>::min(),
                               std::numeric_limits<std::int32_t>::max(), 0, -1, -719'529, -719'528}) {
    EXPECT_EQ(parse_date(format_date(d)).value(), d) << format_date(d);
  }
  EXPECT_EQ(format_date(-719'528), "0000-01-01");
  EXPECT_EQ(format_date(-719'529), "-0001-12-31");
  EXPECT_EQ(parse_date("2001-01-01 00:00:00").value(), 11'323);
  EXPECT_EQ(parse_date("2001-01-01T00:00:00.000Z").value(), 11'323);
  for (const char* text :
       {"2001-01-01 00:00:01", "2001-01-01T00:00+01:00", "20010101", "0", "2001-02-30", "", "2001-01-01x"}) {
    EXPECT_FALSE(parse_date(text)) << text;
  }
  EXPECT_EQ(parse_date("5999999-01-01").error().code(), ErrorCode::out_of_range);
}

TEST(Duration, UnitsAddUp) {
  for (const auto& [text, us] : std::vector<std::pair<std::string, std::int64_t>>{{"7us", 7},
                                                                                  {"7ms", 7'000},
                                                                                  {"10s", 10'000'000},
                                                                                  {"5m", 300'000'000},
                                                                                  {"1h", 3'600'000'000},
                                                                                  {"7d", 604'800'000'000},
                                                                                  {"2w", 1'209'600'000'000},
                                                                                  {"1h30m", 5'400'000'000},
                                                                                  {"1m1ms1us", 60'001'001},
                                                                                  {"0s", 0}}) {
    EXPECT_EQ(parse_duration(text).value(), us) << text;
  }
  for (const char* text : {"", "s", "5", "1h30", "5 m", "1.5h", "-1h", "5y", "5M", "5msx", "h5"}) {
    const auto r = parse_duration(text);
    ASSERT_FALSE(r) << text;
    EXPECT_EQ(r.error().code(), ErrorCode::type_mismatch);
  }
  for (const char* text :
       {"99999999999999999999s", "99999999999999w", "9223372036854775807us9223372036854775807us"}) {
    EXPECT_EQ(parse_duration(text).error().code(), ErrorCode::out_of_range) << text;
  }
}

}  // namespace
}  // namespace firn
