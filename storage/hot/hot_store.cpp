#include "storage/hot/hot_store.hpp"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstring>
#include <mutex>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "io/crc32c.hpp"
#include "storage/hot/lmdb_env.hpp"
#include "storage/hot/open_stores.hpp"

namespace firn::storage::hot {
namespace {

constexpr std::string_view kStateKey = "s";
constexpr std::size_t kCrcBytes = 4;
constexpr int kMapAttempts = 5;

std::span<const std::uint8_t> bytes_of(std::string_view s) {
  return {reinterpret_cast<const std::uint8_t*>(s.data()), s.size()};
}

std::uint64_t big_endian(std::uint64_t v) { return __builtin_bswap64(v); }

std::uint32_t checksum(std::uint64_t table_id, std::string_view key, std::string_view value) {
  std::uint32_t crc = io::crc32c({reinterpret_cast<const std::uint8_t*>(&table_id), sizeof table_id});
  crc = io::crc32c(bytes_of(key), crc);
  return io::crc32c(bytes_of(value), crc);
}

std::uint64_t hash_of(std::string_view key, std::string_view value) {
  return XXH3_64bits_withSeed(value.data(), value.size(), XXH3_64bits(key.data(), key.size()));
}

/// The value without its checksum; Error {corrupt} if that does not match.
Result<std::string_view> checked(std::uint64_t table_id, std::string_view key, std::string_view value,
                                 std::string_view what) {
  if (value.size() >= kCrcBytes) {
    const std::string_view body = value.substr(0, value.size() - kCrcBytes);
    std::uint32_t stored;
    std::memcpy(&stored, value.data() + body.size(), kCrcBytes);
    if (stored == checksum(table_id, key, body)) return body;
  }
  return Error(ErrorCode::corrupt, "hot tier: checksum mismatch in " + std::string(what) +
                                       "; reopen the database to rebuild it from checkpoint and log");
}

std::string sealed(std::uint64_t table_id, std::string_view key, std::string_view body) {
  std::string value(body);
  const std::uint32_t crc = checksum(table_id, key, body);
  value.append(reinterpret_cast<const char*>(&crc), kCrcBytes);
  return value;
}

Result<HotVersion> parse_version(std::uint64_t table_id, std::string_view key, std::string_view value) {
  FIRN_ASSIGN(const std::string_view body, checked(table_id, key, value, "a row"));
  if (body.empty() || key.size() < kVersionKeyBytes)
    return Error(ErrorCode::corrupt, "hot tier: a row is too short");
  std::uint64_t inverted;
  std::memcpy(&inverted, key.data() + key.size() - kVersionKeyBytes, kVersionKeyBytes);
  return HotVersion{~big_endian(inverted), static_cast<Op>(body[0]), body.substr(1)};
}

}  // namespace

bool PurgeRule::covers(std::uint64_t begin, std::uint64_t end) const {
  if (end > horizon) return false;
  const auto pin = std::lower_bound(kept.begin(), kept.end(), begin);
  return pin == kept.end() || *pin >= end;
}

std::string version_key(std::string_view key, std::uint64_t csn) {
  std::string out(key);
  const std::uint64_t inverted = big_endian(~csn);
  out.append(reinterpret_cast<const char*>(&inverted), kVersionKeyBytes);
  return out;
}

struct HotStore::Impl {
  std::unique_ptr<LmdbEnv> env;
  std::uint64_t table_id = 0;
  std::string folder;
  mutable std::shared_mutex map_gate;  ///< readers shared for their life; exclusive to grow the map
  mutable std::mutex publish_gate;     ///< begin of a read, and commit + publication
};

namespace {

using CatalogEntry = std::pair<std::string, std::string>;
using CatalogVisitor = std::function<Result<bool>(std::string_view, std::string_view)>;

/// The catalog's entries with this prefix, in key order, as the transaction sees them.
template <class Store>
Result<void> visit_entries(const Store& store, const LmdbTxn& txn, std::string_view prefix,
                           const CatalogVisitor& visit) {
  LmdbEnv& env = *store.env;
  FIRN_ASSIGN(LmdbCursor cursor, env.cursor(txn, env.catalog()));
  std::string_view k = prefix, v;
  FIRN_ASSIGN(bool found, cursor.move(MDB_SET_RANGE, k, v));
  while (found && k.starts_with(prefix)) {
    FIRN_ASSIGN(const std::string_view body, checked(store.table_id, k, v, "the catalog"));
    FIRN_ASSIGN(const bool more, visit(k, body));
    if (!more) break;
    FIRN_ASSIGN(found, cursor.move(MDB_NEXT, k, v));
  }
  return {};
}

template <class Store>
Result<std::optional<CatalogEntry>> entry_at_or_before(const Store& store, const LmdbTxn& txn,
                                                       std::string_view prefix, std::string_view key) {
  LmdbEnv& env = *store.env;
  FIRN_ASSIGN(LmdbCursor cursor, env.cursor(txn, env.catalog()));
  std::string_view k = key, v;
  FIRN_ASSIGN(bool found, cursor.move(MDB_SET_RANGE, k, v));
  if (!found) {
    FIRN_ASSIGN(found, cursor.move(MDB_LAST, k, v));
  } else if (k != key) {
    FIRN_ASSIGN(found, cursor.move(MDB_PREV, k, v));
  }
  if (!found || !k.starts_with(prefix)) return std::optional<CatalogEntry>{};
  FIRN_ASSIGN(const std::string_view body, checked(store.table_id, k, v, "the catalog"));
  return std::optional<CatalogEntry>(CatalogEntry(k, body));
}

}  // namespace

struct HotReader::Impl {
  const HotStore::Impl* store;
  std::shared_lock<std::shared_mutex> gate;
  LmdbTxn txn;
  HotState state;
};

namespace {
/// A version as its key and value begin, its checksum not looked at.
struct RawVersion {
  std::uint64_t csn;
  Op op;
};
}  // namespace

struct HotWriter::Impl {
  HotStore::Impl* store;
  LmdbTxn txn;
  HotState state;
  std::string scratch;

