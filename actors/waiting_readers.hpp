// ChangesRequests that wait for a commit. Each is looked at by a worker when it comes, after commits, and once more when
// its time is up; between looks it costs its entry here, and no thread, pin or page.
#pragma once
#include <chrono>
#include <map>
#include <vector>

#include "parcels.hpp"

namespace firn::runtime {

/// Owned by one thread.
class WaitingReaders {
 public:
  using Time = std::chrono::steady_clock::time_point;
  /// A look that is due. The worker's answer goes to `slot`; if it is no answer yet, looked() must follow.
  struct Look {
    std::uint64_t ticket = 0;
    flat<fb::ChangesRequest> request;
    ChangesSlot slot;
    bool last = false;  ///< its answer is the reader's, whatever it is
  };

  bool full() const noexcept { return readers_.size() >= kWaitingReadersMax; }
  bool empty() const noexcept { return readers_.empty(); }
  bool has(const caf::actor_addr& asker) const;
  /// The first look of a request that comes now.
  Look add(const flat<fb::ChangesRequest>& request, ChangesSlot slot, caf::actor_addr asker, Time now);
  /// A look found nothing up to `looked`; the newest commit is `newest`. The next look, if it is due at once.
  std::vector<Look> looked(std::uint64_t ticket, Csn looked, Csn newest, Time now);
  /// There are commits up to `newest`.
  std::vector<Look> committed(Csn newest);
  /// Last looks for those whose time is up.
  std::vector<Look> expired(Time now);
  /// For those who hear of no commits: a look for each.
  std::vector<Look> poll();
  /// When the first one's time is up.
  Time next_due() const;
  /// The request was answered: who had asked; nobody if it is gone.
  caf::actor_addr answered(std::uint64_t ticket);
  void forget(const caf::actor_addr& asker);
  void refuse_all(const Error& why);

 private:
  struct Reader {
    flat<fb::ChangesRequest> request;
    ChangesSlot slot;
    caf::actor_addr asker;
    Time until;
    Csn looked;
    bool looking = false;
  };
  template <class Due>
  std::vector<Look> looks(Due due, bool last);
  std::map<std::uint64_t, Reader> readers_;
  std::uint64_t last_ticket_ = 0;
};

}  // namespace firn::runtime
