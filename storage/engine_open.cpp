// Making, opening, recovering, checkpointing and closing a table.
//
//   table.fb     identity, written once
//   commit/      the commit log
//   hot/N/       LMDB environment of generation N, trusted only with the marker
//   hot/clean    marker of a clean end: generation, length and hash of its data file, end of the log
//   hot/ckp-*    checkpoints
//   lock         locks of writer and readers
// Open after a clean end: the marker is verified before LMDB maps the file, removed, and the folder synced, before
// anything is written. After anything else a new generation is built from the newest sound checkpoint and the log.
#include <flatbuffers/flatbuffers.h>
#include <schema/log_generated.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <random>

#include "io/crc32c.hpp"
#include "storage/clean_marker.hpp"
#include "storage/engine.hpp"
#include "storage/log_replay.hpp"

namespace firn::storage {
namespace {

constexpr std::uint32_t kFormatVersion = 1;
constexpr std::size_t kTableFileMax = 1 << 16;
constexpr std::uint64_t kMapPerHotSize = 16;
constexpr std::size_t kCheckpointsKept = 2;

/// The number in the name of a generation's folder; 0 if it is none.
std::uint64_t generation_of(std::string_view name) {
  std::uint64_t n = 0;
  const auto [end, ec] = std::from_chars(name.data(), name.data() + name.size(), n);
  return ec == std::errc() && end == name.data() + name.size() ? n : 0;
}

std::uint64_t random_id() {
  std::random_device device;
  return (std::uint64_t{device()} << 32) | device();
}

}  // namespace

Engine::~Engine() = default;

std::string Engine::generation_folder(std::uint64_t n) const { return at("hot/" + std::to_string(n)); }

std::size_t Engine::map_bytes(const HybridTableConfig& config) const {
  if (options.hot_map_bytes != 0) return options.hot_map_bytes;
  return std::max<std::size_t>(kMapPerHotSize * config.hot_tier_max_size, std::size_t{64} << 20);
}

Result<void> Engine::write_table_file(std::int64_t created_us) {
  flatbuffers::FlatBufferBuilder b;
  b.Finish(fb::CreateTableFile(b, store_id, table_id, b.CreateString(name), kFormatVersion, created_us));
  std::vector<std::uint8_t> bytes(b.GetBufferPointer(), b.GetBufferPointer() + b.GetSize());
  const std::uint32_t crc = io::crc32c(bytes);
  const auto* p = reinterpret_cast<const std::uint8_t*>(&crc);
  bytes.insert(bytes.begin(), {'F', 'I', 'R', 'N', p[0], p[1], p[2], p[3]});
  return io::replace_file(*disk, at("table.fb"), bytes);
}

Result<void> Engine::read_table_file() {
  const std::string path = at("table.fb");
  FIRN_ASSIGN(const std::vector<std::uint8_t> bytes, io::read_file(*disk, path, kTableFileMax));
  std::uint32_t crc = 0;
  if (bytes.size() > 8) std::memcpy(&crc, bytes.data() + 4, 4);
  const std::vector<std::uint8_t> body(
      bytes.begin() + std::min<std::ptrdiff_t>(8, static_cast<std::ptrdiff_t>(bytes.size())), bytes.end());
  if (bytes.size() <= 8 || std::memcmp(bytes.data(), "FIRN", 4) != 0 || crc != io::crc32c(body))
    return Error(ErrorCode::corrupt, path + ": not a table's identity, or damaged at offset 0");
  flatbuffers::Verifier verifier(body.data(), body.size(), 8, 100);
  if (!verifier.VerifyBuffer<fb::TableFile>(nullptr)) return Error(ErrorCode::corrupt, path + ": malformed");
  const auto* f = flatbuffers::GetRoot<fb::TableFile>(body.data());
  if (f->format_version() > kFormatVersion)
    return Error(ErrorCode::unsupported, path + ": format " + std::to_string(f->format_version()) +
                                             " is newer than this program; use a newer firn");
  store_id = f->store_id();
  table_id = f->table_id();
  name = f->name() == nullptr ? "" : f->name()->str();
  return {};
}

Result<std::unique_ptr<Engine>> Engine::create(std::shared_ptr<io::Disk> disk, const std::string& folder,
                                               std::string name, std::uint64_t table_id, const Schema& schema,
                                               const HybridTableConfig& config, const StoreOptions& options) {
  std::unique_ptr<Engine> e(new Engine);
  e->disk = std::move(disk);
  e->folder = folder;
  e->name = std::move(name);
  e->table_id = table_id;
  e->store_id = random_id();
  e->options = options;
  e->clock = options.clock ? options.clock : std::make_shared<io::SystemClock>();
  FIRN_ASSIGN(const bool there, e->disk->exists(e->at("table.fb")));
  if (there) return Error(ErrorCode::already_exists, folder + ": there is a table already");
  FIRN_TRY(e->disk->remove_tree(folder));  // what a cut left of an earlier attempt
  for (const char* part : {"hot", "warm", "cold", "lost"}) FIRN_TRY(e->disk->make_directories(e->at(part)));
  FIRN_TRY(e->lock_for_writing());
  FIRN_ASSIGN(e->log_, CommitLog::create(*e->disk, e->at("commit"), e->store_id));
  e->generation_ = 1;
  std::filesystem::remove_all(e->disk->host_path(e->generation_folder(1)));
  std::filesystem::create_directories(e->disk->host_path(e->generation_folder(1)));
  FIRN_ASSIGN(e->hot_, hot::HotStore::open(e->disk->host_path(e->generation_folder(1)), table_id,
                                           e->map_bytes(config), false));
  auto catalog = std::make_shared<Catalog>();
  catalog->schemas = std::make_shared<SchemaHistory>(SchemaHistory().with({1, schema, 0}));
  catalog->config = config;
  e->view_ = {catalog, 0, 0, 0};
  e->cache_share_->set_bytes_max(config.tuning.cache_size);
  e->ages_.begin(0, 0, e->clock->now(), e->clock->monotonic_us());
  LogRecord first;
  first.schema = SchemaVersion{1, schema, 0};
  first.config = config;
  std::vector<LogRecord> records{first};
  FIRN_TRY(e->commit_records(records));
  FIRN_TRY(e->checkpoint_locked());
  // The identity comes last: a folder without it is no table.
  FIRN_TRY(e->write_table_file(e->clock->now().us));
  FIRN_TRY(e->writer_lock_->open_gate());
  return e;
}

Result<std::unique_ptr<Engine>> Engine::open(std::shared_ptr<io::Disk> disk, const std::string& folder,
                                             const StoreOptions& options) {
  std::unique_ptr<Engine> e(new Engine);
  e->disk = std::move(disk);
  e->folder = folder;
  e->options = options;
  e->clock = options.clock ? options.clock : std::make_shared<io::SystemClock>();
  FIRN_TRY(e->read_table_file());
  if (options.read_only) {
    FIRN_TRY(e->open_foreign());
    return e;
  }
  FIRN_TRY(e->lock_for_writing());
  FIRN_TRY(e->recover());
  FIRN_TRY(e->writer_lock_->open_gate());
  return e;
}

Result<void> Engine::lock_for_writing() {
  FIRN_ASSIGN(writer_lock_, io::TableWriterLock::acquire(disk->host_path(at("lock"))));
  return {};
}

Result<void> Engine::recover() {
  const auto began = std::chrono::steady_clock::now();
  FIRN_ASSIGN(const bool clean, open_clean());
  if (!clean) FIRN_TRY(rebuild());
  {
    FIRN_ASSIGN(const hot::HotReader reader, hot_->read());
    FIRN_TRY(load_view(reader));
  }
  ages_.begin(view_.csn, view_.time_us, clock->now(), clock->monotonic_us());
  FIRN_TRY(check_named_files());
  FIRN_TRY(remove_orphans());
  log_bytes_since_checkpoint_ = log_->bytes();
  if (!clean)
    recovery_us =
        std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - began)
            .count();
  return {};
}

