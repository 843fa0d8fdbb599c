// Figures: collected run by run, told as median, min and max; as a table for people and as JSON for programs.
#pragma once
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace firn::bench {

/// One metric of one system in one workload.
struct Measurement {
  std::string workload, system, metric, unit;
  std::vector<double> runs;
  double median() const;
  double min() const;
  double max() const;
};

/// The q-th quantile (0..1) of unordered values; 0 for none. Reorders them.
double quantile(std::vector<double>& values, double q);

class Report {
 public:
  void add(const std::string& workload, const std::string& system, const std::string& metric,
           const std::string& unit, double value);
  /// One block a workload: a line a metric, a column a system.
  std::string table(const std::string& workload) const;
  /// [{"workload", "system", "metric", "unit", "median", "min", "max", "runs"}, ...]
  std::string json() const;
  bool empty() const { return all_.empty(); }

 private:
  std::vector<Measurement> all_;
};

}  // namespace firn::bench
