#include "storage/column_conversion.hpp"

#include <cmath>
#include <limits>
#include <utility>

#include "schema/schema_change.hpp"

namespace firn::storage {
namespace {

/// Calls `use` with a value of the C++ type that stores the column type.
template <class Use>
void with_storage_of(TypeId type, Use use) {
  switch (type) {
    case TypeId::i8:
      return use(std::int8_t{});
    case TypeId::i16:
      return use(std::int16_t{});
    case TypeId::i32:
    case TypeId::date:
      return use(std::int32_t{});
    case TypeId::i64:
    case TypeId::timestamp:
      return use(std::int64_t{});
    case TypeId::u8:
      return use(std::uint8_t{});
    case TypeId::u16:
      return use(std::uint16_t{});
    case TypeId::u32:
      return use(std::uint32_t{});
    case TypeId::u64:
      return use(std::uint64_t{});
    case TypeId::f32:
      return use(float{});
    case TypeId::f64:
      return use(double{});
    default:
      return;
  }
}

template <class To, class From>
bool fits(From v) {
  if constexpr (std::is_integral_v<From> && std::is_integral_v<To>) {
    return std::in_range<To>(v);
  } else if constexpr (std::is_integral_v<To>) {
    const double limit = std::ldexp(1.0, std::numeric_limits<To>::digits);
    return static_cast<double>(v) < limit && static_cast<double>(v) >= (std::is_signed_v<To> ? -limit : 0.0);
  } else if constexpr (std::is_same_v<To, float> && std::is_same_v<From, double>) {
    return !std::isfinite(v) || std::abs(v) <= static_cast<double>(std::numeric_limits<float>::max());
  } else {
    return true;
  }
}

/// Takes plain values over, one by one; `convert_one` says false where a value does not fit.
template <class From, class To, class ConvertOne>
void convert_each(const Column& from, Column& to, ConvertOne convert_one) {
  const auto rows = static_cast<std::size_t>(from.length);
  const std::span<const From> values = from.as<From>();
  MutableBuffer out(rows * sizeof(To)), validity;
  for (std::size_t i = 0; i < rows; ++i) {
    if (from.is_null(i) || convert_one(values[i], out.as<To>()[i])) continue;
    if (validity.size() == 0) {
      validity.resize(bitmap_bytes(rows));
      for (std::size_t j = 0; j < rows; ++j)
        if (!from.is_null(j)) set_bit(validity.data(), j);
    }
    clear_bit(validity.data(), i);
    to.null_count += 1;
  }
  to.values = out.freeze();
  if (validity.size() != 0) to.validity = validity.freeze();
}

Column convert_plain(const Column& from, TypeId type) {
  Column to;
  to.type = type;
  to.length = from.length;
  to.null_count = from.null_count;
  to.validity = from.validity;
  with_storage_of(from.type, [&](auto source) {
    with_storage_of(type, [&](auto target) {
      using From = decltype(source);
      using To = decltype(target);
      convert_each<From, To>(from, to, [](From v, To& out) {
        if (!fits<To>(v)) return false;
        out = static_cast<To>(v);
        return true;
      });
    });
  });
  return to;
}

}  // namespace

Column convert(const Column& from, TypeId to) {
  if (from.type == to) return from;
  if (!from.dictionary) return convert_plain(from, to);
  if (!is_widening(from.type, to)) return convert_plain(from.to_plain(), to);
  Column values = convert_plain(*from.dictionary, to);
  Column out = from;
  out.type = to;
  out.dictionary = std::make_shared<const Column>(std::move(values));
  return out;
}

Value convert(const Value& from, TypeId to) {
  const Result<Value> v = from.cast(to);
  return v ? *v : Value();
}

Column constant_column(const Value& value, TypeId type, std::size_t rows) {
  ColumnBuilder one(type);
  if (value.is_null() || !one.append(value)) {
    for (std::size_t i = 0; i < rows; ++i) one.append_null();
    return one.finish();
  }
  Column out;
  out.type = type;
  out.length = static_cast<std::int64_t>(rows);
  out.values = MutableBuffer(rows * sizeof(std::uint32_t)).freeze();
  out.dictionary = std::make_shared<const Column>(one.finish());
  return out;
}

}  // namespace firn::storage
