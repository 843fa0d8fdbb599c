// DuckDB: columns in row groups, a write-ahead log that each commit syncs. Its table has no index: that is its fastest
// form for all that is measured here, so it is not asked to replace rows by key.
#include <cstring>

#include "tools/bench/duckdb_library.hpp"
#include "tools/bench/firn_rows.hpp"

namespace firn::bench {

namespace {

constexpr const char* kFile = "events.duckdb";

const duck::Library& lib() { return duckdb_library(); }

void succeed(duck::State state, const char* what) {
  if (state != duck::kSuccess) throw Error(ErrorCode::io, std::string("DuckDB ") + what + " failed");
}

class DuckResult {
 public:
  DuckResult() = default;
  ~DuckResult() { lib().destroy_result(&data_); }
  DuckResult(const DuckResult&) = delete;
  DuckResult& operator=(const DuckResult&) = delete;
  duck::ResultData* fill() { return &data_; }
  void expect(duck::State state, const std::string& what) {
    if (state == duck::kSuccess) return;
    const char* why = lib().result_error(&data_);
    throw Error(ErrorCode::io, "DuckDB " + what + ": " + (why == nullptr ? "failed" : why));
  }
  /// Calls use(chunk, rows) for all rows.
  template <class Use>
  void each_chunk(const Use& use) {
    while (duck::Handle chunk = lib().fetch_chunk(data_)) {
      use(chunk, lib().data_chunk_get_size(chunk));
      lib().destroy_data_chunk(&chunk);
    }
  }

 private:
  duck::ResultData data_{};
};

template <class T>
const T* values(duck::Handle chunk, std::uint64_t column) {
  return static_cast<const T*>(lib().vector_get_data(lib().data_chunk_get_vector(chunk, column)));
}

struct ColumnType {
  duck::Type id;
  const char* sql;
};
ColumnType duck_type(TypeId type) {
  switch (type) {
    case TypeId::u64:
      return {duck::kUbigint, "UBIGINT"};
    case TypeId::i64:
      return {duck::kBigint, "BIGINT"};
    case TypeId::i32:
      return {duck::kInteger, "INTEGER"};
    case TypeId::f64:
      return {duck::kDouble, "DOUBLE"};
    case TypeId::timestamp:
      return {duck::kTimestamp, "TIMESTAMP"};
    default:
      return {duck::kVarchar, "VARCHAR"};
  }
}

/// A chunk of DuckDB's own form, filled from batches again and again.
class DuckChunk {
 public:
  explicit DuckChunk(const Schema& schema) {
    std::vector<duck::Handle> types;
    for (const ColumnSchema& c : schema.columns())
      types.push_back(lib().create_logical_type(duck_type(c.type).id));
    chunk_ = lib().create_data_chunk(types.data(), types.size());
    for (duck::Handle& t : types) lib().destroy_logical_type(&t);
  }
  ~DuckChunk() { lib().destroy_data_chunk(&chunk_); }
  DuckChunk(const DuckChunk&) = delete;
  DuckChunk& operator=(const DuckChunk&) = delete;

  duck::Handle fill(const Batch& batch, std::size_t first, std::size_t rows) {
    lib().data_chunk_reset(chunk_);
    for (std::size_t c = 0; c < batch.columns().size(); ++c)
      fill(lib().data_chunk_get_vector(chunk_, c), batch[c], first, rows);
    lib().data_chunk_set_size(chunk_, rows);
    return chunk_;
  }

 private:
  static void fill(duck::Handle vector, const Column& column, std::size_t first, std::size_t rows) {
    if (is_variable(column.type)) {
      for (std::size_t i = 0; i < rows; ++i) {
        const std::string_view text = column.bytes_at(first + i);
        lib().vector_assign_string_element_len(vector, i, text.data(), text.size());
      }
    } else {
      const std::size_t width = width_of(column.type);
      std::memcpy(lib().vector_get_data(vector), column.values.data() + first * width, rows * width);
    }
    if (column.null_count == 0) return;
    lib().vector_ensure_validity_writable(vector);
    std::uint64_t* valid = lib().vector_get_validity(vector);
    for (std::size_t i = 0; i < rows; ++i)
      if (column.is_null(first + i)) valid[i / 64] &= ~(std::uint64_t{1} << (i % 64));
  }
  duck::Handle chunk_ = nullptr;
};

class DuckDb final : public System {
 public:
  ~DuckDb() override { close(); }
  std::string name() const override { return "duckdb"; }
  std::string version() const override {
    return std::string("DuckDB ") + lib().library_version() + " a commit a batch, no index, default settings";
  }
  Skills skills() const override {
    return {.many_writers = false, .upserts = false, .recovers = false, .reads_csv = true};
  }

  void create(const std::filesystem::path& folder, const TableKind& kind) override {
    std::filesystem::create_directories(folder);
    std::string columns;
    for (const ColumnSchema& c : kind.schema.columns())
      columns += (columns.empty() ? "\"" : ", \"") + c.name + "\" " + duck_type(c.type).sql;
    connect(folder);
    run("CREATE TABLE events (" + columns + ")");
    begin(kind);
  }
  void open(const std::filesystem::path& folder, const TableKind& kind) override {
    connect(folder);
    begin(kind);
  }
  void close() override {
    if (database_ == nullptr) return;
    if (insert_ != nullptr) lib().destroy_prepare(&insert_);
    if (get_ != nullptr) lib().destroy_prepare(&get_);
    lib().disconnect(&connection_);
    lib().close(&database_);
    database_ = nullptr;
  }

