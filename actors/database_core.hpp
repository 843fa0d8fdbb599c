// An open database: its lock, its tables, its actors, and how they all end.
#pragma once
#include <memory>
#include <mutex>
#include <optional>

#include "caf_runtime.hpp"
#include "firn/firn.hpp"
#include "io/file_lock.hpp"
#include "io/forked.hpp"
#include "services.hpp"

namespace firn::runtime {

/// What tests set beyond DatabaseOptions.
struct InternalOptions {
  std::shared_ptr<FaultPlan> faults;  ///< nullptr: none
  storage::StoreOptions store;        ///< clock, read_only and log are overwritten
  std::size_t workers = 0;            ///< 0: by the machine
  std::size_t open_tables_max = 0;    ///< 0: by the machine's limits
  std::shared_ptr<io::Disk> disk;     ///< nullptr: the one for the path
};

/// Thread-safe.
class DatabaseCore : public std::enable_shared_from_this<DatabaseCore> {
 public:
  static Result<std::shared_ptr<DatabaseCore>> open(const std::string& path, const DatabaseOptions& options,
                                                    const InternalOptions& internal = {});
  ~DatabaseCore();
  DatabaseCore(const DatabaseCore&) = delete;
  DatabaseCore& operator=(const DatabaseCore&) = delete;

  /// Held during a call from the host: close() waits for it. {closed} once close() has begun, and in a forked child,
  /// which has none of our threads: all it may do with a handle is to let it go.
  Result<Pin> enter();
  Services& services() { return *services_; }
  const std::shared_ptr<Services>& shared_services() { return services_; }
  const std::string& path() const { return path_; }
  bool read_only() const { return read_only_; }
  /// {read_only} if nothing may be changed.
  Result<void> check_writable() const;
  Result<void> drop_table(const std::string& name);
  /// Of a query that begins now; close() ends it too.
  storage::ExecutionLimits limits_of(const QueryOptions& options) const;
  Result<BackupReport> backup(const std::string& destination, const BackupOptions& options);
  /// Looks at all tables now, as the timer would. For tests that move the clock.
  void tick();
  /// Ends within 5 s. Later calls do nothing.
  Result<void> close();

 private:
  DatabaseCore() = default;
  Result<void> open_files(const DatabaseOptions& options, const InternalOptions& internal);
  void start_actors();
  bool wait_for_calls(std::chrono::steady_clock::time_point until);
  bool stop_actors(std::chrono::milliseconds time);
  void clear_addresses();
  void leave();
  bool is_forked() const { return io::fork_generation() != generation_; }
  void leave_to_parent();

  const std::uint32_t generation_ = io::fork_generation();
  std::string path_, scratch_;
  bool read_only_ = false;
  std::optional<io::FileLock> lock_;
  std::shared_ptr<Services> services_;
  std::unique_ptr<CafRuntime> runtime_;
  std::mutex mutex_;
  std::condition_variable left_;
  std::size_t calls_ = 0;
  bool closed_ = false;
};

}  // namespace firn::runtime
