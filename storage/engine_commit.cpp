// Commits: records get their numbers, are applied to LMDB in a transaction, logged with one append and one sync for all
// of them, and become visible; in this order.
#include <algorithm>

#include "storage/apply_records.hpp"
#include "storage/engine.hpp"

namespace firn::storage {

void Engine::fail(const Error& error) {
  std::lock_guard lock(reason_mutex_);
  if (read_only_reason_.empty()) read_only_reason_ = error.message();
  note("table " + name + " takes no more writes: " + read_only_reason_);
}

std::string Engine::read_only_reason() const {
  std::lock_guard lock(reason_mutex_);
  return read_only_reason_;
}

Result<void> Engine::check_open() const {
  if (closed_) return Error(ErrorCode::closed, "table " + name + " is closed");
  return {};
}

bool Engine::is_small(const Batch& rows) const {
  const View v = view();
  const HybridTableConfig& c = v.catalog->config;
  if (c.placement == StorageTier::hot) return true;
  // Kept in another tier they pass through hot all the same: a block for each row would be the end of it.
  return static_cast<std::uint64_t>(rows.rows()) <= c.small_write_rows &&
         rows.byte_size() <= c.small_write_bytes;
}

CatalogPtr Engine::next_catalog(const Catalog& now, const LogRecord& record, std::uint64_t rows_csn) {
  auto next = std::make_shared<Catalog>(now);
  for (const std::uint64_t id : record.retires)
    std::erase_if(next->files, [&](const FileEntryPtr& f) { return f->info.id == id; });
  for (const RowFileInfo& info : record.adds) next->files.push_back(make_entry(info));
  std::sort(next->files.begin(), next->files.end(),
            [](const FileEntryPtr& a, const FileEntryPtr& b) { return a->info.id < b->info.id; });
  if (record.schema) next->schemas = std::make_shared<SchemaHistory>(now.schemas->with(*record.schema));
  if (record.config) next->config = *record.config;
  next->horizon = std::max(next->horizon, record.horizon);
  if (Cursors cursors = *now.cursors; follow(cursors, record, rows_csn))
    next->cursors = std::make_shared<Cursors>(std::move(cursors));
  // A purge of superseded versions changes nothing that a job or an image relies on; one of tombstones does.
  const bool tombstones = std::any_of(record.purges.begin(), record.purges.end(),
                                      [](const HotPurge& p) { return p.rule.tombstones; });
  if (!record.drops.empty() || !record.moved_rows.empty() || tombstones) next->hot_epoch += 1;
  return next;
}

/// Requires commit_mutex_. Numbers, logs, applies and publishes the records.
Result<void> Engine::commit_records(std::vector<LogRecord>& records) {
  if (records.empty()) return {};
  const View now = view();
  std::uint64_t csn = now.csn;
  std::int64_t time = std::max(clock->now().us, now.time_us + 1);
  const std::int64_t monotonic_us = clock->monotonic_us();
  for (LogRecord& r : records) {
    r.csn = ++csn;
    r.time_us = time++;
    r.next_file_id = next_file_id_;
    r.next_row_id = next_row_id_;
    if (r.schema) r.schema->csn = r.csn;
    if (r.tier == StorageTier::warm && r.drops.empty() &&
        r.retires.empty()) {  // blocks of a write take its CSN
      for (RowFileInfo& i : r.adds) {
        i.csn_min = i.csn_max = r.csn;
        i.base_csn = r.adds.size() > 1 ? r.csn - 1 : r.csn;
        i.created_us = r.time_us;
      }
    }
  }
  const std::vector<std::uint8_t> group = encode_group(records);
  // Applied before it is logged, in a transaction that is given up if the log refuses: nothing committed is impossible
  // to apply. A map that proves too small is grown once.
  std::optional<hot::HotWriter> writer;
  std::size_t room = group.size() + records.size() * 64;
  for (int attempt = 0;; ++attempt) {
    writer.reset();
    FIRN_ASSIGN(auto begun, begin_write(room));
    writer.emplace(std::move(begun));
    const Result<void> fits = apply_to_hot(*writer, records, log_->last_sequence() + 1);
    if (fits) break;
    if (fits.error().code() != ErrorCode::full || attempt == 3) return fits.error();
    room = std::max(4 * room, hot_->used_bytes());
  }
  View next{now.catalog, csn, records.back().time_us, now.rows_csn};
  for (const LogRecord& r : records) {
    if (!r.adds.empty() || !r.retires.empty() || r.schema || r.config || r.horizon != 0 || !r.drops.empty() ||
        !r.moved_rows.empty() || r.cursor)
      next.catalog = next_catalog(*next.catalog, r, next.rows_csn);
    if (r.row_count != 0) next.rows_csn = r.csn;
  }
  Result<std::uint64_t> sequence = log_->append(group);
  if (!sequence) {
    if (log_->failed()) fail(sequence.error());
    return sequence.error();
  }
  for (const LogRecord& r : records)
    for (const FileEntryPtr& f : now.catalog->files)
      if (std::find(r.retires.begin(), r.retires.end(), f->info.id) != r.retires.end()) f->retired = true;
  ages_.note(records.front().csn, records.front().time_us, monotonic_us);
  bytes_written_ += group.size();
  log_bytes_since_checkpoint_ += group.size();

  for (const LogRecord& r : records) {
    if (r.moved_rows.empty()) continue;
    moves_to_hot_ += 1;
    hot_emptied_to_ = 0;
  }
  Result<void> applied;
  try {
    applied = writer->commit([&] {
      for (const LogRecord& r : records) {
        const auto add = [&](std::string_view key, hot::Op, std::uint64_t own,
                             std::string_view) -> Result<void> {
          delta_.add(own == 0 ? r.csn : own, std::string(key));
          return {};
        };
        (void)visit_rows(r.rows, add).ok();
        (void)visit_rows(r.moved_rows, add).ok();
      }
      std::lock_guard lock(view_mutex_);
      view_ = next;
    });
  } catch (const std::bad_alloc&) {
    applied = Error(ErrorCode::memory, "no memory");
  }
  if (const std::size_t cache = next.catalog->config.tuning.cache_size;
      cache != now.catalog->config.tuning.cache_size)
    cache_share_->set_bytes_max(cache);
  for (const LogRecord& r : records) {
    // A block that no view names yet keeps its log all the same: the commit log does name it.
    if (!applied || r.adds.empty()) continue;
    std::lock_guard blocks(blocks_mutex_);
    for (const RowFileInfo& i : r.adds) {
      const auto log = unnamed_blocks_.find(i.path);
      if (log == unnamed_blocks_.end()) continue;
      log->second.erase(i.id);
      if (log->second.empty()) unnamed_blocks_.erase(log);
    }
  }
  if (!applied) {
    const Error error = applied.error().within("committed, not yet visible (reopen the database to see it)");
    fail(error);
    return error;
  }
  return {};
}

std::vector<Result<CommitInfo>> Engine::commit(std::span<WriteRequest> requests) {
  std::vector<Result<CommitInfo>> answers(requests.size(), Error(ErrorCode::internal, "not answered"));
  relieve_delta();
  std::lock_guard lock(commit_mutex_);
  std::vector<LogRecord> records;
  std::vector<std::size_t> owners;
  const auto flush = [&] {
    const Result<void> done = [&]() -> Result<void> {
      try {
        return commit_records(records);
      } catch (const std::bad_alloc&) {
        // Before the append: behind it nothing is allocated that is not caught there.
        return Error(ErrorCode::memory, "no memory for the write");
      }
    }();
    for (std::size_t i = 0; i < records.size(); ++i) {
      if (done)
        answers[owners[i]] = CommitInfo{Csn{records[i].csn}, Timestamp{records[i].time_us}, records[i].tier,
                                        records[i].row_count, false};
      else
        answers[owners[i]] = done.error();
      // After a failure that makes the table read-only nobody knows what the log holds: the files stay.
      if (!done && read_only_reason().empty()) discard(records[i].adds);
    }
    records.clear();
    owners.clear();
  };
  for (std::size_t i = 0; i < requests.size(); ++i) {
    WriteRequest& request = requests[i];
    if (Result<void> r = check_open(); !r) {
      answers[i] = r.error();
      continue;
    }
    if (const std::string why = read_only_reason(); !why.empty()) {
      answers[i] = Error(ErrorCode::read_only, why);
      discard(request.blocks);
      continue;
    }
    // A condition is decided against all that is sequenced before it.
    const bool conditional = request.mode != WriteMode::upsert || request.if_unchanged_since ||
                             request.token || request.kind == WriteRequest::Kind::remove_where ||
                             request.kind == WriteRequest::Kind::alter ||
                             request.kind == WriteRequest::Kind::cursor;
    if (conditional && !records.empty()) flush();
    try {
      CommitInfo answer;
      Result<LogRecord> record = record_of(request, answer);
      if (!record) {
        answers[i] = record.error();
        discard(request.blocks);
      } else if (answer.repeated) {
        answers[i] = answer;
        discard(request.blocks);
      } else if (record->row_count == 0 && !record->config && !record->schema && !record->cursor) {
        const View now = view();
        answers[i] = CommitInfo{Csn{now.csn}, Timestamp{now.time_us}, StorageTier::none, 0, false};
      } else {
        if (request.kind == WriteRequest::Kind::rows) bytes_ingested_ += request.rows.byte_size();
        records.push_back(std::move(*record));
        owners.push_back(i);
        if (records.back().schema) flush();  // what follows is decided under the new schema
      }
    } catch (const Error& e) {
      answers[i] = e;
      discard(request.blocks);
    } catch (const std::bad_alloc&) {
      answers[i] = Error(ErrorCode::memory, "no memory for the write");
      discard(request.blocks);
    }
  }
  flush();
  return answers;
}

Result<void> Engine::publish_locked(std::vector<LogRecord>& records, std::span<const FileEntryPtr> inputs,
                                    std::optional<std::uint64_t> hot_epoch) {
  FIRN_TRY(check_open());
  if (const std::string why = read_only_reason(); !why.empty()) return Error(ErrorCode::read_only, why);
  if (hot_epoch && *hot_epoch != view().catalog->hot_epoch)
    return Error(ErrorCode::conflict, "rows were moved into or out of the hot tier meanwhile");
  for (const FileEntryPtr& f : inputs) {
    if (f->retired) return Error(ErrorCode::conflict, "an input of the job was replaced meanwhile");
    records.front().retires.push_back(f->info.id);
  }
  return commit_records(records);
}

Result<void> Engine::publish(LogRecord record, std::span<const FileEntryPtr> inputs,
                             std::optional<std::uint64_t> hot_epoch) {
  std::vector<LogRecord> records;
  records.push_back(std::move(record));
  Result<void> published = [&] {
    std::lock_guard lock(commit_mutex_);
    return publish_locked(records, inputs, hot_epoch);
  }();
  if (!published) {
    // After a failure that makes the table read-only nobody knows what the log holds: the files stay.
    if (read_only_reason().empty()) discard(records.front().adds);
    return published;
  }
  // Unpublished now: names go when the last reader lets go of them.
  for (const FileEntryPtr& f : inputs) {
    std::lock_guard blocks(blocks_mutex_);
    if (named_in_catalog(f->info.path) || unnamed_blocks_.contains(f->info.path)) continue;
    open_logs_.erase(f->info.path);  // if it is being written, the next block begins another
    f->name->doom();
  }
  close_dead_logs();
  return {};
}

}  // namespace firn::storage
