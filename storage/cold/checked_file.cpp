#include "storage/cold/checked_file.hpp"

#include <algorithm>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "io/crc32c.hpp"
#include "storage/cold/segment_format.hpp"

namespace firn::storage::cold {
namespace {
constexpr std::size_t kWriteBytes = std::size_t{1} << 20;
std::span<const std::uint8_t> bytes_of(std::string_view s) {
  return {reinterpret_cast<const std::uint8_t*>(s.data()), s.size()};  // NOLINT
}
}  // namespace

std::uint32_t FileIdentity::block_crc(std::uint64_t block, std::span<const std::uint8_t> bytes) const {
  const std::uint64_t place[3] = {store_id, file_id, block};
  std::uint8_t seed[sizeof place];
  std::memcpy(seed, place, sizeof place);
  return io::crc32c(bytes, io::crc32c(seed));
}

struct CheckedWriter::Hash {
  XXH3_state_t state;
};

CheckedWriter::CheckedWriter(std::unique_ptr<io::File> file, FileIdentity identity)
    : file_(std::move(file)), identity_(identity), hash_(std::make_unique<Hash>()) {
  XXH3_INITSTATE(&hash_->state);
  (void)XXH3_64bits_reset(&hash_->state);
}
CheckedWriter::~CheckedWriter() = default;

std::uint64_t CheckedWriter::hash() const { return XXH3_64bits_digest(&hash_->state); }

Result<void> CheckedWriter::append(std::string_view bytes) {
  pending_ += bytes;
  return pending_.size() < kWriteBytes ? Result<void>() : flush();
}

/// Writes whole blocks; the rest too once the checked part has ended.
Result<void> CheckedWriter::flush() {
  std::size_t n = pending_.size();
  if (!blocks_ended_) {
    n = n / kCheckedBlockBytes * kCheckedBlockBytes;
    for (std::size_t at = 0; at < n; at += kCheckedBlockBytes) {
      crcs_.push_back(identity_.block_crc(crcs_.size(), bytes_of(pending_).subspan(at, kCheckedBlockBytes)));
    }
  }
  if (n == 0) return {};
  (void)XXH3_64bits_update(&hash_->state, pending_.data(), n);
  FIRN_TRY(file_->write_at(written_, bytes_of(pending_).first(n)));
  written_ += n;
  pending_.erase(0, n);
  return {};
}

Result<std::vector<std::uint32_t>> CheckedWriter::end_blocks() {
  FIRN_TRY(flush());
  if (!pending_.empty()) crcs_.push_back(identity_.block_crc(crcs_.size(), bytes_of(pending_)));
  blocks_ended_ = true;
  return std::move(crcs_);
}

Result<void> CheckedWriter::finish() {
  FIRN_TRY(flush());
  return file_->sync();
}

std::uint64_t& CheckedFile::thread_bytes_read() {
  static thread_local std::uint64_t bytes = 0;
  return bytes;
}

Result<void> CheckedFile::read_blocks(std::uint64_t first, std::uint64_t last, std::uint8_t* out) const {
  const std::uint64_t from = first * kCheckedBlockBytes;
  const std::uint64_t to = std::min<std::uint64_t>(last * kCheckedBlockBytes, data_length_);
  FIRN_CHECK(last <= crcs_.size() && from <= to);
  FIRN_TRY(file_->read_at(from, {out, to - from}));
  thread_bytes_read() += to - from;
  for (std::uint64_t b = first; b < last; ++b) {
    const std::uint64_t at = b * kCheckedBlockBytes;
    const std::span<const std::uint8_t> block(out + (at - from),
                                              std::min<std::uint64_t>(kCheckedBlockBytes, to - at));
    if (identity_.block_crc(b, block) != crcs_[b]) {
      return Error(ErrorCode::corrupt, path() + ": checksum mismatch in the block at offset " +
                                           std::to_string(at) + " (" + std::to_string(block.size()) +
                                           " bytes); restore the file or drop it");
    }
  }
  return {};
}

LazyRange::LazyRange(std::shared_ptr<const CheckedFile> file, std::uint64_t offset, std::uint64_t length)
    : file_(std::move(file)),
      first_block_(offset / kCheckedBlockBytes),
      skip_(offset % kCheckedBlockBytes),
      length_(length),
      blocks_((skip_ + length + kCheckedBlockBytes - 1) / kCheckedBlockBytes),
      bytes_(new std::uint8_t[blocks_ * kCheckedBlockBytes]),
      loaded_(new std::atomic<bool>[blocks_] {}) {}

Result<const std::uint8_t*> LazyRange::get(std::uint64_t offset, std::uint64_t length) const {
  const std::uint8_t* at = bytes_.get() + skip_ + offset;
  if (length == 0 || all_.load(std::memory_order_acquire)) return at;
  const std::uint64_t first = (skip_ + offset) / kCheckedBlockBytes;
  const std::uint64_t last = (skip_ + offset + length - 1) / kCheckedBlockBytes + 1;
  for (std::uint64_t b = first; b < last; ++b) {
    if (loaded_[b].load(std::memory_order_acquire)) continue;
    const std::lock_guard lock(mutex_);
    // What is loaded is never written again: others may be reading it.
    std::uint64_t end = b;
    while (end < last && !loaded_[end].load(std::memory_order_relaxed)) ++end;
    if (end == b) continue;
    FIRN_TRY(file_->read_blocks(first_block_ + b, first_block_ + end, bytes_.get() + b * kCheckedBlockBytes));
    for (std::uint64_t i = b; i < end; ++i) loaded_[i].store(true, std::memory_order_release);
  }
  return at;
}

Result<void> LazyRange::load_all() const {
  if (length_ == 0 || all_.load(std::memory_order_acquire)) return {};
  FIRN_TRY(get(0, length_));
  all_.store(true, std::memory_order_release);
  return {};
}

}  // namespace firn::storage::cold
