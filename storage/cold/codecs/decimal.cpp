// decimal: u8 k, u32 exceptions, child integers, [child positions, child IEEE bits]. A value is integer /
// 10^k, computed in double (f32: rounded to float then): the writer keeps a value as an integer only if this
// formula gives back the same bits. Everything else (-0, NaN, infinities, long fractions) is an exception.
#include <algorithm>
#include <bit>
#include <cmath>

#include "storage/cold/codecs/codecs.hpp"

namespace firn::storage::cold {
namespace {

constexpr int kPowersMax = 18;
constexpr double kPowers[kPowersMax + 1] = {1,    1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8, 1e9,
                                            1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18};
constexpr double kIntegerMax = 9'007'199'254'740'992.0;  // 2^53: integers up to here are exact in a double
constexpr double kExceptionsMax = 0.05;

std::uint64_t bits_of(std::int64_t integer, double power, bool is_f32) {
  const double v = static_cast<double>(integer) / power;
  return is_f32 ? std::bit_cast<std::uint32_t>(static_cast<float>(v)) : std::bit_cast<std::uint64_t>(v);
}

/// The integer of a value, if the formula gives its bits back.
bool integer_of(std::uint64_t bits, double power, bool is_f32, std::int64_t& out) {
  const double v = is_f32 ? static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(bits)))
                          : std::bit_cast<double>(bits);
  const double scaled = std::nearbyint(v * power);
  if (!(std::abs(scaled) <= kIntegerMax)) return false;
  out = static_cast<std::int64_t>(scaled);
  return bits_of(out, power, is_f32) == bits;
}

/// The least k that leaves few exceptions in a sample; -1 if there is none.
int exponent_of(Ints bits, bool is_f32) {
  const std::size_t step = std::max<std::size_t>(1, bits.size() / 512);
  int best = -1;
  std::size_t fewest = bits.size();
  for (int k = 0; k <= kPowersMax; ++k) {
    std::size_t failed = 0, seen = 0;
    std::int64_t unused = 0;
    for (std::size_t i = 0; i < bits.size(); i += step, ++seen)
      failed += integer_of(bits[i], kPowers[k], is_f32, unused) ? 0 : 1;
    if (static_cast<double>(failed) <= kExceptionsMax * static_cast<double>(seen) && failed < fewest)
      best = k, fewest = failed;
    if (fewest == 0) break;
  }
  return best;
}

class DecimalReader final : public IntReader {
 public:
  double power = 1;
  bool is_f32 = false;
  std::size_t exceptions = 0;
  IntReaderPtr integers, positions, bits;

  Result<void> read(std::size_t first, std::size_t n, std::uint64_t* out) const override {
    FIRN_TRY(integers->read(first, n, out));
    to_bits(out, n);
    return for_exceptions(first, first + n, [&](std::size_t at, std::uint64_t v) { out[at - first] = v; });
  }

  /// Divides for these rows alone.
  Result<void> take(std::span<const std::uint32_t> rows, std::uint64_t* out) const override {
    FIRN_TRY(integers->take(rows, out));
    to_bits(out, rows.size());
    auto next = rows.begin();
    return for_exceptions(rows.front(), rows.back() + std::size_t{1}, [&](std::size_t at, std::uint64_t v) {
      next = std::lower_bound(next, rows.end(), at);
      if (next != rows.end() && *next == at) out[next - rows.begin()] = v;
    });
  }

  Result<std::uint64_t> at(std::size_t i, PointScratch& scratch) const override {
    FIRN_ASSIGN(const std::size_t next, exception_at(i, scratch));
    if (next < exceptions) {
      FIRN_ASSIGN(const std::uint64_t position, positions->at(next, scratch));
      if (position == i) return bits->at(next, scratch);
    }
    FIRN_ASSIGN(const std::uint64_t v, integers->at(i, scratch));
    return bits_of(static_cast<std::int64_t>(v), power, is_f32);
  }

