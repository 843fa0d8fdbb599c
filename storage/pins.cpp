#include "storage/pins.hpp"

#include <algorithm>

#include "schema/types.hpp"

namespace firn::storage {
namespace {

PinView view_of(const Pin& pin, std::int64_t now_us) {
  return {pin.owner, pin.csn, std::max<std::int64_t>(now_us - pin.since_us, 0)};
}

}  // namespace

Result<PinPtr> Pins::add(std::string owner, std::int64_t now_us,
                         const std::function<Result<std::uint64_t>()>& choose) {
  // Everything that allocates comes before the lock: the deleter takes it.
  const std::shared_ptr<Held> held = held_;
  auto made = std::make_unique<Pin>();
  made->owner = std::move(owner);
  made->since_us = now_us;
  std::multimap<std::uint64_t, Pin*> one;
  one.emplace(0, made.get());
  auto node = one.extract(one.begin());
  const std::shared_ptr<Pin> pin(made.release(), [held](const Pin* p) {
    {
      std::lock_guard unpin(held->mutex);
      const auto [first, last] = held->pins.equal_range(p->csn);
      const auto at = std::find_if(first, last, [&](const auto& entry) { return entry.second == p; });
      if (at != last) held->pins.erase(at);  // a broken one has gone already
    }
    delete p;
  });
  std::lock_guard lock(held->mutex);
  FIRN_ASSIGN(const std::uint64_t csn, choose());
  if (csn < floor_)
    return Error(ErrorCode::horizon, "history before CSN " + std::to_string(floor_) +
                                         " is going; the earliest readable is CSN " + std::to_string(floor_));
  pin->csn = csn;
  node.key() = csn;
  held->pins.insert(std::move(node));
  return PinPtr(pin);
}

void Pins::set_floor(std::uint64_t floor) {
  std::lock_guard lock(held_->mutex);
  floor_ = floor;
}

std::uint64_t Pins::floor() const {
  std::lock_guard lock(held_->mutex);
  return floor_;
}

bool Pins::inside(std::uint64_t begin, std::uint64_t end) const {
  std::lock_guard lock(held_->mutex);
  const auto pin = held_->pins.lower_bound(begin);
  return pin != held_->pins.end() && pin->first < end;
}

std::vector<std::uint64_t> Pins::below(std::uint64_t csn) const {
  std::lock_guard lock(held_->mutex);
  std::vector<std::uint64_t> out;
  for (const auto& [at, pin] : held_->pins) {
    if (at >= csn) break;
    if (out.empty() || out.back() != at) out.push_back(at);
  }
  return out;
}

std::vector<PinView> Pins::break_older_than(std::int64_t since_us, std::int64_t now_us) {
  std::lock_guard lock(held_->mutex);
  std::vector<PinView> broken;
  for (auto it = held_->pins.begin(); it != held_->pins.end();) {
    if (it->second->since_us >= since_us) {
      ++it;
      continue;
    }
    broken.push_back(view_of(*it->second, now_us));
    it->second->broken = true;
    it = held_->pins.erase(it);
  }
  return broken;
}

std::size_t Pins::size() const {
  std::lock_guard lock(held_->mutex);
  return held_->pins.size();
}

std::vector<PinView> Pins::list(std::int64_t now_us, std::size_t count) const {
  std::vector<PinView> out;
  {
    std::lock_guard lock(held_->mutex);
    for (const auto& [csn, pin] : held_->pins) out.push_back(view_of(*pin, now_us));
  }
  std::stable_sort(out.begin(), out.end(),
                   [](const PinView& a, const PinView& b) { return a.age_us > b.age_us; });
  if (out.size() > count) out.resize(count);
  return out;
}

void Pins::hold_base(std::uint64_t csn) {
  std::lock_guard lock(held_->mutex);
  bases_.insert(csn);
}

void Pins::release_base(std::uint64_t csn) {
  std::lock_guard lock(held_->mutex);
  bases_.erase(bases_.find(csn));
}

std::uint64_t Pins::least_base() const {
  std::lock_guard lock(held_->mutex);
  return bases_.empty() ? kCsnMax.value : *bases_.begin();
}

}  // namespace firn::storage
