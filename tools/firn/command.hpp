// A command as a row of a table: its name, the words it takes and the function that runs it. Parser, usage and help
// are all made from these rows, so a command that is not built cannot be in the help.
#pragma once
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "exit_status.hpp"

namespace firn::cli {

enum class Need { required, optional, repeated };

struct Positional {
  std::string_view name;  ///< as the synopsis shows it: "DB", "'SQL'"
  std::string_view help;
  Need need = Need::required;
};

struct Option {
  std::string_view name;   ///< without the dashes
  std::string_view value;  ///< what follows, as the synopsis shows it; "" for a switch
  std::string_view help;
  bool required = false;
  bool repeated = false;
};

class Arguments;

struct Command {
  std::string_view name;
  std::string_view summary;  ///< one line
  std::vector<Positional> positionals;
  std::vector<Option> options;
  std::string_view details;  ///< paragraphs behind the options; may be empty
  ExitStatus (*run)(const Arguments&) = nullptr;
};

/// The words of one call, checked against its command.
class Arguments {
 public:
  /// Throws UsageError: unknown options (with the nearest name), missing values, too few or too many words.
  static Arguments parse(const Command& command, std::span<const std::string> words);

  bool wants_help() const { return has("help"); }
  bool has(std::string_view option) const { return options_.find(option) != options_.end(); }
  /// The option's (last) value.
  std::optional<std::string> value(std::string_view option) const;
  std::vector<std::string> values(std::string_view option) const;
  /// Positional words by place; nothing if an optional one is absent.
  const std::string& word(std::size_t i) const { return words_.at(i); }
  std::optional<std::string> optional_word(std::size_t i) const;
  std::span<const std::string> words_from(std::size_t i) const;

 private:
  std::vector<std::string> words_;
  std::map<std::string, std::vector<std::string>, std::less<>> options_;
};

/// All commands, in the order of the help.
std::span<const Command> all_commands();
const Command* find_command(std::string_view name);

/// "firn import DB TABLE FILE|- [--format csv|ndjson|arrow] ..."
std::string synopsis(const Command& command);
std::string help_of(const Command& command);
std::string help_of_all();
/// The name that `word` was probably meant to be; "" if none is near.
std::string nearest(std::string_view word, std::span<const std::string_view> names);

}  // namespace firn::cli
