// Sizes: bytes a row of rows like those of the benchmark (FIRN_COLD_ROWS rows; default 60,000) and, where
// FIRN_FLIGHTS names the uncompressed CSV, of real flights. Prints a line a column.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <random>
#include <set>

#include "io/posix_disk.hpp"
#include "storage/cold/segment.hpp"

namespace firn::storage::cold {
namespace {

class ColdSize : public testing::Test {
 protected:
  void SetUp() override {
    root_ = std::filesystem::temp_directory_path() / ("firn-cold-size-" + std::to_string(::getpid()));
    disk_ = io::PosixDisk::open_root(root_.string(), true).value();
  }
  void TearDown() override { std::filesystem::remove_all(root_); }

  void begin(const Schema& schema) {
    RowFileInfo info;
    info.id = 1, info.path = "cold/size";
    writer_ = SegmentWriter::create(*disk_, schema, info, {}).value();
    builder_.emplace(schema);
  }
  void flush() {
    const Batch b = builder_->finish().value();
    const std::vector<std::uint64_t> csns(static_cast<std::size_t>(b.rows()), 1);
    writer_->append(b, csns, {}, {}).value();
  }
  template <class... Ts>
  void add(const Ts&... v) {
    builder_->append(v...);
    if (builder_->rows() == 50'000) flush();
  }
  /// Bytes a row of the whole file; prints the columns.
  double end() {
    flush();
    const RowFileInfo info = writer_->finish().value();
    const auto file = open_segment(*disk_, info, 0).value();
    const auto rows = static_cast<double>(info.rows);
    for (const ColumnDetail& d : file->details()) {
      std::printf("%-12s %8.3f bytes a row  %s; %s\n", d.name.c_str(), static_cast<double>(d.bytes) / rows,
                  d.encoding.c_str(), d.why.c_str());
      for (const char* e : {"constant", "bitpack", "slope", "rle", "dict", "decimal", "patched", "delta",
                            "pattern", "zstd", "planes"}) {
        if (d.encoding.find(e) != std::string::npos) encodings_.insert(e);
      }
    }
    const double size = static_cast<double>(info.length) / rows;
    std::printf("%-12s %8.3f bytes a row, %.0f rows\n", "file", size, rows);
    return size;
  }

  std::filesystem::path root_;
  std::shared_ptr<io::Disk> disk_;
  std::unique_ptr<SegmentWriter> writer_;
  std::optional<BatchBuilder> builder_;
  std::set<std::string> encodings_;
};

TEST_F(ColdSize, Events) {
  const char* wanted = std::getenv("FIRN_COLD_ROWS");
  const std::uint64_t rows = wanted != nullptr ? std::strtoull(wanted, nullptr, 10) : 60'000;
  begin(Schema::parse("id u64, ts timestamp, user i64, type utf8, country utf8, url utf8, amount f64, status "
                      "i32, payload utf8",
                      {{"id"}, "ts"})
            .value());
  std::mt19937_64 r(1);
  const auto zipf = [&](double n) {
    return static_cast<std::uint64_t>(std::pow(n, static_cast<double>(r() >> 11) * 0x1.0p-53)) - 1;
  };
  const char* types[] = {"view",   "click",  "scroll", "add_to_cart", "purchase", "login",
                         "logout", "search", "share",  "error",       "refund",   "signup"};
  for (std::uint64_t id = 0; id < rows; ++id) {
    char url[96], payload[160], country[3] = {};
    const auto u = zipf(50'000);
    const auto c = zipf(200);
    country[0] = static_cast<char>('A' + c / 26), country[1] = static_cast<char>('A' + c % 26);
    std::snprintf(url, sizeof url, "https://shop.example.com/c/%d/item/%06d?ref=%s", static_cast<int>(u % 97),
                  static_cast<int>(u * 7919 % 1'000'003), types[u % 12]);
    std::snprintf(payload, sizeof payload, "{\"session\":\"%08x%08x\",\"ab\":%d,\"ms\":%d,\"ua\":\"%s\"}",
                  static_cast<unsigned>(r()), static_cast<unsigned>(r()), static_cast<int>(r() % 4),
                  static_cast<int>(r() % 3000),
                  r() & 1 ? "Mozilla/5.0 (X11; Linux x86_64)" : "Mozilla/5.0 (iPhone; CPU OS 17_0)");
    add(id, Timestamp{static_cast<std::int64_t>(1'700'000'000'000'000 + id * 1000 + r() % 900)},
        static_cast<std::int64_t>(zipf(1e6)), types[zipf(12)], country, url,
        static_cast<double>(r() % 100'000) / 100, static_cast<std::int32_t>(r() % 20 ? 200 : 400 + r() % 5),
        payload);
  }
  EXPECT_LE(end(), 23.0);
  EXPECT_GE(encodings_.size(), 5U);
}

TEST_F(ColdSize, Flights) {
  const char* path = std::getenv("FIRN_FLIGHTS");
  if (path == nullptr) GTEST_SKIP() << "FIRN_FLIGHTS names no CSV file";
  begin(Schema::parse("id i64, date timestamp, delay i64, distance i64, origin utf8, destination utf8",
                      {{"id"}, "date"})
            .value());
  std::ifstream in(path);
  std::string line;
  std::getline(in, line);
  while (std::getline(in, line)) {
    std::vector<std::string> f;
    for (std::size_t at = 0; f.size() < 6;) {
      const std::size_t comma = std::min(line.find(',', at), line.size());
      f.push_back(line.substr(at, comma - at));
      at = std::min(comma + 1, line.size());
    }
    add(std::int64_t{std::stoll(f[0])}, Timestamp{parse_timestamp(f[1]).value()},
        std::int64_t{std::stoll(f[2])}, std::int64_t{std::stoll(f[3])}, f[4], f[5]);
  }
  EXPECT_LE(end(), 4.5);
  EXPECT_GE(encodings_.size(), 5U);
}

}  // namespace
}  // namespace firn::storage::cold
