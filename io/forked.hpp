// Whether this process still is the one that made something. A forked child has the memory, but none of the threads, and
// shares descriptors and maps with its parent: it must leave alone what it finds open.
#pragma once
#include <cstdint>

namespace firn::io {

/// Greater by one in each forked child, for all that it finds as well. Costs a load; any thread.
std::uint32_t fork_generation() noexcept;

}  // namespace firn::io
