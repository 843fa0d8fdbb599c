// The families of commands; each file gives its rows of the command table.
#pragma once
#include <vector>

#include "command.hpp"

namespace firn::cli {

std::vector<Command> write_commands();    ///< create, alter, delete, set
std::vector<Command> import_commands();   ///< import
std::vector<Command> query_commands();    ///< query, explain, diff
std::vector<Command> table_listings();    ///< tables, stats, tiers
std::vector<Command> file_listings();     ///< segments, decisions
std::vector<Command> upkeep_commands();   ///< compact, optimize, checkpoint, verify
std::vector<Command> copy_commands();     ///< backup, restore, export, migrate
std::vector<Command> inspect_commands();  ///< inspect
std::vector<Command> bench_commands();    ///< bench, if firn-bench lies beside this program

}  // namespace firn::cli
