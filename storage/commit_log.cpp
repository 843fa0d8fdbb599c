#include "storage/commit_log.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <map>

namespace firn::storage {
namespace {

constexpr std::uint32_t kGroupKind = 1;
constexpr std::string_view kSuffix = ".log", kNewSuffix = ".new";

std::string hex(std::uint64_t id) {
  char text[17];
  std::snprintf(text, sizeof text, "%08llx", static_cast<unsigned long long>(id));
  return text;
}

std::optional<std::uint64_t> id_of(std::string_view name) {
  if (!name.ends_with(kSuffix)) return std::nullopt;
  name.remove_suffix(kSuffix.size());
  std::uint64_t id = 0;
  const auto [end, ec] = std::from_chars(name.data(), name.data() + name.size(), id, 16);
  if (ec != std::errc() || end != name.data() + name.size()) return std::nullopt;
  return id;
}

}  // namespace

std::string CommitLog::path_of(std::uint64_t id) const {
  return folder_ + "/" + hex(id) + std::string(kSuffix);
}

Result<void> CommitLog::begin_file(const Next& next) {
  const std::string born = folder_ + "/" + hex(next.id) + std::string(kNewSuffix);
  FIRN_ASSIGN(const bool leftover, disk_.exists(born));
  if (leftover) FIRN_TRY(disk_.remove(born));
  io::LogFileHeader header;
  header.identity = {store_id_, next.id};
  header.first_sequence = next.first_sequence;
  header.chain_start = next.chain;
  FIRN_ASSIGN(auto log, io::AppendLog::create(disk_, born, header));
  // From here on a failure leaves the name in doubt: no second sync may vouch for it.
  Result<void> named = disk_.rename(born, path_of(next.id));
  if (named) named = disk_.sync_directory(folder_);
  if (!named) {
    failure_ = named.error();
    return named;
  }
  current_ = std::move(log);
  current_id_ = next.id;
  current_first_ = next.first_sequence;
  return {};
}

Result<std::unique_ptr<CommitLog>> CommitLog::create(io::Disk& disk, const std::string& folder,
                                                     std::uint64_t store_id, std::uint64_t first_sequence) {
  FIRN_TRY(disk.make_directories(folder));
  std::unique_ptr<CommitLog> log(new CommitLog(disk, folder, store_id));
  FIRN_TRY(log->begin_file({1, first_sequence, 0}));
  return log;
}

struct CommitLog::Scan {
  std::vector<Sealed> files;              ///< that count, in order; the last may be unsealed
  std::vector<std::uint64_t> superseded;  ///< what a crash in the midst of recovery left
  std::vector<std::string> strays;        ///< *.new, *.tmp: never named
  std::uint64_t id_max = 0, groups = 0;
  io::LogExpectation last;  ///< of the last file
  io::TailInfo tail;        ///< of the last file
};

/// Reads all files and changes none.
Result<CommitLog::Scan> CommitLog::scan(io::Disk& disk, const std::string& folder, std::uint64_t store_id,
                                        std::uint64_t from, const Visit& visit) {
  Scan out;
  const CommitLog names(disk, folder, store_id);
  FIRN_ASSIGN(const auto entries, disk.list(folder));
  std::map<std::uint64_t, std::uint64_t> by_first;  // first sequence -> id of the file that counts
  for (const io::DirEntry& entry : entries) {
    const auto id = id_of(entry.name);
    if (!id) {
      out.strays.push_back(folder + "/" + entry.name);
      continue;
    }
    out.id_max = std::max(out.id_max, *id);
    io::LogExpectation expect;
    expect.store_id = store_id;
    expect.file_id = *id;
    FIRN_ASSIGN(const auto reader, io::LogReader::open(disk, names.path_of(*id), expect));
    auto [slot, fresh] = by_first.try_emplace(reader->header().first_sequence, *id);
    if (!fresh) {
      out.superseded.push_back(std::min(slot->second, *id));
      slot->second = std::max(slot->second, *id);
    }
  }
  if (by_first.empty()) return Error(ErrorCode::corrupt, folder + ": the commit log is missing");
  if (by_first.begin()->first > from)
    return Error(ErrorCode::corrupt, folder + ": the commit log begins at entry " +
                                         std::to_string(by_first.begin()->first) + ", needed from " +
                                         std::to_string(from));
  for (auto it = by_first.begin(); it != by_first.end(); ++it) {
    if (!out.files.empty()) {
      if (!out.tail.sealed)
        return Error(ErrorCode::corrupt, names.path_of(out.files.back().id) + ": not sealed at offset " +
                                             std::to_string(out.tail.end.offset) +
                                             ", though a later file follows");
      out.last.chain_start = out.tail.end.chain;
    }
    out.last.store_id = store_id;
    out.last.file_id = it->second;
    out.last.first_sequence = out.files.empty() ? it->first : out.tail.end.sequence + 1;
    FIRN_ASSIGN(out.tail, read_file(disk, names.path_of(it->second), out.last, from, visit, out.groups));
    out.files.push_back({it->second, it->first, out.tail.end.offset});
  }
  if (out.tail.end.sequence + 1 < from)
    return Error(ErrorCode::corrupt, names.path_of(out.files.back().id) + ": the log ends at offset " +
                                         std::to_string(out.tail.end.offset) + " with entry " +
                                         std::to_string(out.tail.end.sequence) + ", though entry " +
                                         std::to_string(from - 1) + " was durable");
  return out;
}

Result<io::TailInfo> CommitLog::read_file(io::Disk& disk, const std::string& path,
                                          const io::LogExpectation& expect, std::uint64_t from,
                                          const Visit& visit, std::uint64_t& groups) {
  FIRN_ASSIGN(const auto reader, io::LogReader::open(disk, path, expect));
  for (;;) {
    io::LogStep step = reader->next();
    if (auto* record = std::get_if<io::LogRecord>(&step)) {
      if (record->position.sequence < from) continue;
      FIRN_TRY(visit(record->position.sequence, record->payload));
      groups += 1;
    } else if (auto* end = std::get_if<io::TailInfo>(&step)) {
      return *end;
    } else {
      return std::get<Error>(step);
    }
  }
}

Result<std::uint64_t> CommitLog::replay(io::Disk& disk, const std::string& folder, std::uint64_t store_id,
                                        std::uint64_t from, const Visit& visit) {
  FIRN_ASSIGN(const Scan found, scan(disk, folder, store_id, from, visit));
  return found.tail.end.sequence;
}

Result<CommitLog::Recovered> CommitLog::recover(io::Disk& disk, const std::string& folder,
                                                std::uint64_t store_id, std::uint64_t from,
                                                const Visit& visit) {
  FIRN_ASSIGN(Scan found, scan(disk, folder, store_id, from, visit));
  Recovered out;
  out.log.reset(new CommitLog(disk, folder, store_id));
  out.groups = found.groups;
  CommitLog& log = *out.log;
  for (const std::string& stray : found.strays) FIRN_TRY(disk.remove(stray));
  std::uint32_t chain = found.tail.end.chain;
  if (!found.tail.sealed) {
    out.bytes_dropped = found.tail.bytes_dropped;
    io::RewriteRequest request;
    request.expect = found.last;
    request.new_file_id = ++found.id_max;
    const std::string path = log.path_of(found.files.back().id);
    FIRN_ASSIGN(const io::RewrittenLog rewritten,
                io::rewrite_tail(disk, path, log.path_of(found.id_max), request));
    chain = rewritten.end.chain;  // seeded with the new file's id: other values than the old file's
    found.superseded.push_back(found.files.back().id);
    found.files.back().id = found.id_max;
  }
  log.sealed_ = std::move(found.files);
  for (const std::uint64_t id : found.superseded) FIRN_TRY(disk.remove(log.path_of(id)));
  if (!found.strays.empty() || !found.superseded.empty()) FIRN_TRY(disk.sync_directory(folder));
  log.next_ = {found.id_max + 1, found.tail.end.sequence + 1, chain};
  return out;
}

Result<std::uint64_t> CommitLog::append(std::span<const std::uint8_t> group) {
  if (failure_) return *failure_;
  if (!current_) FIRN_TRY(begin_file(next_));
  FIRN_ASSIGN(const io::EntryPosition at, current_->append_and_sync(group, kGroupKind));
  return at.sequence;
}

Result<void> CommitLog::seal_current() {
  FIRN_TRY(current_->seal());
  sealed_.push_back({current_id_, current_first_, current_->end()});
  next_ = {current_id_ + 1, current_->last_sequence() + 1, current_->chain()};
  current_.reset();
  return {};
}

Result<void> CommitLog::roll() {
  if (failure_) return *failure_;
  if (!current_ || current_->last_sequence() + 1 == current_first_) return {};  // nothing in it
  return seal_current();
}

Result<void> CommitLog::seal() { return current_ ? seal_current() : Result<void>(); }

Result<void> CommitLog::remove_before(std::uint64_t sequence) {
  // The last file says where the log ends: it goes only once another one does.
  if (!current_ && !sealed_.empty() && next_.first_sequence <= sequence) FIRN_TRY(begin_file(next_));
  bool removed = false;
  while (!sealed_.empty()) {
    const std::uint64_t next_first = sealed_.size() > 1 ? sealed_[1].first_sequence
                                     : current_         ? current_first_
                                                        : next_.first_sequence;
    if (next_first > sequence) break;
    FIRN_TRY(disk_.remove(path_of(sealed_.front().id)));
    sealed_.erase(sealed_.begin());
    removed = true;
  }
  if (removed) FIRN_TRY(disk_.sync_directory(folder_));
  return {};
}

std::uint64_t CommitLog::last_sequence() const {
  return current_ ? current_->last_sequence() : next_.first_sequence - 1;
}

std::uint64_t CommitLog::bytes() const {
  std::uint64_t sum = current_ ? current_->end() : 0;
  for (const Sealed& s : sealed_) sum += s.bytes;
  return sum;
}

}  // namespace firn::storage
