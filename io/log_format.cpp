#include "io/log_format.hpp"

#include <bit>
#include <cstring>

#include "io/crc32c.hpp"

static_assert(std::endian::native == std::endian::little, "the log's numbers are little-endian");

namespace firn::io {
namespace {

// File header fields.
constexpr std::size_t kMagicAt = 0, kVersionAt = 8, kHeaderBytesAt = 12, kStoreAt = 16, kFileAt = 24;
constexpr std::size_t kFirstSequenceAt = 32, kChainStartAt = 40, kLogHeaderCrcAt = 60;
// Entry header fields.
constexpr std::size_t kEntryMagicAt = 0, kEntryCrcAt = 4, kCoveredAt = 8, kLengthAt = 8, kKindAt = 12;
constexpr std::size_t kSequenceAt = 16, kMarkOffsetAt = 24, kMarkSequenceAt = 32, kMarkChainAt = 40;
constexpr std::size_t kPreviousChainAt = 44, kPayloadCrcAt = 48;
// Footer payload fields.
constexpr std::size_t kCountAt = 0, kEndOffsetAt = 8, kFooterChainAt = 16;

template <class T>
void put(std::span<std::uint8_t> bytes, std::size_t at, T value) {
  std::memcpy(bytes.data() + at, &value, sizeof value);
}

template <class T>
T get(std::span<const std::uint8_t> bytes, std::size_t at) {
  T value{};
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

std::uint32_t header_crc(std::span<const std::uint8_t> header, const LogIdentity& identity,
                         std::uint64_t offset) {
  std::array<std::uint8_t, 24> seed{};
  put(seed, 0, identity.store_id);
  put(seed, 8, identity.file_id);
  put(seed, 16, offset);
  return crc32c(header.subspan(kCoveredAt), crc32c(seed));
}

}  // namespace

LogHeaderBytes encode_log_header(const LogFileHeader& header) {
  LogHeaderBytes b{};
  put(b, kMagicAt, kLogMagic);
  put(b, kVersionAt, kLogVersion);
  put(b, kHeaderBytesAt, static_cast<std::uint32_t>(kLogHeaderBytes));
  put(b, kStoreAt, header.identity.store_id);
  put(b, kFileAt, header.identity.file_id);
  put(b, kFirstSequenceAt, header.first_sequence);
  put(b, kChainStartAt, header.chain_start);
  put(b, kLogHeaderCrcAt, crc32c(std::span(b).first(kLogHeaderCrcAt)));
  return b;
}

std::optional<std::uint32_t> log_version_of(std::span<const std::uint8_t, kLogHeaderBytes> bytes) {
  const std::span<const std::uint8_t> b = bytes;
  if (get<std::uint64_t>(b, kMagicAt) != kLogMagic) return std::nullopt;
  if (get<std::uint32_t>(b, kLogHeaderCrcAt) != crc32c(b.first(kLogHeaderCrcAt))) return std::nullopt;
  return get<std::uint32_t>(b, kVersionAt);
}

std::optional<LogFileHeader> decode_log_header(std::span<const std::uint8_t, kLogHeaderBytes> bytes) {
  const std::span<const std::uint8_t> b = bytes;
  if (log_version_of(bytes) != kLogVersion || get<std::uint32_t>(b, kHeaderBytesAt) != kLogHeaderBytes) {
    return std::nullopt;
  }
  return LogFileHeader{{get<std::uint64_t>(b, kStoreAt), get<std::uint64_t>(b, kFileAt)},
                       get<std::uint64_t>(b, kFirstSequenceAt),
                       get<std::uint32_t>(b, kChainStartAt)};
}

EntryHeaderBytes encode_entry_header(const EntryHeader& header, const LogIdentity& identity,
                                     std::uint64_t offset) {
  EntryHeaderBytes b{};
  put(b, kEntryMagicAt, kEntryMagic);
  put(b, kLengthAt, header.payload_bytes);
  put(b, kKindAt, header.kind);
  put(b, kSequenceAt, header.sequence);
  put(b, kMarkOffsetAt, header.watermark.offset);
  put(b, kMarkSequenceAt, header.watermark.sequence);
  put(b, kMarkChainAt, header.watermark.chain);
  put(b, kPreviousChainAt, header.previous_chain);
  put(b, kPayloadCrcAt, header.payload_crc);
  put(b, kEntryCrcAt, header_crc(b, identity, offset));
  return b;
}

std::optional<EntryHeader> decode_entry_header(std::span<const std::uint8_t, kEntryHeaderBytes> bytes,
                                               const LogIdentity& identity, std::uint64_t offset) {
  const std::span<const std::uint8_t> b = bytes;
  if (get<std::uint32_t>(b, kEntryMagicAt) != kEntryMagic) return std::nullopt;
  if (get<std::uint32_t>(b, kEntryCrcAt) != header_crc(b, identity, offset)) return std::nullopt;
  EntryHeader h;
  h.payload_bytes = get<std::uint32_t>(b, kLengthAt);
  h.kind = get<std::uint32_t>(b, kKindAt);
  h.sequence = get<std::uint64_t>(b, kSequenceAt);
  h.watermark = {get<std::uint64_t>(b, kMarkOffsetAt), get<std::uint64_t>(b, kMarkSequenceAt),
                 get<std::uint32_t>(b, kMarkChainAt)};
  h.previous_chain = get<std::uint32_t>(b, kPreviousChainAt);
  h.payload_crc = get<std::uint32_t>(b, kPayloadCrcAt);
  if (h.payload_bytes > kPayloadBytesMax) return std::nullopt;
  return h;
}

FooterPayloadBytes encode_footer(const LogFooter& footer) {
  FooterPayloadBytes b{};
  put(b, kCountAt, footer.count);
  put(b, kEndOffsetAt, footer.end_offset);
  put(b, kFooterChainAt, footer.chain);
  return b;
}

LogFooter decode_footer(std::span<const std::uint8_t, kFooterPayloadBytes> bytes) {
  return {get<std::uint64_t>(bytes, kCountAt), get<std::uint64_t>(bytes, kEndOffsetAt),
          get<std::uint32_t>(bytes, kFooterChainAt)};
}

std::uint32_t payload_seed(const LogIdentity& identity, std::uint32_t previous_chain) {
  std::array<std::uint8_t, 20> seed{};
  put(seed, 0, identity.store_id);
  put(seed, 8, identity.file_id);
  put(seed, 16, previous_chain);
  return crc32c(seed);
}

std::uint32_t chain_after(std::span<const std::uint8_t, kEntryHeaderBytes> header,
                          std::uint32_t previous_chain) {
  return crc32c(std::span<const std::uint8_t>(header).subspan(kCoveredAt), previous_chain);
}

}  // namespace firn::io
