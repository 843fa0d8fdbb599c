// The bytes of an append-only log, shared by its writer and its reader. All numbers little-endian.
//
//   file   = header (64 bytes) entry* [footer entry] [zeros, up to the preallocated length]
//   entry  = header (56 bytes) payload, zeros up to a multiple of 8
//
// An entry is valid if its header checksum holds (seeded with store id, file id and its own offset: a
// misdirected or stale sector fails) and its payload checksum holds (seeded with store id, file id and the
// chain value before). It belongs here if its sequence is the one before + 1 and its previous chain value is
// the one before. The chain value of an entry is the CRC-32C of its header without magic and header checksum,
// seeded with the chain value before: it depends on every byte of the log so far.
//
// The watermark in an entry says up to where the log was synced when the entry was written. See
// schema/formats/log.md for what a crash may leave and how it is read.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace firn::io {

inline constexpr std::uint64_t kLogMagic = 0x31474F4C4E524946U;  // "FIRNLOG1"
inline constexpr std::uint32_t kLogVersion = 1;
inline constexpr std::uint32_t kEntryMagic = 0x4E45F17BU;  // not text, and no byte of it is zero
inline constexpr std::size_t kLogHeaderBytes = 64;
inline constexpr std::size_t kEntryHeaderBytes = 56;
inline constexpr std::size_t kEntryAlignment = 8;
inline constexpr std::size_t kPayloadBytesMax = std::size_t{1} << 30;
/// Kinds from here on belong to the log itself; callers use 1 up to below this.
inline constexpr std::uint32_t kReservedKinds = 0xFFFFFF00U;
inline constexpr std::uint32_t kFooterKind = 0xFFFFFFFFU;
inline constexpr std::size_t kFooterPayloadBytes = 24;
inline constexpr std::size_t kFooterEntryBytes = kEntryHeaderBytes + kFooterPayloadBytes;
static_assert(kFooterEntryBytes % kEntryAlignment == 0 && kEntryHeaderBytes % kEntryAlignment == 0);

/// Which file of which store: the seed of every checksum in it.
struct LogIdentity {
  std::uint64_t store_id = 0;
  std::uint64_t file_id = 0;
  bool operator==(const LogIdentity&) const = default;
};

/// A place in a log: everything before `offset` is meant, the last entry there has `sequence`, the chain
/// value after it is `chain`.
struct LogPosition {
  std::uint64_t offset = 0;
  std::uint64_t sequence = 0;
  std::uint32_t chain = 0;
  bool operator==(const LogPosition&) const = default;
};

struct LogFileHeader {
  LogIdentity identity;
  std::uint64_t first_sequence = 1;
  std::uint32_t chain_start = 0;
};

struct EntryHeader {
  std::uint32_t payload_bytes = 0;
  std::uint32_t kind = 0;
  std::uint64_t sequence = 0;
  LogPosition watermark;
  std::uint32_t previous_chain = 0;
  std::uint32_t payload_crc = 0;
};

struct LogFooter {
  std::uint64_t count = 0;       ///< entries before the footer
  std::uint64_t end_offset = 0;  ///< the footer's own offset
  std::uint32_t chain = 0;       ///< after the last entry
};

using LogHeaderBytes = std::array<std::uint8_t, kLogHeaderBytes>;
using EntryHeaderBytes = std::array<std::uint8_t, kEntryHeaderBytes>;
using FooterPayloadBytes = std::array<std::uint8_t, kFooterPayloadBytes>;

LogHeaderBytes encode_log_header(const LogFileHeader& header);
/// The version that a header with a sound checksum names, whatever follows from it; nothing if it is no log's
/// header.
std::optional<std::uint32_t> log_version_of(std::span<const std::uint8_t, kLogHeaderBytes> bytes);
/// Nothing if magic, version or checksum are wrong.
std::optional<LogFileHeader> decode_log_header(std::span<const std::uint8_t, kLogHeaderBytes> bytes);

EntryHeaderBytes encode_entry_header(const EntryHeader& header, const LogIdentity& identity,
                                     std::uint64_t offset);
/// Nothing if magic or checksum are wrong for this file and offset, or the length is over the limit.
std::optional<EntryHeader> decode_entry_header(std::span<const std::uint8_t, kEntryHeaderBytes> bytes,
                                               const LogIdentity& identity, std::uint64_t offset);

FooterPayloadBytes encode_footer(const LogFooter& footer);
LogFooter decode_footer(std::span<const std::uint8_t, kFooterPayloadBytes> bytes);

/// The seed of a payload's checksum; chain crc32c() over the payload's parts from here.
std::uint32_t payload_seed(const LogIdentity& identity, std::uint32_t previous_chain);
/// The chain value after the entry with these header bytes.
std::uint32_t chain_after(std::span<const std::uint8_t, kEntryHeaderBytes> header,
                          std::uint32_t previous_chain);

/// Zero bytes after a payload of this length.
constexpr std::size_t padding_after(std::uint64_t payload_bytes) noexcept {
  return static_cast<std::size_t>((kEntryAlignment - payload_bytes % kEntryAlignment) % kEntryAlignment);
}
/// Bytes of a whole entry in the file.
constexpr std::uint64_t entry_bytes(std::uint64_t payload_bytes) noexcept {
  return kEntryHeaderBytes + payload_bytes + padding_after(payload_bytes);
}

}  // namespace firn::io
