// create, alter, delete, set.
#include "commands.hpp"
#include "open_database.hpp"
#include "output.hpp"
#include "table_options.hpp"

namespace firn::cli {
namespace {

ExitStatus run_create(const Arguments& a) {
  SchemaOptions options;
  if (const auto key = a.value("key")) options.key = split_names("key", *key);
  if (const auto time = a.value("time")) options.time = *time;
  const Schema schema = parse_schema(*a.value("schema"), options);
  HybridTableConfig config;
  for (const std::string& setting : a.values("set")) apply_setting(config, setting);
  Database db = open_or_create(a.word(0));
  db.create_table(a.word(1), schema, config).value();
  db.close().value();
  return ExitStatus::done;
}

ExitStatus run_alter(const Arguments& a) {
  const std::string& text = a.word(2);  // a wrong one is found before a database is opened
  const Result<AlterStatement> statement = parse_alter(text);
  if (!statement) throw as_failed_query(statement.error());
  if (a.has("dry-run")) {
    const Database db = open_for_reading(a.word(0));
    const HybridTable table = table_of(db, a.word(1));
    statement->check_addressee(table.name()).value();
    const Result<Schema> after = apply_change(table.schema(), statement->change);
    if (!after) throw as_failed_query(after.error());
    print("would make the columns: " + after->to_string() + "\n");
    return ExitStatus::done;
  }
  Database db = open_for_writing(a.word(0));
  HybridTable table = table_of(db, a.word(1));
  const Result<Commit> commit = table.alter(text);
  if (!commit) throw as_failed_query(commit.error());
  const std::string columns = table.schema().to_string();
  db.close().value();
  print("altered by commit " + std::to_string(commit->csn.value) + ": " + columns + "\n");
  return ExitStatus::done;
}

std::int64_t count_rows(const HybridTable& table, const std::string& condition) {
  const std::string sql =
      "SELECT count(*) FROM " + quoted_name(table.name()) + " WHERE (" + condition + "\n)";
  Result<DataFrame> answer = table.query(sql);
  if (!answer) throw as_failed_query(answer.error());
  return answer->at(0, 0).to_i64();
}

ExitStatus run_delete(const Arguments& a) {
  const std::string where = *a.value("where");
  if (Result<Query> condition = parse_condition(where); !condition) throw as_failed_query(condition.error());
  if (a.has("dry-run")) {
    const Database db = open_for_reading(a.word(0));
    const std::int64_t rows = count_rows(table_of(db, a.word(1)), where);
    print("would delete " + std::to_string(rows) + " rows\n");
    return ExitStatus::done;
  }
  Database db = open_for_writing(a.word(0));
  Result<Commit> commit = table_of(db, a.word(1)).remove_where(where);
  if (!commit) throw as_failed_query(commit.error());
  db.close().value();
  print("deleted " + std::to_string(commit->rows) + " rows\n");
  return ExitStatus::done;
}

std::string value_of(const HybridTableConfig& config, const std::string& name) {
  for (const HybridTableConfig::Option& option : config.options())
    if (option.name == name) return option.value;
  return "";
}

ExitStatus run_set(const Arguments& a) {
  const bool dry_run = a.has("dry-run");
  HybridTableConfig unchecked;  // wrong words are found before a database is opened
  for (const std::string& setting : a.words_from(2)) apply_setting(unchecked, setting);
  Database db = dry_run ? open_for_reading(a.word(0)) : open_for_writing(a.word(0));
  HybridTable table = table_of(db, a.word(1));
  const HybridTableConfig before = table.config();
  HybridTableConfig after = before;
  std::vector<std::string> names;
  for (const std::string& setting : a.words_from(2)) names.push_back(apply_setting(after, setting));
  if (!dry_run) {
    table.configure(after).value();
    db.close().value();
  }
  for (const std::string& name : names)
    print((dry_run ? "would set " : "") + name + ": " + value_of(before, name) + " -> " +
          value_of(after, name) + "\n");
  return ExitStatus::done;
}

std::string option_list() {
  std::string text = "Options:\n";
  for (const auto& option : HybridTableConfig{}.options())
    text += "  " + option.name + "=" + option.value + "  (" + option.meaning + ")\n";
  text += "Times are written 10s, 5m, 1h, 7d; sizes 64KiB, 10MiB, 1GiB. Shown are the defaults.";
  return text;
}

}  // namespace

std::vector<Command> write_commands() {
  static const std::string options = option_list();
  return {
      {"create",
       "Makes a table, and the database if there is none",
       {{"DB", "the database's folder"}, {"TABLE", "the new table's name"}},
       {{"schema", "'COLUMNS'", "columns with their types: 'id u64, ts timestamp, note utf8'", true},
        {"key", "COLUMN[,COLUMN]", "the key; without it rows get a number, _row"},
        {"time", "COLUMN", "the column of event time, for SINCE"},
        {"set", "OPTION=VALUE", "an option of the table; see 'firn set --help'", false, true}},
       "Types: bool, i8 i16 i32 i64, u8 u16 u32 u64, f32 f64, utf8, binary, timestamp, date; 'not null' "
       "behind a\n"
       "type keeps NULL out.",
       run_create},
      {"alter",
       "Adds, drops, renames or widens a column",
       {{"DB", "the database's folder"},
        {"TABLE", "the table"},
        {"'CHANGE'", "'ADD x i64 DEFAULT 5', 'DROP x', 'RENAME a TO b', 'ALTER a TYPE i64'"}},
       {{"dry-run", "", "only say what the columns would be"}},
       "No row is rewritten. Rows that are there take the DEFAULT; a type can only become one that holds "
       "every\n"
       "value of the old one; key columns can only be renamed. AS OF an earlier time answers with the "
       "columns\n"
       "of then, dropped ones too, as long as the table's history option says.",
       run_alter},
      {"delete",
       "Deletes the rows that meet a condition",
       {{"DB", "the database's folder"}, {"TABLE", "the table"}},
       {{"where", "'EXPR'", "a SQL condition: \"origin = 'ATL'\"", true},
        {"dry-run", "", "only say how many rows would be deleted"}},
       "Deleted rows stay readable through AS OF as long as the table's history option says.",
       run_delete},
      {"set",
       "Changes options of a table",
       {{"DB", "the database's folder"},
        {"TABLE", "the table"},
        {"option=value", "what to change", Need::repeated}},
       {{"dry-run", "", "only show what would change"}},
       options,
       run_set},
  };
}

}  // namespace firn::cli
