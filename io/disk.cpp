#include "io/disk.hpp"

#include <cstdlib>
#include <cstring>

#include "io/disk_path.hpp"
#include "io/uring.hpp"
#include "io/uring_disk.hpp"

namespace firn::io {

Result<void> File::write_parts(std::uint64_t offset, Parts parts, const std::function<void()>& meanwhile) {
  if (meanwhile) meanwhile();
  std::vector<std::uint8_t> all;
  for (const auto& part : parts) all.insert(all.end(), part.begin(), part.end());
  return write_at(offset, all);
}

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

namespace {

// The reason not to use a ring, or nothing.
std::string why_no_ring() {
  const char* switched_off = std::getenv("FIRN_NO_URING");  // NOLINT(concurrency-mt-unsafe)
  if (switched_off != nullptr && std::strcmp(switched_off, "1") == 0) return "FIRN_NO_URING is set";
  auto probe = Ring::create();
  return probe ? std::string() : probe.error().message();
}

}  // namespace

Result<std::shared_ptr<Disk>> open_disk(const std::string& root, bool create, std::string* notice) {
  const std::string reason = why_no_ring();
  if (notice != nullptr)
    *notice = reason.empty()
                  ? ""
                  : "no io_uring (" + reason + "); plain system calls instead, with the same guarantees";
  if (!reason.empty()) {
    FIRN_ASSIGN(auto disk, PosixDisk::open_root(root, create));
    return std::shared_ptr<Disk>(std::move(disk));
  }
  FIRN_ASSIGN(auto disk, UringDisk::open_root(root, create));
  return std::shared_ptr<Disk>(std::move(disk));
}

}  // namespace firn::io
