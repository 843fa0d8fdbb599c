#include "storage/query/aggregate.hpp"

#include "storage/query/group_table.hpp"

namespace firn::storage::query {
namespace {

struct Named {
  std::string_view name;
  AggregateKind kind;
};
constexpr Named kAggregates[] = {{"count", AggregateKind::count},
                                 {"sum", AggregateKind::sum},
                                 {"avg", AggregateKind::avg},
                                 {"mean", AggregateKind::avg},
                                 {"min", AggregateKind::min},
                                 {"max", AggregateKind::max},
                                 {"stddev", AggregateKind::stddev},
                                 {"stddev_samp", AggregateKind::stddev},
                                 {"stddev_pop", AggregateKind::stddev_pop},
                                 {"variance", AggregateKind::variance},
                                 {"var_samp", AggregateKind::variance},
                                 {"var_pop", AggregateKind::variance_pop},
                                 {"quantile", AggregateKind::quantile},
                                 {"median", AggregateKind::quantile}};

Result<void> bind_quantile(AggregateCall& call, const std::string& name, const std::vector<NodePtr>& args) {
  if (name == "median") return {};
  const NodePtr& q = args[1];
  if (!q->is_constant() || q->constant.is_null() || !is_numeric(q->type))
    return call.place.error(ErrorCode::type_mismatch,
                            "quantile() takes a literal from 0 to 1 as its second argument");
  call.q = q->constant.to_f64();
  if (!(call.q >= 0 && call.q <= 1))
    return call.place.error(ErrorCode::out_of_range,
                            "the second argument of quantile() must lie between 0 and 1");
  return {};
}

class Counts final : public AggregateStates {
 public:
  void resize(std::size_t groups) override { counts_.resize(groups); }
  Result<void> update(const Vector& arg, const std::uint32_t* groups, std::size_t rows) override {
    std::int64_t* counts = counts_.data();
    if (!groups) {
      counts[0] += present(arg, rows);
    } else if (rows_only_ || (!arg.valid && !arg.constant)) {
      for (std::size_t i = 0; i < rows; ++i) ++counts[groups[i]];
    } else if (arg.constant) {
      if (!arg.is_null(0))
        for (std::size_t i = 0; i < rows; ++i) ++counts[groups[i]];
    } else {
      for (std::size_t i = 0; i < rows; ++i) counts[groups[i]] += arg.valid[i];
    }
    return {};
  }
  Result<void> merge(AggregateStates& other, std::span<const std::uint32_t> map) override {
    const auto& o = static_cast<Counts&>(other);
    for (std::size_t g = 0; g < map.size(); ++g) counts_[map[g]] += o.counts_[g];
    return {};
  }
  Result<Column> finish() override {
    ColumnBuilder out(TypeId::i64);
    for (const std::int64_t n : counts_) out.append_fixed(n);
    return out.finish();
  }
  std::size_t byte_size() const override { return counts_.capacity() * sizeof(std::int64_t); }
  explicit Counts(bool rows_only) : rows_only_(rows_only) {}

 private:
  std::int64_t present(const Vector& arg, std::size_t rows) const {
    if (rows_only_ || !arg.valid) return static_cast<std::int64_t>(rows);
    if (arg.constant) return arg.valid[0] ? static_cast<std::int64_t>(rows) : 0;
    std::int64_t n = 0;
    for (std::size_t i = 0; i < rows; ++i) n += arg.valid[i];
    return n;
  }
  bool rows_only_;
  std::vector<std::int64_t> counts_;
};

class Distinct final : public AggregateStates {
 public:
  explicit Distinct(const AggregateCall& call) : call_(call), values_(call.arg->lane()) {
    call_.distinct = false;
  }
  void resize(std::size_t groups) override { groups_ = groups; }
  Result<void> update(const Vector& arg, const std::uint32_t* groups, std::size_t rows) override {
    auto ids = scratch_array<std::uint32_t>(rows);
    values_.intern(arg, ids.get());
    for (std::size_t i = 0; i < rows; ++i)
      pairs_.intern((std::uint64_t{groups ? groups[i] : 0} << 32U) | ids.get()[i]);
    return {};
  }
  Result<void> merge(AggregateStates& other, std::span<const std::uint32_t> map) override {
    return static_cast<Distinct&>(other).replay(
        [&](const Vector& v, std::uint32_t* groups, std::size_t rows) {
          for (std::size_t i = 0; i < rows; ++i) groups[i] = map[groups[i]];
          return update(v, groups, rows);
        });
  }
  Result<Column> finish() override {
    auto plain = make_states(call_);
    plain->resize(groups_);
    FIRN_TRY(replay([&](const Vector& v, std::uint32_t* groups, std::size_t rows) {
      return plain->update(v, groups, rows);
    }));
    return plain->finish();
  }
  std::size_t byte_size() const override { return values_.byte_size() + pairs_.byte_size(); }

