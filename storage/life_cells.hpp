// Which versions of history belong together in a row group. A version is a point (begin, end) of a plane, and a query at
// csn asks for the quadrant begin <= csn < end. It has to open the groups that meet the quadrant; what it reads in vain
// lies in those that the quadrant's edges cut. Groups by end alone are all cut once some versions live long. So the plane
// is cut like a k-d tree (Bentley 1975), each time across the side that is longer in CSNs: with keys overwritten at
// random, 256 groups and 11 versions a key, a query then opens 1.5 times the rows that it needs, by end alone 5.8 times.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace firn::storage {

/// The CSNs between which a version is the one of its key: [begin, end).
struct Life {
  std::uint64_t begin = 0, end = 0;
};

/// The plane in cells, numbered 0, 1 ... so that neighbours in number are mostly neighbours in time. A value.
class LifeCells {
 public:
  /// One cell.
  LifeCells() = default;
  /// At most `cells` that hold about the same number of lives like these. Equal lives are not parted, so that there may be
  /// fewer.
  static LifeCells cut(std::vector<Life> sample, std::size_t cells);

  std::size_t size() const { return cells_; }
  std::size_t cell_of(const Life& life) const;

 private:
  struct Cut {
    bool by_end = false;
    std::uint64_t bound = 0;            ///< the lower side is below it
    std::int32_t lower = 0, upper = 0;  ///< another cut, or -1 - the cell
  };
  /// The cells of these lives: the number of their first cut, or -1 - the cell.
  std::int32_t add(std::span<Life> lives, std::size_t cells);

  std::vector<Cut> cuts_;
  std::size_t cells_ = 1;
};

/// The rows in the order in which groups of exactly `group_rows` (the last may have fewer) are such cells.
std::vector<std::uint32_t> rows_by_life(std::span<const std::uint64_t> begins,
                                        std::span<const std::uint64_t> ends, std::size_t group_rows);

}  // namespace firn::storage
