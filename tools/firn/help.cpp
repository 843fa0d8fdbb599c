// Synopsis and help, made from the command table; and the nearest name to a mistyped one.
#include <algorithm>
#include <numeric>

#include "command.hpp"

namespace firn::cli {
namespace {

std::string option_text(const Option& option) {
  std::string text = "--" + std::string(option.name);
  if (!option.value.empty()) text += " " + std::string(option.value);
  return text;
}

void add_entries(std::string& out, const std::vector<std::pair<std::string, std::string_view>>& entries) {
  constexpr std::size_t kWidthMax = 32;
  std::size_t width = 0;
  for (const auto& [left, right] : entries)
    if (left.size() <= kWidthMax) width = std::max(width, left.size());
  for (const auto& [left, right] : entries) {
    out += "  " + left;
    if (left.size() > width)
      out += "\n  " + std::string(width, ' ');
    else
      out += std::string(width - left.size(), ' ');
    out.append("  ").append(right).append("\n");
  }
}

// Letters to insert, delete, replace or swap to make `b` of `a`.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> two_ago(b.size() + 1), previous(b.size() + 1), row(b.size() + 1);
  std::iota(previous.begin(), previous.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = a[i - 1] == b[j - 1] ? 0 : 1;
      row[j] = std::min({previous[j] + 1, row[j - 1] + 1, previous[j - 1] + change});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], two_ago[j - 2] + 1);
    }
    two_ago.swap(previous);
    previous.swap(row);
  }
  return previous[b.size()];
}

}  // namespace

std::string nearest(std::string_view word, std::span<const std::string_view> names) {
  std::string_view best;
  std::size_t least = 1 + std::max<std::size_t>(1, word.size() / 3);
  for (const std::string_view name : names) {
    // A beginning counts as one letter away: "seg" for "segments".
    const bool begins = word.size() >= 3 && name.starts_with(word);
    const std::size_t d = begins ? 1 : distance(word.substr(0, 64), name);
    if (d >= least) continue;
    least = d;
    best = name;
  }
  return std::string(best);
}

std::string synopsis(const Command& command) {
  std::string text = "firn " + std::string(command.name);
  for (const Positional& p : command.positionals) {
    const std::string name(p.name);
    if (p.need == Need::optional)
      text += " [" + name + "]";
    else if (p.need == Need::repeated)
      text += " " + name + " ...";
    else
      text += " " + name;
  }
  for (const Option& option : command.options) {
    const std::string one = option_text(option) + (option.repeated ? " ..." : "");
    text += option.required ? " " + one : " [" + one + "]";
  }
  return text;
}

std::string help_of(const Command& command) {
  std::string out = "usage: " + synopsis(command) + "\n\n" + std::string(command.summary) + ".\n\n";
  std::vector<std::pair<std::string, std::string_view>> entries;
  for (const Positional& p : command.positionals) entries.emplace_back(p.name, p.help);
  for (const Option& option : command.options) entries.emplace_back(option_text(option), option.help);
  entries.emplace_back("--help", "this text");
  add_entries(out, entries);
  if (!command.details.empty()) out.append("\n").append(command.details).append("\n");
  return out;
}

std::string help_of_all() {
  std::string out =
      "usage: firn COMMAND ...\n\nWorks on firn databases: folders with tables in three tiers.\n\n";
  std::vector<std::pair<std::string, std::string_view>> entries;
  for (const Command& command : all_commands()) entries.emplace_back(command.name, command.summary);
  add_entries(out, entries);
  out +=
      "\n'firn COMMAND --help' explains a command, 'firn --version' says which firn this is.\n"
      "Exit status: 0 done, 1 failed, 2 wrong usage, 3 not found, 4 damage found, 5 busy, 6 done in part,\n"
      "130 interrupted.\n";
  return out;
}

}  // namespace firn::cli
