#include "storage/apply_records.hpp"

#include <algorithm>
#include <cstring>

namespace firn::storage {
namespace {

// --- the map of commit times: chunks of groups -----------------------------------------------------------------------
// key: 't', time of the chunk's first group (u64, big-endian)
// value: CSN of its first record (u64), then for each group two varints: microseconds since the group before, records.
// The records of a group follow each other by one microsecond, CSNs are dense: nothing else need be said.

// Every commit reads the last chunk and writes it again, so that one is short, some twenty groups; a full one is joined to
// the chunk before it as long as that is below the other bound, so that there are few.
constexpr std::size_t kOpenChunkBytes = 128, kTimeChunkBytes = 1'024;

void append_varint(std::string& to, std::uint64_t v) {
  for (; v >= 0x80; v >>= 7) to.push_back(static_cast<char>(v | 0x80));
  to.push_back(static_cast<char>(v));
}

bool read_varint(std::string_view& from, std::uint64_t& v) {
  v = 0;
  for (unsigned shift = 0; shift < 64 && !from.empty(); shift += 7) {
    const auto byte = static_cast<std::uint8_t>(from.front());
    from.remove_prefix(1);
    v |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return true;
  }
  return false;
}

struct TimedGroup {
  std::uint64_t time_us = 0, csn = 0, records = 0;
};

std::uint64_t big_endian_at(std::string_view key, std::size_t at) {
  std::uint64_t be;
  std::memcpy(&be, key.data() + at, sizeof be);
  return __builtin_bswap64(be);
}

Error damaged_times() { return {ErrorCode::corrupt, "catalog: a record of commit times is damaged"}; }

std::uint64_t first_csn(std::string_view chunk) {
  std::uint64_t csn = 0;
  if (chunk.size() >= sizeof csn) std::memcpy(&csn, chunk.data(), sizeof csn);
  return csn;
}

/// The chunk's last group that does not begin after time_us.
Result<TimedGroup> group_at(std::string_view key, std::string_view chunk, std::uint64_t time_us) {
  if (key.size() != 1 + sizeof(std::uint64_t) || chunk.size() < sizeof(std::uint64_t)) return damaged_times();
  TimedGroup next{big_endian_at(key, 1), first_csn(chunk), 0};
  TimedGroup found;
  chunk.remove_prefix(sizeof(std::uint64_t));
  while (!chunk.empty()) {
    std::uint64_t gap;
    if (!read_varint(chunk, gap) || !read_varint(chunk, next.records)) return damaged_times();
    next.time_us += gap;
    if (next.time_us > time_us) break;
    found = next;
    next.csn += next.records;
  }
  return found;
}

using TimeChunk = std::optional<std::pair<std::string, std::string>>;

/// The last chunk whose first CSN is not above `csn`: CSNs and times ascend together, so times can be halved.
Result<TimeChunk> chunk_of_csn(const hot::HotReader& reader, std::uint64_t csn) {
  TimeChunk found;
  std::uint64_t low = 0, high = static_cast<std::uint64_t>(reader.state().time_us);
  while (low <= high) {
    const std::uint64_t middle = low + (high - low) / 2;
    FIRN_ASSIGN(TimeChunk chunk, reader.catalog_at_or_before("t", catalog_key('t', middle)));
    if (chunk && first_csn(chunk->second) > csn) {
      const std::uint64_t begin = big_endian_at(chunk->first, 1);
      if (begin == 0) break;
      high = begin - 1;
    } else {
      if (chunk) found = std::move(chunk);
      low = middle + 1;
    }
  }
  return found;
}

/// Appends the times of csns[times.size()] and those behind it, as far as the chunk knows them.
Result<void> add_times(const TimeChunk& from, const std::vector<std::uint64_t>& csns,
                       std::vector<std::int64_t>& times) {
  if (!from || from->second.size() < sizeof(std::uint64_t)) return {};
  TimedGroup group{big_endian_at(from->first, 1), first_csn(from->second), 0};
  std::string_view chunk = std::string_view(from->second).substr(sizeof(std::uint64_t));
  while (!chunk.empty() && times.size() < csns.size()) {
    std::uint64_t gap;
    if (!read_varint(chunk, gap) || !read_varint(chunk, group.records)) return damaged_times();
    group.time_us += gap;
    while (times.size() < csns.size() && csns[times.size()] >= group.csn &&
           csns[times.size()] < group.csn + group.records)
      times.push_back(static_cast<std::int64_t>(group.time_us + (csns[times.size()] - group.csn)));
    group.csn += group.records;
  }
  return {};
}

/// Joins a chunk to the one before it, if that has room.
Result<void> join_to_previous(hot::HotWriter& writer, const std::string& key, std::string_view chunk) {
  const std::uint64_t begin = big_endian_at(key, 1);
  if (begin == 0) return {};
  FIRN_ASSIGN(auto previous, writer.catalog_at_or_before("t", catalog_key('t', begin - 1)));
  if (!previous || previous->second.size() + chunk.size() > kTimeChunkBytes) return {};
  FIRN_ASSIGN(const TimedGroup last, group_at(previous->first, previous->second, begin));
  std::uint64_t gap;  // of the chunk's first group: none, it begins the chunk
  chunk.remove_prefix(sizeof(std::uint64_t));
  if (!read_varint(chunk, gap)) return damaged_times();
  append_varint(previous->second, begin - last.time_us);
  previous->second += chunk;
  FIRN_TRY(writer.put_catalog(previous->first, previous->second));
  return writer.remove_catalog(key);
}

Result<void> note_commit_time(hot::HotWriter& writer, std::span<const LogRecord> group) {
  const auto time = static_cast<std::uint64_t>(group.front().time_us);
  FIRN_ASSIGN(auto last, writer.catalog_at_or_before("t", catalog_key('t', time)));
  if (last && last->second.size() >= kOpenChunkBytes) {
    FIRN_TRY(join_to_previous(writer, last->first, last->second));
    last.reset();
  }
  if (last) {
    FIRN_ASSIGN(const TimedGroup before, group_at(last->first, last->second, time));
    append_varint(last->second, time - before.time_us);
  } else {
    const std::uint64_t csn = group.front().csn;
    last.emplace(catalog_key('t', time), std::string(reinterpret_cast<const char*>(&csn), sizeof csn));
    append_varint(last->second, 0);
  }
  append_varint(last->second, group.size());
  return writer.put_catalog(last->first, last->second);
}

/// Forgets chunks that lie wholly before the horizon.
Result<void> forget_commit_times(hot::HotWriter& writer, std::uint64_t horizon) {
  std::vector<std::string> gone;
  std::string before;
  FIRN_TRY(writer.visit_catalog("t", [&](std::string_view key, std::string_view chunk) -> Result<bool> {
    if (first_csn(chunk) > horizon) return false;
    if (!before.empty()) gone.push_back(std::move(before));
    before.assign(key);
    return true;
  }));
  for (const std::string& key : gone) FIRN_TRY(writer.remove_catalog(key));
  return {};
}

// --- cursors -----------------------------------------------------------------------------------------------------------

Result<void> move_cursors(hot::HotWriter& writer, const LogRecord& r) {
  if (!r.cursor && r.row_count != 0) return {};
  Cursors cursors;
  FIRN_TRY(writer.visit_catalog("u", [&](std::string_view, std::string_view bytes) -> Result<bool> {
    FIRN_ASSIGN(CursorChange c, decode_cursor(bytes));
    cursors.emplace(std::move(c.name), c.cursor);
    return true;
  }));
  const Cursors before = cursors;
  if (!follow(cursors, r, writer.state().rows_csn)) return {};
  if (r.cursor && r.cursor->dropped) FIRN_TRY(writer.remove_catalog(cursor_key(r.cursor->name)));
  for (const auto& [name, cursor] : cursors) {
    const auto old = before.find(name);
    if (old != before.end() && old->second == cursor) continue;
    FIRN_TRY(writer.put_catalog(cursor_key(name), encode_cursor({name, cursor})));
  }
  return {};
}

// --- tokens ------------------------------------------------------------------------------------------------------------

Result<void> note_token(hot::HotWriter& writer, const LogRecord& r) {
  const StoredAnswer answer{r.csn, r.time_us, r.row_count, static_cast<std::uint64_t>(r.tier)};
  const std::string key = token_key(r.token->producer, r.token->sequence);
  FIRN_TRY(writer.put_catalog(key, {reinterpret_cast<const char*>(&answer), sizeof answer}));
  if (r.token->sequence < kTokensKept) return {};
  // Sequences may have gaps: all that lies before the window goes.
  const std::uint64_t bound = r.token->sequence - kTokensKept;
  std::vector<std::string> gone;
  const std::string_view prefix = std::string_view(key).substr(0, key.size() - sizeof(std::uint64_t));
  FIRN_TRY(writer.visit_catalog(prefix, [&](std::string_view k, std::string_view) -> Result<bool> {
    if (token_sequence(k) > bound) return false;
    gone.emplace_back(k);
    return true;
  }));
  for (const std::string& k : gone) FIRN_TRY(writer.remove_catalog(k));
  return {};
}

/// What goes must be what was searched and proved to be out of reach; else nothing is changed.
Result<void> apply_purge(hot::HotWriter& writer, const HotPurge& purge, std::uint64_t csn) {
  FIRN_ASSIGN(const Fingerprint dropped, writer.purge(purge.key_min, purge.key_max, purge.rule));
  if (purge.dropped.count == 0 || dropped == purge.dropped) return {};
  return Error(ErrorCode::internal, "the purge of commit " + std::to_string(csn) + " would drop " +
                                        dropped.to_string() + ", found were " + purge.dropped.to_string());
}

Result<void> apply_record(hot::HotWriter& writer, const LogRecord& r) {
  hot::HotState& state = writer.state();
  const auto put = [&](std::string_view key, hot::Op op, std::uint64_t csn, std::string_view row) {
    return writer.put(key, csn == 0 ? r.csn : csn, op, row);
  };
  FIRN_TRY(visit_rows(r.rows, put));
  FIRN_TRY(visit_rows(r.moved_rows, put));
  for (const HotDrop& d : r.drops) FIRN_TRY(writer.drop(d.key_min, d.key_max, d.csn));
  for (const HotPurge& p : r.purges) FIRN_TRY(apply_purge(writer, p, r.csn));
  for (const RowFileInfo& i : r.adds)
    FIRN_TRY(writer.put_catalog(catalog_key('f', i.id), encode_file_info(i)));
  for (const std::uint64_t id : r.retires) {
    FIRN_TRY(writer.remove_catalog(catalog_key('f', id)));
    FIRN_TRY(writer.remove_catalog(catalog_key('a', id)));
    FIRN_TRY(writer.remove_catalog(catalog_key('d', id)));
  }
  if (r.schema) {
    FIRN_TRY(writer.put_catalog(catalog_key('v', r.schema->version), encode_schema_version(*r.schema)));
    state.schema_version = r.schema->version;
  }
  if (r.config) FIRN_TRY(writer.put_catalog("c", encode_config(*r.config)));
  if (r.token) FIRN_TRY(note_token(writer, r));
  FIRN_TRY(move_cursors(writer, r));
  if (r.horizon > state.horizon) {
    state.horizon = r.horizon;
    FIRN_TRY(forget_commit_times(writer, r.horizon));
  }
  state.next_file_id = std::max(state.next_file_id, r.next_file_id);
  state.next_row_id = std::max(state.next_row_id, r.next_row_id);
  state.csn = r.csn;
  if (r.row_count != 0) state.rows_csn = r.csn;
  state.time_us = r.time_us;
  return {};
}

}  // namespace

std::string catalog_key(char kind, std::uint64_t id) {
  std::string key(1, kind);
  const std::uint64_t be = __builtin_bswap64(id);
  return key.append(reinterpret_cast<const char*>(&be), sizeof be);
}

std::string cursor_key(std::string_view name) { return "u" + std::string(name); }

std::string token_key(std::string_view producer, std::uint64_t sequence) {
  std::string key = "k" + std::string(producer);
  key.push_back('\0');
  const std::uint64_t be = __builtin_bswap64(sequence);
  return key.append(reinterpret_cast<const char*>(&be), sizeof be);
}

std::uint64_t token_sequence(std::string_view key) {
  return big_endian_at(key, key.size() - sizeof(std::uint64_t));
}

Result<void> apply_to_hot(hot::HotWriter& writer, std::span<const LogRecord> group,
                          std::uint64_t log_sequence) {
  for (const LogRecord& r : group) FIRN_TRY(apply_record(writer, r));
  writer.state().log_sequence = log_sequence;
  if (group.empty()) return {};
  return note_commit_time(writer, group);
}

Result<std::vector<std::int64_t>> commit_times(const hot::HotReader& reader,
                                               const std::vector<std::uint64_t>& csns) {
  std::vector<std::int64_t> times;
  times.reserve(csns.size());
  while (times.size() < csns.size()) {
    FIRN_ASSIGN(const TimeChunk chunk, chunk_of_csn(reader, csns[times.size()]));
    const std::size_t before = times.size();
    FIRN_TRY(add_times(chunk, csns, times));
    if (times.size() == before)
      return Error(ErrorCode::corrupt,
                   "catalog: the time of CSN " + std::to_string(csns[before]) + " is not recorded");
  }
  return times;
}

Result<std::optional<std::uint64_t>> csn_at_time(const hot::HotReader& reader, std::int64_t time_us) {
  const auto time = static_cast<std::uint64_t>(std::max<std::int64_t>(time_us, 0));
  FIRN_ASSIGN(const auto chunk, reader.catalog_at_or_before("t", catalog_key('t', time)));
  if (!chunk) return std::optional<std::uint64_t>{};
  FIRN_ASSIGN(const TimedGroup group, group_at(chunk->first, chunk->second, time));
  if (group.records == 0) return damaged_times();
  return std::optional<std::uint64_t>(group.csn + std::min(time - group.time_us, group.records - 1));
}

}  // namespace firn::storage