  /// Drops the versions from `min`, a key or a version of one, to the key `max`, newest first within a key, for which
  /// `gone(key, version)` says so.
  template <class Gone>
  Result<std::uint64_t> drop_where(std::string_view min, std::string_view max, Gone gone) {
    LmdbEnv& env = *store->env;
    FIRN_ASSIGN(LmdbCursor cursor, env.cursor(txn, env.rows()));
    std::uint64_t dropped = 0;
    std::string_view k = min, v;
    FIRN_ASSIGN(bool found, cursor.move(MDB_SET_RANGE, k, v));
    while (found) {
      const std::string_view key = k.substr(0, k.size() - kVersionKeyBytes);
      if (key > max) break;
      std::uint64_t inverted;
      std::memcpy(&inverted, k.data() + key.size(), kVersionKeyBytes);
      if (gone(key, RawVersion{~big_endian(inverted), v.empty() ? Op::invalid : static_cast<Op>(v[0])})) {
        state.versions -= 1;
        state.bytes -= k.size() + v.size();
        state.hash_sum -= hash_of(k, v);
        dropped += 1;
        if (const int rc = mdb_cursor_del(cursor.get(), 0); rc != 0) return lmdb_error(rc, "drop a row");
      }
      FIRN_ASSIGN(found, cursor.move(MDB_NEXT, k, v));
    }
    if (state.versions == 0) state.floor_csn = 0;
    return dropped;
  }
};

// --- store -----------------------------------------------------------------------------------------------------------

HotStore::HotStore(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HotStore::~HotStore() {
  std::unique_lock lock(impl_->map_gate);  // the last reader ends first
}

Result<std::shared_ptr<HotStore>> HotStore::open(const std::string& folder, std::uint64_t table_id,
                                                 std::size_t map_bytes, bool read_only) {
  return OpenStores::instance().open(folder, read_only, [&]() -> Result<std::unique_ptr<HotStore>> {
    auto impl = std::make_unique<Impl>();
    FIRN_ASSIGN(impl->env, LmdbEnv::open(folder, map_bytes, read_only));
    impl->table_id = table_id;
    impl->folder = folder;
    return std::unique_ptr<HotStore>(new HotStore(std::move(impl)));
  });
}

const std::string& HotStore::folder() const { return impl_->folder; }
Result<void> HotStore::sync() { return impl_->env->sync(); }
std::size_t HotStore::used_bytes() const { return impl_->env->used_bytes(); }

namespace {
Result<HotState> read_state(const LmdbEnv& env, const LmdbTxn& txn, std::uint64_t table_id) {
  MDB_val k{kStateKey.size(), const_cast<char*>(kStateKey.data())}, v{};
  const int rc = mdb_get(txn.get(), env.catalog(), &k, &v);
  if (rc == MDB_NOTFOUND) return HotState{};
  if (rc != 0) return lmdb_error(rc, "read state");
  FIRN_ASSIGN(
      const std::string_view body,
      checked(table_id, kStateKey, {static_cast<const char*>(v.mv_data), v.mv_size}, "the state record"));
  HotState state;
  constexpr std::size_t kWithoutRowsCsn = offsetof(HotState, rows_csn);
  if (body.size() != sizeof state && body.size() != kWithoutRowsCsn)
    return Error(ErrorCode::corrupt, "hot tier: the state record has another size");
  std::memcpy(&state, body.data(), body.size());
  if (body.size() == kWithoutRowsCsn) state.rows_csn = state.csn;
  return state;
}
}  // namespace

Result<HotReader> HotStore::read(const std::function<void()>& inside) const {
  for (int attempt = 0;; ++attempt) {
    auto r = std::make_unique<HotReader::Impl>();
    r->store = impl_.get();
    r->gate = std::shared_lock(impl_->map_gate);
    {
      std::lock_guard lock(impl_->publish_gate);
      Result<LmdbTxn> txn = impl_->env->begin(true);
      if (txn) {
        r->txn = std::move(*txn);
        FIRN_ASSIGN(r->state, read_state(*impl_->env, r->txn, impl_->table_id));
        if (inside) inside();
        return HotReader(std::move(r));
      }
      if (txn.error().code() != ErrorCode::conflict || attempt == kMapAttempts) return txn.error();
    }
    // A writer in another process has made the map larger.
    r.reset();
    std::unique_lock lock(impl_->map_gate);
    FIRN_TRY(impl_->env->adopt_map_size());
  }
}

Result<HotWriter> HotStore::write(std::size_t bytes) {
  // A B-tree update dirties a page a level for each entry at worst; four times the bytes and some pages is ample.
  const std::size_t need = impl_->env->used_bytes() + 4 * bytes + (std::size_t{4} << 20);
  if (need > impl_->env->map_bytes()) {
    std::unique_lock lock(impl_->map_gate);
    std::size_t size = impl_->env->map_bytes();
    while (size < need) size *= 2;
    FIRN_TRY(impl_->env->grow(size));
  }
  auto w = std::make_unique<HotWriter::Impl>();
  w->store = impl_.get();
  FIRN_ASSIGN(w->txn, impl_->env->begin(false));
  FIRN_ASSIGN(w->state, read_state(*impl_->env, w->txn, impl_->table_id));
  return HotWriter(std::move(w));
}

// --- reader ----------------------------------------------------------------------------------------------------------

HotReader::HotReader(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HotReader::HotReader(HotReader&&) noexcept = default;
HotReader::~HotReader() = default;
const HotState& HotReader::state() const { return impl_->state; }

Result<std::optional<HotVersion>> HotReader::get(std::string_view key, std::uint64_t csn) const {
  LmdbEnv& env = *impl_->store->env;
  FIRN_ASSIGN(LmdbCursor cursor, env.cursor(impl_->txn, env.rows()));
  const std::string wanted = version_key(key, csn);
  std::string_view k = wanted, v;
  FIRN_ASSIGN(const bool found, cursor.move(MDB_SET_RANGE, k, v));
  if (!found || k.size() != wanted.size() || k.substr(0, key.size()) != key)
    return std::optional<HotVersion>{};
  FIRN_ASSIGN(const HotVersion version, parse_version(impl_->store->table_id, k, v));
  return std::optional<HotVersion>(version);
}

Result<void> HotReader::visit_versions(
    std::string_view from,
    const std::function<Result<bool>(std::string_view, const HotVersion&)>& visit) const {
  LmdbEnv& env = *impl_->store->env;
  FIRN_ASSIGN(LmdbCursor cursor, env.cursor(impl_->txn, env.rows()));
  std::string_view k = from, v;
  FIRN_ASSIGN(bool found, cursor.move(from.empty() ? MDB_FIRST : MDB_SET_RANGE, k, v));
  while (found) {
    FIRN_ASSIGN(const HotVersion version, parse_version(impl_->store->table_id, k, v));
    FIRN_ASSIGN(const bool more, visit(k.substr(0, k.size() - kVersionKeyBytes), version));
    if (!more) break;
    FIRN_ASSIGN(found, cursor.move(MDB_NEXT, k, v));
  }
  return {};
}

Result<void> HotReader::visit_catalog(std::string_view prefix, const CatalogVisitor& visit) const {
  return visit_entries(*impl_->store, impl_->txn, prefix, visit);
}

Result<std::optional<std::string>> HotReader::catalog(std::string_view key) const {
  LmdbEnv& env = *impl_->store->env;
  MDB_val k{key.size(), const_cast<char*>(key.data())}, v{};
  const int rc = mdb_get(impl_->txn.get(), env.catalog(), &k, &v);
  if (rc == MDB_NOTFOUND) return std::optional<std::string>{};
  if (rc != 0) return lmdb_error(rc, "read the catalog");
  FIRN_ASSIGN(
      const std::string_view body,
      checked(impl_->store->table_id, key, {static_cast<const char*>(v.mv_data), v.mv_size}, "the catalog"));
  return std::optional<std::string>(body);
}

Result<std::optional<CatalogEntry>> HotReader::catalog_at_or_before(std::string_view prefix,
                                                                    std::string_view key) const {
  return entry_at_or_before(*impl_->store, impl_->txn, prefix, key);
}

Result<void> HotReader::visit_raw(
    const std::function<Result<void>(int, std::string_view, std::string_view)>& visit) const {
  LmdbEnv& env = *impl_->store->env;
  for (const int database : {0, 1}) {
    FIRN_ASSIGN(LmdbCursor cursor, env.cursor(impl_->txn, database == 0 ? env.rows() : env.catalog()));
    std::string_view k, v;
    FIRN_ASSIGN(bool found, cursor.move(MDB_FIRST, k, v));
    while (found) {
      FIRN_TRY(checked(impl_->store->table_id, k, v, database == 0 ? "a row" : "the catalog"));
      FIRN_TRY(visit(database, k, v));
      FIRN_ASSIGN(found, cursor.move(MDB_NEXT, k, v));
    }
  }
  return {};
}

// --- writer ----------------------------------------------------------------------------------------------------------

HotWriter::HotWriter(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HotWriter::HotWriter(HotWriter&&) noexcept = default;
HotWriter::~HotWriter() = default;
HotState& HotWriter::state() { return impl_->state; }

Result<void> HotWriter::put(std::string_view key, std::uint64_t csn, Op op, std::string_view row) {
  const std::string full = version_key(key, csn);
  std::string& value = impl_->scratch;
  value.assign(1, static_cast<char>(op));
  value.append(row);
  const std::uint32_t crc = checksum(impl_->store->table_id, full, value);
  value.append(reinterpret_cast<const char*>(&crc), kCrcBytes);
  MDB_val k{full.size(), const_cast<char*>(full.data())}, v{value.size(), value.data()};
  const int rc = mdb_put(impl_->txn.get(), impl_->store->env->rows(), &k, &v, MDB_NOOVERWRITE);
  if (rc == MDB_KEYEXIST) return {};  // replay of what is there already
  if (rc != 0) return lmdb_error(rc, "write a row");
  HotState& s = impl_->state;
  s.versions += 1;
  s.bytes += full.size() + value.size();
  s.hash_sum += hash_of(full, value);
  if (s.floor_csn == 0 || csn < s.floor_csn) s.floor_csn = csn;
  return {};
}

Result<std::uint64_t> HotWriter::drop(std::string_view min, std::string_view max, std::uint64_t csn) {
  return impl_->drop_where(min, max, [&](std::string_view, const RawVersion& v) { return v.csn <= csn; });
}

Result<Fingerprint> HotWriter::purge(std::string_view min, std::string_view max, const PurgeRule& rule) {
  Fingerprint dropped;
  struct Version {
    std::string key;
    std::uint64_t csn = 0;
    bool tombstone = false, newest = false;
  } oldest;  // of those that stay of this key
  std::vector<Version> bare;
  const auto end_of_key = [&] {
    const bool goes = oldest.tombstone && oldest.csn <= rule.horizon && (oldest.newest || !rule.newest_only);
    if (rule.tombstones && goes) bare.push_back(oldest);
  };
  std::string key_now;
  std::uint64_t newer = 0;  // of the version of this key met just before; 0: of another key
  const std::string first = rule.below == 0 ? std::string(min) : version_key(min, rule.below);
  FIRN_TRY(impl_->drop_where(first, max, [&](std::string_view key, const RawVersion& v) {
    const bool newest = newer == 0 || key != key_now;
    if (newest) {
      end_of_key();
      key_now.assign(key);
    }
    const bool tombstone = v.op == Op::tombstone;
    const bool gone = !newest && rule.covers(v.csn, newer);
    newer = v.csn;
    if (gone)
      dropped.add(hash_of_version(key, v.csn, tombstone));
    else
      oldest = {key_now, v.csn, tombstone, newest};
    return gone;
  }));
  end_of_key();
  for (const Version& b : bare)
    FIRN_TRY(
        impl_->drop_where(version_key(b.key, b.csn), b.key, [&](std::string_view key, const RawVersion& v) {
          dropped.add(hash_of_version(key, v.csn, v.op == Op::tombstone));
          return true;
        }));
  return dropped;
}

Result<void> HotWriter::put_catalog(std::string_view key, std::string_view bytes) {
  const std::string value = sealed(impl_->store->table_id, key, bytes);
  MDB_val k{key.size(), const_cast<char*>(key.data())}, v{value.size(), const_cast<char*>(value.data())};
  const int rc = mdb_put(impl_->txn.get(), impl_->store->env->catalog(), &k, &v, 0);
  if (rc != 0) return lmdb_error(rc, "write the catalog");
  return {};
}

Result<void> HotWriter::remove_catalog(std::string_view key) {
  MDB_val k{key.size(), const_cast<char*>(key.data())};
  const int rc = mdb_del(impl_->txn.get(), impl_->store->env->catalog(), &k, nullptr);
  if (rc != 0 && rc != MDB_NOTFOUND) return lmdb_error(rc, "write the catalog");
  return {};
}

Result<void> HotWriter::visit_catalog(std::string_view prefix, const CatalogVisitor& visit) const {
  return visit_entries(*impl_->store, impl_->txn, prefix, visit);
}

Result<std::optional<CatalogEntry>> HotWriter::catalog_at_or_before(std::string_view prefix,
                                                                    std::string_view key) const {
  return entry_at_or_before(*impl_->store, impl_->txn, prefix, key);
}

Result<void> HotWriter::append_raw(int database, std::string_view key, std::string_view value) {
  LmdbEnv& env = *impl_->store->env;
  MDB_val k{key.size(), const_cast<char*>(key.data())}, v{value.size(), const_cast<char*>(value.data())};
  // The catalog holds the state record already if an earlier part of the checkpoint was committed.
  const int rc = database == 0 ? mdb_put(impl_->txn.get(), env.rows(), &k, &v, MDB_APPEND)
                               : mdb_put(impl_->txn.get(), env.catalog(), &k, &v, 0);
  if (rc == MDB_KEYEXIST) return Error(ErrorCode::corrupt, "hot tier: a checkpoint's keys are out of order");
  if (rc != 0) return lmdb_error(rc, "load a checkpoint");
  if (database == 1 && key == kStateKey) {
    FIRN_ASSIGN(impl_->state, read_state(env, impl_->txn, impl_->store->table_id));
  }
  return {};
}

Result<void> HotWriter::commit(const std::function<void()>& publish) {
  FIRN_TRY(put_catalog(kStateKey, {reinterpret_cast<const char*>(&impl_->state), sizeof impl_->state}));
  std::lock_guard lock(impl_->store->publish_gate);
  FIRN_TRY(impl_->txn.commit());
  if (publish) publish();
  return {};
}

}  // namespace firn::storage::hot