/// False if a new generation must be built. A marker that fits stays until the first change (begin_changes): reading a
/// table writes nothing. One that does not fit goes, but only once the log has proved sound: an open that fails takes
/// nothing away from the next.
Result<bool> Engine::open_clean() {
  const std::string path = at("hot/clean");
  FIRN_ASSIGN(const auto marker, read_clean_marker(*disk, path, store_id));
  FIRN_ASSIGN(marked_clean_, disk->exists(path));
  Result<bool> usable = marker ? log_belongs_to(*marker) : Result<bool>(false);
  if (!usable) return usable.error();
  if (*usable) {
    auto store = hot::HotStore::open(disk->host_path(generation_folder(marker->generation)), table_id,
                                     map_bytes(HybridTableConfig{}), false);
    if (store) {
      hot_ = std::move(*store);
      generation_ = marker->generation;
      return true;
    }
    // A reader of this process has mapped it: it keeps its generation, we make another.
    if (store.error().code() != ErrorCode::busy) return store.error();
  }
  FIRN_TRY(begin_changes());
  return false;
}

/// Requires commit_mutex_, or that nobody else is there yet. The marker vouches for files that nobody has changed.
/// Should its end not be durable, a file that was changed has another hash, and a log with more entries another end.
Result<void> Engine::begin_changes() {
  if (!marked_clean_) return {};
  FIRN_ASSIGN(const bool there, disk->exists(at("hot/clean")));
  if (there) FIRN_TRY(disk->remove(at("hot/clean")));
  FIRN_TRY(disk->sync_directory(at("hot")));
  marked_clean_ = false;
  return {};
}

