// The retained versions of the hot tier as columns, for reads of any past CSN (DESIGN D6, D7).
//
// Rows lie in the order of the commits that began them, and beside them which rows ended in the order of the commits that
// ended them. After each commit both orders are cut at one place. So the rows visible at a CSN are those of the checkpoint
// before it, plus a run of rows begun since, less a run of rows ended since: the work is bounded by the distance of
// checkpoints, however many versions lie between. Appending keeps all that is there: what came later begins and ends later.
#pragma once
#include <array>
#include <memory>
#include <vector>

#include "schema/key_codec.hpp"
#include "storage/version_chunk.hpp"

namespace firn::storage {

/// Not thread-safe; what visible_at() gives is.
class VersionImage {
 public:
  struct End {
    std::uint64_t csn = 0;
    std::uint32_t row = 0;
  };
  /// What became true in (csn(), this csn].
  struct Addition {
    std::uint64_t csn = 0;
    std::vector<Column> columns;        ///< of the new rows, as in a chunk, in any order
    std::vector<std::uint32_t> order;   ///< position in `columns` of new row 0, 1, ...
    std::vector<std::uint64_t> begins;  ///< of new row 0, 1, ...; ascending
    std::vector<End> ends;              ///< in the order of their CSNs; new row i is row rows() + i
    KeyColumn live_keys;                ///< of all rows without an end, ascending
    std::vector<std::uint32_t> live_rows;
  };

  /// `columns`: positions in the schema, ascending. Empty as of CSN 0.
  explicit VersionImage(std::vector<std::size_t> columns) : columns_(std::move(columns)) {}

  /// Requires rows() plus the new ones to be below 2^32.
  void add(Addition more);
  /// The visible rows of each chunk that has any. Requires csn <= csn().
  std::vector<VisibleChunk> visible_at(std::uint64_t csn) const;

  std::uint64_t csn() const noexcept { return csn_; }
  std::size_t rows() const noexcept { return rows_; }
  const std::vector<std::size_t>& columns() const noexcept { return columns_; }
  const KeyColumn& live_keys() const noexcept { return live_keys_; }
  std::uint32_t live_row(std::size_t i) const { return live_rows_[i]; }
  /// The commit that began a row.
  std::uint64_t begin_of(std::uint32_t row) const;
  std::size_t byte_size() const;

 private:
  /// Bits of the rows of one chunk.
  struct Block {
    std::array<std::uint64_t, VersionChunk::kRows / 64> words{};
  };
  /// How far rows and ends reach after a commit.
  struct Step {
    std::uint64_t csn = 0;
    std::uint32_t rows = 0, ends = 0;
  };
  struct Checkpoint {
    Step at;
    std::vector<std::shared_ptr<const Block>> blocks;  ///< nullptr: none of the chunk's rows is visible
  };
  class Bits;

  void append_rows(const Addition& more);
  void append_steps(const Addition& more);
  void take_checkpoint(const Step& at, Bits& bits);
  /// The visible rows at a step, with room for `rows`.
  Bits bits_at(const Step& step, std::size_t rows) const;

  std::vector<std::size_t> columns_;
  std::uint64_t csn_ = 0;
  std::size_t rows_ = 0;
  std::vector<std::shared_ptr<const VersionChunk>> chunks_;  ///< all but the last are full
  std::vector<std::uint32_t> ended_;                         ///< rows, in the order of their ends
  std::vector<Step> steps_;                                  ///< ascending
  std::vector<Checkpoint> checkpoints_;                      ///< ascending
  std::size_t checkpoint_bytes_ = 0;
  KeyColumn live_keys_;
  std::vector<std::uint32_t> live_rows_;
};

}  // namespace firn::storage
