#include "tools/bench/report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace firn::bench {

namespace {

std::string cell(const Measurement& m) {
  if (m.runs.size() < 2) return short_number(m.median());
  return fmt::format("{} ({}..{})", short_number(m.median()), short_number(m.min()), short_number(m.max()));
}

/// JSON has no word for what is no number.
std::string json_number(double v) { return std::isfinite(v) ? fmt::format("{}", v) : "null"; }

/// The field's different values among the measurements of a workload ("": of all).
std::vector<std::string> each_once(const std::vector<Measurement>& all, std::string_view workload,
                                   std::string Measurement::*field) {
  std::vector<std::string> list;
  for (const Measurement& m : all) {
    if (!workload.empty() && m.workload != workload) continue;
    if (std::find(list.begin(), list.end(), m.*field) == list.end()) list.push_back(m.*field);
  }
  return list;
}

}  // namespace

std::string short_number(double v) {
  if (v == 0) return "0";
  const double size = std::fabs(v);
  if (size < 1000) return fmt::format("{:.{}f}", v, size < 1 ? 3 : size < 10 ? 2 : size < 100 ? 1 : 0);
  std::string digits = fmt::format("{:.0f}", size);
  for (auto at = static_cast<std::ptrdiff_t>(digits.size()) - 3; at > 0; at -= 3)
    digits.insert(static_cast<std::size_t>(at), ",");
  return (v < 0 ? "-" : "") + digits;
}

std::string json_text(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '"' || c == '\\')
      out.append({'\\', c});
    else if (static_cast<unsigned char>(c) < 0x20)
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    else
      out += c;
  }
  return out;
}

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
  for (Measurement& m : measurements_) {
    if (m.workload == workload && m.system == system && m.metric == metric) {
      m.runs.push_back(value);
      return;
    }
  }
  measurements_.push_back({workload, system, metric, unit, {value}});
}

void Report::add(const std::string& workload, const std::string& system, const std::string& name,
                 const Histogram& us) {
  for (Distribution& d : distributions_) {
    if (d.workload == workload && d.system == system && d.name == name) {
      d.us.merge(us);
      return;
    }
  }
  distributions_.push_back({workload, system, name, us});
}

void Report::add(Course course) {
  for (Course& c : courses_) {
    if (c.workload == course.workload && c.system == course.system && c.name == course.name) {
      c = std::move(course);
      return;
    }
  }
  courses_.push_back(std::move(course));
}

const Measurement* Report::find(std::string_view workload, std::string_view system,
                                std::string_view metric) const {
  for (const Measurement& m : measurements_)
    if (m.workload == workload && m.system == system && m.metric == metric) return &m;
  return nullptr;
}

std::string Report::meaning(const std::string& workload) const {
  const auto found = meanings_.find(workload);
  return found == meanings_.end() ? "" : found->second;
}

std::vector<std::string> Report::workloads() const {
  return each_once(measurements_, "", &Measurement::workload);
}
std::vector<std::string> Report::systems(std::string_view workload) const {
  return each_once(measurements_, workload, &Measurement::system);
}
std::vector<std::string> Report::metrics(std::string_view workload) const {
  return each_once(measurements_, workload, &Measurement::metric);
}

std::string Report::table(const std::string& workload) const {
  const std::vector<std::string> columns = metrics(workload);
  std::vector<std::vector<std::string>> lines{{workload}};
  for (const std::string& metric : columns) {
    const auto m = std::find_if(measurements_.begin(), measurements_.end(), [&](const Measurement& x) {
      return x.workload == workload && x.metric == metric;
    });
    lines.front().push_back(m->unit.empty() ? metric : metric + " [" + m->unit + "]");
  }
  for (const std::string& system : systems(workload)) {
    lines.push_back({"  " + system});
    for (const std::string& metric : columns) {
      const Measurement* m = find(workload, system, metric);
      lines.back().push_back(m == nullptr ? "-" : cell(*m));
    }
  }
  std::string out;
  for (const auto& line : lines) {
    out += fmt::format("{:<14}", line[0]);
    for (std::size_t c = 1; c < line.size(); ++c) {
      std::size_t width = 0;
      for (const auto& other : lines) width = std::max(width, other[c].size());
      out += fmt::format("  {:>{}}", line[c], width);
    }
    out += '\n';
  }
  return out;
}

std::string Report::json() const {
  std::string out = "[";
  for (const Measurement& m : measurements_) {
    out += fmt::format(
        "{}\n{{\"workload\": \"{}\", \"system\": \"{}\", \"metric\": \"{}\", \"unit\": \"{}\", "
        "\"median\": {}, \"min\": {}, \"max\": {}, \"runs\": {}}}",
        out.size() > 1 ? "," : "", json_text(m.workload), json_text(m.system), json_text(m.metric),
        json_text(m.unit), json_number(m.median()), json_number(m.min()), json_number(m.max()),
        m.runs.size());
  }
  return out + "\n]\n";
}

}  // namespace firn::bench
