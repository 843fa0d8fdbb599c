// What a version image takes from the hot tier: every version of it once, later those that came since.
#pragma once
#include <optional>

#include "storage/catalog.hpp"
#include "storage/hot/hot_store.hpp"
#include "storage/resolver.hpp"
#include "storage/version_image.hpp"

namespace firn::storage {

/// All versions of the hot tier up to `upto`, in the schema in force then, for an empty image of these columns. nullopt:
/// the image would take more than `bytes_max`, or a file that may have ended rows cannot be read (noted in `unreadable`,
/// an error without it). `reader` belongs to the view.
Result<std::optional<VersionImage::Addition>> gather_versions(const View& view, const hot::HotReader& reader,
                                                              std::uint64_t upto,
                                                              const std::vector<std::size_t>& columns,
                                                              std::size_t bytes_max,
                                                              UnreadableFiles* unreadable);

/// What the image lacks up to `upto`. Requires that the delta knows all changes since image.csn(), and that rows neither
/// left nor entered hot by a move since. nullopt: as above, or a version that came since was purged.
Result<std::optional<VersionImage::Addition>> gather_since(const VersionImage& image, const View& view,
                                                           const hot::HotReader& reader,
                                                           const HotDelta& delta, std::uint64_t upto,
                                                           UnreadableFiles* unreadable);

}  // namespace firn::storage