/// Requires commit_mutex_.
Result<hot::HotWriter> Engine::begin_write(std::size_t bytes) {
  FIRN_TRY(begin_changes());
  return hot_->write(bytes);
}

/// Whether the environment is the one that was closed and the log ends where it ended; the log is open then.
Result<bool> Engine::log_belongs_to(const CleanMarker& marker) {
  if (!is_file_of(marker, disk->host_path(generation_folder(marker.generation)) + "/data.mdb")) {
    note("table " + name +
         ": the hot tier's file is not the one that was closed; rebuilding it from checkpoint and log");
    return false;
  }
  bool more = false;
  auto recovered = CommitLog::recover(*disk, at("commit"), store_id, marker.log_sequence + 1,
                                      [&](std::uint64_t, std::span<const std::uint8_t>) -> Result<void> {
                                        more = true;
                                        return Error(ErrorCode::conflict, "entries behind the marker");
                                      });
  if (more) return false;
  if (!recovered) return recovered.error();
  log_ = std::move(recovered->log);
  return log_->last_sequence() == marker.log_sequence;
}

Result<std::uint64_t> Engine::newest_generation() const {
  std::uint64_t newest = 0;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(disk->host_path(at("hot")), ignored))
    newest = std::max(newest, generation_of(entry.path().filename().string()));
  return newest;
}

