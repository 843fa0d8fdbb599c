// Writes: requests become log records in log order, one append and one sync for all of them, then one LMDB transaction.
#include <algorithm>
#include <cstring>

#include "storage/engine.hpp"
#include "storage/warm/block.hpp"

namespace firn::storage {
namespace {

constexpr std::size_t kBlockRows = 262'144;
constexpr std::uint64_t kTokensKept = 1'024;
constexpr std::size_t kProducerBytesMax = 255;  // it is part of an LMDB key
constexpr std::uint32_t kBlockKind = 1;

struct StoredAnswer {
  std::uint64_t csn;
  std::int64_t time_us;
  std::uint64_t rows;
  std::uint64_t tier;
};

std::string token_key(std::string_view producer, std::uint64_t sequence) {
  std::string key = "k" + std::string(producer);
  key.push_back('\0');
  const std::uint64_t be = __builtin_bswap64(sequence);
  return key.append(reinterpret_cast<const char*>(&be), sizeof be);
}

std::string bytes_of(const void* p, std::size_t n) { return {static_cast<const char*>(p), n}; }

}  // namespace

std::string catalog_key(char kind, std::uint64_t id) {
  std::string key(1, kind);
  const std::uint64_t be = __builtin_bswap64(id);
  return key.append(reinterpret_cast<const char*>(&be), sizeof be);
}

Result<void> apply_to_hot(hot::HotWriter& writer, std::span<const LogRecord> group,
                          std::uint64_t log_sequence) {
  hot::HotState& state = writer.state();
  for (const LogRecord& r : group) {
    const auto put = [&](std::string_view key, hot::Op op, std::uint64_t csn, std::string_view row) {
      return writer.put(key, csn == 0 ? r.csn : csn, op, row);
    };
    FIRN_TRY(visit_rows(r.rows, put));
    FIRN_TRY(visit_rows(r.moved_rows, put));
    for (const HotDrop& d : r.drops) FIRN_TRY(writer.drop(d.key_min, d.key_max, d.csn));
    for (const RowFileInfo& i : r.adds)
      FIRN_TRY(writer.put_catalog(catalog_key('f', i.id), encode_file_info(i)));
    for (const std::uint64_t id : r.retires) {
      FIRN_TRY(writer.remove_catalog(catalog_key('f', id)));
      FIRN_TRY(writer.remove_catalog(catalog_key('a', id)));
    }
    if (r.schema) {
      FIRN_TRY(writer.put_catalog(catalog_key('v', r.schema->version), encode_schema_version(*r.schema)));
      state.schema_version = r.schema->version;
    }
    if (r.config) FIRN_TRY(writer.put_catalog("c", encode_config(*r.config)));
    if (r.token) {
      const StoredAnswer answer{r.csn, r.time_us, r.row_count, static_cast<std::uint64_t>(r.tier)};
      FIRN_TRY(writer.put_catalog(token_key(r.token->producer, r.token->sequence),
                                  bytes_of(&answer, sizeof answer)));
      if (r.token->sequence >= kTokensKept)
        FIRN_TRY(writer.remove_catalog(token_key(r.token->producer, r.token->sequence - kTokensKept)));
    }
    state.horizon = std::max(state.horizon, r.horizon);
    state.next_file_id = std::max(state.next_file_id, r.next_file_id);
    state.next_row_id = std::max(state.next_row_id, r.next_row_id);
    state.csn = r.csn;
    state.time_us = r.time_us;
    // The oldest CSN that hot may hold: after a drop of everything up to a CSN, the next one at least.
  }
  state.log_sequence = log_sequence;
  if (!group.empty()) {
    const std::uint64_t value[2] = {group.front().csn, group.size()};
    FIRN_TRY(writer.put_catalog(catalog_key('t', static_cast<std::uint64_t>(group.front().time_us)),
                                bytes_of(value, sizeof value)));
  }
  return {};
}

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
  if (c.placement != StorageTier::none) return false;
  return static_cast<std::uint64_t>(rows.rows()) <= c.small_write_rows &&
         rows.byte_size() <= c.small_write_bytes;
}

