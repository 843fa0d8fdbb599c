#include "io/disk.hpp"

#include "io/disk_path.hpp"

namespace firn::io {
namespace {

constexpr const char* kTemporarySuffix = ".tmp";

Result<void> write_new_file(Disk& disk, const std::string& path, std::span<const std::uint8_t> bytes) {
  FIRN_ASSIGN(const auto file, disk.open(path, Disk::Mode::create_new));
  return file->write_and_sync(0, bytes);
}

// A file of that name is what an interrupted replacement left behind.
Result<void> remove_leftover(Disk& disk, const std::string& path) {
  auto removed = disk.remove(path);
  if (!removed && removed.error().code() != ErrorCode::not_found) return removed;
  return {};
}

}  // namespace

Result<std::vector<std::uint8_t>> read_file(Disk& disk, const std::string& path, std::uint64_t size_max) {
  FIRN_ASSIGN(const auto file, disk.open(path, Disk::Mode::read));
  FIRN_ASSIGN(const std::uint64_t size, file->size());
  if (size > size_max) {
    return Error(ErrorCode::corrupt, "'" + path + "' has " + std::to_string(size) + " bytes, more than the " +
                                         std::to_string(size_max) + " it may have");
  }
  std::vector<std::uint8_t> bytes(static_cast<std::size_t>(size));
  FIRN_TRY(file->read_at(0, bytes));
  return bytes;
}

Result<void> replace_file(Disk& disk, const std::string& path, std::span<const std::uint8_t> bytes) {
  const std::string temporary = path + kTemporarySuffix;
  FIRN_TRY(remove_leftover(disk, temporary));
  auto named = write_new_file(disk, temporary, bytes);
  if (named) named = disk.rename(temporary, path);
  if (!named) {
    (void)disk.remove(temporary);  // the first error is the one to tell
    return named;
  }
  return disk.sync_directory(parent_path(path));
}

}  // namespace firn::io
