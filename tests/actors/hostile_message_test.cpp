// Requests from strangers' bytes: what the verifier refuses is refused with a reason, what it lets through is answered,
// whatever it says; the host lives on and the rows stay what they were or what a request made of them.
#include <cstring>
#include <random>

#include "fixture.hpp"

namespace firn::testing {
namespace {

/// How a request is sent and waited for.
struct Answered {
  bool came = false;
  ErrorCode code = ErrorCode::ok;
};

class HostileMessage : public DatabaseTest {
 protected:
  HostileMessage() { config_.set("scheduler.max-threads", 2); }

  template <class... Answer, class Handle, class... Request>
  Answered ask(const Handle& to, const Request&... request) {
    Answered a;
    self_->request(to, 60s, request...)
        .receive([&](const Answer&...) { a.came = true; },
                 [&](const caf::error& e) {
                   a.came = e.category() == caf::atom("firn");
                   a.code = to_error(e).code();
                 });
    return a;
  }
  Answered send(const TableActor& t, const flat<fb::WriteRequest>& r) {
    return ask<flat<fb::Commit>>(t, r, ArrowBody(events(1, 3)));
  }
  Answered send(const TableActor& t, const flat<fb::RemoveRequest>& r) { return ask<flat<fb::Commit>>(t, r); }
  Answered send(const TableActor& t, const flat<fb::AlterRequest>& r) { return ask<flat<fb::Commit>>(t, r); }
  Answered send(const TableActor& t, const flat<fb::CursorRequest>& r) { return ask<flat<fb::Commit>>(t, r); }
  Answered send(const TableActor& t, const flat<fb::QueryRequest>& r) {
    return ask<flat<fb::QueryAnswer>, ArrowBody>(t, r);
  }
  Answered send(const TableActor& t, const flat<fb::ChangesRequest>& r) {
    if (r && r->wait_us() != 0) return {true, ErrorCode::ok};  // it may wait for a day
    return ask<flat<fb::ChangesAnswer>, ArrowBody>(t, r);
  }
  Answered send(const TableActor& t, const flat<fb::GetRequest>& r) { return ask<flat<fb::GetAnswer>>(t, r); }
  Answered send(const TableActor& t, const flat<fb::CompactRequest>& r) {
    return ask<flat<fb::Settled>>(t, r);
  }
  Answered send(const TableActor& t, const flat<fb::OptimizeRequest>& r) {
    return ask<flat<fb::Settled>>(t, r);
  }
  Answered send(const TableActor& t, const flat<fb::StatsRequest>& r) { return ask<flat<fb::Stats>>(t, r); }
  Answered send(const TableActor& t, const flat<fb::SubscribeRequest>& r) {
    return ask<flat<fb::Subscribed>>(t, r);
  }
  Answered send(const DatabaseActor& d, const flat<fb::CreateTableRequest>& r) {
    return ask<TableActor>(d, r);
  }
  Answered send(const DatabaseActor& d, const flat<fb::OpenTableRequest>& r) { return ask<TableActor>(d, r); }

  /// Sends what is left of a sound request after some of its bytes were changed.
  template <class Handle, class T>
  void bombard(const Handle& to, const flat<T>& sound, std::mt19937_64& random) {
    int passed = 0;
    for (int i = 0; i < kTries; ++i) {
      auto bytes = std::make_shared<std::vector<std::uint64_t>>((sound.size() + 7) / 8);  // aligned by 8
      auto* raw = reinterpret_cast<std::uint8_t*>(bytes->data());                         // NOLINT
      std::memcpy(raw, sound.data(), sound.size());
      for (std::size_t n = 1 + random() % 4; n-- > 0;)
        raw[random() % sound.size()] = static_cast<std::uint8_t>(random());
      const auto request = flat<T>::adopt({bytes, raw}, sound.size());
      if (!request) continue;
      ++passed;
      EXPECT_TRUE(send(to, request).came);
    }
    EXPECT_LT(passed, kTries);
    passed_ += passed;
  }

