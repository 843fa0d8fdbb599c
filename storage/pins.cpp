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
  const std::shared_ptr<Held> held = held_;
  std::lock_guard lock(held->mutex);
  FIRN_ASSIGN(const std::uint64_t csn, choose());
  if (csn < floor_)
    return Error(ErrorCode::horizon, "history before CSN " + std::to_string(floor_) +
                                         " is going; the earliest readable is CSN " + std::to_string(floor_));
  auto pin = std::make_unique<Pin>();
  pin->csn = csn;
  pin->owner = std::move(owner);
  pin->since_us = now_us;
  const auto entry = held->pins.emplace(csn, pin.get());
  return PinPtr(pin.release(), [held, entry](const Pin* p) {
    {
      std::lock_guard unpin(held->mutex);
      if (!p->broken) held->pins.erase(entry);  // a broken one has gone already
    }
    delete p;
  });
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
