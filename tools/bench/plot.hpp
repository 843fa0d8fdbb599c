// Charts as SVG, made of lines, boxes and text with classes; plot_style() says what the classes look like, light and
// dark. A drawing knows its size, so that several can be put into one picture.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "tools/bench/histogram.hpp"

namespace firn::bench {

struct Drawing {
  std::string body;  ///< elements, the origin top left
  double width = 0, height = 0;
};

struct Bar {
  std::string label;  ///< a system: its colour follows from its name
  double value = 0, min = 0, max = 0;
};
struct BarChart {
  std::string title, unit;
  bool lower_is_better = false;
  std::vector<Bar> bars;
  struct Mark {
    double at = 0;
    std::string label;
  };
  std::vector<Mark> marks;  ///< targets: dashed lines
};
/// A bar and its spread each; dots on a log axis where the values are too far apart for lengths.
Drawing bar_chart(const BarChart& chart, double width);

struct Ridge {
  std::string label, note;  ///< the system; what else tells it from others, may be empty
  Histogram us;
};
/// Latencies on a log axis, one outline each, with p50, p99 and the greatest.
Drawing latency_chart(const std::string& title, const std::vector<Ridge>& ridges, double width);

struct Curve {
  std::string label;
  double slot_s = 0;
  std::vector<double> values;
};
/// Values over seconds; a log axis where they are far apart.
Drawing course_chart(const std::string& title, const std::vector<Curve>& curves, double width);

/// A picture of its own. With `standalone` it brings its style and a background.
std::string svg_of(const Drawing& drawing, bool standalone);
/// CSS, without the element around it.
std::string plot_style();
/// For text between tags and in attributes.
std::string xml_text(std::string_view text);
/// Three significant digits with k, M, G: "21.5k".
std::string compact_number(double v);

}  // namespace firn::bench
