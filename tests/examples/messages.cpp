// Everything by message, from a program's own actor system: create a table, subscribe, write, query, get, remove,
// compact, and follow the table's changes with a cursor.
#include <caf/all.hpp>
#include <firn/messages.hpp>
#include <iostream>

using firn::flat;
using firn::make_flat;
namespace fb = firn::fb;

namespace {

flat<fb::CreateTableRequest> create_request() {
  return make_flat<fb::CreateTableRequest>([](auto& b) {
    const auto name = b.CreateString("user_events");
    const auto columns = b.CreateString("event_id u64, ts timestamp, type utf8");
    const auto key = b.CreateVectorOfStrings({"event_id"});
    return fb::CreateCreateTableRequest(b, name, columns, key, b.CreateString("ts"));
  });
}

flat<fb::QueryRequest> query_request(const char* sql) {
  return make_flat<fb::QueryRequest>([&](auto& b) { return fb::CreateQueryRequest(b, b.CreateString(sql)); });
}

firn::Batch clicks(std::uint64_t first, std::uint64_t count) {
  firn::BatchBuilder rows(
      firn::Schema::parse("event_id u64, ts timestamp, type utf8", {.key = {"event_id"}, .time = "ts"})
          .value());
  for (std::uint64_t i = first; i < first + count; ++i) rows.append(i, firn::Timestamp::now(), "click");
  return rows.finish().value();
}

/// Ends the program with the reason.
[[noreturn]] void fail(const caf::error& why) { throw firn::to_error(why); }

/// Sends a request and waits for the answer: a program of actors would use request(...).then(...).
template <class Answer, class... Request>
Answer ask(caf::scoped_actor& self, const firn::TableActor& table, const Request&... request) {
  Answer answer;
  self->request(table, caf::infinite, request...).receive([&](const Answer& a) { answer = a; }, fail);
  return answer;
}

/// Where a consumer of changes stands is kept by the table, under this name.
flat<fb::CursorRequest> cursor_request(fb::CursorVerb verb, std::uint64_t at) {
  return make_flat<fb::CursorRequest>(
      [&](auto& b) { return fb::CreateCursorRequest(b, verb, b.CreateString("consumer"), at); });
}

/// The next changes after the cursor; waits half a second for some. A consumer that asks for more only when it has done
/// with these holds up nobody, however slow it is.
flat<fb::ChangesRequest> changes_request() {
  return make_flat<fb::ChangesRequest>([](auto& b) {
    const auto cursor = b.CreateString("consumer");
    fb::ChangesRequestBuilder request(b);
    request.add_cursor(cursor);
    request.add_max_rows(2'000);
    request.add_wait_us(500'000);
    return request.Finish();
  });
}

/// Follows the table until nothing has come for half a second; counts the changes.
std::uint64_t consume(caf::scoped_actor& self, const firn::TableActor& table) {
  for (std::uint64_t changes = 0;;) {
    flat<fb::ChangesAnswer> batch;
    self->request(table, caf::infinite, changes_request())
        .receive([&](const flat<fb::ChangesAnswer>& a, const firn::ArrowBody&) { batch = a; }, fail);
    if (batch->rows() == 0) return changes;
    changes += batch->rows();
    (void)ask<flat<fb::Commit>>(self, table, cursor_request(fb::CursorVerb::move, batch->next()));
  }
}

int run(caf::actor_system& system) {
  auto db = firn::Database::open(":memory:").value();
  caf::scoped_actor self{system};

  firn::TableActor events;
  self->request(db.actor(), caf::infinite, create_request())
      .receive([&](const firn::TableActor& created) { events = created; }, fail);

  const auto subscribe =
      make_flat<fb::SubscribeRequest>([](auto& b) { return fb::CreateSubscribeRequest(b, 10); });
  (void)ask<flat<fb::Subscribed>>(self, events, subscribe);

  (void)ask<flat<fb::Commit>>(self, events, cursor_request(fb::CursorVerb::create, 0));

  const auto upsert = make_flat<fb::WriteRequest>([](auto& b) { return fb::CreateWriteRequest(b); });
  const auto small = ask<flat<fb::Commit>>(self, events, upsert, firn::ArrowBody(clicks(1, 3)));
  const auto large = ask<flat<fb::Commit>>(self, events, upsert, firn::ArrowBody(clicks(4, 5'000)));
  std::cout << "commits " << small->csn() << " (" << fb::EnumNameTier(small->tier()) << ") and "
            << large->csn() << " (" << fb::EnumNameTier(large->tier()) << ")\n";
  self->receive([](const flat<fb::CommitEvent>& e) { std::cout << "told of commit " << e->csn() << '\n'; });

  const auto remove = make_flat<fb::RemoveRequest>([](auto& b) {
    const auto where = b.CreateString("event_id = 1");
    return fb::CreateRemoveRequest(b, 0, where);
  });
  (void)ask<flat<fb::Commit>>(self, events, remove);

  const auto alter = make_flat<fb::AlterRequest>([](auto& b) {
    return fb::CreateAlterRequest(b, b.CreateString("ADD COLUMN channel utf8 DEFAULT 'web'"));
  });
  (void)ask<flat<fb::Commit>>(self, events, alter);

  const auto compact =
      make_flat<fb::CompactRequest>([](auto& b) { return fb::CreateCompactRequest(b, fb::Tier::cold); });
  const auto settled = ask<flat<fb::Settled>>(self, events, compact);
  for (const auto* d : *settled->decisions())
    std::cout << d->action()->str() << ": " << d->reason()->str() << '\n';

  const auto get = make_flat<fb::GetRequest>([](auto& b) {
    const firn::Value key[] = {firn::Value(std::uint64_t{2})};
    return fb::CreateGetRequest(b, firn::to_row(b, key));
  });
  if (!ask<flat<fb::GetAnswer>>(self, events, get)->found()) return 1;

  std::int64_t rows = 0;
  self->request(events, caf::infinite,
                query_request("SELECT type, count(*) AS n FROM user_events GROUP BY type"))
      .receive(
          [&](const flat<fb::QueryAnswer>&, const firn::ArrowBody& body) {
            const firn::DataFrame frame(body.batch().value());
            rows = frame.at(0, 1).to_i64();
            std::cout << frame;
          },
          fail);

  const std::uint64_t changes = consume(self, events);  // whatever was moved meanwhile
  std::cout << changes << " changes\n";

  events = nullptr;
  db.close().value();
  return rows == 5'002 && changes == 5'004 ? 0 : 1;
}

}  // namespace

int main() {
  caf::actor_system_config config;
  config.add_error_category(caf::atom("firn"), firn::render_error);
  caf::actor_system system{config};
  try {
    return run(system);
  } catch (const firn::Error& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
}
