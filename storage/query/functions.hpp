// The scalar functions by name. Plain ones are table entries; those whose type depends on their arguments
// have a builder of their own (functions.cpp).
#pragma once
#include "storage/query/node_builder.hpp"

namespace firn::storage::query {

/// What an argument is converted to before the kernel sees it.
enum class ArgKind : std::uint8_t {
  any,
  text,       ///< utf8 or binary; numbers and times are printed
  integer,    ///< i64
  number,     ///< f64
  timestamp,  ///< a date or a text literal becomes one
};

struct FunctionEntry {
  std::string_view name;
  std::size_t args_min, args_max;
  ArgKind args[3];
  TypeId result;  ///< invalid: the type of the first argument
  Kernel kernel;
  std::int64_t parameter = 0;
  bool can_fail = false;
};

std::span<const FunctionEntry> string_functions();
std::span<const FunctionEntry> math_functions();
std::span<const FunctionEntry> time_functions();

// math_functions.cpp: abs, ceil, floor, round, sign keep integers as they are; least and greatest unify.
Result<NodePtr> make_abs(NodePtr a, Place place);
Result<NodePtr> make_sign(NodePtr a, Place place);
Result<NodePtr> make_round(const std::string& name, std::vector<NodePtr> args, Place place);
Result<NodePtr> make_extreme(bool greatest, std::vector<NodePtr> args, Place place);

// time_functions.cpp
Result<NodePtr> make_date_trunc(std::vector<NodePtr> args, Place place);
Result<NodePtr> make_time_bucket(std::vector<NodePtr> args, Place place);
/// Converts an argument; {type_mismatch} where it makes no sense.
Result<NodePtr> convert_argument(NodePtr a, ArgKind kind, const std::string& function, Place place);

}  // namespace firn::storage::query