  void write(const EventChunk& chunk, Handover how) override {
    if (how == Handover::arrow) return write_rows(chunk.batch);
    append([&](duck::Handle appender) {
      for (const Event& e : chunk.rows) append_row(appender, e);
    });
  }
  void write_one(const Event& e) override {
    succeed(lib().bind_uint64(insert_, 1, e.id), "bind");
    succeed(lib().bind_timestamp(insert_, 2, {e.ts}), "bind");
    succeed(lib().bind_int64(insert_, 3, e.user), "bind");
    succeed(lib().bind_varchar_length(insert_, 4, e.type.data(), e.type.size()), "bind");
    succeed(lib().bind_varchar_length(insert_, 5, e.country.data(), e.country.size()), "bind");
    succeed(lib().bind_varchar_length(insert_, 6, e.url.data(), e.url.size()), "bind");
    succeed(lib().bind_double(insert_, 7, e.amount), "bind");
    succeed(lib().bind_int32(insert_, 8, e.status), "bind");
    succeed(lib().bind_varchar_length(insert_, 9, e.payload.data(), e.payload.size()), "bind");
    DuckResult result;
    result.expect(lib().execute_prepared(insert_, result.fill()), "insert");
  }
  void write_rows(const Batch& batch) override {
    DuckChunk chunk(batch.schema());
    const std::size_t most = lib().vector_size();
    append([&](duck::Handle appender) {
      const auto rows = static_cast<std::size_t>(batch.rows());
      for (std::size_t at = 0; at < rows; at += most)
        succeed(lib().append_data_chunk(appender, chunk.fill(batch, at, std::min(most, rows - at))),
                "append");
    });
  }
  void settle() override { run("CHECKPOINT"); }
  void import_csv(const std::filesystem::path& folder, const std::filesystem::path& csv) override {
    std::filesystem::create_directories(folder);
    connect(folder);
    run("SET threads TO 2");
    run("CREATE TABLE flights AS SELECT * FROM read_csv('" + csv.string() + "')");
    close();
  }
  std::optional<std::uint64_t> parquet_bytes(const std::filesystem::path& file) override {
    run("COPY events TO '" + file.string() + "' (FORMAT parquet, COMPRESSION zstd)");
    return std::filesystem::file_size(file);
  }

  bool get(std::uint64_t id) override {
    succeed(lib().bind_uint64(get_, 1, id), "bind");
    DuckResult result;
    result.expect(lib().execute_prepared(get_, result.fill()), "get");
    std::uint64_t rows = 0;
    result.each_chunk([&](duck::Handle, std::uint64_t n) { rows += n; });
    return rows == 1;
  }
  Answer ask(const Asked& asked) override {
    DuckResult result;
    const std::string sql = sql_of(asked);
    result.expect(lib().query(connection_, sql.c_str(), result.fill()), sql);
    Answer a;
    result.each_chunk([&](duck::Handle chunk, std::uint64_t rows) {
      a.rows += rows;
      if (asked.question == Question::newest) {
        a.count += rows;
        return;
      }
      const bool grouped = asked.question == Question::group_by;
      const auto* counts = values<std::int64_t>(chunk, grouped ? 1 : 0);
      for (std::uint64_t i = 0; i < rows; ++i) {
        a.count += static_cast<std::uint64_t>(counts[i]);
        if (grouped) a.sum += values<double>(chunk, 2)[i];
      }
    });
    return a;
  }

 private:
  void connect(const std::filesystem::path& folder) {
    succeed(lib().open((folder / kFile).c_str(), &database_), "open");
    succeed(lib().connect(database_, &connection_), "connect");
  }
  void begin(const TableKind& kind) {
    std::string places;
    for (std::size_t c = 0; c < kind.schema.columns().size(); ++c) places += c == 0 ? "?" : ",?";
    const std::string insert = "INSERT INTO events VALUES (" + places + ")";
    succeed(lib().prepare(connection_, insert.c_str(), &insert_), "prepare");
    const std::string get = "SELECT * FROM events WHERE \"" + kind.schema.columns()[0].name + "\" = ?";
    succeed(lib().prepare(connection_, get.c_str(), &get_), "prepare");
  }
  void run(const std::string& sql) {
    DuckResult result;
    result.expect(lib().query(connection_, sql.c_str(), result.fill()), sql);
  }
  /// One durable transaction of what body(appender) appends.
  template <class Body>
  void append(const Body& body) {
    run("BEGIN");
    duck::Handle appender = nullptr;
    succeed(lib().appender_create(connection_, nullptr, "events", &appender), "appender_create");
    body(appender);
    succeed(lib().appender_destroy(&appender), "append");
    run("COMMIT");
  }
  static void append_row(duck::Handle to, const Event& e) {
    lib().append_uint64(to, e.id);
    lib().append_timestamp(to, {e.ts});
    lib().append_int64(to, e.user);
    lib().append_varchar_length(to, e.type.data(), e.type.size());
    lib().append_varchar_length(to, e.country.data(), e.country.size());
    lib().append_varchar_length(to, e.url.data(), e.url.size());
    lib().append_double(to, e.amount);
    lib().append_int32(to, e.status);
    lib().append_varchar_length(to, e.payload.data(), e.payload.size());
    succeed(lib().appender_end_row(to), "append");
  }

  duck::Handle database_ = nullptr, connection_ = nullptr, insert_ = nullptr, get_ = nullptr;
};

}  // namespace

std::unique_ptr<System> make_duckdb() {
  if (!duckdb_found())
    throw Error(ErrorCode::invalid_argument, "duckdb: no library is found; name it with --duckdb LIB");
  return std::make_unique<DuckDb>();
}

}  // namespace firn::bench
