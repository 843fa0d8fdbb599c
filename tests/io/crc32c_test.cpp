#include "io/crc32c.hpp"

#include <gtest/gtest.h>

#include <numeric>
#include <random>
#include <string_view>
#include <vector>

namespace firn::io {
namespace {

std::vector<std::uint8_t> bytes_of(std::string_view text) { return {text.begin(), text.end()}; }

std::vector<std::uint8_t> random_bytes(std::mt19937_64& rng, std::size_t n) {
  std::vector<std::uint8_t> v(n);
  for (auto& b : v) b = static_cast<std::uint8_t>(rng());
  return v;
}

TEST(Crc32c, KnownVectors) {  // RFC 3720 B.4 and the usual check string
  EXPECT_EQ(crc32c({}), 0U);
  EXPECT_EQ(crc32c(bytes_of("123456789")), 0xE3069283U);
  EXPECT_EQ(crc32c(std::vector<std::uint8_t>(32, 0)), 0x8A9136AAU);
  EXPECT_EQ(crc32c(std::vector<std::uint8_t>(32, 0xFF)), 0x62A8AB43U);
  std::vector<std::uint8_t> ascending(32);
  std::iota(ascending.begin(), ascending.end(), std::uint8_t{0});
  EXPECT_EQ(crc32c(ascending), 0x46DD794EU);
}

TEST(Crc32c, FastFormAgreesWithTheTableAtEveryLengthAndAlignment) {
  std::mt19937_64 rng(1);
  const auto data = random_bytes(rng, 2100);
  for (std::size_t n = 0; n <= 2080; ++n) {
    const std::span<const std::uint8_t> s(data.data() + n % 13, n);
    ASSERT_EQ(crc32c(s, 77), crc32c_scalar(s, 77)) << n;
  }
}

TEST(Crc32c, FastFormAgreesOnLargeBuffers) {
  std::mt19937_64 rng(2);
  const auto data = random_bytes(rng, 200'000);
  for (int i = 0; i < 200; ++i) {
    const std::size_t from = rng() % data.size();
    const std::span<const std::uint8_t> s(data.data() + from, rng() % (data.size() - from));
    const auto seed = static_cast<std::uint32_t>(rng());
    ASSERT_EQ(crc32c(s, seed), crc32c_scalar(s, seed)) << from << " " << s.size();
  }
}

TEST(Crc32c, ChecksumsOfPiecesCombine) {
  std::mt19937_64 rng(4);
  const auto data = random_bytes(rng, 3'000'000);
  for (int i = 0; i < 200; ++i) {
    const std::size_t n = rng() % (i < 100 ? 100 : data.size()), cut = n == 0 ? 0 : rng() % (n + 1);
    const std::span<const std::uint8_t> all(data.data(), n);
    const auto seed = static_cast<std::uint32_t>(rng());
    ASSERT_EQ(crc32c_combine(crc32c(all.first(cut), seed), crc32c(all.subspan(cut)), n - cut),
              crc32c(all, seed))
        << n << " " << cut;
  }
  EXPECT_EQ(crc32c_combine(77, 0, 0), 77U);
}

TEST(Crc32c, SeedChains) {
  std::mt19937_64 rng(3);
  const auto data = random_bytes(rng, 50'000);
  const std::span<const std::uint8_t> all(data);
  for (int i = 0; i < 200; ++i) {
    const std::size_t cut = rng() % all.size();
    ASSERT_EQ(crc32c(all.subspan(cut), crc32c(all.first(cut))), crc32c(all)) << cut;
  }
}

}  // namespace
}  // namespace firn::io
