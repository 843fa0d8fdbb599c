// import.
#include <sys/stat.h>

#include <algorithm>
#include <charconv>

#include "bad_rows.hpp"
#include "commands.hpp"
#include "human.hpp"
#include "import_job.hpp"
#include "io/import_schema.hpp"
#include "open_database.hpp"
#include "output.hpp"
#include "table_options.hpp"

namespace firn::cli {
namespace {

constexpr std::size_t kBatchRowsMax = 10'000'000;
constexpr std::size_t kUpdateBatchRows = 1'000;  // other writers wait while rows are looked up
constexpr const char* kModes = "upsert|insert|update|update_or_insert";

struct ImportWords {
  std::string path, table, file;
  std::optional<io::RowFormat> format;
  std::optional<std::string> columns, bad;
  SchemaOptions keys;
  bool create = false;
  std::size_t batch_rows = 50'000;
  ImportSettings settings;
};

std::size_t parse_batch(const std::string& text) {
  std::size_t rows = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), rows);
  if (ec != std::errc() || end != text.data() + text.size() || rows == 0 || rows > kBatchRowsMax)
    throw UsageError("--batch " + text + " is no number of rows from 1 to " + std::to_string(kBatchRowsMax));
  return rows;
}

WriteMode parse_mode(const std::string& name) {
  if (name == "upsert") return WriteMode::upsert;
  if (name == "insert") return WriteMode::insert;
  if (name == "update") return WriteMode::update;
  if (name == "update_or_insert") return WriteMode::update_or_insert;
  throw UsageError("--mode " + name + " is none of " + std::string(kModes));
}

ImportWords read_words(const Arguments& a) {
  ImportWords w;
  w.path = a.word(0);
  w.table = a.word(1);
  w.file = a.word(2);
  w.create = a.has("create");
  for (const char* option : {"schema", "key", "time"})
    if (a.has(option) && !w.create)
      throw UsageError("--" + std::string(option) + " goes with --create: an existing table has its own");
  if (const auto name = a.value("format")) {
    w.format = io::row_format_of(*name);
    if (!w.format) throw UsageError("--format " + *name + " is none of " + std::string(io::kRowFormats));
  }
  w.columns = a.value("schema");
  if (const auto key = a.value("key")) w.keys.key = split_names("key", *key);
  if (const auto time = a.value("time")) w.keys.time = *time;
  w.bad = a.value("bad");
  if (const auto mode = a.value("mode")) w.settings.mode = parse_mode(*mode);
  if (updates(w.settings.mode)) w.batch_rows = kUpdateBatchRows;
  if (const auto rows = a.value("batch")) w.batch_rows = parse_batch(*rows);
  if (w.create && updates(w.settings.mode))
    throw UsageError("--create does not go with --mode " + *a.value("mode") +
                     ": that is for a table that exists");
  w.settings.acks = a.has("acks");
  w.settings.quiet = a.has("quiet");
  return w;
}

std::string names_of(const Schema& schema) {
  constexpr std::size_t kShown = 10;
  std::string names;
  for (std::size_t i = 0; i < std::min(schema.size(), kShown); ++i)
    names += (i == 0 ? "" : ", ") + schema[i].name;
  return names + (schema.size() > kShown ? ", ..." : "");
}

/// The new table's schema: columns as found in the input, keys as the user or the file (Arrow) says. Throws UsageError if
/// the words do not fit the input, Error if the input fits no table.
Schema schema_from(const Schema& found, const SchemaOptions& keys) {
  Result<Schema> schema = io::table_schema(found, keys);
  if (schema) return *schema;
  if (io::table_schema(found, {}))
    throw UsageError(schema.error().message() + "; the input has: " + names_of(found));
  throw Error(ErrorCode::invalid_argument,
              schema.error().message() + "; is it text whose first line names the columns?");
}

