#include "caf_runtime.hpp"

#include <algorithm>
#include <csignal>
#include <thread>

#include "firn/messages.hpp"

namespace firn::runtime {
namespace {

/// Signals belong to the host: none is delivered to a thread of ours.
struct MaskSignals : caf::thread_hook {
  void init(caf::actor_system&) override {}
  void thread_terminates() override {}
  void thread_started() override {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, nullptr);
  }
};

}  // namespace

HostCall::~HostCall() { caf::logger::set_current_actor_system(nullptr); }

// Sharing, not stealing: a stealing worker sleeps between polls, which costs 95 us a call, and burns time while idle.
CafConfig::CafConfig() {
  set("scheduler.policy", caf::atom("sharing"));
  set("scheduler.max-threads", std::clamp(std::thread::hardware_concurrency(), 1U, 2U));
  set("scheduler.max-throughput", 64);
  add_thread_hook<MaskSignals>();
  add_error_category(caf::atom("firn"),
                     [](std::uint8_t code, caf::atom_value category, const caf::message& context) {
                       return render_error(code, category, context);
                     });
}

CafRuntime::CafRuntime() : system_(config_) { const HostCall unpin; }

std::string text_of(const caf::error& reason) {
  if (!reason) return "ended";
  if (!reason.context().empty() && reason.context().match_element<std::string>(0)) {
    return reason.context().get_as<std::string>(0);
  }
  return caf::to_string(reason);
}

}  // namespace firn::runtime
