// Ctrl-C and SIGTERM. A command that can stop at a good place says so by a Cooperative object and polls; for all
// others the process ends at once with status 130: every command may be killed at any point without harm.
#pragma once
#include <firn/firn.hpp>

namespace firn::cli {

/// Installs the handlers; ignores SIGPIPE, so that writing to a closed pipe is an error instead. Call once.
void install_signal_handlers();
/// True after the first interruption within a Cooperative scope.
bool interrupted() noexcept;
/// Cancelled by the first interruption within a Cooperative scope; for calls of the library.
const CancelToken& interruption() noexcept;

/// While one lives the first interruption only sets the flag; a second one ends the process.
class Cooperative {
 public:
  Cooperative() noexcept;
  ~Cooperative();
  Cooperative(const Cooperative&) = delete;
  Cooperative& operator=(const Cooperative&) = delete;
};

}  // namespace firn::cli
