// Collecting a page: which versions it has, and the hot ones below them.
#include "storage/change_reader.hpp"

#include <algorithm>

#include "storage/apply_records.hpp"
#include "storage/job_parts.hpp"

namespace firn::storage {
namespace {

constexpr std::size_t kHotKeysMin = 64;  // so few are never worth a walk, nor sorting out
// More keys than this part of the hot versions: one walk over hot is cheaper than a descent for each.
constexpr std::uint64_t kHotVersionsPerKey = 8;

bool one_commit(const RowFileInfo& info) { return info.csn_min == info.csn_max; }

}  // namespace

ChangeReader::ChangeReader(Engine& engine, std::uint64_t from, std::optional<std::uint64_t> to,
                           std::uint64_t rows_max, std::span<const ColumnRange> ranges,
                           const ExecutionLimits& limits)
    : engine_(engine), from_(from), rows_max_(rows_max), to_(to), ranges_(ranges), limits_(limits) {}

Result<void> ChangeReader::check_position(const View& view) const {
  const std::uint64_t horizon = view.catalog->horizon;
  // Whoever has read up to the newest commit of rows lacks nothing, wherever the horizon has gone.
  if (from_ < horizon && from_ < view.rows_csn && !engine_.quiet_between(from_, horizon))
    return Error(ErrorCode::horizon,
                 "table " + engine_.name + ": the changes since CSN " + std::to_string(from_) +
                     " are gone; the earliest valid position is CSN " + std::to_string(horizon));
  const std::uint64_t asked = std::max(from_, to_.value_or(0));
  if (asked > view.csn)
    return Error(ErrorCode::out_of_range, "table " + engine_.name + ": CSN " + std::to_string(asked) +
                                              " lies in the future; the newest is " +
                                              std::to_string(view.csn));
  return {};
}

Result<void> ChangeReader::check() const {
  FIRN_ASSIGN(const ReadContext context, engine_.begin_read());
  return check_position(context.view);
}

Result<void> ChangeReader::collect() {
  for (bool first = true;; first = false) {
    FIRN_TRY(limits_.check());
    FIRN_ASSIGN(ReadContext context, engine_.begin_read());
    FIRN_TRY(check_position(context.view));
    view_ = context.view;
    if (first) {
      to_ = to_.value_or(view_.csn);
      budget_ = CommitBudget(rows_max_, *to_);
      versions_ = VersionList(schema());
    }
    const std::vector<FileEntryPtr> files = unlisted(view_);
    if (files.empty()) {
      FIRN_TRY(read_hot(context.hot));
      break;
    }
    { const hot::HotReader ended = std::move(context.hot); }
    for (const FileEntryPtr& f : files) FIRN_TRY(list(f));
    versions_.sort();
  }
  return look_below();
}

Result<void> ChangeReader::describe(QueryProfile& profile) {
  FIRN_ASSIGN(const ReadContext context, engine_.begin_read());
  FIRN_TRY(check_position(context.view));
  view_ = context.view;
  budget_ = CommitBudget(0, to_.value_or(view_.csn));
  versions_ = VersionList(schema());
  for (const FileEntryPtr& f : view_.catalog->files) {
    QueryProfile::Tier& tier = f->info.tier == StorageTier::cold ? profile.cold : profile.warm;
    (may_have_changes(f->info, schema()) ? tier.files : tier.files_pruned) += 1;
  }
  if (context.hot.state().versions == 0) return {};
  FIRN_ASSIGN(const auto keys, changed_hot_keys(context.hot));
  profile.hot.rows = keys.size();
  return {};
}

bool ChangeReader::may_have_changes(const RowFileInfo& info, const Schema& schema) const {
  return info.csn_max > from_ && info.csn_min <= budget_.bound() && may_touch_keys(info, schema, ranges_);
}

std::vector<FileEntryPtr> ChangeReader::unlisted(const View& view) const {
  std::vector<FileEntryPtr> out;
  for (const FileEntryPtr& f : view.catalog->files)
    if (!listed_.contains(f->info.id) && may_have_changes(f->info, view.catalog->schema())) out.push_back(f);
  return out;
}

/// Notes the file's versions of the range, as far as they still belong to the page.
Result<void> ChangeReader::list(const FileEntryPtr& entry) {
  FIRN_TRY(limits_.check());
  listed_.insert(entry->info.id);
  FIRN_ASSIGN(const auto file, entry->open());
  const std::uint64_t before = budget_.bound();
  FIRN_TRY(count(*file));
  if (budget_.bound() < before) versions_.drop_above(budget_.bound());
  const auto source = static_cast<std::uint32_t>(files_.size());
  files_.push_back(entry);
  const std::vector<std::size_t>& key = file->schema().key();
  for (std::size_t g = 0; g < file->groups(); ++g) FIRN_TRY(list_group(*file, g, source, key));
  return {};
}

Result<void> ChangeReader::count(const RowFile& file) {
  if (rows_max_ == 0) return {};
  const RowFileInfo& info = file.info();
  if (one_commit(info)) {
    budget_.add(info.csn_min, info.rows);
    return {};
  }
  ReadCost cost;
  for (std::size_t g = 0; g < file.groups(); ++g) {
    FIRN_ASSIGN(const auto csns, whole_column(file.csns(g, cost)));
    for (std::size_t i = 0, next = 0; i < csns.size(); i = next) {
      for (next = i + 1; next < csns.size() && csns[next] == csns[i];) ++next;
      if (csns[i] > from_) budget_.add(csns[i], next - i);
    }
  }
  return {};
}

Result<void> ChangeReader::list_group(const RowFile& file, std::size_t group, std::uint32_t source,
                                      std::span<const std::size_t> key_columns) {
  FIRN_TRY(limits_.check());
  FIRN_ASSIGN(const GroupLives lives, GroupLives::read(file, group));
  std::vector<std::uint32_t> rows;
  for (std::size_t i = 0; i < lives.csns.size(); ++i)
    if (lives.csns[i] > from_ && lives.csns[i] <= budget_.bound())
      rows.push_back(static_cast<std::uint32_t>(i));
  if (rows.empty()) return {};
  ReadCost cost;
  FIRN_ASSIGN(std::vector<Column> columns, file.read(group, key_columns, cost));
  for (Column& c : columns) c = c.take(rows).to_plain();
  FIRN_ASSIGN(const KeyColumn keys,
              KeyColumn::encode(file.schema(), columns, static_cast<std::int64_t>(rows.size())));
  const auto first = static_cast<std::uint32_t>(file.group_first(group));
  std::string scratch;
  for (std::size_t i = 0; i < rows.size(); ++i)
    versions_.add(keys.at(i, scratch), {lives.csns[rows[i]],
                                        file.info().block_number,
                                        0,
                                        lives.tombstone(rows[i]),
                                        {source, first + rows[i]}});
  return {};
}

/// The hot part of the page, and the times of its commits. Short: it runs within the transaction.
Result<void> ChangeReader::read_hot(const hot::HotReader& hot) {
  if (hot.state().versions != 0) {
    FIRN_ASSIGN(const auto keys, changed_hot_keys(hot));
    versions_.drop_above(budget_.bound());
    for (const std::string& key : keys) FIRN_TRY(copy_hot(hot, key));
    versions_.sort();
  }
  csns_ = versions_.csns();
  FIRN_ASSIGN(times_, commit_times(hot, csns_));
  return {};
}

/// Keys whose hot versions matter: those with a version in the range, and those that changed in files.
Result<std::vector<std::string>> ChangeReader::changed_hot_keys(const hot::HotReader& hot) {
  std::vector<std::string> keys;
  std::vector<KeyChange> changed;
  const std::size_t in_files = versions_.keys().size();
  std::optional<std::vector<KeyChange>> known;
  if (!engine_.options.read_only && in_files * kHotVersionsPerKey <= hot.state().versions + kHotKeysMin)
    known = engine_.delta_.collect_all(from_, budget_.bound(), rows_max_);
  if (known) {
    changed = std::move(*known);
    if (rows_max_ != 0 && changed.size() > rows_max_) budget_.stop_at(changed.back().second);
    for (const KeyChange& c : changed) budget_.add(c.second, 1);
    std::string scratch;
    for (std::size_t i = 0; i < in_files; ++i) keys.emplace_back(versions_.keys().at(i, scratch));
  } else {
    FIRN_TRY(walk_hot(hot, changed, keys));
  }
  for (KeyChange& c : changed)
    if (c.second <= budget_.bound()) keys.push_back(std::move(c.first));
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  return keys;
}

/// One pass over hot: versions of the range, and keys that changed in files and have hot versions.
Result<void> ChangeReader::walk_hot(const hot::HotReader& hot, std::vector<KeyChange>& changed,
                                    std::vector<std::string>& keys) {
  const KeyColumn& in_files = versions_.keys();
  std::size_t at = 0;
  return hot.visit_versions({}, [&](std::string_view key, const hot::HotVersion& v) -> Result<bool> {
    if (v.csn > from_ && v.csn <= budget_.bound()) {
      budget_.add(v.csn, 1);
      changed.emplace_back(key, v.csn);
      if (rows_max_ != 0 && changed.size() > 2 * rows_max_ + kHotKeysMin)
        std::erase_if(changed, [&](const KeyChange& c) { return c.second > budget_.bound(); });
    }
    while (at < in_files.size() && in_files.compare(at, key) < 0) ++at;
    if (at < in_files.size() && in_files.compare(at, key) == 0) {
      keys.emplace_back(key);
      ++at;
    }
    return true;
  });
}

/// The key's hot versions of the page, and the newest below it.
Result<void> ChangeReader::copy_hot(const hot::HotReader& hot, const std::string& key) {
  for (std::uint64_t at = budget_.bound();;) {
    FIRN_ASSIGN(const auto v, hot.get(key, at));
    if (!v) return {};
    const bool tombstone = v->op == hot::Op::tombstone;
    const RowPlace place{kHotSource, static_cast<std::uint32_t>(hot_rows_.size())};
    hot_rows_.emplace_back(v->row);
    if (v->csn <= from_) {
      below_in_hot_.push_back({key, {true, tombstone, v->csn, kSurvivors, place}});
      return {};
    }
    versions_.add(key, {v->csn, kSurvivors, 0, tombstone, place});
    at = v->csn - 1;
  }
}

}  // namespace firn::storage
