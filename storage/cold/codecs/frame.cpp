// frame: value i = base + slope x i + scale x packed(i), all modulo 2^64.
//   u8 flags, i64 slope [sloped], u64 scale [scaled],
//   uniform: u64 base, u8 width, packed bits, slack
//   blocked: per kBlockValues values {u64 base, u32 width | (sum of the widths before) << 7}, packed bits,
//   slack;
//            the slope counts from the block's first value, packed blocks begin at whole bytes
#include <algorithm>
#include <numeric>

#include "storage/cold/bit_packing.hpp"
#include "storage/cold/codecs/codecs.hpp"

namespace firn::storage::cold {
namespace {

constexpr std::uint8_t kBlocked = 1, kSloped = 2, kScaled = 4;
constexpr std::size_t kEntryBytes = 12;

struct FramePlan {
  std::uint8_t flags = 0;
  std::uint64_t slope = 0, scale = 1;
  double bytes = kNoFit;
};

struct Bounds {
  std::int64_t min = std::numeric_limits<std::int64_t>::max(), max = std::numeric_limits<std::int64_t>::min();
  void take(std::uint64_t v) {
    min = std::min(min, static_cast<std::int64_t>(v));
    max = std::max(max, static_cast<std::int64_t>(v));
  }
  std::uint64_t range() const { return static_cast<std::uint64_t>(max) - static_cast<std::uint64_t>(min); }
};

/// Sizes of the uniform and the blocked form for one slope and scale; the better is taken into `best`.
void consider(Ints v, std::uint64_t slope, std::uint64_t scale, FramePlan& best) {
  Bounds all;
  double blocked = 0;
  for (std::size_t first = 0; first < v.size(); first += kBlockValues) {
    Bounds block;
    const std::size_t end = std::min(v.size(), first + kBlockValues);
    std::uint64_t drop = slope * first;
    for (std::size_t i = first; i < end; ++i, drop += slope) block.take(v[i] - drop);
    const std::uint64_t bytes = kEntryBytes + packed_bytes(end - first, bit_width_of(block.range() / scale));
    blocked += static_cast<double>(bytes);
    all.min = std::min(all.min, block.min);
    all.max = std::max(all.max, block.max);
  }
  const auto flags = static_cast<std::uint8_t>((slope != 0 ? kSloped : 0) | (scale != 1 ? kScaled : 0));
  const double uniform = 9 + static_cast<double>(packed_bytes(v.size(), bit_width_of(all.range() / scale)));
  const double head = 2.0 + kPackSlack + (slope != 0 ? 8 : 0) + (scale != 1 ? 8 : 0);
  if (uniform + head < best.bytes) best = {flags, slope, scale, uniform + head};
  if (blocked + head < best.bytes)
    best = {static_cast<std::uint8_t>(flags | kBlocked), slope, scale, blocked + head};
}

std::uint64_t common_divisor(Ints v) {
  std::uint64_t g = 0;
  for (const std::uint64_t x : v) {
    const std::uint64_t d =
        static_cast<std::int64_t>(x) > static_cast<std::int64_t>(v[0]) ? x - v[0] : v[0] - x;
    g = std::gcd(g, d);
    if (g == 1) break;
  }
  return g == 0 ? 1 : g;
}

FramePlan plan_of(Ints v, const IntProfile& profile) {
  FramePlan best;
  const std::uint64_t scale = profile.constant() ? 1 : common_divisor(v);
  consider(v, 0, scale, best);
  if (v.size() > 2 && v.back() != v.front()) {
    // Rounded, so that a drift of jitter over steps keeps the true step. Signed: the difference may be
    // negative.
    const auto n = static_cast<std::int64_t>(v.size() - 1);
    const auto rise = static_cast<std::int64_t>(v.back() - v.front());
    const std::int64_t slope = rise / n + (2 * (rise % n) >= n ? 1 : 0) - (2 * (rise % n) <= -n ? 1 : 0);
    if (slope != 0) consider(v, static_cast<std::uint64_t>(slope), 1, best);
  }
  return best;
}

class FrameReader final : public IntReader {
 public:
  std::uint8_t flags = 0;
  std::uint64_t slope = 0, scale = 1, base = 0;
  unsigned width = 0;
  Bytes directory, bits;
  std::size_t count = 0;

  Result<void> read(std::size_t first, std::size_t n, std::uint64_t* out) const override {
    if ((flags & kBlocked) == 0) return piece({base, width, 0}, first, n, out);
    while (n > 0) {
      const std::size_t block = first / kBlockValues, in_block = first % kBlockValues;
      const std::size_t m = std::min(n, kBlockValues - in_block);
      FIRN_ASSIGN(const Block b, block_at(block));
      FIRN_TRY(piece(b, in_block, m, out));
      first += m, out += m, n -= m;
    }
    return {};
  }

  Result<std::uint64_t> at(std::size_t i, PointScratch& scratch) const override {
    scratch.bytes_decoded += 8;
    Block b{base, width, 0};
    if ((flags & kBlocked) != 0) {
      FIRN_ASSIGN(b, block_at(i / kBlockValues));
      i %= kBlockValues;
    }
    std::uint64_t v = 0;
    if (b.width != 0) {
      const std::uint64_t byte = b.start + std::uint64_t{i} * b.width / 8;
      FIRN_ASSIGN(const std::uint8_t* p, bits.get(byte, kPackSlack));
      v = one_at(p, std::uint64_t{i} * b.width % 8, b.width);
    }
    return b.base + slope * i + scale * v;
  }

 private:
  struct Block {
    std::uint64_t base;
    unsigned width;
    std::uint64_t start;
  };

