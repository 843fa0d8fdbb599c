// A copy of the table as of one commit, while writers go on.
//
// One read of the hot tier gives rows, catalog and CSN that belong together. It is dumped as a checkpoint straight into
// the copy; behind it comes an empty commit log that continues where the checkpoint ends. The catalog is held until its
// files are copied, so their names stay though they be retired meanwhile. LMDB's own files are not touched: the copy
// builds its hot tier from the checkpoint when it is opened.
// The identity comes last: a folder without it is no table.
#include "storage/engine.hpp"
#include "storage/file_copy.hpp"

namespace firn::storage {

Result<CopyCounts> Engine::backup(io::Disk& to, const std::string& target, const ExecutionLimits& limits) {
  FIRN_TRY(check_open());
  if (options.read_only)
    return Error(ErrorCode::read_only, "table " + name +
                                           " is opened for reading only; back it up where it is "
                                           "open for writing");
  CopyCounts counts;
  for (const char* part : {"hot", "warm", "cold", "lost"}) FIRN_TRY(to.make_directories(target + "/" + part));
  CatalogPtr catalog;
  CheckpointRef checkpoint;
  {
    FIRN_ASSIGN(const ReadContext context, begin_read());
    catalog = context.view.catalog;
    FIRN_ASSIGN(checkpoint, write_checkpoint(to, target + "/hot", store_id, context.hot));
  }
  FIRN_TRY(CommitLog::create(to, target + "/commit", store_id, checkpoint.log_sequence + 1));
  std::map<std::string, std::vector<RowFileInfo>> parts;
  for (const FileEntryPtr& f : catalog->files) parts[f->info.path].push_back(f->info);
  for (const auto& [path, infos] : parts)
    FIRN_TRY(copy_file(*disk, at(path), to, target + "/" + path, infos, limits, counts));
  for (const char* part : {"warm", "cold"}) FIRN_TRY(to.sync_directory(target + "/" + part));
  FIRN_TRY(copy_file(*disk, at("table.fb"), to, target + "/table.fb", {}, limits, counts));
  FIRN_TRY(to.sync_directory(target));
  counts.files += 1;
  FIRN_ASSIGN(const auto dump, to.open(checkpoint.path, io::Disk::Mode::read));
  FIRN_ASSIGN(const std::uint64_t dumped, dump->size());
  counts.bytes += dumped;
  return counts;
}

}  // namespace firn::storage
