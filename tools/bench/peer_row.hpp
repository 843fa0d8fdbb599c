// How a key-value peer stores a row: an 8-byte big-endian key, and a packed value.
//
//   event   i64 ts, i64 user, f64 amount, i32 status, then type, country, url, payload as u16 length + bytes
//   other   each column behind the key: fixed width as it is, texts as u16 length + bytes
#pragma once
#include <cstring>
#include <string>
#include <unordered_map>

#include "tools/bench/system.hpp"

namespace firn::bench {

inline std::uint64_t big_endian(std::uint64_t v) { return __builtin_bswap64(v); }

void encode_event(const Event& e, std::string& out);
/// Texts point into `value`.
Event decode_event(std::uint64_t id, std::string_view value);
/// Row i of a batch, without its first column.
void encode_row(const Batch& batch, std::size_t i, std::string& out);
/// The integer in the batch's first column.
std::uint64_t key_of(const Batch& batch, std::size_t i);

/// A full scan's answer, row by row: what a program over a key-value store writes by hand.
class ScanAnswer {
 public:
  explicit ScanAnswer(const Asked& asked) : asked_(asked) {}
  void add(std::uint64_t id, std::string_view value);
  Answer finish();

 private:
  struct Group {
    std::uint64_t count = 0;
    double sum = 0;
  };
  Asked asked_;
  std::unordered_map<std::string, Group> groups_;
  std::string last_type_;
  Group* last_ = nullptr;
  std::uint64_t count_ = 0;
  std::vector<std::string> kept_;
};

}  // namespace firn::bench
