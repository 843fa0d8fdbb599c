// The writer of an append-only log: the commit log and the warm logs of a table.
//
// Owned by one thread at a time. *Written* is handed to the file; *durable* is synced, together with all
// before it. The format is in log_format.hpp, its reader in log_reader.hpp.
//
// One rule for failures: after the first failed append, sync or seal the outcome of what was not durable is
// unknown, and every later call answers that first error. Recovery then reads the file, rewrites its sound
// part under a new name (rewrite_tail) and goes on in a new file. The one exception: when the device has no
// room for the log's next piece (preallocation answers {full}), nothing was written, the append is refused
// and the log stays usable.
#pragma once
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "io/disk.hpp"
#include "io/log_format.hpp"

namespace firn::io {

/// Where an entry lies. Offsets and lengths are bytes in the file.
struct EntryPosition {
  std::uint64_t offset = 0;          ///< of its header; a multiple of 8
  std::uint64_t length = 0;          ///< of header, payload and padding
  std::uint64_t payload_offset = 0;  ///< of its payload; a multiple of 8
  std::uint64_t payload_bytes = 0;
  std::uint64_t sequence = 0;
};

class AppendLog {
 public:
  using Parts = io::Parts;

  /// Creates the file ({already_exists} if there is one), preallocates 64 KiB, writes the header, and makes
  /// file and name durable before it returns. `disk` outlives the log.
  static Result<std::unique_ptr<AppendLog>> create(Disk& disk, const std::string& path,
                                                   const LogFileHeader& header);

  /// Writes one entry whose payload is the parts one after another (at most 1 GiB; may be empty). `kind` is
  /// the caller's, 1 up to below kReservedKinds. Not durable on return. The parts need to live until then
  /// only.
  Result<EntryPosition> append(Parts parts, std::uint32_t kind);
  Result<EntryPosition> append(std::span<const std::uint8_t> payload, std::uint32_t kind);
  /// The first bytes of a payload, and crc32c of all of it.
  struct Head {
    std::span<const std::uint8_t> bytes;
    std::uint32_t crc = 0;
  };
  /// The same for a payload that begins with `head_bytes` which are known last: `finish` gives them, once, while the
  /// parts behind them are on their way to the file.
  Result<EntryPosition> append(std::size_t head_bytes, Parts parts, std::uint32_t kind,
                               const std::function<Head()>& finish);
  /// The same, durable on return with all entries before it: one linked write and sync if the entry is small.
  Result<EntryPosition> append_and_sync(Parts parts, std::uint32_t kind);
  Result<EntryPosition> append_and_sync(std::span<const std::uint8_t> payload, std::uint32_t kind);
  /// Makes all written entries durable.
  Result<void> sync();
  /// Ends the file with a footer (count and chain value), cuts it to its length and syncs. No append may
  /// follow: later calls answer {closed}.
  Result<void> seal();

  /// Offset at which the next entry begins.
  std::uint64_t end() const noexcept { return written_.offset; }
  /// Sequence of the last written entry; first_sequence - 1 if there is none.
  std::uint64_t last_sequence() const noexcept { return written_.sequence; }
  std::uint64_t durable_sequence() const noexcept { return durable_.sequence; }
  /// Chain value after the last written entry: the chain_start of a log that continues this one.
  std::uint32_t chain() const noexcept { return written_.chain; }
  /// Up to where the log is durable: what a catalog keeps as its watermark.
  const LogPosition& durable_position() const noexcept { return durable_; }
  /// Bytes of the file, with the preallocated ones.
  std::uint64_t allocated() const noexcept { return allocated_; }
  /// The error that ended this log, if any.
  const std::optional<Error>& failure() const noexcept { return failure_; }
  const LogIdentity& identity() const noexcept { return header_.identity; }
  const std::string& path() const noexcept { return file_->path(); }

 private:
  AppendLog(std::unique_ptr<File> file, const LogFileHeader& header);
  Result<EntryPosition> append_entry(Parts parts, std::uint32_t kind, bool and_sync);
  /// Makes room; an entry of this many bytes may be written at written_.offset.
  Result<void> begin_entry(std::uint64_t payload_bytes, std::uint32_t kind);
  /// The entry's header, its payload's checksum being crc32c of the payload from payload_seed().
  EntryHeader header_of(std::uint64_t payload_bytes, std::uint32_t kind) const;
  EntryPosition end_entry(const EntryHeader& header, const EntryHeaderBytes& bytes);
  Result<void> write_entry(std::uint64_t offset, std::span<const std::uint8_t> header, Parts parts,
                           bool and_sync);
  Result<void> make_room(std::uint64_t end);
  Result<void> zero_ahead(std::uint64_t end);
  Result<void> seal_file();
  /// The one place that decides what a failure means.
  Error fail(const Error& error);

  std::unique_ptr<File> file_;
  LogFileHeader header_;
  LogPosition written_;
  LogPosition durable_;
  std::uint64_t allocated_ = 0;
  std::uint64_t zeroed_ = 0;  ///< blocks before it were written to
  std::vector<std::uint8_t> staging_;
  std::optional<Error> failure_;
};

}  // namespace firn::io
