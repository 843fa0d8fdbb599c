#include "storage/changes.hpp"

#include <algorithm>
#include <tuple>

namespace firn::storage {

std::string_view name_of(ChangeOp op) noexcept {
  switch (op) {
    case ChangeOp::insert_row:
      return "insert";
    case ChangeOp::update_before:
      return "update_before";
    case ChangeOp::update_row:
      return "update";
    case ChangeOp::delete_row:
      return "delete";
  }
  return "";
}

Schema changes_schema(const Schema& table) {
  const auto free_name = [&](std::string name) {
    while (table.find(name)) name.insert(0, 1, '_');
    return name;
  };
  std::vector<ColumnSchema> columns = {{0, free_name("_csn"), TypeId::u64, false},
                                       {0, free_name("_time"), TypeId::timestamp, false},
                                       {0, free_name("_op"), TypeId::utf8, false}};
  columns.insert(columns.end(), table.columns().begin(), table.columns().end());
  return Schema::for_result(std::move(columns));
}

void VersionBelow::offer(const VersionBelow& other) {
  if (!found || std::tie(other.csn, other.block) > std::tie(csn, block)) *this = other;
}

void VersionList::add(std::string_view key, ChangedVersion version) {
  version.key = static_cast<std::uint32_t>(keys_.size());
  keys_.push_back(key);
  versions_.push_back(version);
}

void VersionList::drop_above(std::uint64_t csn) {
  const bool any =
      std::any_of(versions_.begin(), versions_.end(), [&](const ChangedVersion& v) { return v.csn > csn; });
  if (!any) return;
  VersionList kept(schema_);
  std::string scratch;
  for (const ChangedVersion& v : versions_)
    if (v.csn <= csn) kept.add(keys_.at(v.key, scratch), v);
  *this = std::move(kept);
}

void VersionList::sort() {
  std::vector<ChangedVersion>& v = versions_;
  std::sort(v.begin(), v.end(), [&](const ChangedVersion& a, const ChangedVersion& b) {
    const auto order = keys_.compare(a.key, keys_, b.key);
    if (order != 0) return order < 0;
    return std::tie(a.csn, a.block) < std::tie(b.csn, b.block);
  });
  KeyColumn distinct(schema_);
  std::vector<ChangedVersion> kept;
  kept.reserve(v.size());
  std::string scratch;
  for (std::size_t i = 0; i < v.size(); ++i) {
    const bool new_key = i == 0 || keys_.compare(v[i - 1].key, keys_, v[i].key) != 0;
    if (new_key) distinct.push_back(keys_.at(v[i].key, scratch));
    if (!new_key && v[i - 1].csn == v[i].csn) kept.pop_back();  // a later block of the same commit wins
    kept.push_back(v[i]);
    kept.back().key = static_cast<std::uint32_t>(distinct.size() - 1);
  }
  versions_ = std::move(kept);
  keys_ = std::move(distinct);
}

std::vector<std::uint64_t> VersionList::csns() const {
  std::vector<std::uint64_t> out;
  out.reserve(versions_.size());
  for (const ChangedVersion& v : versions_) out.push_back(v.csn);
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

std::size_t VersionList::lower_bound(std::string_view encoded) const {
  std::size_t low = 0, high = keys_.size();
  while (low < high) {
    const std::size_t middle = low + (high - low) / 2;
    if (keys_.compare(middle, encoded) < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

std::vector<RowChange> changes_of(const VersionList& list, const std::vector<VersionBelow>& below,
                                  bool before) {
  std::vector<RowChange> out;
  out.reserve(list.versions().size());
  const ChangedVersion* previous = nullptr;  // of the same key
  for (const ChangedVersion& v : list.versions()) {
    if (previous != nullptr && previous->key != v.key) previous = nullptr;
    const bool was = previous != nullptr ? !previous->tombstone : below[v.key].live();
    const RowPlace old = previous != nullptr ? previous->at : below[v.key].at;
    previous = &v;
    if (v.tombstone) {
      if (was) out.push_back({v.csn, v.key, ChangeOp::delete_row, old});
      continue;
    }
    if (was && before) out.push_back({v.csn, v.key, ChangeOp::update_before, old});
    out.push_back({v.csn, v.key, was ? ChangeOp::update_row : ChangeOp::insert_row, v.at});
  }
  std::stable_sort(out.begin(), out.end(), [](const RowChange& a, const RowChange& b) {
    return std::tie(a.csn, a.key) < std::tie(b.csn, b.key);
  });
  return out;
}

std::vector<NetChange> net_changes_of(const VersionList& list, const std::vector<VersionBelow>& below) {
  std::vector<NetChange> out;
  const std::vector<ChangedVersion>& versions = list.versions();
  for (std::size_t i = 0; i < versions.size(); ++i) {
    const ChangedVersion& last = versions[i];
    if (i + 1 < versions.size() && versions[i + 1].key == last.key) continue;
    const VersionBelow& first = below[last.key];
    if (!first.live() && last.tombstone) continue;
    out.push_back({last.csn, last.key, first.live(), !last.tombstone, first.at, last.at});
  }
  return out;
}

void CommitBudget::stop_at(std::uint64_t csn) {
  bound_ = std::min(bound_, csn);
  while (!rows_of_.empty() && rows_of_.rbegin()->first > bound_) {
    total_ -= rows_of_.rbegin()->second;
    rows_of_.erase(std::prev(rows_of_.end()));
  }
}

void CommitBudget::add(std::uint64_t csn, std::uint64_t rows) {
  if (csn > bound_ || rows_max_ == 0 || rows == 0) return;
  rows_of_[csn] += rows;
  total_ += rows;
  while (total_ > rows_max_ && rows_of_.size() > 1) stop_at(rows_of_.rbegin()->first - 1);
}

}  // namespace firn::storage
