#include "tools/bench/histogram.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace firn::bench {

// Below 2^6 a nanosecond has a bucket of its own; above, the six bits behind the leading one choose within its doubling.
std::size_t Histogram::bucket_of(std::uint64_t ns) {
  if (ns < kPart) return ns;
  const auto shift = static_cast<std::size_t>(std::bit_width(ns)) - 1 - kBits;
  return (shift + 1) * kPart + static_cast<std::size_t>(ns >> shift) - kPart;
}

double Histogram::lower_us(std::size_t bucket) {
  if (bucket < kPart) return static_cast<double>(bucket) / 1000;
  const std::size_t shift = bucket / kPart - 1;
  return std::ldexp(static_cast<double>(bucket % kPart + kPart), static_cast<int>(shift)) / 1000;
}

void Histogram::add(double us) {
  constexpr double kMostNs = 1e12;
  const double ns = std::clamp(us * 1000, 0.0, kMostNs);
  counts_[bucket_of(static_cast<std::uint64_t>(ns))] += 1;
  count_ += 1;
  max_us_ = std::max(max_us_, us);
}

void Histogram::merge(const Histogram& other) {
  for (std::size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
  count_ += other.count_;
  max_us_ = std::max(max_us_, other.max_us_);
}

double Histogram::quantile(double q) const {
  if (count_ == 0) return 0;
  const auto wanted = static_cast<std::uint64_t>(std::ceil(q * static_cast<double>(count_)));
  if (wanted >= count_) return max_us_;
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    seen += counts_[i];
    if (seen > 0 && seen >= wanted) return std::min(max_us_, (lower_us(i) + lower_us(i + 1)) / 2);
  }
  return max_us_;
}

std::vector<Histogram::Bucket> Histogram::buckets() const {
  std::vector<Bucket> out;
  for (std::size_t i = 0; i < counts_.size(); ++i)
    if (counts_[i] > 0) out.push_back({lower_us(i), lower_us(i + 1), counts_[i]});
  return out;
}

}  // namespace firn::bench
