// Errors and results: how every fallible call of firn answers.
//
// A Result<T> holds either a T or an Error. Nothing ignores one ([[nodiscard]]); value() throws the Error, so a
// program may choose either manner. An Error says what happened, where (file and offset, column, or the place in
// a query text) and what to do. Thread-safe as any value type.
#pragma once
#include <cstdint>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace firn {

/// What kind of failure it is. Numbers are stable (they cross messages); 0 means "no error".
enum class ErrorCode : std::uint8_t {
  ok = 0,
  invalid_argument = 1,  ///< the caller's words are wrong: schema, option, batch
  parse = 2,             ///< query or schema text; Error::position() is the byte offset
  type_mismatch = 3,     ///< a value or expression has the wrong type
  not_found = 4,         ///< database, table, column, file or key
  already_exists = 5,    ///< table, key (insert mode), file
  conflict = 6,          ///< a condition of the write did not hold
  corrupt = 7,           ///< bytes on disk or in a message are damaged; says file and offset
  io = 8,                ///< the operating system refused or failed an operation
  full = 9,              ///< no room on the device; writes go on once there is
  read_only = 10,        ///< the table takes no writes; says why
  busy = 11,             ///< another process holds the lock, or a bound was reached
  closed = 12,           ///< the handle, table or actor is closing
  out_of_range = 13,     ///< overflow, or a value beyond a limit
  horizon = 14,          ///< the asked history is gone; names the earliest valid position
  unsupported = 15,      ///< valid, but this version does not do it
  cancelled = 16,        ///< interrupted on request
  memory = 17,           ///< the memory budget is exhausted
  internal = 18,         ///< our own bug, reported instead of aborting the host
  timeout = 19,          ///< the call's time was up before it was done
};

/// Stable lower-case name of a code ("not_found").
std::string_view name_of(ErrorCode code) noexcept;

class Error : public std::exception {
 public:
  Error(ErrorCode code, std::string message) : code_(code), message_(std::move(message)) {}
  Error(ErrorCode code, std::string message, std::size_t position)
      : code_(code), message_(std::move(message)), position_(position) {}

  ErrorCode code() const noexcept { return code_; }
  const std::string& message() const noexcept { return message_; }
  const char* what() const noexcept override { return message_.c_str(); }
  /// Byte offset in the query or schema text, where there is one.
  std::optional<std::size_t> position() const noexcept { return position_; }
  /// The same error with "context: " put before its message.
  Error within(std::string_view context) const {
    Error e = *this;
    e.message_ = std::string(context) + ": " + message_;
    return e;
  }
  /// The line (from 1) on which a row of a text file begins that is whole but does not fit: it can be corrected or set
  /// aside, and the rows around it can be had. Nothing for all other errors.
  std::optional<std::uint64_t> misfit_line() const noexcept { return misfit_line_; }
  /// The same error, of the row that begins there; its message says so.
  Error of_line(std::uint64_t line) const {
    Error e = within("line " + std::to_string(line));
    e.misfit_line_ = line;
    return e;
  }

 private:
  ErrorCode code_;
  std::string message_;
  std::optional<std::size_t> position_;
  std::optional<std::uint64_t> misfit_line_;
};

template <class T = void>
class [[nodiscard]] Result {
 public:
  using value_type = T;
  Result(T value)
      : state_(std::in_place_index<0>, std::move(value)) {}  // NOLINT(google-explicit-constructor)
  Result(Error error)
      : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT(google-explicit-constructor)

  bool ok() const noexcept { return state_.index() == 0; }
  explicit operator bool() const noexcept { return ok(); }
  /// The value; throws the Error where there is none.
  T& value() & {
    if (!ok()) throw std::get<1>(state_);
    return std::get<0>(state_);
  }
  const T& value() const& {
    if (!ok()) throw std::get<1>(state_);
    return std::get<0>(state_);
  }
  /// By value, so that `for (auto& x : call().value())` iterates over something that lives.
  T value() && {
    if (!ok()) throw std::get<1>(state_);
    return std::get<0>(std::move(state_));
  }
  /// Requires !ok().
  const Error& error() const { return std::get<1>(state_); }
  /// Require ok().
  T& operator*() & { return std::get<0>(state_); }
  const T& operator*() const& { return std::get<0>(state_); }
  T operator*() && { return std::get<0>(std::move(state_)); }
  T* operator->() { return &std::get<0>(state_); }
  const T* operator->() const { return &std::get<0>(state_); }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}  // NOLINT(google-explicit-constructor)
  bool ok() const noexcept { return !error_.has_value(); }
  explicit operator bool() const noexcept { return ok(); }
  void value() const {
    if (error_) throw *error_;
  }
  const Error& error() const { return *error_; }

 private:
  std::optional<Error> error_;
};

// NOLINTBEGIN(cppcoreguidelines-macro-usage)
#define FIRN_JOIN2(a, b) a##b
#define FIRN_JOIN(a, b) FIRN_JOIN2(a, b)
/// Returns the error of `expr` from the enclosing function, if it has one.
#define FIRN_TRY(expr)                                        \
  do {                                                        \
    if (auto firn_r = (expr); !firn_r) return firn_r.error(); \
  } while (false)
/// FIRN_ASSIGN(auto x, f()): x = the value of f(), or return its error.
#define FIRN_ASSIGN(lhs, expr) FIRN_ASSIGN_IMPL(FIRN_JOIN(firn_result_, __COUNTER__), lhs, expr)
#define FIRN_ASSIGN_IMPL(tmp, lhs, ...) \
  auto tmp = (__VA_ARGS__);             \
  if (!tmp) return tmp.error();         \
  lhs = std::move(*tmp)
/// A broken promise of our own code: throws Error{internal}; actors turn it into an answer. Stays on in release.
#define FIRN_CHECK(cond)                                                                                \
  do {                                                                                                  \
    if (!(cond))                                                                                        \
      throw ::firn::Error(                                                                              \
          ::firn::ErrorCode::internal,                                                                  \
          std::string("internal check failed: " #cond " at " __FILE__ ":") + std::to_string(__LINE__)); \
  } while (false)
// NOLINTEND(cppcoreguidelines-macro-usage)

}  // namespace firn
