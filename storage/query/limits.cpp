#include "storage/query/execution.hpp"

namespace firn::storage {
namespace {

bool is_set(const std::atomic<bool>* flag) {
  return flag != nullptr && flag->load(std::memory_order_relaxed);
}

}  // namespace

Result<void> ExecutionLimits::check() const {
  if (is_set(cancelled) || is_set(stopped)) return Error(ErrorCode::cancelled, "the query was cancelled");
  if (deadline && std::chrono::steady_clock::now() >= *deadline)
    return Error(ErrorCode::timeout, "the query took longer than its timeout");
  return {};
}

}  // namespace firn::storage
