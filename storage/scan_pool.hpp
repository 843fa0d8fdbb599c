// The threads that help with scans: one fixed pool for the process, however many tables are queried at once.
//
// The calling thread always takes part, so a query never waits for the pool: helpers that have not begun when the caller
// is done are called off. The threads start at first use and are never joined; they are as many as the machine has
// cores, less one.
#pragma once
#include <cstdint>
#include <functional>

namespace firn::storage {

/// Calls work(0) here and work(1) .. work(n - 1) on helpers, as far as they are free; returns when all that began have
/// ended. `work` must not throw. Any thread; a helper may call it too.
void run_in_scan_pool(std::uint32_t n, const std::function<void(std::uint32_t)>& work);

/// Threads that may help; 0 on a machine of one core.
std::uint32_t scan_pool_threads();

}  // namespace firn::storage
