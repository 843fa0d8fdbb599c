// Times as text: civil dates, timestamps, durations. Everything here is UTC and proleptic Gregorian.
#include <charconv>
#include <cstdio>

#include "schema/value.hpp"

namespace firn {
namespace {

constexpr std::int64_t kSecond = 1'000'000, kMinute = 60 * kSecond, kHour = 60 * kMinute, kDay = 24 * kHour;
constexpr std::int64_t kYearMax = 6'000'000;  // beyond any i32 number of days; keeps the arithmetic in range

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

// Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms": eras of 400 years that begin on 1 March.
std::int64_t day_number(std::int64_t year, unsigned month, unsigned day) noexcept {
  year -= month <= 2 ? 1 : 0;
  const std::int64_t era = (year >= 0 ? year : year - 399) / 400;
  const std::int64_t year_of_era = year - era * 400;
  const std::int64_t month_from_march = month > 2 ? month - 3 : month + 9;
  const std::int64_t day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
  const std::int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146'097 + day_of_era - 719'468;
}

CivilDate civil_from_day_number(std::int64_t days) noexcept {
  days += 719'468;
  const std::int64_t era = (days >= 0 ? days : days - 146'096) / 146'097;
  const std::int64_t day_of_era = days - era * 146'097;
  const std::int64_t year_of_era =
      (day_of_era - day_of_era / 1'460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const std::int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const std::int64_t month_from_march = (5 * day_of_year + 2) / 153;
  const auto day = static_cast<unsigned>(day_of_year - (153 * month_from_march + 2) / 5 + 1);
  const auto month =
      static_cast<unsigned>(month_from_march < 10 ? month_from_march + 3 : month_from_march - 9);
  return {year_of_era + era * 400 + (month <= 2 ? 1 : 0), month, day};
}

unsigned days_in_month(std::int64_t year, unsigned month) noexcept {
  const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  if (month == 2) return leap ? 29 : 28;
  return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

/// A cursor over the text; every step says whether it matched.
struct Scanner {
  std::string_view rest;

  bool done() const noexcept { return rest.empty(); }
  bool skip(char c) noexcept {
    if (rest.empty() || rest.front() != c) return false;
    rest.remove_prefix(1);
    return true;
  }
  std::size_t digits_ahead() const noexcept {
    std::size_t n = 0;
    while (n < rest.size() && is_digit(rest[n])) ++n;
    return n;
  }
  /// `n` digits as a number; n <= 18 and digits_ahead() >= n.
  std::int64_t take(std::size_t n) noexcept {
    std::int64_t v = 0;
    for (std::size_t i = 0; i < n; ++i) v = v * 10 + (rest[i] - '0');
    rest.remove_prefix(n);
    return v;
  }
  /// Exactly two digits, at most `max`.
  bool two(std::int64_t max, std::int64_t& out) noexcept {
    if (rest.size() < 2 || !is_digit(rest[0]) || !is_digit(rest[1])) return false;
    out = take(2);
    return out <= max;
  }
};

/// [-]YYYY[YYY]-MM-DD -> days since 1970.
bool scan_date(Scanner& s, std::int64_t& days) noexcept {
  const bool negative = s.skip('-');
  const std::size_t digits = s.digits_ahead();
  if (digits < 4 || digits > 7) return false;
  const std::int64_t year = negative ? -s.take(digits) : s.take(digits);
  std::int64_t month = 0, day = 0;
  if (year > kYearMax || year < -kYearMax) return false;
  if (!s.skip('-') || !s.two(12, month) || !s.skip('-') || !s.two(31, day)) return false;
  if (month < 1 || day < 1 || day > days_in_month(year, static_cast<unsigned>(month))) return false;
  days = day_number(year, static_cast<unsigned>(month), static_cast<unsigned>(day));
  return true;
}

/// .f to .fffffffff; digits behind the microseconds must be 0, lest precision vanish unseen.
bool scan_fraction(Scanner& s, std::int64_t& us) noexcept {
  const std::size_t digits = s.digits_ahead();
  if (digits < 1 || digits > 9) return false;
  std::int64_t nanos = s.take(digits);
  for (std::size_t i = digits; i < 9; ++i) nanos *= 10;
  us += nanos / 1000;
  return nanos % 1000 == 0;
}

/// HH:MM[:SS[.f]] -> microseconds of the day.
bool scan_clock(Scanner& s, std::int64_t& us) noexcept {
  std::int64_t hour = 0, minute = 0, second = 0;
  if (!s.two(23, hour) || !s.skip(':') || !s.two(59, minute)) return false;
  us = hour * kHour + minute * kMinute;
  if (!s.skip(':')) return true;
  if (!s.two(59, second)) return false;
  us += second * kSecond;
  return !s.skip('.') || scan_fraction(s, us);
}

/// Z, +hh:mm, -hh:mm or nothing -> what UTC is behind, in microseconds.
bool scan_zone(Scanner& s, std::int64_t& offset_us) noexcept {
  offset_us = 0;
  if (s.done() || s.skip('Z')) return true;
  const bool west = s.skip('-');
  std::int64_t hour = 0, minute = 0;
  if (!west && !s.skip('+')) return false;
  if (!s.two(23, hour) || !s.skip(':') || !s.two(59, minute)) return false;
  offset_us = (hour * kHour + minute * kMinute) * (west ? -1 : 1);
  return true;
}

struct CivilTime {
  std::int64_t days = 0, clock_us = 0, offset_us = 0;
};

bool scan_time(std::string_view text, CivilTime& t) noexcept {
  Scanner s{text};
  if (!scan_date(s, t.days)) return false;
  if (s.done()) return true;
  if (!s.skip(' ') && !s.skip('T')) return false;
  return scan_clock(s, t.clock_us) && scan_zone(s, t.offset_us) && s.done();
}

/// Quoted for a message; long garbage is cut.
std::string in_quotes(std::string_view text) {
  if (text.size() > 60) return "'" + std::string(text.substr(0, 57)) + "...'";
  return "'" + std::string(text) + "'";
}

bool is_whole_number(std::string_view text) noexcept {
  if (!text.empty() && text.front() == '-') text.remove_prefix(1);
  return !text.empty() && Scanner{text}.digits_ahead() == text.size();
}

std::string format_civil_date(const CivilDate& d) {
  char out[48];
  const char* format = d.year < 0 ? "-%04lld-%02u-%02u" : "%04lld-%02u-%02u";
  const long long year = d.year < 0 ? -d.year : d.year;
  const int n = std::snprintf(out, sizeof out, format, year, d.month, d.day);  // NOLINT: bounded
  return {out, static_cast<std::size_t>(n)};
}

std::optional<std::int64_t> unit_us(Scanner& s) noexcept {
  if (s.rest.starts_with("us")) return s.rest.remove_prefix(2), 1;
  if (s.rest.starts_with("ms")) return s.rest.remove_prefix(2), 1000;
  if (s.skip('s')) return kSecond;
  if (s.skip('m')) return kMinute;
  if (s.skip('h')) return kHour;
  if (s.skip('d')) return kDay;
  if (s.skip('w')) return 7 * kDay;
  return std::nullopt;
}

}  // namespace

std::int32_t days_from_civil(std::int64_t year, unsigned month, unsigned day) noexcept {
  return static_cast<std::int32_t>(day_number(year, month, day));
}

CivilDate civil_from_days(std::int32_t days) noexcept { return civil_from_day_number(days); }

std::string format_date(std::int32_t days) { return format_civil_date(civil_from_days(days)); }

std::string format_timestamp(std::int64_t us) {
  std::int64_t days = us / kDay, clock = us % kDay;
  if (clock < 0) clock += kDay, --days;
  char out[32];
  const int n = std::snprintf(  // NOLINT: bounded
      out, sizeof out, "T%02d:%02d:%02d.%06dZ", static_cast<int>(clock / kHour),
      static_cast<int>(clock / kMinute % 60), static_cast<int>(clock / kSecond % 60),
      static_cast<int>(clock % kSecond));
  return format_civil_date(civil_from_day_number(days)).append(out, static_cast<std::size_t>(n));
}

std::int64_t time_from_number(std::int64_t t) noexcept {
  if (t > -100'000'000'000 && t < 100'000'000'000) return t * kSecond;
  if (t > -100'000'000'000'000 && t < 100'000'000'000'000) return t * 1000;
  return t;
}

Result<std::int64_t> parse_timestamp(std::string_view text) {
  if (is_whole_number(text)) {
    std::int64_t t = 0;
    if (std::from_chars(text.data(), text.data() + text.size(), t).ec != std::errc{}) {
      return Error(ErrorCode::out_of_range, in_quotes(text) + " does not fit a timestamp");
    }
    return time_from_number(t);
  }
  CivilTime t;
  if (!scan_time(text, t)) {
    return Error(ErrorCode::type_mismatch,
                 in_quotes(text) +
                     " is no timestamp; write 2001-12-31, 2001-12-31 23:59:59.999999 "
                     "(T for the blank, Z or +hh:mm at the end) or a whole number");
  }
  // The first representable moment is within a day whose start is not: count such days from their end.
  std::int64_t us = 0, of_day = t.clock_us - t.offset_us;
  if (t.days < 0) ++t.days, of_day -= kDay;
  if (__builtin_mul_overflow(t.days, kDay, &us) || __builtin_add_overflow(us, of_day, &us)) {
    return Error(ErrorCode::out_of_range, in_quotes(text) + " does not fit a timestamp");
  }
  return us;
}

Result<std::int32_t> parse_date(std::string_view text) {
  CivilTime t;
  if (!scan_time(text, t)) {
    return Error(ErrorCode::type_mismatch, in_quotes(text) + " is no date; write 2001-12-31");
  }
  if (t.clock_us != 0 || t.offset_us != 0) {
    return Error(ErrorCode::type_mismatch,
                 in_quotes(text) + " is a time within a day, not a date; write 2001-12-31");
  }
  if (t.days != static_cast<std::int32_t>(t.days)) {
    return Error(ErrorCode::out_of_range, in_quotes(text) + " does not fit a date");
  }
  return static_cast<std::int32_t>(t.days);
}

Result<std::int64_t> parse_duration(std::string_view text) {
  Scanner s{text};
  std::int64_t total = 0;
  do {
    const std::size_t digits = s.digits_ahead();
    if (digits == 0 || digits == s.rest.size()) {
      return Error(
          ErrorCode::type_mismatch,
          in_quotes(text) + " is no duration; write a number and a unit (us ms s m h d w): 90s, 1h30m");
    }
    if (digits > 18) return Error(ErrorCode::out_of_range, "duration " + in_quotes(text) + " is too long");
    std::int64_t part = s.take(digits);
    const auto unit = unit_us(s);
    if (!unit) {
      return Error(ErrorCode::type_mismatch,
                   "duration " + in_quotes(text) + " has an unknown unit; known are us ms s m h d w");
    }
    if (__builtin_mul_overflow(part, *unit, &part) || __builtin_add_overflow(total, part, &total)) {
      return Error(ErrorCode::out_of_range, "duration " + in_quotes(text) + " is too long");
    }
  } while (!s.done());
  return total;
}

}  // namespace firn
