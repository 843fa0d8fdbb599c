// The rows of the benchmark: one deterministic stream of user events, the same for every system and every run.
//
// Row i is what the i-th call of next() gives; skipping is impossible, as one random sequence runs through all rows.
// A test pins the first 100,000 rows by their hash. Owned by one thread.
#pragma once
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "schema/batch.hpp"

namespace firn::bench {

/// A row. The texts belong to whoever made the row: the generator (until its next()) or a chunk's batch.
struct Event {
  std::uint64_t id = 0;
  std::int64_t ts = 0;  ///< microseconds since 1970
  std::int64_t user = 0;
  std::string_view type, country, url;
  double amount = 0;
  std::int32_t status = 0;
  std::string_view payload;
};

class EventGenerator {
 public:
  explicit EventGenerator(std::uint64_t seed = 1);
  /// The next row; its texts are valid until the next call.
  Event next();

 private:
  std::uint64_t zipf(std::uint64_t n);

  std::vector<std::string> types_, countries_, urls_;
  std::mt19937_64 random_;
  std::uint64_t next_id_ = 0;
  char payload_[160] = {};
};

/// id u64 (key), ts timestamp (event time), user, type, country, url, amount, status, payload.
Schema event_schema();

/// Rows in both forms that systems take: a ready Batch, and structs whose texts point into it.
struct EventChunk {
  Batch batch;
  std::vector<Event> rows;
};
EventChunk make_chunk(EventGenerator& generator, std::size_t rows);

/// The first `rows` rows in chunks of `chunk_rows`, made when asked for and kept.
class EventData {
 public:
  explicit EventData(std::size_t chunk_rows = 50'000) : chunk_rows_(chunk_rows) {}
  /// Chunk i of full size.
  const EventChunk& chunk(std::size_t i);
  /// Rows [first, first + count) of one chunk as a chunk of their own.
  EventChunk part(std::uint64_t first, std::size_t count);
  std::size_t chunk_rows() const { return chunk_rows_; }

 private:
  std::size_t chunk_rows_;
  EventGenerator generator_;
  std::vector<std::unique_ptr<EventChunk>> chunks_;
};

}  // namespace firn::bench
