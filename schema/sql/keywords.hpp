// Which words a query reserves, and which one a misspelt word was meant to be.
#pragma once
#include <span>
#include <string_view>

namespace firn::sql {

/// Words that are never names unless quoted (or behind AS): few, so that date, timestamp, type, key, time,
/// count, first, since, offset ... remain free.
bool is_reserved(std::string_view word);
/// Function names that text may only give in quotes, because the bare word begins a form of its own.
bool is_special_form(std::string_view word);
/// Aggregate functions, in lower case.
bool is_aggregate(std::string_view name);
/// The candidate (in capitals) at a distance of one typing slip (two in long words) from the word; "" if
/// none.
std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates);

}  // namespace firn::sql
