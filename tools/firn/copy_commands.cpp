// backup, restore, export, migrate.
#include <sys/stat.h>

#include <algorithm>
#include <cctype>

#include "commands.hpp"
#include "human.hpp"
#include "interrupt.hpp"
#include "io/compress.hpp"
#include "open_database.hpp"
#include "output.hpp"
#include "progress.hpp"
#include "row_writer.hpp"
#include "table_options.hpp"

namespace firn::cli {
namespace {

void say_copied(const Arguments& a, const char* done, const BackupReport& report, std::int64_t elapsed_us) {
  if (a.has("quiet")) return;
  note(std::string(done) + " " + std::to_string(report.tables) + " tables, " + std::to_string(report.files) +
       " files, " + human_bytes(report.bytes) + " in " + human_time(elapsed_us));
}

/// An interruption that the library has seen to: nothing half is left.
template <class T>
T finished(Result<T> result) {
  if (!result && result.error().code() == ErrorCode::cancelled && interrupted())
    throw Failure(ExitStatus::interrupted, "interrupted: " + result.error().message());
  return std::move(result).value();
}

ExitStatus run_backup(const Arguments& a) {
  Database db = open_for_writing(a.word(0));
  const Cooperative until_copied;
  const Progress clock(false, 0);
  const BackupReport report = finished(db.backup(a.word(1), {.cancel = interruption()}));
  db.close().value();
  say_copied(a, "backed up", report, clock.elapsed_us());
  return ExitStatus::done;
}

ExitStatus run_restore(const Arguments& a) {
  const Cooperative until_copied;
  const Progress clock(false, 0);
  const BackupReport report = finished(Database::restore(a.word(0), a.word(1), {.cancel = interruption()}));
  say_copied(a, "restored and checked", report, clock.elapsed_us());
  return ExitStatus::done;
}

std::uint64_t size_of(const std::string& file) {
  struct stat info = {};
  if (::stat(file.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) return 0;
  return static_cast<std::uint64_t>(info.st_size);
}

ExitStatus run_migrate(const Arguments& a) {
  MigrateOptions options;
  if (const auto key = a.value("key")) options.key = split_names("key", *key);
  options.time = a.value("time").value_or("");
  options.table = a.value("table").value_or("");
  options.cancel = interruption();
  Database db = open_for_writing(a.word(1));
  const Cooperative until_moved;
  Progress progress(!a.has("quiet"), size_of(a.word(0)));
  options.progress = [&](const MigrateReport& r) { progress.show(r.rows, r.bytes); };
  Result<MigrateReport> moved = migrate_to_hybrid(a.word(0), db, a.word(2), options);
  progress.clear();
  if (!moved && moved.error().code() == ErrorCode::corrupt)  // no damage of the database
    throw Failure(ExitStatus::failed, moved.error().message());
  const MigrateReport report = finished(std::move(moved));
  db.close().value();
  if (!a.has("quiet"))
    note("migrated " + std::to_string(report.rows) + " rows in " + human_time(progress.elapsed_us()) + ", " +
         std::to_string(report.commits) + " commits" +
         (report.replaced == 0
              ? ""
              : ", " + std::to_string(report.replaced) + " replaced by later rows of their key"));
  return ExitStatus::done;
}

bool is_select(const std::string& text) {
  constexpr std::string_view kSelect = "select";
  const auto begin =
      std::find_if_not(text.begin(), text.end(), [](unsigned char c) { return std::isspace(c); });
  const auto size = static_cast<std::size_t>(text.end() - begin);
  return size > kSelect.size() &&
         std::equal(kSelect.begin(), kSelect.end(), begin,
                    [](char k, unsigned char c) { return k == std::tolower(c); }) &&
         std::isalnum(static_cast<unsigned char>(begin[static_cast<std::ptrdiff_t>(kSelect.size())])) == 0;
}

/// Rows on their way into a file.
class ExportFile {
 public:
  ExportFile(const Arguments& a, WriterFormat format)
      : format_(format), sink_(io::create_sink(a.word(2)).value()), progress_(!a.has("quiet"), 0) {}

  /// The columns of what is written; before the first rows.
  void begin(const Schema& schema) {
    writer_ = make_row_writer(format_, schema,
                              [this](std::span<const std::uint8_t> bytes) { return sink_->write(bytes); });
  }
  Result<void> write(const Batch& rows) {
    if (interrupted()) return Error(ErrorCode::cancelled, "the file is not written");
    FIRN_TRY(writer_->write(rows));
    rows_ += static_cast<std::uint64_t>(rows.rows());
    progress_.show(rows_, sink_->bytes_written());
    return {};
  }
  Result<void> finish() {
    FIRN_TRY(writer_->finish());
    FIRN_TRY(sink_->finish());
    progress_.clear();
    return {};
  }
  std::string summary() const {
    return "exported " + std::to_string(rows_) + " rows in " + human_time(progress_.elapsed_us()) + ", " +
           human_bytes(sink_->bytes_written());
  }

 private:
  WriterFormat format_;
  std::unique_ptr<io::ByteSink> sink_;
  std::unique_ptr<RowWriter> writer_;
  Progress progress_;
  std::uint64_t rows_ = 0;
};

/// As SELECT * gives them: without `_row`.
Batch visible_columns(const Batch& rows, const Schema& visible) {
  std::vector<Column> columns(rows.columns().begin(),
                              rows.columns().begin() + static_cast<std::ptrdiff_t>(visible.size()));
  return {visible, rows.rows(), std::move(columns)};
}

Result<void> export_table(const HybridTable& table, ExportFile& file) {
  const Schema schema = table.schema();
  if (!schema.has_row_key()) {
    file.begin(schema);
    FIRN_TRY(table.export_all([&](const Batch& rows) { return file.write(rows); }));
    return file.finish();
  }
  std::vector<ColumnSchema> columns = schema.columns();
  columns.pop_back();
  const Schema visible = Schema::for_result(std::move(columns));
  file.begin(visible);
  FIRN_TRY(table.export_all([&](const Batch& rows) { return file.write(visible_columns(rows, visible)); }));
  return file.finish();
}

Result<void> export_answer(const Database& db, const std::string& sql, ExportFile& file) {
  const Result<DataFrame> answer = db.query(sql, {.timeout = {}, .cancel = interruption()});
  if (!answer) {
    if (answer.error().code() == ErrorCode::cancelled) return answer.error();
    throw as_failed_query(answer.error());
  }
  file.begin(answer->batch().schema());
  FIRN_TRY(file.write(answer->batch()));
  return file.finish();
}

ExitStatus run_export(const Arguments& a) {
  const std::string& what = a.word(1);
  const auto format = writer_format_of(a.word(2));
  if (!format)
    throw UsageError(
        "the name " + a.word(2) +
        " tells no format; end it with .csv, .json, .ndjson, .arrow or .arrows, and .zst or .gz");
  const Database db = open_for_reading(a.word(0));
  const bool by_query = is_select(what) && !db.table(what);
  std::optional<HybridTable> table;
  if (!by_query) table = table_of(db, what);
  const Cooperative until_written;
  ExportFile file(a, *format);
  finished(by_query ? export_answer(db, what, file) : export_table(*table, file));
  if (!a.has("quiet")) note(file.summary());
  return ExitStatus::done;
}

}  // namespace

std::vector<Command> copy_commands() {
  const Option quiet{"quiet", "", "no progress and no summary"};
  return {
      {"backup",
       "Copies a database, all tables with their history, to a new folder and checks what it reads",
       {{"DB", "the database's folder"}, {"DEST", "the new folder; it must not exist"}},
       {quiet},
       "The copy is a database itself; 'firn restore' checks it and brings it to its place. It has its name "
       "only "
       "when\n"
       "it is whole and durable: until then it is DEST.partial, which the next backup to DEST removes.",
       run_backup},
      {"restore",
       "Copies a backup to a new place and checks every byte of the copy",
       {{"SRC", "the backup, or the folder of a database that nobody has open"},
        {"DB", "the new database's folder; it must not exist"}},
       {quiet},
       "",
       run_restore},
      {"export",
       "Writes a table, or the answer to a SELECT, into a file",
       {{"DB", "the database's folder"},
        {"TABLE|'SQL'", "the table, or SELECT ..."},
        {"FILE",
         "a new file; its name tells the format: .csv .json .ndjson .arrow .arrows, then .zst or .gz"}},
       {quiet},
       "The rows are those of one moment. The file has its name only when it is whole.",
       run_export},
      {"migrate",
       "Makes a table from a CSV, NDJSON, Arrow or SQLite file or an LMDB environment",
       {{"SOURCE", "the file (.zst and .gz are read directly), or LMDB's folder"},
        {"DB", "the database's folder"},
        {"TABLE", "the new table"}},
       {{"table", "NAME", "of a SQLite file or LMDB environment: which of several"},
        {"key", "COLUMN[,COLUMN]", "the key; default: as the source says, else none"},
        {"time", "COLUMN", "the column of event time"},
        quiet},
       "Types are found from the rows, as 'firn import --create' does. What was committed stays when a later "
       "row "
       "stops it.",
       run_migrate},
  };
}

}  // namespace firn::cli
