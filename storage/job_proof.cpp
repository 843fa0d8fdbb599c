#include "storage/job_proof.hpp"

#include <algorithm>

#include "storage/file_keys.hpp"

namespace firn::storage {
namespace {

Result<std::vector<std::uint64_t>> plain_values(Result<Column> column) {
  if (!column) return column.error();
  const Column plain = column->to_plain();
  const auto values = plain.as<std::uint64_t>();
  return std::vector<std::uint64_t>(values.begin(), values.end());
}

bool within(const CsnBounds& b, std::span<const std::uint64_t> csns, std::span<const std::uint64_t> ends) {
  const auto between = [](std::span<const std::uint64_t> values, std::uint64_t min, std::uint64_t max) {
    return std::all_of(values.begin(), values.end(), [&](std::uint64_t v) { return min <= v && v <= max; });
  };
  return between(csns, b.begin_min, b.begin_max) && between(ends, b.end_min, b.end_max);
}

/// What the rows of a file say of it: what pruning and expiry believe in.
class KeySpan {
 public:
  void add(const KeyColumn& keys, std::span<const std::uint64_t> csns, std::span<const std::uint64_t> ends,
           const Buffer& tombstones) {
    std::size_t low = 0, high = 0;
    for (std::size_t i = 1; i < keys.size(); ++i) {
      if (keys.compare(i, keys, low) < 0) low = i;
      if (keys.compare(i, keys, high) > 0) high = i;
    }
    std::string scratch;
    const std::string min(keys.at(low, scratch)), max(keys.at(high, scratch));
    if (rows_ == 0 || min < key_min_) key_min_ = min;
    if (rows_ == 0 || max > key_max_) key_max_ = max;
    for (const std::uint64_t csn : csns) {
      csn_min_ = rows_ == 0 ? csn : std::min(csn_min_, csn);
      csn_max_ = std::max(csn_max_, csn);
      rows_ += 1;
    }
    for (const std::uint64_t end : ends) end_max_ = std::max(end_max_, end);
    for (std::size_t i = 0; !tombstones.empty() && i < keys.size(); ++i)
      tombstones_ += bit_at(tombstones.data(), i) ? 1 : 0;
  }
  bool is_that_of(const RowFileInfo& info) const {
    return rows_ == info.rows && tombstones_ == info.tombstones && key_min_ == info.key_min &&
           key_max_ == info.key_max && csn_min_ == info.csn_min && csn_max_ == info.csn_max &&
           (!info.history || end_max_ == info.end_max);
  }

 private:
  std::uint64_t rows_ = 0, tombstones_ = 0, csn_min_ = 0, csn_max_ = 0, end_max_ = 0;
  std::string key_min_, key_max_;
};

}  // namespace

void JobProof::add(const Batch& rows, const KeyColumn& keys, std::span<const std::uint64_t> csns,
                   std::span<const std::uint64_t> ends, const Buffer& tombstones) {
  const std::vector<HashPair> values = hash_of_rows(rows, tombstones);
  std::string scratch;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const bool tombstone = !tombstones.empty() && bit_at(tombstones.data(), i);
    out_.versions.add(hash_of_version(keys.at(i, scratch), csns[i], tombstone));
    out_.contents.add(hash_of_content(values[i], csns[i], ends.empty() ? 0 : ends[i], tombstone));
  }
}

void JobProof::drop(std::string_view encoded_key, const Pick& pick, bool gone) {
  dropped_.add(hash_of_version(encoded_key, pick.csn, pick.tombstone));
  if (gone || !unproved_.empty()) return;
  unproved_ = "the version of CSN " + std::to_string(pick.csn) +
              (pick.end == 0 ? " without an end" : " that ends at CSN " + std::to_string(pick.end)) +
              " would be dropped though it may be read";
}

Result<void> JobProof::add_file(const RowFileInfo& info, const RowFile& file,
                                const std::function<Result<void>()>& go_on) {
  std::vector<std::size_t> all(file.schema().size());
  for (std::size_t c = 0; c < all.size(); ++c) all[c] = c;
  KeySpan extent;
  ReadCost cost;
  for (std::size_t g = 0; g < file.groups(); ++g) {
    if (go_on) FIRN_TRY(go_on());
    FIRN_ASSIGN(std::vector<Column> columns, file.read(g, all, cost));
    const auto count = static_cast<std::int64_t>(file.group_first(g + 1) - file.group_first(g));
    const Batch rows(file.schema(), count, std::move(columns));
    FIRN_ASSIGN(const KeyColumn keys, keys_of(rows));
    FIRN_ASSIGN(const auto csns, plain_values(file.csns(g, cost)));
    std::vector<std::uint64_t> ends;
    if (info.history) {
      FIRN_ASSIGN(ends, plain_values(file.ends(g, cost)));
    }
    FIRN_ASSIGN(const Buffer tombstones, file.tombstones(g, cost));
    if (!within(file.bounds(g), csns, ends))
      return Error(ErrorCode::internal, info.path + ": row group " + std::to_string(g) +
                                            " holds versions beyond the CSNs that it names");
    extent.add(keys, csns, ends, tombstones);
    add(rows, keys, csns, ends, tombstones);
  }
  if (extent.is_that_of(info)) return {};
  return Error(ErrorCode::internal, info.path + " holds other versions than its description says");
}

Result<void> JobProof::add_hot(std::string_view row_list, VersionedRows& reader) {
  const Schema& schema = reader.schema();
  std::vector<ColumnBuilder> builders;
  for (const ColumnSchema& c : schema.columns()) builders.emplace_back(c.type);
  KeyColumn keys(schema);
  std::vector<Pick> picks;
  FIRN_TRY(visit_rows(
      row_list,
      [&](std::string_view key, hot::Op op, std::uint64_t csn, std::string_view row) -> Result<void> {
        const bool tombstone = op == hot::Op::tombstone;
        keys.push_back(key);
        picks.push_back({0, 0, csn, 0, tombstone});
        if (!tombstone) return reader.append_to(row, builders);
        FIRN_ASSIGN(const Key values, decode_key(schema, key));
        std::vector<Value> cells(schema.size());
        for (std::size_t k = 0; k < values.size(); ++k) cells[schema.key()[k]] = values[k];
        for (std::size_t c = 0; c < schema.size(); ++c) FIRN_TRY(builders[c].append(cells[c]));
        return {};
      }));
  if (picks.empty()) return {};
  std::vector<Column> columns;
  for (ColumnBuilder& b : builders) columns.push_back(b.finish());
  const Lives lives = lives_of(picks, false);
  add(Batch(schema, static_cast<std::int64_t>(picks.size()), std::move(columns)), keys, lives.csns, {},
      lives.tombstones);
  return {};
}

Result<void> JobProof::check() const {
  if (!unproved_.empty()) return Error(ErrorCode::internal, unproved_);
  Fingerprint accounted = out_.versions;
  accounted += dropped_;
  if (in.versions != accounted)
    return Error(ErrorCode::internal, "versions read: " + in.versions.to_string() +
                                          ", written and dropped: " + accounted.to_string());
  if (in.contents != out_.contents)
    return Error(ErrorCode::internal,
                 "contents read: " + in.contents.to_string() + ", written: " + out_.contents.to_string());
  return {};
}

}  // namespace firn::storage
