// recovery: a child writes 100 MiB in batches of 1,000 rows (firn: hot) and is killed; then its table is opened and
// one row is read: an open that leaves the work to the first question has gained nothing.
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>

#include "tools/bench/bench.hpp"

namespace firn::bench {

namespace {

constexpr std::uint64_t kHotBytesMost = 100U << 20;  // firn's default hot_tier_max_size
constexpr std::size_t kBatchRows = 1000;

/// Starts this program anew as the writer, waits until it has written all, and kills it.
void fill_and_kill(const std::string& system, const std::filesystem::path& folder, std::uint64_t bytes) {
  const std::string amount = std::to_string(bytes);
  int ends[2];
  if (::pipe(ends) != 0) throw Error(ErrorCode::io, "pipe");
  const pid_t child = ::fork();
  if (child < 0) throw Error(ErrorCode::io, "fork");
  if (child == 0) {
    ::dup2(ends[1], STDOUT_FILENO);
    ::close(ends[0]);
    ::execl("/proc/self/exe", "firn-bench", "--fill", system.c_str(), folder.c_str(), amount.c_str(),
            nullptr);
    ::_exit(127);
  }
  ::close(ends[1]);
  char ready = 0;
  const bool full = ::read(ends[0], &ready, 1) == 1 && ready == '!';
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  ::close(ends[0]);
  if (!full) throw Error(ErrorCode::io, "recovery: the writing process ended too early");
}

}  // namespace

int fill_until_killed(const std::string& system, const std::string& folder, std::uint64_t bytes) {
  EventData data;
  const auto s = make_system(system);
  s->create(folder, {});
  std::uint64_t written = 0;
  for (std::uint64_t first = 0; written < bytes; first += kBatchRows) {
    const EventChunk part = data.part(first, kBatchRows);
    s->write(part, Handover::arrow);
    written += part.batch.byte_size();
  }
  std::putchar('!');
  std::fflush(stdout);
  while (true) ::pause();
}

void run_recovery(Bench& bench, const std::string& name) {
  // A table of few rows is a trial of the benchmark.
  const std::uint64_t bytes = std::min(kHotBytesMost, bench.options().rows * 1000);
  bench.alternate(
      bench.options().runs,
      [&](const std::string& system, bool counts) {
        if (!counts) return;  // nothing stays warm over a kill
        const std::filesystem::path folder = bench.fresh(system);
        fill_and_kill(system, folder, bytes);
        const auto s = make_system(system);
        const Stopwatch watch;
        s->open(folder, {});
        if (!s->get(kBatchRows - 1)) throw Error(ErrorCode::not_found, system + " lost a durable row");
        const double ms = watch.us() / 1000;
        s->close();
        Bench::drop(folder);
        bench.report().add(name, system, "open_ms", "ms", ms);
      },
      &Skills::recovers);
}

}  // namespace firn::bench