/// A new generation from the newest sound checkpoint and the log behind it.
Result<void> Engine::rebuild() {
  log_.reset();
  hot_.reset();
  FIRN_ASSIGN(const auto entries, disk->list(at("hot")));
  FIRN_ASSIGN(std::uint64_t newest, newest_generation());
  std::error_code ignored;
  for (const io::DirEntry& entry : entries)
    if (entry.name.ends_with(".new")) FIRN_TRY(disk->remove(at("hot/" + entry.name)));
  FIRN_ASSIGN(const auto checkpoints, list_checkpoints(*disk, at("hot")));
  if (checkpoints.empty())
    return Error(ErrorCode::corrupt, at("hot") + ": no checkpoint is there to recover from");
  std::optional<Error> why;
  for (const CheckpointRef& checkpoint : checkpoints) {
    generation_ = ++newest;
    const std::string host = disk->host_path(generation_folder(generation_));
    std::filesystem::remove_all(host, ignored);
    std::filesystem::create_directories(host);
    FIRN_ASSIGN(hot_, hot::HotStore::open(host, table_id, map_bytes(HybridTableConfig{}), false));
    if (Result<void> loaded = load_checkpoint(*disk, checkpoint, store_id, *hot_); !loaded) {
      note("table " + name + ": " + loaded.error().message() + "; trying the checkpoint before it");
      if (!why) why = loaded.error();
      doubtful_ = true;
      hot_.reset();
      continue;
    }
    LogReplay replay(*hot_);
    auto recovered = CommitLog::recover(*disk, at("commit"), store_id, checkpoint.log_sequence + 1,
                                        [&](std::uint64_t sequence, std::span<const std::uint8_t> group) {
                                          return replay.apply(sequence, group);
                                        });
    if (!recovered && recovered.error().code() == ErrorCode::internal) {
      // The log is sound and does not fit what the checkpoint holds.
      note("table " + name + ": " + recovered.error().message() + "; trying the checkpoint before it");
      if (!why) why = recovered.error();
      doubtful_ = true;
      hot_.reset();
      continue;
    }
    if (!recovered) return recovered.error();
    FIRN_TRY(replay.finish());
    log_ = std::move(recovered->log);
    if (recovered->bytes_dropped != 0)
      note("table " + name + ": cut " + std::to_string(recovered->bytes_dropped) +
           " bytes of an unfinished append from the commit log");
    remove_generations_but(generation_);
    return {};
  }
  return *why;
}

/// Older generations belong to processes that are gone, and to readers that hold their pages without the names.
void Engine::remove_generations_but(std::uint64_t kept) const {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(disk->host_path(at("hot")), ignored)) {
    const std::uint64_t n = generation_of(entry.path().filename().string());
    if (n != 0 && n != kept) std::filesystem::remove_all(entry.path(), ignored);
  }
}

Result<void> Engine::load_view(const hot::HotReader& reader) {
  auto catalog = std::make_shared<Catalog>();
  const hot::HotState& state = reader.state();
  SchemaHistory schemas;
  FIRN_TRY(reader.visit_catalog("v", [&](std::string_view, std::string_view bytes) -> Result<bool> {
    FIRN_ASSIGN(SchemaVersion v, decode_schema_version(bytes));
    schemas = schemas.with(std::move(v));
    return true;
  }));
  FIRN_ASSIGN(const auto config, reader.catalog("c"));
  if (config) {
    FIRN_ASSIGN(catalog->config, decode_config(*config));
  }
  Cursors cursors;
  FIRN_TRY(reader.visit_catalog("u", [&](std::string_view, std::string_view bytes) -> Result<bool> {
    FIRN_ASSIGN(CursorChange c, decode_cursor(bytes));
    cursors.emplace(std::move(c.name), c.cursor);
    return true;
  }));
  catalog->cursors = std::make_shared<Cursors>(std::move(cursors));
  std::uint64_t file_id_max = 0;
  FIRN_TRY(reader.visit_catalog("f", [&](std::string_view, std::string_view bytes) -> Result<bool> {
    FIRN_ASSIGN(const RowFileInfo info, decode_file_info(bytes));
    catalog->files.push_back(make_entry(info));
    file_id_max = std::max(file_id_max, info.id);
    return true;
  }));
  FIRN_TRY(reader.visit_catalog("a", [&](std::string_view key, std::string_view bytes) -> Result<bool> {
    std::uint64_t be;
    AccessAccount account;
    if (key.size() != 1 + sizeof be || bytes.size() != sizeof account) return true;
    std::memcpy(&be, key.data() + 1, sizeof be);
    std::memcpy(&account, bytes.data(), sizeof account);
    if (const FileEntryPtr f = catalog->find(__builtin_bswap64(be))) f->set_access(account);
    return true;
  }));
  FIRN_TRY(load_vectors(*catalog, reader));
  if (schemas.empty() || schemas.newest().version.version != state.schema_version)
    return Error(ErrorCode::corrupt, folder + ": the catalog has no schema; recover from a backup");
  catalog->schemas = std::make_shared<SchemaHistory>(std::move(schemas));
  catalog->horizon = state.horizon;
  catalog->hot_epoch = state.csn;  // another than that of any earlier catalog
  next_file_id_ = std::max(state.next_file_id, file_id_max + 1);
  next_row_id_ = std::max<std::uint64_t>(state.next_row_id, 1);
  delta_.reset(state.csn);  // for what a file has not been resolved past the hot tier is asked
  if (state.rows_csn <= state.horizon) {
    std::lock_guard quiet(quiet_mutex_);
    quiet_ = {state.rows_csn, state.horizon};
  }
  {
    std::lock_guard lock(view_mutex_);
    view_ = {catalog, state.csn, state.time_us, state.rows_csn};
  }
  cache_share_->set_bytes_max(catalog->config.tuning.cache_size);
  return {};
}

