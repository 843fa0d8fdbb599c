#include "job_queue.hpp"

#include <algorithm>

namespace firn::runtime {

std::optional<JobQueue::Job> JobQueue::next(std::int64_t now_us) {
  refill(now_us);
  starved_ = false;
  if (running_.size() >= jobs_max_) return std::nullopt;
  auto best = waiting_.end();
  for (auto job = waiting_.begin(); job != waiting_.end(); ++job) {
    if (running_.contains(job->table->id)) continue;
    if (job->order->session() == 0 && budget_ <= 0) {
      starved_ = true;
      continue;
    }
    if (best == waiting_.end() || job->order->priority() > best->order->priority()) best = job;
  }
  if (best == waiting_.end()) return std::nullopt;
  Job job = std::move(*best);
  waiting_.erase(best);
  running_.insert(job.table->id);
  // A large job may overdraw; those after it wait until that is paid back.
  budget_ -= static_cast<std::int64_t>(std::min<std::uint64_t>(job.order->bytes(), 1ull << 40));
  return job;
}

void JobQueue::refill(std::int64_t now_us) {
  if (refilled_us_ == 0 || now_us < refilled_us_) refilled_us_ = now_us;
  const double seconds = std::min(static_cast<double>(now_us - refilled_us_) / 1e6, 3'600.0 * 24);
  budget_ =
      std::min(budget_ + static_cast<std::int64_t>(seconds * static_cast<double>(kBackgroundBytesPerSecond)),
               static_cast<std::int64_t>(kBackgroundBurstBytes));
  refilled_us_ = now_us;
}

}  // namespace firn::runtime
