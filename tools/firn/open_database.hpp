// Opening databases and tables by the names that a user typed.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include <firn/firn.hpp>

namespace firn::cli {

// The name :memory: stands for a new and empty database that goes with the command.

/// For commands that only read: beside another process that has the database open it is opened read-only.
/// Throws Failure{not_found} if there is none: reading never creates a database.
Database open_for_reading(const std::string& path);
/// What the database has to say while it is open, such as that the kernel refuses io_uring, on stderr.
enum class Notices : bool { hidden, shown };
/// For commands that change an existing database. Error {busy} if another process has it.
Database open_for_writing(const std::string& path, Notices notices = Notices::hidden);
/// For `create` and `import --create`.
Database open_or_create(const std::string& path, Notices notices = Notices::hidden);

/// Throws Failure{not_found} that names the tables there are.
HybridTable table_of(const Database& db, const std::string& name);
/// The named table, or all.
std::vector<HybridTable> tables_of(const Database& db, const std::optional<std::string>& name);

}  // namespace firn::cli
