#include "storage/life_cells.hpp"

#include <algorithm>
#include <numeric>

namespace firn::storage {
namespace {

/// Over which CSNs lives begin and end.
class Extent {
 public:
  void add(const Life& l) {
    begin_min_ = std::min(begin_min_, l.begin), begin_max_ = std::max(begin_max_, l.begin);
    end_min_ = std::min(end_min_, l.end), end_max_ = std::max(end_max_, l.end);
  }
  bool is_point() const { return begin_min_ == begin_max_ && end_min_ == end_max_; }
  bool longer_by_end() const { return end_max_ - end_min_ >= begin_max_ - begin_min_; }

 private:
  std::uint64_t begin_min_ = ~std::uint64_t{0}, begin_max_ = 0, end_min_ = ~std::uint64_t{0}, end_max_ = 0;
};

std::uint64_t side(const Life& l, bool by_end) { return by_end ? l.end : l.begin; }

void arrange(std::span<std::uint32_t> rows, std::span<const std::uint64_t> begins,
             std::span<const std::uint64_t> ends, std::size_t group_rows) {
  if (rows.size() <= group_rows) return;
  Extent extent;
  for (const std::uint32_t r : rows) extent.add({begins[r], ends[r]});
  if (extent.is_point()) return;
  const std::span<const std::uint64_t> by = extent.longer_by_end() ? ends : begins;
  const std::size_t groups = (rows.size() + group_rows - 1) / group_rows;
  const std::size_t lower = groups / 2 * group_rows;
  std::nth_element(rows.begin(), rows.begin() + static_cast<std::ptrdiff_t>(lower), rows.end(),
                   [&](std::uint32_t a, std::uint32_t b) { return by[a] < by[b]; });
  arrange(rows.first(lower), begins, ends, group_rows);
  arrange(rows.subspan(lower), begins, ends, group_rows);
}

}  // namespace

LifeCells LifeCells::cut(std::vector<Life> sample, std::size_t cells) {
  LifeCells out;
  if (cells < 2 || sample.empty()) return out;
  out.cells_ = 0;
  out.add(sample, cells);
  return out;
}

std::int32_t LifeCells::add(std::span<Life> lives, std::size_t cells) {
  Extent extent;
  for (const Life& l : lives) extent.add(l);
  if (cells < 2 || extent.is_point()) return -1 - static_cast<std::int32_t>(cells_++);
  const bool by_end = extent.longer_by_end();
  const auto less = [by_end](const Life& a, const Life& b) { return side(a, by_end) < side(b, by_end); };
  const std::size_t wanted = lives.size() * (cells / 2) / cells;
  const auto middle = lives.begin() + static_cast<std::ptrdiff_t>(wanted);
  std::nth_element(lives.begin(), middle, lives.end(), less);
  // Equal ones stay together: the cut is before or behind them, whichever is nearer and leaves something on both sides.
  const std::uint64_t value = side(*middle, by_end);
  const auto first =
      std::partition(lives.begin(), middle, [&](const Life& l) { return side(l, by_end) < value; });
  const auto last =
      std::partition(middle, lives.end(), [&](const Life& l) { return side(l, by_end) == value; });
  const bool before = last == lives.end() || (first != lives.begin() && middle - first <= last - middle);
  const auto cut = before ? first : last;
  const auto lower = static_cast<std::size_t>(cut - lives.begin());
  const std::size_t lower_cells =
      std::clamp<std::size_t>((cells * lower + lives.size() / 2) / lives.size(), 1, cells - 1);
  const std::size_t at = cuts_.size();
  cuts_.push_back({by_end, before ? value : value + 1, 0, 0});
  const std::int32_t low = add(lives.first(lower), lower_cells);
  const std::int32_t up = add(lives.subspan(lower), cells - lower_cells);
  cuts_[at].lower = low;
  cuts_[at].upper = up;
  return static_cast<std::int32_t>(at);
}

std::size_t LifeCells::cell_of(const Life& life) const {
  if (cuts_.empty()) return 0;
  std::int32_t at = 0;
  while (at >= 0) {
    const Cut& c = cuts_[static_cast<std::size_t>(at)];
    at = side(life, c.by_end) < c.bound ? c.lower : c.upper;
  }
  return static_cast<std::size_t>(-1 - at);
}

std::vector<std::uint32_t> rows_by_life(std::span<const std::uint64_t> begins,
                                        std::span<const std::uint64_t> ends, std::size_t group_rows) {
  std::vector<std::uint32_t> rows(begins.size());
  std::iota(rows.begin(), rows.end(), 0U);
  arrange(rows, begins, ends, group_rows);
  return rows;
}

}  // namespace firn::storage
