// The words of the command line: --name value, --name=value, switches, "--" before words that begin with a dash.
#include <algorithm>

#include "command.hpp"

namespace firn::cli {
namespace {

const Option* find_option(const Command& command, std::string_view name) {
  static constexpr Option kHelp{"help", "", ""};
  if (name == kHelp.name) return &kHelp;
  for (const Option& option : command.options)
    if (option.name == name) return &option;
  return nullptr;
}

[[noreturn]] void refuse_option(const Command& command, std::string_view name) {
  std::vector<std::string_view> names = {"help"};
  for (const Option& option : command.options) names.push_back(option.name);
  const std::string meant = nearest(name, names);
  throw UsageError("unknown option --" + std::string(name) +
                   (meant.empty() ? "" : "; did you mean --" + meant + "?"));
}

void check_count(const Command& command, std::size_t given) {
  std::size_t needed = 0;
  bool endless = false;
  for (const Positional& p : command.positionals) {
    if (p.need != Need::optional && ++needed > given) throw UsageError("missing " + std::string(p.name));
    endless = endless || p.need == Need::repeated;
  }
  if (!endless && given > command.positionals.size())
    throw UsageError("too many words: " + std::to_string(given) + " instead of " +
                     std::to_string(command.positionals.size()));
}

}  // namespace

Arguments Arguments::parse(const Command& command, std::span<const std::string> words) {
  Arguments a;
  bool options_end = false;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string_view word = words[i];
    if (word == "-h" && !options_end) {
      a.options_["help"].emplace_back();
      return a;
    }
    if (options_end || word.size() < 2 || word[0] != '-') {
      a.words_.emplace_back(word);
      continue;
    }
    if (word == "--") {
      options_end = true;
      continue;
    }
    if (!word.starts_with("--")) throw UsageError("unknown option " + std::string(word));
    const std::string_view text = word.substr(2);
    const std::size_t equals = text.find('=');
    const std::string_view name = text.substr(0, equals);
    const Option* option = find_option(command, name);
    if (option == nullptr) refuse_option(command, name);
    std::vector<std::string>& values = a.options_[std::string(name)];
    if (!values.empty() && !option->repeated && !option->value.empty())
      throw UsageError("--" + std::string(name) + " is given twice");
    if (option->value.empty()) {
      if (equals != std::string_view::npos) throw UsageError("--" + std::string(name) + " takes no value");
      values.emplace_back();
    } else if (equals != std::string_view::npos) {
      values.emplace_back(text.substr(equals + 1));
    } else if (++i < words.size()) {
      values.push_back(words[i]);
    } else {
      throw UsageError("--" + std::string(name) + " needs a value: " + std::string(option->value));
    }
  }
  if (a.wants_help()) return a;
  check_count(command, a.words_.size());
  for (const Option& option : command.options)
    if (option.required && !a.has(option.name))
      throw UsageError("missing --" + std::string(option.name) + " " + std::string(option.value));
  return a;
}

std::optional<std::string> Arguments::value(std::string_view option) const {
  const auto at = options_.find(option);
  if (at == options_.end()) return std::nullopt;
  return at->second.back();
}

std::vector<std::string> Arguments::values(std::string_view option) const {
  const auto at = options_.find(option);
  return at == options_.end() ? std::vector<std::string>() : at->second;
}

std::optional<std::string> Arguments::optional_word(std::size_t i) const {
  if (i >= words_.size()) return std::nullopt;
  return words_[i];
}

std::span<const std::string> Arguments::words_from(std::size_t i) const {
  return std::span(words_).subspan(std::min(i, words_.size()));
}

}  // namespace firn::cli
