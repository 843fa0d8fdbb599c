#include "database_core.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <thread>

#include "io/new_folder.hpp"
#include "io/staging.hpp"
#include "start_table.hpp"
#include "storage/decision_file.hpp"
#include "wire.hpp"

namespace firn::runtime {
namespace {

constexpr std::uint64_t kBulkBytesMax = 64u << 20;
// close() ends within 5 s: calls get 2 s to end (their queries are cancelled after 1 s), actors 2 s.
constexpr auto kCallsGrace = std::chrono::milliseconds(1'000);
constexpr auto kCallsCancelled = std::chrono::milliseconds(1'000);
constexpr auto kCallsLast = std::chrono::milliseconds(4'000);
constexpr auto kActorsGrace = std::chrono::milliseconds(1'500);
constexpr auto kActorsKilled = std::chrono::milliseconds(400);
constexpr int kSupervisorsMax = 5;
constexpr std::uintmax_t kMemoryRoomMin = std::uintmax_t{1} << 30;
constexpr auto kTimeoutMax = std::chrono::hours(24 * 365);  // longer ones would overflow the clock

std::size_t worker_count(std::size_t wanted) {
  const std::size_t n = wanted != 0 ? wanted : std::thread::hardware_concurrency();
  return std::clamp(n, kWorkersMin, kWorkersMax);
}

/// Where a database in memory lives: TMPDIR if that is set, else shared memory if it has some room (containers often
/// give it 64 MiB), else /tmp.
std::filesystem::path scratch_base() {
  std::error_code ec;
  if (const char* asked = std::getenv("TMPDIR"); asked != nullptr && *asked != '\0') return asked;
  std::filesystem::path memory = "/dev/shm";
  const auto space = std::filesystem::space(memory, ec);
  if (!ec && space.available >= kMemoryRoomMin && access(memory.c_str(), W_OK | X_OK) == 0) return memory;
  return "/tmp";
}

Result<std::string> make_scratch_folder() {
  std::string name = scratch_base() / "firn-memory-XXXXXX";
  if (mkdtemp(name.data()) == nullptr)
    return Error(ErrorCode::io, "cannot make a temporary folder in " + scratch_base().string() +
                                    "; set TMPDIR to one with room");
  return name;
}

void remove_folder(const std::string& path) {
  std::error_code ignored;
  if (!path.empty()) std::filesystem::remove_all(path, ignored);
}

/// A folder that holds other things is not ours to fill.
Result<void> check_is_ours(io::Disk& disk, const std::string& path) {
  FIRN_ASSIGN(const auto entries, disk.list(""));
  for (const auto& e : entries) {
    if (e.name == storage::kDatabaseListName) return {};
  }
  for (const auto& e : entries) {
    const bool left_by_us =
        e.name == "lock" || e.name == "tables" || e.name == "control.sock" || e.name.ends_with(".tmp");
    if (!left_by_us)
      return Error(ErrorCode::invalid_argument, "'" + path + "' holds other files and is no firn database");
  }
  return {};
}

Result<storage::CopyCounts> backup_table(TableDirectory& tables, const TableRef& table, io::Disk& to,
                                         const storage::ExecutionLimits& limits) {
  if (!table) return Error(ErrorCode::not_found, "it was dropped while the backup was made; begin it again");
  FIRN_ASSIGN(const TablePin pin, tables.pin(table));
  const std::string folder = storage::table_folder(table->id);
  FIRN_ASSIGN(const storage::CopyCounts counts, pin->store->backup(to, folder, limits));
  const std::vector<Decision> decisions = table->decisions.list();
  if (decisions.empty()) return counts;
  std::vector<storage::DecisionEntry> entries;
  for (const Decision& d : decisions) entries.push_back({d.time, d.action, d.subject, d.reason});
  FIRN_TRY(storage::write_decisions(to, folder, entries));
  return counts;
}

void start_supervisor(caf::actor_system& system, const std::shared_ptr<Services>& services, int number) {
  const Supervisor s = spawn_supervisor(system, services);
  services->supervisor.set(s);
  std::weak_ptr<Services> weak = services;
  s->attach_functor([weak, &system, number](const caf::error& why) {
    const auto alive = weak.lock();
    if (!alive || alive->closing) return;
    alive->log("actor supervisor failed: " + text_of(why));
    if (number < kSupervisorsMax)
      start_supervisor(system, alive, number + 1);
    else
      alive->set_write_stop("the supervisor failed " + std::to_string(number) +
                            " times; close and open the database");
  });
}

template <class Handle>
void kill(const Handle& handle) {
  if (handle) caf::anon_send_exit(caf::actor_cast<caf::actor>(handle), caf::exit_reason::kill);
}

void kill_everybody(Services& s) {
  kill(s.supervisor.get());
  kill(s.lifecycle.get());
  kill(s.scheduler.get());
  kill(s.analyzer.get());
  kill(s.database.get());
  for (const TableRef& t : s.tables->all()) {
    kill(t->addresses->table.get());
    kill(t->addresses->hot.get());
    kill(t->addresses->warm.get());
    kill(t->addresses->cold.get());
  }
  for (std::size_t i = 0; i < s.workers.size(); ++i) kill(s.workers.address(i).get());
}

Error forked_error(const std::string& path) {
  return {ErrorCode::closed,
          "'" + path + "' was opened before this process was forked; a child must open a database anew"};
}

}  // namespace

Result<std::shared_ptr<DatabaseCore>> DatabaseCore::open(const std::string& path,
                                                         const DatabaseOptions& options,
                                                         const InternalOptions& internal) {
  std::shared_ptr<DatabaseCore> core(new DatabaseCore);
  core->path_ = path;
  core->read_only_ = options.read_only;
  FIRN_TRY(core->open_files(options, internal));
  core->start_actors();
  return core;
}

Result<void> DatabaseCore::open_files(const DatabaseOptions& options, const InternalOptions& internal) {
  std::string root = path_;
  const bool in_memory = path_ == ":memory:";
  if (in_memory) {
    if (read_only_) return Error(ErrorCode::invalid_argument, "a database in memory is always a new one");
    FIRN_ASSIGN(scratch_, make_scratch_folder());
    root = scratch_;
  }
  auto services = std::make_shared<Services>(worker_count(internal.workers));
  services->log = options.log ? options.log : [](std::string_view) {};
  services->clock = options.clock ? options.clock : std::make_shared<io::SystemClock>();
  services->own_ticks = std::dynamic_pointer_cast<io::ManualClock>(services->clock) == nullptr;
  services->faults = internal.faults ? internal.faults : std::make_shared<FaultPlan>();
  services->bulk_gate = std::make_shared<ByteGate>(kBulkBytesMax);
  services->read_only = read_only_;
  services->background = options.background && !read_only_;
  services->tick_us = std::max<std::int64_t>(options.background_tick_us, 1'000);
  const bool create = in_memory || (options.create && !read_only_);
  std::string notice;
  std::shared_ptr<io::Disk> disk = internal.disk;
  if (!disk) {
    FIRN_ASSIGN(disk, io::open_disk(root, create, &notice));
  }
  if (!notice.empty()) services->log(notice);
  FIRN_TRY(check_is_ours(*disk, root));
  if (!create) {
    FIRN_ASSIGN(const bool there, disk->exists(storage::kDatabaseListName));
    if (!there) return Error(ErrorCode::not_found, "'" + root + "' holds no firn database");
  }
  if (!read_only_) {
    FIRN_ASSIGN(lock_, io::FileLock::acquire(root));
  }
  DirectoryOptions directory;
  directory.store = internal.store;
  directory.store.clock = services->clock;
  directory.store.read_only = read_only_;
  directory.store.log = services->log;
  directory.store.stop_jobs = services->stop_jobs;
  directory.read_only = read_only_;
  directory.open_max = internal.open_tables_max != 0 ? internal.open_tables_max : default_open_max();
  FIRN_ASSIGN(services->tables, TableDirectory::open(disk, std::move(directory), create));
  services_ = std::move(services);
  return {};
}

void DatabaseCore::start_actors() {
  const HostCall unpin;
  runtime_ = std::make_unique<CafRuntime>();
  start_supervisor(runtime_->system(), services_, 1);
  // Actors begin on their own threads: an answer of the supervisor means that all the others are in place.
  WaitingCall<void> ready;
  caf::anon_send(services_->supervisor.get(),
                 make_flat<fb::StartTable>([](auto& b) { return fb::CreateStartTable(b); }), ready.slot(),
                 TableRef{});
  if (auto up = ready.wait(); !up) services_->log("starting the actors: " + up.error().message());
}

DatabaseCore::~DatabaseCore() {
  if (is_forked()) {
    leave_to_parent();
    return;
  }
  (void)close();  // nobody is left to hear of it
  remove_folder(scratch_);
}

/// Files, maps and actors are the parent's; what is ours of them, memory, is never given back.
void DatabaseCore::leave_to_parent() {
  static std::vector<std::pair<std::shared_ptr<Services>, CafRuntime*>>& parents =
      *new std::vector<std::pair<std::shared_ptr<Services>, CafRuntime*>>;
  parents.emplace_back(std::move(services_), runtime_.release());
}

Result<Pin> DatabaseCore::enter() {
  if (is_forked()) return forked_error(path_);
  const std::lock_guard hold(mutex_);
  if (closed_) return closing_error();
  ++calls_;
  return Pin(this, [](void* core) { static_cast<DatabaseCore*>(core)->leave(); });
}

void DatabaseCore::leave() {
  const std::lock_guard hold(mutex_);
  --calls_;
  left_.notify_all();
}

Result<void> DatabaseCore::check_writable() const {
  if (!read_only_) return {};
  return Error(ErrorCode::read_only, "the database was opened for reading only");
}

Result<void> DatabaseCore::drop_table(const std::string& name) {
  FIRN_TRY(check_writable());
  FIRN_ASSIGN(const TableRef table, services_->tables->find(name));
  if (table->addresses->started) {
    WaitingCall<void> stopped;
    auto order = make_flat<fb::StopTable>([&](auto& b) { return fb::CreateStopTable(b, table->id); });
    caf::anon_send(services_->supervisor.get(), std::move(order), stopped.slot(), table);
    FIRN_TRY(stopped.wait());
  }
  Result<void> dropped = services_->tables->drop(table);
  if (table->dropped) table->commits.close();  // gone, though what it leaves may still have to be removed
  return dropped;
}

storage::ExecutionLimits DatabaseCore::limits_of(const QueryOptions& options) const {
  storage::ExecutionLimits limits;
  limits.cancelled = &services_->cancelled;
  if (options.cancel) limits.stopped = options.cancel->flag();
  if (options.timeout) {
    limits.deadline =
        std::chrono::steady_clock::now() + std::min<std::chrono::microseconds>(*options.timeout, kTimeoutMax);
  }
  return limits;
}

Result<BackupReport> DatabaseCore::backup(const std::string& destination, const BackupOptions& options) {
  FIRN_TRY(check_writable());
  QueryOptions limited;
  limited.cancel = options.cancel;
  const storage::ExecutionLimits limits = limits_of(limited);
  TableDirectory& tables = *services_->tables;
  FIRN_ASSIGN(io::NewFolder folder, io::NewFolder::begin(destination));
  FIRN_TRY(folder.disk()->make_directories("tables"));
  storage::DatabaseList list = tables.list();
  BackupReport report;
  std::erase_if(list.tables, [&](const auto& t) { return tables.by_id(t.id) == nullptr; });
  for (const storage::TableListing& t : list.tables) {
    const auto copied = backup_table(tables, tables.by_id(t.id), *folder.disk(), limits);
    if (!copied) return copied.error().within("table \"" + t.name + "\"");
    report.tables += 1;
    report.files += copied->files;
    report.bytes += copied->bytes;
  }
  FIRN_TRY(storage::write_database_list(*folder.disk(), list));
  FIRN_TRY(folder.publish());
  return report;
}

void DatabaseCore::tick() {
  const std::int64_t now = std::max<std::int64_t>(services_->clock->now().us, 1);
  caf::anon_send(services_->lifecycle.get(), make_tick(now));
}

bool DatabaseCore::wait_for_calls(std::chrono::steady_clock::time_point until) {
  std::unique_lock hold(mutex_);
  return left_.wait_until(hold, until, [&] { return calls_ == 0; });
}

bool DatabaseCore::stop_actors(std::chrono::milliseconds time) {
  WaitingCall<void> ended;
  const Supervisor supervisor = services_->supervisor.get();
  if (!supervisor) return false;
  supervisor->attach_functor([slot = ended.slot()](const caf::error&) { slot.deliver({}); });
  caf::anon_send_exit(caf::actor_cast<caf::actor>(supervisor), caf::exit_reason::user_shutdown);
  return ended.wait_for(time).has_value();
}

void DatabaseCore::clear_addresses() {
  services_->supervisor.clear();
  services_->lifecycle.clear();
  services_->scheduler.clear();
  services_->analyzer.clear();
  services_->database.clear();
  for (std::size_t i = 0; i < services_->workers.size(); ++i) services_->workers.address(i).clear();
  for (const TableRef& t : services_->tables->all()) {
    t->addresses->table.clear();
    t->addresses->hot.clear();
    t->addresses->warm.clear();
    t->addresses->cold.clear();
  }
}

Result<void> DatabaseCore::close() {
  if (is_forked()) return forked_error(path_);
  {
    const std::lock_guard hold(mutex_);
    if (std::exchange(closed_, true)) return {};
  }
  if (!services_) return {};
  services_->closing = true;
  *services_->stop_jobs = true;
  services_->bulk_gate->close();
  for (const TableRef& t : services_->tables->all()) {
    if (const auto gate = t->write_gate()) gate->close();
    t->commits.close();
  }
  const auto begin = std::chrono::steady_clock::now();
  bool calls_ended = wait_for_calls(begin + kCallsGrace);
  services_->cancelled = true;
  calls_ended = calls_ended || wait_for_calls(begin + kCallsGrace + kCallsCancelled);
  bool stopped = runtime_ && stop_actors(kActorsGrace);
  if (!stopped && runtime_) {
    kill_everybody(*services_);
    std::this_thread::sleep_for(kActorsKilled);
  }
  // Workers that are stuck in a call cannot be killed; whatever they hold lives on with them.
  Result<void> done = services_->tables->close(calls_ended && stopped);
  io::trim_staging(std::chrono::milliseconds(0));
  clear_addresses();
  calls_ended = calls_ended || wait_for_calls(begin + kCallsLast);
  if (stopped && calls_ended) {
    const HostCall unpin;
    runtime_.reset();
    lock_.reset();
    remove_folder(std::exchange(scratch_, {}));
    return done;
  }
  // A call that commits on the host's thread still writes: the lock is its, too. (Nobody calls one that is destroyed.)
  std::thread([core = weak_from_this().lock(), runtime = std::move(runtime_), services = services_,
               lock = std::move(lock_), scratch = std::exchange(scratch_, {})]() mutable {
    while (core && !core->wait_for_calls(std::chrono::steady_clock::now() + std::chrono::hours(1))) {
    }
    core.reset();
    runtime.reset();
    services.reset();
    lock.reset();
    remove_folder(scratch);
  }).detach();
  return Error(ErrorCode::busy, "closed, but background work has not ended yet; the lock goes when it does");
}

}  // namespace firn::runtime
