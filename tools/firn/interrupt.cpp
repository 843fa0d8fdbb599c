#include "interrupt.hpp"

#include <signal.h>
#include <unistd.h>

#include <atomic>

namespace firn::cli {
namespace {

std::atomic<bool> cooperative{false};
static_assert(std::atomic<bool>::is_always_lock_free);

// Never destroyed: a signal may come late. Made by install_signal_handlers(), so before any handler runs.
const CancelToken& token() {
  static const CancelToken& it = *new CancelToken;
  return it;
}

// Async-signal-safe calls only.
extern "C" void on_interrupt(int) {
  if (cooperative.load() && !token().cancelled()) return token().cancel();
  constexpr char kText[] = "firn: interrupted\n";
  [[maybe_unused]] const ssize_t ignored = ::write(STDERR_FILENO, kText, sizeof kText - 1);
  ::_exit(130);
}

}  // namespace

void install_signal_handlers() {
  token();
  struct sigaction action = {};
  action.sa_handler = on_interrupt;
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
  action.sa_handler = SIG_IGN;
  sigaction(SIGPIPE, &action, nullptr);
}

bool interrupted() noexcept { return token().cancelled(); }
const CancelToken& interruption() noexcept { return token(); }

Cooperative::Cooperative() noexcept { cooperative = true; }
Cooperative::~Cooperative() { cooperative = false; }

}  // namespace firn::cli
