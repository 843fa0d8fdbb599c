// Query <-> its FlatBuffers message (query.fbs). Any thread.
#pragma once
#include <flatbuffers/flatbuffers.h>

#include "schema/query.hpp"
#include "schema/query_generated.h"

namespace firn {

/// Requires a query as the parser makes it, or one built by hand whose indices are in range. Literals of the
/// narrow types widen: i8..i32 become i64, u8..u32 i64, f32 f64.
flatbuffers::Offset<fb::Query> encode_query(flatbuffers::FlatBufferBuilder& builder, const Query& query);

/// Requires a message that the FlatBuffers verifier has passed; beyond that nothing is trusted. Errors:
/// {corrupt} for indices, operand counts, types or literal vectors that do not fit together;
/// {invalid_argument} for what is above a limit (kQueryTextMax, kExprNodesMax, kExprDepthMax, 4096 items),
/// not UTF-8, or missing (table, select).
Result<Query> decode_query(const fb::Query& message);

}  // namespace firn
