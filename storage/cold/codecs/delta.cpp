// delta: child restarts (value of each kBlockValues-th position), child deltas (one a value; unused at
// restarts).
#include <algorithm>

#include "storage/cold/codecs/codecs.hpp"

namespace firn::storage::cold {
namespace {

struct Parts {
  std::vector<std::uint64_t> restarts, deltas;
};

Parts parts_of(Ints v) {
  Parts p;
  p.deltas.resize(v.size());
  for (std::size_t i = 0; i < v.size(); ++i) {
    if (i % kBlockValues == 0) {
      p.restarts.push_back(v[i]);
      // Never read: repeats its neighbour, so that it widens nothing.
      p.deltas[i] = i > 0 ? p.deltas[i - 1] : v.size() > 1 ? v[1] - v[0] : 0;
    } else {
      p.deltas[i] = v[i] - v[i - 1];
    }
  }
  return p;
}

class DeltaReader final : public IntReader {
 public:
  DeltaReader(IntReaderPtr restarts, IntReaderPtr deltas)
      : restarts_(std::move(restarts)), deltas_(std::move(deltas)) {}

  Result<void> read(std::size_t first, std::size_t n, std::uint64_t* out) const override {
    std::uint64_t d[kBlockValues];
    while (n > 0) {
      const std::size_t block = first / kBlockValues, skip = first % kBlockValues;
      const std::size_t m = std::min(n, kBlockValues - skip);
      std::uint64_t v = 0;
      FIRN_TRY(restarts_->read(block, 1, &v));
      FIRN_TRY(deltas_->read(block * kBlockValues, skip + m, d));
      for (std::size_t i = 1; i < skip; ++i) v += d[i];
      for (std::size_t i = skip; i < skip + m; ++i) *out++ = i == 0 ? v : (v += d[i]);
      first += m, n -= m;
    }
    return {};
  }

  Result<std::uint64_t> at(std::size_t i, PointScratch& scratch) const override {
    scratch.bytes_decoded += (i % kBlockValues + 1) * sizeof(std::uint64_t);
    std::uint64_t v = 0;
    FIRN_TRY(read(i, 1, &v));
    return v;
  }

 private:
  IntReaderPtr restarts_, deltas_;
};

}  // namespace

double delta::estimate(Ints values, const EncodeContext& context) {
  const Parts p = parts_of(values);
  // Point reads of the frame encodings are cheaper: differences must save something.
  return 9 + 1.05 * (static_cast<double>(p.restarts.size()) * 8 +
                     estimate_ints(p.deltas, context.below(Encoding::delta)));
}

void delta::encode(Ints values, const EncodeContext& context, Encoded& out) {
  const Parts p = parts_of(values);
  const Encoded restarts = encode_ints(p.restarts, context.below(Encoding::delta));
  const Encoded deltas = encode_ints(p.deltas, context.below(Encoding::delta));
  out.bytes.push_back(static_cast<char>(Encoding::delta));
  put_child(out.bytes, restarts.bytes);
  put_child(out.bytes, deltas.bytes);
  out.tree = "delta(" + deltas.tree + ")";
}

Result<IntReaderPtr> delta::open(Bytes body, std::size_t count, int depth) {
  NodeParser in(body);
  const Bytes restarts = in.child(), deltas = in.child();
  FIRN_TRY(in.check());
  FIRN_ASSIGN(auto r, open_ints(restarts, (count + kBlockValues - 1) / kBlockValues, depth + 1));
  FIRN_ASSIGN(auto d, open_ints(deltas, count, depth + 1));
  return IntReaderPtr(std::make_unique<DeltaReader>(std::move(r), std::move(d)));
}

}  // namespace firn::storage::cold
