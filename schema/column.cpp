// Columns: reading values out, sharing and gathering rows.
#include <algorithm>
#include <limits>

#include "schema/batch.hpp"
#include "schema/bitmap.hpp"

namespace firn {
namespace {

std::int32_t offset_at(const Column& c, std::size_t i) noexcept {
  std::int32_t o = 0;
  std::memcpy(&o, c.offsets.data() + i * sizeof o, sizeof o);
  return o;
}

/// Bytes a row in `values`; 0 for bits and variable-length types.
std::size_t value_width(const Column& c) noexcept {
  return c.dictionary ? sizeof(std::uint32_t) : width_of(c.type);
}

void check_rows(std::span<const std::uint32_t> rows, std::int64_t length) {
  std::uint32_t greatest = 0;
  for (const std::uint32_t r : rows) greatest = std::max(greatest, r);
  FIRN_CHECK(rows.empty() || std::int64_t{greatest} < length);
}

void check_bytes(std::uint64_t bytes) {
  if (bytes > static_cast<std::uint64_t>(std::numeric_limits<std::int32_t>::max())) {
    throw Error(ErrorCode::out_of_range,
                "a column would hold more than 2 GiB of text; use fewer rows at a time");
  }
}

Buffer slice_bits(const Buffer& bits, std::size_t offset, std::size_t count) {
  if (offset % 8 == 0) return bits.slice(offset / 8, bitmap_bytes(count));
  MutableBuffer out(bitmap_bytes(count));
  copy_bits(bits.data(), offset, out.data(), 0, count);
  return out.freeze();
}

Buffer take_bits(const std::uint8_t* bits, std::span<const std::uint32_t> rows) {
  MutableBuffer out(bitmap_bytes(rows.size()));
  std::uint8_t* to = out.data();
  for (std::size_t i = 0; i < rows.size(); ++i) {
    to[i >> 3] =
        static_cast<std::uint8_t>(to[i >> 3] | (static_cast<unsigned>(bit_at(bits, rows[i])) << (i & 7)));
  }
  return out.freeze();
}

template <class T>
Buffer take_fixed(const std::uint8_t* values, std::span<const std::uint32_t> rows) {
  MutableBuffer out;
  out.resize_uninitialized(rows.size() * sizeof(T));
  T* to = out.as<T>();
  const T* from = reinterpret_cast<const T*>(values);  // NOLINT: a column's values are aligned
  for (std::size_t i = 0; i < rows.size(); ++i) to[i] = from[rows[i]];
  return out.freeze();
}

Buffer take_width(std::size_t width, const std::uint8_t* values, std::span<const std::uint32_t> rows) {
  switch (width) {
    case 1:
      return take_fixed<std::uint8_t>(values, rows);
    case 2:
      return take_fixed<std::uint16_t>(values, rows);
    case 4:
      return take_fixed<std::uint32_t>(values, rows);
    default:
      return take_fixed<std::uint64_t>(values, rows);
  }
}

/// Gathers variable-length values. Rows that follow each other are copied in one go.
void take_bytes(const Column& from, std::span<const std::uint32_t> rows, Column& to) {
  MutableBuffer offsets, values;
  offsets.resize_uninitialized((rows.size() + 1) * sizeof(std::int32_t));
  std::int32_t* o = offsets.as<std::int32_t>();
  const std::int32_t* source = reinterpret_cast<const std::int32_t*>(from.offsets.data());  // NOLINT
  std::uint64_t total = 0;
  o[0] = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    total += static_cast<std::uint64_t>(source[rows[i] + 1] - source[rows[i]]);
    o[i + 1] = static_cast<std::int32_t>(total);  // checked below, before use
  }
  check_bytes(total);
  values.resize_uninitialized(total);
  for (std::size_t i = 0; i < rows.size();) {
    std::size_t end = i + 1;
    while (end < rows.size() && rows[end] == rows[end - 1] + 1) ++end;
    const std::int32_t begin = source[rows[i]];
    const auto bytes = static_cast<std::size_t>(source[rows[end - 1] + 1] - begin);
    if (bytes != 0) std::memcpy(values.data() + o[i], from.values.data() + begin, bytes);
    i = end;
  }
  to.offsets = offsets.freeze();
  to.values = values.freeze();
}

void take_validity(const Column& from, std::span<const std::uint32_t> rows, Column& to) {
  if (from.type == TypeId::null) to.null_count = to.length;
  if (from.null_count == 0 || from.validity.empty()) return;
  Buffer validity = take_bits(from.validity.data(), rows);
  to.null_count = to.length - static_cast<std::int64_t>(count_ones(validity.data(), 0, rows.size()));
  if (to.null_count != 0) to.validity = std::move(validity);
}

/// Gathers the values of a plain column; no validity.
void take_values(const Column& from, std::span<const std::uint32_t> rows, Column& to) {
  if (is_variable(from.type)) {
    take_bytes(from, rows, to);
  } else if (from.type == TypeId::boolean) {
    to.values = take_bits(from.values.data(), rows);
  } else if (width_of(from.type) != 0) {
    to.values = take_width(width_of(from.type), from.values.data(), rows);
  }
}

}  // namespace

