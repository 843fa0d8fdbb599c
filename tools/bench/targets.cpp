#include "tools/bench/targets.hpp"

#include <fmt/format.h>

namespace firn::bench {

namespace {

/// `metric` of firn against `factor` times the reference; without a reference the factor is the limit itself.
struct Rule {
  const char *workload, *metric;
  bool at_most;
  double factor;
  const char *of_workload, *of_system, *of_metric;  ///< workload null: none
  const char* words;                                ///< behind "at most 1.25 x"
  bool aim = false;
};

constexpr bool kMost = true, kLeast = false;

constexpr Rule kRules[] = {
    {"small_1w", "p50_us", kMost, 1.25, "device", "device", "append_sync_256_p50",
     "the device's append and sync"},
    {"small_16w", "rows_per_s", kLeast, 12, "small_16w", "lmdb", "rows_per_s", "lmdb"},
    {"small_16w", "rows_per_s", kLeast, 2.5, "small_16w", "rocksdb", "rows_per_s", "rocksdb", true},
    {"small_64w", "rows_per_s", kLeast, 12, "small_64w", "lmdb", "rows_per_s", "lmdb"},
    {"small_64w", "rows_per_s", kLeast, 2.5, "small_64w", "rocksdb", "rows_per_s", "rocksdb", true},
    {"bulk_arrow", "rows_per_s", kLeast, 8, "bulk_arrow", "lmdb", "rows_per_s", "lmdb"},
    {"bulk_arrow", "rows_per_s", kLeast, 8, "bulk_arrow", "rocksdb", "rows_per_s", "rocksdb"},
    {"bulk_arrow", "logical_mb_per_s", kLeast, 0.5, "device", "device", "sequential_write_direct",
     "the device's sequential write"},
    {"bulk_rows", "rows_per_s", kLeast, 8, "bulk_rows", "lmdb", "rows_per_s", "lmdb"},
    {"bulk_rows", "rows_per_s", kLeast, 8, "bulk_rows", "rocksdb", "rows_per_s", "rocksdb"},
    {"bulk_rows", "logical_mb_per_s", kLeast, 0.5, "device", "device", "sequential_write_direct",
     "the device's sequential write"},
    {"csv_import", "rows_per_s", kLeast, 1, "csv_import", "duckdb", "rows_per_s", "duckdb"},
    {"mixed", "p99_beside_us", kMost, 5, "mixed", "firn", "p99_alone_us", "its p99 alone"},
    {"mixed", "longest_pause_ms", kMost, 100, nullptr, nullptr, nullptr, "ms"},
    {"steady", "longest_pause_ms", kMost, 100, nullptr, nullptr, nullptr, "ms"},
    {"point_hot", "p50_us", kMost, 1.3, "point_hot", "lmdb", "p50_us", "lmdb"},
    {"point_cold", "p50_us", kMost, 0.5, "point_cold", "rocksdb", "p50_us", "rocksdb"},
    {"group_by", "ms", kMost, 0.5, "group_by", "duckdb", "ms", "duckdb"},
    {"filter_count", "ms", kMost, 0.5, "filter_count", "duckdb", "ms", "duckdb"},
    {"newest_1pct", "ms", kMost, 1, "newest_1pct", "duckdb", "ms", "duckdb"},
    {"as_of", "group_by_p95_ratio", kMost, 2, nullptr, nullptr, nullptr, "x the query now"},
    {"as_of", "range_p95_ratio", kMost, 2, nullptr, nullptr, nullptr, "x the query now"},
    {"as_of", "point_p95_ratio", kMost, 2, nullptr, nullptr, nullptr, "x the read now"},
    {"as_of", "random_group_by_p95_ratio", kMost, 2, nullptr, nullptr, nullptr, "x the query now"},
    {"as_of", "random_range_p95_ratio", kMost, 2, nullptr, nullptr, nullptr, "x the query now"},
    {"as_of", "random_point_p95_ratio", kMost, 2, nullptr, nullptr, nullptr, "x the read now"},
    {"upsert_scan", "lag_ms", kMost, 1000, nullptr, nullptr, nullptr, "ms"},
    {"upsert_scan", "upserted_ms", kMost, 1.5, "upsert_scan", "firn", "clean_ms", "the clean scan"},
    {"upsert_scan", "compacted_ms", kMost, 1.1, "upsert_scan", "firn", "clean_ms", "the clean scan"},
    {"size_events", "bytes_per_row", kMost, 0.5, "size_events", "duckdb", "bytes_per_row", "duckdb"},
    {"size_events", "bytes_per_row", kMost, 0.8, "size_events", "duckdb", "parquet_zstd_bytes_per_row",
     "Parquet with zstd"},
    {"size_flights", "bytes_per_row", kMost, 0.5, "size_flights", "duckdb", "bytes_per_row", "duckdb"},
    {"size_flights", "bytes_per_row", kMost, 0.8, "size_flights", "duckdb", "parquet_zstd_bytes_per_row",
     "Parquet with zstd"},
    {"recovery", "open_ms", kMost, 2000, nullptr, nullptr, nullptr, "ms"},
};

}  // namespace

std::vector<Target> targets_of(const Report& report) {
  std::vector<Target> all;
  for (const Rule& rule : kRules) {
    const Measurement* own = report.find(rule.workload, "firn", rule.metric);
    if (own == nullptr) continue;
    Target t{rule.workload, rule.metric, own->unit, rule.at_most ? "at most " : "at least ",
             rule.at_most,  rule.aim};
    t.value = own->median();
    if (rule.of_workload == nullptr) {
      t.absolute = true;
      t.limit = rule.factor;
      t.words += fmt::format("{} {}", short_number(rule.factor), rule.words);
    } else {
      const Measurement* of = report.find(rule.of_workload, rule.of_system, rule.of_metric);
      if (of == nullptr) continue;
      t.limit = rule.factor * of->median();
      t.words += fmt::format("{} x {}", rule.factor, rule.words);
    }
    all.push_back(std::move(t));
  }
  return all;
}

std::string target_lines(const std::vector<Target>& targets, std::string_view workload) {
  std::string out;
  for (const Target& t : targets) {
    if (t.workload != workload) continue;
    const std::string limit = t.absolute ? "" : " = " + short_number(t.limit);
    out += fmt::format("  {} {} {}{}: firn {} {}, {:.2f} of it, {}\n", t.aim ? "aim   " : "target", t.metric,
                       t.words, limit, short_number(t.value), t.unit, t.value / t.limit,
                       t.met() ? "met" : "missed");
  }
  return out;
}

}  // namespace firn::bench
