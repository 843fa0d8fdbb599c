// Cold segments: immutable, compressed, columnar files of row groups, with zone maps, a bloom filter and a sparse key
// index. Layout and encodings: schema/FORMATS.md, "Cold segment"; numbers in segment_format.hpp.
#pragma once
#include "io/disk.hpp"
#include "storage/block_cache.hpp"
#include "storage/life_cells.hpp"
#include "storage/row_file.hpp"

namespace firn::storage::cold {

struct SegmentOptions {
  std::uint32_t row_group_rows = 65'536;
  int zstd_level = 3;
  double zstd_min_gain = 0.10;  ///< zstd is kept only where it saves at least this part
  LifeCells cells;              ///< history: a row group holds rows of one cell
  std::uint64_t store_id = 0;   ///< seeds checksums, so that a segment of another table is found out
};

/// Writes one segment. Owned by one thread. A segment counts only once finish() has returned and a commit names it.
class SegmentWriter {
 public:
  /// Creates `info.path` (which must not exist). info: id, history, schema_version, created_us are taken over.
  static Result<std::unique_ptr<SegmentWriter>> create(io::Disk& disk, const Schema& schema,
                                                       const RowFileInfo& info,
                                                       const SegmentOptions& options);
  virtual ~SegmentWriter() = default;
  /// Current rows in ascending key order over all calls, history in any order. csns: one a row. ends: one a row for a
  /// history segment, else empty. tombstones: one bit a row, or an empty buffer. Columns may be in dictionary form.
  virtual Result<void> append(const Batch& rows, std::span<const std::uint64_t> csns,
                              std::span<const std::uint64_t> ends, const Buffer& tombstones) = 0;
  virtual std::uint64_t rows() const = 0;
  /// Writes what is left and the footer, syncs the file and its folder, reads the footer back. The returned info is
  /// complete (length, hash, ranges). At least one row is required.
  virtual Result<RowFileInfo> finish() = 0;
};

/// Opens a segment, whose chunks are kept in `share`; reads and checks the footer only. Errors: {corrupt} (not a segment, another store, another length
/// or a damaged footer), {unsupported} (newer format), {not_found}.
Result<std::shared_ptr<const RowFile>> open_segment(
    io::Disk& disk, const RowFileInfo& info, std::uint64_t store_id,
    std::shared_ptr<CacheShare> share = BlockCache::process().common());

/// For `firn inspect`: what the file says of itself, as text; goes as far as the bytes can be read.
Result<std::string> describe_segment(io::Disk& disk, const std::string& path);

}  // namespace firn::storage::cold
