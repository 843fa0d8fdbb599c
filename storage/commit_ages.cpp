#include "storage/commit_ages.hpp"

#include <algorithm>
#include <cstdlib>

namespace firn::storage {
namespace {

constexpr std::int64_t kSlackUs = 1'000'000;  // times of one stretch are ahead by about as much
constexpr std::size_t kStretchesMax =
    4'096;  // a clock that was set back makes one a second until it has caught up

}  // namespace

void CommitAges::begin(std::uint64_t csn, std::int64_t time_us, Timestamp wall, std::int64_t monotonic_us) {
  std::lock_guard lock(mutex_);
  opened_csn_ = csn;
  opened_us_ = monotonic_us;
  wall_us_ = wall.us;
  last_time_us_ = time_us;
  stretches_.clear();
}

void CommitAges::note(std::uint64_t csn, std::int64_t time_us, std::int64_t monotonic_us) {
  std::lock_guard lock(mutex_);
  const std::int64_t ahead = time_us - monotonic_us;
  if (!stretches_.empty() && std::abs(ahead - stretches_.back().ahead_us) <= kSlackUs) {
    stretches_.back().ahead_min_us = std::min(stretches_.back().ahead_min_us, ahead);
    return;
  }
  if (stretches_.size() == kStretchesMax) thin_out();
  stretches_.push_back({csn, monotonic_us, ahead, ahead});
}

/// Two and two become one; as the least counts, commits are taken for younger than they are.
void CommitAges::thin_out() {
  std::vector<Stretch> fewer;
  for (std::size_t i = 0; i < stretches_.size(); i += 2) {
    fewer.push_back(stretches_[i]);
    if (i + 1 == stretches_.size()) break;
    fewer.back().ahead_us = stretches_[i + 1].ahead_us;
    fewer.back().ahead_min_us = std::min(stretches_[i].ahead_min_us, stretches_[i + 1].ahead_min_us);
  }
  stretches_ = std::move(fewer);
}

CommitAges::Bound CommitAges::at_age(std::int64_t age_us, std::int64_t monotonic_us, Closed closed) const {
  std::lock_guard lock(mutex_);
  const std::int64_t moment = monotonic_us - age_us;
  const auto after = std::upper_bound(stretches_.begin(), stretches_.end(), moment,
                                      [](std::int64_t m, const Stretch& s) { return m < s.since_us; });
  if (after == stretches_.begin()) {
    if (moment >= opened_us_) return {opened_csn_, opened_csn_, 0};
    const std::int64_t then = closed == Closed::counts ? wall_us_ : std::min(wall_us_, last_time_us_);
    return {0, opened_csn_, then - (opened_us_ - moment)};
  }
  const Stretch& s = *std::prev(after);
  return {s.csn, after == stretches_.end() ? ~std::uint64_t{0} : after->csn - 1, moment + s.ahead_min_us};
}

}  // namespace firn::storage
