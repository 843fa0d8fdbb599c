// run_length: u32 runs, child ends (position behind each run, ascending; the last is the count), child
// values.
#include <algorithm>

#include "storage/cold/codecs/codecs.hpp"

namespace firn::storage::cold {
namespace {

struct Runs {
  std::vector<std::uint64_t> ends, values;
};

Runs runs_of(Ints v) {
  Runs r;
  for (std::size_t i = 0; i < v.size(); ++i) {
    if (i > 0 && v[i] == v[i - 1]) {
      ++r.ends.back();
    } else {
      r.values.push_back(v[i]);
      r.ends.push_back(i + 1);
    }
  }
  return r;
}

class RunLengthReader final : public IntReader {
 public:
  RunLengthReader(std::size_t runs, std::size_t count, IntReaderPtr ends, IntReaderPtr values)
      : runs_(runs), count_(count), ends_(std::move(ends)), values_(std::move(values)) {}

  Result<void> read(std::size_t first, std::size_t n, std::uint64_t* out) const override {
    if (n == 0) return {};
    PointScratch scratch;
    FIRN_ASSIGN(std::size_t run, run_of(first, scratch));
    std::uint64_t ends[kBatch], values[kBatch];
    const std::size_t last = first + n;
    while (first < last) {
      const std::size_t m = std::min(kBatch, runs_ - run);
      if (m == 0) return damaged("runs end early");
      FIRN_TRY(ends_->read(run, m, ends));
      FIRN_TRY(values_->read(run, m, values));
      for (std::size_t i = 0; i < m && first < last; ++i) {
        if (ends[i] <= first) return damaged("run ends do not ascend");
        const std::size_t end = std::min<std::size_t>(ends[i], last);
        std::fill(out, out + (end - first), values[i]);
        out += end - first;
        first = end;
      }
      run += m;
    }
    return {};
  }

  Result<std::uint64_t> at(std::size_t i, PointScratch& scratch) const override {
    FIRN_ASSIGN(const std::size_t run, run_of(i, scratch));
    if (run >= runs_) return damaged("runs end early");
    return values_->at(run, scratch);
  }

 private:
  static constexpr std::size_t kBatch = 256;

  /// First run whose end lies behind `row`.
  Result<std::size_t> run_of(std::size_t row, PointScratch& scratch) const {
    std::size_t low = 0, high = row == 0 ? 0 : runs_;
    while (low < high) {
      const std::size_t mid = low + (high - low) / 2;
      FIRN_ASSIGN(const std::uint64_t end, ends_->at(mid, scratch));
      if (end <= row)
        low = mid + 1;
      else
        high = mid;
    }
    return low;
  }

  std::size_t runs_, count_;
  IntReaderPtr ends_, values_;
};

}  // namespace

double run_length::estimate(Ints values, const IntProfile& profile, const EncodeContext& context) {
  if (profile.runs * 4 > values.size()) return kNoFit;
  const Runs r = runs_of(values);
  const EncodeContext child = context.below(Encoding::run_length);
  return 13 + estimate_ints(r.ends, context.searched()) + estimate_ints(r.values, child);
}

void run_length::encode(Ints values, const EncodeContext& context, Encoded& out) {
  const Runs r = runs_of(values);
  const EncodeContext child = context.below(Encoding::run_length);
  const Encoded ends = encode_ints(r.ends, context.searched()), run_values = encode_ints(r.values, child);
  out.bytes.push_back(static_cast<char>(Encoding::run_length));
  put(out.bytes, static_cast<std::uint32_t>(r.ends.size()));
  put_child(out.bytes, ends.bytes);
  put_child(out.bytes, run_values.bytes);
  out.tree = "rle(" + ends.tree + "," + run_values.tree + ")";
}

Result<IntReaderPtr> run_length::open(Bytes body, std::size_t count, int depth) {
  NodeParser in(body);
  const auto runs = in.take<std::uint32_t>();
  const Bytes ends = in.child(), values = in.child();
  FIRN_TRY(in.check());
  if (runs > count) return damaged("more runs than values");
  FIRN_ASSIGN(auto e, open_ints(ends, runs, depth + 1));
  FIRN_ASSIGN(auto v, open_ints(values, runs, depth + 1));
  return IntReaderPtr(std::make_unique<RunLengthReader>(runs, count, std::move(e), std::move(v)));
}

}  // namespace firn::storage::cold
