#include "storage/cold/group_rows.hpp"

#include <algorithm>

#include "storage/file_keys.hpp"

namespace firn::storage::cold {
namespace {

std::vector<std::uint64_t> pick(const std::vector<std::uint64_t>& from, std::span<const std::uint32_t> rows) {
  std::vector<std::uint64_t> out;
  out.reserve(from.empty() ? 0 : rows.size());
  for (std::size_t i = 0; !from.empty() && i < rows.size(); ++i) out.push_back(from[rows[i]]);
  return out;
}

}  // namespace

GroupRows::GroupRows(const Schema& schema) {
  for (const ColumnSchema& c : schema.columns()) columns_.emplace_back(c.type);
}

std::size_t GroupRows::byte_size() const {
  std::size_t bytes = 8 * (csns_.size() + ends_.size() + tombstones_.size());
  for (const ColumnBuilder& c : columns_) bytes += c.byte_size();
  return bytes;
}

void GroupRows::append(const RowsView& from) {
  for (std::size_t i = 0; i < columns_.size(); ++i) columns_[i].append_column(from.rows[i]);
  csns_.insert(csns_.end(), from.csns.begin(), from.csns.end());
  ends_.insert(ends_.end(), from.ends.begin(), from.ends.end());
  tombstones_.insert(tombstones_.end(), from.tombstones.begin(), from.tombstones.end());
}

void GroupRows::append(const RowsView& from, std::span<const std::uint32_t> rows) {
  for (std::size_t i = 0; i < columns_.size(); ++i) columns_[i].append_column(from.rows[i].take(rows));
  for (const std::uint32_t r : rows) {
    csns_.push_back(from.csns[r]);
    if (!from.ends.empty()) ends_.push_back(from.ends[r]);
    tombstones_.push_back(from.tombstones[r]);
  }
}

GroupRows::Taken GroupRows::take() {
  Taken out;
  for (ColumnBuilder& c : columns_) out.columns.push_back(c.finish());
  out.csns = std::exchange(csns_, {});
  out.ends = std::exchange(ends_, {});
  out.tombstones = std::exchange(tombstones_, {});
  return out;
}

Result<GroupRows::Taken> GroupRows::take_sorted(const Schema& schema, KeyColumn& keys) {
  Taken out = take();
  FIRN_ASSIGN(keys, keys_of(schema, out.columns, out.columns.front().length));
  const std::vector<std::uint32_t> order = by_key_and_csn(keys, out.csns);
  if (std::is_sorted(order.begin(), order.end())) return out;
  for (Column& c : out.columns) c = c.take(order);
  out.csns = pick(out.csns, order);
  out.ends = pick(out.ends, order);
  out.tombstones = pick(out.tombstones, order);
  FIRN_ASSIGN(keys, keys_of(schema, out.columns, out.columns.front().length));
  return out;
}

}  // namespace firn::storage::cold
