// Requests become log records: conditions and tokens are decided here, in log order (D11). The log holds outcomes.
#include <algorithm>
#include <cstring>

#include "storage/apply_records.hpp"
#include "storage/engine.hpp"

namespace firn::storage {
namespace {

constexpr std::size_t kRemovalBlockRows = 262'144;
constexpr std::size_t kProducerBytesMax = 255;  // it is part of an LMDB key

/// What a row that an update inserts holds beside the columns of the batch (`given`): their defaults, else NULL.
Result<std::vector<Value>> row_of_defaults(const Schema& schema, std::span<const std::size_t> given) {
  std::vector<Value> row;
  for (std::size_t c = 0; c < schema.size(); ++c) {
    row.push_back(schema[c].default_value);
    const bool needed = !schema[c].nullable && schema[c].default_value.is_null();
    if (needed && std::find(given.begin(), given.end(), c) == given.end())
      return Error(ErrorCode::invalid_argument,
                   "column " + schema[c].name + " is not null, has no default, and the batch lacks it");
  }
  return row;
}

}  // namespace

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
  const hot::RowLayout& layout = now.catalog->schemas->newest().layout;
  LogRecord record;
  record.tier = StorageTier::hot;
  std::string row;
  if (is_update(request.mode)) {
    FIRN_ASSIGN(const auto rows, completed_rows(request));
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
  record.row_count = static_cast<std::uint64_t>(request.rows.rows());
  if (request.encoded && request.encoded->schema_version == layout.version()) {
    record.rows = std::move(request.encoded->list);
    return record;
  }
  FIRN_ASSIGN(const Batch batch, recast(*now.catalog, request.rows));
  if (!layout.schema().has_row_key()) {
    FIRN_ASSIGN(EncodedRows encoded, encode_rows(layout, batch));
    record.rows = std::move(encoded.list);
    return record;
  }
  std::vector<Value> values;
  for (std::size_t i = 0; i < record.row_count; ++i) {
    values.clear();
    for (std::size_t c = 0; c + 1 < layout.schema().size(); ++c) values.push_back(batch[c].value_at(i));
    values.emplace_back(std::uint64_t{next_row_id_++});
    FIRN_ASSIGN(const std::string key,
                encode_key(layout.schema(), std::span<const Value>(&values.back(), 1)));
    row.clear();
    layout.encode(values, row);
    append_row(record.rows, key, hot::Op::put, 0, row);
  }
  return record;
}

/// Nothing for rows that only their commit can encode: it numbers them, or the schema has changed.
Result<std::optional<EncodedRows>> Engine::encode(const Batch& rows) const {
  const View now = view();
  const hot::RowLayout& layout = now.catalog->schemas->newest().layout;
  if (layout.schema().has_row_key() || rows.schema() != layout.schema()) return std::optional<EncodedRows>{};
  FIRN_ASSIGN(EncodedRows encoded, encode_rows(layout, rows));
  return std::optional<EncodedRows>(std::move(encoded));
}

Result<std::vector<std::vector<Value>>> Engine::completed_rows(const WriteRequest& request) {
  const Batch& partial = request.rows;
  const View now = view();
  const Schema& schema = now.catalog->schema();
  std::vector<std::size_t> target;
  for (const ColumnSchema& c : partial.schema().columns()) {
    auto at = request.columns_by_id ? schema.find_id(c.id) : schema.find(c.name);
    if (!at && request.columns_by_id)
      return Error(ErrorCode::not_found,
                   "table " + name + ": column " + c.name + " was dropped before the update was committed");
    if (!at) at = now.catalog->schemas->find_former_name(c.name);
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
      if (request.mode == WriteMode::update)
        return Error(ErrorCode::not_found,
                     "table " + name + ": update of a row that is not there, key " + text);
      if (schema.has_row_key())
        return Error(ErrorCode::invalid_argument,
                     "table " + name + ": there is no row " + text +
                         ", and a table without a key numbers new rows by itself: upsert them");
      auto fresh = row_of_defaults(schema, target);
      if (!fresh) return fresh.error().within("table " + name + ": key " + text + " cannot be inserted");
      row = std::move(*fresh);
    }
    for (const std::size_t t : target) (*row)[t] = given[t];
    rows.push_back(std::move(*row));
  }
  return rows;
}

Result<LogRecord> Engine::record_of_blocks(const WriteRequest& request) {
  LogRecord record;
  record.tier = StorageTier::warm;
  {
    // Recovery removes what nobody has named, and its ids may be given again.
    std::lock_guard blocks(blocks_mutex_);
    for (const RowFileInfo& i : request.blocks) {
      const auto log = unnamed_blocks_.find(i.path);
      if (log == unnamed_blocks_.end() || !log->second.contains(i.id))
        return Error(ErrorCode::conflict,
                     "table " + name +
                         ": the blocks of this write are not those of the open "
                         "table (it was opened again since, or they are committed already): "
                         "write the rows again");
    }
  }
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
  for (std::size_t first = 0; first < keys.size(); first += kRemovalBlockRows) {
    const std::size_t count = std::min(kRemovalBlockRows, keys.size() - first);
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
                                          {}, {}, bits.freeze(), false, now.catalog->schema_version()));
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
  // Below the horizon the tombstones that prove a change may be gone.
  if (request.if_unchanged_since && request.if_unchanged_since->value < now.catalog->horizon)
    return Error(ErrorCode::horizon, "table " + name + ": if_unchanged_since " +
                                         std::to_string(request.if_unchanged_since->value) +
                                         " lies before the history's horizon, CSN " +
                                         std::to_string(now.catalog->horizon) + ": read the rows again");
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
      case WriteRequest::Kind::alter:
        return record_of_change(request.change);
      case WriteRequest::Kind::cursor:
        return record_of_cursor(request.cursor);
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

}  // namespace firn::storage
