#include "storage/table_config.hpp"

#include <charconv>
#include <functional>

#include "schema/value.hpp"

namespace firn {
namespace {

Error bad(std::string_view name, std::string_view value, std::string_view accepts) {
  return {ErrorCode::invalid_argument,
          "option " + std::string(name) + ": '" + std::string(value) + "' is not " + std::string(accepts)};
}

Result<std::uint64_t> parse_size(std::string_view name, std::string_view text) {
  std::uint64_t number = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), number);
  std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
  while (!unit.empty() && unit.front() == ' ') unit.remove_prefix(1);
  unsigned shift = 0;
  if (unit == "KiB" || unit == "K" || unit == "k")
    shift = 10;
  else if (unit == "MiB" || unit == "M")
    shift = 20;
  else if (unit == "GiB" || unit == "G")
    shift = 30;
  else if (!unit.empty() && unit != "B")
    return bad(name, text, "a size such as 64MiB");
  if (ec != std::errc() || number > (~std::uint64_t{0} >> shift))
    return bad(name, text, "a size such as 64MiB");
  return number << shift;
}

std::string format_size(std::uint64_t bytes) {
  static constexpr std::pair<unsigned, const char*> kUnits[] = {{30, "GiB"}, {20, "MiB"}, {10, "KiB"}};
  for (const auto& [shift, unit] : kUnits)
    if (bytes != 0 && bytes % (std::uint64_t{1} << shift) == 0) return std::to_string(bytes >> shift) + unit;
  return std::to_string(bytes);
}

