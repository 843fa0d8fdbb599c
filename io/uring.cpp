#include "io/uring.hpp"

#include <liburing.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <ctime>
#include <utility>

#include "io/os_error.hpp"

namespace firn::io {
namespace {

constexpr unsigned kEntries = 2 * kRingRequestsMax;
constexpr int kNotRun = -ECANCELED;

bool has_operations(io_uring& ring) {
  io_uring_probe* probe = io_uring_get_probe_ring(&ring);
  if (probe == nullptr) return false;
  bool all = true;
  for (const int op : {IORING_OP_READ, IORING_OP_WRITE, IORING_OP_FSYNC}) {
    all = all && io_uring_opcode_supported(probe, op) != 0;
  }
  io_uring_free_probe(probe);
  return all;
}

void prepare(io_uring_sqe& sqe, RingRequest& request) {
  switch (request.kind) {
    case RingRequest::Kind::read:
      io_uring_prep_read(&sqe, request.fd, request.data, request.length, request.offset);
      break;
    case RingRequest::Kind::write:
      io_uring_prep_write(&sqe, request.fd, request.data, request.length, request.offset);
      break;
    case RingRequest::Kind::sync:
      io_uring_prep_fsync(&sqe, request.fd, IORING_FSYNC_DATASYNC);
      break;
  }
  if (request.linked) sqe.flags = static_cast<std::uint8_t>(sqe.flags | IOSQE_IO_LINK);
  io_uring_sqe_set_data(&sqe, &request);
}

void pause_briefly() {
  const timespec pause{0, 100'000};
  ::nanosleep(&pause, nullptr);
}

}  // namespace

struct Ring::Queue {
  io_uring ring{};
};

Ring::Ring(std::unique_ptr<Queue> queue) : queue_(std::move(queue)), owner_pid_(::getpid()) {}

Ring::~Ring() {
  if (owner_pid_ == ::getpid()) io_uring_queue_exit(&queue_->ring);
}

Result<std::unique_ptr<Ring>> Ring::create() {
  auto queue = std::make_unique<Queue>();
  const int r = io_uring_queue_init(kEntries, &queue->ring, 0);
  if (r < 0) return os_error("set-up", "io_uring", -r);
  // One kernel worker a ring: what is in flight belongs to one file, whose writes the kernel serialises anyway, and
  // threads are counted. A kernel that does not know the call has more workers and no less sense.
  unsigned workers[2] = {1, 1};  // for files, and for what we do not use
  (void)io_uring_register_iowq_max_workers(&queue->ring, workers);
  std::unique_ptr<Ring> ring(new Ring(std::move(queue)));
  if (!has_operations(ring->queue_->ring)) return os_error("probe", "io_uring", EOPNOTSUPP);
  return ring;
}

bool Ring::run(std::span<RingRequest> requests) {
  FIRN_CHECK(requests.size() <= kRingRequestsMax);
  FIRN_CHECK(owner_ == std::this_thread::get_id() && "a ring is used by the thread that made it");
  FIRN_CHECK(!in_use() && "no Ring::run() while a started request is under way");
  for (RingRequest& request : requests) request.result = kNotRun;
  if (broken_ || requests.empty()) return false;
  // Every run ends with empty queues, so a whole chain always fits; get_sqe gives null only where that is
  // broken.
  if (io_uring_sq_space_left(&queue_->ring) < requests.size()) {
    broken_ = true;
    return false;
  }
  for (RingRequest& request : requests) prepare(*io_uring_get_sqe(&queue_->ring), request);
  bool together = true;
  const std::size_t submitted = submit(requests, together);
  await(submitted);
  return together;
}

std::size_t Ring::submit(std::span<RingRequest> requests, bool& together) {
  std::size_t done = 0;
  for (int tries = 0; done < requests.size();) {
    const int r = io_uring_submit(&queue_->ring);
    if (r > 0) done += static_cast<std::size_t>(r);
    if (done < requests.size()) together = false;
    if (r > 0) continue;
    if ((r != 0 && r != -EINTR && r != -EAGAIN && r != -EBUSY) || ++tries > kTransientTriesMax) {
      broken_ = true;  // what stays in the queue must never be submitted: its buffers go
      break;
    }
    pause_briefly();
  }
  return done;
}

void Ring::await(std::size_t count) {
  while (count != 0) {
    io_uring_cqe* cqe = nullptr;
    const int r = io_uring_wait_cqe(&queue_->ring, &cqe);
    if (r < 0 || cqe == nullptr) {
      // There is no way out but to wait: until its completion a buffer is the kernel's.
      if (r != -EINTR && r != -EAGAIN) pause_briefly();
      continue;
    }
    auto* request = static_cast<RingRequest*>(io_uring_cqe_get_data(cqe));
    request->result = hook_ ? hook_(*request, cqe->res) : cqe->res;
    if (std::exchange(request->under_way, false)) --under_way_;
    io_uring_cqe_seen(&queue_->ring, cqe);
    --count;
  }
}

void Ring::start(RingRequest& request) {
  FIRN_CHECK(owner_ == std::this_thread::get_id() && "a ring is used by the thread that made it");
  request.result = kNotRun;
  if (broken_) return;
  io_uring_sqe* sqe = io_uring_get_sqe(&queue_->ring);
  if (sqe == nullptr) {
    broken_ = true;
    return;
  }
  prepare(*sqe, request);
  bool together = true;
  request.under_way = submit({&request, 1}, together) == 1;
  under_way_ += request.under_way ? 1 : 0;
}

void Ring::finish(RingRequest& request) {
  while (request.under_way) await(1);
}

namespace {

std::atomic<int> thread_rings{0};

/// A thread's ring, and its place among those of the process.
struct ThreadRing {
  std::unique_ptr<Ring> ring;
  pid_t pid = ::getpid();
  bool refused = false;
  ~ThreadRing() { give_up(); }

  void make(RingUse use) {
    const int most = kThreadRingsMax - (use == RingUse::read ? kThreadRingsOfWriters : 0);
    if (++thread_rings > most) {  // later there may be room
      --thread_rings;
      return;
    }
    auto made = Ring::create();
    refused = !made.ok();
    if (made)
      ring = std::move(*made);
    else
      --thread_rings;
  }
  void give_up() {
    if (!ring) return;
    ring.reset();
    --thread_rings;
  }
};

}  // namespace

Ring* thread_ring(RingUse use) {
  thread_local ThreadRing mine;
  if (mine.pid != ::getpid() || mine.refused) return nullptr;
  if (mine.ring && mine.ring->in_use()) return nullptr;
  if (mine.ring && mine.ring->broken()) mine.give_up();
  if (!mine.ring) mine.make(use);
  return mine.ring.get();
}

}  // namespace firn::io
