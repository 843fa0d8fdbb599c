// tables, stats, tiers.
#include <algorithm>
#include <cmath>

#include "commands.hpp"
#include "human.hpp"
#include "json_text.hpp"
#include "open_database.hpp"
#include "output.hpp"
#include "text_table.hpp"

namespace firn::cli {
namespace {

struct NamedTier {
  std::string_view name;
  TierReport report;
};

std::vector<NamedTier> tiers_of(const TableStats& s) {
  return {{"hot", s.hot}, {"warm", s.warm}, {"cold", s.cold}};
}

std::vector<TableStats> stats_of(const Arguments& a) {
  const Database db = open_for_reading(a.word(0));
  std::vector<TableStats> list;
  for (const HybridTable& table : tables_of(db, a.optional_word(1)))
    list.push_back(table.get_stats().value());
  return list;
}

// --- tables ------------------------------------------------------------------------------------------------------

std::string key_of(const Schema& schema) {
  std::string text;
  for (const std::size_t column : schema.key()) text += (text.empty() ? "" : ",") + schema[column].name;
  return text;
}

std::string time_of(const Schema& schema) { return schema.time() ? schema[*schema.time()].name : ""; }

void add_table(JsonText& json, const HybridTable& table, const TableStats& stats) {
  const Schema schema = table.schema();
  json.begin_object().add("name", table.name()).add("rows", stats.rows).add("bytes", stats.bytes);
  json.begin_array("columns");
  for (const ColumnSchema& column : schema.columns())
    json.begin_object()
        .add("name", column.name)
        .add("type", name_of(column.type))
        .add("nullable", column.nullable)
        .end_object();
  json.end_array().begin_array("key");
  for (const std::size_t column : schema.key()) json.add("", schema[column].name);
  json.end_array();
  if (schema.time())
    json.add("time", time_of(schema));
  else
    json.add_null("time");
  json.begin_object("options");
  for (const auto& option : table.config().options()) json.add(option.name, option.value);
  json.end_object().end_object();
}

ExitStatus run_tables(const Arguments& a) {
  const Database db = open_for_reading(a.word(0));
  JsonText json;
  json.begin_object().begin_array("tables");
  TextTable text({"table", ">rows", ">bytes", "key", "time", "columns"});
  for (const HybridTable& table : tables_of(db, a.optional_word(1))) {
    const TableStats stats = table.get_stats().value();
    const Schema schema = table.schema();
    add_table(json, table, stats);
    text.add({table.name(), std::to_string(stats.rows), human_bytes(stats.bytes), key_of(schema),
              time_of(schema), schema.to_string()});
  }
  json.end_array().end_object();
  print(a.has("json") ? json.text() : text.text());
  return ExitStatus::done;
}

// --- stats -------------------------------------------------------------------------------------------------------

void add_tiers(JsonText& json, const TableStats& s) {
  json.begin_object("tiers");
  for (const auto& [name, tier] : tiers_of(s))
    json.begin_object(name)
        .add("rows", tier.rows)
        .add("bytes", tier.bytes)
        .add("files", tier.files)
        .end_object();
  json.end_object();
}

void add_pins(JsonText& json, const TableStats& s) {
  json.begin_array("pin_list");
  for (const PinReport& p : s.pin_list)
    json.begin_object().add("owner", p.owner).add("csn", p.csn.value).add("age_us", p.age_us).end_object();
  json.end_array();
}

void add_stats(JsonText& json, const TableStats& s) {
  json.begin_object().add("name", s.name).add("csn", s.csn.value).add("rows", s.rows).add("bytes", s.bytes);
  add_tiers(json, s);
  if (s.last_commit_time.us != 0)
    json.add("last_commit_time", format_timestamp(s.last_commit_time.us));
  else
    json.add_null("last_commit_time");
  json.add("history_rows", s.history_rows)
      .add("history_bytes", s.history_bytes)
      .add("log_bytes", s.log_bytes)
      .add("checkpoint_bytes", s.checkpoint_bytes)
      .add("pins", s.pins)
      .add("horizon", s.horizon.value)
      .add("reads", s.reads)
      .add("writes", s.writes)
      .add("workload", name_of(s.workload))
      .add("write_amplification", s.write_amplification)
      .add("recovery_us", s.recovery_us)
      .add("jobs_refused", s.jobs_refused)
      .add("read_only_reason", s.read_only_reason)
      .begin_array("cursors");
  for (const CursorInfo& c : s.cursors)
    json.begin_object()
        .add("name", c.name)
        .add("csn", c.csn.value)
        .add("lag_commits", c.lag_commits)
        .add("lag_us", c.lag_us)
        .add("limit_us", c.limit.count())
        .add("fell_behind", c.fell_behind)
        .end_object();
  json.end_array().add("versions", s.versions).add("lag_commits", s.lag_commits).add("lag_keys", s.lag_keys);
  add_pins(json, s);
  json.end_object();
}

std::string stats_text(const TableStats& s) {
  std::string out = s.name + "\n";
  const auto line = [&](std::string_view name, const std::string& value) {
    out += "  " + std::string(name) + std::string(20 - name.size(), ' ') + value + "\n";
  };
  line("rows", std::to_string(s.rows));
  line("bytes", human_bytes(s.bytes));
  line("csn", std::to_string(s.csn.value));
  line("last commit", s.last_commit_time.us == 0 ? "none" : format_timestamp(s.last_commit_time.us));
  for (const auto& [name, tier] : tiers_of(s))
    line(name, std::to_string(tier.rows) + " rows, " + human_bytes(tier.bytes) + ", " +
                   std::to_string(tier.files) + " files");
  line("history", std::to_string(s.history_rows) + " rows, " + human_bytes(s.history_bytes) +
                      ", readable from CSN " + std::to_string(s.horizon.value));
  line("log, checkpoints", human_bytes(s.log_bytes) + ", " + human_bytes(s.checkpoint_bytes));
  line("versions", std::to_string(s.versions) + ", ends behind by " + std::to_string(s.lag_commits) +
                       " commits, " + std::to_string(s.lag_keys) + " keys");
  for (const PinReport& p : s.pin_list)
    line("snapshot", p.owner + " at CSN " + std::to_string(p.csn.value) + " for " + human_time(p.age_us));
  line("workload", std::string(name_of(s.workload)));
  if (s.write_amplification > 0) line("write amplification", decimals(s.write_amplification, 2));
  line("recovery", s.recovery_us == 0 ? "none was needed" : human_time(s.recovery_us));
  if (s.jobs_refused != 0) line("refused jobs", std::to_string(s.jobs_refused) + ", nothing was changed");
  if (!s.read_only_reason.empty()) line("read-only", s.read_only_reason);
  for (const CursorInfo& c : s.cursors)
    line("cursor", c.name + " at CSN " + std::to_string(c.csn.value) + ", " + std::to_string(c.lag_commits) +
                       " commits, " + human_time(c.lag_us) + " behind" +
                       (c.fell_behind ? ": its history is gone" : ""));
  return out;
}

ExitStatus run_stats(const Arguments& a) {
  const std::vector<TableStats> all = stats_of(a);
  if (!a.has("json")) {
    std::string out;
    for (const TableStats& s : all) out += (out.empty() ? "" : "\n") + stats_text(s);
    print(out.empty() ? "the database has no tables\n" : out);
    return ExitStatus::done;
  }
  JsonText json;
  const bool one = a.optional_word(1).has_value();
  if (!one) json.begin_object().begin_array("tables");
  for (const TableStats& s : all) add_stats(json, s);
  if (!one) json.end_array().end_object();
  print(json.text());
  return ExitStatus::done;
}

// --- tiers -------------------------------------------------------------------------------------------------------

constexpr std::size_t kTierBarWidth = 24;

double part_of(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

std::string bar_of(double part) {
  const auto length = static_cast<std::size_t>(std::lround(part * static_cast<double>(kTierBarWidth)));
  std::string text;
  for (std::size_t i = 0; i < std::max<std::size_t>(length, part > 0 ? 1 : 0); ++i)
    text += use_unicode() ? "█" : "#";
  return text;
}

std::string percent(double part) { return decimals(part * 100, 1) + " %"; }

std::string paint(std::string_view tier, const std::string& line) {
  if (!use_colour()) return line;
  const char* colour = tier == "hot" ? "\033[31m" : tier == "warm" ? "\033[33m" : "\033[36m";
  return colour + line + "\033[0m";
}

std::string tiers_text(const TableStats& s) {
  std::uint64_t rows = 0, bytes = 0;
  for (const auto& [name, tier] : tiers_of(s)) rows += tier.rows, bytes += tier.bytes;
  TextTable table({"  tier", ">rows", ">share", "rows", ">bytes", ">share", "bytes"});
  for (const auto& [name, tier] : tiers_of(s)) {
    const double row_part = part_of(tier.rows, rows), byte_part = part_of(tier.bytes, bytes);
    const std::string bar = bar_of(row_part);
    table.add({"  " + std::string(name), std::to_string(tier.rows), percent(row_part),
               bar + std::string(kTierBarWidth - display_width(bar), ' '), human_bytes(tier.bytes),
               percent(byte_part), bar_of(byte_part)});
  }
  std::string out = s.name + "  " + std::to_string(s.rows) + " rows, " + human_bytes(s.bytes) + "\n";
  const std::string text = table.text();
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text.find('\n', at);
    const std::string line = text.substr(at, end - at);
    const std::string_view word = std::string_view(line).substr(2, line.find(' ', 2) - 2);
    out += (word == "tier" ? line : paint(word, line)) + "\n";
    at = end + 1;
  }
  return out;
}

ExitStatus run_tiers(const Arguments& a) {
  const std::vector<TableStats> all = stats_of(a);
  if (!a.has("json")) {
    std::string out;
    for (const TableStats& s : all) out += (out.empty() ? "" : "\n") + tiers_text(s);
    print(out.empty() ? "the database has no tables\n" : out);
    return ExitStatus::done;
  }
  JsonText json;
  const bool one = a.optional_word(1).has_value();
  if (!one) json.begin_object().begin_array("tables");
  for (const TableStats& s : all) {
    json.begin_object().add("name", s.name).add("rows", s.rows).add("bytes", s.bytes);
    add_tiers(json, s);
    json.end_object();
  }
  if (!one) json.end_array().end_object();
  print(json.text());
  return ExitStatus::done;
}

}  // namespace

std::vector<Command> table_listings() {
  const Positional db{"DB", "the database's folder"}, table{"TABLE", "default: all tables", Need::optional};
  const Option json{"json", "", "as JSON"};
  return {
      {"tables", "Lists tables with their keys and columns", {db, table}, {json}, "", run_tables},
      {"stats",
       "Shows rows, bytes, history, logs and workload of tables",
       {db, table},
       {json},
       "With --json a table is {name, csn, rows, bytes, tiers: {hot: {rows, bytes, files}, warm, cold}, "
       "...}, and a\n"
       "database {tables: [...]}. Rows are live ones, bytes are what the files occupy.",
       run_stats},
      {"tiers", "Draws how rows and bytes are spread over the tiers", {db, table}, {json}, "", run_tiers},
  };
}

}  // namespace firn::cli
