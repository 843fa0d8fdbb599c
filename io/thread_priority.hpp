// Threads that work for long give way to threads that somebody waits for.
#pragma once

namespace firn::io {

/// The calling thread gets the processor behind others of the process: a write that has been synced goes on at once, though
/// scans and merges keep all processors busy. On an idle machine it costs nothing. It cannot be taken back, so it is for
/// threads of firn's own.
void give_way_to_others() noexcept;

}  // namespace firn::io
