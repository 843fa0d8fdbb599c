// Proves that the sanitizers' alarms ring: does one thing wrong on purpose. `messages` does nothing wrong, and must
// stay silent under ThreadSanitizer, though the library that carries the messages is not instrumented.
#include <caf/all.hpp>
#include <cstdio>
#include <limits>
#include <memory>
#include <string_view>

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
  } else if (fault == "leak") {
    leak();
  } else if (fault == "overrun") {
    overrun(argc - 1);
  } else if (fault == "overflow") {
    overflow(argc - 1);
  } else {
    std::fprintf(stderr, "usage: firn_planted_fault messages|race|leak|overrun|overflow\n");
    return 2;
  }
  std::puts("done");
  return 0;
}
