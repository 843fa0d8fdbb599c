// A stream of bytes of known length, stored or compressed in small zstd blocks: the only place that sees
// zstd.
//   u8 kind; raw: the bytes; zstd: child ends (end of each compressed block), the blocks. A block that would
//   not shrink is stored: its compressed length is its length.
// Checksums lie below (checked blocks of the file), so zstd only ever sees bytes that were written; it is
// still given no more room than the claimed length (a few KiB of frames can claim gigabytes).
#pragma once
#include "storage/cold/encoding.hpp"

namespace firn::storage::cold {

/// Appends the stream; compressed if that saves options.zstd_min_gain. Returns "" or "zstd" for the tree.
std::string encode_stream(std::string_view bytes, const EncodeOptions& options, int depth, ByteString& out);
/// What encode_stream would append, judged on a sample of the blocks.
double estimate_stream(std::string_view bytes, const EncodeOptions& options);

class StreamReader {
 public:
  static Result<StreamReader> open(Bytes body, std::uint64_t length, int depth);
  /// Bytes [offset, offset + n) into out. Requires the range to lie in the stream.
  Result<void> read(std::uint64_t offset, std::uint64_t n, std::uint8_t* out) const;
  /// As above for point reads: keeps the last block in `scratch`.
  Result<void> read(std::uint64_t offset, std::uint64_t n, std::uint8_t* out, PointScratch& scratch) const;
  std::uint64_t length() const { return length_; }

 private:
  Result<void> block(std::uint64_t i, std::uint8_t* out) const;
  std::size_t block_length(std::uint64_t i) const;
  StreamKind kind_ = StreamKind::invalid;
  std::uint64_t length_ = 0;
  Bytes bytes_;
  IntReaderPtr ends_;
  std::uint64_t number_ = 0;  ///< unique in the process: an address may be used again
};

}  // namespace firn::storage::cold
