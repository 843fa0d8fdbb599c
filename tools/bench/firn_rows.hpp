// What both ways into firn (its public interface, and the store below its actors) share.
#pragma once
#include "schema/query.hpp"
#include "tools/bench/system.hpp"

namespace firn::bench {

/// The batch that a program makes of rows, value by value.
Batch batch_of(const Schema& schema, std::span<const Event> rows);
std::string sql_of(const Asked& asked);
/// Reads the answer's figures out of the result.
Answer answer_of(const Asked& asked, const Batch& result);

}  // namespace firn::bench
