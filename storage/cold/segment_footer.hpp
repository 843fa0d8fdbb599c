// What a segment says of itself at its end, in memory; and to and from the bytes of schema/segment.fbs.
#pragma once
#include "storage/cold/column_chunk.hpp"

namespace firn::storage::cold {

struct FooterChunk {
  ChunkMeta meta;
  ColumnStats stats;
};
struct FooterGroup {
  std::uint32_t rows = 0;
  CsnBounds bounds;
  std::vector<FooterChunk> columns;
  ChunkMeta csn;
  std::optional<ChunkMeta> end, tombstones;
};
struct FileRange {
  std::uint64_t offset = 0, length = 0;
};
struct SegmentFooter {
  RowFileInfo info;  ///< without path and hash
  Schema schema;
  std::vector<FooterGroup> groups;
  std::vector<std::uint32_t> block_crcs;
  FileRange bloom, index;
  FileRange group_blooms;  ///< one a row group, behind one another, each of bloom_bytes(its rows)
  std::uint32_t index_entries = 0;
  std::uint64_t index_bytes = 0;
  bool by_group = false;  ///< rows are in key order within groups alone, and so is the key index
};

std::string write_footer(const SegmentFooter& footer);
/// Checks bounds, types and ranges. `data_length`: all chunks must lie in [header, data_length). `version`: the trailer's.
Result<SegmentFooter> read_footer(std::span<const std::uint8_t> bytes, std::uint64_t data_length,
                                  std::uint32_t version);

struct LoadedFooter {
  SegmentFooter footer;
  std::uint64_t store_id = 0, file_id = 0, data_length = 0, file_length = 0;
};
/// Reads trailer and footer of an open file. Error {corrupt} or {unsupported}, naming the file.
Result<LoadedFooter> load_footer(const io::File& file);

}  // namespace firn::storage::cold
