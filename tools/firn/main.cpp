// The admin tool: finds the command, runs it, and turns what it throws into one line and an exit status.
#include <unistd.h>

#include <algorithm>
#include <bit>

#include "command.hpp"
#include "firn_version.hpp"
#include "interrupt.hpp"
#include "output.hpp"
#include "schema/coerce.hpp"

namespace firn::cli {
namespace {

/// Whether a character (of valid UTF-8) steers a terminal, or ends the line: the controls of ASCII, and U+0080 to U+009F.
bool steers(std::string_view character) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(character[i]); };
  if (character.size() == 1)
    return (byte(0) < ' ' && character != "\n" && character != "\t") || byte(0) == 0x7f;
  return byte(0) == 0xc2 && byte(1) < 0xa0;
}

/// Names and rows of strangers' files are quoted in messages: what would steer a terminal, or is no UTF-8, is not.
std::string printable(std::string_view line) {
  std::string out;
  while (!line.empty()) {
    const auto lead = static_cast<std::size_t>(std::countl_one(static_cast<unsigned char>(line[0])));
    std::string_view character = line.substr(0, std::clamp<std::size_t>(lead, 1, 4));
    const bool valid = is_utf8(character);
    if (!valid) character = line.substr(0, 1);
    out += valid && !steers(character) ? character : "?";
    line.remove_prefix(character.size());
  }
  return out;
}

// A message is one line; a query error brings the line and the caret under the place, which stay.
void complain(std::string_view command, std::string_view message) {
  std::string line = "firn";
  if (!command.empty()) line.append(" ").append(command);
  line.append(": ").append(message);
  while (line.ends_with('\n')) line.pop_back();
  note(printable(line));
}

ExitStatus refuse_command(const std::string& name) {
  std::vector<std::string_view> names;
  for (const Command& command : all_commands()) names.push_back(command.name);
  const std::string meant = nearest(name, names);
  complain("", "no command '" + name + "'" + (meant.empty() ? "" : "; did you mean '" + meant + "'?") +
                   " usage: firn COMMAND ... ('firn --help' lists the commands)");
  return ExitStatus::usage;
}

ExitStatus run_command(const Command& command, std::span<const std::string> words) {
  try {
    const Arguments arguments = Arguments::parse(command, words);
    if (arguments.wants_help()) {
      print(help_of(command));
      return ExitStatus::done;
    }
    return command.run(arguments);
  } catch (const PipeClosed&) {
    return ExitStatus::done;
  } catch (const UsageError& e) {
    complain(command.name, std::string(e.what()) + "; usage: " + synopsis(command));
    return e.status();
  } catch (const Failure& e) {
    complain(command.name, e.what());
    return e.status();
  } catch (const Error& e) {
    complain(command.name, advice_for(e));
    return status_of(e.code());
  } catch (const std::bad_alloc&) {
    complain(command.name, "out of memory; close other programs or work on less at once");
    return ExitStatus::failed;
  } catch (const std::exception& e) {
    complain(command.name, e.what());
    return ExitStatus::failed;
  }
}

ExitStatus show_help(std::span<const std::string> words) {
  if (words.empty()) {
    print(help_of_all());
    return ExitStatus::done;
  }
  const Command* command = find_command(words[0]);
  if (command == nullptr) return refuse_command(words[0]);
  print(help_of(*command));
  return ExitStatus::done;
}

ExitStatus run(std::span<const std::string> words) {
  if (words.empty()) {
    complain("", "missing command; usage: firn COMMAND ... ('firn --help' lists the commands)");
    return ExitStatus::usage;
  }
  const std::string& name = words[0];
  try {
    if (name == "--help" || name == "-h" || name == "help") return show_help(words.subspan(1));
    if (name == "--version") {
      print(std::string("firn ") + kVersion + "\n");
      return ExitStatus::done;
    }
  } catch (const PipeClosed&) {
    return ExitStatus::done;
  }
  const Command* command = find_command(name);
  return command == nullptr ? refuse_command(name) : run_command(*command, words.subspan(1));
}

}  // namespace
}  // namespace firn::cli

int main(int argc, char** argv) {
  firn::cli::install_signal_handlers();
  const std::vector<std::string> words(argv + std::min(argc, 1), argv + argc);
  return static_cast<int>(firn::cli::run(words));
}
