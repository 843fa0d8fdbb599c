// How old commits are, by a clock that cannot step. Commit times are the wall clock's, which may jump by an hour or a
// year and back; what goes by age (expiry, moves) asks here instead: for each stretch of commits made since the table was
// opened it is known how far their times were ahead of the monotonic clock.
//
// Of commits from before the opening only their times are known. The time in which a table was closed counts or not, as
// the caller says: history must never go faster than time was seen to pass, moves may trust the wall clock at opening.
//
// Thread-safe.
#pragma once
#include <cstdint>
#include <mutex>
#include <vector>

#include "schema/types.hpp"

namespace firn::storage {

class CommitAges {
 public:
  enum class Closed : std::uint8_t { counts, ignored };

  /// The table is open: its newest commit is `csn`, made at `time_us` by the clock of then.
  void begin(std::uint64_t csn, std::int64_t time_us, Timestamp wall, std::int64_t monotonic_us);
  /// A commit, or the first of a group, in the order of CSNs.
  void note(std::uint64_t csn, std::int64_t time_us, std::int64_t monotonic_us);

  /// Says which commits are old enough: those up to the last with a time <= time_us, but at least csn_min and at most
  /// csn_max.
  struct Bound {
    std::uint64_t csn_min = 0, csn_max = 0;
    std::int64_t time_us = 0;
  };
  /// Commits that are at least so old; a second more may be asked of some, never less.
  Bound at_age(std::int64_t age_us, std::int64_t monotonic_us, Closed closed) const;

 private:
  /// Commits from `csn` to the next stretch.
  struct Stretch {
    std::uint64_t csn = 0;
    std::int64_t since_us = 0;      ///< monotonic, of its first commit
    std::int64_t ahead_us = 0;      ///< time - monotonic of its first commit
    std::int64_t ahead_min_us = 0;  ///< and the least of all
  };
  void thin_out();

  mutable std::mutex mutex_;
  std::uint64_t opened_csn_ = 0;
  std::int64_t opened_us_ = 0;  ///< monotonic
  std::int64_t wall_us_ = 0, last_time_us_ = 0;
  std::vector<Stretch> stretches_;
};

}  // namespace firn::storage
