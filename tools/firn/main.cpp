// The admin tool: finds the command, runs it, and turns what it throws into one line and an exit status.
#include <unistd.h>

#include <algorithm>

#include "command.hpp"
#include "firn_version.hpp"
#include "interrupt.hpp"
#include "output.hpp"

namespace firn::cli {
namespace {

/// Names and rows of strangers' files are quoted in messages: what would steer a terminal, or end the line, is not.
std::string printable(std::string line) {
  for (char& c : line)
    if ((static_cast<unsigned char>(c) < ' ' && c != '\n' && c != '\t') || c == '\x7f') c = '?';
  return line;
}

// A message is one line; a query error brings the line and the caret under the place, which stay.
void complain(std::string_view command, std::string_view message) {
  std::string line = "firn";
  if (!command.empty()) line.append(" ").append(command);
  line.append(": ").append(message);
  while (line.ends_with('\n')) line.pop_back();
  note(printable(std::move(line)));
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