// --- blocks ----------------------------------------------------------------------------------------------------------

std::shared_ptr<DiskName> Engine::name_of_path(const std::string& path) {
  std::lock_guard lock(names_mutex_);
  std::weak_ptr<DiskName>& slot = names_[path];
  if (auto known = slot.lock()) return known;
  auto fresh = std::make_shared<DiskName>(disk, at(path));
  slot = fresh;
  return fresh;
}

FileEntryPtr Engine::make_entry(const RowFileInfo& info) {
  return std::make_shared<FileEntry>(disk, folder, store_id, info, name_of_path(info.path));
}

/// Requires warm_mutex_.
Result<void> Engine::ensure_warm_log() {
  if (warm_log_ && !warm_log_->failure() && warm_log_->end() < options.warm_log_bytes) return {};
  if (warm_log_ && !warm_log_->failure()) FIRN_TRY(warm_log_->seal());
  warm_log_.reset();
  warm_name_.reset();
  const std::uint64_t id = next_file_id_++;
  char path[40];
  std::snprintf(path, sizeof path, "warm/%08llx.log", static_cast<unsigned long long>(id));
  io::LogFileHeader header;
  header.identity = {store_id, id};
  FIRN_ASSIGN(warm_log_, io::AppendLog::create(*disk, at(path), header));
  warm_name_ = name_of_path(path);
  return {};
}

Result<std::vector<RowFileInfo>> Engine::append_blocks(const Batch& rows, std::span<const std::uint64_t> csns,
                                                       std::span<const std::uint64_t> ends,
                                                       const Buffer& tombstones, bool history) {
  std::vector<RowFileInfo> infos;
  const auto total = static_cast<std::size_t>(rows.rows());
  std::vector<warm::EncodedBlock> blocks;
  const bool whole = total <= kBlockRows;
  for (std::size_t first = 0; first < total; first += kBlockRows) {
    const std::size_t count = std::min(kBlockRows, total - first);
    RowFileInfo info;
    info.id = next_file_id_++;
    info.tier = StorageTier::warm;
    info.history = history;
    info.schema_version = view().catalog->schema_version;
    info.block_number = infos.size();
    warm::BlockOptions block_options;
    block_options.store_id = store_id;
    FIRN_CHECK(whole || (csns.empty() && tombstones.empty()));  // moves give one block at a time
    const Batch part = whole ? rows : rows.slice(first, count);
    Result<warm::EncodedBlock> block = [&]() -> Result<warm::EncodedBlock> {
      if (!csns.empty() || history)
        return warm::encode_block({part, csns, ends, tombstones, history, nullptr}, info, block_options);
      warm::KeyOrder order;
      FIRN_ASSIGN(const Batch unique, warm::drop_duplicate_keys(part, &order));
      // A tombstone block comes from a list of distinct keys: no row of it was dropped.
      return warm::encode_block({unique, {}, {}, tombstones, false, &order}, info, block_options);
    }();
    if (!block) return block.error();
    infos.push_back(block->info);
    blocks.push_back(std::move(*block));
  }
  std::lock_guard lock(warm_mutex_);
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    FIRN_TRY(ensure_warm_log());
    std::vector<std::span<const std::uint8_t>> parts;
    for (const Buffer& b : blocks[i].parts) parts.push_back(b.bytes());
    FIRN_ASSIGN(const io::EntryPosition position, warm_log_->append(parts, kBlockKind));
    infos[i].path = warm_name_->path().substr(folder.size() + 1);
    infos[i].offset = position.payload_offset;
    unnamed_blocks_[infos[i].path].insert(infos[i].id);
    bytes_written_ += position.length;
  }
  FIRN_TRY(warm_log_->sync());
  return infos;
}