/// --create beside an existing table is a repeat of the same words; other words are refused.
void check_same(const Schema& existing, const ImportWords& w) {
  const bool same_columns =
      !w.columns || parse_schema(*w.columns, w.keys).to_string() == existing.to_string();
  const bool same_key = w.keys.key.empty() || w.keys.key == io::key_names(existing);
  const bool same_time = w.keys.time.empty() || w.keys.time == io::time_name(existing);
  if (same_columns && same_key && same_time) return;
  throw Failure(ExitStatus::failed, "table '" + w.table + "' exists with another schema (" +
                                        existing.to_string() +
                                        "); leave --create out or choose another name");
}

std::uint64_t size_of_input(const std::string& file) {
  struct stat info = {};
  if (file == "-" || ::stat(file.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) return 0;
  return static_cast<std::uint64_t>(info.st_size);
}

/// The target of an import: opened or created when the input has proved readable.
class ImportTarget {
 public:
  explicit ImportTarget(const ImportWords& words) : words_(words) {
    if (!words_.create) {
      db_ = open_for_writing(words_.path, notices());
      table_ = table_of(*db_, words_.table);
      return;
    }
    struct stat info = {};
    if (::stat(words_.path.c_str(), &info) != 0) return;
    db_ = open_or_create(words_.path, notices());
    const Result<HybridTable> existing = db_->table(words_.table);
    if (!existing) return;
    table_ = *existing;
    check_same(table_->schema(), words_);
  }

  /// What to ask of the input; nothing if it is to be found out: an update may have only some columns.
  std::optional<Schema> input_schema() {
    if (updates(words_.settings.mode)) return std::nullopt;
    if (table_) return io::input_columns(table_->schema());
    if (!words_.columns) return std::nullopt;
    schema_ = parse_schema(*words_.columns, words_.keys);
    return io::input_columns(schema_);
  }
  Schema choose(const Schema& found) {
    if (table_) return some_columns(found);
    schema_ = schema_from(found, words_.keys);
    return io::input_columns(schema_);
  }
  /// Requires that input_schema() or choose() has said what there is.
  HybridTable open() {
    if (table_) return *table_;
    if (!db_) db_ = open_or_create(words_.path, notices());
    table_ = db_->create_table(words_.table, schema_).value();
    return *table_;
  }
  Result<void> close() {
    table_.reset();
    return db_ ? db_->close() : Result<void>();
  }

 private:
  /// The input's columns as the table has them, and its key if they have that: a key that is too long is found with its
  /// line then. A column that the table lacks is refused by the write.
  Schema some_columns(const Schema& found) const {
    const Schema all = table_->schema();
    std::vector<ColumnSchema> columns;
    for (const ColumnSchema& c : found.columns()) {
      const auto known = all.find(c.name);
      columns.push_back(known ? all[*known] : c);
    }
    const std::vector<std::string> key = io::key_names(all);
    if (!key.empty())
      if (const auto keyed = Schema::make(columns, {.key = key})) return *keyed;
    return Schema::for_result(std::move(columns));
  }

  Notices notices() const { return words_.settings.quiet ? Notices::hidden : Notices::shown; }

  const ImportWords& words_;
  std::optional<Database> db_;
  std::optional<HybridTable> table_;
  Schema schema_;
};

std::string summary(const ImportOutcome& o) {
  const double seconds = static_cast<double>(std::max<std::int64_t>(o.elapsed_us, 1)) / 1e6;
  return "imported " + std::to_string(o.rows) + " rows in " + human_time(o.elapsed_us) + " (" +
         human_count(static_cast<double>(o.rows) / seconds) + " rows/s), " + std::to_string(o.commits) +
         " commits";
}

std::string so_far(const ImportOutcome& o) {
  return std::to_string(o.rows) + " rows in " + std::to_string(o.commits) +
         " commits are imported and durable";
}

Failure failure_of(const ImportOutcome& o, const ImportWords& w) {
  const std::string name = w.file == "-" ? "standard input" : w.file;
  std::string message = o.error->message();
  const ErrorCode code = o.error->code();
  if (!message.starts_with(name)) message.insert(0, name + ": ");
  // What a binary file has for a name would end the line, or the text.
  std::replace_if(
      message.begin(), message.end(), [](char c) { return static_cast<unsigned char>(c) < ' '; }, '?');
  if (o.error->misfit_line() && !w.bad)
    message += "; correct the row, or set such rows aside with --bad FILE";
  message += "; " + so_far(o);
  // Damage in the input is no damage of the database, and a row that is not there no database that is not.
  const bool of_rows = code == ErrorCode::corrupt || code == ErrorCode::not_found;
  return {of_rows ? ExitStatus::failed : status_of(code), message};
}

ExitStatus finish(const ImportOutcome& o, const ImportWords& w) {
  if (o.interrupted) throw Failure(ExitStatus::interrupted, "interrupted; " + so_far(o));
  if (o.error) throw failure_of(o, w);
  if (!w.settings.quiet) note(summary(o));
  if (o.bad_rows == 0) return ExitStatus::done;
  note("firn import: " + std::to_string(o.bad_rows) + " rows did not fit and are in " + *w.bad +
       "; correct them and import that part again");
  return ExitStatus::partly;
}

ExitStatus run(const Arguments& a) {
  ImportWords w = read_words(a);
  w.settings.bytes_total = size_of_input(w.file);
  ImportTarget target(w);
  io::RowSourceOptions options;
  options.path = w.file;
  options.format = w.format;
  options.batch_rows = w.batch_rows;
  options.schema = target.input_schema();
  const auto choice = std::make_shared<std::optional<UsageError>>();
  options.choose = [&target, choice](const Schema& found) -> Result<Schema> {
    try {
      return target.choose(found);
    } catch (const UsageError& e) {
      *choice = e;
      return Error(ErrorCode::invalid_argument, e.what());
    } catch (const Error& e) {
      return e;
    }
  };
  std::unique_ptr<io::RowSource> source;
  const auto bad_file = w.bad ? std::make_shared<BadRowFile>(*w.bad) : nullptr;
  if (bad_file) options.bad_rows = [bad_file](const text::BadRow& row) { return bad_file->add(row); };
  source = io::open_rows(options).value();
  ImportOutcome outcome = run_import(
      std::move(source), [&](const Schema&) { return target.open(); }, w.settings);
  if (*choice) throw UsageError(**choice);
  // An input of a header alone still makes its table.
  if (outcome.rows == 0 && !outcome.error && !outcome.interrupted) target.open();
  const Result<void> closed = target.close();
  if (bad_file && !outcome.error && !outcome.interrupted) bad_file->finish().value();
  const ExitStatus status = finish(outcome, w);
  closed.value();
  return status;
}

}  // namespace

