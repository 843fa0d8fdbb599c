// sum and avg. Integers: 128-bit sums, exact in any order, checked at the end. Floats: Neumaier's compensated
// sum (A. Neumaier, "Rundungsfehleranalyse einiger Verfahren zur Summation endlicher Summen", 1974), with
// Knuth's TwoSum for the error term so that the loop has no branch.
#include <cmath>

#include "storage/query/aggregate.hpp"

namespace firn::storage::query {
namespace {

__extension__ using Wide = __int128;

struct FloatSum {
  double sum = 0, error = 0;
  std::int64_t count = 0;
  void add(double x) {
    const double t = sum + x;
    const double back = t - sum;
    error += (sum - (t - back)) + (x - back);
    sum = t;
    ++count;
  }
  /// Infinities and NaN have no error term worth adding.
  double value() const { return std::isfinite(sum) ? sum + error : sum; }
};

struct IntSum {
  Wide sum = 0;
  std::int64_t count = 0;
  void add(Wide x) {
    sum += x;
    ++count;
  }
};

class FloatSums final : public AggregateStates {
 public:
  explicit FloatSums(const AggregateCall& call) : average_(call.kind == AggregateKind::avg) {}
  void resize(std::size_t groups) override { states_.resize(groups); }
  Result<void> update(const Vector& arg, const std::uint32_t* groups, std::size_t rows) override {
    FloatSum* states = states_.data();
    for_each_present<double>(arg, groups, rows, [states](double x, std::uint32_t g) { states[g].add(x); });
    return {};
  }
  Result<void> merge(AggregateStates& other, std::span<const std::uint32_t> map) override {
    const auto& o = static_cast<FloatSums&>(other).states_;
    for (std::size_t g = 0; g < map.size(); ++g) {
      FloatSum& s = states_[map[g]];
      const std::int64_t count = s.count + o[g].count;
      s.add(o[g].sum);
      s.error += o[g].error;
      s.count = count;
    }
    return {};
  }
  Result<Column> finish() override {
    ColumnBuilder out(TypeId::f64);
    for (const FloatSum& s : states_) {
      if (s.count == 0)
        out.append_null();
      else
        out.append_fixed(average_ ? s.value() / static_cast<double>(s.count) : s.value());
    }
    return out.finish();
  }
  std::size_t byte_size() const override { return states_.capacity() * sizeof(FloatSum); }

 private:
  bool average_;
  std::vector<FloatSum> states_;
};

class IntSums final : public AggregateStates {
 public:
  explicit IntSums(const AggregateCall& call) : call_(call) {}
  void resize(std::size_t groups) override { states_.resize(groups); }
  Result<void> update(const Vector& arg, const std::uint32_t* groups, std::size_t rows) override {
    IntSum* states = states_.data();
    if (arg.lane == Lane::u64)
      for_each_present<std::uint64_t>(arg, groups, rows,
                                      [states](std::uint64_t x, std::uint32_t g) { states[g].add(x); });
    else
      for_each_present<std::int64_t>(arg, groups, rows,
                                     [states](std::int64_t x, std::uint32_t g) { states[g].add(x); });
    return {};
  }
  Result<void> merge(AggregateStates& other, std::span<const std::uint32_t> map) override {
    const auto& o = static_cast<IntSums&>(other).states_;
    for (std::size_t g = 0; g < map.size(); ++g) {
      states_[map[g]].sum += o[g].sum;
      states_[map[g]].count += o[g].count;
    }
    return {};
  }
  Result<Column> finish() override {
    ColumnBuilder out(call_.result);
    for (const IntSum& s : states_) {
      if (s.count == 0) {
        out.append_null();
      } else if (call_.kind == AggregateKind::avg) {
        out.append_fixed(
            static_cast<double>(static_cast<long double>(s.sum) / static_cast<long double>(s.count)));
      } else if (call_.result == TypeId::u64) {
        if (s.sum > UINT64_MAX) return overflow();
        out.append_fixed(static_cast<std::uint64_t>(s.sum));
      } else {
        if (s.sum > INT64_MAX || s.sum < INT64_MIN) return overflow();
        out.append_fixed(static_cast<std::int64_t>(s.sum));
      }
    }
    return out.finish();
  }
  std::size_t byte_size() const override { return states_.capacity() * sizeof(IntSum); }

 private:
  Error overflow() const {
    return call_.place.error(
        ErrorCode::out_of_range,
        "the sum does not fit into " + std::string(name_of(call_.result)) + "; sum CAST(... AS f64) instead");
  }
  AggregateCall call_;
  std::vector<IntSum> states_;
};

}  // namespace

std::unique_ptr<AggregateStates> make_sum(const AggregateCall& call) {
  if (call.arg->lane() == Lane::f64) return std::make_unique<FloatSums>(call);
  return std::make_unique<IntSums>(call);
}

}  // namespace firn::storage::query
