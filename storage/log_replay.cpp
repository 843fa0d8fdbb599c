#include "storage/log_replay.hpp"

#include "storage/apply_records.hpp"
#include "storage/log_record.hpp"

namespace firn::storage {
namespace {
constexpr std::size_t kTransactionBytes = std::size_t{16} << 20;
}

Result<void> LogReplay::apply(std::uint64_t sequence, std::span<const std::uint8_t> group) {
  if (group.size() > kTransactionBytes) FIRN_TRY(finish());  // it wants room of its own
  if (!writer_) {
    // Random keys may copy and split every page there is, and a transaction cannot use again what it gave up.
    FIRN_ASSIGN(auto writer, store_.write(kTransactionBytes + group.size() + store_.used_bytes() / 2));
    writer_.emplace(std::move(writer));
  }
  FIRN_ASSIGN(const auto records, decode_group(group));
  FIRN_TRY(apply_to_hot(*writer_, records, sequence));
  pending_ += group.size();
  return pending_ < kTransactionBytes ? Result<void>() : finish();
}

Result<void> LogReplay::finish() {
  if (!writer_) return {};
  Result<void> done = writer_->commit();
  writer_.reset();
  pending_ = 0;
  return done;
}

}  // namespace firn::storage
