// Rows of a history block laid out so that each group holds versions that lived at about the same time.
#pragma once
#include "storage/warm/block.hpp"

namespace firn::storage::warm {

class HistoryLayout {
 public:
  /// `in`: history with one begin and one end CSN a row, and tombstones for all rows or none.
  HistoryLayout(const BlockInput& in, std::size_t group_rows);
  /// The same rows, those of a group in the order in which they came. Valid as long as this lives.
  BlockInput input() const { return {rows_, csns_, ends_, tombstones_, true, nullptr}; }

 private:
  Batch rows_;
  std::vector<std::uint64_t> csns_, ends_;
  Buffer tombstones_;
};

}  // namespace firn::storage::warm
