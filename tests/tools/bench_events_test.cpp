// The benchmark's rows must never change: figures of different versions would compare different data.
#define XXH_INLINE_ALL
#include <gtest/gtest.h>
#include <xxhash.h>

#include "tools/bench/events.hpp"

namespace firn::bench {
namespace {

class RowHash {
 public:
  RowHash() : state_(XXH64_createState()) { XXH64_reset(state_, 0); }
  ~RowHash() { XXH64_freeState(state_); }
  RowHash(const RowHash&) = delete;
  RowHash& operator=(const RowHash&) = delete;

  template <class T>
  void add_fixed(T v) {
    XXH64_update(state_, &v, sizeof v);
  }
  void add_text(std::string_view v) { XXH64_update(state_, v.data(), v.size()); }
  void add(const Event& e) {
    add_fixed(e.ts), add_fixed(e.user), add_fixed(e.amount), add_fixed(e.status);
    add_text(e.type), add_text(e.country), add_text(e.url), add_text(e.payload);
  }
  std::uint64_t digest() const { return XXH64_digest(state_); }

 private:
  XXH64_state_t* state_;
};

constexpr std::uint64_t kHashOfFirstRows = 0x06902a23267a7470;

TEST(BenchEvents, TheFirstHundredThousandRowsAreTheseForEver) {
  EventGenerator generator;
  RowHash hash;
  for (int i = 0; i < 100'000; ++i) hash.add(generator.next());
  EXPECT_EQ(hash.digest(), kHashOfFirstRows);
}

TEST(BenchEvents, ChunksHoldTheSameRowsInBothForms) {
  EventData data(20'000);
  RowHash hash;
  for (std::size_t c = 0; c < 5; ++c)
    for (const Event& e : data.chunk(c).rows) hash.add(e);
  EXPECT_EQ(hash.digest(), kHashOfFirstRows);
  EXPECT_EQ(data.chunk(1).batch[0].as<std::uint64_t>()[0], 20'000U);
  const EventChunk part = data.part(20'500, 10);
  EXPECT_EQ(part.rows.front().id, 20'500U);
  EXPECT_EQ(part.rows.back().payload, data.chunk(1).rows[509].payload);
}

}  // namespace
}  // namespace firn::bench
