#include "storage/hot_image.hpp"

#include <algorithm>

#include "storage/past_images.hpp"
#include "storage/versioned_rows.hpp"

namespace firn::storage {
namespace {

constexpr std::size_t kFreshRowsMin = 1'000;  // below, adding to an image is always cheaper than a new one

/// How many changes a query may add to an image.
std::size_t fresh_rows_max(const HotImage& image) { return std::max(kFreshRowsMin, image.keys.size() / 10); }

/// Collects rows of the schema in force at a CSN, with keys and CSNs.
class RowCollector {
 public:
  RowCollector(const Catalog& catalog, std::uint64_t csn)
      : reader_(catalog.schemas, catalog.schema_at(csn)), keys_(reader_.schema()) {
    for (const ColumnSchema& c : reader_.schema().columns()) columns_.emplace_back(c.type);
  }
  Result<void> add(std::string_view key, const hot::HotVersion& version) {
    FIRN_TRY(reader_.append_to(version.row, columns_));
    keys_.push_back(key);
    csns_.push_back(version.csn);
    return {};
  }
  Batch batch() {
    std::vector<Column> columns;
    for (ColumnBuilder& b : columns_) columns.push_back(b.finish());
    return {reader_.schema(), static_cast<std::int64_t>(csns_.size()), std::move(columns)};
  }
  KeyColumn& keys() { return keys_; }
  std::vector<std::uint64_t>& csns() { return csns_; }

