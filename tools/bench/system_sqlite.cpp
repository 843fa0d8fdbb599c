// SQLite: one B-tree with a write-ahead log, synchronous=FULL, prepared statements, a transaction a batch.
//
// Only one transaction writes at a time, so writers share one connection and take turns; questions go through a second
// one, which the log lets read beside them. No index but the key.
#include <sqlite3.h>

#include <mutex>

#include "tools/bench/firn_rows.hpp"

namespace firn::bench {

namespace {

constexpr int kCacheKib = 100 << 10;  // as much as firn's default cache_size

class Connection {
 public:
  explicit Connection(const std::filesystem::path& file) {
    check(sqlite3_open_v2(file.c_str(), &db_,
                          SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr),
          "open");
    check(sqlite3_busy_timeout(db_, 60'000), "busy_timeout");
    run("PRAGMA journal_mode=WAL");
    run("PRAGMA synchronous=FULL");
    run("PRAGMA cache_size=-" + std::to_string(kCacheKib));
  }
  ~Connection() { sqlite3_close_v2(db_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void run(const std::string& sql) { check(sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, nullptr), sql); }
  void check(int rc, const std::string& what) const {
    if (rc != SQLITE_OK && rc != SQLITE_ROW && rc != SQLITE_DONE)
      throw Error(ErrorCode::io, "SQLite " + what + ": " + sqlite3_errmsg(db_));
  }
  sqlite3* get() const { return db_; }

 private:
  sqlite3* db_ = nullptr;
};

/// A prepared statement; texts that are bound must live until the next reset().
class Statement {
 public:
  Statement(Connection& on, const std::string& sql) : on_(on) {
    on.check(sqlite3_prepare_v3(on.get(), sql.c_str(), -1, SQLITE_PREPARE_PERSISTENT, &statement_, nullptr),
             sql);
  }
  ~Statement() { sqlite3_finalize(statement_); }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  void bind(int at, std::int64_t v) { on_.check(sqlite3_bind_int64(statement_, at, v), "bind"); }
  void bind(int at, double v) { on_.check(sqlite3_bind_double(statement_, at, v), "bind"); }
  void bind(int at, std::string_view v) {
    on_.check(sqlite3_bind_text(statement_, at, v.data(), static_cast<int>(v.size()), SQLITE_STATIC), "bind");
  }
  void bind_null(int at) { on_.check(sqlite3_bind_null(statement_, at), "bind"); }
  /// True: there is a row.
  bool step() {
    const int rc = sqlite3_step(statement_);
    on_.check(rc, "step");
    return rc == SQLITE_ROW;
  }
  void reset() { sqlite3_reset(statement_); }
  std::int64_t integer(int column) { return sqlite3_column_int64(statement_, column); }
  double real(int column) { return sqlite3_column_double(statement_, column); }
  /// Takes the row's values one by one, as a program would; gives something that depends on all.
  std::uint64_t read_row() {
    std::uint64_t seen = 0;
    for (int c = 0; c < sqlite3_column_count(statement_); ++c) {
      if (sqlite3_column_type(statement_, c) == SQLITE_TEXT) {
        row_.assign(reinterpret_cast<const char*>(sqlite3_column_text(statement_, c)),
                    static_cast<std::size_t>(sqlite3_column_bytes(statement_, c)));
        seen += row_.size();
      } else {
        seen += static_cast<std::uint64_t>(integer(c));
      }
    }
    return seen;
  }

 private:
  Connection& on_;
  sqlite3_stmt* statement_ = nullptr;
  std::string row_;
};

std::string sqlite_type(TypeId type) {
  if (is_variable(type)) return "TEXT";
  return type == TypeId::f64 || type == TypeId::f32 ? "REAL" : "INTEGER";
}

class Sqlite final : public System {
 public:
  std::string name() const override { return "sqlite"; }
  std::string version() const override {
    return std::string("SQLite ") + sqlite3_libversion() +
           " WAL, synchronous=FULL, prepared statements, 100 MiB cache";
  }

  void create(const std::filesystem::path& folder, const TableKind& kind) override {
    std::filesystem::create_directories(folder);
    writer_ = std::make_unique<Connection>(folder / "events.db");
    std::string columns;
    for (const ColumnSchema& c : kind.schema.columns())
      columns +=
          columns.empty() ? c.name + " INTEGER PRIMARY KEY" : ", " + c.name + " " + sqlite_type(c.type);
    writer_->run("CREATE TABLE events (" + columns + ")");
    begin(folder, kind);
  }
  void open(const std::filesystem::path& folder, const TableKind& kind) override {
    writer_ = std::make_unique<Connection>(folder / "events.db");
    begin(folder, kind);
  }
  void close() override {
    insert_.reset(), get_.reset();
    writer_.reset(), reader_.reset();
  }

  void write(const EventChunk& chunk, Handover) override {
    transaction([&] {
      for (const Event& e : chunk.rows) put(e);
    });
  }
  void write_one(const Event& event) override {
    const std::lock_guard turn(writing_);
    put(event);  // a transaction of its own
  }
  void write_rows(const Batch& batch) override {
    transaction([&] {
      for (std::size_t i = 0; i < static_cast<std::size_t>(batch.rows()); ++i) put(batch, i);
    });
  }
  void settle() override { writer_->run("PRAGMA wal_checkpoint(TRUNCATE)"); }

  bool get(std::uint64_t id) override {
    get_->bind(1, static_cast<std::int64_t>(id));
    const bool found = get_->step();
    if (found) seen_ = get_->read_row();
    get_->reset();
    return found;
  }
  Answer ask(const Asked& asked) override {
    const bool newest = asked.question == Question::newest;
    Statement s(*reader_, newest ? "SELECT * FROM events WHERE ts >= ?" : sql_of(asked));
    if (newest) s.bind(1, asked.from_ts);
    Answer a;
    while (s.step()) {
      a.rows += 1;
      if (asked.question == Question::group_by) {
        a.count += static_cast<std::uint64_t>(s.integer(1));
        a.sum += s.real(2);
      } else if (newest) {
        a.count += 1;
        seen_ = s.read_row();
      } else {
        a.count = static_cast<std::uint64_t>(s.integer(0));
      }
    }
    return a;
  }

 private:
  void begin(const std::filesystem::path& folder, const TableKind& kind) {
    std::string places;
    for (std::size_t c = 0; c < kind.schema.columns().size(); ++c) places += c == 0 ? "?" : ",?";
    insert_ = std::make_unique<Statement>(*writer_, "INSERT OR REPLACE INTO events VALUES (" + places + ")");
    reader_ = std::make_unique<Connection>(folder / "events.db");
    get_ = std::make_unique<Statement>(
        *reader_, "SELECT * FROM events WHERE " + kind.schema.columns()[0].name + " = ?");
  }
  template <class Body>
  void transaction(const Body& body) {
    const std::lock_guard turn(writing_);
    writer_->run("BEGIN IMMEDIATE");
    body();
    writer_->run("COMMIT");
  }
  void put(const Event& e) {
    insert_->bind(1, static_cast<std::int64_t>(e.id)), insert_->bind(2, e.ts), insert_->bind(3, e.user);
    insert_->bind(4, e.type), insert_->bind(5, e.country), insert_->bind(6, e.url);
    insert_->bind(7, e.amount), insert_->bind(8, std::int64_t{e.status}), insert_->bind(9, e.payload);
    insert_->step();
    insert_->reset();
  }
  void put(const Batch& batch, std::size_t row) {
    for (std::size_t c = 0; c < batch.columns().size(); ++c) {
      const Column& column = batch[c];
      const int at = static_cast<int>(c) + 1;
      if (column.is_null(row))
        insert_->bind_null(at);
      else if (is_variable(column.type))
        insert_->bind(at, column.bytes_at(row));
      else if (column.type == TypeId::f64)
        insert_->bind(at, column.as<double>()[row]);
      else if (column.type == TypeId::i32)
        insert_->bind(at, std::int64_t{column.as<std::int32_t>()[row]});
      else
        insert_->bind(at, column.as<std::int64_t>()[row]);  // the benchmark's other types have eight bytes
    }
    insert_->step();
    insert_->reset();
  }

  std::unique_ptr<Connection> writer_, reader_;
  std::unique_ptr<Statement> insert_, get_;
  std::mutex writing_;
  volatile std::uint64_t seen_ = 0;  // keeps the reading alive
};

}  // namespace

std::unique_ptr<System> make_sqlite() { return std::make_unique<Sqlite>(); }

}  // namespace firn::bench
