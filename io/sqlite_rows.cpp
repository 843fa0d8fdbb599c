#include "io/sqlite_rows.hpp"

#ifdef FIRN_SQLITE
#include <sqlite3.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <map>

#include "io/import_schema.hpp"
#endif

namespace firn::io {

#ifdef FIRN_SQLITE
namespace {

constexpr int kRowsLookedAt = 10'000;             // as many as of CSV
constexpr std::size_t kBatchBytesMax = 64 << 20;  // large values make small batches

struct CloseSqlite {
  void operator()(sqlite3* db) const { sqlite3_close_v2(db); }
};
using SqliteFile = std::unique_ptr<sqlite3, CloseSqlite>;

struct FinishStatement {
  void operator()(sqlite3_stmt* s) const { sqlite3_finalize(s); }
};
using Statement = std::unique_ptr<sqlite3_stmt, FinishStatement>;

Error failed(sqlite3* db, const std::string& path) {
  const int code = sqlite3_errcode(db) & 0xff;
  const ErrorCode kind = code == SQLITE_CORRUPT || code == SQLITE_NOTADB ? ErrorCode::corrupt
                         : code == SQLITE_BUSY || code == SQLITE_LOCKED  ? ErrorCode::busy
                         : code == SQLITE_NOMEM                          ? ErrorCode::memory
                                                                         : ErrorCode::io;
  return {kind, path + ": SQLite: " + sqlite3_errmsg(db)};
}

std::string sql_name(std::string_view name) {
  std::string text = "\"";
  for (const char c : name) text += c == '"' ? std::string("\"\"") : std::string(1, c);
  return text + "\"";
}

std::string_view bytes_at(sqlite3_stmt* s, int column) {
  const void* data = sqlite3_column_blob(s, column);  // first: it may convert, and the length follows it
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(s, column));
  return {static_cast<const char*>(data), data == nullptr ? 0 : size};
}

std::string_view text_at(sqlite3_stmt* s, int column) {
  const unsigned char* data = sqlite3_column_text(s, column);
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(s, column));
  return {reinterpret_cast<const char*>(data), data == nullptr ? 0 : size};  // NOLINT
}

/// A column as declared, and what its first values are: SQLite's columns may hold anything.
struct FoundColumn {
  std::string name, declared;  ///< declared: upper case
  bool not_null = false;
  int key_place = 0;  ///< from 1; 0: no part of the key
  bool whole = false, real = false, text = false, blob = false;
  bool flags = true, times = true, dates = true;  ///< so far every value could be one

  bool says(std::string_view word) const { return declared.find(word) != std::string::npos; }
  void look(sqlite3_stmt* s, int column) {
    const int type = sqlite3_column_type(s, column);
    if (type == SQLITE_NULL) return;
    whole = whole || type == SQLITE_INTEGER;
    real = real || type == SQLITE_FLOAT;
    text = text || type == SQLITE_TEXT;
    blob = blob || type == SQLITE_BLOB;
    if (type == SQLITE_INTEGER) {
      const auto v = sqlite3_column_int64(s, column);
      flags = flags && (v == 0 || v == 1);
      dates = false;
    } else {
      flags = false;
      times = times && type == SQLITE_TEXT && (!says("TIME") || parse_timestamp(text_at(s, column)).ok());
      dates = dates && type == SQLITE_TEXT && (!says("DATE") || parse_date(text_at(s, column)).ok());
    }
  }
  TypeId type() const {
    if (says("BOOL") && flags) return TypeId::boolean;
    if ((says("DATETIME") || says("TIMESTAMP")) && times) return TypeId::timestamp;
    if (says("DATE") && !says("DATETIME") && dates) return TypeId::date;
    if (blob) return TypeId::binary;
    if (text) return TypeId::utf8;
    if (real) return TypeId::f64;
    if (whole && key_place != 0) return TypeId::i64;
    if (says("INT")) return TypeId::i64;  // from here on SQLite's rules of affinity
    if (says("CHAR") || says("CLOB") || says("TEXT")) return TypeId::utf8;
    if (says("REAL") || says("FLOA") || says("DOUB") || says("NUM") || says("DEC")) return TypeId::f64;
    if (whole) return TypeId::i64;
    return says("BLOB") ? TypeId::binary : TypeId::utf8;
  }
};

class SqliteRows : public RowSource {
 public:
  SqliteRows(SqliteFile db, const RowSourceOptions& options) : options_(options), db_(std::move(db)) {}

