// segments, decisions.
#include <algorithm>
#include <charconv>

#include "commands.hpp"
#include "human.hpp"
#include "json_text.hpp"
#include "open_database.hpp"
#include "output.hpp"
#include "text_table.hpp"

namespace firn::cli {
namespace {

constexpr std::size_t kKeyWidthMax = 24;  // longer keys are cut in the listing; --json has them whole

std::string shortened(const std::string& text) {
  if (display_width(text) <= kKeyWidthMax) return text;
  std::string out;
  std::size_t width = 0;
  for (const char c : text) {
    if ((static_cast<unsigned char>(c) & 0xC0U) != 0x80U && ++width > kKeyWidthMax - 3) break;
    out += c;
  }
  return out + "...";
}

std::string ratio_of(std::uint64_t logical, std::uint64_t bytes) {
  return bytes == 0 ? "-" : decimals(static_cast<double>(logical) / static_cast<double>(bytes), 1);
}

std::string bytes_a_row(std::uint64_t bytes, std::uint64_t rows) {
  return rows == 0 ? "-" : decimals(static_cast<double>(bytes) / static_cast<double>(rows), 2);
}

std::optional<std::uint64_t> segment_id(const Arguments& a) {
  const auto word = a.optional_word(2);
  if (!word) return std::nullopt;
  std::uint64_t id = 0;
  const auto [end, ec] = std::from_chars(word->data(), word->data() + word->size(), id);
  if (ec != std::errc() || end != word->data() + word->size())
    throw UsageError("'" + *word + "' is no segment number");
  return id;
}

std::vector<SegmentView> segments_of(const HybridTable& table, bool columns,
                                     std::optional<std::uint64_t> id) {
  std::vector<SegmentView> list = table.segments(columns).value();
  if (!id) return list;
  std::erase_if(list, [&](const SegmentView& s) { return s.id != *id; });
  if (list.empty())
    throw Failure(ExitStatus::not_found, "table '" + table.name() + "' has no segment " +
                                             std::to_string(*id) + "; 'firn segments DB " + table.name() +
                                             "' lists them");
  return list;
}

std::string list_text(const std::vector<SegmentView>& list) {
  TextTable text({">id", "tier", "kind", ">rows", ">ended", ">bytes", ">csn", "keys"});
  for (const SegmentView& s : list)
    text.add({std::to_string(s.id), std::string(name_of(s.tier)), s.history ? "history" : "current",
              std::to_string(s.rows), std::to_string(s.ended), human_bytes(s.bytes),
              std::to_string(s.csn_min) + ".." + std::to_string(s.csn_max),
              shortened(s.key_min) + " .. " + shortened(s.key_max)});
  return text.text();
}

std::string columns_text(const SegmentView& s) {
  TextTable text({"  column", "encoding", ">bytes", ">bytes/row", ">ratio", "why"});
  for (const SegmentColumn& c : s.columns)
    text.add({"  " + c.name, c.encoding, human_bytes(c.bytes), bytes_a_row(c.bytes, s.rows),
              ratio_of(c.logical_bytes, c.bytes), c.why});
  return text.text();
}

void add_segment(JsonText& json, const SegmentView& s, bool columns) {
  json.begin_object()
      .add("id", s.id)
      .add("tier", name_of(s.tier))
      .add("kind", s.history ? "history" : "current")
      .add("rows", s.rows)
      .add("ended", s.ended)
      .add("bytes", s.bytes)
      .add("csn_min", s.csn_min)
      .add("csn_max", s.csn_max)
      .add("key_min", s.key_min)
      .add("key_max", s.key_max)
      .add("path", s.path);
  if (columns) {
    json.begin_array("columns");
    for (const SegmentColumn& c : s.columns)
      json.begin_object()
          .add("name", c.name)
          .add("encoding", c.encoding)
          .add("bytes", c.bytes)
          .add("logical_bytes", c.logical_bytes)
          .add("why", c.why)
          .end_object();
    json.end_array();
  }
  json.end_object();
}

ExitStatus run_segments(const Arguments& a) {
  const std::optional<std::uint64_t> id = segment_id(a);
  const bool columns = a.has("columns") || id;
  const bool one = a.optional_word(1).has_value();
  const Database db = open_for_reading(a.word(0));
  JsonText json;
  std::string text;
  if (!one) json.begin_object().begin_array("tables");
  for (const HybridTable& table : tables_of(db, a.optional_word(1))) {
    const std::vector<SegmentView> list = segments_of(table, columns, id);
    json.begin_object().add("name", table.name()).begin_array("segments");
    for (const SegmentView& s : list) add_segment(json, s, columns);
    json.end_array().end_object();
    if (!one) text += (text.empty() ? "" : "\n") + table.name() + "\n";
    if (!columns) text += list_text(list);
    for (std::size_t i = 0; columns && i < list.size(); ++i)
      text += (i == 0 ? "" : "\n") + list_text({list[i]}) + columns_text(list[i]);
  }
  if (!one) json.end_array().end_object();
  print(a.has("json") ? json.text() : text);
  return ExitStatus::done;
}

ExitStatus run_decisions(const Arguments& a) {
  const bool one = a.optional_word(1).has_value();
  const Database db = open_for_reading(a.word(0));
  JsonText json;
  if (!one) json.begin_object().begin_array("tables");
  TextTable text({"time", "table", "action", "subject", "reason"});
  for (const HybridTable& table : tables_of(db, a.optional_word(1))) {
    json.begin_object().add("name", table.name()).begin_array("decisions");
    for (const Decision& d : table.decisions().value()) {
      json.begin_object()
          .add("time", format_timestamp(d.time.us))
          .add("action", d.action)
          .add("subject", d.subject)
          .add("reason", d.reason)
          .end_object();
      text.add({format_timestamp(d.time.us), table.name(), d.action, d.subject, d.reason});
    }
    json.end_array().end_object();
  }
  if (!one) json.end_array().end_object();
  if (a.has("json"))
    print(json.text());
  else
    print(text.empty() ? "no decisions so far\n" : text.text());
  return ExitStatus::done;
}

}  // namespace

std::vector<Command> file_listings() {
  const Positional db{"DB", "the database's folder"}, table{"TABLE", "default: all tables", Need::optional};
  const Option json{"json", "", "as JSON"};
  return {
      {"segments",
       "Lists the files of the warm and cold tiers",
       {db, table, {"SEGMENT", "one of them, by its number, with its columns", Need::optional}},
       {{"columns", "", "with each column: encoding, bytes, ratio to plain values, and why"}, json},
       "Kind is current (each key once) or history (versions that ended). Ended rows of a current file were "
       "replaced\n"
       "or deleted since. The CSN range says which commits the rows come from.",
       run_segments},
      {"decisions",
       "Lists what was moved, merged or set lately, and why",
       {db, table},
       {json},
       "",
       run_decisions},
  };
}

}  // namespace firn::cli
