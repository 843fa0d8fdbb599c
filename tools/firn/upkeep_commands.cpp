// compact, optimize, checkpoint, verify.
#include "commands.hpp"
#include "human.hpp"
#include "json_text.hpp"
#include "open_database.hpp"
#include "output.hpp"
#include "text_table.hpp"

namespace firn::cli {
namespace {

StorageTier target_of(const Arguments& a) {
  const std::string name = a.value("to").value_or("cold");
  const auto tier = tier_from_name(name);
  if (!tier || *tier == StorageTier::none) throw UsageError("--to " + name + " is none of hot|warm|cold");
  return *tier;
}

void add_result(JsonText& json, const std::string& table, const OptimizationResult& r) {
  json.begin_object()
      .add("name", table)
      .add("bytes_before", r.bytes_before)
      .add("bytes_after", r.bytes_after);
  json.begin_array("decisions");
  for (const Decision& d : r.decisions)
    json.begin_object()
        .add("time", format_timestamp(d.time.us))
        .add("action", d.action)
        .add("subject", d.subject)
        .add("reason", d.reason)
        .end_object();
  json.end_array().end_object();
}

std::string result_text(const std::string& table, const OptimizationResult& r) {
  std::string out = table + ": " + human_bytes(r.bytes_before) + " -> " + human_bytes(r.bytes_after) + ", " +
                    std::to_string(r.decisions.size()) + " changes\n";
  if (r.decisions.empty()) return out;
  TextTable text({"  action", "subject", "reason"});
  for (const Decision& d : r.decisions) text.add({"  " + d.action, d.subject, d.reason});
  return out + text.text();
}

template <class Work>
ExitStatus for_each_table(const Arguments& a, const Work& work) {
  Database db = open_for_writing(a.word(0));
  JsonText json;
  json.begin_object().begin_array("tables");
  for (HybridTable& table : tables_of(db, a.optional_word(1))) {
    const OptimizationResult result = work(table);
    add_result(json, table.name(), result);
    if (!a.has("json")) print(result_text(table.name(), result));
  }
  json.end_array().end_object();
  db.close().value();
  if (a.has("json")) print(json.text());
  return ExitStatus::done;
}

std::string moved_text(const TableStats& s, StorageTier to) {
  std::string out;
  const std::pair<StorageTier, const TierReport*> tiers[] = {
      {StorageTier::hot, &s.hot}, {StorageTier::warm, &s.warm}, {StorageTier::cold, &s.cold}};
  for (const auto& [tier, report] : tiers) {
    if (report->rows == 0 && report->files == 0) continue;
    const std::string what = std::to_string(report->rows) + " rows (" + human_bytes(report->bytes) + ", " +
                             std::to_string(report->files) + " files)";
    if (tier != to)
      out += s.name + ": would move " + what + " from " + std::string(name_of(tier)) + " to " +
             std::string(name_of(to)) + "\n";
    else if (report->files > 1)
      out += s.name + ": may merge " + what + " in " + std::string(name_of(to)) + "\n";
  }
  return out.empty() ? s.name + ": nothing to move\n" : out;
}

ExitStatus run_compact(const Arguments& a) {
  const StorageTier to = target_of(a);
  if (a.has("dry-run")) {
    const Database db = open_for_reading(a.word(0));
    for (const HybridTable& table : tables_of(db, a.optional_word(1)))
      print(moved_text(table.get_stats().value(), to));
    return ExitStatus::done;
  }
  return for_each_table(a, [to](HybridTable& table) { return table.compact({.to = to}).value(); });
}

ExitStatus run_optimize(const Arguments& a) {
  return for_each_table(a, [](HybridTable& table) { return table.optimize().value(); });
}

ExitStatus run_checkpoint(const Arguments& a) {
  Database db = open_for_writing(a.word(0));
  for (HybridTable& table : tables_of(db, a.optional_word(1))) table.checkpoint().value();
  db.close().value();
  return ExitStatus::done;
}

ExitStatus run_verify(const Arguments& a) {
  const bool deep = a.has("deep");
  const Database db = open_for_reading(a.word(0));
  std::size_t tables = 0, findings = 0;
  std::string out;
  for (const HybridTable& table : tables_of(db, std::nullopt)) {
    ++tables;
    for (const std::string& finding : table.verify(deep).value()) {
      ++findings;
      out += table.name() + ": " + finding + "\n";
    }
  }
  if (findings == 0) {
    print("sound: " + std::to_string(tables) + " tables" + (deep ? ", every byte was read\n" : "\n"));
    return ExitStatus::done;
  }
  print(out);
  throw Failure(ExitStatus::damaged,
                std::to_string(findings) +
                    " findings of damage; restore the files named above from a backup, or "
                    "look at them with 'firn inspect FILE'");
}

}  // namespace

std::vector<Command> upkeep_commands() {
  const Positional db{"DB", "the database's folder"}, table{"TABLE", "default: all tables", Need::optional};
  const Option json{"json", "", "as JSON"};
  return {
      {"compact",
       "Moves all rows to one tier whatever their age, merges, and returns when settled",
       {db, table},
       {{"to", "hot|warm|cold", "default cold"}, {"dry-run", "", "only say what would be moved"}, json},
       "",
       run_compact},
      {"optimize",
       "Does now what the rules of age, size and access would do in time, and says why",
       {db, table},
       {json},
       "",
       run_optimize},
      {"checkpoint", "Writes the hot tier out and cuts the commit log", {db, table}, {}, "", run_checkpoint},
      {"verify",
       "Checks the files of a database: exit status 0 sound, 4 damaged",
       {db},
       {{"deep", "", "read every byte and check every checksum"}},
       "Without --deep only names, lengths and headers are checked. Nothing is changed.",
       run_verify},
  };
}

}  // namespace firn::cli
