// What firn is to reach: ratios to peers, to the device and to itself, of the same run. Nothing fails by them; they are
// told beside the figures.
#pragma once
#include <optional>

#include "tools/bench/report.hpp"

namespace firn::bench {

struct Target {
  std::string workload, metric, unit;
  std::string words;      ///< "at least 12 x lmdb"
  bool at_most = false;   ///< else at least
  bool aim = false;       ///< may be missed with a reason
  bool absolute = false;  ///< `words` hold the limit itself
  double limit = 0;       ///< what that comes to in this run
  double value = 0;       ///< firn's median
  bool met() const { return at_most ? value <= limit : value >= limit; }
};

/// Those whose figures were measured, in the order of the workloads.
std::vector<Target> targets_of(const Report& report);
/// A line each, indented, of one workload.
std::string target_lines(const std::vector<Target>& targets, std::string_view workload);

}  // namespace firn::bench
