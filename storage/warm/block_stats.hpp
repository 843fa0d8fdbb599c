// Zone maps of a block's columns, and their stored form.
#pragma once
#include <storage/block_generated.h>
#include "schema/batch.hpp"
#include "storage/row_file.hpp"

namespace firn::storage::warm {

/// Bounds of rows [first, first + count). NaN counts as the greatest number.
ColumnStats column_stats(const Column& column, std::size_t first, std::size_t count);

flatbuffers::Offset<blockfb::Stats> write_stats(flatbuffers::FlatBufferBuilder& b, const ColumnStats& stats);
/// Nothing if the bytes are no bounds of this type.
std::optional<ColumnStats> read_stats(const blockfb::Stats& stats, TypeId type);

}  // namespace firn::storage::warm
