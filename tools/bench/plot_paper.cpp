#include "tools/bench/plot_paper.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace firn::bench {

namespace {

struct Colour {
  std::string_view system, light, dark;
};
constexpr Colour kColours[] = {
    {"firn", "#0b63ce", "#5aa9ff"},       {"firn-hot", "#d9480f", "#ff8a5c"},
    {"firn-warm", "#b7791f", "#e0b04c"},  {"firn-cold", "#0e8a9c", "#4fd0df"},
    {"firn-store", "#4c5fd5", "#9aa6f0"}, {"firn-messages", "#2f7d6b", "#7fd1bd"},
    {"lmdb", "#7c6f64", "#b8aa9d"},       {"rocksdb", "#8a4fa8", "#c792e0"},
    {"sqlite", "#5f7a3a", "#9dbd6f"},     {"duckdb", "#c2255c", "#f783ac"},
    {"device", "#5d6670", "#9aa4af"},
};
constexpr double kFarApart = 25;  // times: shorter bars could not be seen

std::string colours(bool dark) {
  std::string css;
  for (const Colour& c : kColours)
    css += fmt::format(".c-{0}{{fill:{1};stroke:{1}}}", c.system, dark ? c.dark : c.light);
  css += fmt::format(".ink{{fill:{0};stroke:{0}}}.text{{fill:{0}}}", dark ? "#e6e9ed" : "#1b1f24");
  css += fmt::format(".quiet{{fill:{}}}", dark ? "#9aa4af" : "#5d6670");
  css += fmt::format(".grid{{stroke:{}}}", dark ? "#2c333b" : "#e3e6ea");
  css += fmt::format(".mark{{stroke:{0}}}.marktext{{fill:{0}}}", dark ? "#69db7c" : "#2b7a3b");
  css += fmt::format(".paper{{fill:{}}}", dark ? "#11161b" : "#ffffff");
  return css;
}

}  // namespace

Axis::Axis(double low, double high, double from, double to, bool by_log)
    : low_(by_log ? std::log10(low) : low),
      high_(by_log ? std::log10(high) : high),
      from_(from),
      to_(to),
      log_(by_log) {}

double Axis::at(double v) const {
  const double scaled = log_ ? std::log10(std::max(v, 1e-12)) : v;
  return from_ + (std::clamp(scaled, low_, high_) - low_) / (high_ - low_) * (to_ - from_);
}

double Axis::value_at(double pixel) const {
  const double scaled = low_ + (pixel - from_) / (to_ - from_) * (high_ - low_);
  return log_ ? std::pow(10, scaled) : scaled;
}

std::vector<double> Axis::ticks(int most) const {
  std::vector<double> out;
  if (log_) {
    for (double e = std::ceil(low_ - 1e-9); e <= high_ + 1e-9; e += 1) out.push_back(std::pow(10, e));
    return out;
  }
  const double raw = (high_ - low_) / most, ten = std::pow(10, std::floor(std::log10(raw)));
  double step = ten;
  for (const double times : {1.0, 2.0, 5.0, 10.0}) {
    step = times * ten;
    if (step >= raw) break;
  }
  for (double v = std::ceil(low_ / step) * step; v <= high_ * (1 + 1e-9); v += step) out.push_back(v);
  return out;
}

Axis axis_for(double least, double greatest, double from, double to) {
  if (!(greatest > 0)) return {0, 1, from, to, false};
  if (least > 0 && greatest / least > kFarApart)
    return {std::pow(10, std::floor(std::log10(least))), std::pow(10, std::ceil(std::log10(greatest))), from,
            to, true};
  return {0, greatest * 1.04, from, to, false};
}

std::string xml_text(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string compact_number(double v) {
  constexpr std::pair<double, const char*> kUnits[] = {{1e9, "G"}, {1e6, "M"}, {1e3, "k"}};
  for (const auto& [unit, sign] : kUnits)
    if (v >= unit * 0.9995) return fmt::format("{:.3g}{}", v / unit, sign);
  return fmt::format("{:.3g}", v);
}

std::string line(double x1, double y1, double x2, double y2, std::string_view css) {
  return fmt::format("<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" class=\"{}\"/>", x1, y1,
                     x2, y2, css);
}
std::string box(double x, double y, double width, double height, std::string_view css) {
  return fmt::format("<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" class=\"{}\"/>", x,
                     y, width, height, css);
}
std::string words(double x, double y, std::string_view text, std::string_view css, std::string_view anchor) {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" class=\"{}\" text-anchor=\"{}\">{}</text>", x, y, css,
                     anchor, xml_text(text));
}
std::string colour_of(std::string_view system) {
  for (const Colour& c : kColours)
    if (c.system == system) return fmt::format("c-{}", system);
  return "c-device";
}

std::string plot_style() {
  return "svg text{font:12px system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif;"
         "font-variant-numeric:tabular-nums;stroke:none}"
         "svg .title{font-weight:600;font-size:13px}svg .small{font-size:11px}svg .own{font-weight:600}"
         ".grid{stroke-width:1}.mark{stroke-width:1.5;stroke-dasharray:4 3}.spread{stroke-width:1.5}"
         ".bar{stroke:none}.curve{fill:none;stroke-width:2;stroke-linejoin:round}.other{stroke-width:1.25}"
         ".hill{fill-opacity:.28;stroke-width:1.25}" +
         colours(false) + "@media(prefers-color-scheme:dark){" + colours(true) +
         "}.curve{fill:none}.bar{stroke:none}";
}

std::string svg_of(const Drawing& d, bool standalone) {
  std::string out = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {:.0f} {:.0f}\" width=\"{:.0f}\" "
      "height=\"{:.0f}\" role=\"img\">",
      d.width, d.height, d.width, d.height);
  if (standalone) out += "<style>" + plot_style() + "</style>" + box(0, 0, d.width, d.height, "paper");
  return out + d.body + "</svg>";
}

}  // namespace firn::bench
