// How a command ends: the exit status, and the one line that it says on failure.
//
// Commands throw: firn::Error (by Result::value()), whose code gives the status, or Failure, which names its own.
// main() catches both. The statuses are fixed; scripts rely on them.
#pragma once
#include <exception>
#include <string>

#include "schema/result.hpp"

namespace firn::cli {

enum class ExitStatus : int {
  done = 0,
  failed = 1,     ///< the operation failed, a query in error too
  usage = 2,      ///< the words on the command line are wrong
  not_found = 3,  ///< database, table or file
  damaged = 4,
  busy = 5,    ///< another process holds the database
  partly = 6,  ///< done in part: some rows were set aside
  interrupted = 130,
};

/// A failure with a status of its own. `message` is one line and says what to do.
class Failure : public std::exception {
 public:
  Failure(ExitStatus status, std::string message) : status_(status), message_(std::move(message)) {}
  ExitStatus status() const noexcept { return status_; }
  const char* what() const noexcept override { return message_.c_str(); }

 private:
  ExitStatus status_;
  std::string message_;
};

/// Wrong words: main() adds the command's synopsis.
class UsageError : public Failure {
 public:
  explicit UsageError(std::string message) : Failure(ExitStatus::usage, std::move(message)) {}
};

ExitStatus status_of(ErrorCode code) noexcept;
/// The error's message with what to do behind it, where its code tells.
std::string advice_for(const Error& error);
/// The same error as a failed operation: a query's unknown column is no missing database.
Failure as_failed_query(const Error& error);

}  // namespace firn::cli
