#include "io/disk_path.hpp"
#include "io/log_reader.hpp"

namespace firn::io {
namespace {

Result<void> copy_entries(LogReader& from, AppendLog& to, std::optional<std::uint64_t> last_sequence,
                          TailInfo& tail) {
  for (;;) {
    const LogStep step = from.next();
    if (const auto* error = std::get_if<Error>(&step)) return *error;
    if (const auto* end = std::get_if<TailInfo>(&step)) {
      tail = *end;
      return {};
    }
    const auto& record = std::get<LogRecord>(step);
    if (last_sequence && record.position.sequence > *last_sequence)
      continue;  // read on: damage behind it counts
    FIRN_TRY(to.append(record.payload, record.kind));
  }
}

// What was written is read again before it counts.
Result<void> check_copy(Disk& disk, const std::string& path, const LogExpectation& expect,
                        const RewrittenLog& made) {
  FIRN_ASSIGN(const auto reader, LogReader::open(disk, path, expect));
  for (;;) {
    const LogStep step = reader->next();
    if (const auto* error = std::get_if<Error>(&step)) return *error;
    if (const auto* end = std::get_if<TailInfo>(&step)) {
      if (end->end == made.end) return {};
      return Error(ErrorCode::corrupt,
                   "log '" + path + "' reads back with another end than it was written with");
    }
  }
}

Result<RewrittenLog> write_copy(Disk& disk, const std::string& old_path, const std::string& path,
                                const RewriteRequest& request) {
  FIRN_ASSIGN(const auto reader, LogReader::open(disk, old_path, request.expect));
  RewrittenLog made;
  made.header = reader->header();
  made.header.identity.file_id = request.new_file_id;
  FIRN_ASSIGN(const auto log, AppendLog::create(disk, path, made.header));
  FIRN_TRY(copy_entries(*reader, *log, request.last_sequence, made.old_tail));
  FIRN_TRY(log->seal());
  made.end = log->durable_position();
  made.count = made.end.sequence + 1 - made.header.first_sequence;
  LogExpectation expect;
  expect.store_id = made.header.identity.store_id;
  expect.file_id = request.new_file_id;
  expect.must_be_sealed = true;
  FIRN_TRY(check_copy(disk, path, expect, made));
  return made;
}

}  // namespace

Result<RewrittenLog> rewrite_tail(Disk& disk, const std::string& old_path, const std::string& new_path,
                                  const RewriteRequest& request) {
  const std::string temporary = new_path + ".tmp";
  FIRN_ASSIGN(const bool taken, disk.exists(new_path));
  if (taken) return Error(ErrorCode::already_exists, "log '" + new_path + "' exists already");
  auto removed = disk.remove(temporary);
  if (!removed && removed.error().code() != ErrorCode::not_found) return removed.error();
  auto made = write_copy(disk, old_path, temporary, request);
  if (!made) {
    (void)disk.remove(temporary);  // the first error is the one to tell
    return made;
  }
  FIRN_TRY(disk.rename(temporary, new_path));
  FIRN_TRY(disk.sync_directory(parent_path(new_path)));
  return made;
}

}  // namespace firn::io
