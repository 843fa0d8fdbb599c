// patched: u32 outliers, child main (outliers replaced by the base), child positions (ascending), child
// values.
#include <algorithm>
#include <cmath>

#include "storage/cold/bit_packing.hpp"
#include "storage/cold/codecs/codecs.hpp"

namespace firn::storage::cold {
namespace {

constexpr std::size_t kSample = 1024;

/// The window [base, base + 2^width) that holds most values for its width.
struct Window {
  std::uint64_t base = 0;
  unsigned width = 0;
  double bytes = kNoFit;
  bool holds(std::uint64_t v) const { return width >= 64 || v - base < std::uint64_t{1} << width; }
};

std::vector<std::int64_t> sample_of(Ints v) {
  std::vector<std::int64_t> s;
  const std::size_t step = std::max<std::size_t>(1, v.size() / kSample);
  for (std::size_t i = 0; i < v.size(); i += step) s.push_back(static_cast<std::int64_t>(v[i]));
  std::sort(s.begin(), s.end());
  return s;
}

/// Start of the window of 2^width values that covers most of the sorted sample, and how much it covers.
std::pair<std::size_t, std::size_t> densest(const std::vector<std::int64_t>& s, unsigned width) {
  std::size_t low = 0, best = 0, most = 0;
  for (std::size_t high = 0; high < s.size(); ++high) {
    while ((static_cast<std::uint64_t>(s[high]) - static_cast<std::uint64_t>(s[low])) >> width != 0) ++low;
    if (high - low + 1 > most) most = high - low + 1, best = low;
  }
  return {best, most};
}

Window window_of(Ints v, const IntProfile& profile) {
  Window best;
  const unsigned full = bit_width_of(profile.range());
  if (v.size() < 128 || full < 2) return best;
  const std::vector<std::int64_t> s = sample_of(v);
  const auto n = static_cast<double>(v.size());
  for (unsigned w = 0; w < full; ++w) {
    const auto [low, covered] = densest(s, w);
    const double out = (static_cast<double>(s.size() - covered) + 1) / static_cast<double>(s.size() + 1);
    if (out > 0.2) continue;
    const double bits = n * w + n * out * (std::log2(1 / out) + 2 + full);
    if (bits / 8 < best.bytes) best = {static_cast<std::uint64_t>(s[low]), w, bits / 8};
  }
  best.bytes += 40;
  return best;
}

class PatchedReader final : public IntReader {
 public:
  PatchedReader(std::size_t outliers, IntReaderPtr main, IntReaderPtr positions, IntReaderPtr values)
      : outliers_(outliers),
        main_(std::move(main)),
        positions_(std::move(positions)),
        values_(std::move(values)) {}

  Result<void> read(std::size_t first, std::size_t n, std::uint64_t* out) const override {
    FIRN_TRY(main_->read(first, n, out));
    PointScratch scratch;
    FIRN_ASSIGN(std::size_t next, position_of(first, scratch));
    std::uint64_t at[kBatch], value[kBatch];
    while (next < outliers_) {
      const std::size_t m = std::min(kBatch, outliers_ - next);
      FIRN_TRY(positions_->read(next, m, at));
      if (at[0] >= first + n) break;
      FIRN_TRY(values_->read(next, m, value));
      for (std::size_t i = 0; i < m; ++i) {
        if (at[i] >= first + n) return {};
        if (at[i] < first) return damaged("outlier positions do not ascend");
        out[at[i] - first] = value[i];
      }
      next += m;
    }
    return {};
  }

  Result<std::uint64_t> at(std::size_t i, PointScratch& scratch) const override {
    FIRN_ASSIGN(const std::size_t next, position_of(i, scratch));
    if (next < outliers_) {
      FIRN_ASSIGN(const std::uint64_t position, positions_->at(next, scratch));
      if (position == i) return values_->at(next, scratch);
    }
    return main_->at(i, scratch);
  }

 private:
  static constexpr std::size_t kBatch = 128;

  Result<std::size_t> position_of(std::size_t row, PointScratch& scratch) const {
    std::size_t low = 0, high = row == 0 ? 0 : outliers_;
    while (low < high) {
      const std::size_t mid = low + (high - low) / 2;
      FIRN_ASSIGN(const std::uint64_t position, positions_->at(mid, scratch));
      if (position < row)
        low = mid + 1;
      else
        high = mid;
    }
    return low;
  }

  std::size_t outliers_;
  IntReaderPtr main_, positions_, values_;
};

}  // namespace

double patched::estimate(Ints values, const IntProfile& profile) { return window_of(values, profile).bytes; }

void patched::encode(Ints values, const EncodeContext& context, Encoded& out) {
  const Window window = window_of(values, profile_of(values));
  std::vector<std::uint64_t> main(values.begin(), values.end()), positions, outliers;
  for (std::size_t i = 0; i < main.size(); ++i) {
    if (window.holds(main[i])) continue;
    positions.push_back(i);
    outliers.push_back(main[i]);
    main[i] = window.base;
  }
  const EncodeContext child = context.below(Encoding::patched);
  const Encoded m = encode_ints(main, child);
  out.bytes.push_back(static_cast<char>(Encoding::patched));
  put(out.bytes, static_cast<std::uint32_t>(outliers.size()));
  put_child(out.bytes, m.bytes);
  out.tree = "patched[" + std::to_string(outliers.size()) + "](" + m.tree;
  if (outliers.empty()) positions.push_back(0), outliers.push_back(0);  // nodes have values; never read
  const Encoded p = encode_ints(positions, context.searched()), v = encode_ints(outliers, child);
  put_child(out.bytes, p.bytes);
  put_child(out.bytes, v.bytes);
  out.tree += "," + p.tree + "," + v.tree + ")";
}

Result<IntReaderPtr> patched::open(Bytes body, std::size_t count, int depth) {
  NodeParser in(body);
  const auto outliers = in.take<std::uint32_t>();
  const Bytes main = in.child(), positions = in.child(), values = in.child();
  FIRN_TRY(in.check());
  if (outliers > count) return damaged("more outliers than values");
  const std::size_t n = std::max<std::size_t>(outliers, 1);
  FIRN_ASSIGN(auto m, open_ints(main, count, depth + 1));
  FIRN_ASSIGN(auto p, open_ints(positions, n, depth + 1));
  FIRN_ASSIGN(auto v, open_ints(values, n, depth + 1));
  return IntReaderPtr(std::make_unique<PatchedReader>(outliers, std::move(m), std::move(p), std::move(v)));
}

}  // namespace firn::storage::cold
