// Who has a table open: one writer, and readers of other processes that must know of it. The file `lock` in a table's
// folder, with open-file-description locks (see file_lock.hpp) on two of its bytes:
//
//   byte 0  the writer, exclusive, as long as it has the table open
//   byte 1  the gate: exclusive while a writer opens (verifies, recovers, maps), shared while a reader decides which
//           files it may trust; so that neither sees the other half way
//
// The text "<process id> <number of openings>\n" tells a reader that a writer came since it looked. The file stays for
// ever and holds nothing else: lock files do not count as bytes of the database.
#pragma once
#include <chrono>
#include <optional>
#include <string>

#include "io/unique_fd.hpp"
#include "schema/result.hpp"

namespace firn::io {

/// How long either side waits at the gate before it gives up with {busy}.
inline constexpr std::chrono::seconds kGateWait{10};

/// The writer's side: held until destroyed. Movable; one thread at a time.
class TableWriterLock {
 public:
  /// Locks `path`, made (0600) if it is missing, with the gate closed. {busy}, naming the holder, if another handle, of
  /// this process too, writes; {busy} if readers hold the gate for kGateWait.
  static Result<TableWriterLock> acquire(const std::string& path);
  /// The table is open: readers may look at it.
  Result<void> open_gate();

 private:
  TableWriterLock(UniqueFd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}
  UniqueFd fd_;
  std::string path_;
};

/// A reader's side. Changes no byte. Thread-safe but for enter() and leave(): one thread at a time.
class TableReaderLock {
 public:
  /// Nothing if there is no such file: no writer has been here.
  static Result<std::optional<TableReaderLock>> look(const std::string& path);
  /// Waits until no writer is opening the table, and keeps one from beginning to. {busy} after kGateWait.
  Result<void> enter();
  void leave();
  /// Within enter() and leave() a writer that is not there cannot come.
  Result<bool> has_writer() const;
  /// Another text than before: a writer opened the table meanwhile, whether or not it is still there.
  std::string last_writer() const;

 private:
  TableReaderLock(UniqueFd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}
  UniqueFd fd_;
  std::string path_;
};

}  // namespace firn::io
