// The verbs of the log tests: a simulated disk, one log on it, and what reading it gives.
#pragma once
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "io/log_reader.hpp"
#include "io/sim_disk.hpp"

namespace firn::io {

using Bytes = std::vector<std::uint8_t>;

inline Bytes bytes_of(std::string_view text) { return {text.begin(), text.end()}; }

/// A payload that tells its length and seed apart from all others.
inline Bytes pattern(std::size_t n, std::uint64_t seed) {
  Bytes b(n);
  std::uint64_t x = seed * 0x9E3779B97F4A7C15U + n;
  for (auto& v : b) {
    x = x * 6364136223846793005U + 1442695040888963407U;
    v = static_cast<std::uint8_t>(x >> 56);
  }
  return b;
}

/// All that a reader gave until its end or error.
struct Reading {
  std::vector<Bytes> payloads;
  std::vector<EntryPosition> positions;
  std::optional<TailInfo> tail;
  std::optional<Error> error;
};

inline Reading read_log(Disk& disk, const std::string& path, const LogExpectation& expect) {
  Reading out;
  auto reader = LogReader::open(disk, path, expect);
  if (!reader) {
    out.error = reader.error();
    return out;
  }
  for (;;) {
    const LogStep step = (*reader)->next();
    if (const auto* record = std::get_if<LogRecord>(&step)) {
      out.payloads.emplace_back(record->payload.begin(), record->payload.end());
      out.positions.push_back(record->position);
    } else if (const auto* tail = std::get_if<TailInfo>(&step)) {
      out.tail = *tail;
      return out;
    } else {
      out.error = std::get<Error>(step);
      return out;
    }
  }
}

class LogTest : public ::testing::Test {
 protected:
  static constexpr std::uint64_t kStore = 0xABCDEF, kFile = 3;
  static constexpr const char* kPath = "a.log";

  void SetUp() override { create(); }

  void create() {
    log_ = AppendLog::create(disk_, kPath, {{kStore, kFile}, 1, 0x1234}).value();
    expect_.store_id = kStore;
  }
  EntryPosition put(std::string_view text) { return log_->append(bytes_of(text), 1).value(); }
  EntryPosition put_synced(std::string_view text) { return log_->append_and_sync(bytes_of(text), 1).value(); }
  void flip(std::uint64_t offset) {
    Bytes b(1);
    disk_.open(kPath, Disk::Mode::read).value()->read_at(offset, b).value();
    b[0] = static_cast<std::uint8_t>(b[0] ^ 0x10U);
    disk_.damage(kPath, offset, b).value();
  }
  void cut_file(std::uint64_t size) {
    disk_.open(kPath, Disk::Mode::read_write).value()->truncate(size).value();
  }
  Reading read() { return read_log(disk_, kPath, expect_); }
  void expect_corrupt(const Reading& r, std::uint64_t offset) {
    ASSERT_TRUE(r.error.has_value());
    EXPECT_EQ(r.error->code(), ErrorCode::corrupt);
    EXPECT_NE(r.error->message().find("'a.log' at offset " + std::to_string(offset) + ":"), std::string::npos)
        << r.error->message();
  }
  void expect_end(const Reading& r, std::size_t entries, bool torn) {
    ASSERT_FALSE(r.error.has_value()) << r.error->message();
    EXPECT_EQ(r.payloads.size(), entries);
    EXPECT_EQ(r.tail->torn, torn);
    EXPECT_EQ(r.tail->bytes_dropped != 0, torn);
  }

  SimDisk disk_;
  std::unique_ptr<AppendLog> log_;
  LogExpectation expect_;
};

}  // namespace firn::io
