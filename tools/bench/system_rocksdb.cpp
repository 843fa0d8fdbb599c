// RocksDB alone: WAL with sync, LZ4 and zstd at the bottom, bloom filters of 10 bits, else its defaults.
#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>
#include <rocksdb/version.h>

#include "tools/bench/peer_row.hpp"

namespace firn::bench {

namespace {

constexpr std::size_t kCacheBytes = 100U << 20;  // as much as firn's default cache_size

void check(const rocksdb::Status& s) {
  if (!s.ok()) throw Error(ErrorCode::io, "RocksDB " + s.ToString());
}

rocksdb::Options options_for_all() {
  rocksdb::BlockBasedTableOptions table;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  table.block_cache = rocksdb::NewLRUCache(kCacheBytes);
  rocksdb::Options o;
  o.create_if_missing = true;
  o.compression = rocksdb::kLZ4Compression;
  o.bottommost_compression = rocksdb::kZSTD;
  o.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return o;
}

class RocksDb final : public System {
 public:
  std::string name() const override { return "rocksdb"; }
  Skills skills() const override { return {.bulk_by_many = true}; }
  std::string version() const override {
    return "RocksDB " + rocksdb::GetRocksVersionAsString() +
           " WAL sync, LZ4, zstd at the bottom, bloom 10 bits, 100 MiB cache";
  }

  void create(const std::filesystem::path& folder, const TableKind& kind) override { open(folder, kind); }
  void open(const std::filesystem::path& folder, const TableKind&) override {
    rocksdb::DB* db = nullptr;
    check(rocksdb::DB::Open(options_for_all(), folder.string(), &db));
    db_.reset(db);
    synced_.sync = true;
  }
  void close() override { db_.reset(); }

  void write(const EventChunk& chunk, Handover) override {
    rocksdb::WriteBatch batch;
    std::string value;
    for (const Event& e : chunk.rows) {
      encode_event(e, value);
      put(batch, e.id, value);
    }
    check(db_->Write(synced_, &batch));
  }
  void write_one(const Event& e) override {
    std::string value;
    encode_event(e, value);
    rocksdb::WriteBatch batch;
    put(batch, e.id, value);
    check(db_->Write(synced_, &batch));
  }
  void write_rows(const Batch& rows) override {
    rocksdb::WriteBatch batch;
    std::string value;
    for (std::size_t i = 0; i < static_cast<std::size_t>(rows.rows()); ++i) {
      encode_row(rows, i, value);
      put(batch, key_of(rows, i), value);
    }
    check(db_->Write(synced_, &batch));
  }
  void settle() override {
    check(db_->Flush({}));
    rocksdb::CompactRangeOptions o;
    o.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForce;
    check(db_->CompactRange(o, nullptr, nullptr));
  }

  bool get(std::uint64_t id) override {
    const std::uint64_t key = big_endian(id);
    rocksdb::PinnableSlice value;
    const rocksdb::Status s = db_->Get({}, db_->DefaultColumnFamily(), slice_of(key), &value);
    if (s.IsNotFound()) return false;
    check(s);
    seen_ = decode_event(id, {value.data(), value.size()}).amount;
    return true;
  }
  Answer ask(const Asked& asked) override {
    ScanAnswer answer(asked);
    const std::unique_ptr<rocksdb::Iterator> it(db_->NewIterator({}));
    for (it->SeekToFirst(); it->Valid(); it->Next()) {
      std::uint64_t id = 0;
      std::memcpy(&id, it->key().data(), sizeof id);
      answer.add(big_endian(id), {it->value().data(), it->value().size()});
    }
    check(it->status());
    return answer.finish();
  }

 private:
  static rocksdb::Slice slice_of(const std::uint64_t& key) {
    return {reinterpret_cast<const char*>(&key), sizeof key};
  }
  static void put(rocksdb::WriteBatch& batch, std::uint64_t id, const std::string& value) {
    const std::uint64_t key = big_endian(id);
    check(batch.Put(slice_of(key), value));
  }

  std::unique_ptr<rocksdb::DB> db_;
  rocksdb::WriteOptions synced_;
  volatile double seen_ = 0;  // keeps the decoding alive
};

}  // namespace

std::unique_ptr<System> make_rocksdb() { return std::make_unique<RocksDb>(); }

}  // namespace firn::bench