 private:
  /// Gives all distinct pairs to f, a chunk at a time.
  template <class F>
  Result<void> replay(F f) {
    std::vector<std::uint32_t> ids, groups;
    for (std::size_t begin = 0; begin < pairs_.size(); begin += kChunkRows) {
      const std::size_t n = std::min(kChunkRows, pairs_.size() - begin);
      ids.resize(n);
      groups.resize(n);
      for (std::size_t i = 0; i < n; ++i) {
        const std::uint64_t pair = pairs_.word(begin + i);
        groups[i] = static_cast<std::uint32_t>(pair >> 32U);
        ids[i] = static_cast<std::uint32_t>(pair);
      }
      FIRN_TRY(f(values_.values(ids), groups.data(), n));
    }
    return {};
  }
  AggregateCall call_;
  Interner values_;
  WordTable pairs_;
  std::size_t groups_ = 0;
};

}  // namespace

bool is_aggregate_function(std::string_view name) {
  for (const Named& n : kAggregates)
    if (n.name == name) return true;
  return false;
}

Result<AggregateCall> make_aggregate_call(const std::string& name, bool distinct, std::vector<NodePtr> args,
                                          Place place) {
  AggregateCall call;
  call.place = place;
  call.distinct = distinct;
  const Named* found = nullptr;
  for (const Named& n : kAggregates)
    if (n.name == name) found = &n;
  if (!found) return place.error(ErrorCode::parse, "unknown aggregate function " + name + "()");
  call.kind = found->kind;
  if (args.empty() && call.kind == AggregateKind::count && !distinct) return call;
  const std::size_t wanted = name == "quantile" ? 2 : 1;
  if (args.size() != wanted)
    return place.error(ErrorCode::parse, name + "() takes " + std::to_string(wanted) +
                                             (wanted == 1 ? " argument" : " arguments") + ", not " +
                                             std::to_string(args.size()));
  NodePtr arg = args[0];
  const bool any_type =
      call.kind == AggregateKind::count || call.kind == AggregateKind::min || call.kind == AggregateKind::max;
  if (!any_type) {
    if (arg->type == TypeId::boolean) {
      FIRN_ASSIGN(arg, make_cast(arg, TypeId::i64, place));
    }
    if (arg->type == TypeId::null) arg = null_node(TypeId::i64, place);
    if (!is_numeric(arg->type))
      return place.error(ErrorCode::type_mismatch,
                         name + "() needs numbers, not " + std::string(name_of(arg->type)));
  }
  if (call.kind == AggregateKind::quantile) FIRN_TRY(bind_quantile(call, name, args));
  if (call.kind == AggregateKind::min || call.kind == AggregateKind::max) {
    call.result = arg->type;
    call.distinct = false;  // the least of the distinct values is the least
  } else if (call.kind == AggregateKind::sum) {
    call.result = arg->lane() == Lane::f64   ? TypeId::f64
                  : arg->lane() == Lane::u64 ? TypeId::u64
                                             : TypeId::i64;
  } else if (call.kind != AggregateKind::count) {
    call.result = TypeId::f64;
  }
  call.arg = arg;
  return call;
}

std::unique_ptr<AggregateStates> make_count(const AggregateCall& call) {
  return std::make_unique<Counts>(!call.arg);
}

std::unique_ptr<AggregateStates> make_distinct(const AggregateCall& call) {
  return std::make_unique<Distinct>(call);
}

std::unique_ptr<AggregateStates> make_states(const AggregateCall& call) {
  if (call.distinct) return make_distinct(call);
  switch (call.kind) {
    case AggregateKind::count:
      return make_count(call);
    case AggregateKind::sum:
    case AggregateKind::avg:
      return make_sum(call);
    case AggregateKind::min:
    case AggregateKind::max:
      return make_extremum(call);
    case AggregateKind::quantile:
      return make_quantile(call);
    default:
      return make_variance(call);
  }
}

}  // namespace firn::storage::query
