// A copy of the table as of one commit, while writers go on.
//
// A checkpoint gives rows, catalog and CSN that belong together. It is taken where the table is and copied from there,
// so that no LMDB transaction waits for a slow target: writers of a nearly full map would wait with it. Behind it comes an empty commit log that continues where the checkpoint ends. The catalog is held until its
// files are copied, so their names stay though they be retired meanwhile. LMDB's own files are not touched: the copy
// builds its hot tier from the checkpoint when it is opened.
// The identity comes last: a folder without it is no table.
#include "storage/engine.hpp"
#include "storage/file_copy.hpp"

namespace firn::storage {

/// Puts a checkpoint of the table as of now into the copy. A table that takes no more writes, or has no room for a
/// checkpoint of its own, is dumped straight to the target.
Result<Engine::Checkpoint> Engine::dump_hot(io::Disk& to, const std::string& target,
                                            const ExecutionLimits& limits, CopyCounts& counts) {
  Checkpoint made;
  {
    std::lock_guard alone(checkpoint_mutex_);  // the next checkpoints would remove this one
    if (Result<Checkpoint> taken = take_checkpoint()) {
      made = std::move(*taken);
      const std::string source = made.file.path;
      made.file.path = target + source.substr(folder.size());
      FIRN_TRY(copy_file(*disk, source, to, made.file.path, {}, limits, counts));
      FIRN_TRY(to.sync_directory(target + "/hot"));
      return made;
    }
  }
  FIRN_ASSIGN(const ReadContext context, begin_read());
  made.view = context.view;
  FIRN_ASSIGN(made.file, write_checkpoint(to, target + "/hot", store_id, context.hot));
  FIRN_ASSIGN(const auto dump, to.open(made.file.path, io::Disk::Mode::read));
  FIRN_ASSIGN(const std::uint64_t dumped, dump->size());
  counts.bytes += dumped;
  counts.files += 1;
  return made;
}

Result<CopyCounts> Engine::backup(io::Disk& to, const std::string& target, const ExecutionLimits& limits) {
  FIRN_TRY(check_open());
  if (options.read_only)
    return Error(ErrorCode::read_only, "table " + name +
                                           " is opened for reading only; back it up where it is "
                                           "open for writing");
  CopyCounts counts;
  for (const char* part : {"hot", "warm", "cold", "lost"}) FIRN_TRY(to.make_directories(target + "/" + part));
  FIRN_ASSIGN(const Checkpoint made, dump_hot(to, target, limits, counts));
  FIRN_TRY(CommitLog::create(to, target + "/commit", store_id, made.file.log_sequence + 1));
  std::map<std::string, std::vector<RowFileInfo>> parts;
  for (const FileEntryPtr& f : made.view.catalog->files) parts[f->info.path].push_back(f->info);
  for (const auto& [path, infos] : parts)
    FIRN_TRY(copy_file(*disk, at(path), to, target + "/" + path, infos, limits, counts));
  for (const char* part : {"warm", "cold"}) FIRN_TRY(to.sync_directory(target + "/" + part));
  FIRN_TRY(copy_file(*disk, at("table.fb"), to, target + "/table.fb", {}, limits, counts));
  FIRN_TRY(to.sync_directory(target));
  return counts;
}

}  // namespace firn::storage
