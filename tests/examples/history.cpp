// The README's "Time and change", whole: snapshots, the past, columns that come later, and consumers of changes.
#include <firn/firn.hpp>
#include <iostream>

namespace {

firn::Batch click(const firn::Schema& schema, std::uint64_t id, double amount) {
  firn::BatchBuilder rows(schema);
  rows.append(id, firn::Timestamp::now(), "click", amount);
  return rows.finish().value();
}

void check(bool right, const char* what) {
  if (!right) throw firn::Error(firn::ErrorCode::internal, what);
}

}  // namespace

int main() {
  try {
    auto db = firn::Database::open(":memory:").value();
    auto schema = firn::Schema::parse("event_id u64, ts timestamp, type utf8, amount f64",
                                      {.key = {"event_id"}, .time = "ts"})
                      .value();
    auto events = db.create_table("user_events", schema).value();
    const firn::Commit c = events.write(click(schema, 1, 9.99)).value();

    firn::Snapshot then = events.snapshot(c.csn).value();  // stays as it is, whatever is written or moved
    events.create_cursor("reader").value();                // keeps the history after it, up to a limit
    events.write(click(schema, 1, 12.5)).value();          // the newer version of the row wins ...
    check(then.query("SELECT amount FROM user_events").value().at(0, 0) == firn::Value(9.99),
          "... but not here");

    events.alter("ADD COLUMN channel utf8 DEFAULT 'web'").value();  // no row is rewritten
    std::cout << events.query("SELECT * FROM user_events").value()
              << events.query("SELECT * FROM user_events AS OF CSN " + std::to_string(c.csn.value)).value()
              << events.query("SELECT * FROM user_events CHANGES SINCE 0 WITH BEFORE").value();

    auto live = events.subscribe({.cursor = "reader"}).value();
    int seen = 0;
    while (auto changes = live.next(std::chrono::milliseconds(100)).value()) {  // waits for commits
      seen += static_cast<int>(changes->rows.rows());
      live.ack().value();
    }
    check(seen == 1, "one update came after the cursor was made");
    db.close().value();
    return 0;
  } catch (const firn::Error& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}
