// The reader of an append-only log. Owned by one thread.
//
// A log that was sealed must verify wholly. In an unsealed one a torn tail and bit rot look alike, so the
// reader asks for the *watermark*: the greatest place up to which the log is known to have been synced, from
// the caller's catalog or from any sound entry of the log itself, also one that follows the bad place. A bad
// entry below it is damage {corrupt}; at or above it the first bad entry ends the log.
#pragma once
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "io/append_log.hpp"
#include "io/disk.hpp"
#include "io/log_format.hpp"

namespace firn::io {

struct LogRecord {
  EntryPosition position;
  std::uint32_t kind = 0;
  std::uint32_t chain = 0;                ///< chain value after this entry
  std::span<const std::uint8_t> payload;  ///< until the next call of next()
};

/// How a log ended.
struct TailInfo {
  bool sealed = false;  ///< by its footer
  bool torn = false;    ///< something unsound lay behind the last entry; it was never acknowledged
  LogPosition end;      ///< after the last sound entry
  std::uint64_t bytes_dropped = 0;  ///< from the end to the last byte that is not zero, footer not counted
};

/// Three outcomes: an entry, the end, an error ({corrupt} with file and offset, or {io}). After the last two
/// every further call gives the same.
using LogStep = std::variant<LogRecord, TailInfo, Error>;

struct LogExpectation {
  std::uint64_t store_id = 0;
  std::optional<std::uint64_t> file_id;
  std::optional<std::uint64_t> first_sequence;
  std::optional<std::uint32_t> chain_start;
  /// Where the catalog knows the log to have been durable: entries up to there must be sound, and sequence
  /// and chain value at that offset must be these.
  std::optional<LogPosition> watermark;
  /// The log was sealed and has exactly this end: without its footer, or longer or shorter, it is damaged.
  bool must_be_sealed = false;
};

class LogReader {
 public:
  /// Reads and checks the file header. {corrupt} if it is damaged, of another store or of another file than
  /// expected; {unsupported} for a newer version.
  static Result<std::unique_ptr<LogReader>> open(Disk& disk, const std::string& path,
                                                 const LogExpectation& expect);

  LogStep next();

  const LogFileHeader& header() const noexcept { return header_; }
  /// After the last entry that next() gave.
  const LogPosition& position() const noexcept { return at_; }

 private:
  struct Entry {
    EntryHeader header;
    std::uint32_t chain = 0;
    std::span<const std::uint8_t> payload;
  };

  LogReader(std::unique_ptr<File> file, std::uint64_t size, const LogExpectation& expect);
  Result<void> check_file_header(std::span<const std::uint8_t, kLogHeaderBytes> bytes) const;
  /// The bytes [offset, offset + length) of the file; requires that they lie within it. Valid until the next
  /// call.
  Result<std::span<const std::uint8_t>> view(std::uint64_t offset, std::uint64_t length);
  /// The entry at `offset`, sound in itself; nothing if it is not.
  Result<std::optional<Entry>> entry_at(std::uint64_t offset);
  bool follows(const Entry& entry) const;
  Result<void> check_watermark_here() const;
  LogStep give(const Entry& entry);
  LogStep end_sealed(const Entry& footer);
  LogStep end_unsealed();
  /// Offset of a sound entry behind `from` that was written when the log was synced beyond `bad`.
  Result<std::optional<std::uint64_t>> find_witness(std::uint64_t bad);
  Result<std::uint64_t> end_of_content(std::uint64_t from);
  Error corrupt(std::uint64_t offset, const std::string& what) const;
  LogStep finish(LogStep last);

  std::unique_ptr<File> file_;
  std::uint64_t size_;
  LogExpectation expect_;
  LogFileHeader header_;
  LogPosition at_;
  std::uint64_t synced_to_ = 0;  // greatest watermark offset seen
  std::vector<std::uint8_t> window_;
  std::uint64_t window_offset_ = 0;
  std::optional<LogStep> last_;
};

/// The payload of one entry whose place is known (a block of a warm log), verified. {corrupt} if header or
/// payload are unsound, or if the entry has another length or sequence than `position` says.
Result<std::vector<std::uint8_t>> read_entry(const File& file, const LogIdentity& identity,
                                             const EntryPosition& position);

struct RewriteRequest {
  LogExpectation expect;  ///< of the old file
  std::uint64_t new_file_id = 0;
  /// Entries above this sequence are left out; all sound ones are kept without it.
  std::optional<std::uint64_t> last_sequence;
};

struct RewrittenLog {
  LogPosition end;          ///< of the new file's entries; its footer begins at end.offset
  std::uint64_t count = 0;  ///< entries
  LogFileHeader header;     ///< of the new file
  TailInfo old_tail;        ///< how the old file ended
};

/// Copies the sound entries of a log into a new, sealed file and makes file and name durable. Recovery never
/// appends to an old file nor trusts its pages, which may never have reached the disk. The new file is
/// written as `new_path`.tmp, read back, and renamed; a leftover of that name is replaced. {already_exists}
/// if `new_path` is taken. The old file is left alone. After an error the new name may or may not be there, as after
/// a crash.
Result<RewrittenLog> rewrite_tail(Disk& disk, const std::string& old_path, const std::string& new_path,
                                  const RewriteRequest& request);

}  // namespace firn::io
