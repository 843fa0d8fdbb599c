// min and max of any type.
#include <cmath>
#include <string>

#include "storage/query/aggregate.hpp"

namespace firn::storage::query {
namespace {

template <class T>
bool less(T a, T b) {
  if constexpr (std::is_same_v<T, double>)
    return a < b || (std::isnan(b) && !std::isnan(a));  // NaN is above all numbers
  return a < b;
}

template <class T>
class Extrema final : public AggregateStates {
  using Kept = std::conditional_t<std::is_same_v<T, std::string_view>, std::string, T>;

 public:
  explicit Extrema(const AggregateCall& call)
      : type_(call.result), maximum_(call.kind == AggregateKind::max) {}
  void resize(std::size_t groups) override {
    best_.resize(groups);
    present_.resize(groups, 0);
  }
  Result<void> update(const Vector& arg, const std::uint32_t* groups, std::size_t rows) override {
    if (maximum_)
      for_each_present<T>(arg, groups, rows,
                          [this](T x, std::uint32_t g) { take(x, g, less<T>(T(best_[g]), x)); });
    else
      for_each_present<T>(arg, groups, rows,
                          [this](T x, std::uint32_t g) { take(x, g, less<T>(x, T(best_[g]))); });
    return {};
  }
  Result<void> merge(AggregateStates& other, std::span<const std::uint32_t> map) override {
    const auto& o = static_cast<Extrema&>(other);
    for (std::size_t g = 0; g < map.size(); ++g) {
      const T x(o.best_[g]), mine(best_[map[g]]);
      if (o.present_[g]) take(x, map[g], maximum_ ? less<T>(mine, x) : less<T>(x, mine));
    }
    return {};
  }
  Result<Column> finish() override {
    NewVector<T> out(lane_of(type_), best_.size());
    std::uint8_t* valid = out.with_nulls();
    for (std::size_t g = 0; g < best_.size(); ++g) {
      out.data[g] = T(best_[g]);
      valid[g] = present_[g];
    }
    return to_column(out.v, type_);
  }
  std::size_t byte_size() const override {
    return best_.capacity() * sizeof(Kept) + present_.capacity() + string_bytes_;
  }

 private:
  void take(T x, std::uint32_t g, bool better) {
    if (!better && present_[g]) return;
    present_[g] = 1;
    if constexpr (std::is_same_v<T, std::string_view>) {
      const std::size_t before = best_[g].capacity();
      best_[g].assign(x);
      string_bytes_ += best_[g].capacity() - before;
    } else {
      best_[g] = x;
    }
  }
  TypeId type_;
  bool maximum_;
  std::vector<Kept> best_;
  std::vector<std::uint8_t> present_;
  std::size_t string_bytes_ = 0;
};

}  // namespace

std::unique_ptr<AggregateStates> make_extremum(const AggregateCall& call) {
  switch (call.arg->lane()) {
    case Lane::i64:
      return std::make_unique<Extrema<std::int64_t>>(call);
    case Lane::u64:
      return std::make_unique<Extrema<std::uint64_t>>(call);
    case Lane::f64:
      return std::make_unique<Extrema<double>>(call);
    case Lane::bytes:
      return std::make_unique<Extrema<std::string_view>>(call);
    default:
      return std::make_unique<Extrema<std::uint8_t>>(call);
  }
}

}  // namespace firn::storage::query
