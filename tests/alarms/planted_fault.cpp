// Proves that the sanitizers' alarms ring: does one thing wrong on purpose. `messages` and `transactions` do nothing
// wrong, and must stay silent under ThreadSanitizer, though CAF and LMDB are not instrumented; the races planted beside
// calls of these libraries must be found in spite of tests/tsan.supp.
#include <lmdb.h>

#include <caf/all.hpp>
#include <cstdio>
#include <filesystem>
#include <limits>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include <unistd.h>

namespace {

/// Two actors count on scheduler threads; `shared` belongs to both, without a message that orders the accesses.
void count_in_two_actors(long* shared) {
  caf::actor_system_config config;
  config.set("scheduler.policy", caf::atom("sharing")).set("scheduler.max-threads", 2);
  caf::actor_system system{config};
  const auto counter = [shared](caf::event_based_actor* self) -> caf::behavior {
    auto own = std::make_shared<long>(0);
    return {[=](int step) {
      *own += step;
      if (shared != nullptr) *shared += step;
      if (*own == 20000) self->quit();
    }};
  };
  const auto first = system.spawn(counter);
  const auto second = system.spawn(counter);
  for (int i = 0; i < 20000; ++i) {
    caf::anon_send(first, 1);
    caf::anon_send(second, 1);
  }
  system.await_all_actors_done();
}

/// An actor counts on a scheduler thread what its host counts too, without a message that orders the accesses.
void count_with_the_host(long* shared) {
  caf::actor_system_config config;
  config.set("scheduler.policy", caf::atom("sharing")).set("scheduler.max-threads", 2);
  caf::actor_system system{config};
  const auto counter = system.spawn([shared](caf::event_based_actor* self) -> caf::behavior {
    auto own = std::make_shared<int>(0);
    return {[=](int step) {
      *own += step;
      *shared += step;
      if (*own == 2000) self->quit();
    }};
  });
  for (int i = 0; i < 2000; ++i) {
    caf::anon_send(counter, 1);
    *shared += 1;
  }
  system.await_all_actors_done();
}

/// Two threads write what they count into one LMDB environment, in turns or not.
void count_in_transactions(long* shared, bool in_turns) {
  const std::string folder =
      std::filesystem::temp_directory_path() / ("firn-alarm-" + std::to_string(getpid()));
  std::filesystem::create_directories(folder);
  MDB_env* env = nullptr;
  mdb_env_create(&env);
  if (mdb_env_open(env, folder.c_str(), MDB_NOSYNC, 0600) != 0) std::abort();
  std::mutex turn;
  const auto write = [&](char name) {
    for (int i = 0; i < 500; ++i) {
      const auto lock = in_turns ? std::unique_lock(turn) : std::unique_lock<std::mutex>();
      *shared += 1;
      MDB_txn* txn = nullptr;
      MDB_dbi table = 0;
      MDB_val key{1, &name}, value{sizeof *shared, shared};
      if (mdb_txn_begin(env, nullptr, 0, &txn) != 0 || mdb_dbi_open(txn, nullptr, 0, &table) != 0 ||
          mdb_put(txn, table, &key, &value, 0) != 0 || mdb_txn_commit(txn) != 0)
        std::abort();
    }
  };
  std::thread other(write, 'b');
  write('a');
  other.join();
  mdb_env_close(env);
  std::filesystem::remove_all(folder);
}

void leak() {
  volatile auto* lost = new long(42);  // NOLINT
  std::printf("%ld\n", *lost);
  lost = nullptr;
}

void overrun(int beyond) {
  const auto bytes = std::make_unique<char[]>(16);  // NOLINT
  const volatile char* p = bytes.get();
  std::printf("%d\n", p[15 + beyond]);
}

void overflow(int more) {
  volatile int big = std::numeric_limits<int>::max();
  std::printf("%d\n", big + more);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view fault = argc > 1 ? argv[1] : "";
  long shared = 0;
  if (fault == "messages") {
    count_in_two_actors(nullptr);
  } else if (fault == "race") {
    count_in_two_actors(&shared);
  } else if (fault == "host_race") {
    count_with_the_host(&shared);
  } else if (fault == "transactions" || fault == "transaction_race") {
    count_in_transactions(&shared, fault == "transactions");
  } else if (fault == "leak") {
    leak();
  } else if (fault == "overrun") {
    overrun(argc - 1);
  } else if (fault == "overflow") {
    overflow(argc - 1);
  } else {
    std::fprintf(stderr,
                 "usage: firn_planted_fault "
                 "messages|transactions|race|host_race|transaction_race|leak|overrun|overflow\n");
    return 2;
  }
  std::puts("done");
  return 0;
}