std::vector<Command> import_commands() {
  return {
      {"import",
       "Writes the rows of a CSV, NDJSON or Arrow file into a table",
       {{"DB", "the database's folder"},
        {"TABLE", "the table"},
        {"FILE|-", "the file, or - for standard input; .zst and .gz are read directly"}},
       {{"format", io::kRowFormats, "default: by the file's name, else by its first bytes"},
        {"create", "", "make the database and the table if they are not there"},
        {"schema", "'COLUMNS'", "with --create: columns and types, instead of finding them out"},
        {"key", "COLUMN[,COLUMN]", "with --create: the key"},
        {"time", "COLUMN", "with --create: the column of event time"},
        {"mode", kModes,
         "upsert (default) replaces rows with the same key, insert refuses them; update sets only the "
         "columns "
         "of the file and refuses missing rows, update_or_insert inserts them"},
        {"batch", "ROWS", "rows a commit, default 50000; 1000 where rows are updated"},
        {"bad", "FILE", "set rows that do not fit aside (CSV: line, reason, row) and exit with 6"},
        {"acks", "", "print 'CSN ROWS TOTAL' for each batch when it is durable"},
        {"quiet", "", "no progress and no summary"}},
       "Columns are matched by name. Types are found from the first rows: whole numbers i64, then f64, "
       "dates, times,\n"
       "true and false, else utf8; an empty field is NULL, \"\" the empty text. Each batch is one commit: "
       "what was\n"
       "committed stays when a later row stops the import.",
       run},
  };
}

}  // namespace firn::cli
