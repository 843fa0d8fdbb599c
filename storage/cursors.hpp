// Named positions in a table's commits, for readers of its changes that come back: part of the catalog (key 'u' and the
// name), made, moved and dropped by commits. A cursor keeps the history above it until it lags by more than its limit.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "schema/result.hpp"

namespace firn::storage {

struct LogRecord;

inline constexpr std::size_t kCursorsMax = 1'000;  ///< a table
inline constexpr std::size_t kCursorNameBytesMax = 255;
inline constexpr std::int64_t kCursorLimitUs = 7LL * 24 * 3'600'000'000;  ///< unless asked otherwise

struct Cursor {
  std::uint64_t csn = 0;                        ///< changes up to here are done with
  std::int64_t created_us = 0, updated_us = 0;  ///< commit times
  std::int64_t limit_us =
      kCursorLimitUs;  ///< age of the oldest change not done with that it may hold history for
  bool operator==(const Cursor&) const = default;
};
using Cursors = std::map<std::string, Cursor>;
using CursorsPtr = std::shared_ptr<const Cursors>;

/// What a commit does to a cursor: sets it, or drops it.
struct CursorChange {
  std::string name;
  Cursor cursor;  ///< times of 0 are the commit's
  bool dropped = false;
  bool operator==(const CursorChange&) const = default;
};

/// The record's effect on the cursors; `rows_csn` is the last commit before it that changed a row. A cursor that has seen
/// every change stays so through commits that change no row (moves, the move of another cursor), else a table at rest
/// would leave its readers behind. Returns whether anything changed.
bool follow(Cursors& cursors, const LogRecord& record, std::uint64_t rows_csn);

}  // namespace firn::storage
