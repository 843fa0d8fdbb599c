// The commit log of a table: a chain of append logs, commit/<id>.log, whose entries are groups of log records.
//
// Entry sequences are dense over all files; each file continues the chain value of the one before. The newest file is
// open for appending, all others are sealed. A file comes into being under the name <id>.new and is renamed once its
// header is durable, so that a .log file without a sound header is damage.
// Recovery reads the files in order, writes the unsealed last one anew, sealed, under a new id, and removes the old one.
// The next file begins with the first append: a table that is opened and only read costs no sync. Of two files with the same first sequence the one with the greater id counts: the other
// is what a crash in the midst of recovery left.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "io/append_log.hpp"
#include "io/log_reader.hpp"

namespace firn::storage {

class CommitLog {
 public:
  /// Makes folder and first file, durable. `disk` outlives the log. `first_sequence` above 1: what came before is in a
  /// checkpoint.
  static Result<std::unique_ptr<CommitLog>> create(io::Disk& disk, const std::string& folder,
                                                   std::uint64_t store_id, std::uint64_t first_sequence = 1);

  using Visit = std::function<Result<void>(std::uint64_t sequence, std::span<const std::uint8_t> group)>;
  struct Recovered {
    std::unique_ptr<CommitLog> log;
    std::uint64_t groups = 0;         ///< given to `visit`
    std::uint64_t bytes_dropped = 0;  ///< of a torn tail
  };
  /// Gives every sound group with sequence >= from to `visit`, in order, and ends ready for appending (all files are
  /// sealed then). Errors:
  /// {corrupt} with file and offset for damage before the tail, a missing file, or a log that ends before `from` - 1.
  static Result<Recovered> recover(io::Disk& disk, const std::string& folder, std::uint64_t store_id,
                                   std::uint64_t from, const Visit& visit);

  /// The same, but changes nothing and ends with the sequence of the last sound group: for readers.
  static Result<std::uint64_t> replay(io::Disk& disk, const std::string& folder, std::uint64_t store_id,
                                      std::uint64_t from, const Visit& visit);

  /// Durable on return; the sequence of the group. After an error every later call gives the same error, except
  /// {full} before anything was written.
  Result<std::uint64_t> append(std::span<const std::uint8_t> group);
  /// Seals the current file and begins the next.
  Result<void> roll();
  /// Seals the current file: the end of a clean shutdown.
  Result<void> seal();
  /// Removes the files that hold only entries below `sequence`.
  Result<void> remove_before(std::uint64_t sequence);

  std::uint64_t last_sequence() const;
  /// Bytes of entries in all files.
  std::uint64_t bytes() const;
  bool failed() const { return failure_ || (current_ && current_->failure().has_value()); }

 private:
  struct Sealed {
    std::uint64_t id, first_sequence, bytes;
  };
  struct Scan;
  static Result<Scan> scan(io::Disk& disk, const std::string& folder, std::uint64_t store_id,
                           std::uint64_t from, const Visit& visit);
  static Result<io::TailInfo> read_file(io::Disk& disk, const std::string& path,
                                        const io::LogExpectation& expect, std::uint64_t from,
                                        const Visit& visit, std::uint64_t& groups);
  /// Where the next file begins, while the last one is sealed.
  struct Next {
    std::uint64_t id = 1, first_sequence = 1;
    std::uint32_t chain = 0;
  };
  CommitLog(io::Disk& disk, std::string folder, std::uint64_t store_id)
      : disk_(disk), folder_(std::move(folder)), store_id_(store_id) {}
  std::string path_of(std::uint64_t id) const;
  Result<void> begin_file(const Next& next);
  Result<void> seal_current();

  io::Disk& disk_;
  std::string folder_;
  std::uint64_t store_id_;
  std::vector<Sealed> sealed_;
  std::optional<Error> failure_;  ///< a new file's name could not be made durable: final
  Next next_;                     ///< counts while there is no current file
  std::unique_ptr<io::AppendLog> current_;
  std::uint64_t current_id_ = 0, current_first_ = 1;
};

}  // namespace firn::storage
