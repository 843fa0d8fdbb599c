#include "storage/cold/codecs/byte_stream.hpp"

#include <zstd.h>

#include <algorithm>
#include <atomic>

namespace firn::storage::cold {
namespace {

struct Compressor {
  ZSTD_CCtx* c = ZSTD_createCCtx();
  ZSTD_DCtx* d = ZSTD_createDCtx();
  Compressor() = default;
  Compressor(const Compressor&) = delete;
  Compressor& operator=(const Compressor&) = delete;
  ~Compressor() {
    ZSTD_freeCCtx(c);
    ZSTD_freeDCtx(d);
  }
};
Compressor& compressor() {
  static thread_local Compressor one;
  return one;
}

/// Compressed bytes of a block, or the block itself where that is no longer.
void append_block(std::string_view block, int level, ByteString& out) {
  const std::size_t before = out.size();
  out.resize(before + ZSTD_compressBound(block.size()));
  std::size_t n = block.size();
  if (ZSTD_CCtx* c = compressor().c) {
    // No content size, no checksum: the length is known to the reader and the CRC lies below.
    (void)ZSTD_CCtx_reset(c, ZSTD_reset_session_and_parameters);
    (void)ZSTD_CCtx_setParameter(c, ZSTD_c_compressionLevel, level);
    (void)ZSTD_CCtx_setParameter(c, ZSTD_c_contentSizeFlag, 0);
    n = ZSTD_compress2(c, out.data() + before, out.size() - before, block.data(), block.size());
  }
  if (ZSTD_isError(n) == 0 && n < block.size()) {
    out.resize(before + n);
  } else {
    out.resize(before);
    out += block;
  }
}

}  // namespace

double estimate_stream(std::string_view bytes, const EncodeOptions& options) {
  const std::size_t blocks = (bytes.size() + kZstdBlockBytes - 1) / kZstdBlockBytes;
  if (blocks == 0) return 1;
  const std::size_t step = std::max<std::size_t>(1, blocks / 4);
  ByteString packed;
  std::size_t raw = 0;
  for (std::size_t b = 0; b < blocks; b += step) {
    const std::string_view block = bytes.substr(b * kZstdBlockBytes, kZstdBlockBytes);
    append_block(block, options.zstd_level, packed);
    raw += block.size();
  }
  const double ratio = static_cast<double>(packed.size()) / static_cast<double>(raw);
  return static_cast<double>(bytes.size()) * (ratio <= 1 - options.zstd_min_gain ? ratio : 1) + 16;
}

std::string encode_stream(std::string_view bytes, const EncodeOptions& options, int depth, ByteString& out) {
  ByteString packed;
  std::vector<std::uint64_t> ends;
  for (std::size_t at = 0; at < bytes.size(); at += kZstdBlockBytes) {
    append_block(bytes.substr(at, kZstdBlockBytes), options.zstd_level, packed);
    ends.push_back(packed.size());
  }
  Encoded index;
  if (!ends.empty()) index = encode_ints(ends, options, depth + 1);
  const double size = static_cast<double>(packed.size() + index.bytes.size() + 4);
  if (size <= static_cast<double>(bytes.size()) * (1 - options.zstd_min_gain)) {
    out.push_back(static_cast<char>(StreamKind::zstd));
    put_child(out, index.bytes);
    out += packed;
    return "zstd";
  }
  out.push_back(static_cast<char>(StreamKind::raw));
  out += bytes;
  return "";
}

Result<StreamReader> StreamReader::open(Bytes body, std::uint64_t length, int depth) {
  NodeParser in(body);
  static std::atomic<std::uint64_t> streams{0};
  StreamReader r;
  r.number_ = ++streams;
  r.kind_ = static_cast<StreamKind>(in.take<std::uint8_t>());
  r.length_ = length;
  Bytes ends;
  if (r.kind_ == StreamKind::zstd) ends = in.child();
  r.bytes_ = in.rest();
  FIRN_TRY(in.check());
  switch (r.kind_) {
    case StreamKind::raw:
      if (r.bytes_.length != length) return damaged("a byte stream has another length");
      return r;
    case StreamKind::zstd: {
      const std::uint64_t blocks = (length + kZstdBlockBytes - 1) / kZstdBlockBytes;
      if (blocks == 0) return damaged("an empty stream is not compressed");
      FIRN_ASSIGN(r.ends_, open_ints(ends, blocks, depth + 1));
      return r;
    }
    default:
      return damaged("unknown kind of byte stream");
  }
}

std::size_t StreamReader::block_length(std::uint64_t i) const {
  return static_cast<std::size_t>(std::min<std::uint64_t>(kZstdBlockBytes, length_ - i * kZstdBlockBytes));
}

Result<void> StreamReader::block(std::uint64_t i, std::uint8_t* out) const {
  std::uint64_t range[2] = {0, 0};
  if (i == 0) {
    FIRN_TRY(ends_->read(0, 1, range + 1));
  } else {
    FIRN_TRY(ends_->read(i - 1, 2, range));
  }
  const std::size_t raw = block_length(i);
  if (range[1] < range[0] || range[1] > bytes_.length || range[1] - range[0] > raw)
    return damaged("block ends do not ascend");
  const std::size_t packed = range[1] - range[0];
  FIRN_ASSIGN(const std::uint8_t* p, bytes_.get(range[0], packed));
  if (packed == raw) {
    std::memcpy(out, p, raw);
    return {};
  }
  ZSTD_DCtx* d = compressor().d;
  if (d == nullptr) return Error(ErrorCode::memory, "no memory to decompress a column");
  if (ZSTD_decompressDCtx(d, out, raw, p, packed) != raw)
    return damaged("a zstd block does not decompress to its length");
  return {};
}

Result<void> StreamReader::read(std::uint64_t offset, std::uint64_t n, std::uint8_t* out) const {
  if (n == 0) return {};
  if (offset > length_ || n > length_ - offset) return damaged("a string lies beyond its bytes");
  if (kind_ == StreamKind::raw) {
    FIRN_ASSIGN(const std::uint8_t* p, bytes_.get(offset, n));
    std::memcpy(out, p, n);
    return {};
  }
  std::uint8_t whole[kZstdBlockBytes];
  while (n > 0) {
    const std::uint64_t b = offset / kZstdBlockBytes, skip = offset % kZstdBlockBytes;
    const std::size_t length = block_length(b);
    const std::uint64_t m = std::min<std::uint64_t>(n, length - skip);
    if (m == length) {
      FIRN_TRY(block(b, out));
    } else {
      FIRN_TRY(block(b, whole));
      std::memcpy(out, whole + skip, m);
    }
    offset += m, out += m, n -= m;
  }
  return {};
}

Result<void> StreamReader::read(std::uint64_t offset, std::uint64_t n, std::uint8_t* out,
                                PointScratch& scratch) const {
  if (n == 0) return {};
  if (kind_ == StreamKind::raw) {
    scratch.bytes_decoded += n;
    return read(offset, n, out);
  }
  if (offset > length_ || n > length_ - offset) return damaged("a string lies beyond its bytes");
  while (n > 0) {
    const std::uint64_t b = offset / kZstdBlockBytes, skip = offset % kZstdBlockBytes;
    if (scratch.stream != number_ || scratch.block != b) {
      scratch.stream = 0;
      scratch.bytes.resize(block_length(b));
      scratch.bytes_decoded += scratch.bytes.size();
      FIRN_TRY(block(b, reinterpret_cast<std::uint8_t*>(scratch.bytes.data())));  // NOLINT
      scratch.stream = number_;
      scratch.block = b;
    }
    const std::uint64_t m = std::min<std::uint64_t>(n, scratch.bytes.size() - skip);
    std::memcpy(out, scratch.bytes.data() + skip, m);  // NOLINT(bugprone-not-null-terminated-result): bytes
    offset += m, out += m, n -= m;
  }
  return {};
}

}  // namespace firn::storage::cold
