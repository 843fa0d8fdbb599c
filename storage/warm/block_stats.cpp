#include "storage/warm/block_stats.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "schema/bitmap.hpp"
#include "storage/warm/block_format.hpp"

namespace firn::storage::warm {
namespace {

template <class T>
struct Bounds {
  T min{}, max{};
  bool any = false;
  void add(T v) {
    min = any ? (v < min ? v : min) : v;
    max = any ? (max < v ? v : max) : v;
    any = true;
  }
};

template <class T, class F>
void each_present(const Column& c, std::size_t first, std::size_t count, F use) {
  const std::span<const T> values = c.as<T>();
  const bool nulls = c.null_count != 0;
  for (std::size_t i = first; i < first + count; ++i)
    if (!nulls || !c.is_null(i)) use(values[i]);
}

template <class T>
Bounds<T> integer_bounds(const Column& c, std::size_t first, std::size_t count) {
  Bounds<T> b;
  if (c.null_count != 0) {
    each_present<T>(c, first, count, [&b](T v) { b.add(v); });
    return b;
  }
  if (count == 0) return b;
  const T* v = c.as<T>().data() + first;
  b.min = b.max = v[0];
  b.any = true;
  for (std::size_t i = 1; i < count; ++i) {  // no branches: compilers make SIMD of this
    b.min = v[i] < b.min ? v[i] : b.min;
    b.max = b.max < v[i] ? v[i] : b.max;
  }
  return b;
}

template <class T>
void set_signed(ColumnStats& s, const Column& c, std::size_t first, std::size_t count) {
  const Bounds<T> b = integer_bounds<T>(c, first, count);
  if (!b.any) return;
  s.min = Value::of_signed(c.type, b.min);
  s.max = Value::of_signed(c.type, b.max);
}

template <class T>
void set_unsigned(ColumnStats& s, const Column& c, std::size_t first, std::size_t count) {
  const Bounds<T> b = integer_bounds<T>(c, first, count);
  if (!b.any) return;
  s.min = Value::of_unsigned(c.type, b.min);
  s.max = Value::of_unsigned(c.type, b.max);
}

template <class T>
void set_float(ColumnStats& s, const Column& c, std::size_t first, std::size_t count) {
  Bounds<T> b;
  bool nan = false;
  each_present<T>(c, first, count, [&](T v) {
    if (std::isnan(v)) {
      nan = true;
    } else {
      b.add(v + T{0});  // -0 is 0
    }
  });
  if (!b.any && !nan) return;
  const double not_a_number = std::numeric_limits<double>::quiet_NaN();
  s.min = Value::of_float(c.type, b.any ? static_cast<double>(b.min) : not_a_number);
  s.max = Value::of_float(c.type, nan ? not_a_number : static_cast<double>(b.max));
}

void set_bool(ColumnStats& s, const Column& c, std::size_t first, std::size_t count) {
  Bounds<bool> b;
  for (std::size_t i = first; i < first + count; ++i)
    if (!c.is_null(i)) b.add(c.bool_at(i));
  if (!b.any) return;
  s.min = Value(b.min);
  s.max = Value(b.max);
}

/// Bytes (as text perhaps not UTF-8: a bound needs only order) above all that begin with v's first
/// kStatBytesMax; nothing if there are none.
std::optional<std::string> raised_prefix(std::string_view v) {
  std::string p(v.substr(0, kStatBytesMax));
  while (!p.empty() && static_cast<unsigned char>(p.back()) == 0xFF) p.pop_back();
  if (p.empty()) return std::nullopt;
  p.back() = static_cast<char>(static_cast<unsigned char>(p.back()) + 1);
  return p;
}

/// Eight bytes from `at` on as a big-endian number, zeros behind the end.
std::uint64_t word_at(std::string_view v, std::size_t at) {
  std::uint64_t word = 0;
  if (v.size() >= at + sizeof word) {
    std::memcpy(&word, v.data() + at, sizeof word);
  } else {
    for (std::size_t i = at; i < v.size(); ++i)
      word |= std::uint64_t{static_cast<unsigned char>(v[i])} << (8 * (i - at));
  }
  return __builtin_bswap64(word);
}

/// Whether the first n bytes agree: by words, for a few. Requires that both have so many.
bool agree_in(const char* a, const char* b, std::size_t n) {
  const auto word = [](const char* p) {
    std::uint64_t w = 0;
    std::memcpy(&w, p, sizeof w);
    return w;
  };
  std::size_t i = 0;
  for (; i + 8 <= n; i += 8)
    if (word(a + i) != word(b + i)) return false;
  if (i == n) return true;
  if (n >= 8) return word(a + n - 8) == word(b + n - 8);
  for (; i < n; ++i)
    if (a[i] != b[i]) return false;
  return true;
}

/// Least and greatest of texts. Most lie strictly between: that shows in the eight bytes behind what the bounds have in
/// common, with one comparison instead of two of whole texts. So it does if they are a bound that ends there.
class TextBounds {
 public:
  void add(std::string_view v) {
    if (any_ && v.size() >= common_ && agree_in(v.data(), min_.data(), common_)) {
      const std::uint64_t word = word_at(v, common_);
      if (word > low_ && word < high_) return;
      if (v.size() <= common_ + 8 &&
          ((word == low_ && v.size() == min_.size()) || (word == high_ && v.size() == max_.size())))
        return;
    }
    if (!any_ || v < min_) {
      set(v, any_ ? max_ : v);
    } else if (max_ < v) {
      set(min_, v);
    }
  }
  bool any() const { return any_; }
  std::string_view min() const { return min_; }
  std::string_view max() const { return max_; }

