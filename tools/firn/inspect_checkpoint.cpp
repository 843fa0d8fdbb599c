// Checkpoints: their blocks, as storage/checkpoint.hpp lays them out. Checksums are seeded with the table's store id,
// which table.fb in the folder above tells; without it only the frame can be checked.
#include <cstring>
#include <filesystem>
#include <optional>

#include <schema/log_generated.h>
#include "human.hpp"
#include "inspect.hpp"
#include "io/crc32c.hpp"
#include "io/posix_disk.hpp"
#include "output.hpp"

namespace firn::cli {
namespace {

constexpr std::uint32_t kBlock = 0x4B43464BU, kEnd = 0x4B43464EU;
constexpr std::size_t kTableFileBytesMax = 1 << 20;
constexpr std::size_t kHeaderBytes = 16, kFooterBodyBytes = 24;

/// Checkpoints lie in TABLE/hot; the store id stands in TABLE/table.fb.
std::optional<std::uint64_t> store_id_near(const InspectedFile& f) {
  const std::string folder = std::filesystem::path(f.folder).parent_path().string();
  const auto disk = io::PosixDisk::open_root(folder, false);
  if (!disk) return std::nullopt;
  const auto bytes = io::read_file(**disk, "table.fb", kTableFileBytesMax);
  if (!bytes) return std::nullopt;
  flatbuffers::Verifier verifier(bytes->data(), bytes->size());
  if (!verifier.VerifyBuffer<fb::TableFile>(nullptr)) return std::nullopt;
  return flatbuffers::GetRoot<fb::TableFile>(bytes->data())->store_id();
}

}  // namespace

ExitStatus inspect_checkpoint(const InspectedFile& f) {
  const std::optional<std::uint64_t> store_id = store_id_near(f);
  print("checkpoint" + std::string(store_id ? "" : "  (no table.fb beside it: checksums are not checked)") +
        "\n    offset   entries      bytes  checksum\n");
  std::uint64_t offset = 0, blocks = 0, total = 0;
  std::vector<std::uint8_t> body;
  const auto damaged = [&](const std::string& what) {
    print("offset " + std::to_string(offset) + ": " + what + "\n");
    return ExitStatus::damaged;
  };
  for (;;) {
    std::uint32_t header[4] = {};
    if (f.size - offset < kHeaderBytes) return damaged("the file ends without its footer");
    f.file->read_at(offset, {reinterpret_cast<std::uint8_t*>(header), kHeaderBytes}).value();
    const auto [magic, bytes, count, crc] = header;
    if ((magic != kBlock && magic != kEnd) || bytes > f.size - offset - kHeaderBytes)
      return damaged("no sound block begins here");
    body.resize(bytes);
    f.file->read_at(offset + kHeaderBytes, body).value();
    std::string state = "not checked";
    if (store_id) {
      const std::uint64_t seed[2] = {*store_id, blocks};
      const std::uint32_t start = io::crc32c({reinterpret_cast<const std::uint8_t*>(seed), sizeof seed});
      state = io::crc32c(body, start) == crc ? "sound" : "DAMAGED";
    }
    char line[128];
    std::snprintf(line, sizeof line, "%10llu %9u %10u  %s%s\n", static_cast<unsigned long long>(offset),
                  count, bytes, state.c_str(), magic == kEnd ? ", footer" : "");
    print(line);
    if (state == "DAMAGED") return damaged("the block's checksum does not hold");
    offset += kHeaderBytes + bytes;
    if (magic == kBlock) {
      ++blocks;
      total += count;
      continue;
    }
    std::uint64_t footer[3] = {};
    if (bytes != kFooterBodyBytes) return damaged("the footer has another size");
    std::memcpy(footer, body.data(), sizeof footer);
    print(std::to_string(total) + " entries in " + std::to_string(blocks) + " blocks, up to log sequence " +
          std::to_string(footer[1]) + "\n");
    if (footer[0] != total || footer[2] != blocks) return damaged("the footer counts otherwise");
    if (offset != f.size) return damaged("bytes follow the footer");
    return ExitStatus::done;
  }
}

}  // namespace firn::cli
