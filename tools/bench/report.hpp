// Figures: collected run by run, told as median, min and max; as a table for people and as JSON for programs.
#pragma once
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "tools/bench/histogram.hpp"

namespace firn::bench {

/// One metric of one system in one workload.
struct Measurement {
  std::string workload, system, metric, unit;
  std::vector<double> runs;
  double median() const;
  double min() const;
  double max() const;
};

/// Latencies of all counted runs together.
struct Distribution {
  std::string workload, system, name;
  Histogram us;
};

/// Something a second over the time of the last counted run.
struct Course {
  std::string workload, system, name;
  double slot_s = 0;  ///< between two values
  std::vector<double> values;
};

/// The q-th quantile (0..1) of unordered values; 0 for none. Reorders them.
double quantile(std::vector<double>& values, double q);
/// Three to four significant digits, thousands separated: "0.012", "12.3", "1,234,567".
std::string short_number(double v);
/// The text between JSON's quotes.
std::string json_text(std::string_view text);

class Report {
 public:
  void add(const std::string& workload, const std::string& system, const std::string& metric,
           const std::string& unit, double value);
  void add(const std::string& workload, const std::string& system, const std::string& name,
           const Histogram& us);
  void add(Course course);
  /// What a workload does, in words.
  void describe(const std::string& workload, const std::string& meaning) { meanings_[workload] = meaning; }
  /// "" if nobody said.
  std::string meaning(const std::string& workload) const;

  const std::vector<Measurement>& measurements() const { return measurements_; }
  const std::vector<Distribution>& distributions() const { return distributions_; }
  const std::vector<Course>& courses() const { return courses_; }
  /// Null if it was not measured.
  const Measurement* find(std::string_view workload, std::string_view system, std::string_view metric) const;
  /// Each once, in the order in which they came.
  std::vector<std::string> workloads() const;
  std::vector<std::string> systems(std::string_view workload) const;
  std::vector<std::string> metrics(std::string_view workload) const;

  /// One block a workload: a line a system, a column a metric.
  std::string table(const std::string& workload) const;
  /// [{"workload", "system", "metric", "unit", "median", "min", "max", "runs"}, ...]
  std::string json() const;

 private:
  std::vector<Measurement> measurements_;
  std::vector<Distribution> distributions_;
  std::vector<Course> courses_;
  std::map<std::string, std::string> meanings_;
};

}  // namespace firn::bench