  static std::uint64_t one_at(const std::uint8_t* p, std::uint64_t bit, unsigned width) {
    std::uint64_t v = load<std::uint64_t>(p) >> bit;
    if (bit + width > 64) v |= std::uint64_t{p[8]} << (64 - bit);
    return width == 64 ? v : v & ((std::uint64_t{1} << width) - 1);
  }

  Result<Block> block_at(std::size_t block) const {
    FIRN_ASSIGN(const std::uint8_t* p, directory.get(block * kEntryBytes, kEntryBytes));
    const auto packed = load<std::uint32_t>(p + 8);
    const Block b{load<std::uint64_t>(p), packed & 127, std::uint64_t{packed >> 7} * (kBlockValues / 8)};
    if (b.width > 64) return damaged("bit width above 64");
    return b;
  }

  Result<void> piece(const Block& b, std::size_t first, std::size_t n, std::uint64_t* out) const {
    if (b.width == 0) {
      for (std::size_t i = 0; i < n; ++i) out[i] = b.base + slope * (first + i);
      return {};
    }
    // From the group of eight that holds `first`, so that only these bytes need to be there.
    const std::size_t skip = first / 8 * 8;
    const std::uint64_t from = b.start + skip / 8 * b.width;
    const std::uint64_t length = packed_bytes(first - skip + n, b.width) + kPackSlack;
    FIRN_ASSIGN(const std::uint8_t* p, bits.get(from, length));
    if (scale == 1 && slope == 0) {
      unpack(p, first - skip, n, b.width, out, b.base);
      return {};
    }
    unpack(p, first - skip, n, b.width, out);
    if (scale != 1) {
      for (std::size_t i = 0; i < n; ++i) out[i] *= scale;
    }
    if (slope != 0) {
      for (std::size_t i = 0; i < n; ++i) out[i] += b.base + slope * (first + i);
    } else if (b.base != 0) {
      for (std::size_t i = 0; i < n; ++i) out[i] += b.base;
    }
    return {};
  }
};

void pack_piece(Ints v, std::size_t first, std::uint64_t base, const FramePlan& plan, unsigned width,
                ByteString& out) {
  std::vector<std::uint64_t> rest(v.size());
  for (std::size_t i = 0; i < v.size(); ++i) rest[i] = (v[i] - plan.slope * (first + i) - base) / plan.scale;
  pack(rest, width, out);
}

Bounds bounds_of(Ints v, const FramePlan& plan) {
  Bounds b;
  for (std::size_t i = 0; i < v.size(); ++i) b.take(v[i] - plan.slope * i);
  return b;
}

void encode_blocked(Ints v, const FramePlan& plan, ByteString& out) {
  ByteString bits;
  std::uint32_t widths_before = 0;
  for (std::size_t first = 0; first < v.size(); first += kBlockValues) {
    const Ints block = v.subspan(first, std::min(kBlockValues, v.size() - first));
    const Bounds b = bounds_of(block, plan);
    const unsigned width = bit_width_of(b.range() / plan.scale);
    put(out, b.min);
    put(out, width | widths_before << 7);
    pack_piece(block, 0, static_cast<std::uint64_t>(b.min), plan, width, bits);
    widths_before += width;
  }
  out += bits;
}

}  // namespace

double frame::estimate(Ints values, const IntProfile& profile) { return plan_of(values, profile).bytes; }

void frame::encode(Ints values, const IntProfile& profile, Encoded& out) {
  const FramePlan plan = plan_of(values, profile);
  out.bytes.push_back(static_cast<char>(Encoding::frame));
  put(out.bytes, plan.flags);
  if ((plan.flags & kSloped) != 0) put(out.bytes, plan.slope);
  if ((plan.flags & kScaled) != 0) put(out.bytes, plan.scale);
  const Bounds b = bounds_of(values, plan);
  const unsigned width = bit_width_of(b.range() / plan.scale);
  if ((plan.flags & kBlocked) != 0) {
    encode_blocked(values, plan, out.bytes);
  } else {
    put(out.bytes, b.min);
    put(out.bytes, static_cast<std::uint8_t>(width));
    pack_piece(values, 0, static_cast<std::uint64_t>(b.min), plan, width, out.bytes);
  }
  out.bytes.append(kPackSlack, '\0');
  out.tree = (plan.flags & kBlocked) != 0 ? "bitpack(blocks" : "bitpack(" + std::to_string(width);
  if ((plan.flags & kSloped) != 0) out.tree += ",slope";
  if ((plan.flags & kScaled) != 0) out.tree += ",scale";
  out.tree += ")";
}

Result<IntReaderPtr> frame::open(Bytes body, std::size_t count) {
  NodeParser in(body);
  auto r = std::make_unique<FrameReader>();
  r->count = count;
  r->flags = in.take<std::uint8_t>();
  if (r->flags > (kBlocked | kSloped | kScaled)) return damaged("unknown frame flags");
  if ((r->flags & kSloped) != 0) r->slope = in.take<std::uint64_t>();
  if ((r->flags & kScaled) != 0) r->scale = in.take<std::uint64_t>();
  if ((r->flags & kBlocked) != 0) {
    r->directory = in.take_bytes((count + kBlockValues - 1) / kBlockValues * kEntryBytes);
  } else {
    r->base = in.take<std::uint64_t>();
    r->width = in.take<std::uint8_t>();
    if (r->width > 64) return damaged("bit width above 64");
  }
  r->bits = in.rest();
  FIRN_TRY(in.check());
  return IntReaderPtr(std::move(r));
}

}  // namespace firn::storage::cold
