// Aggregate functions over groups: dense arrays of states, one a group id.
#pragma once
#include <memory>

#include "storage/query/node_builder.hpp"

namespace firn::storage::query {

enum class AggregateKind : std::uint8_t {
  count,
  sum,
  avg,
  min,
  max,
  stddev,
  stddev_pop,
  variance,
  variance_pop,
  quantile
};

/// One aggregate of a query, bound.
struct AggregateCall {
  AggregateKind kind = AggregateKind::count;
  bool distinct = false;
  NodePtr arg;     ///< nullptr: count(*)
  double q = 0.5;  ///< quantile
  TypeId result = TypeId::i64;
  Place place;
  bool counts_rows() const { return kind == AggregateKind::count && !arg; }
};

bool is_aggregate_function(std::string_view name);
/// Checks the arguments of an aggregate and types its result. `args` are bound over the table's columns.
Result<AggregateCall> make_aggregate_call(const std::string& name, bool distinct, std::vector<NodePtr> args,
                                          Place place);

/// The states of one aggregate, for all groups. Integers are summed in 128 bits and floats with compensation,
/// so the answer does not depend on how rows were split over executions. One thread.
class AggregateStates {
 public:
  virtual ~AggregateStates() = default;
  /// Makes room for `groups` groups (never fewer than before).
  virtual void resize(std::size_t groups) = 0;
  /// Row i of `arg` (flat or constant; unused for count(*)) belongs to group groups[i] < the size set above,
  /// or to group 0 if groups is nullptr. `arg` may be in coded form for a distinct aggregate.
  virtual Result<void> update(const Vector& arg, const std::uint32_t* groups, std::size_t rows) = 0;
  /// Adds the states of `other` (of the same call): its group g is our group map[g].
  virtual Result<void> merge(AggregateStates& other, std::span<const std::uint32_t> map) = 0;
  /// One value a group. Error {out_of_range}: a sum that does not fit.
  virtual Result<Column> finish() = 0;
  virtual std::size_t byte_size() const = 0;
};

std::unique_ptr<AggregateStates> make_states(const AggregateCall& call);
// The families, one file each.
std::unique_ptr<AggregateStates> make_count(const AggregateCall& call);
std::unique_ptr<AggregateStates> make_sum(const AggregateCall& call);
std::unique_ptr<AggregateStates> make_extremum(const AggregateCall& call);
std::unique_ptr<AggregateStates> make_variance(const AggregateCall& call);
std::unique_ptr<AggregateStates> make_quantile(const AggregateCall& call);
/// Keeps the distinct (group, value) pairs and feeds them to the plain aggregate at the end.
std::unique_ptr<AggregateStates> make_distinct(const AggregateCall& call);

/// Calls f(value, group) for each row that is not NULL. groups == nullptr: all rows belong to group 0.
template <class T, class F>
void for_each_present(const Vector& v, const std::uint32_t* groups, std::size_t rows, F f) {
  const T* in = v.as<T>();
  const std::uint8_t* valid = v.valid;
  if (v.constant) {
    if (v.is_null(0)) return;
    for (std::size_t i = 0; i < rows; ++i) f(in[0], groups ? groups[i] : 0);
  } else if (!groups) {
    for (std::size_t i = 0; i < rows; ++i)
      if (!valid || valid[i]) f(in[i], 0U);
  } else if (!valid) {
    for (std::size_t i = 0; i < rows; ++i) f(in[i], groups[i]);
  } else {
    for (std::size_t i = 0; i < rows; ++i)
      if (valid[i]) f(in[i], groups[i]);
  }
}

}  // namespace firn::storage::query
