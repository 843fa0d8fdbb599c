#include "exit_status.hpp"

#include <string_view>

namespace firn::cli {
namespace {

// What a user does about it; "" where the message itself must say.
std::string_view advice_of(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::busy:
      return "close the process that has the database open, or try again later";
    case ErrorCode::full:
      return "free space on the device and run the command again";
    case ErrorCode::corrupt:
      return "run 'firn verify DB --deep' to see what is damaged";
    case ErrorCode::memory:
      return "narrow the query with WHERE or LIMIT";
    case ErrorCode::internal:
      return "this is a fault of firn; please report it with the command line";
    default:
      return "";
  }
}

}  // namespace

ExitStatus status_of(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::ok:
      return ExitStatus::done;
    case ErrorCode::not_found:
      return ExitStatus::not_found;
    case ErrorCode::corrupt:
      return ExitStatus::damaged;
    case ErrorCode::busy:
      return ExitStatus::busy;
    case ErrorCode::cancelled:
      return ExitStatus::interrupted;
    default:
      return ExitStatus::failed;
  }
}

std::string advice_for(const Error& error) {
  const std::string_view advice = advice_of(error.code());
  if (advice.empty()) return error.message();
  return error.message() + "; " + std::string(advice);
}

Failure as_failed_query(const Error& error) {
  const ExitStatus status = status_of(error.code());
  return {status == ExitStatus::not_found ? ExitStatus::failed : status, advice_for(error)};
}

}  // namespace firn::cli
