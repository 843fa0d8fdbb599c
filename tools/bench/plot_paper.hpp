// What the charts draw with: axes and a few elements. Internal to plot*.cpp.
#pragma once
#include <vector>

#include "tools/bench/plot.hpp"

namespace firn::bench {

/// Values to pixels, straight or by their logarithm.
class Axis {
 public:
  /// Requires low < high, and low > 0 if by_log.
  Axis(double low, double high, double from, double to, bool by_log);
  double at(double v) const;
  double value_at(double pixel) const;
  bool by_log() const { return log_; }
  /// Round values, about `most` of them.
  std::vector<double> ticks(int most) const;

 private:
  double low_, high_, from_, to_;
  bool log_;
};
/// An axis that holds all (positive) values: straight from 0, or by the logarithm if they are far apart.
Axis axis_for(double least, double greatest, double from, double to);

std::string line(double x1, double y1, double x2, double y2, std::string_view css);
std::string box(double x, double y, double width, double height, std::string_view css);
/// anchor: "start", "middle", "end".
std::string words(double x, double y, std::string_view text, std::string_view css,
                  std::string_view anchor = "start");
/// The class that gives a system its colour.
std::string colour_of(std::string_view system);

}  // namespace firn::bench
