// Keeps version images of the hot tier for AS OF (version_image.hpp), one a schema version, in the table's share of the block cache:
// what is not read any more makes room for what is, and one that is larger than that share is not kept.
//
// Building one costs a few reads of the hot tier as a whole, so it is built when such a read was needed before (rent or
// buy). Later commits are added when a read asks for them, as long as the delta knows them; a move of rows out of hot or
// into it ends an image, and so does a purge of tombstones. A purge of superseded versions does not: it drops what nobody may
// read, also from an image that still has it.
#pragma once
#include <map>
#include <mutex>
#include <span>

#include "storage/block_cache.hpp"
#include "storage/version_gather.hpp"

namespace firn::storage {

/// Thread-safe.
class PastImages {
 public:
  explicit PastImages(std::shared_ptr<CacheShare> share)
      : share_(std::move(share)), owner_(BlockCache::new_owner()) {}
  ~PastImages() { clear(); }
  PastImages(const PastImages&) = delete;
  PastImages& operator=(const PastImages&) = delete;

  /// The hot rows visible at `csn` <= view.csn, in the schema in force then, with at least these columns (positions in
  /// it). nullopt: there is no image, and none is due. `reader` belongs to the view; `unreadable` as in resolver.hpp.
  Result<std::optional<std::vector<VisibleChunk>>> rows_at(const View& view, const hot::HotReader& reader,
                                                           const HotDelta& delta, std::uint64_t csn,
                                                           std::span<const std::size_t> columns,
                                                           UnreadableFiles* unreadable);
  /// The CSN from which images still need the delta; kCsnMax if none does.
  std::uint64_t needs_delta_from(const HotDelta& delta) const;
  void clear();

 private:
  using ColumnSet = std::vector<std::size_t>;  ///< ascending
  using ImagePtr = std::shared_ptr<VersionImage>;
  struct Held {
    std::weak_ptr<VersionImage> image;  ///< owned by the cache
    std::uint64_t last_csn = 0;         ///< kCsnMax: its schema was the newest
  };
  struct Refusal {
    std::uint64_t epoch = 0, versions = 0;
    ColumnSet columns;
  };

  ImagePtr find(std::uint32_t version);
  void keep(std::uint32_t version, const ImagePtr& image, std::uint64_t last_csn);
  static Result<std::optional<VersionImage::Addition>> additions(const VersionImage& image, const View& view,
                                                                 const hot::HotReader& reader,
                                                                 const HotDelta& delta, std::uint64_t upto,
                                                                 UnreadableFiles* unreadable);
  void drop(std::uint32_t version);
  /// The columns to build an image of; nullopt: not now.
  std::optional<ColumnSet> due(std::uint32_t version, std::uint64_t epoch, std::uint64_t versions,
                               const ImagePtr& narrow, const ColumnSet& asked);
  bool refused(std::uint64_t epoch, std::uint64_t versions, const ColumnSet& columns) const;
  void forget();

  const std::shared_ptr<CacheShare> share_;
  const std::uint64_t owner_;
  mutable std::mutex mutex_;
  std::uint64_t epoch_ = 0;  ///< of the catalog, of all that is held
  std::map<std::uint32_t, Held> held_;
  // Reads that found no image, all of one schema version:
  std::uint32_t wished_version_ = 0;
  ColumnSet wished_columns_;
  std::uint32_t wishes_ = 0;
  std::uint32_t wishes_needed_ = 2, reads_of_last_ = 2;
  std::optional<Refusal> refusal_;
};

}  // namespace firn::storage
