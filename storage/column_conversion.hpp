// Columns whose type an ALTER has changed: values from before as the wider type, and back for reads of the past.
#pragma once
#include "schema/batch.hpp"

namespace firn::storage {

/// The column as values of `to`. Widening (is_widening) loses nothing and keeps the dictionary form. The other way gives a
/// plain column in which values that do not fit are NULL: only rows from before the ALTER are asked for then, and these
/// fit.
Column convert(const Column& from, TypeId to);
/// One value likewise.
Value convert(const Value& from, TypeId to);

/// `rows` times the same value of this type (or NULL).
Column constant_column(const Value& value, TypeId type, std::size_t rows);

}  // namespace firn::storage
