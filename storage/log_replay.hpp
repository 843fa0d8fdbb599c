// Replaying log groups into the hot tier, joined into large transactions: half a second instead of several for half a
// million random rows.
#pragma once
#include <optional>
#include <span>

#include "storage/hot/hot_store.hpp"

namespace firn::storage {

/// One thread. Nothing of the last transaction counts before finish().
class LogReplay {
 public:
  explicit LogReplay(hot::HotStore& store) : store_(store) {}
  Result<void> apply(std::uint64_t sequence, std::span<const std::uint8_t> group);
  Result<void> finish();

 private:
  hot::HotStore& store_;
  std::optional<hot::HotWriter> writer_;
  std::size_t pending_ = 0;  ///< bytes of groups in the transaction
};

}  // namespace firn::storage
