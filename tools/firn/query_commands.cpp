// query, explain, diff.
#include "commands.hpp"
#include "interrupt.hpp"
#include "open_database.hpp"
#include "output.hpp"
#include "result_format.hpp"

namespace firn::cli {
namespace {

ResultFormat chosen_format(const Arguments& a) {
  const auto name = a.value("format");
  if (!name) return stdout_is_terminal() ? ResultFormat::table : ResultFormat::csv;
  if (const auto format = result_format_of(*name)) return *format;
  throw UsageError("--format " + *name + " is none of " + std::string(kResultFormats));
}

Query parse(const std::string& sql) {
  Result<Query> query = parse_query(sql);
  if (!query) throw as_failed_query(query.error());
  return *query;
}

QueryOptions options_of(const Arguments& a) {
  QueryOptions options;
  options.cancel = interruption();
  const auto text = a.value("timeout");
  if (!text) return options;
  const Result<std::int64_t> us = parse_duration(*text);
  if (!us || *us <= 0) throw UsageError("--timeout " + *text + " is no duration such as 5s or 2m");
  options.timeout = std::chrono::microseconds(*us);
  return options;
}

/// Damage in a file that is read in place is no damage of the database; the file itself may be what is not found.
Failure failure_over_file(const Error& error) {
  const bool damaged = error.code() == ErrorCode::corrupt;
  return {damaged ? ExitStatus::failed : status_of(error.code()),
          damaged ? error.message() : advice_for(error)};
}

/// Ctrl-C ends the query, not the process: folders of databases in memory go, locks are let go.
Result<DataFrame> ask(const Database& db, const std::string& sql, const QueryOptions& options) {
  const Cooperative until_answered;
  return db.query(sql, options);
}

ExitStatus run_query(const Arguments& a) {
  const ResultFormat format = chosen_format(a);
  const QueryOptions options = options_of(a);
  const Query query = parse(a.word(1));
  const Database db = open_for_reading(a.word(0));
  if (!query.from_file) table_of(db, query.table);
  const Result<DataFrame> frame = ask(db, a.word(1), options);
  if (!frame && interrupted()) throw Failure(ExitStatus::interrupted, "interrupted");
  if (!frame) throw query.from_file ? failure_over_file(frame.error()) : as_failed_query(frame.error());
  print_result(*frame, format);
  return ExitStatus::done;
}

ExitStatus run_explain(const Arguments& a) {
  const Query query = parse(a.word(1));
  if (query.from_file)
    throw Failure(ExitStatus::failed, "explain works on tables; a file is always read from end to end");
  const Database db = open_for_reading(a.word(0));
  table_of(db, query.table);
  Result<StoragePlan> plan = db.explain(a.word(1), a.has("analyze"));
  if (!plan) throw as_failed_query(plan.error());
  std::string out;
  for (const std::string& line : plan->lines) out += line + "\n";
  print(out);
  return ExitStatus::done;
}

/// A whole number is a CSN, anything else a time.
Csn commit_of(const HybridTable& table, std::string_view option, const std::string& text) {
  const bool whole = !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
  if (whole) {
    const Result<Value> csn = Value(text).cast(TypeId::u64);
    if (!csn) throw UsageError("--" + std::string(option) + " " + text + " is no CSN");
    return Csn{csn->to_u64()};
  }
  const Result<std::int64_t> us = parse_timestamp(text);
  if (!us)
    throw UsageError("--" + std::string(option) + " " + text +
                     " is neither a CSN nor a time such as 2026-01-31T12:00:00Z");
  return table.csn_at(Timestamp{*us}).value();
}

ExitStatus run_diff(const Arguments& a) {
  const ResultFormat format = chosen_format(a);
  const QueryOptions options = options_of(a);
  const Database db = open_for_reading(a.word(0));
  const HybridTable table = table_of(db, a.word(1));
  const Csn from = commit_of(table, "from", *a.value("from"));
  const auto end = a.value("to");
  const Csn to = end ? commit_of(table, "to", *end) : table.snapshot().value().csn();
  const Result<DataFrame> frame = [&] {
    const Cooperative until_answered;
    return table.net_changes(from, to, options);
  }();
  if (!frame && interrupted()) throw Failure(ExitStatus::interrupted, "interrupted");
  if (!frame) throw frame.error();
  print_result(*frame, format);
  return ExitStatus::done;
}

}  // namespace

std::vector<Command> query_commands() {
  return {
      {"query",
       "Answers a SELECT",
       {{"DB", "the database's folder, or :memory: for a query over a file"},
        {"'SQL'", "SELECT ... FROM table; FROM 'file.csv' reads CSV, NDJSON and Arrow files in place"}},
       {{"format", kResultFormats, "default: table on a terminal, csv in a pipe"},
        {"timeout", "DURATION", "give up after this time: 500ms, 5s, 2m"}},
       "Data goes to standard output, everything else to standard error. In CSV, NULL is empty and the empty "
       "text is\n"
       "\"\". The format arrow is an Arrow IPC stream. A table shows the first and last rows of a long "
       "answer.",
       run_query},
      {"explain",
       "Shows how a query would be answered: which tiers and files, and what is passed over",
       {{"DB", "the database's folder"}, {"'SQL'", "SELECT ..."}},
       {{"analyze", "", "run the query and show what it read and how long it took"}},
       "",
       run_explain},
      {"diff",
       "Shows which rows were inserted, updated and deleted between two commits",
       {{"DB", "the database's folder"}, {"TABLE", "a table"}},
       {{"from", "CSN|TIME", "the earlier state: after this commit, or as of this time (ISO 8601)", true},
        {"to", "CSN|TIME", "the later state; default now"},
        {"format", kResultFormats, "default: table on a terminal, csv in a pipe"},
        {"timeout", "DURATION", "give up after this time: 500ms, 5s, 2m"}},
       "One row a key: _op says insert, update or delete, _csn and _time its last commit; then the row, a "
       "deleted one\n"
       "as it was. Every single change: firn query DB 'SELECT * FROM TABLE CHANGES SINCE CSN WITH BEFORE'.",
       run_diff},
  };
}

}  // namespace firn::cli
