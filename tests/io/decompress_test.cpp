// Sources: plain, zstd and gzip give the same bytes; a cut or damaged one says where.
#include "io/decompress.hpp"

#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

#include <vector>

namespace firn::io {
namespace {

std::string text() {
  std::string s;
  for (int i = 0; i < 100'000; ++i) s += std::to_string(i * 7919) + "\n";
  return s;
}

std::string zstd(const std::string& s) {
  std::string out(ZSTD_compressBound(s.size()), '\0');
  out.resize(ZSTD_compress(out.data(), out.size(), s.data(), s.size(), 1));
  return out;
}

std::string gzip(const std::string& s) {
  z_stream z{};
  deflateInit2(&z, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  std::string out(s.size() + 1000, '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(s.data()));  // NOLINT: zlib's interface
  z.avail_in = static_cast<uInt>(s.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());  // NOLINT
  z.avail_out = static_cast<uInt>(out.size());
  deflate(&z, Z_FINISH);
  out.resize(out.size() - z.avail_out);
  deflateEnd(&z);
  return out;
}

Result<std::string> read_all(const std::string& bytes) {
  auto source =
      source_of_bytes({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()}, "x");  // NOLINT
  std::string out;
  while (true) {
    FIRN_ASSIGN(const auto some, source->next());
    if (some.empty()) return out;
    out.append(reinterpret_cast<const char*>(some.data()), some.size());  // NOLINT: bytes as text
  }
}

TEST(Decompress, AllFormsGiveTheSameBytes) {
  const std::string s = text();
  EXPECT_EQ(read_all(s).value(), s);
  EXPECT_EQ(read_all(zstd(s)).value(), s);
  EXPECT_EQ(read_all(gzip(s)).value(), s);
  EXPECT_EQ(read_all("").value(), "");
  EXPECT_EQ(read_all("ab").value(), "ab");
}

TEST(Decompress, FramesBehindOneAnotherAreOneInput) {
  const std::string s = text();
  EXPECT_EQ(read_all(zstd(s) + zstd("tail")).value(), s + "tail");
  EXPECT_EQ(read_all(gzip(s) + gzip("tail")).value(), s + "tail");
}

TEST(Decompress, CutInputIsAnError) {
  for (const std::string& whole : {zstd(text()), gzip(text())}) {
    for (std::size_t left : {std::size_t{5}, whole.size() / 2, whole.size() - 1}) {
      auto r = read_all(whole.substr(0, left));
      ASSERT_FALSE(r.ok()) << left;
      EXPECT_EQ(r.error().code(), ErrorCode::corrupt);
      EXPECT_NE(r.error().message().find("at byte"), std::string::npos);
    }
  }
}

TEST(Decompress, DamagedGzipIsAnError) {
  std::string bytes = gzip(text());
  bytes[bytes.size() - 6] ^= 1;  // its checksum
  EXPECT_EQ(read_all(bytes).error().code(), ErrorCode::corrupt);
}

}  // namespace
}  // namespace firn::io