Result<std::vector<RowFileInfo>> Engine::prepare_blocks(const Batch& rows) {
  FIRN_TRY(check_open());
  if (const std::string why = read_only_reason(); !why.empty()) return Error(ErrorCode::read_only, why);
  Batch batch = rows;
  if (batch.schema().has_row_key()) {
    const auto count = static_cast<std::uint64_t>(batch.rows());
    const std::uint64_t first = next_row_id_.fetch_add(count);
    ColumnBuilder ids(TypeId::u64);
    for (std::uint64_t i = 0; i < count; ++i) ids.append_fixed(first + i);
    std::vector<Column> columns = batch.columns();
    columns.back() = ids.finish();
    batch = Batch(batch.schema(), batch.rows(), std::move(columns));
  }
  bytes_ingested_ += batch.byte_size();
  return append_blocks(batch, {}, {}, {}, false);
}

// --- requests to records -----------------------------------------------------------------------------------------------

Result<std::string> Engine::key_at(const Batch& rows, std::size_t row) const {
  std::string key;
  FIRN_TRY(encode_key(rows.schema(), rows, row, key));
  return key;
}

Result<std::string> Engine::key_text(std::string_view key) const {
  FIRN_ASSIGN(const Key values, decode_key(view().catalog->schema(), key));
  std::string text;
  for (const Value& v : values) text += (text.empty() ? "" : ", ") + v.to_string();
  return text;
}

Result<LogRecord> Engine::record_of_rows(WriteRequest& request) {
  const View now = view();
  const hot::RowLayout& layout = *now.catalog->layout;
  LogRecord record;
  record.tier = StorageTier::hot;
  std::string row;
  if (request.mode == WriteMode::update) {
    FIRN_ASSIGN(const auto rows, completed_rows(request.rows));
    std::map<std::string, std::size_t> updates;  // key -> its last row
    for (std::size_t i = 0; i < rows.size(); ++i) {
      Key key;
      for (const std::size_t k : layout.schema().key()) key.push_back(rows[i][k]);
      FIRN_ASSIGN(std::string encoded, encode_key(layout.schema(), key));
      updates[std::move(encoded)] = i;
    }
    for (const auto& [key, i] : updates) {
      row.clear();
      layout.encode(rows[i], row);
      append_row(record.rows, key, hot::Op::put, 0, row);
    }
    record.row_count = rows.size();
    return record;
  }
  const Batch& batch = request.rows;
  if (!(batch.schema() == layout.schema()))
    return Error(ErrorCode::invalid_argument,
                 "table " + name + ": the batch's columns are not the table's: (" +
                     batch.schema().to_string() + ") instead of (" + layout.schema().to_string() + ")");
  const auto count = static_cast<std::size_t>(batch.rows());
  std::vector<std::pair<std::string, std::size_t>>
      last;  // key -> its last row: of two rows with one key the later wins
  last.reserve(count);
  const bool row_key = layout.schema().has_row_key();
  std::vector<Value> values;
  for (std::size_t i = 0; i < count; ++i) {
    if (row_key) {
      values.clear();
      for (std::size_t c = 0; c + 1 < layout.schema().size(); ++c) values.push_back(batch[c].value_at(i));
      values.emplace_back(std::uint64_t{next_row_id_++});
      FIRN_ASSIGN(std::string key, encode_key(layout.schema(), std::span<const Value>(&values.back(), 1)));
      row.clear();
      layout.encode(values, row);
      append_row(record.rows, key, hot::Op::put, 0, row);
    } else {
      FIRN_ASSIGN(std::string key, key_at(batch, i));
      last.emplace_back(std::move(key), i);
    }
  }
  record.row_count = count;
  std::sort(last.begin(), last.end());
  for (std::size_t i = 0; i < last.size(); ++i) {
    if (i + 1 < last.size() && last[i].first == last[i + 1].first) continue;
    row.clear();
    layout.encode(batch, last[i].second, row);
    append_row(record.rows, last[i].first, hot::Op::put, 0, row);
  }
  return record;
}

