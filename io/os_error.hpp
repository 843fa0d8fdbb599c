// errno as an Error: one place decides which code a failure of the operating system gets.
#pragma once
#include <cstdint>
#include <string_view>

#include "schema/result.hpp"

namespace firn::io {

/// "write at offset 4096 of 'commit/3.log' failed: No space left on device". ENOSPC and EDQUOT are {full},
/// ENOENT {not_found}, EEXIST {already_exists}, ELOOP and EXDEV {invalid_argument} (a symlink or a way out of
/// the root).
Error os_error(std::string_view operation, std::string_view path, int errno_value);
Error os_error(std::string_view operation, std::string_view path, std::uint64_t offset, int errno_value);

/// True for failures that say "again": EINTR, EAGAIN.
bool is_transient(int errno_value) noexcept;

/// How often a transient failure of one request is answered by another try before it becomes an error. Large
/// enough for any storm of signals, small enough to end.
inline constexpr int kTransientTriesMax = 1000;

}  // namespace firn::io
