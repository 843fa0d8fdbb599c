// Codecs: what goes in comes out, whatever the values; and no bytes make a reader crash.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <random>

#include "storage/cold/bit_packing.hpp"
#include "storage/cold/encoding.hpp"

namespace firn::storage::cold {
namespace {

using Numbers = std::vector<std::uint64_t>;

struct InMemory {
  explicit InMemory(const ByteString& b)
      : source({reinterpret_cast<const std::uint8_t*>(b.data()), b.size()}), bytes{&source, 0, b.size()} {}
  SpanSource source;
  Bytes bytes;
};

void expect_numbers(const IntReader& r, const Numbers& v, const std::string& tree) {
  Numbers all(v.size());
  for (std::size_t i = 0; i < v.size(); i += kBlockValues) {
    r.read(i, std::min(kBlockValues, v.size() - i), all.data() + i).value();
  }
  ASSERT_EQ(all, v) << tree;
  std::mt19937_64 random(7);
  for (int k = 0; k < 50; ++k) {
    PointScratch scratch;
    const std::size_t i = random() % v.size(), n = std::min<std::size_t>(random() % 300, v.size() - i);
    ASSERT_EQ(r.at(i, scratch).value(), v[i]) << tree << " at " << i;
    Numbers part(n);
    r.read(i, n, part.data()).value();
    ASSERT_TRUE(std::equal(part.begin(), part.end(), v.begin() + static_cast<std::ptrdiff_t>(i))) << tree;
    std::vector<std::uint32_t> rows;
    const std::size_t end = std::min(v.size(), i + kBlockValues);
    for (std::size_t row = i; row < end; row += 1 + random() % 9)
      rows.push_back(static_cast<std::uint32_t>(row));
    Numbers some(rows.size());
    r.take(rows, some.data()).value();
    for (std::size_t j = 0; j < rows.size(); ++j) ASSERT_EQ(some[j], v[rows[j]]) << tree << " at " << rows[j];
  }
}

std::string round_trip(const Numbers& v) {
  const Encoded e = encode_ints(v, EncodeOptions{});
  const InMemory m(e.bytes);
  const auto r = open_ints(m.bytes, v.size()).value();
  expect_numbers(*r, v, e.tree);
  return e.tree;
}

std::string round_trip_floats(const Numbers& bits, bool is_f32 = false) {
  const Encoded e = encode_floats(bits, is_f32, EncodeOptions{});
  const InMemory m(e.bytes);
  const auto r = open_floats(m.bytes, is_f32, bits.size()).value();
  expect_numbers(*r, bits, e.tree);
  return e.tree;
}

std::string round_trip(const std::vector<std::string>& v) {
  const std::vector<std::string_view> views(v.begin(), v.end());
  const Encoded e = encode_strings(views, EncodeOptions{});
  const InMemory m(e.bytes);
  const auto r = open_strings(m.bytes, v.size()).value();
  StringSink sink(1U << 30);
  r->read(0, v.size(), sink).value();
  EXPECT_EQ(sink.size(), v.size());
  for (std::size_t i = 0; i < v.size(); ++i) {
    if (sink.at(i) != v[i]) ADD_FAILURE() << e.tree << " at " << i;
  }
  for (std::size_t i = 0; i < v.size(); i += 1 + v.size() / 97) {
    PointScratch scratch;
    std::string s;
    r->at(i, s, scratch).value();
    EXPECT_EQ(s, v[i]) << e.tree << " at " << i;
    EXPECT_LE(scratch.bytes_decoded, 64 * 1024U) << e.tree;
  }
  return e.tree;
}

Numbers make(std::size_t n, auto f) {
  Numbers v(n);
  for (std::size_t i = 0; i < n; ++i) v[i] = static_cast<std::uint64_t>(f(i));
  return v;
}

constexpr std::size_t kSizes[] = {1, 2, 7, 63, 1024, 1025, 5000, 65'537};

TEST(ColdBitPacking, EveryWidthRoundTrips) {
  std::mt19937_64 random(1);
  for (unsigned w = 0; w <= 64; ++w) {
    const Numbers v = make(203, [&](auto) { return w == 0 ? 0 : random() >> (64 - w); });
    std::string packed;
    pack(v, w, packed);
    ASSERT_EQ(packed.size(), packed_bytes(v.size(), w));
    packed.append(kPackSlack, '\0');
    const auto* p = reinterpret_cast<const std::uint8_t*>(packed.data());
    Numbers out(v.size());
    unpack(p, 0, v.size(), w, out.data());
    ASSERT_EQ(out, v) << w;
    unpack(p, 5, 190, w, out.data());
    ASSERT_TRUE(std::equal(out.begin(), out.begin() + 190, v.begin() + 5)) << w;
    unpack(p, 5, 190, w, out.data(), ~std::uint64_t{6});  // 7 less, modulo 2^64
    for (std::size_t i = 0; i < 190; ++i) ASSERT_EQ(out[i], v[i + 5] - 7) << w;
    for (std::size_t i = 0; i < v.size(); ++i) ASSERT_EQ(unpack_one(p, i, w), v[i]) << w;
  }
}

TEST(ColdInts, ShapesRoundTripAtAllSizes) {
  std::mt19937_64 random(2);
  for (const std::size_t n : kSizes) {
    round_trip(make(n, [](auto) { return -42; }));
    round_trip(make(n, [](auto i) { return i * 3 + 7; }));
    round_trip(make(n, [](auto i) { return -std::int64_t(i) * 1'000'003; }));
    round_trip(make(n, [&](auto) { return random(); }));
    round_trip(make(n, [&](auto) { return random() % 2; }));
    round_trip(make(n, [](auto i) { return i / 40; }));
    round_trip(make(n, [&](auto) { return random() % 100 == 0 ? random() : random() % 16; }));
    round_trip(make(n, [&](auto) { return (random() % 13) * 0x1234'5678'9ABCULL; }));
    round_trip(make(n, [](auto i) {
      return i % 2 ? std::numeric_limits<std::int64_t>::min() : std::numeric_limits<std::int64_t>::max();
    }));
    round_trip(make(n, [&](auto i) { return i * i * 60'000'000; }));
    round_trip(make(n, [&](auto) { return std::uint64_t{1} << random() % 20; }));
  }
}

TEST(ColdInts, EachEncodingIsChosenWhereItFits) {
  std::mt19937_64 random(3);
  EXPECT_EQ(round_trip(make(5000, [](auto) { return 9; })), "constant");
  EXPECT_EQ(round_trip(make(5000, [](auto i) { return i; })), "bitpack(0,slope)");
  EXPECT_EQ(round_trip(make(5000, [&](auto) { return random() % 1000 + 5; })), "bitpack(10)");
  EXPECT_NE(round_trip(make(50'000, [](auto i) { return i / 1000 * 7777 % 5000; })).find("rle"),
            std::string::npos);
  EXPECT_NE(round_trip(make(50'000, [&](auto) { return (random() % 9) * 0x1234'5678'9ABCULL + 1; }))
                .find("bitpack(4"),
            std::string::npos);
  EXPECT_NE(round_trip(make(50'000,
                            [&](auto) {
                              const auto k = random() % 9;
                              return k * k * k * 0x1234'5678'9AB1ULL + k;
                            }))
                .find("dict"),
            std::string::npos);
  EXPECT_NE(round_trip(make(50'000, [&](auto) { return random() % 200 == 0 ? random() : random() % 16; }))
                .find("patched"),
            std::string::npos);
  std::uint64_t sum = 0;
  EXPECT_NE(
      round_trip(
          make(50'000, [&](auto) { return sum += random() % 2 * (random() % 1000 == 0 ? 1U << 20 : 3); }))
          .find("delta"),
      std::string::npos);
}

TEST(ColdFloats, EveryBitPatternComesBack) {
  std::mt19937_64 random(4);
  const auto bits = [](double v) { return std::bit_cast<std::uint64_t>(v); };
  for (const std::size_t n : kSizes) {
    round_trip_floats(make(n, [&](auto) { return bits(static_cast<double>(random() % 100'000) / 100.0); }));
    round_trip_floats(make(n, [&](auto) { return random(); }));
    round_trip_floats(make(n, [&](auto i) {
      const double odd[] = {-0.0, std::nan(""), std::numeric_limits<double>::infinity(), 1e300, 5e-324};
      return i % 40 == 3 ? bits(odd[random() % 5]) : bits(static_cast<double>(random() % 1000) / 10);
    }));
    round_trip_floats(
        make(n, [&](auto) { return std::bit_cast<std::uint32_t>(static_cast<float>(random() % 1000) / 8); }),
        true);
    round_trip_floats(make(n, [&](auto) { return random() & 0xFFFF'FFFFU; }), true);
  }
  EXPECT_EQ(round_trip_floats(
                make(5000, [&](auto) { return bits(static_cast<double>(random() % 100'000) / 100.0); })),
            "decimal(2,bitpack(17))");
}

TEST(ColdStrings, ShapesRoundTripAtAllSizes) {
  std::mt19937_64 random(5);
  for (const std::size_t n : kSizes) {
    std::vector<std::string> same(n, "same"), empty(n), few(n), noise(n), records(n), prose(n);
    for (std::size_t i = 0; i < n; ++i) {
      few[i] = "value " + std::to_string(random() % 7);
      for (std::size_t k = random() % 20; k > 0; --k) noise[i].push_back(static_cast<char>(random()));
      char b[80];
      std::snprintf(b, sizeof b, "{\"s\":\"%08x\",\"n\":%d,\"p\":\"%05d\"}", static_cast<unsigned>(random()),
                    static_cast<int>(random() % 5000), static_cast<int>(random() % 99'999));
      records[i] = i % 100 == 50 ? "broken" : b;
      for (std::size_t k = random() % 12; k > 0; --k) prose[i] += few[random() % (i + 1)] + " and ";
    }
    for (const auto& v : {same, empty, few, noise, records, prose}) round_trip(v);
  }
}

TEST(ColdStrings, RecordsBecomeColumns) {
  std::vector<std::string> urls, uuids;
  std::mt19937_64 random(6);
  for (int i = 0; i < 20'000; ++i) {
    urls.push_back("https://example.com/c/" + std::to_string(random() % 90) + "/item/" +
                   std::to_string(100'000 + random() % 900'000));
    char b[40];
    std::snprintf(b, sizeof b, "%08x-%04x-%04x", static_cast<unsigned>(random()),
                  static_cast<unsigned>(random() & 0xFFFF), static_cast<unsigned>(random() & 0xFFFF));
    uuids.emplace_back(b);
  }
  EXPECT_EQ(round_trip(urls).find("pattern(number:"), 0U);
  EXPECT_EQ(round_trip(uuids), "pattern(hex:bitpack(32),hex:bitpack(16),hex:bitpack(16))");
}

TEST(ColdDecoders, FlippedBytesNeverCrash) {
  std::mt19937_64 random(20'26);
  std::vector<ByteString> ints, strings, floats;
  constexpr std::size_t n = 3000;
  std::uint64_t sum = 0;
  for (const Numbers& v :
       {make(n, [&](auto) { return random() % 77; }), make(n, [](auto i) { return i / 50; }),
        make(n, [&](auto) { return random() % 100 == 0 ? random() : 3; }),
        make(n, [&](auto i) { return i * i; }),
        make(n,
             [&](auto) {
               const auto k = random() % 9;
               return k * k * k * 0x1234'5678'9AB1ULL + k;
             }),
        make(n, [&](auto) { return sum += random() % 3 == 0 ? 1U << 16 : 3; }),
        make(n, [&](auto) { return std::uint64_t{1} << random() % 40; })}) {
    ints.push_back(encode_ints(v, EncodeOptions{}).bytes);
  }
  floats.push_back(encode_floats(make(n,
                                      [&](auto i) {
                                        return std::bit_cast<std::uint64_t>(
                                            i % 50 == 0 ? 1e300 : static_cast<double>(i) / 10);
                                      }),
                                 false, EncodeOptions{})
                       .bytes);
  std::vector<std::string> few, text, records;
  for (std::size_t i = 0; i < n; ++i) {
    few.push_back("value " + std::to_string(random() % 7));
    text.push_back(std::string(random() % 30, static_cast<char>('a' + i % 20)));
    records.push_back(i % 100 == 50 ? "broken"
                                    : "id=" + std::to_string(random() % 10'000) + ";kind=" + few.back());
  }
  for (const auto& v : {few, text, records}) {
    const std::vector<std::string_view> views(v.begin(), v.end());
    strings.push_back(encode_strings(views, EncodeOptions{}).bytes);
  }
  const auto damage = [&](ByteString b) {
    for (std::size_t k = 1 + random() % 4; k > 0; --k) {
      // Most structure is at the front.
      const std::size_t at =
          random() % 2 ? random() % b.size() : random() % std::min<std::size_t>(b.size(), 64);
      b[at] = static_cast<char>(random() % 3 == 0 ? 0xFF : random());
    }
    if (random() % 8 == 0) b.resize(random() % b.size());
    return b;
  };
  const auto read_ints = [&](const Result<IntReaderPtr>& r) {
    if (!r) return;
    Numbers out(n);
    const std::uint32_t rows[] = {1024, 1025, 1050, 1500, 2047};
    (void)(*r)->take(rows, out.data()).ok();
    PointScratch scratch;
    for (std::size_t i = 0; i < n; i += 1000) (void)(*r)->read(i, 1000, out.data() + i).ok();
    for (int k = 0; k < 20; ++k) (void)(*r)->at(random() % n, scratch).ok();
  };
  for (int round = 0; round < 400; ++round) {
    for (const ByteString& b : ints) {
      const ByteString d = damage(b);
      const InMemory m(d);
      read_ints(open_ints(m.bytes, n));
    }
    for (const ByteString& b : floats) {
      const ByteString d = damage(b);
      const InMemory m(d);
      read_ints(open_floats(m.bytes, false, n));
    }
    for (const ByteString& b : strings) {
      const ByteString d = damage(b);
      const InMemory m(d);
      const auto r = open_strings(m.bytes, n);
      if (!r) continue;
      StringSink sink(1U << 20);
      (void)(*r)->read(0, n, sink).ok();
      EXPECT_LE(sink.bytes().size(), 1U << 20);
      PointScratch scratch;
      std::string s;
      for (int k = 0; k < 10; ++k) (void)(*r)->at(random() % n, s, scratch).ok();
    }
  }
}

}  // namespace
}  // namespace firn::storage::cold
