#include "storage/clean_marker.hpp"

#include <cstring>
#include <fstream>
#include <vector>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "io/crc32c.hpp"

namespace firn::storage {
namespace {

constexpr std::uint64_t kMagic = 0x314E41454C434E46ULL;  // "FNCLEAN1"
constexpr std::size_t kChunkBytes = std::size_t{1} << 20;

struct Bytes {
  std::uint64_t magic, store_id, generation, length, hash, log_sequence;
  std::uint32_t crc, zero;
};
static_assert(sizeof(Bytes) == 56);

std::uint32_t crc_of(Bytes b) {
  b.crc = 0;
  return io::crc32c({reinterpret_cast<const std::uint8_t*>(&b), sizeof b});
}

}  // namespace

Result<std::optional<CleanMarker>> read_clean_marker(io::Disk& disk, const std::string& path,
                                                     std::uint64_t store_id) {
  using Found = std::optional<CleanMarker>;
  FIRN_ASSIGN(const bool there, disk.exists(path));
  if (!there) return Found{};
  const auto bytes = io::read_file(disk, path, sizeof(Bytes));
  if (!bytes || bytes->size() != sizeof(Bytes)) return Found{};
  Bytes b;
  std::memcpy(&b, bytes->data(), sizeof b);
  if (b.magic != kMagic || b.store_id != store_id || b.zero != 0 || crc_of(b) != b.crc) return Found{};
  return Found(CleanMarker{b.generation, b.length, b.hash, b.log_sequence});
}

Result<void> write_clean_marker(io::Disk& disk, const std::string& path, std::uint64_t store_id,
                                const CleanMarker& marker) {
  Bytes b{kMagic, store_id, marker.generation, marker.length, marker.hash, marker.log_sequence, 0, 0};
  b.crc = crc_of(b);
  return io::replace_file(disk, path, {reinterpret_cast<const std::uint8_t*>(&b), sizeof b});
}

bool measure_file(const std::string& host_path, CleanMarker& marker) {
  std::ifstream in(host_path, std::ios::binary);
  if (!in) return false;
  XXH3_state_t state;
  XXH3_64bits_reset(&state);
  std::vector<char> chunk(kChunkBytes);
  marker.length = 0;
  while (in.read(chunk.data(), static_cast<std::streamsize>(chunk.size())) || in.gcount() > 0) {
    XXH3_64bits_update(&state, chunk.data(), static_cast<std::size_t>(in.gcount()));
    marker.length += static_cast<std::uint64_t>(in.gcount());
  }
  marker.hash = XXH3_64bits_digest(&state);
  return !in.bad();
}

bool is_file_of(const CleanMarker& marker, const std::string& host_path) {
  CleanMarker found;
  return measure_file(host_path, found) && found.length == marker.length && found.hash == marker.hash;
}

}  // namespace firn::storage
