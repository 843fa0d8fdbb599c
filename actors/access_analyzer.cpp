#include "access_analyzer.hpp"

#include <cmath>

#include "caf_runtime.hpp"
#include "services.hpp"

namespace firn::runtime {
namespace {

constexpr double kHalfLifeSeconds = 600;
constexpr double kIdlePerSecond = 0.01;  // less than a call in 100 s
constexpr double kHeavy = 4;             // four times as many of one kind

struct AnalyzerState {
  static inline const char* name = "firn.analyzer";
  AnalyzerState() = default;
  std::map<std::uint64_t, AccessRates> tables;
};

AccessAnalyzer::behavior_type analyzer(AccessAnalyzer::stateful_pointer<AnalyzerState> self,
                                       const std::shared_ptr<Services>& services) {
  prepare(self);
  return {
      [=](const flat<fb::AccessCount>& c) {
        services->faults->check("analyzer");
        self->state.tables[c->table_id()].count(c->reads(), c->writes(), c->now_us());
      },
      [=](const flat<fb::AccessRequest>& r, const RatesSlot& slot) {
        services->faults->check("analyzer");
        const AccessRates& rates = self->state.tables[r->table_id()];
        slot.deliver(make_flat<fb::AccessRates>([&](auto& b) {
          return fb::CreateAccessRates(b, rates.reads_per_s(), rates.writes_per_s(),
                                       static_cast<std::uint8_t>(rates.workload()));
        }));
      },
  };
}

}  // namespace

// An average over time in which what lies `kHalfLifeSeconds` back counts half.
void AccessRates::Rate::add(std::uint64_t now_total, double seconds) {
  const double events = now_total >= total ? static_cast<double>(now_total - total) : 0;
  total = now_total;
  const double kept = std::exp2(-seconds / kHalfLifeSeconds);
  rate = rate * kept + events / seconds * (1 - kept);
}

void AccessRates::count(std::uint64_t reads, std::uint64_t writes, std::int64_t now_us) {
  if (!seen_) {
    seen_ = true;
    last_us_ = now_us - 1'000'000;  // what came before the first look came within a second
  }
  if (now_us <= last_us_) return;
  const double seconds = static_cast<double>(now_us - last_us_) / 1e6;
  last_us_ = now_us;
  reads_.add(reads, seconds);
  writes_.add(writes, seconds);
}

Workload AccessRates::workload() const noexcept {
  const double r = reads_.rate, w = writes_.rate;
  if (r + w < kIdlePerSecond) return Workload::idle;
  if (r > kHeavy * w) return Workload::read_heavy;
  if (w > kHeavy * r) return Workload::write_heavy;
  return Workload::mixed;
}

AccessAnalyzer spawn_analyzer(caf::actor_system& system, const std::shared_ptr<Services>& services) {
  return system.spawn(analyzer, services);
}

}  // namespace firn::runtime
