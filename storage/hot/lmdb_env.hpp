// LMDB, owned: an environment and its transactions with firn's errors. The only place beside hot_store.cpp that knows
// LMDB's API (http://www.lmdb.tech/doc/).
#pragma once
#include <lmdb.h>

#include <memory>
#include <string>
#include <string_view>

#include "schema/result.hpp"

namespace firn::storage::hot {

/// The error of an LMDB return code; MDB_MAP_FULL and ENOSPC become {full}, MDB_MAP_RESIZED {conflict}.
Error lmdb_error(int code, std::string_view what);

/// One transaction. Aborted by the destructor unless committed. One thread at a time.
class LmdbTxn {
 public:
  LmdbTxn() = default;
  explicit LmdbTxn(MDB_txn* txn) : txn_(txn) {}
  LmdbTxn(LmdbTxn&& o) noexcept : txn_(std::exchange(o.txn_, nullptr)) {}
  LmdbTxn& operator=(LmdbTxn&& o) noexcept {
    std::swap(txn_, o.txn_);
    return *this;
  }
  ~LmdbTxn() { abort(); }
  MDB_txn* get() const { return txn_; }
  Result<void> commit();
  void abort();

 private:
  MDB_txn* txn_ = nullptr;
};

class LmdbCursor {
 public:
  explicit LmdbCursor(MDB_cursor* cursor) : cursor_(cursor) {}
  LmdbCursor(LmdbCursor&& o) noexcept : cursor_(std::exchange(o.cursor_, nullptr)) {}
  LmdbCursor& operator=(LmdbCursor&&) = delete;
  ~LmdbCursor() {
    if (cursor_ != nullptr) mdb_cursor_close(cursor_);
  }
  /// True if there is an entry; key and value point into the map until the transaction ends.
  Result<bool> move(MDB_cursor_op op, std::string_view& key, std::string_view& value);
  MDB_cursor* get() const { return cursor_; }

 private:
  MDB_cursor* cursor_;
};

class LmdbEnv {
 public:
  /// Opens (or makes) the environment in a real folder that exists.
  static Result<std::unique_ptr<LmdbEnv>> open(const std::string& folder, std::size_t map_bytes,
                                               bool read_only);
  ~LmdbEnv();
  LmdbEnv(const LmdbEnv&) = delete;
  LmdbEnv& operator=(const LmdbEnv&) = delete;

  /// {conflict} if another process has made the map larger: adopt_map_size(), then again.
  Result<LmdbTxn> begin(bool read_only);
  Result<LmdbCursor> cursor(const LmdbTxn& txn, MDB_dbi dbi);
  MDB_dbi rows() const { return rows_; }
  MDB_dbi catalog() const { return catalog_; }
  /// Writes and syncs everything.
  Result<void> sync();
  /// Bytes of the map in use, and its size.
  std::size_t used_bytes() const;
  std::size_t map_bytes() const { return map_bytes_; }
  /// Requires that no transaction of this process is open.
  Result<void> grow(std::size_t map_bytes);
  Result<void> adopt_map_size();

 private:
  LmdbEnv() = default;
  MDB_env* env_ = nullptr;
  MDB_dbi rows_ = 0, catalog_ = 0;
  std::size_t map_bytes_ = 0;
};

}  // namespace firn::storage::hot
