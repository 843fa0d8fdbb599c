#include "tests/storage/query_data.hpp"

#include <sstream>

#include "io/decompress.hpp"

namespace firn::storage::oracle {
namespace {

constexpr std::int64_t kHourUs = 3'600'000'000, kDayUs = 24 * kHourUs;

/// At least so many bytes from the beginning of the real file.
std::string head_of_flights(std::size_t bytes) {
  const auto source =
      io::open_source(std::string(FIRN_SOURCE_DIR) + "/tests/data/flights-sample.csv.zst").value();
  std::string text;
  while (text.size() < bytes) {
    const auto part = source->next().value();
    if (part.empty()) break;
    text.append(part.begin(), part.end());
  }
  return text;
}

}  // namespace

Data random_data(std::mt19937_64& rng) {
  Data d;
  d.schema =
      Schema::parse(
          "k u32, g i8, i i64 null, j i16 null, n i32 null, m u16 null, x f64 null, y f32 null, "
          "s utf8 null, c utf8, f bool null, ts timestamp null, day date null, b binary null, q u64 null",
          {.key = {"g", "k"}, .time = "ts"})
          .value();
  using enum Kind;
  d.kinds = {integer, integer, integer, integer, integer,   integer, real, real,
             text,    text,    boolean, time,    Kind::day, blob,    u64};
  d.columns = {{integer, {"k", "g", "i", "j", "n", "m"}},
               {real, {"x", "y"}},
               {text, {"s", "c"}},
               {boolean, {"f"}},
               {time, {"ts"}},
               {Kind::day, {"day"}},
               {blob, {"b"}},
               {u64, {"q"}}};
  d.words = {"",
             "a",
             "abc",
             "abd",
             "b",
             "bbc",
             "Abc",
             "cab",
             "aXc",
             "a%",
             "_b",
             "\xc3\xa4"
             "b\xc3\xb6",
             "it's"};
  d.time_min = 1'700'000'000'000'000 - 40 * kDayUs;
  d.time_max = d.time_min + 60 * kDayUs;
  static const char* kBlobs[] = {"", "a", "ab", "\xff\xfe"};
  const auto below = [&](std::uint64_t n) { return static_cast<std::int64_t>(rng() % n); };
  const auto maybe = [&](Value v) { return rng() % 6 == 0 ? Value() : v; };
  const auto word = [&] { return Value(d.words[rng() % d.words.size()]); };
  const std::int64_t keys = 40 + below(360);
  const auto row = [&](std::int64_t key) {
    const std::int64_t us = d.time_min + below(60 * 24) * kHourUs + below(2) * below(kHourUs);
    static constexpr std::uint64_t kBig[] = {0, 5, INT64_MAX, 1ULL << 63, UINT64_MAX};
    return std::vector<Value>{Value(static_cast<std::uint32_t>(key)),
                              Value(static_cast<std::int8_t>(key % 5 - 2)),
                              maybe(Value(below(20) - 6)),
                              maybe(Value(static_cast<std::int16_t>(below(100) - 50))),
                              maybe(Value(static_cast<std::int32_t>(below(8)))),
                              maybe(Value(static_cast<std::uint16_t>(below(5)))),
                              maybe(Value(static_cast<double>(below(200) - 100) / 4)),
                              maybe(Value(static_cast<float>(below(40) - 20) / 2)),
                              maybe(word()),
                              word(),
                              maybe(Value(below(2) == 0)),
                              maybe(Value(Timestamp{us})),
                              maybe(Value(Date{static_cast<std::int32_t>(us / kDayUs)})),
                              maybe(Value(Binary{kBlobs[rng() % 4]})),
                              maybe(Value(kBig[rng() % 5]))};
  };
  for (int v = 0; v < 12; ++v) {
    Step& step = d.steps.emplace_back();
    const std::int64_t count = v == 0 ? keys : v % 4 == 0 && rng() % 2 == 0 ? 1'100 : 1 + below(60);
    for (std::int64_t i = 0; i < count; ++i) {
      const std::int64_t key = v == 0 ? i : below(static_cast<std::uint64_t>(keys) + 20);
      if (v % 3 == 2)
        step.removed.push_back(
            {Value(static_cast<std::int8_t>(key % 5 - 2)), Value(static_cast<std::uint32_t>(key))});
      else
        step.rows.push_back(row(key));
    }
  }
  return d;
}

Data flights(std::mt19937_64& rng, std::size_t rows) {
  Data d;
  d.schema = Schema::parse("id i64, date timestamp, delay i64, distance i64, origin utf8, destination utf8",
                           {.key = {"id"}, .time = "date"})
                 .value();
  using enum Kind;
  d.kinds = {integer, time, integer, integer, text, text};
  d.columns = {{integer, {"delay", "distance", "id"}}, {time, {"date"}}, {text, {"origin", "destination"}}};
  d.words = {"ATL", "ORD", "LAX", "A", "PHL", "SFO", "ZZZ"};
  std::istringstream file(head_of_flights(60 * rows));
  std::string line;
  std::getline(file, line);
  std::vector<std::vector<Value>> all;
  while (all.size() < rows && std::getline(file, line)) {
    std::vector<Value> row;
    std::istringstream fields(line);
    std::string field;
    for (std::size_t c = 0; std::getline(fields, field, ','); ++c)
      row.push_back(Value(field).cast(d.schema[c].type).value());
    all.push_back(std::move(row));
  }
  d.time_min = all.front()[1].to_i64();
  d.time_max = all.back()[1].to_i64();
  for (std::size_t first = 0; first < all.size(); first += rows / 4) {
    Step& step = d.steps.emplace_back();
    for (std::size_t i = first; i < std::min(all.size(), first + rows / 4); ++i) step.rows.push_back(all[i]);
    Step& later = d.steps.emplace_back();
    for (int i = 0; i < 50; ++i) {
      later.rows.push_back(all[rng() % all.size()]);
      later.rows.back()[2] = Value(later.rows.back()[2].to_i64() + 60);
    }
    Step& cancelled = d.steps.emplace_back();
    for (int i = 0; i < 20; ++i) cancelled.removed.push_back({all[rng() % all.size()][0]});
  }
  return d;
}

Row cells_of(const Data& data, const std::vector<Value>& row) {
  Row cells;
  for (std::size_t c = 0; c < row.size(); ++c) cells.push_back(cell_of(row[c], data.kinds[c] == Kind::u64));
  return cells;
}

void create_table(Sqlite& sqlite, const Data& data, const std::string& name) {
  static constexpr const char* kTypes[] = {"INTEGER", "REAL",    "TEXT", "INTEGER",
                                           "INTEGER", "INTEGER", "BLOB", "TEXT"};
  std::string columns;
  for (std::size_t c = 0; c < data.kinds.size(); ++c)
    columns +=
        (c != 0 ? ", " : "") + data.schema[c].name + " " + kTypes[static_cast<std::size_t>(data.kinds[c])];
  sqlite.run("CREATE TABLE " + name + " (" + columns + ")");
}

}  // namespace firn::storage::oracle
