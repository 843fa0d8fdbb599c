#include "commit_queue.hpp"

#include <algorithm>
#include <set>

namespace firn::runtime {

void CommitQueue::reserve(std::uint64_t ticket, std::uint64_t stream) {
  places_.push_back({ticket, stream, {}});
}

void CommitQueue::add(Parcel parcel) {
  const std::uint64_t ticket = parcel.order->ticket(), stream = parcel.order->stream();
  if (ticket != 0) {
    const auto place =
        std::find_if(places_.begin(), places_.end(), [&](const Place& p) { return p.ticket == ticket; });
    if (place != places_.end()) {
      place->parcel = std::move(parcel);
      return;
    }
  }
  places_.push_back({ticket, stream, std::move(parcel)});
}

void CommitQueue::release(std::uint64_t ticket) {
  std::erase_if(places_, [&](const Place& p) { return p.ticket == ticket && !p.parcel; });
}

std::vector<Parcel> CommitQueue::take() {
  std::vector<Parcel> group;
  std::deque<Place> kept;
  std::set<std::uint64_t> held_up;
  for (Place& p : places_) {
    const bool waits =
        !p.parcel || group.size() == kGroupRequestsMax || (p.stream != 0 && held_up.contains(p.stream));
    if (!waits) {
      group.push_back(std::move(*p.parcel));
      continue;
    }
    if (p.stream != 0) held_up.insert(p.stream);
    kept.push_back(std::move(p));
  }
  places_ = std::move(kept);
  return group;
}

bool CommitQueue::ready() const {
  std::set<std::uint64_t> held_up;
  for (const Place& p : places_) {
    if (p.parcel && (p.stream == 0 || !held_up.contains(p.stream))) return true;
    if (p.stream != 0) held_up.insert(p.stream);
  }
  return false;
}

void CommitQueue::refuse_all(const Error& why) {
  for (Place& p : places_) {
    if (p.parcel) p.parcel->slot.deliver(why);
  }
  places_.clear();
}

}  // namespace firn::runtime
