// The hot tier as columns: what scans read instead of the B-tree (DESIGN D6). An image holds the live hot rows as of
// one CSN; a query at a later CSN takes the image, hides what changed since and adds the changed rows.
#pragma once
#include <memory>
#include <mutex>
#include <span>

#include "storage/catalog.hpp"
#include "storage/hot/hot_store.hpp"
#include "storage/resolver.hpp"
#include "storage/version_chunk.hpp"

namespace firn::storage {

class CacheShare;
class PastImages;

struct HotImage {
  std::uint64_t csn = 0, epoch = 0;
  Batch rows;  ///< of the schema in force at csn; keys ascending; versions visible in hot alone
  KeyColumn keys;
  std::vector<std::uint64_t> csns;
  std::vector<std::uint32_t> ended;  ///< rows that a file of the catalog ends at or below csn; ascending
};

/// The hot rows of one query: the rows of `image` not in `hidden`, and the rows of `fresh`; or without an image what is
/// visible of `past`.
struct HotRows {
  std::shared_ptr<const HotImage> image;
  std::vector<std::uint32_t> hidden;  ///< ascending
  Batch fresh;
  std::vector<VisibleChunk> past;
  std::uint64_t live() const;
};

/// Keeps the newest image, and what AS OF reads instead of it. Thread-safe.
class HotImageCache {
 public:
  /// `share` holds what AS OF reads.
  explicit HotImageCache(std::shared_ptr<CacheShare> share);
  ~HotImageCache();
  /// The hot rows visible at `csn` <= view.csn, in the schema in force then, with at least these columns (positions in
  /// it). `reader` belongs to the view. Rows that an unreadable file may have ended are given with it noted
  /// (resolver.hpp); such an image is not kept.
  Result<HotRows> rows_at(const View& view, const hot::HotReader& reader, const HotDelta& delta,
                          std::uint64_t csn, std::span<const std::size_t> columns,
                          UnreadableFiles* unreadable = nullptr);
  /// The CSN from which the images need the delta; kCsnMax if none does.
  std::uint64_t needs_delta_from(const HotDelta& delta) const;
  /// Lets go of an image that so much has changed since that the next query makes another.
  void drop_outgrown(const HotDelta& delta);
  void clear();

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const HotImage> image_;
  const std::unique_ptr<PastImages> past_;
};

}  // namespace firn::storage
