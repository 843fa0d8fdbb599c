#include "io/forked.hpp"

#include <pthread.h>

#include <atomic>

namespace firn::io {
namespace {

std::atomic<std::uint32_t> generation{0};

}  // namespace

std::uint32_t fork_generation() noexcept {
  [[maybe_unused]] static const int counted = ::pthread_atfork(nullptr, nullptr, [] { ++generation; });
  return generation.load(std::memory_order_relaxed);
}

}  // namespace firn::io
