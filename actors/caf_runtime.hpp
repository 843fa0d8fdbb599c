// One actor system: how it is configured, entered from host threads and left.
#pragma once
#include <caf/all.hpp>
#include <memory>
#include <string>

namespace firn::runtime {

/// Declare first in any scope of a host thread that creates a system, spawns or uses a scoped_actor: CAF leaves a
/// pointer in the thread that would keep the system from ending.
struct HostCall {
  HostCall() = default;
  HostCall(const HostCall&) = delete;
  HostCall& operator=(const HostCall&) = delete;
  ~HostCall();
};

class CafConfig : public caf::actor_system_config {
 public:
  CafConfig();
};

/// Owns the system of one open database. The destructor waits for every detached actor.
class CafRuntime {
 public:
  CafRuntime();
  caf::actor_system& system() { return system_; }

 private:
  CafConfig config_;
  caf::actor_system system_;
};

/// First call in every actor: CAF's own handlers print to stdout, ours turn exceptions into the actor's exit reason.
template <class Self>
void prepare(Self* self) {
  self->set_default_handler(caf::drop);
  self->set_down_handler([](caf::scheduled_actor*, caf::down_msg&) {});
  self->set_error_handler([](caf::scheduled_actor*, caf::error&) {});
  self->set_exception_handler([](caf::scheduled_actor*, std::exception_ptr& p) -> caf::error {
    try {
      std::rethrow_exception(p);
    } catch (const std::exception& e) {
      return caf::make_error(caf::sec::runtime_error, std::string{e.what()});
    } catch (...) {
      return caf::sec::runtime_error;
    }
  });
}

/// The text of an exit reason.
std::string text_of(const caf::error& reason);

}  // namespace firn::runtime
