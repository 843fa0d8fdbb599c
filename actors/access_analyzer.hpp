// The access-pattern analyzer of a database: decayed read and write rates of each table, and what kind of work that is.
#pragma once
#include <map>

#include "parcels.hpp"

namespace firn::runtime {

struct Services;

using AccessAnalyzer = caf::typed_actor<caf::reacts_to<flat<fb::AccessCount>>,
                                        caf::reacts_to<flat<fb::AccessRequest>, RatesSlot>>;

AccessAnalyzer spawn_analyzer(caf::actor_system& system, const std::shared_ptr<Services>& services);

/// The arithmetic. Owned by one thread.
class AccessRates {
 public:
  /// Totals since the table was first seen, at this moment of the clock.
  void count(std::uint64_t reads, std::uint64_t writes, std::int64_t now_us);
  double reads_per_s() const noexcept { return reads_.rate; }
  double writes_per_s() const noexcept { return writes_.rate; }
  Workload workload() const noexcept;

 private:
  struct Rate {
    std::uint64_t total = 0;
    double rate = 0;
    void add(std::uint64_t now_total, double seconds);
  };
  Rate reads_, writes_;
  std::int64_t last_us_ = 0;
  bool seen_ = false;
};

}  // namespace firn::runtime
