// Which worker gets which work. The first one takes only short work (commits), so that a commit never waits behind a job;
// the last one only what looks for work (ended rows, what is due), so that reads and bulk writes never wait behind that.
#pragma once
#include <array>
#include <atomic>
#include <cstddef>

#include "address_book.hpp"
#include "io_worker.hpp"

namespace firn::runtime {

inline constexpr std::size_t kWorkersMin = 4;
inline constexpr std::size_t kWorkersMax = 8;

/// Thread-safe.
class WorkerPool {
 public:
  explicit WorkerPool(std::size_t workers) : size_(workers) {}
  std::size_t size() const noexcept { return size_; }
  /// Jobs that may run at once: one worker is left for commits, one for looks, and one for reads and blocks.
  std::size_t jobs_max() const noexcept { return size_ - 3; }
  Address<IoWorker>& address(std::size_t i) { return workers_[i].address; }

  /// The least busy worker for short or long work, and its load, to be held until the work is done.
  struct Hired {
    IoWorker worker;
    Pin load;
  };
  Hired for_commit() { return hire(0, size_ - 1); }
  Hired for_long_work() { return hire(1, size_ - 1); }
  Hired for_looks() { return hire(size_ - 1, size_); }

 private:
  struct Worker {
    Address<IoWorker> address;
    std::shared_ptr<std::atomic<int>> load = std::make_shared<std::atomic<int>>(0);
  };
  Hired hire(std::size_t first, std::size_t last) {
    std::size_t best = first;
    for (std::size_t i = first + 1; i < last; ++i) {
      if (*workers_[i].load < *workers_[best].load) best = i;
    }
    auto load = workers_[best].load;
    ++*load;
    return {workers_[best].address.get(), Pin(load.get(), [load](void*) { --*load; })};
  }
  const std::size_t size_;
  std::array<Worker, kWorkersMax> workers_;
};

}  // namespace firn::runtime
