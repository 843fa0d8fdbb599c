// A deletion vector: which rows of a file have ended, and at which CSN each (DESIGN D7). Rows are a Roaring bitmap
// (https://roaringbitmap.org, CRoaring; the only place that knows it), ends stand beside it in the order of the rows.
//
// Stored form, little-endian (schema/formats/deletion_vector.md says what the catalog puts around it):
//   u8 form (1) | u32 ended rows n | u32 bytes of the bitmap | bitmap, portable Roaring format
//   | n zigzag varints: end of each row minus that of the row before (the first: minus 0)
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "schema/result.hpp"

struct roaring_bitmap_s;

namespace firn::storage {

/// Immutable; any thread may read.
class DeletionVector {
 public:
  struct End {
    std::uint32_t row = 0;
    std::uint64_t csn = 0;  ///< of the key's next version
    auto operator<=>(const End&) const = default;
  };

  DeletionVector() = default;
  /// Ends in any order; of several ends of a row the least counts.
  explicit DeletionVector(std::vector<End> ends);
  /// This one and more ends: of a row that has ended already the lesser end counts.
  DeletionVector with(std::vector<End> more) const;

  bool operator==(const DeletionVector& o) const {
    return count_ == o.count_ && least_ == o.least_ && greatest_ == o.greatest_ && list() == o.list();
  }

  std::size_t size() const { return count_; }
  bool empty() const { return count_ == 0; }
  std::uint64_t least_end() const { return least_; }        ///< 0 if empty
  std::uint64_t greatest_end() const { return greatest_; }  ///< 0 if empty
  /// The end of the row; 0: it has none.
  std::uint64_t end_of(std::uint32_t row) const;

  /// Rows in [first, last) that ended at or below `csn`, in order. Where all ends or none lie below, no end is looked at.
  void append_ended(std::uint64_t first, std::uint64_t last, std::uint64_t csn,
                    std::vector<std::uint32_t>& rows) const;
  std::uint64_t count_ended(std::uint64_t first, std::uint64_t last, std::uint64_t csn) const;

  /// Bytes of memory that it takes.
  std::size_t memory_bytes() const;
  /// About as long as encode() will be.
  std::size_t encoded_bytes() const;

  std::string encode() const;
  /// Errors: {corrupt} unless it is the form of a vector over `rows` rows that ended at CSNs from 1 to `csn_max`.
  static Result<DeletionVector> decode(std::string_view bytes, std::uint64_t rows, std::uint64_t csn_max);

 private:
  struct Free {
    void operator()(roaring_bitmap_s* bitmap) const;
  };
  static DeletionVector from_sorted(std::span<const End> ends);
  /// Rows ascending, each once.
  void build(std::span<const std::uint32_t> rows, std::vector<std::uint64_t> ends);
  /// How many ended rows lie below `row`.
  std::size_t rank(std::uint64_t row) const;
  std::uint64_t end_at(std::size_t rank) const { return ends_.empty() ? least_ : ends_[rank]; }
  std::vector<End> list() const;

  std::unique_ptr<roaring_bitmap_s, Free> rows_;  ///< nullptr if empty
  std::vector<std::uint64_t> ends_;               ///< by rank; empty: all are least_
  std::size_t count_ = 0;
  std::uint64_t least_ = 0, greatest_ = 0;
};

}  // namespace firn::storage