  static constexpr int kTries = 60;
  int passed_ = 0;
  caf::actor_system_config config_;
  caf::actor_system system_{config_};
  caf::scoped_actor self_{system_};
};

TEST_F(HostileMessage, AnEmptyRequestIsRefused) {
  open();
  auto t = table();
  t.write(events(1, 3)).value();
  const TableActor actor = t.actor();
  const DatabaseActor database = db_.actor();
  for (const Answered& a :
       {send(actor, flat<fb::WriteRequest>()), send(actor, flat<fb::RemoveRequest>()),
        send(actor, flat<fb::AlterRequest>()), send(actor, flat<fb::CursorRequest>()),
        send(actor, flat<fb::QueryRequest>()), send(actor, flat<fb::ChangesRequest>()),
        send(actor, flat<fb::GetRequest>()), send(actor, flat<fb::CompactRequest>()),
        send(actor, flat<fb::OptimizeRequest>()), send(actor, flat<fb::StatsRequest>()),
        send(actor, flat<fb::SubscribeRequest>()), send(database, flat<fb::CreateTableRequest>()),
        send(database, flat<fb::OpenTableRequest>())}) {
    EXPECT_TRUE(a.came);
    EXPECT_EQ(a.code, ErrorCode::invalid_argument);
  }
  EXPECT_EQ(count(t), 3);
}

TEST_F(HostileMessage, ADamagedOneIsNoMessageOrIsAnswered) {
  open();
  auto t = table();
  t.write(events(1, 3)).value();
  const TableActor actor = t.actor();
  const DatabaseActor database = db_.actor();
  std::mt19937_64 random(17);
  const auto row = [](auto& b) {
    const Value key[] = {Value(std::uint64_t{1})};
    return to_row(b, key);
  };
  bombard(actor, make_flat<fb::WriteRequest>([](auto& b) {
            return fb::CreateWriteRequest(b, fb::Mode::insert, b.CreateString("producer"), 7, true, 1);
          }),
          random);
  bombard(actor, make_flat<fb::RemoveRequest>([&](auto& b) {
            const auto key = row(b);
            return fb::CreateRemoveRequest(b, b.CreateVector(&key, 1));
          }),
          random);
  bombard(actor, make_flat<fb::AlterRequest>([](auto& b) {
            return fb::CreateAlterRequest(b, b.CreateString("ADD COLUMN n i64"));
          }),
          random);
  bombard(actor, make_flat<fb::CursorRequest>([](auto& b) {
            return fb::CreateCursorRequest(b, fb::CursorVerb::create, b.CreateString("reader"), 1, 1'000'000);
          }),
          random);
  bombard(actor, make_flat<fb::QueryRequest>([](auto& b) {
            return fb::CreateQueryRequest(b, b.CreateString("SELECT count(*) FROM events"), true, 1);
          }),
          random);
  bombard(actor, make_flat<fb::ChangesRequest>([](auto& b) {
            return fb::CreateChangesRequest(b, 1, b.CreateString("reader"), 2, true);
          }),
          random);
  bombard(actor, make_flat<fb::GetRequest>([&](auto& b) { return fb::CreateGetRequest(b, row(b), true, 1); }),
          random);
  bombard(actor,
          make_flat<fb::CompactRequest>([](auto& b) { return fb::CreateCompactRequest(b, fb::Tier::warm); }),
          random);
  bombard(actor, make_flat<fb::SubscribeRequest>([](auto& b) { return fb::CreateSubscribeRequest(b, 3); }),
          random);
  bombard(database, make_flat<fb::CreateTableRequest>([](auto& b) {
            const auto name = b.CreateString("other");
            const auto columns = b.CreateString("id u64, text utf8");
            return fb::CreateCreateTableRequest(b, name, columns, b.CreateVectorOfStrings({"id"}));
          }),
          random);
  bombard(database, make_flat<fb::OpenTableRequest>([](auto& b) {
            return fb::CreateOpenTableRequest(b, b.CreateString("events"));
          }),
          random);
  EXPECT_GT(passed_, kTries);  // the verifier looks at bounds alone
  EXPECT_TRUE(t.write(events(10, 2)));
  EXPECT_GE(count(t), 2);
  t.compact({.to = StorageTier::cold}).value();
  EXPECT_TRUE(t.verify(true).value().empty());
  close_in_time();
}

}  // namespace
}  // namespace firn::testing
