// A piece of a version image (version_image.hpp), and what a query sees of it.
#pragma once
#include <memory>
#include <vector>

#include "schema/batch.hpp"

namespace firn::storage {

/// Up to kRows rows of a version image. Immutable; shared with the queries that read them.
struct VersionChunk {
  static constexpr std::size_t kRows = 65'536;
  std::vector<Column> columns;  ///< by position in the schema; those that the image lacks are empty
  std::size_t rows = 0;
};

/// What a query sees of a chunk.
struct VisibleChunk {
  std::shared_ptr<const VersionChunk> chunk;
  std::vector<std::uint64_t> bits;  ///< bit i of word i / 64: row i counts
  std::size_t count = 0;            ///< of them; never 0
};

}  // namespace firn::storage
