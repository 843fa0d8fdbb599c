#include "open_database.hpp"

#include <algorithm>
#include <filesystem>

#include "command.hpp"
#include "output.hpp"

namespace firn::cli {
namespace {

constexpr std::string_view kInMemory = ":memory:";

void require_database(const std::string& path) {
  if (path == kInMemory) return;
  std::error_code ignored;
  const auto status = std::filesystem::status(path, ignored);
  if (!std::filesystem::exists(status))
    throw Failure(ExitStatus::not_found,
                  "no database " + path + "; make one with 'firn create' or 'firn import --create'");
  if (!std::filesystem::is_directory(status))
    throw Failure(ExitStatus::not_found, path + " is a file; a database is a folder ('firn inspect " + path +
                                             "' shows a file's bytes)");
}

DatabaseOptions existing(Notices notices = Notices::hidden) {
  DatabaseOptions options;
  if (notices == Notices::shown)
    options.log = [](std::string_view line) { note("firn: " + std::string(line)); };
  options.create = false;
  options.background = false;  // a command's life is too short for the rules of age to matter
  return options;
}

Error with_advice(const Error& error, const std::string& path) {
  if (error.code() != ErrorCode::not_found && error.code() != ErrorCode::invalid_argument) return error;
  return {
      ErrorCode::not_found,
      path + " is no firn database; make one with 'firn create' or 'firn import --create' under a new name"};
}

}  // namespace

Database open_for_reading(const std::string& path) {
  require_database(path);
  DatabaseOptions options = existing();
  Result<Database> db = Database::open(path, options);
  if (!db && (db.error().code() == ErrorCode::busy || db.error().code() == ErrorCode::read_only)) {
    options.read_only = true;
    db = Database::open(path, options);
  }
  if (!db) throw with_advice(db.error(), path);
  return *db;
}

Database open_for_writing(const std::string& path, Notices notices) {
  require_database(path);
  Result<Database> db = Database::open(path, existing(notices));
  if (!db) throw with_advice(db.error(), path);
  return *db;
}

Database open_or_create(const std::string& path, Notices notices) {
  DatabaseOptions options = existing(notices);
  options.create = true;
  return Database::open(path, options).value();
}

HybridTable table_of(const Database& db, const std::string& name) {
  Result<HybridTable> table = db.table(name);
  if (table) return *table;
  if (table.error().code() != ErrorCode::not_found) throw table.error();
  const std::vector<std::string> names = db.tables().value();
  const std::string meant = nearest(name, std::vector<std::string_view>(names.begin(), names.end()));
  std::string list;
  for (std::size_t i = 0; i < std::min<std::size_t>(names.size(), 20); ++i)
    list += (i == 0 ? "" : ", ") + names[i];
  if (names.size() > 20) list += ", ...";
  const std::string hint = !meant.empty()  ? "did you mean '" + meant + "'?"
                           : names.empty() ? "the database has no tables"
                                           : "there are: " + list;
  throw Failure(ExitStatus::not_found, "no table '" + name + "' in " + db.path() + "; " + hint);
}

std::vector<HybridTable> tables_of(const Database& db, const std::optional<std::string>& name) {
  if (name) return {table_of(db, *name)};
  std::vector<HybridTable> tables;
  const std::vector<std::string> names = db.tables().value();
  for (const std::string& each : names) tables.push_back(db.table(each).value());
  return tables;
}

}  // namespace firn::cli
