#include "storage/hot/lmdb_env.hpp"

#include <cerrno>

namespace firn::storage::hot {
namespace {
constexpr unsigned kReadersMax = 1024;  // slots, one an open read transaction; far above threads x queries
constexpr unsigned kDatabases = 2;
}  // namespace

Error lmdb_error(int code, std::string_view what) {
  ErrorCode kind = ErrorCode::io;
  if (code == MDB_MAP_FULL || code == ENOSPC || code == EDQUOT) kind = ErrorCode::full;
  if (code == MDB_CORRUPTED || code == MDB_PAGE_NOTFOUND || code == MDB_INVALID ||
      code == MDB_VERSION_MISMATCH)
    kind = ErrorCode::corrupt;
  if (code == MDB_READERS_FULL) kind = ErrorCode::busy;
  if (code == MDB_MAP_RESIZED) kind = ErrorCode::conflict;
  return {kind, "hot tier: " + std::string(what) + ": " + mdb_strerror(code)};
}

Result<void> LmdbTxn::commit() {
  const int rc = mdb_txn_commit(std::exchange(txn_, nullptr));
  if (rc != 0) return lmdb_error(rc, "commit");
  return {};
}

void LmdbTxn::abort() {
  if (txn_ != nullptr) mdb_txn_abort(std::exchange(txn_, nullptr));
}

Result<bool> LmdbCursor::move(MDB_cursor_op op, std::string_view& key, std::string_view& value) {
  MDB_val k{key.size(), const_cast<char*>(key.data())}, v{};
  const int rc = mdb_cursor_get(cursor_, &k, &v, op);
  if (rc == MDB_NOTFOUND) return false;
  if (rc != 0) return lmdb_error(rc, "read");
  key = {static_cast<const char*>(k.mv_data), k.mv_size};
  value = {static_cast<const char*>(v.mv_data), v.mv_size};
  return true;
}

Result<std::unique_ptr<LmdbEnv>> LmdbEnv::open(const std::string& folder, std::size_t map_bytes,
                                               bool read_only) {
  std::unique_ptr<LmdbEnv> env(new LmdbEnv);
  if (const int rc = mdb_env_create(&env->env_); rc != 0) return lmdb_error(rc, "create environment");
  mdb_env_set_maxdbs(env->env_, kDatabases);
  mdb_env_set_maxreaders(env->env_, kReadersMax);
  if (const int rc = mdb_env_set_mapsize(env->env_, map_bytes); rc != 0)
    return lmdb_error(rc, "set map size");
  const unsigned flags = MDB_NOSYNC | MDB_NOTLS | (read_only ? static_cast<unsigned>(MDB_RDONLY) : 0U);
  if (const int rc = mdb_env_open(env->env_, folder.c_str(), flags, 0600); rc != 0)
    return lmdb_error(rc, "open environment");
  env->map_bytes_ = map_bytes;
  int dead = 0;
  mdb_reader_check(env->env_, &dead);
  FIRN_ASSIGN(LmdbTxn txn, env->begin(read_only));
  const unsigned create = read_only ? 0U : static_cast<unsigned>(MDB_CREATE);
  if (const int rc = mdb_dbi_open(txn.get(), "rows", create, &env->rows_); rc != 0)
    return lmdb_error(rc, "open rows");
  if (const int rc = mdb_dbi_open(txn.get(), "catalog", create, &env->catalog_); rc != 0)
    return lmdb_error(rc, "open catalog");
  FIRN_TRY(txn.commit());
  return env;
}

LmdbEnv::~LmdbEnv() {
  if (env_ != nullptr) mdb_env_close(env_);
}

Result<LmdbTxn> LmdbEnv::begin(bool read_only) {
  MDB_txn* txn = nullptr;
  int rc = mdb_txn_begin(env_, nullptr, read_only ? static_cast<unsigned>(MDB_RDONLY) : 0U, &txn);
  if (rc == MDB_READERS_FULL) {
    int dead = 0;
    mdb_reader_check(env_, &dead);
    rc = mdb_txn_begin(env_, nullptr, read_only ? static_cast<unsigned>(MDB_RDONLY) : 0U, &txn);
  }
  if (rc != 0) return lmdb_error(rc, "begin transaction");
  return LmdbTxn(txn);
}

Result<LmdbCursor> LmdbEnv::cursor(const LmdbTxn& txn, MDB_dbi dbi) {
  MDB_cursor* cursor = nullptr;
  if (const int rc = mdb_cursor_open(txn.get(), dbi, &cursor); rc != 0) return lmdb_error(rc, "open cursor");
  return LmdbCursor(cursor);
}

Result<void> LmdbEnv::sync() {
  if (const int rc = mdb_env_sync(env_, 1); rc != 0) return lmdb_error(rc, "sync");
  return {};
}

std::size_t LmdbEnv::used_bytes() const {
  MDB_envinfo info{};
  MDB_stat stat{};
  mdb_env_info(env_, &info);
  mdb_env_stat(env_, &stat);
  return (info.me_last_pgno + 1) * stat.ms_psize;
}

Result<void> LmdbEnv::grow(std::size_t map_bytes) {
  if (const int rc = mdb_env_set_mapsize(env_, map_bytes); rc != 0) return lmdb_error(rc, "grow the map");
  map_bytes_ = map_bytes;
  return {};
}

Result<void> LmdbEnv::adopt_map_size() {
  if (const int rc = mdb_env_set_mapsize(env_, 0); rc != 0) return lmdb_error(rc, "take over the map's size");
  MDB_envinfo info{};
  mdb_env_info(env_, &info);
  map_bytes_ = info.me_mapsize;
  return {};
}

}  // namespace firn::storage::hot
