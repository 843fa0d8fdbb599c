// Named cursors: made, moved and dropped by commits, and what they hold back from expiry.
#include <algorithm>

#include "storage/apply_records.hpp"
#include "storage/engine.hpp"

namespace firn::storage {
namespace {

Result<void> check_cursor_name(const std::string& name) {
  const bool printable = std::none_of(
      name.begin(), name.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
  if (!name.empty() && name.size() <= kCursorNameBytesMax && printable) return {};
  return Error(
      ErrorCode::invalid_argument,
      "a cursor's name has 1 to " + std::to_string(kCursorNameBytesMax) + " bytes and no control characters");
}

}  // namespace

Result<void> Engine::check_cursor_position(std::uint64_t csn) const {
  FIRN_TRY(check_horizon(csn));
  const std::uint64_t floor = pins_.floor();
  if (csn >= floor) return {};
  return Error(ErrorCode::horizon, "table " + name + ": history before CSN " + std::to_string(floor) +
                                       " is going; the earliest valid position is CSN " +
                                       std::to_string(floor));
}

Result<LogRecord> Engine::record_of_cursor(const CursorRequest& request) {
  using Verb = CursorRequest::Verb;
  FIRN_TRY(check_cursor_name(request.name));
  const View now = view();
  const Cursors& cursors = *now.catalog->cursors;
  const auto known = cursors.find(request.name);
  const std::string what = "table " + name + ": cursor \"" + request.name + "\"";
  if (request.verb == Verb::create && known != cursors.end())
    return Error(ErrorCode::already_exists, what + " exists already");
  if (request.verb != Verb::create && known == cursors.end())
    return Error(ErrorCode::not_found, what + " does not exist; create it first");
  if (request.verb == Verb::create && cursors.size() >= kCursorsMax)
    return Error(ErrorCode::busy, what + " would be more than " + std::to_string(kCursorsMax) +
                                      " cursors; drop those that nobody reads");
  CursorChange change{request.name, known != cursors.end() ? known->second : Cursor{}, false};
  change.dropped = request.verb == Verb::drop;
  if (!change.dropped) {
    if (request.verb == Verb::move && !request.at)
      return Error(ErrorCode::invalid_argument, what + " is moved to a CSN; none is given");
    change.cursor.csn = request.at ? request.at->value : now.csn;
    FIRN_TRY(check_cursor_position(change.cursor.csn));
    change.cursor.updated_us = 0;
    if (request.limit_us) change.cursor.limit_us = *request.limit_us;
    if (change.cursor.limit_us < 0)
      return Error(ErrorCode::invalid_argument, what + ": its limit is a duration of 0 or more");
  }
  LogRecord record;
  record.cursor = std::move(change);
  return record;
}

/// The horizon that may be reached: not above a cursor, unless the oldest commit after it is older than its limit.
Result<std::uint64_t> Engine::held_horizon(std::uint64_t horizon) {
  const View now = view();
  for (const auto& [cursor_name, cursor] : *now.catalog->cursors) {
    if (cursor.csn >= horizon || cursor.csn < now.catalog->horizon) continue;
    FIRN_ASSIGN(const std::uint64_t too_old, csn_of_age(cursor.limit_us, CommitAges::Closed::ignored));
    if (too_old <= cursor.csn) horizon = cursor.csn;
  }
  return horizon;
}

Result<std::vector<CursorView>> Engine::cursors() {
  FIRN_ASSIGN(const ReadContext context, begin_read());
  const View& view = context.view;
  const std::int64_t now = std::max(clock->now().us, view.time_us);
  std::vector<CursorView> out;
  for (const auto& [cursor_name, cursor] : *view.catalog->cursors) {
    CursorView v{cursor_name, Csn{cursor.csn}, Timestamp{cursor.created_us}, Timestamp{cursor.updated_us},
                 cursor.limit_us};
    v.lag_commits = view.csn - cursor.csn;
    v.fell_behind = cursor.csn < view.catalog->horizon;
    if (v.lag_commits > 0) {
      // Of one that fell behind the time of its next commit is forgotten: that of the horizon bounds it.
      const std::uint64_t next = std::max(cursor.csn + 1, view.catalog->horizon);
      FIRN_ASSIGN(const auto times, commit_times(context.hot, {next}));
      v.lag_us = now - times.front();
    }
    out.push_back(std::move(v));
  }
  return out;
}

}  // namespace firn::storage
