#include "tools/bench/events.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace firn::bench {

namespace {

constexpr const char* kTypes[] = {"view",   "click",  "scroll", "add_to_cart", "purchase", "login",
                                  "logout", "search", "share",  "error",       "refund",   "signup"};
constexpr std::int64_t kFirstTs = 1'700'000'000'000'000;

/// The events of a batch of event_schema(), texts in place.
std::vector<Event> views_of(const Batch& batch) {
  std::vector<Event> rows(static_cast<std::size_t>(batch.rows()));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    Event& e = rows[i];
    e.id = batch[0].as<std::uint64_t>()[i];
    e.ts = batch[1].as<std::int64_t>()[i];
    e.user = batch[2].as<std::int64_t>()[i];
    e.type = batch[3].bytes_at(i), e.country = batch[4].bytes_at(i), e.url = batch[5].bytes_at(i);
    e.amount = batch[6].as<double>()[i];
    e.status = batch[7].as<std::int32_t>()[i];
    e.payload = batch[8].bytes_at(i);
  }
  return rows;
}

}  // namespace

EventGenerator::EventGenerator(std::uint64_t seed)
    : types_(std::begin(kTypes), std::end(kTypes)), random_(seed) {
  for (int i = 0; i < 200; ++i) {
    countries_.push_back({static_cast<char>('A' + i / 26), static_cast<char>('A' + i % 26)});
  }
  for (int i = 0; i < 50'000; ++i) {
    char url[96];
    std::snprintf(url, sizeof url, "https://shop.example.com/c/%d/item/%06d?ref=%s", i % 97,
                  i * 7919 % 1'000'003, kTypes[i % 12]);
    urls_.emplace_back(url);
  }
}

std::uint64_t EventGenerator::zipf(std::uint64_t n) {
  const double u = static_cast<double>(random_() >> 11) * 0x1.0p-53;
  return std::min(n - 1, static_cast<std::uint64_t>(std::pow(static_cast<double>(n), u)) - 1);
}

Event EventGenerator::next() {
  Event e;
  e.id = next_id_++;
  e.ts = kFirstTs + static_cast<std::int64_t>(e.id) * 1000 + static_cast<std::int64_t>(random_() % 900);
  e.user = static_cast<std::int64_t>(zipf(1'000'000));
  e.type = types_[zipf(12)];
  e.country = countries_[zipf(200)];
  e.url = urls_[zipf(50'000)];
  e.amount = static_cast<double>(random_() % 100'000) / 100.0;
  e.status = random_() % 20 != 0 ? 200 : 400 + static_cast<std::int32_t>(random_() % 5);
  // The draws stand from the last field to the first: the order in which the pinned rows were made.
  const bool linux_agent = (random_() & 1) != 0;
  const int ms = static_cast<int>(random_() % 3000);
  const int ab = static_cast<int>(random_() % 4);
  const auto low = static_cast<unsigned>(random_());
  const auto high = static_cast<unsigned>(random_());
  const int length = std::snprintf(
      payload_, sizeof payload_, R"({"session":"%08x%08x","ab":%d,"ms":%d,"ua":"%s"})", high, low, ab, ms,
      linux_agent ? "Mozilla/5.0 (X11; Linux x86_64)" : "Mozilla/5.0 (iPhone; CPU OS 17_0)");
  e.payload = {payload_, static_cast<std::size_t>(length)};
  return e;
}

Schema event_schema() {
  static const Schema schema = Schema::parse(
                                   "id u64, ts timestamp, user i64, type utf8, country utf8, url utf8, "
                                   "amount f64, status i32, payload utf8",
                                   {.key = {"id"}, .time = "ts"})
                                   .value();
  return schema;
}

EventChunk make_chunk(EventGenerator& generator, std::size_t rows) {
  const Schema schema = event_schema();
  std::vector<ColumnBuilder> b;
  for (const ColumnSchema& c : schema.columns()) b.emplace_back(c.type);
  for (std::size_t i = 0; i < rows; ++i) {
    const Event e = generator.next();
    b[0].append_fixed(e.id), b[1].append_fixed(e.ts), b[2].append_fixed(e.user);
    b[3].append_bytes(e.type), b[4].append_bytes(e.country), b[5].append_bytes(e.url);
    b[6].append_fixed(e.amount), b[7].append_fixed(e.status), b[8].append_bytes(e.payload);
  }
  std::vector<Column> columns;
  for (ColumnBuilder& c : b) columns.push_back(c.finish());
  EventChunk chunk{Batch(schema, static_cast<std::int64_t>(rows), std::move(columns)), {}};
  chunk.rows = views_of(chunk.batch);
  return chunk;
}

const EventChunk& EventData::chunk(std::size_t i) {
  while (chunks_.size() <= i)
    chunks_.push_back(std::make_unique<EventChunk>(make_chunk(generator_, chunk_rows_)));
  return *chunks_[i];
}

EventChunk EventData::part(std::uint64_t first, std::size_t count) {
  const EventChunk& whole = chunk(first / chunk_rows_);
  EventChunk part{whole.batch.slice(first % chunk_rows_, count), {}};
  part.rows = views_of(part.batch);
  return part;
}

}  // namespace firn::bench
