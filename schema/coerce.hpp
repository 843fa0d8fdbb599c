// Conversions between a value and a column's type that lose nothing: what writes and key look-ups accept.
#pragma once
#include "schema/value.hpp"

namespace firn {

/// `v` as a value of type `to`:
///   integers to any integer type they fit, and to floats that hold them exactly
///   floats to integers where they are whole and fit; f64 to f32 rounds, but may not become infinite
///   text to timestamp and date (parsed) and to binary (its bytes; "\x0a1b" is hexadecimal); date to
///   timestamp NULL to NULL
/// Errors: {type_mismatch}, {out_of_range}; utf8 that is not UTF-8 is a {type_mismatch}, whatever the target.
Result<Value> coerce(const Value& v, TypeId to);

/// True if the bytes are UTF-8.
bool is_utf8(std::string_view bytes) noexcept;

}  // namespace firn
