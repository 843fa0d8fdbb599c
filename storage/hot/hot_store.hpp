// The hot tier: versions of rows in an LMDB B-tree, and beside them, in the same transactions, the catalog.
//
//   rows     key: encoded primary key, then 8 bytes: inverted CSN, big-endian (newest version first)
//            value: u8 op (1 put, 2 tombstone) | row (row_codec.hpp; empty for a tombstone) | u32 CRC32C over table
//            id, key and the value before it
//   catalog  key: one letter and an id; value: bytes | u32 CRC32C over table id, key and bytes
//              "s" state   "f"+id file   "v"+version schema   "c" configuration   "t"+time commit times (apply_records)
//              "k"+producer 0 sequence  token   "a"+id access account   "d"+id deletion vector (engine_ends.cpp)
//              "u"+name cursor
// The environment is opened with MDB_NOSYNC: it is never trusted after anything but a clean shutdown. One writer at a
// time; any number of readers, each a LMDB read transaction that should end soon.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <vector>

#include "schema/result.hpp"
#include "schema/types.hpp"
#include "storage/fingerprint.hpp"

namespace firn::storage::hot {

enum class Op : std::uint8_t { invalid = 0, put = 1, tombstone = 2 };

/// The catalog's one record that every commit changes.
struct HotState {
  std::uint64_t csn = 0;           ///< last visible commit
  std::int64_t time_us = 0;        ///< its time
  std::uint64_t log_sequence = 0;  ///< last log entry applied
  std::uint64_t next_file_id = 1;
  std::uint64_t next_row_id = 1;
  std::uint64_t horizon = 0;    ///< reads below are refused
  std::uint64_t versions = 0;   ///< entries in rows
  std::uint64_t bytes = 0;      ///< of their keys and values
  std::uint64_t hash_sum = 0;   ///< sum of XXH3-64 over key and value of every version, modulo 2^64
  std::uint64_t floor_csn = 0;  ///< no version in rows has a smaller CSN; 0: no version
  std::uint64_t schema_version = 0;
  std::uint64_t rows_csn = 0;  ///< the last commit that changed a row
};

struct HotVersion {
  std::uint64_t csn = 0;
  Op op = Op::invalid;
  std::string_view row;  ///< into the map; valid until the transaction ends
};

/// Which versions a purge drops.
struct PurgeRule {
  std::uint64_t horizon = 0;        ///< a version that ended at or below it may go ...
  std::vector<std::uint64_t> kept;  ///< ... unless one of these CSNs lies in it; ascending
  /// The oldest version that stays of a key goes too if it is a tombstone from at or below the horizon: without it a
  /// reader finds nothing as well. Which these are, no later write changes.
  bool tombstones = false;
  bool newest_only = false;  ///< ... and if it is the key's newest (logs from before purges were proved)
  /// Not 0: only versions older than this one, of the one key of the range. (With `tombstones` the oldest of them all.)
  std::uint64_t below = 0;
  bool covers(std::uint64_t begin, std::uint64_t end) const;
};

class HotStore;

/// A read transaction. Any thread, one at a time. Keep it short: it pins pages.
class HotReader {
 public:
  HotReader(HotReader&&) noexcept;
  ~HotReader();
  const HotState& state() const;
  /// The newest version of the key with CSN <= csn.
  Result<std::optional<HotVersion>> get(std::string_view key, std::uint64_t csn) const;
  /// Versions in key order, newest first within a key, from the first key >= `from` (empty: the beginning).
  /// `visit(key, version)` returns false to stop.
  Result<void> visit_versions(
      std::string_view from,
      const std::function<Result<bool>(std::string_view, const HotVersion&)>& visit) const;
  /// Catalog entries whose key begins with `prefix`, in key order.
  Result<void> visit_catalog(
      std::string_view prefix,
      const std::function<Result<bool>(std::string_view, std::string_view)>& visit) const;
  Result<std::optional<std::string>> catalog(std::string_view key) const;
  /// The last entry with this prefix whose key is <= key.
  Result<std::optional<std::pair<std::string, std::string>>> catalog_at_or_before(std::string_view prefix,
                                                                                  std::string_view key) const;
  /// Every raw entry (database 0 rows, 1 catalog), for checkpoints.
  Result<void> visit_raw(
      const std::function<Result<void>(int, std::string_view, std::string_view)>& visit) const;

 private:
  friend class HotStore;
  struct Impl;
  explicit HotReader(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// The write transaction. Must be used and ended on one thread. Rolled back unless committed.
class HotWriter {
 public:
  HotWriter(HotWriter&&) noexcept;
  ~HotWriter();
  HotState& state();
  Result<void> put(std::string_view key, std::uint64_t csn, Op op, std::string_view row);
  /// Drops versions of keys in [min, max] with CSN <= csn; returns how many.
  Result<std::uint64_t> drop(std::string_view min, std::string_view max, std::uint64_t csn);
  /// Drops superseded versions of keys in [min, max]: each ends at the CSN of the next newer version of its key here.
  /// Returns which went.
  Result<Fingerprint> purge(std::string_view min, std::string_view max, const PurgeRule& rule);
  Result<void> put_catalog(std::string_view key, std::string_view bytes);
  Result<void> remove_catalog(std::string_view key);
  /// As HotReader's, with what this transaction has written. The catalog must not be changed by `visit`.
  Result<void> visit_catalog(
      std::string_view prefix,
      const std::function<Result<bool>(std::string_view, std::string_view)>& visit) const;
  Result<std::optional<std::pair<std::string, std::string>>> catalog_at_or_before(std::string_view prefix,
                                                                                  std::string_view key) const;
  /// Raw entry behind all others, for loading a checkpoint (ascending keys).
  Result<void> append_raw(int database, std::string_view key, std::string_view value);
  /// Writes the state record and commits. `publish` runs inside the gate in which readers begin, after the commit.
  Result<void> commit(const std::function<void()>& publish = {});

 private:
  friend class HotStore;
  struct Impl;
  explicit HotWriter(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

class HotStore {
 public:
  /// `folder` is a real folder; it must exist and, for a new store, be empty. One store a folder and process: a second
  /// open gives the same one (open_stores.hpp); {busy} for writing what is open for reading.
  static Result<std::shared_ptr<HotStore>> open(const std::string& folder, std::uint64_t table_id,
                                                std::size_t map_bytes, bool read_only);
  ~HotStore();
  /// Begins reading; `inside` runs in the same instant, so that what it copies belongs to this transaction.
  Result<HotReader> read(const std::function<void()>& inside = {}) const;
  /// Makes sure that about `bytes` more fit (growing the map waits for readers), then begins writing.
  Result<HotWriter> write(std::size_t bytes);
  Result<void> sync();
  std::size_t used_bytes() const;
  const std::string& folder() const;

 private:
  struct Impl;
  explicit HotStore(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
  friend class HotReader;
  friend class HotWriter;
};

/// encoded key + inverted CSN.
std::string version_key(std::string_view key, std::uint64_t csn);
inline constexpr std::size_t kVersionKeyBytes = 8;

}  // namespace firn::storage::hot
