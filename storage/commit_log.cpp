#include "storage/commit_log.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <map>

#include "io/log_reader.hpp"

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

struct Found {
  std::uint64_t id = 0;
  std::uint64_t first_sequence = 0;
};

}  // namespace

std::string CommitLog::path_of(std::uint64_t id) const {
  return folder_ + "/" + hex(id) + std::string(kSuffix);
}

Result<void> CommitLog::begin_file(std::uint64_t id, std::uint64_t first_sequence, std::uint32_t chain) {
  const std::string born = folder_ + "/" + hex(id) + std::string(kNewSuffix);
  FIRN_ASSIGN(const bool leftover, disk_.exists(born));
  if (leftover) FIRN_TRY(disk_.remove(born));
  io::LogFileHeader header;
  header.identity = {store_id_, id};
  header.first_sequence = first_sequence;
  header.chain_start = chain;
  FIRN_ASSIGN(auto log, io::AppendLog::create(disk_, born, header));
  // From here on a failure leaves the name in doubt: no second sync may vouch for it.
  Result<void> named = disk_.rename(born, path_of(id));
  if (named) named = disk_.sync_directory(folder_);
  if (!named) {
    failure_ = named.error();
    return named;
  }
  current_ = std::move(log);
  current_id_ = id;
  current_first_ = first_sequence;
  return {};
}

Result<std::unique_ptr<CommitLog>> CommitLog::create(io::Disk& disk, const std::string& folder,
                                                     std::uint64_t store_id, std::uint64_t first_sequence) {
  FIRN_TRY(disk.make_directories(folder));
  std::unique_ptr<CommitLog> log(new CommitLog(disk, folder, store_id));
  FIRN_TRY(log->begin_file(1, first_sequence, 0));
  return log;
}

Result<CommitLog::Recovered> CommitLog::recover(io::Disk& disk, const std::string& folder,
                                                std::uint64_t store_id, std::uint64_t from,
                                                const Visit& visit) {
  Recovered out;
  out.log.reset(new CommitLog(disk, folder, store_id));
  CommitLog& log = *out.log;
  FIRN_ASSIGN(const auto entries, disk.list(folder));
  std::uint64_t id_max = 0;
  std::map<std::uint64_t, Found> by_first;  // first sequence -> the file that counts
  std::vector<std::uint64_t> superseded;
  for (const io::DirEntry& entry : entries) {
    const auto id = id_of(entry.name);
    if (!id) {
      FIRN_TRY(disk.remove(folder + "/" + entry.name));  // *.new, *.tmp: never named
      continue;
    }
    id_max = std::max(id_max, *id);
    io::LogExpectation expect;
    expect.store_id = store_id;
    expect.file_id = *id;
    FIRN_ASSIGN(const auto reader, io::LogReader::open(disk, log.path_of(*id), expect));
    const std::uint64_t first = reader->header().first_sequence;
    auto [slot, fresh] = by_first.try_emplace(first, Found{*id, first});
    if (!fresh) {
      superseded.push_back(std::min(slot->second.id, *id));
      slot->second.id = std::max(slot->second.id, *id);
    }
  }
  if (by_first.empty()) return Error(ErrorCode::corrupt, folder + ": the commit log is missing");
  if (by_first.begin()->first > from)
    return Error(ErrorCode::corrupt, folder + ": the commit log begins at entry " +
                                         std::to_string(by_first.begin()->first) + ", needed from " +
                                         std::to_string(from));

  std::uint64_t next = by_first.begin()->first;
  std::optional<std::uint32_t> chain;
  for (auto it = by_first.begin(); it != by_first.end(); ++it) {
    const auto& [first, found] = *it;
    const bool last = std::next(it) == by_first.end();
    io::LogExpectation expect;
    expect.store_id = store_id;
    expect.file_id = found.id;
    expect.first_sequence = next;
    expect.chain_start = chain;
    expect.must_be_sealed = false;
    const std::string path = log.path_of(found.id);
    FIRN_ASSIGN(const auto reader, io::LogReader::open(disk, path, expect));
    io::TailInfo tail;
    for (bool more = true; more;) {
      io::LogStep step = reader->next();
      if (auto* record = std::get_if<io::LogRecord>(&step)) {
        if (record->position.sequence < from) continue;
        FIRN_TRY(visit(record->position.sequence, record->payload));
        out.groups += 1;
      } else if (auto* end = std::get_if<io::TailInfo>(&step)) {
        tail = *end;
        more = false;
      } else {
        return std::get<Error>(step);
      }
    }
    if (!tail.sealed && !last)
      return Error(ErrorCode::corrupt, path + ": not sealed at offset " + std::to_string(tail.end.offset) +
                                           ", though a later file follows");
    next = tail.end.sequence + 1;
    chain = tail.end.chain;
    std::uint64_t sealed_id = found.id;
    if (!tail.sealed) {
      out.bytes_dropped += tail.bytes_dropped;
      sealed_id = ++id_max;
      io::RewriteRequest request;
      request.expect = expect;
      request.new_file_id = sealed_id;
      FIRN_ASSIGN(const io::RewrittenLog rewritten,
                  io::rewrite_tail(disk, path, log.path_of(sealed_id), request));
      chain = rewritten.end.chain;  // seeded with the new file's id: other values than the old file's
      superseded.push_back(found.id);
    }
    log.sealed_.push_back({sealed_id, first, tail.end.offset});
  }
  for (const std::uint64_t id : superseded) FIRN_TRY(disk.remove(log.path_of(id)));
  FIRN_TRY(disk.sync_directory(folder));
  FIRN_TRY(log.begin_file(++id_max, next, chain.value_or(0)));
  return out;
}

Result<std::uint64_t> CommitLog::append(std::span<const std::uint8_t> group) {
  if (failure_) return *failure_;
  if (between_) FIRN_TRY(roll());
  FIRN_ASSIGN(const io::EntryPosition at, current_->append_and_sync(group, kGroupKind));
  return at.sequence;
}

Result<void> CommitLog::roll() {
  if (failure_) return *failure_;
  const std::uint64_t next = current_->last_sequence() + 1;
  if (!between_) {
    if (next == current_first_) return {};  // nothing in it
    FIRN_TRY(current_->seal());
    sealed_.push_back({current_id_, current_first_, current_->end()});
    between_ = true;
  }
  FIRN_TRY(begin_file(current_id_ + 1, next, current_->chain()));
  between_ = false;
  return {};
}

Result<void> CommitLog::seal() { return between_ ? Result<void>() : current_->seal(); }

Result<void> CommitLog::remove_before(std::uint64_t sequence) {
  bool removed = false;
  while (!sealed_.empty()) {
    const std::uint64_t next_first = sealed_.size() > 1 ? sealed_[1].first_sequence : current_first_;
    if (next_first > sequence) break;
    FIRN_TRY(disk_.remove(path_of(sealed_.front().id)));
    sealed_.erase(sealed_.begin());
    removed = true;
  }
  if (removed) FIRN_TRY(disk_.sync_directory(folder_));
  return {};
}

std::uint64_t CommitLog::last_sequence() const { return current_->last_sequence(); }

std::uint64_t CommitLog::bytes() const {
  std::uint64_t sum = current_->end();
  for (const Sealed& s : sealed_) sum += s.bytes;
  return sum;
}

}  // namespace firn::storage
