#include "storage/file_copy.hpp"

#include <algorithm>
#include <vector>

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace firn::storage {
namespace {

constexpr std::size_t kPieceBytes = std::size_t{1} << 20;

/// Reads a range piece by piece; `take` gets each with its offset.
template <class Take>
Result<void> read_range(const io::File& file, std::uint64_t begin, std::uint64_t end,
                        const ExecutionLimits& limits, const Take& take) {
  std::vector<std::uint8_t> piece;
  for (std::uint64_t at = begin; at < end; at += piece.size()) {
    FIRN_TRY(limits.check());
    piece.resize(std::min<std::uint64_t>(kPieceBytes, end - at));
    FIRN_TRY(file.read_at(at, piece));
    FIRN_TRY(take(at, std::span<const std::uint8_t>(piece)));
  }
  return {};
}

class Hash {
 public:
  Hash() { XXH3_64bits_reset(&state_); }
  void add(std::span<const std::uint8_t> bytes) { XXH3_64bits_update(&state_, bytes.data(), bytes.size()); }
  Result<void> check(const std::string& path, const RowFileInfo& info) const {
    if (XXH3_64bits_digest(&state_) == info.hash) return {};
    return Error(ErrorCode::corrupt, path + ": the " + std::to_string(info.length) + " bytes at offset " +
                                         std::to_string(info.offset) +
                                         " are not those that were written (file " + std::to_string(info.id) +
                                         " of the catalog)");
  }

 private:
  XXH3_state_t state_;
};

}  // namespace

Result<void> copy_file(io::Disk& from, const std::string& source, io::Disk& to, const std::string& target,
                       std::span<const RowFileInfo> parts, const ExecutionLimits& limits,
                       CopyCounts& counts) {
  FIRN_ASSIGN(const auto in, from.open(source, io::Disk::Mode::read));
  FIRN_ASSIGN(const auto out, to.open(target, io::Disk::Mode::create_new));
  FIRN_ASSIGN(const std::uint64_t size, in->size());
  std::vector<RowFileInfo> sorted(parts.begin(), parts.end());
  std::sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.offset < b.offset; });
  std::uint64_t at = 0;
  const auto write = [&](std::uint64_t offset, std::span<const std::uint8_t> bytes) {
    return out->write_at(offset, bytes);
  };
  for (const RowFileInfo& part : sorted) {
    if (part.offset + part.length > size)
      return Error(ErrorCode::corrupt, source + ": ends at offset " + std::to_string(size) +
                                           ", the catalog says not before " +
                                           std::to_string(part.offset + part.length));
    Hash hash;
    FIRN_TRY(read_range(*in, at, part.offset, limits, write));
    FIRN_TRY(read_range(*in, part.offset, part.offset + part.length, limits,
                        [&](std::uint64_t offset, std::span<const std::uint8_t> bytes) {
                          hash.add(bytes);
                          return write(offset, bytes);
                        }));
    FIRN_TRY(hash.check(source, part));
    at = part.offset + part.length;
  }
  if (parts.empty()) {
    FIRN_TRY(read_range(*in, 0, size, limits, write));
    at = size;
  }
  counts.files += 1;
  counts.bytes += at;
  return out->sync();
}

Result<void> check_hash(io::Disk& disk, const std::string& folder, const RowFileInfo& info,
                        const ExecutionLimits& limits) {
  const std::string path = folder + "/" + info.path;
  FIRN_ASSIGN(const auto file, disk.open(path, io::Disk::Mode::read));
  Hash hash;
  FIRN_TRY(read_range(*file, info.offset, info.offset + info.length, limits,
                      [&](std::uint64_t, std::span<const std::uint8_t> bytes) -> Result<void> {
                        hash.add(bytes);
                        return {};
                      }));
  return hash.check(path, info);
}

}  // namespace firn::storage
