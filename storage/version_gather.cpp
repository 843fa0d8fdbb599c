#include "storage/version_gather.hpp"

#include <algorithm>
#include <numeric>

#include "storage/versioned_rows.hpp"

namespace firn::storage {
namespace {

using Addition = VersionImage::Addition;

constexpr std::size_t kRowBytes = 24;  // of an image beside a row's columns, about
// So often is looked at how large it has become.
constexpr std::size_t kLookRows = 4'096, kLookBytes = std::size_t{1} << 20;
constexpr unsigned kRadixBits = 16;
constexpr std::size_t kRadix = std::size_t{1} << kRadixBits;
constexpr std::size_t kRadixMin = 16'384;  // fewer are sorted by comparing

/// Positions in the order of their CSNs, equal ones as they stand.
std::vector<std::uint32_t> ascending(const std::vector<std::uint64_t>& csns) {
  std::vector<std::uint32_t> order(csns.size());
  std::iota(order.begin(), order.end(), std::uint32_t{0});
  if (csns.size() < kRadixMin) {
    std::stable_sort(order.begin(), order.end(),
                     [&](std::uint32_t a, std::uint32_t b) { return csns[a] < csns[b]; });
    return order;
  }
  const std::uint64_t least = *std::min_element(csns.begin(), csns.end());
  const std::uint64_t span = *std::max_element(csns.begin(), csns.end()) - least;
  std::vector<std::uint32_t> next(order.size()), places(kRadix);
  for (unsigned shift = 0; shift < 64 && span >> shift != 0; shift += kRadixBits) {
    const auto digit = [&](std::uint32_t i) { return (csns[i] - least) >> shift & (kRadix - 1); };
    std::fill(places.begin(), places.end(), 0);
    for (const std::uint32_t i : order) ++places[digit(i)];
    std::exclusive_scan(places.begin(), places.end(), places.begin(), std::uint32_t{0});
    for (const std::uint32_t i : order) next[places[digit(i)]++] = i;
    order.swap(next);
  }
  return order;
}

/// Rows in key order: those that an image has and no end of, and new ones.
class Gathering {
 public:
  Gathering(const Catalog& catalog, std::uint64_t upto, const std::vector<std::size_t>& columns,
            std::size_t known_rows)
      : upto_(upto),
        known_rows_(known_rows),
        columns_(columns),
        reader_(catalog.schemas, catalog.schema_at(upto), columns),
        keys_(reader_.schema()) {
    for (const std::size_t c : columns) builders_.emplace_back(reader_.schema()[c].type);
  }
  /// `end`: of the next version of its key in hot, 0 for none.
  Result<void> add_new(std::string_view key, const hot::HotVersion& version, std::uint64_t end) {
    FIRN_TRY(reader_.append_to(version.row, builders_));
    add(key, version.csn, end, known_rows_ + new_begins_.size());
    new_begins_.push_back(version.csn);
    return {};
  }
  void add_known(std::string_view key, std::uint64_t begin, std::uint64_t end, std::uint32_t row) {
    add(key, begin, end, row);
  }
  std::size_t new_rows() const { return new_begins_.size(); }
  std::size_t byte_size() const {
    std::size_t bytes = new_begins_.size() * kRowBytes;
    for (const ColumnBuilder& b : builders_) bytes += b.byte_size();
    return bytes;
  }
  /// Files with versions above `since` may have ended rows too.
  Result<std::optional<Addition>> finish(const View& view, std::uint64_t since, UnreadableFiles* unreadable) {
    FIRN_ASSIGN(const bool all, end_by_files(view, since, unreadable));
    if (!all) return std::optional<Addition>{};
    Addition out;
    out.csn = upto_;
    out.columns.resize(reader_.schema().size());
    for (std::size_t i = 0; i < columns_.size(); ++i) out.columns[columns_[i]] = builders_[i].finish();
    const std::vector<std::uint32_t> rank = order_by_begin(out);
    out.live_keys = KeyColumn(reader_.schema());
    std::vector<std::uint64_t> end_csns;
    std::vector<std::uint32_t> ended;
    std::string scratch;
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      const std::size_t row = rows_[i] < known_rows_ ? rows_[i] : known_rows_ + rank[rows_[i] - known_rows_];
      if (ends_[i] != 0) {
        end_csns.push_back(ends_[i]);
        ended.push_back(static_cast<std::uint32_t>(row));
      } else {
        out.live_keys.push_back(keys_.at(i, scratch));
        out.live_rows.push_back(static_cast<std::uint32_t>(row));
      }
    }
    for (const std::uint32_t i : ascending(end_csns)) out.ends.push_back({end_csns[i], ended[i]});
    return std::optional<Addition>(std::move(out));
  }

