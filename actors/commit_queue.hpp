// The order of a table's changes before they commit. Changes of one stream commit in the order in which they entered,
// also where one of them is still being prepared; other streams pass it.
#pragma once
#include <chrono>
#include <deque>
#include <optional>
#include <vector>

#include "parcels.hpp"

namespace firn::runtime {

inline constexpr std::size_t kGroupRequestsMax = 4'096;
// Writers that were just answered need about this long to come back. Waiting for them once, after a group that had
// company, doubles the throughput of many writers and costs a lone one nothing.
inline constexpr std::chrono::microseconds kCompanyWait{60};

/// Owned by one thread.
class CommitQueue {
 public:
  /// Keeps a place.
  void reserve(std::uint64_t ticket, std::uint64_t stream);
  /// Enters at the place of its ticket, else at the end.
  void add(Parcel parcel);
  /// Gives the place up, if its change has not come.
  void release(std::uint64_t ticket);
  /// What may commit now, in order, at most kGroupRequestsMax.
  std::vector<Parcel> take();
  /// True if take() would give something.
  bool ready() const;
  bool empty() const noexcept { return places_.empty(); }
  std::size_t size() const noexcept { return places_.size(); }
  /// Everything that is here, for an answer that none of it commits.
  void refuse_all(const Error& why);

 private:
  struct Place {
    std::uint64_t ticket = 0, stream = 0;
    std::optional<Parcel> parcel;
  };
  std::deque<Place> places_;
};

}  // namespace firn::runtime
