// Subscriptions: pages of changes, and waiting for the commit that brings the next.
#include "commit_signal.hpp"
#include "table_core.hpp"

namespace firn {
namespace {

constexpr auto kWaitMax = std::chrono::hours(24 * 365);  // longer ones would overflow the clock

}  // namespace

struct Subscription::Impl {
  std::shared_ptr<runtime::TableCore> core;
  std::string cursor;
  bool before = false;
  std::uint64_t max_rows = 0;
  Csn position;   ///< changes up to here were looked at
  Csn delivered;  ///< changes up to here were given out
  Csn acked;

  struct Look {
    ChangeBatch batch;
    bool at_end = false;  ///< there was no further commit
  };
  /// A cursor whose reader is done with all goes along with commits that change no row, and the horizon may follow it
  /// past the reader's own position: nothing was missed between the two.
  bool go_on_at_cursor(storage::TableStore& store) {
    if (cursor.empty() || acked != delivered) return false;
    const auto cursors = store.cursors();
    if (!cursors) return false;
    for (const storage::CursorView& c : *cursors) {
      if (c.name != cursor || c.fell_behind || c.csn <= position) continue;
      position = delivered = acked = c.csn;
      return true;
    }
    return false;
  }
  /// The next page, from the database alone.
  Result<Look> look() {
    FIRN_ASSIGN(const auto in, core->enter());
    FIRN_ASSIGN(const auto newest, in.store().snapshot());
    const auto limits = core->db().limits_of(QueryOptions{});
    auto page = in.store().changes({position, std::nullopt, before, max_rows}, limits);
    if (!page && page.error().code() == ErrorCode::horizon && go_on_at_cursor(in.store()))
      page = in.store().changes({position, std::nullopt, before, max_rows}, limits);
    if (!page) return page.error();
    Look found{{DataFrame(std::move(page->rows)), page->next}, page->next >= newest.csn()};
    position = page->next;  // only now: what could fail for want of memory is done
    return found;
  }

  Result<std::optional<ChangeBatch>> next(std::chrono::steady_clock::time_point until) {
    for (;;) {
      FIRN_ASSIGN(Look found, look());
      if (found.batch.rows.rows() != 0) {
        delivered = found.batch.next;
        return std::optional<ChangeBatch>(std::move(found.batch));
      }
      if (!found.at_end) continue;
      FIRN_ASSIGN(const bool more, wait(until));
      if (!more) return std::optional<ChangeBatch>{};
    }
  }
  /// False once the time is up.
  Result<bool> wait(std::chrono::steady_clock::time_point until) {
    runtime::CommitSignal& commits = core->entry()->commits;
    if (!core->db().read_only()) return commits.wait_past(position.value, until);
    const auto now = std::chrono::steady_clock::now();
    FIRN_TRY(commits.wait_past(position.value, std::min(until, now + runtime::kPollEvery)));
    return now < until;
  }
};

Result<std::optional<ChangeBatch>> Subscription::next(std::chrono::microseconds timeout) {
  if (!impl_) return Error(ErrorCode::closed, "this handle stands for no subscription");
  const auto time = std::clamp<std::chrono::microseconds>(timeout, std::chrono::microseconds(0), kWaitMax);
  const auto until = std::chrono::steady_clock::now() + time;
  try {
    return impl_->next(until);
  } catch (const Error& e) {
    return e;
  } catch (const std::bad_alloc&) {
    return Error(ErrorCode::memory, "out of memory; ask for fewer rows a batch");
  }
}

Result<void> Subscription::ack() {
  if (!impl_) return Error(ErrorCode::closed, "this handle stands for no subscription");
  if (impl_->cursor.empty())
    return Error(ErrorCode::invalid_argument, "only a subscription with a cursor can be acknowledged");
  if (impl_->acked == impl_->delivered) return {};
  storage::CursorRequest request{storage::CursorRequest::Verb::move, impl_->cursor, impl_->delivered, {}};
  FIRN_TRY(impl_->core->change_cursor(std::move(request)));
  impl_->acked = impl_->delivered;
  return {};
}

Csn Subscription::position() const { return impl_ ? impl_->delivered : Csn{}; }

Result<Subscription> HybridTable::subscribe(const SubscribeOptions& options) const {
  if (!core_) return Error(ErrorCode::closed, "this handle stands for no table");
  if (options.from && !options.cursor.empty())
    return Error(ErrorCode::invalid_argument, "a subscription begins at a CSN or at a cursor, not at both");
  auto impl = std::make_shared<Subscription::Impl>();
  impl->core = core_;
  impl->cursor = options.cursor;
  impl->before = options.before;
  impl->max_rows = options.max_rows;
  FIRN_ASSIGN(const auto in, core_->enter());
  if (options.from) {
    impl->position = *options.from;
  } else if (options.cursor.empty()) {
    FIRN_ASSIGN(const auto newest, in.store().snapshot());
    impl->position = newest.csn();
  } else {
    FIRN_ASSIGN(const auto cursors, in.store().cursors());
    const auto at = std::find_if(cursors.begin(), cursors.end(),
                                 [&](const storage::CursorView& c) { return c.name == options.cursor; });
    if (at == cursors.end())
      return Error(ErrorCode::not_found,
                   "table \"" + name() + "\" has no cursor \"" + options.cursor + "\"; create it first");
    impl->position = at->csn;
  }
  impl->delivered = impl->acked = impl->position;
  Subscription s;
  s.impl_ = std::move(impl);
  return s;
}

}  // namespace firn
