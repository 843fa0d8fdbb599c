// A small io_uring: a handful of reads, writes and syncs are submitted together and awaited together.
//
// A ring belongs to the thread that made it: run() and start() check that. While something started is under way the ring
// takes no run(), whose requests it would mix up with it, and thread_ring() gives no ring to whoever is called meanwhile:
// such calls (File::write_parts, `meanwhile`) go to the kernel plainly, and cannot end a ring that is in use.
// run() returns only after the kernel has given every buffer back,
// whatever went wrong in between, so a buffer need only outlive the call. A forked child shares the ring's
// memory and must not touch it: thread_ring() gives it none.
#pragma once
#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <thread>

#include "schema/result.hpp"

namespace firn::io {

struct RingRequest {
  enum class Kind : std::uint8_t { read, write, sync };  ///< sync is fdatasync
  Kind kind = Kind::sync;
  int fd = -1;
  std::uint64_t offset = 0;      ///< bytes
  std::uint8_t* data = nullptr;  ///< of a read or write; a write only reads it
  std::uint32_t length = 0;      ///< bytes, at most kRingTransferBytesMax
  /// The next request starts only after this one has succeeded in full; else it ends with -ECANCELED.
  bool linked = false;
  /// Bytes moved, 0 for a sync, or the negative errno. -ECANCELED: did not run.
  std::int32_t result = 0;
  bool under_way = false;  ///< between start() and its completion
};

inline constexpr std::uint32_t kRingTransferBytesMax = 1U << 20;
inline constexpr std::size_t kRingRequestsMax = 16;

class Ring {
 public:
  /// {io} with the kernel's reason if it refuses a ring or lacks an operation.
  static Result<std::unique_ptr<Ring>> create();
  ~Ring();
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;

  /// Runs at most kRingRequestsMax requests and fills in their results. Nothing that was started may be under way. True if the kernel took them in one
  /// piece; false if not: links may then not have held, and a sync that succeeded proves nothing about writes
  /// before it.
  bool run(std::span<RingRequest> requests);

  /// Starts one request and returns; finish() gives its result. It stays where it is until then, as does its memory.
  void start(RingRequest& request);
  /// Waits for a request that was started; others that end meanwhile get their results too.
  void finish(RingRequest& request);

  /// Something that was started has not ended.
  bool in_use() const noexcept { return under_way_ != 0; }

  /// True after a failure that left the ring unusable; requests then end with -ECANCELED.
  bool broken() const noexcept { return broken_; }

  /// Called for each completion, may change its result: where tests put short writes and EINTR.
  using CompletionHook = std::function<std::int32_t(const RingRequest&, std::int32_t result)>;
  void set_completion_hook(CompletionHook hook) { hook_ = std::move(hook); }

 private:
  struct Queue;
  explicit Ring(std::unique_ptr<Queue> queue);
  std::size_t submit(std::span<RingRequest> requests, bool& together);
  void await(std::size_t count);

  std::unique_ptr<Queue> queue_;
  pid_t owner_pid_;
  std::thread::id owner_ = std::this_thread::get_id();
  std::size_t under_way_ = 0;  ///< started
  bool broken_ = false;
  CompletionHook hook_;
};

/// Threads of a process that may have a ring at a time: those that move long ranges. The kernel adds a thread of its own
/// to each of them while it is used; threads are bounded by the machine, not by how many call.
inline constexpr int kThreadRingsMax = 3;
/// A thread keeps its ring until it ends. So one that reads makes itself none of these: else three that read once would
/// leave none to those that write, whom a ring helps more.
inline constexpr int kThreadRingsOfWriters = 2;

enum class RingUse : std::uint8_t { read, write };

/// The calling thread's ring, made at first use; null if enough threads have one, the kernel refuses one to this
/// thread, the ring is in use by a caller further up or the process is a forked child: the caller then uses plain
/// system calls.
Ring* thread_ring(RingUse use = RingUse::write);

}  // namespace firn::io