  Result<void> begin() {
    // One transaction, so that all that is read is of one moment.
    FIRN_ASSIGN(const Statement begun, prepare("BEGIN"));
    FIRN_TRY(step(begun.get()));
    FIRN_ASSIGN(table_, choose_table());
    return look_at_columns();
  }

  Result<std::optional<Batch>> next() override {
    if (!statement_) FIRN_TRY(start());
    std::vector<ColumnBuilder> builders;
    for (const ColumnSchema& c : options_.schema->columns()) builders.emplace_back(c.type);
    std::size_t rows = 0, bytes = 0;
    while (!ended_ && rows < options_.batch_rows && bytes < kBatchBytesMax) {
      FIRN_ASSIGN(const bool there, step(statement_.get()));
      ended_ = !there;
      if (!there) break;
      ++rows;
      ++rows_;
      for (std::size_t i = 0; i < builders.size(); ++i) {
        const Result<void> taken = take(builders[i], (*options_.schema)[i], sources_[i]);
        if (!taken)
          return taken.error().within(options_.path + ": row " + std::to_string(rows_) + ", column \"" +
                                      (*options_.schema)[i].name + "\"");
        if (sources_[i] >= 0)
          bytes += static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), sources_[i]));
      }
    }
    if (rows == 0) return std::optional<Batch>();
    std::vector<Column> columns;
    for (ColumnBuilder& b : builders) columns.push_back(b.finish());
    return std::optional<Batch>(Batch(*options_.schema, static_cast<std::int64_t>(rows), std::move(columns)));
  }

  const Schema& schema() const override { return *options_.schema; }
  std::uint64_t consumed() const override {
    return ended_ ? bytes_ : 0;
  }  // SQLite does not say how far it is
  std::uint64_t bad_rows() const override { return 0; }

 private:
  Result<Statement> prepare(const std::string& sql) {
    sqlite3_stmt* s = nullptr;
    if (sqlite3_prepare_v2(db_.get(), sql.c_str(), -1, &s, nullptr) != SQLITE_OK)
      return failed(db_.get(), options_.path);
    return Statement(s);
  }
  /// True: there is a row.
  Result<bool> step(sqlite3_stmt* s) {
    const int code = sqlite3_step(s);
    if (code == SQLITE_ROW) return true;
    if (code == SQLITE_DONE) return false;
    return failed(db_.get(), options_.path);
  }

  Result<std::string> choose_table() {
    FIRN_ASSIGN(
        const Statement s,
        prepare("SELECT name, type FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE "
                "'sqlite@_%' ESCAPE '@' ORDER BY name"));
    std::vector<std::string> tables;
    for (;;) {
      FIRN_ASSIGN(const bool there, step(s.get()));
      if (!there) break;
      std::string name(text_at(s.get(), 0));
      if (name == options_.table) return name;
      if (text_at(s.get(), 1) == "table") tables.push_back(std::move(name));
    }
    std::string names;
    for (const std::string& name : tables) names += (names.empty() ? "" : ", ") + name;
    if (!options_.table.empty())
      return Error(ErrorCode::not_found,
                   options_.path + ": no table \"" + options_.table + "\"; there are: " + names);
    if (tables.size() == 1) return tables.front();
    if (tables.empty())
      return Error(ErrorCode::not_found, options_.path + ": a SQLite database without a table");
    return Error(ErrorCode::invalid_argument, options_.path + ": say which of its tables is meant: " + names);
  }

  Result<void> look_at_columns() {
    FIRN_ASSIGN(const Statement info, prepare("PRAGMA table_xinfo(" + sql_name(table_) + ")"));
    for (;;) {
      FIRN_ASSIGN(const bool there, step(info.get()));
      if (!there) break;
      constexpr int kHidden = 1;  // of a virtual table; 2 and 3 are generated columns, and as good as others
      if (sqlite3_column_int(info.get(), 6) == kHidden) continue;
      FoundColumn c;
      c.name = text_at(info.get(), 1);
      c.declared = text_at(info.get(), 2);
      for (char& letter : c.declared)
        letter = static_cast<char>(std::toupper(static_cast<unsigned char>(letter)));
      c.not_null = sqlite3_column_int(info.get(), 3) != 0;
      c.key_place = sqlite3_column_int(info.get(), 5);
      found_.push_back(std::move(c));
    }
    FIRN_ASSIGN(const Statement s, prepare(select() + " LIMIT " + std::to_string(kRowsLookedAt)));
    for (;;) {
      FIRN_ASSIGN(const bool there, step(s.get()));
      if (!there) return {};
      for (std::size_t i = 0; i < found_.size(); ++i) found_[i].look(s.get(), static_cast<int>(i));
    }
  }
  std::string select() const {
    std::string columns;
    for (const FoundColumn& c : found_) columns += (columns.empty() ? "" : ", ") + sql_name(c.name);
    return "SELECT " + columns + " FROM " + sql_name(table_);
  }
  Result<Schema> found_schema() const {
    std::vector<ColumnSchema> columns;
    std::map<int, std::string> key;
    for (const FoundColumn& c : found_) {
      columns.push_back({0, c.name, c.type(), !c.not_null, {}});
      if (c.key_place != 0) key[c.key_place] = c.name;
    }
    if (key.empty()) return Schema::for_result(std::move(columns));
    SchemaOptions options;
    for (const auto& [place, name] : key) options.key.push_back(name);
    return Schema::make(std::move(columns), options);
  }

  Result<void> start() {
    if (!options_.schema) {
      FIRN_ASSIGN(const Schema found, found_schema());
      FIRN_ASSIGN(options_.schema, options_.chosen(found, input_columns(found)));
    }
    sources_.assign(options_.schema->size(), -1);
    for (std::size_t i = 0; i < found_.size(); ++i) {
      const auto to = options_.schema->find(found_[i].name);
      if (!to)
        return Error(ErrorCode::invalid_argument,
                     "column \"" + found_[i].name + "\" of the input is not in the table");
      sources_[*to] = static_cast<int>(i);
    }
    FIRN_ASSIGN(statement_, prepare(select()));
    std::error_code ignored;
    bytes_ = std::filesystem::file_size(options_.path, ignored);
    return {};
  }

  Result<void> take(ColumnBuilder& to, const ColumnSchema& column, int from) {
    sqlite3_stmt* s = statement_.get();
    const int type = from < 0 ? SQLITE_NULL : sqlite3_column_type(s, from);
    if (type == SQLITE_NULL) {
      const Value instead = from < 0 ? column.default_value : Value();
      if (instead.is_null() && !column.nullable)
        return Error(ErrorCode::invalid_argument, "NULL where none may be");
      return to.append(instead);
    }
    if (to.type() == TypeId::utf8) {
      if (type == SQLITE_BLOB) return Error(ErrorCode::type_mismatch, "a BLOB in a column of texts");
      return to.append_text(text_at(s, from));
    }
    if (to.type() == TypeId::binary) {
      const std::string_view bytes = type == SQLITE_BLOB ? bytes_at(s, from) : text_at(s, from);
      return to.append(Value::of_bytes(TypeId::binary, std::string(bytes)));
    }
    if (type == SQLITE_FLOAT) return to.append_double(sqlite3_column_double(s, from));
    if (type != SQLITE_INTEGER) return to.append_text(text_at(s, from));
    const std::int64_t v = sqlite3_column_int64(s, from);
    if (to.type() == TypeId::timestamp) return to.append(Value(Timestamp{time_from_number(v)}));
    if (to.type() == TypeId::boolean && (v == 0 || v == 1)) return to.append(Value(v == 1));
    return to.append_integer(v);
  }

  RowSourceOptions options_;
  SqliteFile db_;
  std::string table_;
  std::vector<FoundColumn> found_;
  std::vector<int> sources_;  ///< by column of the schema; -1: the input lacks it
  Statement statement_;       ///< goes before the file does
  std::uint64_t rows_ = 0, bytes_ = 0;
  bool ended_ = false;
};

}  // namespace

Result<std::unique_ptr<RowSource>> open_sqlite_rows(const RowSourceOptions& options) {
  sqlite3* raw = nullptr;
  const int code = sqlite3_open_v2(options.path.c_str(), &raw, SQLITE_OPEN_READONLY, nullptr);
  SqliteFile db(raw);
  if (code != SQLITE_OK) return failed(raw, options.path);
  sqlite3_busy_timeout(raw, 5'000);
  auto rows = std::make_unique<SqliteRows>(std::move(db), options);
  FIRN_TRY(rows->begin());
  return std::unique_ptr<RowSource>(std::move(rows));
}

#else

Result<std::unique_ptr<RowSource>> open_sqlite_rows(const RowSourceOptions& options) {
  return Error(ErrorCode::unsupported,
               options.path +
                   ": a SQLite database, and this firn was built without SQLite; write its table out first: "
                   "sqlite3 -csv -header FILE 'SELECT * FROM t'");
}

#endif

}  // namespace firn::io
