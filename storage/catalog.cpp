#include "storage/catalog.hpp"

#include <algorithm>
#include <cmath>

#include "storage/cold/segment.hpp"
#include "storage/warm/block.hpp"

namespace firn::storage {
namespace {
constexpr double kHeatHalfLifeUs = 3'600e6;
}

DiskName::~DiskName() {
  // Best effort: a name that stays behind is unnamed by the catalog and goes at the next open.
  if (doomed_ && disk_->remove(path_).ok()) return;
}

void AccessAccount::note(std::int64_t now_us, std::uint64_t rows, bool point) {
  heat = heat_at(now_us) + 1;
  last_us = now_us;
  reads += 1;
  rows_read += rows;
  if (point) points += 1;
}

double AccessAccount::heat_at(std::int64_t now_us) const {
  // A clock that was set back tells nothing of the time between: forgetting is better than heat that stays for a year.
  return heat * std::exp2(-std::fabs(static_cast<double>(now_us - last_us)) / kHeatHalfLifeUs);
}

Result<std::shared_ptr<const RowFile>> FileEntry::open() const {
  std::lock_guard lock(mutex_);
  if (file_) return file_;
  RowFileInfo at = info;
  at.path = folder_ + "/" + info.path;
  if (info.tier == StorageTier::cold) {
    FIRN_ASSIGN(file_, cold::open_segment(*disk_, at, store_id_, share_));
  } else {
    FIRN_ASSIGN(file_, warm::open_block(*disk_, at, store_id_, share_));
  }
  return file_;
}

void FileEntry::close() const {
  std::lock_guard lock(mutex_);
  file_.reset();
}

FileEntry::Resolved FileEntry::resolved() const {
  std::lock_guard lock(mutex_);
  return resolved_;
}

void FileEntry::set_resolved(Resolved known) const {
  std::lock_guard lock(mutex_);
  resolved_ = std::move(known);
}

FileEntry::Resolved FileEntry::stored() const {
  std::lock_guard lock(mutex_);
  return stored_;
}

void FileEntry::set_stored(Resolved known) const {
  std::lock_guard lock(mutex_);
  stored_ = std::move(known);
}

bool FileEntry::due_for_a_look(std::int64_t monotonic_us, std::int64_t interval_us) const {
  std::lock_guard lock(mutex_);
  if (looked_us_ != 0 && monotonic_us - looked_us_ < interval_us) return false;
  looked_us_ = monotonic_us;
  return true;
}

AccessAccount FileEntry::access() const {
  std::lock_guard lock(mutex_);
  return access_;
}

void FileEntry::note_access(std::int64_t now_us, std::uint64_t rows, bool point) const {
  std::lock_guard lock(mutex_);
  access_.note(now_us, rows, point);
}

void FileEntry::set_access(const AccessAccount& account) const {
  std::lock_guard lock(mutex_);
  access_ = account;
}

FileEntryPtr Catalog::find(std::uint64_t id) const {
  const auto it = std::lower_bound(files.begin(), files.end(), id,
                                   [](const FileEntryPtr& f, std::uint64_t i) { return f->info.id < i; });
  return it != files.end() && (*it)->info.id == id ? *it : nullptr;
}

bool ranges_overlap(const RowFileInfo& a, std::string_view min, std::string_view max) {
  return a.key_min <= max && min <= a.key_max;
}

}  // namespace firn::storage