std::string format_duration(std::int64_t us) {
  static constexpr std::pair<std::int64_t, const char*> kUnits[] = {
      {86'400'000'000, "d"}, {3'600'000'000, "h"}, {60'000'000, "m"}, {1'000'000, "s"}, {1'000, "ms"}};
  for (const auto& [size, unit] : kUnits)
    if (us != 0 && us % size == 0) return std::to_string(us / size) + unit;
  return us == 0 ? "0s" : std::to_string(us) + "us";
}

Result<std::int64_t> parse_age(std::string_view name, std::string_view text) {
  if (text == "0") return std::int64_t{0};
  Result<std::int64_t> r = parse_duration(text);
  if (!r || *r < 0) return bad(name, text, "a duration such as 12h");
  return *r;
}

template <class T>
Result<T> parse_count(std::string_view name, std::string_view text, T min, T max) {
  T number{};
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (ec != std::errc() || end != text.data() + text.size() || number < min || number > max)
    return bad(name, text, "a whole number from " + std::to_string(min) + " to " + std::to_string(max));
  return number;
}

constexpr std::string_view kStrategies[] = {"hybrid", "time_based", "size_based", "access_based"};

struct Rule {
  std::string_view name, meaning;
  std::function<Result<void>(HybridTableConfig&, std::string_view)> set;
  std::function<std::string(const HybridTableConfig&)> get;
};

template <class Get>
Rule age(std::string_view name, std::string_view meaning, Get member) {
  return {
      name, meaning,
      [=](HybridTableConfig& c, std::string_view v) -> Result<void> {
        FIRN_ASSIGN(member(c), parse_age(name, v));
        return {};
      },
      [=](const HybridTableConfig& c) { return format_duration(member(const_cast<HybridTableConfig&>(c))); }};
}

template <class Get>
Rule size(std::string_view name, std::string_view meaning, Get member) {
  return {name, meaning,
          [=](HybridTableConfig& c, std::string_view v) -> Result<void> {
            FIRN_ASSIGN(member(c), parse_size(name, v));
            return {};
          },
          [=](const HybridTableConfig& c) { return format_size(member(const_cast<HybridTableConfig&>(c))); }};
}

template <class T, class Get>
Rule count(std::string_view name, std::string_view meaning, T min, T max, Get member) {
  return {
      name, meaning,
      [=](HybridTableConfig& c, std::string_view v) -> Result<void> {
        FIRN_ASSIGN(member(c), parse_count<T>(name, v, min, max));
        return {};
      },
      [=](const HybridTableConfig& c) { return std::to_string(member(const_cast<HybridTableConfig&>(c))); }};
}

const std::vector<Rule>& rules() {
  using C = HybridTableConfig;
  static const std::vector<Rule> all = {
      age(
          "hot_tier_max_age", "hot rows older than this move to warm",
          [](C & c) -> auto& { return c.hot_tier_max_age_us; }),
      age(
          "warm_tier_max_age", "warm blocks older than this move to cold",
          [](C & c) -> auto& { return c.warm_tier_max_age_us; }),
      size(
          "hot_tier_max_size", "a larger hot tier is demoted",
          [](C & c) -> auto& { return c.hot_tier_max_size; }),
      size(
          "warm_tier_max_size", "a larger warm tier is archived",
          [](C & c) -> auto& { return c.warm_tier_max_size; }),
      age(
          "history", "how long replaced and deleted rows stay readable",
          [](C & c) -> auto& { return c.history_us; }),
      age(
          "pin_max_age", "snapshots held longer than this are given up and their reads fail; 0s: never",
          [](C & c) -> auto& { return c.pin_max_age_us; }),
      count<std::uint32_t>(
          "small_write_rows", "batches of at most this many rows go to hot", 0, 1'000'000,
          [](C & c) -> auto& { return c.small_write_rows; }),
      size(
          "small_write_bytes", "and of at most this many bytes",
          [](C & c) -> auto& { return c.small_write_bytes; }),
      count<int>(
          "cold_compression_level", "zstd level of cold segments", 1, 19,
          [](C & c) -> auto& { return c.cold_compression_level; }),
      age(
          "compaction_interval", "how often small files are looked for",
          [](C & c) -> auto& { return c.compaction.interval_us; }),
      size(
          "min_compaction_size", "files below this are merged",
          [](C & c) -> auto& { return c.compaction.min_size; }),
      count<std::uint32_t>(
          "max_compaction_files", "inputs of one merge", 2, 1'000,
          [](C & c) -> auto& { return c.compaction.max_files; }),
      size(
          "read_ahead_size", "bytes read at once when scanning",
          [](C & c) -> auto& { return c.tuning.read_ahead_size; }),
      size(
          "write_buffer_size", "small writes in flight before producers wait",
          [](C & c) -> auto& { return c.tuning.write_buffer_size; }),
      count<std::uint32_t>(
          "merge_threads", "threads of one scan; never above the cores", 1, 256,
          [](C & c) -> auto& { return c.tuning.merge_threads; }),
      size(
          "cache_size", "bytes of this table's files and past kept in memory; 0: caching off",
          [](C & c) -> auto& { return c.tuning.cache_size; }),
      {"placement", "auto, or the tier that holds everything",
       [](C& c, std::string_view v) -> Result<void> {
         if (v == "auto") {
           c.placement = StorageTier::none;
           return {};
         }
         const auto tier = tier_from_name(v);
         if (!tier || *tier == StorageTier::none) return bad("placement", v, "one of auto, hot, warm, cold");
         c.placement = *tier;
         return {};
       },
       [](const C& c) {
         return c.placement == StorageTier::none ? "auto" : std::string(name_of(c.placement));
       }},
      {"strategy", "what moves rows: hybrid, time_based, size_based, access_based",
       [](C& c, std::string_view v) -> Result<void> {
         for (std::size_t i = 0; i < std::size(kStrategies); ++i) {
           if (v != kStrategies[i]) continue;
           c.compaction.strategy = static_cast<CompactionStrategy>(i);
           return {};
         }
         return bad("strategy", v, "one of hybrid, time_based, size_based, access_based");
       },
       [](const C& c) { return std::string(kStrategies[static_cast<std::size_t>(c.compaction.strategy)]); }},
  };
  return all;
}

}  // namespace

Result<void> HybridTableConfig::set(std::string_view name, std::string_view value) {
  std::string known;
  for (const Rule& rule : rules()) {
    if (rule.name == name) return rule.set(*this, value);
    known += (known.empty() ? "" : ", ") + std::string(rule.name);
  }
  return Error(ErrorCode::invalid_argument,
               "unknown option '" + std::string(name) + "'; there are: " + known);
}

std::vector<HybridTableConfig::Option> HybridTableConfig::options() const {
  std::vector<Option> list;
  for (const Rule& rule : rules())
    list.push_back({std::string(rule.name), rule.get(*this), std::string(rule.meaning)});
  return list;
}

}  // namespace firn
