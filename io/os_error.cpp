#include "io/os_error.hpp"

#include <cerrno>
#include <system_error>

namespace firn::io {
namespace {

ErrorCode code_for(int e) {
  switch (e) {
    case ENOSPC:
    case EDQUOT:
      return ErrorCode::full;
    case ENOENT:
      return ErrorCode::not_found;
    case EEXIST:
      return ErrorCode::already_exists;
    case ELOOP:
    case ENOTDIR:
    case EISDIR:
    case EXDEV:
      return ErrorCode::invalid_argument;
    case EROFS:
      return ErrorCode::read_only;
    case ENOMEM:
      return ErrorCode::memory;
    default:
      return ErrorCode::io;
  }
}

std::string_view advice_for(int e) {
  switch (e) {
    case ENOSPC:
      return " (free some room; writes go on then)";
    case EDQUOT:
      return " (the user's quota is exhausted)";
    case EMFILE:
      return " (raise the limit of open files, RLIMIT_NOFILE)";
    case ENFILE:
      return " (the system's table of open files is full)";
    case ELOOP:
    case ENOTDIR:
    case EXDEV:
      return " (symbolic links and ways out of the database folder are refused)";
    case EACCES:
    case EPERM:
      return " (the process lacks the right)";
    default:
      return "";
  }
}

}  // namespace

Error os_error(std::string_view operation, std::string_view path, int errno_value) {
  std::string text(operation);
  text.append(" of '").append(path).append("' failed: ");
  text.append(std::generic_category().message(errno_value)).append(advice_for(errno_value));
  return {code_for(errno_value), std::move(text)};
}

Error os_error(std::string_view operation, std::string_view path, std::uint64_t offset, int errno_value) {
  return os_error(std::string(operation) + " at offset " + std::to_string(offset), path, errno_value);
}

bool is_transient(int errno_value) noexcept { return errno_value == EINTR || errno_value == EAGAIN; }

}  // namespace firn::io
