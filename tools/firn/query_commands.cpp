// query, explain.
#include "commands.hpp"
#include "file_query.hpp"
#include "open_database.hpp"
#include "output.hpp"
#include "result_format.hpp"

namespace firn::cli {
namespace {

constexpr std::string_view kInMemory = ":memory:";

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

DataFrame answer_of(const std::string& path, const std::string& sql) {
  const Query query = parse(sql);
  if (query.from_file) {
    if (path != kInMemory) open_for_reading(path);  // a wrong name is told, though nothing is read from it
    return query_file(query);
  }
  if (path == kInMemory)
    throw Failure(ExitStatus::not_found, "the database :memory: has no tables; name a file: FROM 'data.csv'");
  const Database db = open_for_reading(path);
  table_of(db, query.table);
  Result<DataFrame> frame = db.query(sql);
  if (!frame) throw as_failed_query(frame.error());
  return *frame;
}

ExitStatus run_query(const Arguments& a) {
  const ResultFormat format = chosen_format(a);
  print_result(answer_of(a.word(0), a.word(1)), format);
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

}  // namespace

std::vector<Command> query_commands() {
  return {
      {"query",
       "Answers a SELECT",
       {{"DB", "the database's folder, or :memory: for a query over a file"},
        {"'SQL'", "SELECT ... FROM table; FROM 'file.csv' reads CSV, NDJSON and Arrow files in place"}},
       {{"format", kResultFormats, "default: table on a terminal, csv in a pipe"}},
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
  };
}

}  // namespace firn::cli