Result<std::vector<std::vector<Value>>> Engine::completed_rows(const Batch& partial) {
  const View now = view();
  const Schema& schema = now.catalog->schema();
  std::vector<std::size_t> target;
  for (const ColumnSchema& c : partial.schema().columns()) {
    const auto at = schema.find(c.name);
    if (!at) return Error(ErrorCode::not_found, "table " + name + " has no column " + c.name);
    target.push_back(*at);
  }
  std::vector<std::vector<Value>> rows;
  for (std::size_t i = 0; i < static_cast<std::size_t>(partial.rows()); ++i) {
    std::vector<Value> given(schema.size());
    for (std::size_t c = 0; c < target.size(); ++c) {
      FIRN_ASSIGN(given[target[c]], [&]() -> Result<Value> {
        const Value v = partial[c].value_at(i);
        return v.is_null() ? Result<Value>(v) : v.cast(schema[target[c]].type);
      }());
    }
    Key key;
    for (const std::size_t k : schema.key()) key.push_back(given[k]);
    FIRN_ASSIGN(const std::string encoded, encode_key(schema, key));
    ReadCost cost;
    FIRN_ASSIGN(auto row, get(now.csn, encoded, cost));
    if (!row) {
      FIRN_ASSIGN(const std::string text, key_text(encoded));
      return Error(ErrorCode::not_found,
                   "table " + name + ": update of a row that is not there, key " + text);
    }
    for (const std::size_t t : target) (*row)[t] = given[t];
    rows.push_back(std::move(*row));
  }
  return rows;
}

Result<LogRecord> Engine::record_of_blocks(const WriteRequest& request) {
  LogRecord record;
  record.tier = StorageTier::warm;
  record.adds = request.blocks;
  for (RowFileInfo& i : record.adds) {
    i.block_number =
        static_cast<std::uint64_t>(&i - record.adds.data());  // they may come from several preparations
    record.row_count += i.rows;
  }
  return record;
}

Result<LogRecord> Engine::record_of_removal(std::vector<std::string> keys) {
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  const View now = view();
  const Schema& schema = now.catalog->schema();
  LogRecord record;
  record.row_count = keys.size();
  if (keys.size() <= now.catalog->config.small_write_rows) {
    record.tier = StorageTier::hot;
    for (const std::string& key : keys) append_row(record.rows, key, hot::Op::tombstone, 0, {});
    return record;
  }
  record.tier = StorageTier::warm;
  std::vector<ColumnBuilder> builders;
  for (const ColumnSchema& c : schema.columns()) builders.emplace_back(c.type);
  for (std::size_t first = 0; first < keys.size(); first += kBlockRows) {
    const std::size_t count = std::min(kBlockRows, keys.size() - first);
    for (std::size_t i = first; i < first + count; ++i) {
      FIRN_ASSIGN(const Key key, decode_key(schema, keys[i]));
      for (std::size_t c = 0; c < schema.size(); ++c) {
        const auto k = std::find(schema.key().begin(), schema.key().end(), c);
        if (k == schema.key().end()) {
          builders[c].append_null();
        } else {
          FIRN_TRY(builders[c].append(key[static_cast<std::size_t>(k - schema.key().begin())]));
        }
      }
    }
    std::vector<Column> columns;
    for (ColumnBuilder& b : builders) columns.push_back(b.finish());
    MutableBuffer bits(bitmap_bytes(count));
    for (std::size_t i = 0; i < count; ++i) set_bit(bits.data(), i);
    FIRN_ASSIGN(auto infos, append_blocks(Batch(schema, static_cast<std::int64_t>(count), std::move(columns)),
                                          {}, {}, bits.freeze(), false));
    for (RowFileInfo& i : infos) {
      i.block_number = record.adds.size();
      record.adds.push_back(std::move(i));
    }
  }
  return record;
}

