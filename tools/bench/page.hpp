// The report as a page for people: one file that needs no other, light and dark.
#pragma once
#include <string>

#include "tools/bench/machine.hpp"
#include "tools/bench/report.hpp"

namespace firn::bench {

/// A document of its own: setting, targets, and for each workload bars with their spread, latency distributions,
/// throughput over time, and all figures as a table.
std::string html_page(const Report& report, const Setting& setting);
/// The workloads' main figures in one picture.
std::string svg_overview(const Report& report);

}  // namespace firn::bench
