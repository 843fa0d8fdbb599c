// Real flights through the public interface: every row by its key in every tier, and the figures that everybody knows.
//
// FIRN_FLIGHTS names another file of the kind: the 3,000,000 flights, whose figures are here too. FIRN_FLIGHTS_STEP=n then
// looks every n-th row up by its key instead of every 50th; 1 are all of them.
#include <array>
#include <charconv>
#include <cstdlib>
#include <iostream>
#include <map>

#include "fixture.hpp"
#include "io/decompress.hpp"
#include "tests/scale.hpp"

namespace firn::testing {
namespace {

constexpr std::size_t kBatchRows = 50'000;
constexpr const char* kColumns =
    "id i64, date timestamp, delay i64, distance i64, origin utf8, destination utf8";

/// A line of the file: unquoted fields, no NULLs, times to the second. Read by other code than firn's own.
struct Flight {
  std::int64_t id = 0, date_us = 0, delay = 0, distance = 0;
  std::array<char, 3> origin{}, destination{};
};

std::string_view cut(std::string_view& line) {
  const std::size_t end = std::min(line.find(','), line.size());
  const std::string_view field = line.substr(0, end);
  line.remove_prefix(std::min(end + 1, line.size()));
  return field;
}

std::int64_t number(std::string_view text) {
  std::int64_t n = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), n);
  EXPECT_TRUE(ec == std::errc() && end == text.data() + text.size()) << text;
  return n;
}

std::int64_t microseconds(std::string_view t) {  // YYYY-MM-DD hh:mm:ss
  using namespace std::chrono;
  const auto part = [&](std::size_t at, std::size_t n) { return static_cast<int>(number(t.substr(at, n))); };
  const sys_days day = year(part(0, 4)) / month(static_cast<unsigned>(part(5, 2))) /
                       std::chrono::day(static_cast<unsigned>(part(8, 2)));
  const auto time = day + hours(part(11, 2)) + minutes(part(14, 2)) + seconds(part(17, 2));
  return duration_cast<std::chrono::microseconds>(time.time_since_epoch()).count();
}

std::array<char, 3> airport(std::string_view text) {
  EXPECT_EQ(text.size(), 3u) << text;
  return {text[0], text[1], text[2]};
}

Flight parse(std::string_view line) {
  Flight f;
  f.id = number(cut(line));
  f.date_us = microseconds(cut(line));
  f.delay = number(cut(line));
  f.distance = number(cut(line));
  f.origin = airport(cut(line));
  f.destination = airport(cut(line));
  return f;
}

std::vector<Flight> read_flights(const std::string& path) {
  const auto source = io::open_source(path).value();
  std::vector<Flight> flights;
  std::string rest;
  bool header = true;
  for (;;) {
    const auto bytes = source->next().value();
    if (bytes.empty()) break;
    rest.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    std::size_t begin = 0;
    for (std::size_t end; (end = rest.find('\n', begin)) != std::string::npos; begin = end + 1) {
      if (!std::exchange(header, false))
        flights.push_back(parse(std::string_view(rest).substr(begin, end - begin)));
    }
    rest.erase(0, begin);
  }
  EXPECT_TRUE(rest.empty());
  return flights;
}

std::string text(const std::array<char, 3>& code) { return {code.begin(), code.end()}; }

/// What the file says: computed by SQLite for the sample (as tools/check-flights asks it), given for the whole.
struct Figures {
  std::int64_t rows, distance, delay, delay_min, delay_max, origins;
  std::string busiest;
  std::int64_t late_from_ord, last_days;
  std::vector<std::int64_t> by_month;
};

const Figures kSample{200'000,
                      146'478'103,
                      1'322'243,
                      -80,
                      1'575,
                      228,
                      "ORD,11277,8.748\r\nDFW,10451,7.725\r\nATL,8339,8.28\r\n",
                      828,
                      1'042,
                      {33'883, 30'545, 34'100, 33'402, 34'589, 33'481}};
