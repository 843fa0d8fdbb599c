#include "storage/past_images.hpp"

#include <algorithm>

namespace firn::storage {
namespace {

constexpr std::uint32_t kWishesMin = 2, kWishesMax = 64;
constexpr std::size_t kChangesMin = 1'000;
constexpr std::size_t kChangesShare = 8;  // adding one row costs about as much as reading eight anew
constexpr std::size_t kVersionBytesMin = 16;
constexpr std::size_t kImageBytesMax = std::size_t{1} << 30;  // a column's offsets count to 2 GiB

bool includes(const std::vector<std::size_t>& all, const std::vector<std::size_t>& some) {
  return std::includes(all.begin(), all.end(), some.begin(), some.end());
}

std::vector<std::size_t> joined(const std::vector<std::size_t>& a, const std::vector<std::size_t>& b) {
  std::vector<std::size_t> out;
  std::set_union(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(out));
  return out;
}

/// The last CSN up to view.csn at which the same schema is in force as at `csn`; kCsnMax if it is the newest.
std::uint64_t last_csn_of(const View& view, std::uint64_t csn) {
  const SchemaHistory& schemas = *view.catalog->schemas;
  const auto* entry = &schemas.at(csn);
  if (entry == &schemas.newest()) return kCsnMax.value;
  std::uint64_t low = csn, high = view.csn;  // in force at low; not at high
  while (high - low > 1) {
    const std::uint64_t middle = low + (high - low) / 2;
    (&schemas.at(middle) == entry ? low : high) = middle;
  }
  return low;
}

/// So many changes are cheaper added to an image than read with all others.
bool extendable(const VersionImage& image, const HotDelta& delta) {
  return image.csn() >= delta.floor() &&
         delta.count_since(image.csn()) <= std::max(kChangesMin, image.rows() / kChangesShare);
}

}  // namespace

Result<std::optional<std::vector<VisibleChunk>>> PastImages::rows_at(const View& view,
                                                                     const hot::HotReader& reader,
                                                                     const HotDelta& delta, std::uint64_t csn,
                                                                     std::span<const std::size_t> columns,
                                                                     UnreadableFiles* unreadable) {
  using Rows = std::optional<std::vector<VisibleChunk>>;
  ColumnSet asked(columns.begin(), columns.end());
  std::sort(asked.begin(), asked.end());
  asked.erase(std::unique(asked.begin(), asked.end()), asked.end());
  std::lock_guard lock(mutex_);
  if (epoch_ != view.catalog->hot_epoch) forget();
  epoch_ = view.catalog->hot_epoch;
  const std::uint32_t version = view.catalog->schemas->at(csn).version.version;
  const std::uint64_t last = last_csn_of(view, csn);
  const std::uint64_t upto = std::min(view.csn, last);
  ImagePtr image = find(version);
  if (image && csn > image->csn()) {
    FIRN_ASSIGN(auto more, additions(*image, view, reader, delta, upto, unreadable));
    drop(
        version);  // one that could not be extended, or for which memory ran out on the way, is never seen again
    if (more) {
      image->add(std::move(*more));
      keep(version, image, last);
    } else {
      image = nullptr;
    }
  }
  if (!image || !includes(image->columns(), asked)) {
    const std::uint64_t versions = reader.state().versions;
    const auto wanted = due(version, epoch_, versions, image, asked);
    if (!wanted) return Rows{};
    UnreadableFiles here;
    FIRN_ASSIGN(auto all,
                gather_versions(view, reader, upto, *wanted, std::min(share_->capacity(), kImageBytesMax),
                                unreadable == nullptr ? nullptr : &here));
    if (!all) {
      if (here.empty()) refusal_ = Refusal{epoch_, versions, *wanted};
      return Rows{};  // whoever reads the B-tree instead meets the unreadable file itself
    }
    image = std::make_shared<VersionImage>(*wanted);
    image->add(std::move(*all));
    if (image->byte_size() > share_->capacity()) refusal_ = Refusal{epoch_, versions, *wanted};
    keep(version, image, last);
  }
  reads_of_last_ += 1;
  return Rows(image->visible_at(csn));
}

Result<std::optional<VersionImage::Addition>> PastImages::additions(const VersionImage& image,
                                                                    const View& view,
                                                                    const hot::HotReader& reader,
                                                                    const HotDelta& delta, std::uint64_t upto,
                                                                    UnreadableFiles* unreadable) {
  if (!extendable(image, delta)) return std::optional<VersionImage::Addition>{};
  return gather_since(image, view, reader, delta, upto, unreadable);
}

PastImages::ImagePtr PastImages::find(std::uint32_t version) {
  const auto held = held_.find(version);
  if (held == held_.end()) return nullptr;
  ImagePtr image = held->second.image.lock();
  if (image) (void)share_->find<VersionImage>({owner_, version});  // it was used
  return image;
}

void PastImages::drop(std::uint32_t version) {
  held_.erase(version);
  share_->erase({owner_, version});
}

void PastImages::keep(std::uint32_t version, const ImagePtr& image, std::uint64_t last_csn) {
  held_[version] = {image, last_csn};
  share_->insert({owner_, version}, image, image->byte_size());
}

std::optional<PastImages::ColumnSet> PastImages::due(std::uint32_t version, std::uint64_t epoch,
                                                     std::uint64_t versions, const ImagePtr& narrow,
                                                     const ColumnSet& asked) {
  if (wished_version_ != version) wished_columns_.clear(), wishes_ = 0;
  wished_version_ = version;
  wished_columns_ = joined(wished_columns_, asked);
  if (++wishes_ < wishes_needed_) return std::nullopt;
  ColumnSet wanted = narrow ? joined(narrow->columns(), wished_columns_) : wished_columns_;
  if (refused(epoch, versions, wanted)) wanted = asked;
  if (refused(epoch, versions, wanted) || versions * kVersionBytesMin > share_->capacity())
    return std::nullopt;
  // One that was lost before it paid was not worth it; the next must be wished for more.
  if (!narrow || !includes(wanted, narrow->columns())) {
    wishes_needed_ = reads_of_last_ >= wishes_needed_ ? kWishesMin : std::min(2 * wishes_needed_, kWishesMax);
    reads_of_last_ = 0;
  }
  wished_columns_.clear();
  wishes_ = 0;
  return wanted;
}

bool PastImages::refused(std::uint64_t epoch, std::uint64_t versions, const ColumnSet& columns) const {
  return refusal_ && refusal_->epoch == epoch && versions >= refusal_->versions / 4 * 3 &&
         includes(columns, refusal_->columns);
}

std::uint64_t PastImages::needs_delta_from(const HotDelta& delta) const {
  std::lock_guard lock(mutex_);
  std::uint64_t from = kCsnMax.value;
  for (const auto& [version, held] : held_) {
    const ImagePtr image = held.image.lock();
    if (image && image->csn() < held.last_csn && extendable(*image, delta))
      from = std::min(from, image->csn());
  }
  return from;
}

void PastImages::forget() {
  for (const auto& [version, held] : held_) share_->erase({owner_, version});
  held_.clear();
  refusal_.reset();
}

void PastImages::clear() {
  std::lock_guard lock(mutex_);
  forget();
}

}  // namespace firn::storage
