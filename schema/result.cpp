#include "schema/result.hpp"

namespace firn {

std::string_view name_of(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::ok:
      return "ok";
    case ErrorCode::invalid_argument:
      return "invalid_argument";
    case ErrorCode::parse:
      return "parse";
    case ErrorCode::type_mismatch:
      return "type_mismatch";
    case ErrorCode::not_found:
      return "not_found";
    case ErrorCode::already_exists:
      return "already_exists";
    case ErrorCode::conflict:
      return "conflict";
    case ErrorCode::corrupt:
      return "corrupt";
    case ErrorCode::io:
      return "io";
    case ErrorCode::full:
      return "full";
    case ErrorCode::read_only:
      return "read_only";
    case ErrorCode::busy:
      return "busy";
    case ErrorCode::closed:
      return "closed";
    case ErrorCode::out_of_range:
      return "out_of_range";
    case ErrorCode::horizon:
      return "horizon";
    case ErrorCode::unsupported:
      return "unsupported";
    case ErrorCode::cancelled:
      return "cancelled";
    case ErrorCode::memory:
      return "memory";
    case ErrorCode::internal:
      return "internal";
    case ErrorCode::timeout:
      return "timeout";
  }
  return "unknown";
}

}  // namespace firn
