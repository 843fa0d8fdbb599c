// The numbers of a cold segment file, shared by its writer and its reader. Layout: schema/formats/segment.md.
// Never renumber; 0 is invalid everywhere.
#pragma once
#include <bit>
#include <cstddef>
#include <cstdint>

namespace firn::storage::cold {

static_assert(std::endian::native == std::endian::little, "segments are little-endian and read in place");

inline constexpr std::uint32_t kSegmentMagic = 0x4753'4E46;  // "FNSG"
/// Rows in key order over the whole file: current rows, and history of programs that knew no other order.
inline constexpr std::uint32_t kOrderedVersion = 1;
/// Rows in order of key and CSN within each group; the key index begins anew with each.
inline constexpr std::uint32_t kSegmentVersion = 2;

/// First bytes of the file: says what it is, even if the end is lost.
struct SegmentHeader {
  std::uint32_t magic;
  std::uint32_t version;
  std::uint64_t store_id;
  std::uint64_t file_id;
  std::uint32_t reserved;
  std::uint32_t crc;  ///< CRC32C of the bytes before
};
static_assert(sizeof(SegmentHeader) == 32);

/// Last bytes of the file.
struct SegmentTrailer {
  std::uint64_t store_id;
  std::uint64_t file_id;
  std::uint64_t data_length;    ///< header and chunks; the footer begins here
  std::uint32_t footer_length;  ///< FlatBuffer, root type firn.fb.SegmentFooter
  std::uint32_t footer_crc;     ///< CRC32C of the footer
  std::uint32_t version;
  std::uint32_t magic;
  std::uint32_t reserved;
  std::uint32_t crc;  ///< CRC32C of the bytes before
};
static_assert(sizeof(SegmentTrailer) == 48);

/// [0, data_length) is cut into blocks of this size; each has a CRC32C in the footer. One page: a point read
/// checks no more than it reads.
inline constexpr std::size_t kCheckedBlockBytes = 4096;

/// Encodings of a node, the first byte of its bytes.
enum class Encoding : std::uint8_t {
  invalid = 0,
  constant = 1,     ///< one value
  frame = 2,        ///< frame of reference: base (+ slope x i) + scale x packed bits
  delta = 3,        ///< differences, restarted each kBlockValues
  run_length = 4,   ///< run ends and run values
  dictionary = 5,   ///< entries and codes; integers and strings
  patched = 6,      ///< a narrow child and a list of outliers
  byte_planes = 7,  ///< the bytes of like significance together, as byte streams
  float_bits = 8,   ///< IEEE bits as integers
  decimal = 9,      ///< value x 10^k as integers, and a list of exceptions
  plain = 10,       ///< strings: ends and a byte stream
  pattern = 11,     ///< strings: shared substrings once, the fields between them as columns
};

/// Byte streams: stored or compressed.
enum class StreamKind : std::uint8_t { invalid = 0, raw = 1, zstd = 2 };

/// What lies between two literals of a pattern.
enum class FieldKind : std::uint8_t {
  invalid = 0,
  decimal = 1,         ///< a number without leading zeros
  padded_decimal = 2,  ///< exactly `width` digits
  hex = 3,             ///< exactly `width` lower-case hexadecimal digits
  text = 4,            ///< a string node
};

/// Values in a block: the unit of bases, widths, restarts and of the sparse key index.
inline constexpr std::size_t kBlockValues = 1024;
/// Bit-packed bytes are followed by this many zero bytes, so that 8-byte loads plus one need no end check.
inline constexpr std::size_t kPackSlack = 9;
/// Uncompressed bytes of one zstd block: what a point read of a compressed column decodes.
inline constexpr std::size_t kZstdBlockBytes = 16 * 1024;
/// Nodes below nodes: bounds recursion for bytes from outside.
inline constexpr int kDepthMax = 8;
/// Literals of a pattern.
inline constexpr std::size_t kPatternFieldsMax = 24;
/// Rows of a row group are cut earlier when their variable-length bytes reach this: offsets are i32 in
/// memory.
inline constexpr std::size_t kGroupBytesMax = std::size_t{64} << 20;
/// Rows that are collected for all cells of a history segment together; above, the largest group is written as it is.
inline constexpr std::size_t kCellBytesMax = std::size_t{128} << 20;
inline constexpr std::uint32_t kGroupRowsMax = 1U << 20;
inline constexpr std::uint32_t kFooterBytesMax = 1U << 30;
/// Footers keep at most this many bytes of a minimum or maximum.
inline constexpr std::size_t kStatBytesMax = 64;
/// Bits a key in the bloom filter.
inline constexpr std::uint64_t kBloomBitsPerKey = 10;
inline constexpr std::size_t kBloomBlockBytes = 32;

}  // namespace firn::storage::cold
