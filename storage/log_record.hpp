// The commit log's records as plain values, and their FlatBuffers form (schema/log.fbs). Every effect of a commit
// follows from its record alone, so that replay needs no data file.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "schema/buffer.hpp"
#include "storage/cursors.hpp"
#include "storage/hot/hot_store.hpp"
#include "storage/row_file.hpp"
#include "storage/schema_history.hpp"
#include "storage/table_config.hpp"

namespace firn::storage {

struct RecordToken {
  std::string producer;
  std::uint64_t sequence = 0;
};

/// Drops hot versions with CSN <= csn of keys in [key_min, key_max].
struct HotDrop {
  std::string key_min, key_max;
  std::uint64_t csn = 0;
};

/// Drops superseded hot versions of keys in [key_min, key_max] that nobody can read any more.
struct HotPurge {
  std::string key_min, key_max;
  hot::PurgeRule rule;
  Fingerprint dropped;  ///< what it must come to; of nothing: not known
};

struct LogRecord {
  std::uint64_t csn = 0;
  std::int64_t time_us = 0;
  StorageTier tier = StorageTier::none;
  std::uint64_t row_count = 0;
  std::optional<RecordToken> token;
  std::string rows;  ///< row list: hot versions with this record's CSN
  std::vector<RowFileInfo> adds;
  std::vector<std::uint64_t> retires;
  std::vector<HotDrop> drops;
  std::string moved_rows;  ///< row list: hot versions with CSNs of their own
  std::optional<SchemaVersion> schema;
  std::optional<HybridTableConfig> config;
  std::uint64_t horizon = 0;  ///< 0: unchanged
  std::uint64_t next_file_id = 0, next_row_id = 0;
  std::vector<HotPurge> purges;
  std::optional<CursorChange> cursor;
};

/// Row list: u16 key length | u8 op | u32 row length | u64 CSN (0: the record's) | key | row, one behind another.
void append_row(std::string& list, std::string_view key, hot::Op op, std::uint64_t csn, std::string_view row);
/// Error {corrupt} if the list is damaged.
Result<void> visit_rows(std::string_view list,
                        const std::function<Result<void>(std::string_view key, hot::Op op, std::uint64_t csn,
                                                         std::string_view row)>& visit);

std::vector<std::uint8_t> encode_group(std::span<const LogRecord> records);
/// Verifies before use. Error {corrupt}.
Result<std::vector<LogRecord>> decode_group(std::span<const std::uint8_t> bytes);

// The catalog's values use the same tables.
std::string encode_file_info(const RowFileInfo& info);
Result<RowFileInfo> decode_file_info(std::string_view bytes);
std::string encode_schema_version(const SchemaVersion& version);
Result<SchemaVersion> decode_schema_version(std::string_view bytes);
std::string encode_config(const HybridTableConfig& config);
Result<HybridTableConfig> decode_config(std::string_view bytes);
std::string encode_cursor(const CursorChange& cursor);
Result<CursorChange> decode_cursor(std::string_view bytes);

}  // namespace firn::storage
