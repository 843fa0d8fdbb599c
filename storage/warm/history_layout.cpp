#include "storage/warm/history_layout.hpp"

#include <algorithm>

#include "storage/life_cells.hpp"

namespace firn::storage::warm {

HistoryLayout::HistoryLayout(const BlockInput& in, std::size_t group_rows) {
  std::vector<std::uint32_t> order = rows_by_life(in.csns, in.ends, group_rows);
  for (std::size_t first = 0; first < order.size(); first += group_rows) {
    const std::size_t last = std::min(first + group_rows, order.size());
    std::sort(order.begin() + static_cast<std::ptrdiff_t>(first),
              order.begin() + static_cast<std::ptrdiff_t>(last));
  }
  rows_ = in.rows.take(order);
  MutableBuffer bits(in.tombstones.empty() ? 0 : bitmap_bytes(order.size()));
  for (std::size_t i = 0; i < order.size(); ++i) {
    csns_.push_back(in.csns[order[i]]);
    ends_.push_back(in.ends[order[i]]);
    if (!in.tombstones.empty() && bit_at(in.tombstones.data(), order[i])) set_bit(bits.data(), i);
  }
  tombstones_ = bits.freeze();
}

}  // namespace firn::storage::warm
