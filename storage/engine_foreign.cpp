// Opening for reading only, beside whatever another process does with the table. No byte of the database changes.
//
//   a writer is there      its environment is mapped; every read follows what it has committed
//   none, clean marker     the environment is mapped if its length and hash are the marker's
//   none, no sound marker  checkpoint and log are replayed into an environment of our own, without a name in the
//                          temporary folder: LMDB's file is suspect and never looked at
//
// The gate of the table's lock (io/table_lock.hpp) keeps a writer from opening while that is decided, and a reader from
// looking while a writer opens. A writer that came since is noticed at the next read, which decides anew: the old one
// may be gone, and with it the generation that was mapped.
#include <charconv>
#include <cstdlib>
#include <filesystem>

#include "storage/clean_marker.hpp"
#include "storage/engine.hpp"
#include "storage/log_replay.hpp"

namespace firn::storage {
namespace {

constexpr int kFollowAttempts = 20;

/// Readers hold the gate no longer than they decide.
class GateHold {
 public:
  explicit GateHold(io::TableReaderLock& lock) : lock_(lock) {}
  GateHold(const GateHold&) = delete;
  GateHold& operator=(const GateHold&) = delete;
  ~GateHold() { lock_.leave(); }

 private:
  io::TableReaderLock& lock_;
};

}  // namespace

Result<void> Engine::open_foreign() {
  {
    std::lock_guard lock(reason_mutex_);
    read_only_reason_ = "opened read-only";
  }
  std::lock_guard lock(plan_mutex_);
  return attach();
}

/// Requires plan_mutex_.
Result<void> Engine::attach() {
  std::shared_ptr<io::TableReaderLock> lock;
  {
    std::lock_guard hold(foreign_mutex_);
    lock = reader_lock_;
  }
  if (!lock) {
    FIRN_ASSIGN(auto found, io::TableReaderLock::look(disk->host_path(at("lock"))));
    if (found) lock = std::make_shared<io::TableReaderLock>(std::move(*found));
  }
  std::shared_ptr<hot::HotStore> store;
  std::string writer_seen;
  if (!lock) {
    FIRN_ASSIGN(store, trusted_store());
  } else {
    FIRN_TRY(lock->enter());
    const GateHold gate(*lock);
    FIRN_ASSIGN(const bool writer, lock->has_writer());
    FIRN_ASSIGN(store, writer ? writers_store() : trusted_store());
    writer_seen = lock->last_writer();
  }
  FIRN_TRY(follow_writer(*store, true));
  {
    std::lock_guard hold(foreign_mutex_);
    reader_lock_ = std::move(lock);
    writer_seen_ = std::move(writer_seen);
  }
  std::lock_guard view_lock(view_mutex_);
  hot_.swap(store);
  return {};
}

/// Whether another process has opened the table for writing since attach().
bool Engine::writer_came() {
  std::shared_ptr<io::TableReaderLock> lock;
  std::string seen;
  {
    std::lock_guard hold(foreign_mutex_);
    lock = reader_lock_;
    seen = writer_seen_;
  }
  if (lock) return lock->last_writer() != seen;
  const auto found = io::TableReaderLock::look(disk->host_path(at("lock")));
  return found && found->has_value();
}

/// The environment that a live writer has open: the newest generation, since the gate is open.
Result<std::shared_ptr<hot::HotStore>> Engine::writers_store() {
  FIRN_ASSIGN(generation_, newest_generation());
  return hot::HotStore::open(disk->host_path(generation_folder(generation_)), table_id,
                             map_bytes(HybridTableConfig{}), true);
}

/// Nobody writes: the environment that the last writer closed, or one of our own.
Result<std::shared_ptr<hot::HotStore>> Engine::trusted_store() {
  FIRN_ASSIGN(const auto marker, read_clean_marker(*disk, at("hot/clean"), store_id));
  if (marker) {
    const std::string host = disk->host_path(generation_folder(marker->generation));
    FIRN_ASSIGN(const bool last, log_ends_at(marker->log_sequence));
    if (last && is_file_of(*marker, host + "/data.mdb")) {
      auto store = hot::HotStore::open(host, table_id, map_bytes(HybridTableConfig{}), true);
      if (store) {
        generation_ = marker->generation;
        return store;
      }
      note("table " + name + ": " + store.error().message() + "; reading checkpoint and log instead");
    } else {
      note("table " + name +
           ": the hot tier's file is not the one that was closed; reading checkpoint and log instead");
    }
  }
  generation_ = 0;
  return private_store();
}

Result<bool> Engine::log_ends_at(std::uint64_t sequence) const {
  bool more = false;
  const Result<std::uint64_t> end =
      CommitLog::replay(*disk, at("commit"), store_id, sequence + 1,
                        [&](std::uint64_t, std::span<const std::uint8_t>) -> Result<void> {
                          more = true;
                          return Error(ErrorCode::conflict, "entries behind the marker");
                        });
  if (more) return false;
  FIRN_TRY(end);
  return *end == sequence;
}

/// Checkpoint and log replayed beside the database.
Result<std::shared_ptr<hot::HotStore>> Engine::private_store() {
  FIRN_ASSIGN(const auto checkpoints, list_checkpoints(*disk, at("hot")));
  if (checkpoints.empty())
    return Error(ErrorCode::corrupt, at("hot") + ": no checkpoint is there to read from");
  std::optional<Error> why;
  for (const CheckpointRef& checkpoint : checkpoints) {
    FIRN_ASSIGN(auto store, nameless_store());
    Result<void> loaded = load_checkpoint(*disk, checkpoint, store_id, *store);
    if (!loaded) {
      note("table " + name + ": " + loaded.error().message() + "; trying the checkpoint before it");
      if (!why) why = loaded.error();
      continue;
    }
    LogReplay replay(*store);
    FIRN_TRY(CommitLog::replay(*disk, at("commit"), store_id, checkpoint.log_sequence + 1,
                               [&](std::uint64_t sequence, std::span<const std::uint8_t> group) {
                                 return replay.apply(sequence, group);
                               }));
    FIRN_TRY(replay.finish());
    return store;
  }
  return *why;
}

/// An empty environment whose files have no name any more: they go with the process, however it ends.
Result<std::shared_ptr<hot::HotStore>> Engine::nameless_store() const {
  std::error_code ec;
  const auto base = std::filesystem::temp_directory_path(ec);
  std::string path = (ec ? std::filesystem::path("/tmp") : base) / "firn-read-XXXXXX";
  if (mkdtemp(path.data()) == nullptr)
    return Error(ErrorCode::io,
                 "cannot make a temporary folder " + path + "; set TMPDIR to one that can be written");
  auto store = hot::HotStore::open(path, table_id, map_bytes(HybridTableConfig{}), false);
  std::filesystem::remove_all(path, ec);
  return store;
}

/// Requires plan_mutex_. Takes over the catalog of the newest commit, also one that is known if `anew`, with all files opened while a transaction names
/// them: the writer may remove their names afterwards. A file that cannot be opened for another reason is for the query
/// that needs it to report.
Result<hot::HotReader> Engine::follow_writer(const hot::HotStore& store, bool anew) {
  std::optional<std::uint64_t> looked_at;
  for (int attempt = 0;; ++attempt) {
    FIRN_ASSIGN(auto reader, store.read());
    const std::uint64_t csn = reader.state().csn;
    if (!anew && !looked_at && csn == view().csn) return reader;
    const bool again = looked_at == csn;  // nobody replaced the file that is missing: it is lost
    if (!again) FIRN_TRY(load_view(reader));
    std::optional<Error> gone;
    const View before = view();
    for (const FileEntryPtr& f : before.catalog->files)
      if (const auto file = f->open(); !file && file.error().code() == ErrorCode::not_found)
        gone = file.error();
    if (!gone || again) {
      images_.clear();
      return reader;
    }
    if (attempt == kFollowAttempts) return *gone;
    looked_at = csn;
  }
}

Result<ReadContext> Engine::begin_foreign_read() {
  if (!writer_came()) {  // nearly always: nothing has changed since the last read
    std::shared_ptr<hot::HotStore> store;
    {
      std::lock_guard lock(view_mutex_);
      store = hot_;
    }
    if (store) {
      View view;
      FIRN_ASSIGN(auto reader, store->read([&] { view = this->view(); }));
      if (view.catalog && reader.state().csn == view.csn)
        return ReadContext{std::move(view), std::move(store), std::move(reader)};
    }
  }
  std::lock_guard lock(plan_mutex_);
  FIRN_TRY(check_open());
  if (writer_came()) FIRN_TRY(attach());
  std::shared_ptr<hot::HotStore> store;
  {
    std::lock_guard view_lock(view_mutex_);
    store = hot_;
  }
  if (!store) return Error(ErrorCode::closed, "table " + name + " is closed");
  FIRN_ASSIGN(auto reader, follow_writer(*store, false));
  return ReadContext{view(), std::move(store), std::move(reader)};
}

}  // namespace firn::storage
