// Latencies by their logarithm: 64 buckets a doubling, so a quantile is off by less than 1 %. Memory is fixed, whatever
// is added. Owned by one thread; merge() brings those of several together.
#pragma once
#include <array>
#include <cstdint>
#include <vector>

namespace firn::bench {

class Histogram {
 public:
  /// Microseconds; negative counts as 0, more than 1,000 s as that.
  void add(double us);
  void merge(const Histogram& other);
  std::uint64_t count() const { return count_; }
  /// The q-th quantile (0..1), in microseconds, to within 1 %; the exact greatest value for q = 1. 0 if empty.
  double quantile(double q) const;
  double max() const { return max_us_; }

  struct Bucket {
    double from_us = 0, to_us = 0;
    std::uint64_t count = 0;
  };
  /// Those that hold something, ascending.
  std::vector<Bucket> buckets() const;

 private:
  static constexpr int kBits = 6;        ///< 2^6 buckets a doubling
  static constexpr int kDoublings = 40;  ///< of a nanosecond: 2^40 ns are 1,100 s
  static constexpr std::size_t kPart = std::size_t{1} << kBits;
  static std::size_t bucket_of(std::uint64_t ns);
  static double lower_us(std::size_t bucket);

  std::array<std::uint64_t, kPart*(kDoublings - kBits + 1)> counts_{};
  std::uint64_t count_ = 0;
  double max_us_ = 0;
};

}  // namespace firn::bench
