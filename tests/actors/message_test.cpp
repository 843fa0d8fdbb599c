// The message interface, from a host's own actor system, and what may travel between firn's own actors.
#include "commit_queue.hpp"
#include "fixture.hpp"
#include "services.hpp"
#include "wire.hpp"

namespace firn::testing {
namespace {

flat<fb::WriteRequest> upsert() {
  return make_flat<fb::WriteRequest>([](auto& b) { return fb::CreateWriteRequest(b); });
}

class MessageTest : public DatabaseTest {
 protected:
  MessageTest() { config_.set("scheduler.max-threads", 2); }
  caf::actor_system_config config_;
  caf::actor_system system_{config_};
};

TEST_F(MessageTest, CommitsOfOneSenderKeepTheirOrder) {
  open();
  auto t = table();
  caf::scoped_actor self{system_};
  const TableActor actor = t.actor();
  // Large and small writes of one key, none waited for: CSNs rise in the order sent, and the last value stays.
  using Handle = decltype(self->request(actor, caf::infinite, upsert(), ArrowBody{}));
  std::vector<Handle> answers;
  for (int i = 0; i < 12; ++i) {
    const std::uint64_t rows = i % 3 == 0 ? 4'000 : 1;
    answers.push_back(
        self->request(actor, caf::infinite, upsert(), ArrowBody(events(1, rows, std::to_string(i)))));
  }
  std::uint64_t last = 0;
  for (auto& a : answers) {
    a.receive(
        [&](const flat<fb::Commit>& c) {
          EXPECT_GT(c->csn(), last);
          last = c->csn();
        },
        [](const caf::error& e) { FAIL() << to_error(e).message(); });
  }
  EXPECT_EQ((*t.get({Value(std::uint64_t{1})}).value())["kind"], Value("11"));
}

TEST_F(MessageTest, EverybodyIsThereWhenOpenReturns) {
  for (int i = 0; i < 20; ++i) {
    open();
    EXPECT_TRUE(actor_of(db_));
    EXPECT_TRUE(TableActorAccess::core(db_)->services().analyzer.get());
    close_in_time();
  }
}

TEST_F(MessageTest, ErrorsComeWithCodeAndText) {
  open();
  auto t = table();
  caf::scoped_actor self{system_};
  const auto bad = make_flat<fb::QueryRequest>(
      [](auto& b) { return fb::CreateQueryRequest(b, b.CreateString("SELEC 1")); });
  self->request(t.actor(), caf::infinite, bad)
      .receive([](const flat<fb::QueryAnswer>&, const ArrowBody&) { FAIL(); },
               [](const caf::error& e) { EXPECT_EQ(to_error(e).code(), ErrorCode::parse); });
  self->request(t.actor(), caf::infinite, upsert(), ArrowBody{})
      .receive([](const flat<fb::Commit>&) { FAIL(); },
               [](const caf::error& e) { EXPECT_EQ(to_error(e).code(), ErrorCode::invalid_argument); });
}

TEST_F(MessageTest, ArrowStreamsAreTakenAsBodies) {
  open();
  auto t = table();
  caf::scoped_actor self{system_};
  const Buffer stream = ArrowBody(events(1, 7)).stream().value();
  self->request(t.actor(), caf::infinite, upsert(), ArrowBody(stream))
      .receive([](const flat<fb::Commit>& c) { EXPECT_EQ(c->rows(), 7u); },
               [](const caf::error& e) { FAIL() << to_error(e).message(); });
  EXPECT_EQ(count(t), 7);
}

TEST_F(MessageTest, ProducerThatIsTooFastIsToldSo) {
  open();
  HybridTableConfig config;
  config.tuning.write_buffer_size = 4'096;
  auto t = db_.create_table("narrow", event_schema(), config).value();
  caf::scoped_actor self{system_};
  const TableActor actor = t.actor();
  int busy = 0, done = 0;
  for (int i = 0; i < 500; ++i) self->send(actor, upsert(), ArrowBody(events(1, 10)));
  for (int i = 0; i < 500; ++i) {
    self->receive([&](const flat<fb::Commit>&) { ++done; },
                  [&](const caf::error& e) {
                    EXPECT_EQ(to_error(e).code(), ErrorCode::busy);
                    ++busy;
                  });
  }
  EXPECT_GT(done, 0);
  EXPECT_GT(busy, 0);
}

TEST_F(MessageTest, AnsweredAfterClose) {
  open();
  auto t = table();
  TableActor actor = t.actor();
  caf::scoped_actor self{system_};
  close_in_time();
  self->request(actor, caf::infinite, upsert(), ArrowBody(events(1, 1)))
      .receive([](const flat<fb::Commit>&) { FAIL(); },
               [](const caf::error& e) { EXPECT_EQ(to_error(e).code(), ErrorCode::closed); });
}

// --- what may travel ------------------------------------------------------------------------------------------------

template <class T>
struct is_parcel : std::false_type {};
template <class T>
struct is_parcel<flat<T>> : std::true_type {};
template <class T>
struct is_parcel<runtime::ReplySlot<T>> : std::true_type {};
template <>
struct is_parcel<ArrowBody> : std::true_type {};
template <>
struct is_parcel<runtime::Pin> : std::true_type {};
template <>
struct is_parcel<runtime::TableRef> : std::true_type {};
template <>
struct is_parcel<runtime::GroupRef> : std::true_type {};
template <>
struct is_parcel<TableActor> : std::true_type {};

template <class List>
struct all_parcels;
template <class... Ts>
struct all_parcels<caf::detail::type_list<Ts...>> : std::bool_constant<(is_parcel<Ts>::value && ...)> {};

template <class Out>
struct parcels_out;
template <template <class...> class List, class... Ts>
struct parcels_out<List<Ts...>> : std::bool_constant<((is_parcel<Ts>::value || std::is_void_v<Ts> ||
                                                       std::is_same_v<Ts, caf::unit_t>)&&...)> {};

template <class Signature>
struct checked_signature;
template <class In, class Out>
struct checked_signature<caf::typed_mpi<In, Out>>
    : std::bool_constant<all_parcels<In>::value && parcels_out<Out>::value> {};

template <class Interface>
struct checked;
template <class... Signatures>
struct checked<caf::typed_actor<Signatures...>>
    : std::bool_constant<(checked_signature<Signatures>::value && ...)> {};

static_assert(checked<TableActor>::value);
static_assert(checked<DatabaseActor>::value);
static_assert(checked<runtime::TableFront>::value);
static_assert(checked<runtime::HotActor>::value);
static_assert(checked<runtime::WarmActor>::value);
static_assert(checked<runtime::ColdActor>::value);
static_assert(checked<runtime::IoWorker>::value);
static_assert(checked<runtime::LifecycleManager>::value);
static_assert(checked<runtime::CompactionScheduler>::value);
static_assert(checked<runtime::AccessAnalyzer>::value);
static_assert(checked<runtime::Supervisor>::value);
// The alarm rings: interfaces with foreign types are refused.
static_assert(!checked<caf::typed_actor<caf::reacts_to<std::string>>>::value);
static_assert(!checked<caf::typed_actor<caf::replies_to<flat<fb::Tick>>::with<int>>>::value);

// --- the plain part of the hot actor --------------------------------------------------------------------------------

runtime::Parcel parcel(std::uint64_t ticket, std::uint64_t stream, const std::string& mark) {
  runtime::Change change;
  change.kind = fb::CommitKind::remove_where;
  change.ticket = ticket;
  change.stream = stream;
  change.where = mark;
  return {runtime::to_order(change), {}, {}, {}};
}

std::string take(runtime::CommitQueue& queue) {
  std::string marks;
  for (const auto& p : queue.take()) marks += p.order->where()->str();
  return marks;
}

TEST(CommitQueue, OtherStreamsPassOneThatIsBeingPrepared) {
  runtime::CommitQueue queue;
  queue.reserve(1, 7);
  queue.add(parcel(0, 7, "b"));
  queue.add(parcel(0, 8, "c"));
  queue.add(parcel(0, 0, "d"));
  EXPECT_EQ(take(queue), "cd");
  EXPECT_FALSE(queue.ready());
  queue.add(parcel(1, 7, "a"));
  EXPECT_EQ(take(queue), "ab");
  EXPECT_TRUE(queue.empty());
}

TEST(CommitQueue, PlaceThatIsGivenUpHoldsNobodyUp) {
  runtime::CommitQueue queue;
  queue.reserve(1, 7);
  queue.add(parcel(0, 7, "b"));
  EXPECT_EQ(take(queue), "");
  queue.release(1);
  EXPECT_EQ(take(queue), "b");
}

TEST(ByteGate, WaitsInOrderAndEndsOnClose) {
  auto gate = std::make_shared<runtime::ByteGate>(10);
  runtime::Pin all = gate->acquire(100).value();  // more than the gate counts as the whole gate
  EXPECT_EQ(gate->try_acquire(1), nullptr);
  std::atomic<int> in{0};
  std::thread waiter([&] {
    if (gate->acquire(5)) ++in;
  });
  std::this_thread::sleep_for(10ms);
  EXPECT_EQ(in, 0);
  all.reset();
  waiter.join();
  EXPECT_EQ(in, 1);
  gate->close();
  EXPECT_EQ(gate->acquire(1).error().code(), ErrorCode::closed);
}

}  // namespace
}  // namespace firn::testing