Result<void> Engine::check_named_files() {
  std::map<std::string, std::uint64_t> sizes;
  const View now = view();
  for (const FileEntryPtr& f : now.catalog->files) {
    const RowFileInfo& i = f->info;
    const auto [slot, fresh] = sizes.try_emplace(i.path, 0);
    if (fresh) {
      const auto file = disk->open(at(i.path), io::Disk::Mode::read);
      if (!file) {
        note("table " + name + ": " + file.error().message() + "; queries that need it will fail");
        continue;
      }
      FIRN_ASSIGN(slot->second, (*file)->size());
    }
    if (slot->second < i.offset + i.length)
      note("table " + name + ": " + i.path +
           " is shorter than the catalog says; queries that need it will fail");
  }
  return {};
}

/// Files that nobody names: what a cut left of writes that were never committed. Ids seen here are not used again.
Result<void> Engine::remove_orphans() {
  std::set<std::string> named;
  const View now = view();
  for (const FileEntryPtr& f : now.catalog->files) named.insert(f->info.path);
  for (const char* part : {"warm", "cold"}) {
    FIRN_ASSIGN(const auto entries, disk->list(at(part)));
    for (const io::DirEntry& entry : entries) {
      const std::string path = std::string(part) + "/" + entry.name;
      std::uint64_t id = 0;
      (void)std::from_chars(entry.name.data(), entry.name.data() + entry.name.size(), id, 16);
      if (next_file_id_ <= id) next_file_id_ = id + 1;
      if (entry.is_directory || named.contains(path)) continue;
      if (doubtful_) {
        note("table " + name + ": " + path + " is named by no commit; kept as lost/" + entry.name);
        FIRN_TRY(disk->rename(at(path), at("lost/" + entry.name)));
        continue;
      }
      FIRN_TRY(disk->remove(at(path)));
    }
  }
  return {};
}

bool Engine::checkpoint_due() const {
  if (closed_ || options.read_only) return false;
  return log_bytes_since_checkpoint_ >
         std::max<std::uint64_t>(options.checkpoint_log_bytes, checkpoint_bytes_);
}

Result<void> Engine::checkpoint() {
  std::lock_guard alone(checkpoint_mutex_);
  FIRN_TRY(take_checkpoint());
  return {};
}

