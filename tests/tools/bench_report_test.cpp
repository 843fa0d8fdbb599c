// What the benchmark does with its figures: histograms, medians, targets, and what it writes.
#include <gtest/gtest.h>

#include <random>

#include "tools/bench/histogram.hpp"
#include "tools/bench/page.hpp"
#include "tools/bench/plot.hpp"
#include "tools/bench/report.hpp"
#include "tools/bench/targets.hpp"

namespace firn::bench {
namespace {

TEST(BenchHistogram, QuantilesAreWithinOnePercentOfTheSortedValues) {
  std::mt19937_64 random(7);
  std::lognormal_distribution<double> us(5, 2);
  Histogram h;
  std::vector<double> values;
  for (int i = 0; i < 50'000; ++i) {
    values.push_back(us(random));
    h.add(values.back());
  }
  EXPECT_EQ(h.count(), values.size());
  for (const double q : {0.01, 0.5, 0.9, 0.99, 0.999}) {
    const double exact = quantile(values, q);
    EXPECT_NEAR(h.quantile(q), exact, exact * 0.011) << q;
  }
  EXPECT_EQ(h.quantile(1), *std::max_element(values.begin(), values.end()));
  EXPECT_EQ(h.max(), h.quantile(1));
}

TEST(BenchHistogram, ExtremesFallIntoTheOuterBuckets) {
  Histogram h;
  EXPECT_EQ(h.quantile(0.5), 0);
  EXPECT_TRUE(h.buckets().empty());
  for (const double us : {-5.0, 0.0, 0.001, 1e15}) h.add(us);
  EXPECT_EQ(h.count(), 4U);
  EXPECT_EQ(h.max(), 1e15);
  EXPECT_LT(h.quantile(0.25), 0.002);
}

TEST(BenchHistogram, BucketsJoinWithoutGapsAndHoldWhatWasAdded) {
  Histogram h;
  for (double us = 0.001; us < 1e6; us *= 1.001) h.add(us);
  const auto buckets = h.buckets();
  std::uint64_t count = 0;
  for (std::size_t i = 0; i < buckets.size(); ++i) {
    if (i > 0 && buckets[i].from_us > 1) {
      EXPECT_NEAR(buckets[i].from_us, buckets[i - 1].to_us, 1e-6);
      EXPECT_LT(buckets[i].to_us / buckets[i].from_us, 1.016);
    }
    count += buckets[i].count;
  }
  EXPECT_EQ(count, h.count());
}

TEST(BenchHistogram, MergedIsAsIfAllHadBeenAddedToOne) {
  Histogram one, other, both;
  for (int i = 1; i < 1000; ++i) {
    (i % 3 == 0 ? one : other).add(i * 1.7);
    both.add(i * 1.7);
  }
  one.merge(other);
  EXPECT_EQ(one.count(), both.count());
  EXPECT_EQ(one.max(), both.max());
  for (const double q : {0.1, 0.5, 0.99}) EXPECT_EQ(one.quantile(q), both.quantile(q));
}

TEST(BenchReport, MedianMinMaxOfRunsInAnyOrder) {
  Report r;
  for (const double v : {5.0, 1.0, 9.0, 3.0}) r.add("w", "s", "m", "us", v);
  const Measurement* m = r.find("w", "s", "m");
  ASSERT_NE(m, nullptr);
  EXPECT_EQ(m->median(), 4);
  EXPECT_EQ(m->min(), 1);
  EXPECT_EQ(m->max(), 9);
  EXPECT_EQ(r.find("w", "s", "other"), nullptr);
}

TEST(BenchReport, JsonHasTheEightFieldsAndEscapes) {
  Report r;
  r.add("w", "firn", "p50_us", "us", 2.5);
  r.add("w", "firn", "p50_us", "us", 3.5);
  r.add("q\"\\\n", "s", "ratio", "", 1.0 / 0.0);
  EXPECT_EQ(
      r.json(),
      "[\n"
      R"({"workload": "w", "system": "firn", "metric": "p50_us", "unit": "us", "median": 3, "min": 2.5, "max": 3.5, "runs": 2},)"
      "\n"
      R"({"workload": "q\"\\\u000a", "system": "s", "metric": "ratio", "unit": "", "median": null, "min": null, "max": null, "runs": 1})"
      "\n]\n");
}

