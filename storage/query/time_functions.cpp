// Functions on times. All arithmetic is UTC in the proleptic Gregorian calendar; weeks begin on Monday.
#include "storage/query/functions.hpp"
#include "storage/query/kernel_loops.hpp"

namespace firn::storage::query {
namespace {

using Args = std::span<const Vector>;

constexpr std::int64_t kSecondUs = 1'000'000, kMinuteUs = 60 * kSecondUs, kHourUs = 60 * kMinuteUs,
                       kDayUs = 24 * kHourUs;

// The first hours after INT64_MIN have no whole day below them that i64 could hold.
constexpr std::int64_t kLowest = INT64_MIN + kDayUs;

std::int64_t floor_div(std::int64_t a, std::int64_t b) {
  return a / b - static_cast<std::int64_t>(a % b < 0);
}

enum class Unit : std::int64_t {
  microsecond,
  millisecond,
  second,
  minute,
  hour,
  day,
  week,
  month,
  quarter,
  year
};

constexpr std::pair<std::string_view, Unit> kUnits[] = {{"microsecond", Unit::microsecond},
                                                        {"millisecond", Unit::millisecond},
                                                        {"second", Unit::second},
                                                        {"minute", Unit::minute},
                                                        {"hour", Unit::hour},
                                                        {"day", Unit::day},
                                                        {"week", Unit::week},
                                                        {"month", Unit::month},
                                                        {"quarter", Unit::quarter},
                                                        {"year", Unit::year}};

std::int64_t fixed_us(Unit u) {
  switch (u) {
    case Unit::millisecond:
      return 1000;
    case Unit::second:
      return kSecondUs;
    case Unit::minute:
      return kMinuteUs;
    case Unit::hour:
      return kHourUs;
    case Unit::day:
      return kDayUs;
    default:
      return 1;
  }
}

CivilDate civil(std::int64_t us) { return civil_from_days(static_cast<std::int32_t>(floor_div(us, kDayUs))); }

/// The floor of t in steps of `step`, counted from `origin`. False if it lies outside of i64.
bool floor_to(std::int64_t t, std::int64_t step, std::int64_t origin, std::int64_t& out) {
  __extension__ using Wide = __int128;
  const Wide d = static_cast<Wide>(t) - origin;
  Wide q = d / step;
  if (d % step < 0) --q;
  const Wide r = q * step + origin;
  if (r < INT64_MIN || r > INT64_MAX) return false;
  out = static_cast<std::int64_t>(r);
  return true;
}

bool truncate(std::int64_t t, Unit unit, std::int64_t& out) {
  constexpr std::int64_t kMondayUs = 4 * kDayUs;  // 1970-01-05
  if (unit <= Unit::day) return floor_to(t, fixed_us(unit), 0, out);
  if (unit == Unit::week) return floor_to(t, 7 * kDayUs, kMondayUs, out);
  CivilDate d = civil(t);
  if (unit == Unit::quarter) d.month = (d.month - 1) / 3 * 3 + 1;
  if (unit == Unit::year) d.month = 1;
  return !__builtin_mul_overflow(std::int64_t{days_from_civil(d.year, d.month, 1)}, kDayUs, &out);
}

Result<Vector> date_trunc(const Node& node, Args args, std::size_t rows) {
  const auto unit = static_cast<Unit>(node.parameter);
  return map_one_or_null<std::int64_t, std::int64_t>(
      Lane::i64, args, rows, [unit](std::int64_t t, std::int64_t& out) { return truncate(t, unit, out); });
}

Result<Vector> time_bucket(const Node& node, Args args, std::size_t rows) {
  const std::int64_t step = node.parameter;
  const std::int64_t origin = args.size() > 1 ? int_at(args[1], 0) : 0;
  return map_one_or_null<std::int64_t, std::int64_t>(
      Lane::i64, args, rows,
      [=](std::int64_t t, std::int64_t& out) { return floor_to(t, step, origin, out); });
}

enum Part : std::int64_t {
  kYear,
  kQuarter,
  kMonth,
  kDay,
  kHour,
  kMinute,
  kSecond,
  kDayOfWeek,
  kDayOfYear,
  kEpoch
};

std::int64_t part_of(std::int64_t t, Part part) {
  switch (part) {
    case kHour:
      return (t - floor_div(t, kDayUs) * kDayUs) / kHourUs;
    case kMinute:
      return (t - floor_div(t, kHourUs) * kHourUs) / kMinuteUs;
    case kSecond:
      return (t - floor_div(t, kMinuteUs) * kMinuteUs) / kSecondUs;
    case kEpoch:
      return floor_div(t, kSecondUs);
    case kDayOfWeek: {  // 0 is Sunday; 1970-01-01 was a Thursday
      const std::int64_t days = floor_div(t, kDayUs) + 4;
      return days - floor_div(days, 7) * 7;
    }
    default:
      break;
  }
  const CivilDate d = civil(t);
  switch (part) {
    case kYear:
      return d.year;
    case kQuarter:
      return (d.month - 1) / 3 + 1;
    case kMonth:
      return d.month;
    case kDayOfYear:
      return floor_div(t, kDayUs) - days_from_civil(d.year, 1, 1) + 1;
    default:
      return d.day;
  }
}

template <Part part>
Result<Vector> time_part(const Node&, Args args, std::size_t rows) {
  return map_one<std::int64_t, std::int64_t>(
      Lane::i64, args, rows, [](std::int64_t t) { return part_of(std::max(t, kLowest), part); });
}

void append_number(std::string& out, std::int64_t v, std::size_t width) {
  const std::string digits = std::to_string(v);
  if (digits.size() < width) out.append(width - digits.size(), '0');
  out += digits;
}

void format_time(std::string& out, std::string_view format, std::int64_t t) {
  for (std::size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%' || i + 1 == format.size()) {
      out.push_back(format[i]);
      continue;
    }
    switch (format[++i]) {
      case 'Y':
        append_number(out, part_of(t, kYear), 4);
        break;
      case 'm':
        append_number(out, part_of(t, kMonth), 2);
        break;
      case 'd':
        append_number(out, part_of(t, kDay), 2);
        break;
      case 'H':
        append_number(out, part_of(t, kHour), 2);
        break;
      case 'M':
        append_number(out, part_of(t, kMinute), 2);
        break;
      case 'S':
        append_number(out, part_of(t, kSecond), 2);
        break;
      case 'j':
        append_number(out, part_of(t, kDayOfYear), 3);
        break;
      case 'w':
        append_number(out, part_of(t, kDayOfWeek), 1);
        break;
      case 's':
        append_number(out, part_of(t, kEpoch), 1);
        break;
      case 'F':
        format_time(out, "%Y-%m-%d", t);
        break;
      case 'T':
        format_time(out, "%H:%M:%S", t);
        break;
      case 'f':
        append_number(out, part_of(t, kSecond), 2);
        out.push_back('.');
        append_number(out, (t - floor_div(t, kSecondUs) * kSecondUs) / 1000, 3);
        break;
      case '%':
        out.push_back('%');
        break;
      default:
        out.append({'%', format[i]});
        break;
    }
  }
}

Result<Vector> strftime(const Node&, Args args, std::size_t rows) {
  StringsOut out(rows);
  for (std::size_t i = 0; i < rows; ++i) {
    const bool present = !any_null(args, i);
    if (present) format_time(out.arena(), text_at(args[0], i), std::max(int_at(args[1], i), kLowest));
    out.end(present);
  }
  return out.finish();
}

std::string lower(std::string s) {
  for (char& c : s)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
  return s;
}

}  // namespace

