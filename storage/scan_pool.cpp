#include "storage/scan_pool.hpp"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>

#include "io/thread_priority.hpp"

namespace firn::storage {
namespace {

/// The helpers' share of one call. Lives on the caller's stack: it is in the queue or has running helpers only while
/// the caller waits.
struct Share {
  const std::function<void(std::uint32_t)>* work = nullptr;
  std::uint32_t next = 1, end = 1;  ///< parts that nobody has begun
  std::uint32_t running = 0;
};

class Pool {
 public:
  void run(std::uint32_t n, const std::function<void(std::uint32_t)>& work) {
    Share share{&work, 1, n, 0};
    {
      const std::lock_guard hold(mutex_);
      start_threads();
      queue_.push_back(&share);
    }
    wake_.notify_all();
    work(0);
    std::unique_lock hold(mutex_);
    call_off(share);
    ended_.wait(hold, [&] { return share.running == 0; });
  }

 private:
  // Threads that the system refuses are no error: fewer do the same work.
  void start_threads() {
    if (started_) return;
    started_ = true;
    try {
      for (std::uint32_t i = 0; i < scan_pool_threads(); ++i) std::thread([this] { help(); }).detach();
    } catch (const std::system_error&) {
      return;
    }
  }

  void call_off(Share& share) {
    share.next = share.end;
    std::erase(queue_, &share);
  }

  [[noreturn]] void help() {
    io::give_way_to_others();
    std::unique_lock hold(mutex_);
    for (;;) {
      wake_.wait(hold, [this] { return !queue_.empty(); });
      Share& share = *queue_.front();
      const std::uint32_t part = share.next++;
      if (share.next >= share.end) queue_.pop_front();
      ++share.running;
      hold.unlock();
      (*share.work)(part);
      hold.lock();
      if (--share.running == 0) ended_.notify_all();
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_, ended_;
  std::deque<Share*> queue_;
  bool started_ = false;
};

}  // namespace

std::uint32_t scan_pool_threads() { return std::max(1U, std::thread::hardware_concurrency()) - 1; }

void run_in_scan_pool(std::uint32_t n, const std::function<void(std::uint32_t)>& work) {
  if (n <= 1 || scan_pool_threads() == 0) return work(0);
  static Pool& pool = *new Pool;  // never destroyed: helpers may outlive main()
  const io::TimeSlices writers_pass(io::kLongSliceNs);
  pool.run(n, work);
}

}  // namespace firn::storage
