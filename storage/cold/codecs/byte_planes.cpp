// byte_planes: u64 base, u8 planes; each plane a child: the bytes of one significance of (value - base), as a
// stream.
#include <algorithm>

#include "storage/cold/bit_packing.hpp"
#include "storage/cold/codecs/byte_stream.hpp"
#include "storage/cold/codecs/codecs.hpp"

namespace firn::storage::cold {
namespace {

unsigned planes_of(const IntProfile& p) { return (bit_width_of(p.range()) + 7) / 8; }

std::string plane_of(Ints v, std::uint64_t base, unsigned plane) {
  std::string bytes(v.size(), '\0');
  for (std::size_t i = 0; i < v.size(); ++i)
    bytes[i] = static_cast<char>((v[i] - base) >> (8 * plane) & 0xFF);
  return bytes;
}

class PlanesReader final : public IntReader {
 public:
  PlanesReader(std::uint64_t base, std::vector<StreamReader> planes)
      : base_(base), planes_(std::move(planes)) {}

  Result<void> read(std::size_t first, std::size_t n, std::uint64_t* out) const override {
    std::fill_n(out, n, base_);
    std::vector<std::uint8_t> bytes(n);
    for (std::size_t p = 0; p < planes_.size(); ++p) {
      FIRN_TRY(planes_[p].read(first, n, bytes.data()));
      for (std::size_t i = 0; i < n; ++i) out[i] += std::uint64_t{bytes[i]} << (8 * p);
    }
    return {};
  }

  Result<std::uint64_t> at(std::size_t i, PointScratch& scratch) const override {
    std::uint64_t v = base_;
    for (std::size_t p = 0; p < planes_.size(); ++p) {
      std::uint8_t byte = 0;
      FIRN_TRY(planes_[p].read(i, 1, &byte, scratch));
      v += std::uint64_t{byte} << (8 * p);
    }
    return v;
  }

 private:
  std::uint64_t base_;
  std::vector<StreamReader> planes_;
};

}  // namespace

double byte_planes::estimate(Ints values, const IntProfile& profile, const EncodeContext& context) {
  if (values.size() < 2 * kBlockValues) return kNoFit;
  double bytes = 10;
  for (unsigned p = 0; p < planes_of(profile); ++p) {
    bytes +=
        4 + estimate_stream(plane_of(values, static_cast<std::uint64_t>(profile.min), p), context.options);
  }
  return bytes / (1 - context.options.planes_min_gain);
}

void byte_planes::encode(Ints values, const IntProfile& profile, const EncodeContext& context, Encoded& out) {
  out.bytes.push_back(static_cast<char>(Encoding::byte_planes));
  put(out.bytes, profile.min);
  put(out.bytes, static_cast<std::uint8_t>(planes_of(profile)));
  out.tree = "planes(";
  for (unsigned p = 0; p < planes_of(profile); ++p) {
    ByteString stream;
    const std::string kind = encode_stream(plane_of(values, static_cast<std::uint64_t>(profile.min), p),
                                           context.options, context.depth, stream);
    out.tree += (p == 0 ? "" : ",") + (kind.empty() ? "raw" : kind);
    put_child(out.bytes, stream);
  }
  out.tree += ")";
}

Result<IntReaderPtr> byte_planes::open(Bytes body, std::size_t count, int depth) {
  NodeParser in(body);
  const auto base = in.take<std::uint64_t>();
  const auto n = in.take<std::uint8_t>();
  if (n > 8) return damaged("more than eight byte planes");
  std::vector<StreamReader> planes;
  for (unsigned p = 0; p < n; ++p) {
    const Bytes child = in.child();
    FIRN_TRY(in.check());
    FIRN_ASSIGN(auto plane, StreamReader::open(child, count, depth));
    planes.push_back(std::move(plane));
  }
  FIRN_TRY(in.check());
  return IntReaderPtr(std::make_unique<PlanesReader>(base, std::move(planes)));
}

}  // namespace firn::storage::cold
