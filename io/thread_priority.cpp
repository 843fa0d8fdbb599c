#include "io/thread_priority.hpp"

#include <sys/resource.h>
#include <unistd.h>

namespace firn::io {
namespace {
constexpr int kNicer = 10;  // a tenth of the weight of a thread that does not give way
}

void give_way_to_others() noexcept {
  // Linux keeps a nice value for each thread. A system that refuses loses nothing but the order.
  const auto thread = static_cast<id_t>(::gettid());
  (void)::setpriority(PRIO_PROCESS, thread, ::getpriority(PRIO_PROCESS, thread) + kNicer);
}

}  // namespace firn::io