Result<std::optional<CommitInfo>> Engine::known_token(const WriteToken& token) {
  FIRN_ASSIGN(const ReadContext context, begin_read());
  FIRN_ASSIGN(const auto stored, context.hot.catalog(token_key(token.producer, token.sequence)));
  if (stored && stored->size() == sizeof(StoredAnswer)) {
    StoredAnswer a;
    std::memcpy(&a, stored->data(), sizeof a);
    return std::optional<CommitInfo>(
        CommitInfo{Csn{a.csn}, Timestamp{a.time_us}, static_cast<StorageTier>(a.tier), a.rows, true});
  }
  const std::string prefix = token_key(token.producer, 0).substr(0, token.producer.size() + 2);
  FIRN_ASSIGN(const auto newest,
              context.hot.catalog_at_or_before(prefix, token_key(token.producer, ~std::uint64_t{0})));
  if (newest) {
    std::uint64_t be;
    std::memcpy(&be, newest->first.data() + newest->first.size() - sizeof be, sizeof be);
    if (__builtin_bswap64(be) >= token.sequence + kTokensKept)
      return Error(ErrorCode::horizon, "token " + token.producer + "/" + std::to_string(token.sequence) +
                                           " is older than the last " + std::to_string(kTokensKept) +
                                           " sequences that are remembered");
  }
  return std::optional<CommitInfo>{};
}

Result<void> Engine::check_conditions(const WriteRequest& request) {
  const bool insert = request.mode == WriteMode::insert;
  if (!insert && !request.if_unchanged_since) return {};
  const View now = view();
  const auto check_key = [&](const std::string& key) -> Result<void> {
    ReadCost cost;
    if (insert) {
      FIRN_ASSIGN(const auto row, get(now.csn, key, cost));
      if (row) {
        FIRN_ASSIGN(const std::string text, key_text(key));
        return Error(ErrorCode::already_exists, "table " + name + ": key " + text + " exists already");
      }
    }
    if (request.if_unchanged_since && *request.if_unchanged_since < Csn{now.csn}) {
      FIRN_ASSIGN(const ReadContext context, begin_read());
      FIRN_ASSIGN(const auto version, context.hot.get(key, now.csn));
      std::uint64_t newest = version ? version->csn : 0;
      for (const FileEntryPtr& f : context.view.catalog->files) {
        if (f->info.csn_max <= request.if_unchanged_since->value || !ranges_overlap(f->info, key, key))
          continue;
        FIRN_ASSIGN(const auto file, f->open());
        FIRN_ASSIGN(const auto row, file->find(key, now.csn, cost));
        if (!row) continue;
        FIRN_ASSIGN(const auto point, file->row(*row, {}, cost));
        newest = std::max(newest, point.csn);
      }
      if (newest > request.if_unchanged_since->value) {
        FIRN_ASSIGN(const std::string text, key_text(key));
        return Error(ErrorCode::conflict, "table " + name + ": key " + text + " was changed by commit " +
                                              std::to_string(newest) + ", after " +
                                              std::to_string(request.if_unchanged_since->value));
      }
    }
    return {};
  };
  if (request.kind == WriteRequest::Kind::rows && !request.rows.schema().has_row_key()) {
    for (std::size_t i = 0; i < static_cast<std::size_t>(request.rows.rows()); ++i) {
      FIRN_ASSIGN(const std::string key, key_at(request.rows, i));
      FIRN_TRY(check_key(key));
    }
  } else if (request.kind == WriteRequest::Kind::remove_keys) {
    for (const std::string& key : request.remove_keys) FIRN_TRY(check_key(key));
  } else if (request.kind == WriteRequest::Kind::blocks) {
    for (const RowFileInfo& info : request.blocks) {
      FIRN_ASSIGN(const auto file, make_entry(info)->open());
      FIRN_ASSIGN(const auto keys, file->keys());
      std::string scratch;
      for (std::size_t i = 0; i < keys->keys.size(); ++i)
        FIRN_TRY(check_key(std::string(keys->keys.at(i, scratch))));
    }
  }
  return {};
}