 private:
  void add(std::string_view key, std::uint64_t begin, std::uint64_t end, std::size_t row) {
    keys_.push_back(key);
    begins_.push_back(begin);
    ends_.push_back(end);
    rows_.push_back(row);
  }
  /// False: a file cannot be read.
  Result<bool> end_by_files(const View& view, std::uint64_t since, UnreadableFiles* unreadable) {
    auto catalog = std::make_shared<Catalog>(*view.catalog);
    std::erase_if(catalog->files, [&](const FileEntryPtr& f) { return f->info.csn_max <= since; });
    if (catalog->files.empty()) return true;
    View newer = view;
    newer.catalog = std::move(catalog);
    UnreadableFiles here;  // the caller may know of these already
    FIRN_ASSIGN(const auto ends,
                ends_by_files(newer, keys_, begins_, upto_, unreadable == nullptr ? nullptr : &here));
    for (std::size_t i = 0; i < ends.size(); ++i)
      if (ends[i] != 0 && (ends_[i] == 0 || ends[i] < ends_[i])) ends_[i] = ends[i];
    for (const UnreadableFile& u : here) {
      const bool known = std::any_of(unreadable->begin(), unreadable->end(),
                                     [&](const UnreadableFile& k) { return k.file == u.file; });
      if (!known) unreadable->push_back(u);
    }
    return here.empty();
  }
  /// Fills order and begins; returns the place of each new row in them.
  std::vector<std::uint32_t> order_by_begin(Addition& out) const {
    out.order = ascending(new_begins_);
    std::vector<std::uint32_t> rank(out.order.size());
    for (std::uint32_t i = 0; i < rank.size(); ++i) {
      rank[out.order[i]] = i;
      out.begins.push_back(new_begins_[out.order[i]]);
    }
    return rank;
  }

  std::uint64_t upto_;
  std::size_t known_rows_;
  std::vector<std::size_t> columns_;
  VersionedRows reader_;
  std::vector<ColumnBuilder> builders_;
  std::vector<std::uint64_t> new_begins_;
  // Of every row, in key order:
  KeyColumn keys_;
  std::vector<std::uint64_t> begins_, ends_;
  std::vector<std::size_t> rows_;  ///< of the image; new ones count on in the order in which they were met
};

}  // namespace

Result<std::optional<Addition>> gather_versions(const View& view, const hot::HotReader& reader,
                                                std::uint64_t upto, const std::vector<std::size_t>& columns,
                                                std::size_t bytes_max, UnreadableFiles* unreadable) {
  Gathering rows(*view.catalog, upto, columns, 0);
  std::string key_now;
  std::uint64_t newer = 0;
  bool fits = true;
  std::size_t unseen = 0;  // bytes since the last look
  FIRN_TRY(reader.visit_versions({}, [&](std::string_view key, const hot::HotVersion& v) -> Result<bool> {
    if (v.csn > upto) return true;
    if (key != key_now) {
      key_now.assign(key);
      newer = 0;
    }
    if (v.op == hot::Op::put) FIRN_TRY(rows.add_new(key, v, newer));
    newer = v.csn;
    unseen += v.row.size();
    if (rows.new_rows() % kLookRows != 0 && unseen < kLookBytes) return true;
    unseen = 0;
    fits = rows.byte_size() <= bytes_max;
    return fits;
  }));
  if (!fits || rows.byte_size() > bytes_max || rows.new_rows() > UINT32_MAX) return std::optional<Addition>{};
  return rows.finish(view, 0, unreadable);
}

Result<std::optional<Addition>> gather_since(const VersionImage& image, const View& view,
                                             const hot::HotReader& reader, const HotDelta& delta,
                                             std::uint64_t upto, UnreadableFiles* unreadable) {
  auto changes = delta.collect(image.csn(), upto);
  std::sort(changes.begin(), changes.end());
  changes.erase(std::unique(changes.begin(), changes.end()), changes.end());
  Gathering rows(*view.catalog, upto, image.columns(), image.rows());
  const KeyColumn& live = image.live_keys();
  std::string scratch;
  std::size_t at = 0;
  const auto keep = [&](std::uint64_t end) {
    const std::uint32_t row = image.live_row(at);
    rows.add_known(live.at(at, scratch), image.begin_of(row), end, row);
    at += 1;
  };
  for (auto first = changes.begin(); first != changes.end();) {
    const std::string& key = first->first;
    while (at < live.size() && live.compare(at, key) < 0) keep(0);
    if (at < live.size() && live.compare(at, key) == 0) keep(first->second);
    auto next = first;
    for (; next != changes.end() && next->first == key; ++next) {
      FIRN_ASSIGN(const auto version, reader.get(key, next->second));
      if (!version || version->csn != next->second) return std::optional<Addition>{};
      const auto newer = std::next(next);
      const bool superseded = newer != changes.end() && newer->first == key;
      if (version->op == hot::Op::put) FIRN_TRY(rows.add_new(key, *version, superseded ? newer->second : 0));
    }
    first = next;
  }
  while (at < live.size()) keep(0);
  if (image.rows() + rows.new_rows() > UINT32_MAX) return std::optional<Addition>{};
  return rows.finish(view, image.csn(), unreadable);
}

}  // namespace firn::storage
