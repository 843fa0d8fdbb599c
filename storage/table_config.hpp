// What can be set for a table. All changeable online; the defaults must do without anybody touching them.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "schema/result.hpp"
#include "schema/types.hpp"

namespace firn {

/// How the lifecycle manager decides about moves.
enum class CompactionStrategy : std::uint8_t { hybrid = 0, time_based = 1, size_based = 2, access_based = 3 };

struct CompactionPolicy {
  CompactionStrategy strategy = CompactionStrategy::hybrid;
  std::int64_t interval_us = 3'600'000'000;  ///< compaction_interval
  std::uint64_t min_size = 10u << 20;        ///< min_compaction_size, bytes
  std::uint32_t max_files = 10;              ///< max_compaction_files: overlapping inputs of one job
  bool operator==(const CompactionPolicy&) const = default;
};

struct PerformanceTuning {
  std::uint64_t read_ahead_size = 64u << 10;   ///< bytes
  std::uint64_t write_buffer_size = 1u << 20;  ///< bytes that small writes may wait in before producers wait
  std::uint32_t merge_threads = 4;             ///< never above the machine's cores
  std::uint64_t cache_size = 100u << 20;       ///< bytes the table has in the block cache; 0 = caching off
  bool operator==(const PerformanceTuning&) const = default;
};

struct HybridTableConfig {
  std::int64_t hot_tier_max_age_us = 24LL * 3'600'000'000;
  std::int64_t warm_tier_max_age_us = 7LL * 24 * 3'600'000'000;
  std::uint64_t hot_tier_max_size = 100u << 20;    ///< bytes
  std::uint64_t warm_tier_max_size = 1u << 30;     ///< bytes
  std::int64_t history_us = 24LL * 3'600'000'000;  ///< how long ended versions stay readable
  std::int64_t pin_max_age_us = 0;                 ///< snapshots older than this are given up; 0: never
  std::uint32_t small_write_rows = 1'000;          ///< a batch of at most this many rows ...
  std::uint64_t small_write_bytes = 256u << 10;    ///< ... and bytes goes to the hot tier
  int cold_compression_level = 3;                  ///< zstd
  StorageTier placement = StorageTier::none;       ///< none: automatic; else all data is kept in this tier
  CompactionPolicy compaction;
  PerformanceTuning tuning;
  bool operator==(const HybridTableConfig&) const = default;

  /// Changes one option by its name ("hot_tier_max_age=12h"): sizes take KiB MiB GiB (and K M G), times take durations.
  /// Errors: {invalid_argument} naming the option and what it accepts.
  Result<void> set(std::string_view name, std::string_view value);
  /// All options as text, in a stable order.
  struct Option {
    std::string name, value, meaning;
  };
  std::vector<Option> options() const;
};

}  // namespace firn
