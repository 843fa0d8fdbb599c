// Pins: CSNs that stay readable though the horizon moves past them (DESIGN D6). A version [begin, end) is needed as long
// as a pin lies inside. A pin has an owner and an age; one that is older than the table allows is broken: its reads fail
// from then on, and versions that it alone held may go.
#pragma once
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "schema/result.hpp"

namespace firn::storage {

/// One pinned CSN. Whoever holds it reads the table as of that commit until it is broken.
struct Pin {
  std::uint64_t csn = 0;
  std::string owner;          ///< who holds it, for listings
  std::int64_t since_us = 0;  ///< monotonic: a clock that steps makes no snapshot old
  std::atomic<bool> broken = false;
};
using PinPtr = std::shared_ptr<const Pin>;

/// What listings say of a pin.
struct PinView {
  std::string owner;
  std::uint64_t csn = 0;
  std::int64_t age_us = 0;
};

/// The pins of a table, and the CSNs that running jobs began at. Thread-safe. Pins may outlive it.
class Pins {
 public:
  /// Pins the CSN that `choose` names, in the instant in which it does. Errors: those of `choose`; {horizon} below the
  /// floor, with `gone` naming it.
  Result<PinPtr> add(std::string owner, std::int64_t now_us,
                     const std::function<Result<std::uint64_t>()>& choose);
  /// Versions ended at or below `floor` are about to go: no new pin below it. 0: no floor.
  void set_floor(std::uint64_t floor);
  std::uint64_t floor() const;
  /// True if an unbroken pin lies in [begin, end).
  bool inside(std::uint64_t begin, std::uint64_t end) const;
  /// The pinned CSNs below `csn`, ascending, each once.
  std::vector<std::uint64_t> below(std::uint64_t csn) const;
  /// Breaks those taken before `since_us`; returns them.
  std::vector<PinView> break_older_than(std::int64_t since_us, std::int64_t now_us);
  std::size_t size() const;
  /// The oldest first, at most `count`.
  std::vector<PinView> list(std::int64_t now_us, std::size_t count) const;

  // Jobs keep the hot delta from their base on.
  void hold_base(std::uint64_t csn);
  void release_base(std::uint64_t csn);
  /// kCsnMax: no job runs.
  std::uint64_t least_base() const;

 private:
  struct Held {
    std::mutex mutex;
    std::multimap<std::uint64_t, Pin*> pins;  ///< unbroken, by CSN
  };
  const std::shared_ptr<Held> held_ = std::make_shared<Held>();
  std::multiset<std::uint64_t> bases_;  ///< the next two guarded by held_->mutex
  std::uint64_t floor_ = 0;
};

}  // namespace firn::storage
