// Literals of a query text: what the words of the lexer are worth.
#pragma once
#include <optional>

#include "schema/sql/token_stream.hpp"
#include "schema/value.hpp"

namespace firn::sql {

/// integer, decimal, hex, duration, text and blob tokens. `negative`: a minus stood before it, which only
/// numbers and durations take. Errors: {parse} with the place, for a number beyond its range.
Result<Value> value_of_literal(const TokenStream& tokens, const Token& token, bool negative);
bool is_number(TokenKind kind) noexcept;

/// The stream stands at DATE 'text', TIMESTAMP 'text', INTERVAL 'text' or INTERVAL 1 DAY: whether it does,
/// and the value (an interval is an i64 of microseconds).
bool at_typed_literal(TokenStream& tokens);
Result<Value> take_typed_literal(TokenStream& tokens);

/// A duration as SINCE NOW() - d has it: a duration token or INTERVAL; microseconds.
bool at_duration(TokenStream& tokens);
Result<std::int64_t> take_duration(TokenStream& tokens);

}  // namespace firn::sql
