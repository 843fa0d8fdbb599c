#include "commands.hpp"

#include <iterator>

namespace firn::cli {

std::span<const Command> all_commands() {
  static const std::vector<Command> all = [] {
    std::vector<Command> list;
    for (auto family : {write_commands, import_commands, query_commands, table_listings, file_listings,
                        upkeep_commands, copy_commands, inspect_commands, bench_commands}) {
      std::vector<Command> rows = family();
      std::move(rows.begin(), rows.end(), std::back_inserter(list));
    }
    return list;
  }();
  return all;
}

const Command* find_command(std::string_view name) {
  for (const Command& command : all_commands())
    if (command.name == name) return &command;
  return nullptr;
}

}  // namespace firn::cli
