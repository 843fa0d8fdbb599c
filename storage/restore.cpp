#include "storage/restore.hpp"

#include "io/file_lock.hpp"
#include "io/new_folder.hpp"
#include "storage/database_list.hpp"

namespace firn::storage {
namespace {

/// Files that make up what is true: the rest (LMDB's environment, its marker) is rebuilt from them.
bool is_needed(const std::string& part, const std::string& name) {
  if (part == "hot") return name.starts_with("ckp-") && !name.ends_with(".new");
  if (part == "commit") return name.ends_with(".log");
  return true;
}

Result<void> copy_folder(io::Disk& from, const std::string& folder, const std::string& part, io::Disk& to,
                         const ExecutionLimits& limits, CopyCounts& counts) {
  const std::string path = folder + "/" + part;
  FIRN_TRY(to.make_directories(path));
  FIRN_ASSIGN(const auto entries, from.list(path));
  for (const io::DirEntry& entry : entries) {
    if (entry.is_directory || !is_needed(part, entry.name)) continue;
    const std::string file = path + "/" + entry.name;
    FIRN_TRY(copy_file(from, file, to, file, {}, limits, counts));
  }
  return to.sync_directory(path);
}

/// The copy recovers as after a power cut, then every byte of it is read.
Result<void> check_copy(const std::shared_ptr<io::Disk>& disk, const std::string& folder,
                        const StoreOptions& options, const ExecutionLimits& limits) {
  FIRN_ASSIGN(const auto store, TableStore::open(disk, folder, options));
  for (const FileView& f : store->files()) FIRN_TRY(check_hash(*disk, folder, f.info, limits));
  FIRN_ASSIGN(const auto findings, store->verify(true));
  if (!findings.empty()) return Error(ErrorCode::corrupt, findings.front());
  return store->close();
}

Result<void> copy_table(io::Disk& from, const std::string& folder, const std::shared_ptr<io::Disk>& to,
                        const StoreOptions& options, const ExecutionLimits& limits, CopyCounts& counts) {
  FIRN_TRY(to->make_directories(folder + "/lost"));
  for (const char* part : {"hot", "commit", "warm", "cold"})
    FIRN_TRY(copy_folder(from, folder, part, *to, limits, counts));
  FIRN_ASSIGN(const auto entries, from.list(folder));
  for (const io::DirEntry& entry : entries) {
    const std::string file = folder + "/" + entry.name;
    if (!entry.is_directory && !entry.name.ends_with(".tmp"))
      FIRN_TRY(copy_file(from, file, *to, file, {}, limits, counts));
  }
  FIRN_TRY(to->sync_directory(folder));
  return check_copy(to, folder, options, limits);
}

/// A backup may lie where nothing can be written: then nobody writes to it either.
Result<std::optional<io::FileLock>> lock_source(const std::string& source) {
  auto lock = io::FileLock::acquire(source);
  if (lock) return std::optional<io::FileLock>(std::move(*lock));
  if (lock.error().code() == ErrorCode::busy) return lock.error();
  return std::optional<io::FileLock>();
}

}  // namespace

Result<RestoreCounts> restore_database(const std::string& source, const std::string& path,
                                       const StoreOptions& options, const ExecutionLimits& limits) {
  FIRN_ASSIGN(const auto from, io::open_disk(source, false));
  FIRN_ASSIGN(const bool there, from->exists(kDatabaseListName));
  if (!there) return Error(ErrorCode::not_found, "'" + source + "' holds no firn database");
  FIRN_ASSIGN(const auto lock, lock_source(source));
  FIRN_ASSIGN(DatabaseList list, read_database_list(*from));
  std::erase_if(list.tables, [](const TableListing& t) { return t.state != ListingState::listed; });
  FIRN_ASSIGN(io::NewFolder folder, io::NewFolder::begin(path));
  FIRN_TRY(folder.disk()->make_directories("tables"));
  RestoreCounts counts;
  for (const TableListing& t : list.tables) {
    if (auto copied = copy_table(*from, table_folder(t.id), folder.disk(), options, limits, counts.copied);
        !copied)
      return copied.error().within("table \"" + t.name + "\"");
    counts.tables += 1;
  }
  FIRN_TRY(write_database_list(*folder.disk(), list));
  FIRN_TRY(folder.publish());
  return counts;
}

}  // namespace firn::storage