Result<NodePtr> make_date_trunc(std::vector<NodePtr> args, Place place) {
  if (!args[0]->is_constant() || args[0]->type != TypeId::utf8 || args[0]->constant.is_null())
    return place.error(ErrorCode::type_mismatch,
                       "date_trunc() takes the unit as a literal, as in date_trunc('hour', t)");
  const std::string name = lower(args[0]->constant.as_bytes());
  FIRN_ASSIGN(const NodePtr time, convert_argument(args[1], ArgKind::timestamp, "date_trunc", place));
  std::vector<std::string_view> known;
  for (const auto& [unit_name, unit] : kUnits) {
    if (name == unit_name || name == std::string(unit_name) + "s")
      return kernel_node(date_trunc, TypeId::timestamp, {time}, place, false,
                         static_cast<std::int64_t>(unit));
    known.push_back(unit_name);
  }
  return place.error(ErrorCode::parse, "unknown unit '" + name + "'" + did_you_mean(name, known));
}

Result<NodePtr> make_time_bucket(std::vector<NodePtr> args, Place place) {
  const NodePtr& width = args[0];
  std::int64_t us = 0;
  if (width->is_constant() && width->type == TypeId::utf8 && !width->constant.is_null()) {
    auto parsed = parse_duration(width->constant.as_bytes());
    if (!parsed) return place.error(ErrorCode::parse, parsed.error().message());
    us = *parsed;
  } else if (width->is_constant() && width->type == TypeId::i64 && !width->constant.is_null()) {
    us = width->constant.as_signed();
  } else {
    return place.error(ErrorCode::type_mismatch,
                       "time_bucket() takes the width as a literal, as in time_bucket(5m, t)");
  }
  if (us <= 0) return place.error(ErrorCode::out_of_range, "the width of time_bucket() must be above 0");
  FIRN_ASSIGN(const NodePtr time, convert_argument(args[1], ArgKind::timestamp, "time_bucket", place));
  std::vector<NodePtr> operands{time};
  if (args.size() > 2) {
    FIRN_ASSIGN(const NodePtr origin, convert_argument(args[2], ArgKind::timestamp, "time_bucket", place));
    if (!origin->is_constant() || origin->constant.is_null())
      return place.error(ErrorCode::type_mismatch, "the origin of time_bucket() must be a literal");
    operands.push_back(origin);
  }
  return kernel_node(time_bucket, TypeId::timestamp, std::move(operands), place, false, us);
}

std::span<const FunctionEntry> time_functions() {
  using A = ArgKind;
  static const FunctionEntry entries[] = {
      {"year", 1, 1, {A::timestamp}, TypeId::i64, time_part<kYear>},
      {"quarter", 1, 1, {A::timestamp}, TypeId::i64, time_part<kQuarter>},
      {"month", 1, 1, {A::timestamp}, TypeId::i64, time_part<kMonth>},
      {"day", 1, 1, {A::timestamp}, TypeId::i64, time_part<kDay>},
      {"hour", 1, 1, {A::timestamp}, TypeId::i64, time_part<kHour>},
      {"minute", 1, 1, {A::timestamp}, TypeId::i64, time_part<kMinute>},
      {"second", 1, 1, {A::timestamp}, TypeId::i64, time_part<kSecond>},
      {"dow", 1, 1, {A::timestamp}, TypeId::i64, time_part<kDayOfWeek>},
      {"doy", 1, 1, {A::timestamp}, TypeId::i64, time_part<kDayOfYear>},
      {"epoch", 1, 1, {A::timestamp}, TypeId::i64, time_part<kEpoch>},
      {"strftime", 2, 2, {A::text, A::timestamp}, TypeId::utf8, strftime},
  };
  return entries;
}

}  // namespace firn::storage::query