const Figures kWhole{3'000'000,
                     2'194'861'208,
                     20'003'603,
                     -1'116,
                     1'688,
                     229,
                     "ORD,166341,9.274\r\nDFW,157162,7.701\r\nATL,124711,8.828\r\n",
                     12'891,
                     15'632,
                     {508'239, 458'170, 511'502, 501'030, 518'831, 502'222, 6}};

class Flights : public DatabaseTest {
 protected:
  Flights() {
    if (const char* named = std::getenv("FIRN_FLIGHTS")) file_ = named;  // NOLINT(concurrency-mt-unsafe)
    flights_ = read_flights(file_);
  }

  HybridTable import_all(const HybridTableConfig& config = {}) {
    const Schema schema = Schema::parse(kColumns, {.key = {"id"}, .time = "date"}).value();
    auto t = db_.create_table("flights", schema, config).value();
    import_again(t);
    return t;
  }

  void import_again(HybridTable& t) {
    const Schema schema = t.schema();
    std::size_t next = 0;
    const auto commits = t.bulk_import([&]() -> Result<std::optional<Batch>> {
                            if (next == flights_.size()) return std::optional<Batch>{};
                            BatchBuilder rows(schema);
                            const std::size_t end = std::min(next + kBatchRows, flights_.size());
                            for (; next < end; ++next) {
                              const Flight& f = flights_[next];
                              rows.append(f.id, Timestamp{f.date_us}, f.delay, f.distance, text(f.origin),
                                          text(f.destination));
                            }
                            FIRN_ASSIGN(Batch batch, rows.finish());
                            return std::optional<Batch>(std::move(batch));
                          }).value();
    EXPECT_EQ(commits.size(), (flights_.size() + kBatchRows - 1) / kBatchRows);
  }

  /// Every row by its key (every 7th at short scale, every 50th of millions) is the file's row.
  void check_rows(const HybridTable& t) const {
    const std::size_t step = flights_.size() > 1'000'000
                                 ? std::max<std::size_t>(1, number_from("FIRN_FLIGHTS_STEP").value_or(50))
                             : short_scale() ? 7
                                             : 1;
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < flights_.size(); i += step) {
      const Flight& f = flights_[i];
      const auto row = t.get({Value(f.id)}).value();
      const bool same = row && (*row)["id"] == Value(f.id) && (*row)["date"] == Value(Timestamp{f.date_us}) &&
                        (*row)["delay"] == Value(f.delay) && (*row)["distance"] == Value(f.distance) &&
                        (*row)["origin"] == Value(text(f.origin)) &&
                        (*row)["destination"] == Value(text(f.destination));
      if (!same && ++wrong < 10) ADD_FAILURE() << "row " << f.id << (row ? " differs" : " is missing");
    }
    EXPECT_EQ(wrong, 0u);
    EXPECT_FALSE(t.get({Value(std::int64_t{0})}).value());
    EXPECT_FALSE(t.get({Value(std::int64_t{3'000'001})}).value());
  }

  std::int64_t ask(const std::string& expression, const std::string& where = "") const {
    const auto frame =
        db_.query("SELECT " + expression + " AS x FROM flights" + (where.empty() ? "" : " WHERE " + where));
    return frame.value().at(0, 0).to_i64();
  }

  void check_figures() const {
    const Figures& f = flights_.size() == static_cast<std::size_t>(kWhole.rows) ? kWhole : kSample;
    EXPECT_EQ(ask("count(*)"), f.rows);
    EXPECT_EQ(ask("sum(distance)"), f.distance);
    EXPECT_EQ(ask("sum(delay)"), f.delay);
    EXPECT_EQ(ask("min(delay)"), f.delay_min);
    EXPECT_EQ(ask("max(delay)"), f.delay_max);
    EXPECT_EQ(ask("count(DISTINCT origin)"), f.origins);
    EXPECT_EQ(ask("count(*)", "delay > 60 AND origin = 'ORD'"), f.late_from_ord);
    EXPECT_EQ(ask("count(*)", "date >= '2001-06-30'"), f.last_days);
    const auto busiest =
        db_.query(
               "SELECT origin, count(*) AS n, round(avg(delay), 3) AS mean FROM flights GROUP BY origin "
               "ORDER BY n DESC, origin LIMIT 3")
            .value();
    EXPECT_EQ(busiest.to_csv(), "origin,n,mean\r\n" + f.busiest);
    const auto months = db_.query(
                               "SELECT date_trunc('month', date) AS month, count(*) AS n FROM flights "
                               "GROUP BY month ORDER BY month")
                            .value();
    ASSERT_EQ(months.rows(), static_cast<std::int64_t>(f.by_month.size()));
    for (std::int64_t m = 0; m < months.rows(); ++m)
      EXPECT_EQ(months.at(m, 1).to_i64(), f.by_month[static_cast<std::size_t>(m)]) << "month " << m + 1;
  }

  std::string file_ = FIRN_SOURCE_DIR "/tests/data/flights-sample.csv.zst";
  std::vector<Flight> flights_;
};

