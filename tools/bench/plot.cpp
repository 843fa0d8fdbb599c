#include "tools/bench/plot.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "tools/bench/plot_paper.hpp"

namespace firn::bench {

namespace {

constexpr double kLabels = 78, kGap = 8;  // pixels for the names on the left
constexpr double kTitle = 24, kTicks = 22;

std::string own_or(std::string_view system, std::string_view css) {
  return system == "firn" ? fmt::format("{} own", css) : std::string(css);
}

std::string upright_ticks(const Axis& axis, double top, double bottom, int most) {
  std::string out;
  for (const double v : axis.ticks(most)) {
    out += line(axis.at(v), top, axis.at(v), bottom, "grid");
    out += words(axis.at(v), bottom + 14, compact_number(v), "quiet small", "middle");
  }
  return out;
}

std::string spread(const Axis& axis, const Bar& bar, double y, double half) {
  if (bar.max <= bar.min) return {};
  const double from = axis.at(bar.min), to = axis.at(bar.max);
  return line(from, y, to, y, "ink spread") + line(from, y - half, from, y + half, "ink spread") +
         line(to, y - half, to, y + half, "ink spread");
}

/// Targets as dashed lines, their names above the plot, each on a line of its own.
std::string marks(const BarChart& chart, const Axis& axis, double top, double bottom, double width) {
  constexpr double kLetter = 6;  // pixels, about
  std::string out;
  double y = top - 4 - 13 * static_cast<double>(chart.marks.size() - 1);
  for (const BarChart::Mark& m : chart.marks) {
    const double x = axis.at(m.at);
    out += line(x, y + 3, x, bottom, "mark");
    const bool fits = x + kLetter * static_cast<double>(m.label.size()) < width;
    out += words(fits ? x - 3 : x + 3, y, m.label, "marktext small", fits ? "start" : "end");
    y += 13;
  }
  return out;
}

}  // namespace

Drawing bar_chart(const BarChart& chart, double width) {
  constexpr double kRow = 22, kBar = 13, kValues = 64;
  const double left = kLabels + kGap, right = width - kValues;
  const double top = kTitle + (chart.marks.empty() ? 4 : 6 + 13 * static_cast<double>(chart.marks.size()));
  const double bottom = top + kRow * static_cast<double>(chart.bars.size());
  double least = 0, greatest = 0;
  const auto see = [&](double v) {
    if (v > 0) least = least == 0 ? v : std::min(least, v);
    greatest = std::max(greatest, v);
  };
  for (const Bar& b : chart.bars) see(b.min), see(b.max);
  for (const BarChart::Mark& m : chart.marks) see(m.at);
  const Axis axis = axis_for(least, greatest, left, right);

  Drawing d{{}, width, bottom + kTicks};
  d.body += words(0, 14, chart.title, "text title");
  d.body += words(width, 14,
                  fmt::format("{}{}{}{}", chart.unit, chart.unit.empty() ? "" : ", ",
                              chart.lower_is_better ? "less is better" : "more is better",
                              axis.by_log() ? ", log axis" : ""),
                  "quiet small", "end");
  d.body += upright_ticks(axis, top, bottom, 4);
  double y = top + kRow / 2;
  for (const Bar& b : chart.bars) {
    const std::string colour = colour_of(b.label);
    d.body += words(kLabels, y + 4, b.label, own_or(b.label, "text"), "end");
    if (axis.by_log())
      d.body += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"5\" class=\"{}\"/>", axis.at(b.value), y,
                            colour);
    else
      d.body += box(left, y - kBar / 2, std::max(1.0, axis.at(b.value) - left), kBar, colour + " bar");
    d.body += spread(axis, b, y, 3.5);
    d.body += words(width, y + 4, compact_number(b.value), own_or(b.label, "text"), "end");
    y += kRow;
  }
  if (!chart.marks.empty()) d.body += marks(chart, axis, top, bottom, width);
  return d;
}

namespace {

/// How much lies at each step of three pixels, the root of it, so that rare ones show; smoothed a little; 1 at most.
std::vector<double> outline(const Histogram& us, const Axis& axis, double left, double step,
                            std::size_t steps) {
  std::vector<double> raw(steps), smooth(steps);
  for (const Histogram::Bucket& b : us.buckets()) {
    const double x = axis.at((b.from_us + b.to_us) / 2);
    raw[std::min(steps - 1, static_cast<std::size_t>((x - left) / step))] += static_cast<double>(b.count);
  }
  double most = 0;
  for (std::size_t i = 0; i < steps; ++i) {
    smooth[i] = std::sqrt((i > 0 ? raw[i - 1] : 0) / 4 + raw[i] / 2 + (i + 1 < steps ? raw[i + 1] : 0) / 4);
    most = std::max(most, smooth[i]);
  }
  for (double& v : smooth) v /= most > 0 ? most : 1;
  return smooth;
}

std::string hill(const std::vector<double>& heights, double left, double step, double base, double tall,
                 const std::string& colour) {
  std::string path = fmt::format("M{:.1f} {:.1f}", left, base);
  for (std::size_t i = 0; i < heights.size(); ++i)
    path +=
        fmt::format("L{:.1f} {:.1f}", left + step * (static_cast<double>(i) + 0.5), base - tall * heights[i]);
  path += fmt::format("L{:.1f} {:.1f}Z", left + step * static_cast<double>(heights.size()), base);
  return fmt::format("<path d=\"{}\" class=\"{} hill\"/>", path, colour);
}

}  // namespace