Result<LogRecord> Engine::record_of(WriteRequest& request, CommitInfo& answer) {
  if (request.token) {
    if (request.token->producer.empty() || request.token->producer.size() > kProducerBytesMax)
      return Error(ErrorCode::invalid_argument, "a token's producer has 1 to " +
                                                    std::to_string(kProducerBytesMax) + " bytes, not " +
                                                    std::to_string(request.token->producer.size()));
    FIRN_ASSIGN(const auto known, known_token(*request.token));
    if (known) {
      answer = *known;
      return LogRecord{};
    }
  }
  FIRN_TRY(check_conditions(request));
  Result<LogRecord> record = [&]() -> Result<LogRecord> {
    switch (request.kind) {
      case WriteRequest::Kind::rows:
        return record_of_rows(request);
      case WriteRequest::Kind::blocks:
        return record_of_blocks(request);
      case WriteRequest::Kind::remove_keys:
        return record_of_removal(std::move(request.remove_keys));
      case WriteRequest::Kind::remove_where: {
        FIRN_ASSIGN(request.remove_keys, keys_where(request.remove_where));
        request.kind = WriteRequest::Kind::remove_keys;
        FIRN_TRY(check_conditions(request));
        return record_of_removal(std::move(request.remove_keys));
      }
      case WriteRequest::Kind::config: {
        LogRecord r;
        r.config = request.config;
        return r;
      }
    }
    return Error(ErrorCode::invalid_argument, "unknown kind of write");
  }();
  if (record && request.token) record->token = RecordToken{request.token->producer, request.token->sequence};
  return record;
}

// --- committing --------------------------------------------------------------------------------------------------------

CatalogPtr Engine::next_catalog(const Catalog& now, const LogRecord& record) {
  auto next = std::make_shared<Catalog>(now);
  for (const std::uint64_t id : record.retires) {
    std::erase_if(next->files, [&](const FileEntryPtr& f) {
      if (f->info.id != id) return false;
      f->retired = true;
      return true;
    });
  }
  for (const RowFileInfo& info : record.adds) next->files.push_back(make_entry(info));
  std::sort(next->files.begin(), next->files.end(),
            [](const FileEntryPtr& a, const FileEntryPtr& b) { return a->info.id < b->info.id; });
  if (record.schema) {
    next->schemas[record.schema->version] = record.schema->schema;
    next->schema_version = record.schema->version;
    next->layout = std::make_shared<hot::RowLayout>(record.schema->schema,
                                                    static_cast<std::uint16_t>(record.schema->version));
  }
  if (record.config) next->config = *record.config;
  next->horizon = std::max(next->horizon, record.horizon);
  if (!record.drops.empty() || !record.moved_rows.empty()) next->hot_epoch += 1;
  return next;
}