TEST_F(Flights, FiguresBeforeAndAfterCompaction) {
  open();
  auto t = import_all();
  check_figures();
  t.compact({.to = StorageTier::cold}).value();
  EXPECT_EQ(t.get_stats().value().cold.rows, flights_.size());
  check_figures();
}

TEST_F(Flights, EveryRowByItsKeyInTheWarmAndColdTier) {
  open();
  auto t = import_all();
  EXPECT_EQ(t.get_stats().value().warm.rows, flights_.size());
  check_rows(t);
  t.compact({.to = StorageTier::cold}).value();
  EXPECT_EQ(t.get_stats().value().cold.rows, flights_.size());
  check_rows(t);
}

TEST_F(Flights, ASecondImportChangesNoCount) {
  open();
  auto t = import_all();
  for (const StorageTier tier : {StorageTier::warm, StorageTier::cold}) {
    t.compact({.to = tier}).value();
    import_again(t);
    check_figures();
  }
  t.compact({.to = StorageTier::cold}).value();
  EXPECT_EQ(t.get_stats().value().rows, flights_.size());
  check_figures();
}

/// The rows of one airport are gone at once, from counts, scans and look-ups, wherever they lay; and they stay gone.
TEST_F(Flights, ADeleteOfOneAirportShowsAtOnceInEveryTier) {
  for (const StorageTier tier : {StorageTier::hot, StorageTier::warm, StorageTier::cold}) {
    if (tier == StorageTier::hot && flights_.size() > 1'000'000) continue;  // more than that tier is for
    open();
    auto t = import_all();
    t.compact({.to = tier}).value();
    const std::int64_t before = ask("count(*)", "origin = 'ATL'");
    const std::int64_t distance = ask("sum(distance)") - ask("sum(distance)", "origin = 'ATL'");
    ASSERT_GT(before, 0);
    const Commit gone = t.remove_where("origin = 'ATL'").value();
    EXPECT_EQ(gone.rows, static_cast<std::uint64_t>(before));
    const auto check = [&] {
      EXPECT_EQ(ask("count(*)", "origin = 'ATL'"), 0) << name_of(tier);
      EXPECT_EQ(ask("count(*)"), static_cast<std::int64_t>(flights_.size()) - before) << name_of(tier);
      EXPECT_EQ(ask("sum(distance)"), distance) << name_of(tier);
      std::size_t wrong = 0, looked = 0;
      for (std::size_t i = 0; i < flights_.size(); ++i) {
        const Flight& f = flights_[i];
        const bool atlanta = text(f.origin) == "ATL";
        if (i % (atlanta ? 10 : 500) != 0) continue;
        ++looked;
        wrong += t.get({Value(f.id)}).value().has_value() == atlanta ? 1 : 0;
      }
      EXPECT_GT(looked, 0u);
      EXPECT_EQ(wrong, 0u) << name_of(tier);
    };
    check();
    t.compact({.to = StorageTier::cold}).value();
    check();
    close_in_time();
    db_ = {};
    std::filesystem::remove_all(folder_);
  }
}

TEST_F(Flights, EveryRowByItsKeyInTheHotTier) {
  open();
  HybridTableConfig config;
  config.placement = StorageTier::hot;
  auto t = import_all(config);
  EXPECT_EQ(t.get_stats().value().hot.rows, flights_.size());
  check_rows(t);
}

}  // namespace
}  // namespace firn::testing
