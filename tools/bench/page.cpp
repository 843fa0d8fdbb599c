#include "tools/bench/page.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "tools/bench/plot.hpp"
#include "tools/bench/targets.hpp"

namespace firn::bench {

namespace {

constexpr double kChart = 560;  // pixels, the width of a chart

/// What is drawn of a workload; the rest stands in its table. The first of a workload is its main figure.
struct Charted {
  std::string_view workload, metric, title;
  bool lower_is_better;
};
constexpr Charted kCharted[] = {
    {"small_1w", "p50_us", "One durable row, one writer: median", true},
    {"small_1w", "rows_per_s", "Rows a second, one writer", false},
    {"small_16w", "rows_per_s", "Durable rows a second, 16 writers", false},
    {"small_16w", "open_p99_us", "99th percentile at 80 % of that rate", true},
    {"small_64w", "rows_per_s", "Durable rows a second, 64 writers", false},
    {"small_64w", "open_p99_us", "99th percentile at 80 % of that rate", true},
    {"bulk_arrow", "rows_per_s", "Bulk load of ready batches", false},
    {"bulk_arrow", "cpu_ns_per_row", "CPU time a row", true},
    {"bulk_rows", "rows_per_s", "Bulk load row by row", false},
    {"bulk_rows", "cpu_ns_per_row", "CPU time a row", true},
    {"csv_import", "rows_per_s", "Import of the flights from CSV", false},
    {"csv_import", "cpu_ns_per_row", "CPU time a row", true},
    {"mixed", "p99_beside_us", "Small writes beside load and scan: p99", true},
    {"mixed", "p99_alone_us", "The same rate alone: p99", true},
    {"mixed", "longest_pause_ms", "Longest pause of a small write", true},
    {"point_hot", "p50_us", "Point read, recent rows: median", true},
    {"point_cold", "p50_us", "Point read, settled rows: median", true},
    {"group_by", "ms", "GROUP BY over all rows", true},
    {"filter_count", "ms", "Count under two predicates", true},
    {"newest_1pct", "ms", "SELECT * of the newest 1 %", true},
    {"upsert_scan", "upserted_ms", "GROUP BY after 10 % were replaced", true},
    {"upsert_scan", "clean_ms", "GROUP BY before", true},
    {"upsert_scan", "compacted_ms", "GROUP BY settled again", true},
    {"upsert_scan", "lag_ms", "Until caught up", true},
    {"as_of", "group_by_p95_ratio", "GROUP BY in the past: p95, times now", true},
    {"as_of", "range_p95_ratio", "GROUP BY of 1 % of the keys in the past: p95, times now", true},
    {"as_of", "point_p95_ratio", "Read by key in the past: p95, times now", true},
    {"as_of", "random_group_by_p95_ratio", "The same, keys overwritten at random: GROUP BY", true},
    {"as_of", "random_range_p95_ratio", "Keys overwritten at random: 1 % of the keys", true},
    {"as_of", "random_point_p95_ratio", "Keys overwritten at random: read by key", true},
    {"size_events", "bytes_per_row", "Bytes on disk a row, events", true},
    {"size_flights", "bytes_per_row", "Bytes on disk a row, flights", true},
    {"recovery", "open_ms", "Open and first read after kill -9", true},
};

std::string limit_text(const Target& t) {
  return fmt::format("{} {} ({})", t.at_most ? "≤" : "≥", compact_number(t.limit), t.words);
}

Drawing bars_of(const Report& report, const std::string& workload, const std::string& metric,
                std::string title, bool lower, const std::vector<Target>& targets) {
  BarChart chart;
  chart.title = std::move(title);
  chart.lower_is_better = lower;
  for (const std::string& system : report.systems(workload)) {
    const Measurement* m = report.find(workload, system, metric);
    if (m == nullptr) continue;
    chart.unit = m->unit;
    chart.bars.push_back({system, m->median(), m->min(), m->max()});
  }
  for (const Target& t : targets)
    if (t.workload == workload && t.metric == metric)
      chart.marks.push_back({t.limit, (t.aim ? "aim " : "target ") + limit_text(t)});
  return bar_chart(chart, kChart);
}

std::vector<Drawing> bars_of_all(const Report& report, const std::string& workload,
                                 const std::vector<Target>& targets) {
  std::vector<Drawing> drawings;
  for (const Charted& c : kCharted)
    if (c.workload == workload && !report.systems(workload).empty() && [&] {
          const auto have = report.metrics(workload);
          return std::find(have.begin(), have.end(), c.metric) != have.end();
        }())
      drawings.push_back(
          bars_of(report, workload, std::string(c.metric), std::string(c.title), c.lower_is_better, targets));
  if (drawings.empty() && workload != "device")
    for (const std::string& metric : report.metrics(workload))
      drawings.push_back(bars_of(report, workload, metric, metric, !metric.ends_with("per_s"), targets));
  return drawings;
}

std::string distributions_of(const Report& report, const std::string& workload) {
  std::vector<Ridge> ridges;
  std::string title = "How long a request takes";
  std::vector<std::string> names;
  for (const Distribution& d : report.distributions())
    if (d.workload == workload && std::find(names.begin(), names.end(), d.name) == names.end())
      names.push_back(d.name);
  if (names.size() == 1) title += ": " + names[0];
  for (const Distribution& d : report.distributions())
    if (d.workload == workload)
      ridges.push_back({d.system, names.size() > 1 ? d.name.substr(0, d.name.find(' ')) : "", d.us});
  return ridges.empty() ? "" : svg_of(latency_chart(title, ridges, kChart), false);
}

std::string courses_of(const Report& report, const std::string& workload) {
  std::vector<Curve> curves;
  std::string title;
  for (const Course& c : report.courses()) {
    if (c.workload != workload) continue;
    title = c.name;
    curves.push_back({c.system, c.slot_s, c.values});
  }
  if (curves.empty()) return {};
  title.front() = static_cast<char>(std::toupper(static_cast<unsigned char>(title.front())));
  return svg_of(course_chart(title + ", the last run", curves, kChart), false);
}

std::string figures_of(const Report& report, const std::string& workload) {
  std::string head, body;
  for (const std::string& metric : report.metrics(workload)) head += "<th>" + xml_text(metric) + "</th>";
  for (const std::string& system : report.systems(workload)) {
    body += fmt::format("<tr><th>{}</th>", xml_text(system));
    for (const std::string& metric : report.metrics(workload)) {
      const Measurement* m = report.find(workload, system, metric);
      if (m == nullptr)
        body += "<td>–</td>";
      else
        body += fmt::format("<td>{} <i>{}</i><small>{}..{}</small></td>", short_number(m->median()),
                            xml_text(m->unit), short_number(m->min()), short_number(m->max()));
    }
    body += "</tr>";
  }
  return fmt::format("<table><tr><th></th>{}</tr>{}</table>", head, body);
}

std::string section_of(const Report& report, const std::string& workload,
                       const std::vector<Target>& targets) {
  std::string out = fmt::format("<section id=\"{0}\"><h2>{0}</h2><p>{1}</p><div class=\"charts\">",
                                xml_text(workload), xml_text(report.meaning(workload)));
  for (const Drawing& d : bars_of_all(report, workload, targets))
    out += "<figure>" + svg_of(d, false) + "</figure>";
  for (const std::string& svg : {courses_of(report, workload), distributions_of(report, workload)})
    if (!svg.empty()) out += "<figure>" + svg + "</figure>";
  return out + fmt::format(
                   "</div><details{}><summary>All figures</summary><div "
                   "class=\"scroll\">{}</div></details></section>",
                   workload == "device" ? " open" : "", figures_of(report, workload));
}

std::string targets_table(const std::vector<Target>& targets) {
  if (targets.empty()) return {};
  std::string out =
      "<section><h2>Targets</h2><div class=\"scroll\"><table class=\"targets\"><tr><th>workload</th>"
      "<th>metric</th><th>to reach</th><th>that is</th><th>firn</th><th>of it</th><th></th></tr>";
  for (const Target& t : targets)
    out += fmt::format(
        "<tr><th><a href=\"#{0}\">{0}</a></th><td>{1}</td><td>{2}</td><td>{3} "
        "<i>{4}</i></td><td>{5}</td><td>{6:.2f}</td>"
        "<td><b class=\"{7}\">{8}</b></td></tr>",
        xml_text(t.workload), xml_text(t.metric), xml_text(t.words), short_number(t.limit), xml_text(t.unit),
        short_number(t.value), t.value / t.limit,
        t.met() ? "met"
        : t.aim ? "aim"
                : "missed",
        t.met() ? "met"
        : t.aim ? "aim missed"
                : "missed");
  return out + "</table></div></section>";
}

constexpr std::string_view kStyle = R"(
:root{color-scheme:light dark;--paper:#f6f7f9;--card:#fff;--ink:#1b1f24;--quiet:#5d6670;--edge:#e3e6ea;--good:#2b7a3b;--bad:#b42318;--maybe:#9a6700}
@media(prefers-color-scheme:dark){:root{--paper:#0c1014;--card:#11161b;--ink:#e6e9ed;--quiet:#9aa4af;--edge:#2c333b;--good:#69db7c;--bad:#ff8a80;--maybe:#e0b04c}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:15px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif;font-variant-numeric:tabular-nums}
main{max-width:1260px;margin:0 auto;padding:32px 20px 64px}
h1{font-size:28px;margin:0 0 4px}h2{font-size:18px;margin:0}p{margin:2px 0 14px;color:var(--quiet)}
section{background:var(--card);border:1px solid var(--edge);border-radius:10px;padding:18px 20px;margin:18px 0}
dl{display:grid;grid-template-columns:max-content 1fr;gap:2px 16px;margin:0;font-size:13px}dt{color:var(--quiet)}dd{margin:0}
.charts{columns:2 460px;column-gap:36px}
figure{margin:0 0 24px;break-inside:avoid}figure svg{width:100%;height:auto;display:block}
details{margin-top:14px;font-size:13px}summary{cursor:pointer;color:var(--quiet)}
.scroll{overflow-x:auto}table{border-collapse:collapse;font-size:13px;margin-top:8px}
th,td{padding:4px 12px 4px 0;text-align:right;white-space:nowrap;border-bottom:1px solid var(--edge)}th{font-weight:600}
tr>th:first-child{text-align:left}.targets td:nth-child(2),.targets td:nth-child(3){text-align:left}
small{display:block;color:var(--quiet)}i{font-style:normal;color:var(--quiet)}a{color:inherit}
.met{color:var(--good)}.missed{color:var(--bad)}.aim{color:var(--maybe)}
)";

}  // namespace

std::string html_page(const Report& report, const Setting& setting) {
  const std::vector<Target> targets = targets_of(report);
  std::string out =
      "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
      "content=\"width=device-width,initial-scale=1\"><title>firn bench</title><style>";
  out.append(kStyle).append(plot_style());
  out +=
      "</style></head><body><main><h1>firn bench</h1><p>The same rows, equal durability, one machine, one "
      "run; "
      "systems in turn, medians with least and greatest.</p><section><dl>";
  for (const auto& [name, value] : setting)
    out += fmt::format("<dt>{}</dt><dd>{}</dd>", xml_text(name), xml_text(value));
  out += "</dl></section>" + targets_table(targets);
  for (const std::string& workload : report.workloads()) out += section_of(report, workload, targets);
  return out + "</main></body></html>\n";
}

std::string svg_overview(const Report& report) {
  constexpr double kMargin = 20, kBetween = 32;
  const std::vector<Target> targets = targets_of(report);
  std::vector<Drawing> drawings;
  for (const std::string& workload : report.workloads()) {
    std::vector<Drawing> of_workload = bars_of_all(report, workload, targets);
    if (!of_workload.empty()) drawings.push_back(std::move(of_workload.front()));
  }
  Drawing all{{}, 2 * (kMargin + kChart) + kBetween, kMargin};
  for (std::size_t i = 0; i < drawings.size(); i += 2) {
    double high = 0;
    for (std::size_t side = 0; side < 2 && i + side < drawings.size(); ++side) {
      all.body += fmt::format("<g transform=\"translate({:.0f} {:.0f})\">{}</g>",
                              kMargin + static_cast<double>(side) * (kChart + kBetween), all.height,
                              drawings[i + side].body);
      high = std::max(high, drawings[i + side].height);
    }
    all.height += high + kMargin;
  }
  return svg_of(all, true);
}

}  // namespace firn::bench