Drawing latency_chart(const std::string& title, const std::vector<Ridge>& ridges, double width) {
  constexpr double kRow = 40, kTall = 32, kStep = 3, kValues = 150;
  const double left = kLabels + kGap, right = width - kValues, top = kTitle + 10;
  const double bottom = top + kRow * static_cast<double>(ridges.size());
  double least = 1e12, greatest = 0;
  for (const Ridge& r : ridges) {
    const auto buckets = r.us.buckets();
    if (buckets.empty()) continue;
    least = std::min(least, std::max(0.01, r.us.quantile(0.001)));
    greatest = std::max(greatest, r.us.max());
  }
  if (greatest <= least) greatest = least * 2;
  const Axis axis(std::pow(10, std::floor(std::log10(least))), std::pow(10, std::ceil(std::log10(greatest))),
                  left, right, true);
  Drawing d{{}, width, bottom + kTicks};
  d.body += words(0, 14, title, "text title") + words(width, 14, "us, log axis", "quiet small", "end");
  d.body += upright_ticks(axis, top, bottom, 0);
  const auto steps = static_cast<std::size_t>((right - left) / kStep) + 1;
  double base = top + kRow - 4;
  for (const Ridge& r : ridges) {
    const std::string colour = colour_of(r.label);
    d.body += words(kLabels, base - 4, r.label, own_or(r.label, "text"), "end");
    if (!r.note.empty()) d.body += words(kLabels, base - 18, r.note, "quiet small", "end");
    d.body += hill(outline(r.us, axis, left, kStep, steps), left, kStep, base, kTall, colour);
    for (const double q : {0.5, 0.99})
      d.body +=
          line(axis.at(r.us.quantile(q)), base - kTall * 0.6, axis.at(r.us.quantile(q)), base, "ink spread");
    d.body += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3\" class=\"{}\"/>", axis.at(r.us.max()),
                          base, colour);
    d.body += words(width, base - 4,
                    fmt::format("{} · {} · {}", compact_number(r.us.quantile(0.5)),
                                compact_number(r.us.quantile(0.99)), compact_number(r.us.max())),
                    own_or(r.label, "text"), "end");
    base += kRow;
  }
  d.body += words(width, kTitle + 6, "p50 · p99 · max", "quiet small", "end");
  return d;
}

Drawing course_chart(const std::string& title, const std::vector<Curve>& curves, double width) {
  constexpr double kHigh = 190, kNames = 84, kNumbers = 44;
  const double left = kNumbers, right = width - kNames, top = kTitle + 6, bottom = top + kHigh;
  double least = 0, greatest = 0, longest = 0;
  for (const Curve& c : curves) {
    longest = std::max(longest, c.slot_s * static_cast<double>(c.values.size()));
    for (const double v : c.values) {
      if (v > 0) least = least == 0 ? v : std::min(least, v);
      greatest = std::max(greatest, v);
    }
  }
  const Axis up = axis_for(least, greatest, bottom, top),
             along(0, std::max(longest, 1e-9), left, right, false);
  Drawing d{{}, width, bottom + kTicks};
  d.body += words(0, 14, title, "text title");
  d.body += words(width, 14, up.by_log() ? "over seconds, log axis" : "over seconds", "quiet small", "end");
  d.body += upright_ticks(along, top, bottom, 5);
  for (const double v : up.ticks(4)) {
    d.body += line(left, up.at(v), right, up.at(v), "grid");
    d.body += words(left - 5, up.at(v) + 4, compact_number(v), "quiet small", "end");
  }
  std::vector<std::pair<double, std::string>> ends;
  for (const Curve& c : curves) {
    std::string points;
    double y = bottom;
    for (std::size_t i = 0; i < c.values.size(); ++i) {
      y = up.at(c.values[i]);
      points += fmt::format("{:.1f},{:.1f} ", along.at((static_cast<double>(i) + 0.5) * c.slot_s), y);
    }
    d.body += fmt::format("<polyline points=\"{}\" class=\"{} curve{}\"/>", points, colour_of(c.label),
                          c.label == "firn" ? "" : " other");
    ends.emplace_back(y, c.label);
  }
  // Names at the ends of their lines, none upon another: pushed down from the top, then up from the bottom.
  constexpr double kApart = 14;
  std::sort(ends.begin(), ends.end());
  for (std::size_t i = 1; i < ends.size(); ++i)
    ends[i].first = std::max(ends[i].first, ends[i - 1].first + kApart);
  double lowest = bottom;
  for (auto end = ends.rbegin(); end != ends.rend(); ++end) {
    end->first = std::min(end->first, lowest);
    lowest = end->first - kApart;
  }
  for (const auto& [y, label] : ends) {
    d.body += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3.5\" class=\"{}\"/>", right + 8, y,
                          colour_of(label));
    d.body += words(right + 15, y + 4, label, own_or(label, "text"));
  }
  return d;
}

}  // namespace firn::bench