/// Requires commit_mutex_. Numbers, logs, applies and publishes the records.
Result<void> Engine::commit_records(std::vector<LogRecord>& records) {
  if (records.empty()) return {};
  const View now = view();
  std::uint64_t csn = now.csn;
  std::int64_t time = std::max(clock->now().us, now.time_us + 1);
  for (LogRecord& r : records) {
    r.csn = ++csn;
    r.time_us = time++;
    r.next_file_id = next_file_id_;
    r.next_row_id = next_row_id_;
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
    FIRN_ASSIGN(auto begun, hot_->write(room));
    writer.emplace(std::move(begun));
    const Result<void> fits = apply_to_hot(*writer, records, log_->last_sequence() + 1);
    if (fits) break;
    if (fits.error().code() != ErrorCode::full || attempt == 3) return fits.error();
    room = std::max(4 * room, hot_->used_bytes());
  }
  View next{now.catalog, csn, records.back().time_us};
  for (const LogRecord& r : records)
    if (!r.adds.empty() || !r.retires.empty() || r.schema || r.config || r.horizon != 0 || !r.drops.empty() ||
        !r.moved_rows.empty())
      next.catalog = next_catalog(*next.catalog, r);
  Result<std::uint64_t> sequence = log_->append(group);
  if (!sequence) {
    for (const LogRecord& r : records)  // next_catalog marked them; they stay
      for (const FileEntryPtr& f : now.catalog->files)
        if (std::find(r.retires.begin(), r.retires.end(), f->info.id) != r.retires.end()) f->retired = false;
    if (log_->failed()) fail(sequence.error());
    return sequence.error();
  }
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
  {
    std::lock_guard warm(warm_mutex_);
    for (const LogRecord& r : records) {
      for (const RowFileInfo& i : r.adds) {
        const auto log = unnamed_blocks_.find(i.path);
        if (log == unnamed_blocks_.end()) continue;
        log->second.erase(i.id);
        if (log->second.empty()) unnamed_blocks_.erase(log);
      }
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
  std::lock_guard lock(commit_mutex_);
  std::vector<LogRecord> records;
  std::vector<std::size_t> owners;
  const auto flush = [&] {
    const Result<void> done = commit_records(records);
    for (std::size_t i = 0; i < records.size(); ++i) {
      if (done)
        answers[owners[i]] = CommitInfo{Csn{records[i].csn}, Timestamp{records[i].time_us}, records[i].tier,
                                        records[i].row_count, false};
      else
        answers[owners[i]] = done.error();
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
      continue;
    }
    // A condition is decided against all that is sequenced before it.
    const bool conditional = request.mode != WriteMode::upsert || request.if_unchanged_since ||
                             request.token || request.kind == WriteRequest::Kind::remove_where;
    if (conditional && !records.empty()) flush();
    try {
      CommitInfo answer;
      Result<LogRecord> record = record_of(request, answer);
      if (!record) {
        answers[i] = record.error();
      } else if (answer.repeated) {
        answers[i] = answer;
      } else if (record->row_count == 0 && !record->config) {
        const View now = view();
        answers[i] = CommitInfo{Csn{now.csn}, Timestamp{now.time_us}, StorageTier::none, 0, false};
      } else {
        if (request.kind == WriteRequest::Kind::rows) bytes_ingested_ += request.rows.byte_size();
        records.push_back(std::move(*record));
        owners.push_back(i);
      }
    } catch (const Error& e) {
      answers[i] = e;
    } catch (const std::bad_alloc&) {
      answers[i] = Error(ErrorCode::memory, "no memory for the write");
    }
  }
  flush();
  return answers;
}

Result<void> Engine::publish(LogRecord record, std::span<const FileEntryPtr> inputs,
                             std::optional<std::uint64_t> hot_epoch) {
  std::lock_guard lock(commit_mutex_);
  FIRN_TRY(check_open());
  if (const std::string why = read_only_reason(); !why.empty()) return Error(ErrorCode::read_only, why);
  if (hot_epoch && *hot_epoch != view().catalog->hot_epoch)
    return Error(ErrorCode::conflict, "rows were moved into or out of the hot tier meanwhile");
  for (const FileEntryPtr& f : inputs) {
    if (f->retired) return Error(ErrorCode::conflict, "an input of the job was replaced meanwhile");
    record.retires.push_back(f->info.id);
  }
  std::vector<LogRecord> records;
  records.push_back(std::move(record));
  FIRN_TRY(commit_records(records));
  // Unpublished now: names go when the last reader lets go of them.
  const View now = view();
  for (const FileEntryPtr& f : inputs) {
    const bool shared = std::any_of(now.catalog->files.begin(), now.catalog->files.end(),
                                    [&](const FileEntryPtr& g) { return g->info.path == f->info.path; });
    std::lock_guard warm(warm_mutex_);
    if (shared || unnamed_blocks_.contains(f->info.path)) continue;
    if (f->name == warm_name_) {  // the open log holds nothing any more: the next block begins another
      warm_log_.reset();
      warm_name_.reset();
    }
    f->name->doom();
  }
  return {};
}

}  // namespace firn::storage
