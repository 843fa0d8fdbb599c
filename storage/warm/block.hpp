// Warm blocks: a batch as it came, in Arrow's form, plus what a merge on read needs: key order, CSNs,
// tombstones, zone maps, a key filter. Blocks stand one behind another in append-only log files. Layout:
// schema/formats/warm_block.md.
#pragma once
#include "io/disk.hpp"
#include "storage/block_cache.hpp"
#include "storage/row_file.hpp"

namespace firn::storage::warm {

/// The keys of a batch in row order, and the rows in ascending key order (empty: they stand in that order).
struct KeyOrder {
  KeyColumn keys;
  std::vector<std::uint32_t> rows;
  bool distinct = false;  ///< no key occurs twice
};

/// The batch with only the last of the rows that share a key; the same buffers if no two do. `order`, if
/// given, describes the returned batch. Errors: those of KeyColumn::encode.
Result<Batch> drop_duplicate_keys(const Batch& batch, KeyOrder* order = nullptr);

struct BlockInput {
  const Batch& rows;                         ///< schema with a key; columns in dictionary form become plain
  std::span<const std::uint64_t> csns = {};  ///< one a row; empty: all rows have RowFileInfo::csn_min
  std::span<const std::uint64_t> ends = {};  ///< history: one a row
  Buffer tombstones = {};                    ///< one bit a row, 1 = tombstone; empty: none
  bool history = false;
  const KeyOrder* order = nullptr;  ///< of `rows`, if the caller has it (drop_duplicate_keys)
};

struct BlockOptions {
  std::uint64_t store_id = 0;         ///< seeds the checksums
  std::uint32_t group_rows = 65'536;  ///< a multiple of 64
};

/// A block as pieces to be appended one behind another; the columns are shared, not copied.
struct EncodedBlock {
  std::vector<Buffer> parts;  ///< the first one is the head
  std::uint32_t crc = 0;      ///< crc32c of the parts one after another
  RowFileInfo info;           ///< complete but for path and offset, which are taken over from the given one
};

/// A block in two steps: its rows can be on their way to the disk while their statistics and checksums are computed. Owned
/// by one thread; what the input points to lives until finish().
class BlockEncoder {
 public:
  /// Lays at least one row out. `info`: id, schema_version, path, offset, created_us, block_number are taken over, and
  /// csn_min == csn_max if `csns` is empty (0 while the commit has no CSN yet: what counts then is the RowFileInfo that
  /// the block is opened with). Errors: {invalid_argument} for a key twice in a current block, counts that do not match, a
  /// row that ends before it begins; those of the key encoding.
  static Result<BlockEncoder> begin(const BlockInput& input, RowFileInfo info, const BlockOptions& options);
  BlockEncoder(BlockEncoder&&) noexcept;
  ~BlockEncoder();
  /// Bytes of the block's first piece, which finish() makes.
  std::size_t head_bytes() const;
  /// The pieces behind it.
  std::span<const Buffer> parts() const;
  /// All of the block. Once.
  EncodedBlock finish();

 private:
  class Impl;
  explicit BlockEncoder(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// Both steps in one.
Result<EncodedBlock> encode_block(const BlockInput& input, RowFileInfo info, const BlockOptions& options);

/// Opens the block at info.offset; reads prefix and header only. Rows are read and checked at first use, kept
/// in `share` and shared by all readers. Errors: {corrupt} (no block, of another store or id, another length,
/// damaged header), {unsupported} (newer format), {not_found}.
Result<std::shared_ptr<const RowFile>> open_block(
    io::Disk& disk, const RowFileInfo& info, std::uint64_t store_id,
    std::shared_ptr<CacheShare> share = BlockCache::process().common());
/// The same over a log file that several blocks share.
Result<std::shared_ptr<const RowFile>> open_block(
    std::shared_ptr<const io::File> file, const RowFileInfo& info, std::uint64_t store_id,
    std::shared_ptr<CacheShare> share = BlockCache::process().common());

/// What the block at `offset` says of itself: enough to rebuild a catalog entry (hash is left 0; path is the
/// file's). {corrupt} if there is no sound prefix and header.
Result<RowFileInfo> read_block_info(const io::File& file, std::uint64_t offset, std::uint64_t store_id);

}  // namespace firn::storage::warm
