// Zone maps: what the footer keeps of a chunk's values.
#pragma once
#include "storage/cold/encoding.hpp"
#include "storage/row_file.hpp"

namespace firn::storage::cold {

/// The Value of a fixed-width type from its integer form (sign-extended; floats: IEEE bits).
Value value_of(TypeId type, std::uint64_t v);
/// Statistics of the non-NULL values; `v` are the column's values in integer form.
ColumnStats stats_of(const Column& column, Ints v);
/// Strings beyond kStatBytesMax give bounds: `exact` is false then.
ColumnStats stats_of(const Column& column, Strings v);

/// As bytes in the footer, and back (NULL if the bytes make no value of the type).
std::string stat_bytes(const Value& v);
Value stat_value(TypeId type, std::string_view bytes);

}  // namespace firn::storage::cold
