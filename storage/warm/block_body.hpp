// A block's header and body, checked and decoded. Not part of the public interface.
#pragma once
#include <array>

#include "io/disk.hpp"
#include "storage/row_file.hpp"
#include "storage/warm/block_format.hpp"

namespace firn::storage::warm {

struct PartRef {
  std::uint64_t offset = 0, length = 0;  ///< from the block's first byte
  std::uint32_t crc = 0;
  bool present = false;
};

/// What the first bytes say; every number in it is checked against the others.
struct BlockHead {
  RowFileInfo info;  ///< without hash; path and offset as given
  Schema schema;
  std::uint32_t group_rows = kGroupRows;
  std::uint32_t seed = 0;
  std::array<PartRef, 7> parts;    ///< by PartKind
  std::uint64_t body_offset = 0;   ///< where the parts that are read together begin
  std::vector<ColumnStats> stats;  ///< group by group, column by column
  std::vector<CsnBounds> bounds;   ///< one a group; empty: unknown
};

/// Reads prefix and header at `offset`. Error {corrupt}, {unsupported}; errors of the file.
Result<BlockHead> read_head(const io::File& file, std::uint64_t offset, std::uint64_t store_id);

struct BlockBody {
  Buffer bytes;
  Batch rows;
  std::span<const std::uint32_t> order;  ///< empty: rows stand in key order
  std::span<const std::uint64_t> csns;   ///< empty: constant
  std::span<const std::uint64_t> ends;
  Buffer tombstones;
};

/// Reads all but the filter, checks each part's CRC, each offset and the permutation.
Result<std::shared_ptr<const BlockBody>> read_body(const io::File& file, const BlockHead& head);
/// The filter's bytes, checked; requires that there is one.
Result<Buffer> read_filter(const io::File& file, const BlockHead& head);

}  // namespace firn::storage::warm