 private:
  void set(std::string_view min, std::string_view max) {
    any_ = true;
    min_ = min;
    max_ = max;
    const auto differ = std::mismatch(min.begin(), min.end(), max.begin(), max.end());
    common_ = static_cast<std::size_t>(differ.first - min.begin());
    low_ = word_at(min, common_);
    high_ = word_at(max, common_);
  }

  bool any_ = false;
  std::string_view min_ = "", max_ = "";
  std::size_t common_ = 0;
  std::uint64_t low_ = 0, high_ = 0;
};

void set_bytes(ColumnStats& s, const Column& c, std::size_t first, std::size_t count) {
  TextBounds b;
  for (std::size_t i = first; i < first + count; ++i)
    if (!c.is_null(i)) b.add(c.bytes_at(i));
  if (!b.any()) return;
  s.exact = b.min().size() <= kStatBytesMax && b.max().size() <= kStatBytesMax;
  std::optional<std::string> max =
      b.max().size() <= kStatBytesMax ? std::string(b.max()) : raised_prefix(b.max());
  if (!max) return;  // no bound: unknown
  s.min = Value::of_bytes(c.type, std::string(b.min().substr(0, kStatBytesMax)));
  s.max = Value::of_bytes(c.type, std::move(*max));
}

/// Numbers as the 8 bytes of their widest form, texts as they are.
std::string to_bytes(const Value& v) {
  std::uint64_t bits = 0;
  if (is_variable(v.type())) return v.as_bytes();
  if (v.type() == TypeId::boolean) {
    bits = v.as_bool() ? 1 : 0;
  } else if (is_float(v.type())) {
    bits = std::bit_cast<std::uint64_t>(v.as_double());
  } else if (is_unsigned_integer(v.type())) {
    bits = v.as_unsigned();
  } else {
    bits = static_cast<std::uint64_t>(v.as_signed());
  }
  return {reinterpret_cast<const char*>(&bits), sizeof bits};  // NOLINT: the bytes of a number
}

std::optional<Value> from_bytes(const flatbuffers::Vector<std::uint8_t>& bytes, TypeId type) {
  if (is_variable(type)) return Value::of_bytes(type, std::string(bytes.begin(), bytes.end()));
  std::uint64_t bits = 0;
  if (bytes.size() != sizeof bits) return std::nullopt;
  std::memcpy(&bits, bytes.data(), sizeof bits);
  if (type == TypeId::boolean) return Value(bits != 0);
  if (is_float(type)) return Value::of_float(type, std::bit_cast<double>(bits));
  if (is_unsigned_integer(type)) return Value::of_unsigned(type, bits);
  return Value::of_signed(type, static_cast<std::int64_t>(bits));
}

}  // namespace

ColumnStats column_stats(const Column& c, std::size_t first, std::size_t count) {
  ColumnStats s;
  if (c.null_count != 0 && !c.validity.empty()) s.nulls = count - count_ones(c.validity.data(), first, count);
  switch (c.type) {
    case TypeId::boolean:
      set_bool(s, c, first, count);
      break;
    case TypeId::i8:
      set_signed<std::int8_t>(s, c, first, count);
      break;
    case TypeId::i16:
      set_signed<std::int16_t>(s, c, first, count);
      break;
    case TypeId::i32:
    case TypeId::date:
      set_signed<std::int32_t>(s, c, first, count);
      break;
    case TypeId::i64:
    case TypeId::timestamp:
      set_signed<std::int64_t>(s, c, first, count);
      break;
    case TypeId::u8:
      set_unsigned<std::uint8_t>(s, c, first, count);
      break;
    case TypeId::u16:
      set_unsigned<std::uint16_t>(s, c, first, count);
      break;
    case TypeId::u32:
      set_unsigned<std::uint32_t>(s, c, first, count);
      break;
    case TypeId::u64:
      set_unsigned<std::uint64_t>(s, c, first, count);
      break;
    case TypeId::f32:
      set_float<float>(s, c, first, count);
      break;
    case TypeId::f64:
      set_float<double>(s, c, first, count);
      break;
    case TypeId::utf8:
    case TypeId::binary:
      set_bytes(s, c, first, count);
      break;
    default:
      s.nulls = count;
      break;
  }
  return s;
}

flatbuffers::Offset<blockfb::Stats> write_stats(flatbuffers::FlatBufferBuilder& b, const ColumnStats& s) {
  flatbuffers::Offset<flatbuffers::Vector<std::uint8_t>> min, max;
  auto vector_of = [&b](const std::string& bytes) {
    return b.CreateVector(reinterpret_cast<const std::uint8_t*>(bytes.data()),
                          bytes.size());  // NOLINT: bytes
  };
  if (!s.min.is_null() && !s.max.is_null()) {
    min = vector_of(to_bytes(s.min));
    max = vector_of(to_bytes(s.max));
  }
  return blockfb::CreateStats(b, min, max, !s.exact, s.nulls);
}

std::optional<ColumnStats> read_stats(const blockfb::Stats& stored, TypeId type) {
  ColumnStats s;
  s.exact = !stored.inexact();
  s.nulls = stored.nulls();
  if (stored.min() == nullptr || stored.max() == nullptr) return s;
  auto min = from_bytes(*stored.min(), type);
  auto max = from_bytes(*stored.max(), type);
  if (!min || !max) return std::nullopt;
  s.min = std::move(*min);
  s.max = std::move(*max);
  return s;
}

}  // namespace firn::storage::warm
