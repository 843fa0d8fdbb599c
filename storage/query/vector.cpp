#include "storage/query/vector.hpp"

#include <algorithm>
#include <array>
#include <vector>

namespace firn::storage::query {
namespace {

constexpr std::size_t kKeptBlockBytes = kChunkRows * sizeof(std::string_view);
constexpr std::size_t kBlocksKept = 24;

/// The recycled blocks of a thread; at most kBlocksKept are held.
struct Blocks {
  std::array<void*, kBlocksKept> free{};
  std::size_t count = 0;
  Blocks() = default;
  Blocks(const Blocks&) = delete;
  Blocks& operator=(const Blocks&) = delete;
  ~Blocks() {
    while (count > 0) ::operator delete (free[--count], std::align_val_t{kBufferAlignment});
    free.fill(nullptr);
    count = kBlocksKept;  // a block freed later, as the thread ends, is not kept
  }
};
thread_local Blocks blocks;

void* take_block() {
  if (blocks.count > 0 && blocks.count <= kBlocksKept && blocks.free[blocks.count - 1] != nullptr)
    return blocks.free[--blocks.count];
  return ::operator new (kKeptBlockBytes, std::align_val_t{kBufferAlignment});
}

void give_block(void* p) {
  if (blocks.count < kBlocksKept)
    blocks.free[blocks.count++] = p;
  else
    ::operator delete (p, std::align_val_t{kBufferAlignment});
}

template <class From, class To>
void widen(const Column& c, const Rows& rows, To* out) {
  const From* in = c.as<From>().data();
  if (rows.picked) {
    for (std::size_t i = 0; i < rows.count; ++i) out[i] = static_cast<To>(in[rows.picked[i]]);
  } else {
    in += rows.begin;
    for (std::size_t i = 0; i < rows.count; ++i) out[i] = static_cast<To>(in[i]);
  }
}

template <class From, class To>
Vector load_fixed(const Column& c, const Rows& rows, Lane lane) {
  if constexpr (std::is_same_v<From, To>) {
    if (!rows.picked) {
      Vector v;
      v.lane = lane;
      v.size = rows.count;
      v.values = c.as<From>().data() + rows.begin;
      v.values_owner = c.values.owner();
      return v;
    }
  }
  NewVector<To> out(lane, rows.count);
  widen<From>(c, rows, out.data);
  return out.v;
}

Vector load_bool(const Column& c, const Rows& rows) {
  NewVector<std::uint8_t> out(Lane::boolean, rows.count);
  for (std::size_t i = 0; i < rows.count; ++i)
    out.data[i] = c.bool_at(rows.picked ? rows.picked[i] : rows.begin + i);
  return out.v;
}

Vector load_bytes(const Column& c, const Rows& rows) {
  NewVector<std::string_view> out(Lane::bytes, rows.count);
  const std::int32_t* o = c.offsets.as<std::int32_t>().data();
  const char* base = reinterpret_cast<const char*>(c.values.data());  // NOLINT: Arrow buffers are raw bytes
  for (std::size_t i = 0; i < rows.count; ++i) {
    const std::size_t r = rows.picked ? rows.picked[i] : rows.begin + i;
    const auto length = static_cast<std::size_t>(o[r + 1] - o[r]);
    out.data[i] = length == 0 ? std::string_view() : std::string_view(base + o[r], length);
  }
  out.v.bytes_owner = c.values.owner();
  return out.v;
}

Vector load_values(const Column& c, const Rows& rows) {
  switch (c.type) {
    case TypeId::boolean:
      return load_bool(c, rows);
    case TypeId::i8:
      return load_fixed<std::int8_t, std::int64_t>(c, rows, Lane::i64);
    case TypeId::i16:
      return load_fixed<std::int16_t, std::int64_t>(c, rows, Lane::i64);
    case TypeId::i32:
    case TypeId::date:
      return load_fixed<std::int32_t, std::int64_t>(c, rows, Lane::i64);
    case TypeId::i64:
    case TypeId::timestamp:
      return load_fixed<std::int64_t, std::int64_t>(c, rows, Lane::i64);
    case TypeId::u8:
      return load_fixed<std::uint8_t, std::uint64_t>(c, rows, Lane::u64);
    case TypeId::u16:
      return load_fixed<std::uint16_t, std::uint64_t>(c, rows, Lane::u64);
    case TypeId::u32:
      return load_fixed<std::uint32_t, std::uint64_t>(c, rows, Lane::u64);
    case TypeId::u64:
      return load_fixed<std::uint64_t, std::uint64_t>(c, rows, Lane::u64);
    case TypeId::f32:
      return load_fixed<float, double>(c, rows, Lane::f64);
    case TypeId::f64:
      return load_fixed<double, double>(c, rows, Lane::f64);
    case TypeId::utf8:
    case TypeId::binary:
      return load_bytes(c, rows);
    default:
      return null_vector(Lane::boolean, rows.count);
  }
}

void load_validity(const Column& c, const Rows& rows, std::uint8_t* out) {
  const std::uint8_t* bits = c.validity.data();
  for (std::size_t i = 0; i < rows.count; ++i)
    out[i] = bit_at(bits, rows.picked ? rows.picked[i] : rows.begin + i);
}

template <class T>
Vector repeat(const Vector& v) {
  NewVector<T> out(v.lane, v.size);
  std::fill_n(out.data, v.size, v.as<T>()[0]);
  if (v.is_constant_null()) std::fill_n(out.with_nulls(), v.size, std::uint8_t{0});
  out.v.bytes_owner = v.values_owner;
  return out.v;
}

template <class T>
Vector gather(const Vector& from, const std::uint32_t* rows, std::size_t n) {
  NewVector<T> out(from.lane, n);
  const T* in = from.as<T>();
  for (std::size_t i = 0; i < n; ++i) out.data[i] = in[rows[i]];
  if (from.valid) {
    std::uint8_t* valid = out.with_nulls();
    for (std::size_t i = 0; i < n; ++i) valid[i] = from.valid[rows[i]];
  }
  // Strings point into what `from` points into; keeping both owners keeps computed strings alive too.
  if constexpr (std::is_same_v<T, std::string_view>)
    out.v.bytes_owner = std::make_shared<std::pair<std::shared_ptr<const void>, std::shared_ptr<const void>>>(
        from.bytes_owner, from.values_owner);
  return out.v;
}

template <class T>
Vector append_typed(const Vector& a, const Vector& b) {
  NewVector<T> out(a.lane, a.size + b.size);
  std::copy_n(a.as<T>(), a.size, out.data);
  std::copy_n(b.as<T>(), b.size, out.data + a.size);
  if (a.valid || b.valid) {
    std::uint8_t* valid = out.with_nulls();
    std::fill_n(valid, out.v.size, std::uint8_t{1});
    if (a.valid) std::copy_n(a.valid, a.size, valid);
    if (b.valid) std::copy_n(b.valid, b.size, valid + a.size);
  }
  if constexpr (std::is_same_v<T, std::string_view>)
    out.v.bytes_owner = std::make_shared<std::pair<Vector, Vector>>(a, b);
  return out.v;
}

/// Calls f with a null pointer of the lane's value type.
template <class F>
auto by_lane(Lane lane, F f) {
  switch (lane) {
    case Lane::i64:
      return f(static_cast<std::int64_t*>(nullptr));
    case Lane::u64:
      return f(static_cast<std::uint64_t*>(nullptr));
    case Lane::f64:
      return f(static_cast<double*>(nullptr));
    case Lane::bytes:
      return f(static_cast<std::string_view*>(nullptr));
    default:
      return f(static_cast<std::uint8_t*>(nullptr));
  }
}

template <class T>
Vector one_value(Lane lane, T value, std::size_t size) {
  auto p = std::make_shared<T>(value);
  Vector v;
  v.lane = lane;
  v.constant = true;
  v.size = size;
  v.values = p.get();
  v.values_owner = std::move(p);
  return v;
}

template <class To, class T>
void append_fixed(ColumnBuilder& builder, const Vector& v) {
  const T* in = v.as<T>();
  for (std::size_t i = 0; i < v.size; ++i) {
    if (v.valid && !v.valid[i])
      builder.append_null();
    else
      builder.append_fixed(static_cast<To>(in[i]));
  }
}

}  // namespace

std::shared_ptr<void> scratch(std::size_t bytes) {
  if (bytes <= kKeptBlockBytes / 16) {
    return {::operator new (std::max<std::size_t>(bytes, 1), std::align_val_t{kBufferAlignment}),
            [](void* p) { ::operator delete (p, std::align_val_t{kBufferAlignment}); }};
  }
  if (bytes <= kKeptBlockBytes) return {take_block(), give_block};
  return {::operator new (bytes, std::align_val_t{kBufferAlignment}),
          [](void* p) { ::operator delete (p, std::align_val_t{kBufferAlignment}); }};
}

std::shared_ptr<const Vector> load_dictionary(const Column& dictionary) {
  Vector plain = load(dictionary, Rows{0, static_cast<std::size_t>(dictionary.length), nullptr});
  return std::make_shared<Vector>(append_vector(plain, flatten(null_vector(plain.lane, 1))));
}

void load_codes(const Column& column, const Rows& rows, std::uint32_t null_code, Vector& out) {
  const std::uint32_t* codes = column.codes().data();
  out.size = rows.count;
  if (!rows.picked && column.validity.empty()) {
    out.codes = codes + rows.begin;
    out.codes_owner = column.values.owner();
    return;
  }
  auto copy = scratch_array<std::uint32_t>(rows.count);
  std::uint32_t* to = copy.get();
  for (std::size_t i = 0; i < rows.count; ++i) {
    const std::size_t r = rows.picked ? rows.picked[i] : rows.begin + i;
    to[i] = column.is_null(r) ? null_code : codes[r];
  }
  out.codes = to;
  out.codes_owner = std::move(copy);
}

Vector load(const Column& column, const Rows& rows) {
  if (column.type == TypeId::null) return null_vector(Lane::boolean, rows.count);
  if (column.dictionary) {
    Vector v;
    v.lane = lane_of(column.type);
    v.entries = load_dictionary(*column.dictionary);
    load_codes(column, rows, static_cast<std::uint32_t>(column.dictionary->length), v);
    return v;
  }
  Vector v = load_values(column, rows);
  if (!column.validity.empty()) {
    auto valid = scratch_array<std::uint8_t>(rows.count);
    load_validity(column, rows, valid.get());
    v.valid = valid.get();
    v.valid_owner = std::move(valid);
  }
  return v;
}

Vector constant_vector(const Value& value, Lane lane, std::size_t size) {
  if (value.is_null()) return null_vector(lane, size);
  switch (lane) {
    case Lane::i64:
      return one_value(lane, value.as_signed(), size);
    case Lane::u64:
      return one_value(lane, value.as_unsigned(), size);
    case Lane::f64:
      return one_value(lane, value.as_double(), size);
    case Lane::boolean:
      return one_value(lane, static_cast<std::uint8_t>(value.as_bool()), size);
    case Lane::bytes:
      break;
  }
  struct Owned {
    std::string text;
    std::string_view view;
  };
  auto p = std::make_shared<Owned>();
  p->text = value.as_bytes();
  p->view = p->text;
  Vector v;
  v.lane = lane;
  v.constant = true;
  v.size = size;
  v.values = &p->view;
  v.values_owner = std::move(p);
  return v;
}

Vector null_vector(Lane lane, std::size_t size) {
  static const std::uint8_t absent = 0;
  static const std::string_view empty;
  static const std::uint64_t zero = 0;  // all lanes but bytes read it as their zero
  static const std::int64_t zero_signed = 0;
  static const double zero_float = 0;
  Vector v;
  v.lane = lane;
  v.constant = true;
  v.size = size;
  v.valid = &absent;
  switch (lane) {
    case Lane::bytes:
      v.values = &empty;
      break;
    case Lane::i64:
      v.values = &zero_signed;
      break;
    case Lane::u64:
      v.values = &zero;
      break;
    case Lane::f64:
      v.values = &zero_float;
      break;
    case Lane::boolean:
      v.values = &absent;
      break;
  }
  return v;
}

Vector decode(const Vector& v) {
  if (!v.codes) return v;
  return by_lane(v.lane, [&]<class T>(T*) { return gather<T>(*v.entries, v.codes, v.size); });
}

Vector flatten(const Vector& v) {
  if (v.codes) return decode(v);
  if (!v.constant) return v;
  return by_lane(v.lane, [&]<class T>(T*) { return repeat<T>(v); });
}

Vector append_vector(const Vector& v, const Vector& w) {
  const Vector a = flatten(v), b = flatten(w);
  return by_lane(a.lane, [&]<class T>(T*) { return append_typed<T>(a, b); });
}

Vector pick(const Vector& v, std::span<const std::uint32_t> rows) {
  if (v.codes) {
    Vector out = v;
    auto codes = scratch_array<std::uint32_t>(rows.size());
    for (std::size_t i = 0; i < rows.size(); ++i) codes.get()[i] = v.codes[rows[i]];
    out.codes = codes.get();
    out.codes_owner = std::move(codes);
    out.size = rows.size();
    return out;
  }
  if (v.constant) {
    Vector out = v;
    out.size = rows.size();
    return out;
  }
  return by_lane(v.lane, [&]<class T>(T*) { return gather<T>(v, rows.data(), rows.size()); });
}

void to_mask(const Vector& v, std::uint8_t* mask) {
  if (v.codes) {
    auto table = scratch_array<std::uint8_t>(v.entries->size);
    to_mask(*v.entries, table.get());
    const std::uint8_t* t = table.get();
    for (std::size_t i = 0; i < v.size; ++i) mask[i] = t[v.codes[i]];
    return;
  }
  const std::uint8_t* values = v.as<std::uint8_t>();
  if (v.constant) {
    std::fill_n(mask, v.size, static_cast<std::uint8_t>(values[0] && (!v.valid || v.valid[0])));
  } else if (v.valid) {
    for (std::size_t i = 0; i < v.size; ++i) mask[i] = values[i] & v.valid[i];
  } else {
    std::copy_n(values, v.size, mask);
  }
}

void append_to(ColumnBuilder& builder, const Vector& any) {
  const Vector v = flatten(any);
  switch (builder.type()) {
    case TypeId::i8:
      return append_fixed<std::int8_t, std::int64_t>(builder, v);
    case TypeId::i16:
      return append_fixed<std::int16_t, std::int64_t>(builder, v);
    case TypeId::i32:
    case TypeId::date:
      return append_fixed<std::int32_t, std::int64_t>(builder, v);
    case TypeId::i64:
    case TypeId::timestamp:
      return append_fixed<std::int64_t, std::int64_t>(builder, v);
    case TypeId::u8:
      return append_fixed<std::uint8_t, std::uint64_t>(builder, v);
    case TypeId::u16:
      return append_fixed<std::uint16_t, std::uint64_t>(builder, v);
    case TypeId::u32:
      return append_fixed<std::uint32_t, std::uint64_t>(builder, v);
    case TypeId::u64:
      return append_fixed<std::uint64_t, std::uint64_t>(builder, v);
    case TypeId::f32:
      return append_fixed<float, double>(builder, v);
    case TypeId::f64:
      return append_fixed<double, double>(builder, v);
    default:
      break;
  }
  for (std::size_t i = 0; i < v.size; ++i) {
    if (v.is_null(i) || builder.type() == TypeId::null)
      builder.append_null();
    else if (v.lane == Lane::bytes)
      builder.append_bytes(v.as<std::string_view>()[i]);
    else
      builder.append_bool(v.as<std::uint8_t>()[i] != 0);
  }
}

Column to_column(const Vector& v, TypeId type) {
  ColumnBuilder builder(type);
  append_to(builder, v);
  return builder.finish();
}

Value value_of(const Vector& v, std::size_t i, TypeId type) {
  if (type == TypeId::null || v.is_null(i)) return {};
  const Vector& from = v.codes ? *v.entries : v;
  const std::size_t k = v.codes ? v.codes[i] : v.constant ? 0 : i;
  switch (v.lane) {
    case Lane::i64:
      return Value::of_signed(type, from.as<std::int64_t>()[k]);
    case Lane::u64:
      return Value::of_unsigned(type, from.as<std::uint64_t>()[k]);
    case Lane::f64:
      return Value::of_float(type, from.as<double>()[k]);
    case Lane::bytes:
      return Value::of_bytes(type, std::string(from.as<std::string_view>()[k]));
    case Lane::boolean:
      break;
  }
  return Value(from.as<std::uint8_t>()[k] != 0);
}

}  // namespace firn::storage::query
