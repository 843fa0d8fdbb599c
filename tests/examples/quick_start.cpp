// The first program: create, write, query, print, hand out to Arrow.
#include <firn/firn.hpp>
#include <iostream>

int main() {
  try {
    auto db = firn::Database::open("shop.firn").value();  // creates it if absent; starts the actors
    auto schema = firn::Schema::parse("event_id u64, ts timestamp, user_id i64, type utf8, amount f64",
                                      {.key = {"event_id"}, .time = "ts"})
                      .value();
    auto events = db.create_table("user_events", schema).value();  // HybridTableConfig{} = the defaults

    firn::BatchBuilder rows(schema);
    rows.append(std::uint64_t{1}, firn::Timestamp::now(), 42, "click", 9.99);
    firn::Commit c =
        events.write(rows.finish().value()).value();  // returns when durable: c.csn, c.time, c.tier, c.rows
    std::cout << "commit " << c.csn.value << ", " << c.rows << " row(s) in " << firn::name_of(c.tier) << '\n';

    firn::DataFrame df =
        db.query("SELECT type, count(*) AS n FROM user_events WHERE ts > NOW() - 1h GROUP BY type").value();
    std::cout << df;  // a readable table
    ArrowArrayStream out;
    df.export_stream(&out);  // Arrow C Data Interface, zero copy
    out.release(&out);
    db.close().value();
    return df.rows() == 1 ? 0 : 1;
  } catch (const firn::Error& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}
