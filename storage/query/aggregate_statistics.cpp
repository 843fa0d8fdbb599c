// variance, stddev (Welford's running moments, merged by Chan, Golub and LeVeque's formula) and quantile
// (exact: keeps the values).
#include <algorithm>
#include <cmath>

#include "storage/query/aggregate.hpp"

namespace firn::storage::query {
namespace {

/// Calls f(double, group) for each present number.
template <class F>
void for_each_number(const Vector& v, const std::uint32_t* groups, std::size_t rows, F f) {
  const auto widen = [&f](auto x, std::uint32_t g) { f(static_cast<double>(x), g); };
  if (v.lane == Lane::i64) return for_each_present<std::int64_t>(v, groups, rows, widen);
  if (v.lane == Lane::u64) return for_each_present<std::uint64_t>(v, groups, rows, widen);
  for_each_present<double>(v, groups, rows, widen);
}

struct Moments {
  double count = 0, mean = 0, squares = 0;
  void add(double x) {
    count += 1;
    const double d = x - mean;
    mean += d / count;
    squares += d * (x - mean);
  }
  void merge(const Moments& o) {
    if (o.count == 0) return;
    if (count == 0) {
      *this = o;
      return;
    }
    const double n = count + o.count, d = o.mean - mean;
    mean += d * o.count / n;
    squares += o.squares + d * d * count * o.count / n;
    count = n;
  }
};

class Variances final : public AggregateStates {
 public:
  explicit Variances(const AggregateCall& call) : kind_(call.kind) {}
  void resize(std::size_t groups) override { states_.resize(groups); }
  Result<void> update(const Vector& arg, const std::uint32_t* groups, std::size_t rows) override {
    for_each_number(arg, groups, rows, [this](double x, std::uint32_t g) { states_[g].add(x); });
    return {};
  }
  Result<void> merge(AggregateStates& other, std::span<const std::uint32_t> map) override {
    const auto& o = static_cast<Variances&>(other).states_;
    for (std::size_t g = 0; g < map.size(); ++g) states_[map[g]].merge(o[g]);
    return {};
  }
  Result<Column> finish() override {
    const bool sample = kind_ == AggregateKind::stddev || kind_ == AggregateKind::variance;
    const bool root = kind_ == AggregateKind::stddev || kind_ == AggregateKind::stddev_pop;
    ColumnBuilder out(TypeId::f64);
    for (const Moments& m : states_) {
      const double n = sample ? m.count - 1 : m.count;
      if (n <= 0)
        out.append_null();  // the sample's spread of a single value is unknown
      else
        out.append_fixed(root ? std::sqrt(m.squares / n) : m.squares / n);
    }
    return out.finish();
  }
  std::size_t byte_size() const override { return states_.capacity() * sizeof(Moments); }

 private:
  AggregateKind kind_;
  std::vector<Moments> states_;
};

class Quantiles final : public AggregateStates {
 public:
  explicit Quantiles(const AggregateCall& call) : q_(call.q) {}
  void resize(std::size_t groups) override { groups_ = groups; }
  Result<void> update(const Vector& arg, const std::uint32_t* groups, std::size_t rows) override {
    for_each_number(arg, groups, rows, [this](double x, std::uint32_t g) { kept_.push_back({x, g}); });
    return {};
  }
  Result<void> merge(AggregateStates& other, std::span<const std::uint32_t> map) override {
    for (const Kept& k : static_cast<Quantiles&>(other).kept_) kept_.push_back({k.value, map[k.group]});
    return {};
  }
  Result<Column> finish() override {
    // A counting sort brings each group's values together.
    std::vector<std::size_t> ends(groups_ + 1, 0);
    for (const Kept& k : kept_) ++ends[k.group + 1];
    for (std::size_t g = 0; g < groups_; ++g) ends[g + 1] += ends[g];
    std::vector<double> values(kept_.size());
    std::vector<std::size_t> next(ends.begin(), ends.end() - 1);
    for (const Kept& k : kept_) values[next[k.group]++] = k.value;
    ColumnBuilder out(TypeId::f64);
    for (std::size_t g = 0; g < groups_; ++g) {
      const std::span<double> of_group(values.data() + ends[g], ends[g + 1] - ends[g]);
      if (of_group.empty())
        out.append_null();
      else
        out.append_fixed(interpolate(of_group));
    }
    return out.finish();
  }
  std::size_t byte_size() const override { return kept_.capacity() * sizeof(Kept); }

 private:
  struct Kept {
    double value;
    std::uint32_t group;
  };
  double interpolate(std::span<double> v) const {
    const auto below = [](double a, double b) { return a < b || (b != b && a == a); };
    const double at = q_ * static_cast<double>(v.size() - 1);
    const auto low = static_cast<std::size_t>(at);
    std::nth_element(v.begin(), v.begin() + static_cast<std::ptrdiff_t>(low), v.end(), below);
    const double a = v[low], rest = at - static_cast<double>(low);
    if (rest == 0) return a;
    const double b = *std::min_element(v.begin() + static_cast<std::ptrdiff_t>(low) + 1, v.end(), below);
    return a == b ? a : a * (1 - rest) + b * rest;
  }
  double q_;
  std::size_t groups_ = 0;
  std::vector<Kept> kept_;
};

}  // namespace

std::unique_ptr<AggregateStates> make_variance(const AggregateCall& call) {
  return std::make_unique<Variances>(call);
}
std::unique_ptr<AggregateStates> make_quantile(const AggregateCall& call) {
  return std::make_unique<Quantiles>(call);
}

}  // namespace firn::storage::query