TEST(BenchReport, NumbersAreShortAndKeepTheirSign) {
  EXPECT_EQ(short_number(0), "0");
  EXPECT_EQ(short_number(0.01234), "0.012");
  EXPECT_EQ(short_number(12.34), "12.3");
  EXPECT_EQ(short_number(1'234'567.8), "1,234,568");
  EXPECT_EQ(short_number(-123'456), "-123,456");
  EXPECT_EQ(compact_number(999.9), "1k");
  EXPECT_EQ(compact_number(21'460), "21.5k");
  EXPECT_EQ(compact_number(3'910'000), "3.91M");
  EXPECT_EQ(compact_number(0.5), "0.5");
}

TEST(BenchTargets, AreRatiosToWhatTheSameRunMeasured) {
  Report r;
  r.add("small_16w", "firn", "rows_per_s", "1/s", 30'000);
  EXPECT_TRUE(targets_of(r).empty());  // nothing to compare with
  r.add("small_16w", "lmdb", "rows_per_s", "1/s", 2'000);
  r.add("small_16w", "rocksdb", "rows_per_s", "1/s", 20'000);
  r.add("recovery", "firn", "open_ms", "ms", 2500);
  const auto targets = targets_of(r);
  ASSERT_EQ(targets.size(), 3U);
  EXPECT_EQ(targets[0].limit, 24'000);
  EXPECT_TRUE(targets[0].met());
  EXPECT_TRUE(targets[1].aim);
  EXPECT_FALSE(targets[1].met());
  EXPECT_FALSE(targets[2].met());
  EXPECT_NE(target_lines(targets, "small_16w").find("at least 12 x lmdb"), std::string::npos);
  EXPECT_EQ(target_lines(targets, "mixed"), "");
}

/// Tags that are opened and not closed, as a browser would see it in XML; "" if all is well.
std::string unclosed(const std::string& text) {
  std::vector<std::string> open;
  for (std::size_t at = text.find('<'); at != std::string::npos; at = text.find('<', at + 1)) {
    const std::size_t end = text.find('>', at);
    if (end == std::string::npos) return "no > behind " + text.substr(at, 20);
    std::string tag = text.substr(at + 1, end - at - 1);
    const bool empty = tag.ends_with('/') || tag.starts_with('!') || tag.starts_with("meta");
    const bool closing = tag.starts_with('/');
    tag = tag.substr(closing ? 1 : 0, tag.find_first_of(" /", 1) - (closing ? 1 : 0));
    if (closing && (open.empty() || open.back() != tag)) return "</" + tag;
    if (closing) open.pop_back();
    if (!closing && !empty) open.push_back(tag);
  }
  return open.empty() ? "" : open.back();
}

Report full_report() {
  Report r;
  for (const char* system : {"firn", "lmdb", "rocksdb"}) {
    Histogram us;
    for (int i = 1; i < 3000; ++i) us.add(i);
    for (const double v : {100.0, 120.0, 90.0}) r.add("small_16w", system, "rows_per_s", "1/s", v);
    r.add("small_16w", system, "at 80 %", us);
    r.add({"small_16w", system, "rows a second", 0.1, {1, 2, 0, 4}});
    r.add("new<workload>", system, "a&b", "\"", 1);
  }
  return r;
}

TEST(BenchPage, IsOneWellFormedFileThatNeedsNoOther) {
  const std::string page = html_page(full_report(), {{"machine", "<script>alert(1)</script> & co"}});
  EXPECT_EQ(unclosed(page), "");
  EXPECT_EQ(page.find("<script"), std::string::npos);
  EXPECT_NE(page.find("&lt;script&gt;alert(1)&lt;/script&gt; &amp; co"), std::string::npos);
  EXPECT_NE(page.find("new&lt;workload&gt;"), std::string::npos);
  EXPECT_NE(page.find("prefers-color-scheme:dark"), std::string::npos);
  for (const char* foreign : {"src=", "@import", "url(", "href=\"http", "<link"})
    EXPECT_EQ(page.find(foreign), std::string::npos) << foreign;
  EXPECT_NE(page.find("<polyline"), std::string::npos);
  EXPECT_NE(page.find("hill"), std::string::npos);
  EXPECT_NE(page.find("class=\"mark\""), std::string::npos);  // 12 x lmdb
}

TEST(BenchPage, OverviewIsAPictureAndNothingInItIsNoNumber) {
  const std::string svg = svg_overview(full_report());
  EXPECT_TRUE(svg.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\""));
  EXPECT_EQ(unclosed(svg), "");
  for (const char* broken : {"nan", "inf\"", "\"-"}) EXPECT_EQ(svg.find(broken), std::string::npos) << broken;
}

TEST(BenchPlot, ChartsOfNothingAndOfZerosAreDrawn) {
  EXPECT_EQ(unclosed(bar_chart({}, 400).body), "");
  EXPECT_EQ(bar_chart({"t", "ms", true, {{"firn", 0, 0, 0}}, {}}, 400).body.find("nan"), std::string::npos);
  EXPECT_EQ(latency_chart("t", {{"firn", "", {}}}, 400).body.find("nan"), std::string::npos);
  EXPECT_EQ(course_chart("t", {{"firn", 0, {}}}, 400).body.find("nan"), std::string::npos);
}

}  // namespace
}  // namespace firn::bench