 private:
  VersionedRows reader_;
  std::vector<ColumnBuilder> columns_;
  KeyColumn keys_;
  std::vector<std::uint64_t> csns_;
};

Result<std::shared_ptr<const HotImage>> build(const View& view, const hot::HotReader& reader,
                                              std::uint64_t csn, UnreadableFiles* unreadable) {
  RowCollector rows(*view.catalog, csn);
  std::string done;  // key whose visible version was met already
  bool any = false;
  FIRN_TRY(reader.visit_versions({}, [&](std::string_view key, const hot::HotVersion& v) -> Result<bool> {
    if (v.csn > csn || (any && key == done)) return true;
    done = key;
    any = true;
    if (v.op == hot::Op::put) FIRN_TRY(rows.add(key, v));
    return true;
  }));
  auto image = std::make_shared<HotImage>();
  image->csn = csn;
  image->epoch = view.catalog->hot_epoch;
  image->csns = std::move(rows.csns());
  image->keys = std::move(rows.keys());
  rows.csns().resize(image->csns.size());
  image->rows = rows.batch();
  FIRN_ASSIGN(const auto ends, ends_by_files(view, image->keys, image->csns, csn, unreadable));
  for (std::size_t i = 0; i < ends.size(); ++i)
    if (ends[i] != 0) image->ended.push_back(static_cast<std::uint32_t>(i));
  return std::shared_ptr<const HotImage>(image);
}

/// Position of an encoded key in the image, if it is there.
std::optional<std::uint32_t> position(const KeyColumn& keys, std::string_view key) {
  std::size_t low = 0, high = keys.size();
  while (low < high) {
    const std::size_t middle = low + (high - low) / 2;
    if (keys.compare(middle, key) < 0)
      low = middle + 1;
    else
      high = middle;
  }
  if (low == keys.size() || keys.compare(low, key) != 0) return std::nullopt;
  return static_cast<std::uint32_t>(low);
}

Result<HotRows> advance(std::shared_ptr<const HotImage> image, const View& view, const hot::HotReader& reader,
                        std::vector<std::string> changed, std::uint64_t csn, UnreadableFiles* unreadable) {
  HotRows out;
  out.hidden = image->ended;
  std::sort(changed.begin(), changed.end());
  changed.erase(std::unique(changed.begin(), changed.end()), changed.end());
  RowCollector fresh(*view.catalog, csn);
  for (const std::string& key : changed) {
    if (const auto at = position(image->keys, key)) out.hidden.push_back(*at);
    FIRN_ASSIGN(const auto version, reader.get(key, csn));
    if (version && version->op == hot::Op::put) FIRN_TRY(fresh.add(key, *version));
  }
  const bool files_since = std::any_of(view.catalog->files.begin(), view.catalog->files.end(),
                                       [&](const auto& f) { return f->info.csn_max > image->csn; });
  if (files_since) {
    FIRN_ASSIGN(const auto ends, ends_by_files(view, image->keys, image->csns, csn, unreadable));
    for (std::size_t i = 0; i < ends.size(); ++i)
      if (ends[i] != 0) out.hidden.push_back(static_cast<std::uint32_t>(i));
  }
  FIRN_ASSIGN(const auto fresh_ends, ends_by_files(view, fresh.keys(), fresh.csns(), csn, unreadable));
  const std::size_t count = fresh.csns().size();
  Batch rows = fresh.batch();
  if (std::any_of(fresh_ends.begin(), fresh_ends.end(), [](std::uint64_t e) { return e != 0; })) {
    std::vector<std::uint32_t> live;
    for (std::size_t i = 0; i < count; ++i)
      if (fresh_ends[i] == 0) live.push_back(static_cast<std::uint32_t>(i));
    rows = rows.take(live);
  }
  out.fresh = std::move(rows);
  std::sort(out.hidden.begin(), out.hidden.end());
  out.hidden.erase(std::unique(out.hidden.begin(), out.hidden.end()), out.hidden.end());
  out.image = std::move(image);
  return out;
}

}  // namespace

HotImageCache::HotImageCache(std::shared_ptr<CacheShare> share)
    : past_(std::make_unique<PastImages>(std::move(share))) {}
HotImageCache::~HotImageCache() = default;

std::uint64_t HotRows::live() const {
  std::uint64_t rows = 0;
  if (image) rows = static_cast<std::uint64_t>(image->rows.rows() + fresh.rows()) - hidden.size();
  for (const VisibleChunk& c : past) rows += c.count;
  return rows;
}

Result<HotRows> HotImageCache::rows_at(const View& view, const hot::HotReader& reader, const HotDelta& delta,
                                       std::uint64_t csn, std::span<const std::size_t> columns,
                                       UnreadableFiles* unreadable) {
  std::shared_ptr<const HotImage> image;
  {
    std::lock_guard lock(mutex_);
    image = image_;
  }
  const bool usable = image && image->epoch == view.catalog->hot_epoch && image->csn <= csn &&
                      image->csn >= delta.floor() && image->rows.schema() == view.catalog->schema_at(csn);
  if (usable) {
    auto changes = delta.collect(image->csn, csn);
    if (changes.size() <= fresh_rows_max(*image)) {
      std::vector<std::string> keys;
      for (auto& [key, at] : changes) keys.push_back(std::move(key));
      return advance(std::move(image), view, reader, std::move(keys), csn, unreadable);
    }
  }
  if (csn < view.csn) {
    FIRN_ASSIGN(auto past, past_->rows_at(view, reader, delta, csn, columns, unreadable));
    if (past) return HotRows{nullptr, {}, {}, std::move(*past)};
  }
  const std::size_t noted = unreadable == nullptr ? 0 : unreadable->size();
  FIRN_ASSIGN(image, build(view, reader, csn, unreadable));
  HotRows out;
  out.hidden = image->ended;
  out.image = image;
  const bool complete = unreadable == nullptr || unreadable->size() == noted;
  if (csn == view.csn && complete) {
    std::lock_guard lock(mutex_);
    if (!image_ || image_->epoch != image->epoch || image_->csn < image->csn) image_ = std::move(image);
  }
  return out;
}

std::uint64_t HotImageCache::needs_delta_from(const HotDelta& delta) const {
  const std::uint64_t past = past_->needs_delta_from(delta);
  std::lock_guard lock(mutex_);
  return image_ ? std::min(image_->csn, past) : past;
}

void HotImageCache::drop_outgrown(const HotDelta& delta) {
  std::lock_guard lock(mutex_);
  if (image_ && delta.count_since(image_->csn) > fresh_rows_max(*image_)) image_.reset();
}

void HotImageCache::clear() {
  past_->clear();
  std::lock_guard lock(mutex_);
  image_.reset();
}

}  // namespace firn::storage
