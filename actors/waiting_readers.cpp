#include "waiting_readers.hpp"

#include <algorithm>

#include "wire.hpp"

namespace firn::runtime {
namespace {

constexpr std::uint64_t kWaitUsMax = 24ULL * 3'600'000'000;

}  // namespace

bool WaitingReaders::has(const caf::actor_addr& asker) const {
  return std::any_of(readers_.begin(), readers_.end(),
                     [&](const auto& r) { return r.second.asker == asker; });
}

WaitingReaders::Look WaitingReaders::add(const flat<fb::ChangesRequest>& request, ChangesSlot slot,
                                         caf::actor_addr asker, Time now) {
  const std::chrono::microseconds wait(std::min(request->wait_us(), kWaitUsMax));
  Reader reader{request, std::move(slot), std::move(asker), now + wait, {}, true};
  Look look{++last_ticket_, reader.request, reader.slot, false};
  readers_.emplace(look.ticket, std::move(reader));
  return look;
}

template <class Due>
std::vector<WaitingReaders::Look> WaitingReaders::looks(Due due, bool last) {
  std::vector<Look> out;
  for (auto& [ticket, reader] : readers_) {
    if (reader.looking || !due(reader)) continue;
    reader.looking = true;
    out.push_back({ticket, reader.request, reader.slot, last});
  }
  return out;
}

std::vector<WaitingReaders::Look> WaitingReaders::looked(std::uint64_t ticket, Csn looked, Csn newest,
                                                         Time now) {
  const auto at = readers_.find(ticket);
  if (at == readers_.end()) return {};
  Reader& reader = at->second;
  reader.looking = false;
  reader.looked = looked;
  // A cursor goes along by itself with commits that change no row.
  const bool by_cursor = reader.request->cursor() != nullptr && reader.request->cursor()->size() != 0;
  if (!by_cursor) reader.request = go_on_from(*reader.request, looked);
  const bool late = now >= reader.until;
  if (!late && looked >= newest) return {};
  reader.looking = true;
  return {{ticket, reader.request, reader.slot, late}};
}

std::vector<WaitingReaders::Look> WaitingReaders::committed(Csn newest) {
  return looks([&](const Reader& r) { return r.looked < newest; }, false);
}

std::vector<WaitingReaders::Look> WaitingReaders::expired(Time now) {
  return looks([&](const Reader& r) { return r.until <= now; }, true);
}

std::vector<WaitingReaders::Look> WaitingReaders::poll() {
  return looks([](const Reader&) { return true; }, false);
}

WaitingReaders::Time WaitingReaders::next_due() const {
  Time first = Time::max();
  for (const auto& [ticket, reader] : readers_)
    if (!reader.looking)
      first = std::min(first, reader.until);  // of the others the end of the look is awaited
  return first;
}

caf::actor_addr WaitingReaders::answered(std::uint64_t ticket) {
  const auto at = readers_.find(ticket);
  if (at == readers_.end()) return {};
  caf::actor_addr asker = std::move(at->second.asker);
  readers_.erase(at);
  return asker;
}

void WaitingReaders::forget(const caf::actor_addr& asker) {
  std::erase_if(readers_, [&](const auto& r) { return r.second.asker == asker; });
}

void WaitingReaders::refuse_all(const Error& why) {
  for (const auto& [ticket, reader] : readers_) reader.slot.deliver(why);
  readers_.clear();
}

}  // namespace firn::runtime
