// What lay below a page's versions, and their rows.
#include <algorithm>

#include "storage/change_reader.hpp"
#include "storage/job_parts.hpp"
#include "storage/versioned_rows.hpp"

namespace firn::storage {
namespace {

// Fewer keys than this in a file's range, or than a part of its rows, are looked up one by one.
constexpr std::size_t kLookupKeysMin = 64;
constexpr std::size_t kLookupRowsPerKey = 256;

}  // namespace

Result<std::vector<std::uint64_t>> whole_column(const Result<Column>& read) {
  if (!read) return read.error();
  const Column plain = read->to_plain();
  const auto values = plain.as<std::uint64_t>();
  return std::vector<std::uint64_t>(values.begin(), values.end());
}

Result<GroupLives> GroupLives::read(const RowFile& file, std::size_t group) {
  GroupLives lives;
  ReadCost cost;
  FIRN_ASSIGN(lives.csns, whole_column(file.csns(group, cost)));
  if (file.info().history) {
    FIRN_ASSIGN(lives.ends, whole_column(file.ends(group, cost)));
  }
  if (file.info().tombstones != 0) {
    FIRN_ASSIGN(lives.tombstones, file.tombstones(group, cost));
  }
  return lives;
}

Result<void> ChangeReader::look_below() {
  const KeyColumn& keys = versions_.keys();
  below_.assign(keys.size(), {});
  for (const auto& [key, version] : below_in_hot_) {
    const std::size_t i = versions_.lower_bound(key);
    if (i < keys.size() && keys.compare(i, key) == 0) below_[i].offer(version);
  }
  if (keys.size() == 0) return {};
  for (const FileEntryPtr& f : view_.catalog->files)
    if (f->info.csn_min <= from_ && (!f->info.history || f->info.end_max > from_)) FIRN_TRY(look_below_in(f));
  return {};
}

/// Finds the keys of the page in the file: one by one if they are few, else by joining with all its keys.
Result<void> ChangeReader::look_below_in(const FileEntryPtr& entry) {
  FIRN_TRY(limits_.check());
  const KeyColumn& keys = versions_.keys();
  std::size_t begin = versions_.lower_bound(entry->info.key_min), end = begin;
  const std::size_t after = versions_.lower_bound(entry->info.key_max);
  end = after < keys.size() && keys.compare(after, entry->info.key_max) == 0 ? after + 1 : after;
  if (begin >= end) return {};
  FIRN_ASSIGN(const auto file, entry->open());
  std::vector<std::pair<std::uint32_t, std::size_t>> hits;  // row, key
  if (end - begin < kLookupKeysMin || (end - begin) * kLookupRowsPerKey < entry->info.rows) {
    ReadCost cost;
    std::string scratch;
    for (std::size_t i = begin; i < end; ++i) {
      FIRN_ASSIGN(const auto row, file->find(keys.at(i, scratch), from_, cost));
      if (row) hits.emplace_back(*row, i);
    }
  } else {
    FIRN_ASSIGN(const auto all, file->keys());
    for (std::size_t j = 0; j < all->keys.size() && begin < end;) {
      const auto order = keys.compare(begin, all->keys, j);
      if (order < 0) {
        ++begin;
      } else {
        if (order == 0) hits.emplace_back(all->row(j), begin);
        ++j;
      }
    }
  }
  return offer_rows(entry, std::move(hits));
}

/// Those of the rows that are versions at the page's beginning. The file may hold others of these keys.
Result<void> ChangeReader::offer_rows(const FileEntryPtr& entry,
                                      std::vector<std::pair<std::uint32_t, std::size_t>> hits) {
  std::sort(hits.begin(), hits.end());
  FIRN_ASSIGN(const auto file, entry->open());
  std::size_t g = 0;
  std::optional<GroupLives> lives;
  for (const auto& [row, key] : hits) {
    while (file->group_first(g + 1) <= row) {
      ++g;
      lives.reset();
    }
    if (!lives) {
      FIRN_ASSIGN(lives, GroupLives::read(*file, g));
    }
    const std::size_t i = row - static_cast<std::size_t>(file->group_first(g));
    if (lives->csns[i] > from_ || (!lives->ends.empty() && lives->ends[i] <= from_)) continue;
    below_[key].offer(
        {true, lives->tombstone(i), lives->csns[i], entry->info.block_number, place_in(entry, row)});
  }
  return {};
}

RowPlace ChangeReader::place_in(const FileEntryPtr& entry, std::uint32_t row) {
  // The file last looked at is nearly always the one.
  auto at = std::find(files_.rbegin(), files_.rend(), entry);
  if (at == files_.rend()) {
    files_.push_back(entry);
    at = files_.rbegin();
  }
  return {static_cast<std::uint32_t>(files_.rend() - at - 1), row};
}

std::int64_t ChangeReader::time_of(std::uint64_t csn) const {
  const auto at = std::lower_bound(csns_.begin(), csns_.end(), csn);
  return times_[static_cast<std::size_t>(at - csns_.begin())];
}

Result<Batch> ChangeReader::hot_rows(std::span<const std::uint32_t> rows,
                                     std::span<const std::size_t> columns, const Schema& schema) const {
  VersionedRows reader(view_.catalog->schemas, schema);
  std::vector<ColumnBuilder> builders;
  for (const std::size_t c : columns) builders.emplace_back(this->schema()[c].type);
  for (const std::uint32_t row : rows) FIRN_TRY(reader.append_to(hot_rows_[row], builders));
  std::vector<Column> out;
  for (ColumnBuilder& b : builders) out.push_back(b.finish());
  return Batch(schema, static_cast<std::int64_t>(rows.size()), std::move(out));
}

Result<Batch> ChangeReader::rows(std::span<const RowPlace> places,
                                 std::span<const std::size_t> columns) const {
  std::vector<ColumnSchema> asked;
  for (const std::size_t c : columns) asked.push_back(schema()[c]);
  const Schema part_schema = Schema::for_result(std::move(asked));
  if (columns.empty()) return Batch(part_schema, static_cast<std::int64_t>(places.size()), {});
  // Each source gives up its rows in ascending order, each once; then they are put in the order asked for.
  struct Part {
    std::vector<std::uint32_t> rows;
    std::uint32_t first = 0;
  };
  std::map<std::uint32_t, Part> parts;
  for (const RowPlace& p : places) parts[p.source].rows.push_back(p.row);
  std::vector<Batch> read;
  std::uint32_t total = 0;
  for (auto& [source, part] : parts) {
    FIRN_TRY(limits_.check());
    std::sort(part.rows.begin(), part.rows.end());
    part.rows.erase(std::unique(part.rows.begin(), part.rows.end()), part.rows.end());
    part.first = total;
    total += static_cast<std::uint32_t>(part.rows.size());
    if (source == kHotSource) {
      FIRN_ASSIGN(Batch hot, hot_rows(part.rows, columns, part_schema));
      read.push_back(std::move(hot));
      continue;
    }
    FIRN_ASSIGN(const auto file, Source::open_rows(files_[source], part_schema));
    FIRN_ASSIGN(std::vector<Column> taken, file->take(part.rows));
    for (Column& c : taken) c = c.to_plain();
    read.emplace_back(part_schema, static_cast<std::int64_t>(part.rows.size()), std::move(taken));
  }
  std::vector<std::uint32_t> order;
  order.reserve(places.size());
  for (const RowPlace& p : places) {
    const Part& part = parts.at(p.source);
    const auto at = std::lower_bound(part.rows.begin(), part.rows.end(), p.row);
    order.push_back(part.first + static_cast<std::uint32_t>(at - part.rows.begin()));
  }
  if (read.empty()) return hot_rows({}, columns, part_schema);
  return (read.size() == 1 ? read.front() : concat(read)).take(order);
}

}  // namespace firn::storage
