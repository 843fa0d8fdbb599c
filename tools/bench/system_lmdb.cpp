// LMDB alone: copy-on-write B+tree, one sync a commit (its default: data, then meta page), one writer at a time.
#include <lmdb.h>

#include "tools/bench/peer_row.hpp"

namespace firn::bench {

namespace {

constexpr std::size_t kMapBytes = std::size_t{64}
                                  << 30;  // address space only; the file grows as it is written
constexpr unsigned kReaders = 512;

void check(int rc, const char* what) {
  if (rc != MDB_SUCCESS) throw Error(ErrorCode::io, std::string("LMDB ") + what + ": " + mdb_strerror(rc));
}

class Lmdb final : public System {
 public:
  ~Lmdb() override { close(); }
  std::string name() const override { return "lmdb"; }
  Skills skills() const override { return {.bulk_by_many = true}; }
  std::string version() const override {
    return std::string(mdb_version(nullptr, nullptr, nullptr)) + " synchronous commits";
  }

  void create(const std::filesystem::path& folder, const TableKind& kind) override {
    std::filesystem::create_directories(folder);
    open(folder, kind);
  }
  void open(const std::filesystem::path& folder, const TableKind&) override {
    check(mdb_env_create(&env_), "env_create");
    check(mdb_env_set_mapsize(env_, kMapBytes), "set_mapsize");
    check(mdb_env_set_maxreaders(env_, kReaders), "set_maxreaders");
    check(mdb_env_open(env_, folder.c_str(), MDB_NOTLS, 0600), "env_open");
    MDB_txn* txn = begin(0);
    check(mdb_dbi_open(txn, nullptr, 0, &dbi_), "dbi_open");
    check(mdb_txn_commit(txn), "commit");
    reader_ = begin(MDB_RDONLY);
    mdb_txn_reset(reader_);
  }
  void close() override {
    if (env_ == nullptr) return;
    mdb_txn_abort(reader_);
    mdb_env_close(env_);
    env_ = nullptr;
  }

  void write(const EventChunk& chunk, Handover) override {
    MDB_txn* txn = begin(0);
    std::string value;
    for (const Event& e : chunk.rows) {
      encode_event(e, value);
      put(txn, e.id, value);
    }
    check(mdb_txn_commit(txn), "commit");
  }
  void write_one(const Event& e) override {
    std::string value;
    encode_event(e, value);
    MDB_txn* txn = begin(0);
    put(txn, e.id, value);
    check(mdb_txn_commit(txn), "commit");
  }
  void write_rows(const Batch& batch) override {
    MDB_txn* txn = begin(0);
    std::string value;
    for (std::size_t i = 0; i < static_cast<std::size_t>(batch.rows()); ++i) {
      encode_row(batch, i, value);
      put(txn, key_of(batch, i), value);
    }
    check(mdb_txn_commit(txn), "commit");
  }
  void settle() override { check(mdb_env_sync(env_, 1), "sync"); }

  bool get(std::uint64_t id) override {
    check(mdb_txn_renew(reader_), "renew");
    std::uint64_t key_bytes = big_endian(id);
    MDB_val key{sizeof key_bytes, &key_bytes}, value{};
    const int rc = mdb_get(reader_, dbi_, &key, &value);
    if (rc == MDB_SUCCESS)
      seen_ = decode_event(id, {static_cast<const char*>(value.mv_data), value.mv_size}).amount;
    mdb_txn_reset(reader_);
    if (rc == MDB_NOTFOUND) return false;
    check(rc, "get");
    return true;
  }
  Answer ask(const Asked& asked) override {
    check(mdb_txn_renew(reader_), "renew");
    MDB_cursor* cursor = nullptr;
    check(mdb_cursor_open(reader_, dbi_, &cursor), "cursor_open");
    ScanAnswer answer(asked);
    MDB_val key{}, value{};
    while (mdb_cursor_get(cursor, &key, &value, MDB_NEXT) == MDB_SUCCESS) {
      std::uint64_t id = 0;
      std::memcpy(&id, key.mv_data, sizeof id);
      answer.add(big_endian(id), {static_cast<const char*>(value.mv_data), value.mv_size});
    }
    mdb_cursor_close(cursor);
    mdb_txn_reset(reader_);
    return answer.finish();
  }

 private:
  MDB_txn* begin(unsigned flags) {
    MDB_txn* txn = nullptr;
    check(mdb_txn_begin(env_, nullptr, flags, &txn), "txn_begin");
    return txn;
  }
  void put(MDB_txn* txn, std::uint64_t id, std::string& bytes) {
    std::uint64_t key_bytes = big_endian(id);
    MDB_val key{sizeof key_bytes, &key_bytes}, value{bytes.size(), bytes.data()};
    const int rc = mdb_put(txn, dbi_, &key, &value, 0);
    if (rc != MDB_SUCCESS) mdb_txn_abort(txn);
    check(rc, "put");
  }

  MDB_env* env_ = nullptr;
  MDB_dbi dbi_ = 0;
  MDB_txn* reader_ = nullptr;
  volatile double seen_ = 0;  // keeps the decoding alive
};

}  // namespace

std::unique_ptr<System> make_lmdb() { return std::make_unique<Lmdb>(); }

}  // namespace firn::bench
