// Everything by message, from a program's own actor system: create a table, subscribe, write, query, get, remove,
// compact.
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

int run(caf::actor_system& system) {
  auto db = firn::Database::open(":memory:").value();
  caf::scoped_actor self{system};

  firn::TableActor events;
  self->request(db.actor(), caf::infinite, create_request())
      .receive([&](const firn::TableActor& created) { events = created; }, fail);

  const auto subscribe =
      make_flat<fb::SubscribeRequest>([](auto& b) { return fb::CreateSubscribeRequest(b, 10); });
  (void)ask<flat<fb::Subscribed>>(self, events, subscribe);

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

  events = nullptr;
  db.close().value();
  return rows == 5'002 ? 0 : 1;
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
