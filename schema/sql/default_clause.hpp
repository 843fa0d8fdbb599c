// DEFAULT literal, as column lists and ALTER have it, and the literal as text again.
#pragma once
#include <string>

#include "schema/sql/token_stream.hpp"
#include "schema/value.hpp"

namespace firn::sql {

/// The stream stands at DEFAULT: takes it and the literal (NULL, TRUE, FALSE, a number, text, a blob, DATE '..' or
/// TIMESTAMP '..'), and gives the value as one of the column's type. Errors {parse} with the place.
Result<Value> take_default(TokenStream& tokens, std::string_view column, TypeId type);

/// The literal that take_default() reads back for a column of the value's type.
std::string literal_text(const Value& value);

}  // namespace firn::sql