/// Requires checkpoint_mutex_.
Result<Engine::Checkpoint> Engine::take_checkpoint() {
  FIRN_TRY(check_open());
  if (const std::string why = read_only_reason(); !why.empty()) return Error(ErrorCode::read_only, why);
  std::optional<hot::HotReader> reader;
  std::uint64_t covered = 0;
  Checkpoint made;
  if (const Result<void> stored = store_vectors_by_parts(~std::size_t{0}, true); !stored)
    note("table " + name + ": " + stored.error().message());  // as below
  {
    std::lock_guard lock(commit_mutex_);
    FIRN_TRY(check_open());
    if (Result<void> rolled = log_->roll(); !rolled) {
      if (log_->failed()) fail(rolled.error());
      return rolled.error();
    }
    if (const Result<void> stored = store_vectors(); !stored)
      note("table " + name + ": " + stored.error().message());  // whoever needs them finds the ends again
    FIRN_ASSIGN(auto r, hot_->read([&] { made.view = view(); }));
    reader.emplace(std::move(r));
    covered = log_bytes_since_checkpoint_;
  }
  // Writing goes on beside this.
  FIRN_ASSIGN(made.file, write_checkpoint(*disk, at("hot"), store_id, *reader));
  log_bytes_since_checkpoint_ -= covered;
  checkpoint_bytes_ = reader->state().bytes;
  bytes_written_ += reader->state().bytes;
  reader.reset();
  std::lock_guard lock(commit_mutex_);
  FIRN_TRY(check_open());
  FIRN_ASSIGN(auto all, list_checkpoints(*disk, at("hot")));
  while (all.size() > kCheckpointsKept) {
    FIRN_TRY(disk->remove(all.back().path));
    all.pop_back();
  }
  FIRN_TRY(disk->sync_directory(at("hot")));
  FIRN_TRY(log_->remove_before(all.back().log_sequence + 1));
  return made;
}

/// The first checkpoint of a new table; requires that nobody else is there yet.
Result<void> Engine::checkpoint_locked() {
  FIRN_ASSIGN(const hot::HotReader reader, hot_->read());
  FIRN_TRY(write_checkpoint(*disk, at("hot"), store_id, reader));
  checkpoint_bytes_ = reader.state().bytes;
  return {};
}

Result<void> Engine::write_marker() {
  FIRN_TRY(hot_->sync());
  CleanMarker m;
  {
    FIRN_ASSIGN(const hot::HotReader reader, hot_->read());
    m.log_sequence = reader.state().log_sequence;
  }
  const std::string file = hot_->folder() + "/data.mdb";
  release_hot();  // the file changes no more
  if (!measure_file(file, m)) return Error(ErrorCode::io, file + ": cannot be read back");
  m.generation = generation_;
  return write_clean_marker(*disk, at("hot/clean"), store_id, m);
}

void Engine::release_hot() {
  std::shared_ptr<hot::HotStore> store;
  std::lock_guard lock(view_mutex_);
  store.swap(hot_);
}

Result<void> Engine::close() {
  // So that who opens it next need not; what cannot be read now will be reported to whoever needs it then.
  if (!closed_ && read_only_reason().empty())
    if (const Result<View> resolved = resolve_all(); !resolved) note(resolved.error().message());
  std::lock_guard commit(commit_mutex_);
  std::lock_guard plan(plan_mutex_);
  if (closed_.exchange(true)) return {};
  images_.clear();
  delta_.reset(view().csn);
  if (options.read_only) {
    release_hot();
    return {};
  }
  const bool sound = read_only_reason().empty();
  Result<void> result;
  for (WarmLog* log : {&written_log_, &other_log_, &moved_log_}) {
    std::lock_guard lock(log->mutex);
    if (log->file && !log->file->failure())
      if (Result<void> sealed = log->file->seal(); !sealed) result = sealed;
    log->file.reset();
  }
  if (sound && !log_->failed()) {
    if (const Result<void> stored = store_vectors(); !stored) note(stored.error().message());
    if (Result<void> sealed = log_->seal(); !sealed) result = sealed;
    if (result && !marked_clean_) result = write_marker();
  }
  release_hot();
  log_.reset();
  writer_lock_.reset();
  return result;
}

}  // namespace firn::storage