Value Column::value_at(std::size_t i) const {
  if (is_null(i)) return {};
  if (dictionary) return dictionary->value_at(codes()[i]);
  switch (type) {
    case TypeId::boolean:
      return bool_at(i);
    case TypeId::i8:
      return as<std::int8_t>()[i];
    case TypeId::i16:
      return as<std::int16_t>()[i];
    case TypeId::i32:
      return as<std::int32_t>()[i];
    case TypeId::i64:
      return as<std::int64_t>()[i];
    case TypeId::u8:
      return as<std::uint8_t>()[i];
    case TypeId::u16:
      return as<std::uint16_t>()[i];
    case TypeId::u32:
      return as<std::uint32_t>()[i];
    case TypeId::u64:
      return as<std::uint64_t>()[i];
    case TypeId::f32:
      return as<float>()[i];
    case TypeId::f64:
      return as<double>()[i];
    case TypeId::utf8:
      return bytes_at(i);
    case TypeId::binary:
      return Binary{std::string(bytes_at(i))};
    case TypeId::timestamp:
      return Timestamp{as<std::int64_t>()[i]};
    case TypeId::date:
      return Date{as<std::int32_t>()[i]};
    default:
      return {};
  }
}

Column Column::to_plain() const {
  if (!dictionary) return *this;
  Column out;
  out.type = type;
  out.length = length;
  out.null_count = null_count;
  out.validity = validity;
  if (dictionary->length == 0) {  // every value is NULL
    static const Buffer kNothing = MutableBuffer(sizeof(std::uint64_t)).freeze();
    Column one;
    one.type = type, one.length = 1, one.values = one.offsets = kNothing;
    const std::vector<std::uint32_t> zeros(static_cast<std::size_t>(length), 0);
    take_values(one, zeros, out);
    return out;
  }
  take_values(*dictionary, codes(), out);
  return out;
}

Column Column::slice(std::size_t offset, std::size_t count) const {
  FIRN_CHECK(offset <= static_cast<std::size_t>(length) &&
             count <= static_cast<std::size_t>(length) - offset);
  Column out;
  out.type = type;
  out.length = static_cast<std::int64_t>(count);
  out.dictionary = dictionary;
  if (type == TypeId::null) out.null_count = out.length;
  if (null_count != 0 && !validity.empty()) {
    out.null_count = out.length - static_cast<std::int64_t>(count_ones(validity.data(), offset, count));
    if (out.null_count != 0) out.validity = slice_bits(validity, offset, count);
  }
  if (const std::size_t width = value_width(*this); width != 0) {
    out.values = values.slice(offset * width, count * width);
  } else if (type == TypeId::boolean) {
    out.values = slice_bits(values, offset, count);
  } else if (is_variable(type) && !offsets.empty()) {
    out.offsets = offsets.slice(offset * sizeof(std::int32_t), (count + 1) * sizeof(std::int32_t));
    out.values = values;
  }
  return out;
}

Column Column::take(std::span<const std::uint32_t> rows) const {
  check_rows(rows, length);
  Column out;
  out.type = type;
  out.length = static_cast<std::int64_t>(rows.size());
  out.dictionary = dictionary;
  take_validity(*this, rows, out);
  if (dictionary) {
    out.values = take_fixed<std::uint32_t>(values.data(), rows);
  } else {
    take_values(*this, rows, out);
  }
  return out;
}

std::size_t Column::byte_size() const noexcept {
  std::size_t bytes = validity.size() + offsets.size();
  if (is_variable(type) && !dictionary && offsets.size() >= sizeof(std::int32_t)) {
    // A slice shares all bytes of its origin; what it refers to is what counts.
    const std::size_t last = offsets.size() / sizeof(std::int32_t) - 1;
    bytes += static_cast<std::size_t>(offset_at(*this, last) - offset_at(*this, 0));
  } else {
    bytes += values.size();
  }
  return bytes + (dictionary ? dictionary->byte_size() : 0);
}

}  // namespace firn