 private:
  void to_bits(std::uint64_t* v, std::size_t n) const {
    if (is_f32) {
      for (std::size_t i = 0; i < n; ++i) v[i] = bits_of(static_cast<std::int64_t>(v[i]), power, true);
    } else {
      for (std::size_t i = 0; i < n; ++i) v[i] = bits_of(static_cast<std::int64_t>(v[i]), power, false);
    }
  }
  /// Calls set(row, its bits) for those of [first, end).
  template <class Set>
  Result<void> for_exceptions(std::size_t first, std::size_t end, Set set) const {
    PointScratch scratch;
    FIRN_ASSIGN(std::size_t next, exception_at(first, scratch));
    for (; next < exceptions; ++next) {
      FIRN_ASSIGN(const std::uint64_t at, positions->at(next, scratch));
      if (at >= end) break;
      if (at < first) return damaged("exception positions do not ascend");
      FIRN_ASSIGN(const std::uint64_t v, bits->at(next, scratch));
      set(static_cast<std::size_t>(at), v);
    }
    return {};
  }
  Result<std::size_t> exception_at(std::size_t row, PointScratch& scratch) const {
    std::size_t low = 0, high = exceptions;
    while (low < high) {
      const std::size_t mid = low + (high - low) / 2;
      FIRN_ASSIGN(const std::uint64_t position, positions->at(mid, scratch));
      if (position < row)
        low = mid + 1;
      else
        high = mid;
    }
    return low;
  }
};

}  // namespace

bool decimal::encode(Ints bits, bool is_f32, const EncodeContext& context, Encoded& out) {
  const int k = exponent_of(bits, is_f32);
  if (k < 0) return false;
  std::vector<std::uint64_t> integers(bits.size()), positions, exceptions;
  std::int64_t last = 0;
  for (std::size_t i = 0; i < bits.size(); ++i) {
    std::int64_t v = last;
    if (integer_of(bits[i], kPowers[k], is_f32, v)) {
      last = v;
    } else {
      positions.push_back(i);
      exceptions.push_back(bits[i]);
    }
    integers[i] = static_cast<std::uint64_t>(last);
  }
  if (exceptions.size() * 8 > bits.size()) return false;
  const EncodeContext child{context.options, context.depth + 1, context.banned};
  const Encoded main = encode_ints(integers, child);
  out.bytes.push_back(static_cast<char>(Encoding::decimal));
  put(out.bytes, static_cast<std::uint8_t>(k));
  put(out.bytes, static_cast<std::uint32_t>(exceptions.size()));
  put_child(out.bytes, main.bytes);
  out.tree = "decimal(" + std::to_string(k) + "," + main.tree;
  if (!exceptions.empty()) {
    put_child(out.bytes, encode_ints(positions, child.searched()).bytes);
    put_child(out.bytes, encode_ints(exceptions, child).bytes);
    out.tree += ",exceptions[" + std::to_string(exceptions.size()) + "]";
  }
  out.tree += ")";
  return true;
}

Result<IntReaderPtr> decimal::open(Bytes body, bool is_f32, std::size_t count, int depth) {
  NodeParser in(body);
  const auto k = in.take<std::uint8_t>();
  const auto exceptions = in.take<std::uint32_t>();
  const Bytes main = in.child();
  if (k > kPowersMax) return damaged("decimal exponent out of range");
  if (exceptions > count) return damaged("more exceptions than values");
  auto r = std::make_unique<DecimalReader>();
  r->power = kPowers[k];
  r->is_f32 = is_f32;
  r->exceptions = exceptions;
  Bytes positions, bits;
  if (exceptions != 0) positions = in.child(), bits = in.child();
  FIRN_TRY(in.check());
  FIRN_ASSIGN(r->integers, open_ints(main, count, depth + 1));
  if (exceptions != 0) {
    FIRN_ASSIGN(r->positions, open_ints(positions, exceptions, depth + 1));
    FIRN_ASSIGN(r->bits, open_ints(bits, exceptions, depth + 1));
  }
  return IntReaderPtr(std::move(r));
}

}  // namespace firn::storage::cold
