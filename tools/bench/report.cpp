#include "tools/bench/report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace firn::bench {

namespace {

/// Four significant digits, thousands separated.
std::string short_number(double v) {
  if (v == 0) return "0";
  const double size = std::fabs(v);
  if (size < 1000) return fmt::format("{:.{}f}", v, size < 1 ? 3 : size < 10 ? 2 : size < 100 ? 1 : 0);
  std::string digits = fmt::format("{:.0f}", v);
  for (auto at = static_cast<std::ptrdiff_t>(digits.size()) - 3; at > 0; at -= 3)
    digits.insert(static_cast<std::size_t>(at), ",");
  return digits;
}

std::string cell(const Measurement& m) {
  if (m.runs.size() < 2) return short_number(m.median());
  return fmt::format("{} ({}..{})", short_number(m.median()), short_number(m.min()), short_number(m.max()));
}

template <class T>
void add_once(std::vector<T>& list, const T& v) {
  if (std::find(list.begin(), list.end(), v) == list.end()) list.push_back(v);
}

}  // namespace

double quantile(std::vector<double>& values, double q) {
  if (values.empty()) return 0;
  const auto at = static_cast<std::ptrdiff_t>(std::lround(q * static_cast<double>(values.size() - 1)));
  std::nth_element(values.begin(), values.begin() + at, values.end());
  return values[static_cast<std::size_t>(at)];
}

double Measurement::median() const {
  if (runs.empty()) return 0;
  std::vector<double> sorted = runs;
  std::sort(sorted.begin(), sorted.end());
  const std::size_t half = sorted.size() / 2;
  return sorted.size() % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}
double Measurement::min() const { return runs.empty() ? 0 : *std::min_element(runs.begin(), runs.end()); }
double Measurement::max() const { return runs.empty() ? 0 : *std::max_element(runs.begin(), runs.end()); }

void Report::add(const std::string& workload, const std::string& system, const std::string& metric,
                 const std::string& unit, double value) {
  for (Measurement& m : all_) {
    if (m.workload == workload && m.system == system && m.metric == metric) {
      m.runs.push_back(value);
      return;
    }
  }
  all_.push_back({workload, system, metric, unit, {value}});
}

std::string Report::table(const std::string& workload) const {
  std::vector<std::string> systems, metrics;
  for (const Measurement& m : all_) {
    if (m.workload != workload) continue;
    add_once(systems, m.system);
    add_once(metrics, m.metric);
  }
  std::string out = fmt::format("{:<36}", workload);
  for (const std::string& s : systems) out += fmt::format("{:>36}", s);
  out += '\n';
  for (const std::string& metric : metrics) {
    std::string line, unit;
    for (const std::string& s : systems) {
      const auto m = std::find_if(all_.begin(), all_.end(), [&](const Measurement& x) {
        return x.workload == workload && x.system == s && x.metric == metric;
      });
      if (m != all_.end()) unit = m->unit;
      line += fmt::format("{:>36}", m == all_.end() ? "-" : cell(*m));
    }
    out += fmt::format("  {:<34}{}\n", unit.empty() ? metric : metric + " [" + unit + "]", line);
  }
  return out;
}

std::string Report::json() const {
  std::string out = "[";
  for (const Measurement& m : all_) {
    out += fmt::format(
        "{}\n{{\"workload\": \"{}\", \"system\": \"{}\", \"metric\": \"{}\", \"unit\": \"{}\", \"median\": "
        "{}, "
        "\"min\": {}, \"max\": {}, \"runs\": {}}}",
        out.size() > 1 ? "," : "", m.workload, m.system, m.metric, m.unit, m.median(), m.min(), m.max(),
        m.runs.size());
  }
  return out + "\n]\n";
}

}  // namespace firn::bench
