// ColumnBuilder: values one by one or column by column into Arrow buffers.
#include <algorithm>
#include <utility>

#include "schema/batch.hpp"
#include "schema/bitmap.hpp"
#include "schema/coerce.hpp"

namespace firn {
namespace {

void push_bit(MutableBuffer& bits, std::size_t at, bool value) {
  if (at % 8 == 0) bits.push(std::uint8_t{0});
  if (value) {
    set_bit(bits.data(), at);
  } else {
    clear_bit(bits.data(), at);  // truncate() leaves old bits behind
  }
}

void append_bits(MutableBuffer& bits, std::size_t at, const std::uint8_t* from, std::size_t count) {
  bits.resize(bitmap_bytes(at + count));
  copy_bits(from, 0, bits.data(), at, count);
}

void append_ones(MutableBuffer& bits, std::size_t at, std::size_t count) {
  bits.resize(bitmap_bytes(at + count));
  fill_bits(bits.data(), at, count, true);
}

}  // namespace

ColumnBuilder::ColumnBuilder(TypeId type) : type_(type) {
  if (is_variable(type_)) offsets_.push(std::int32_t{0});
}

std::size_t ColumnBuilder::byte_size() const noexcept {
  return validity_.size() + values_.size() + offsets_.size();
}

std::string_view ColumnBuilder::last_bytes() const {
  FIRN_CHECK(is_variable(type_) && length_ > 0);
  const auto* offsets = reinterpret_cast<const std::int32_t*>(offsets_.data());  // NOLINT: aligned
  const auto* bytes = reinterpret_cast<const char*>(values_.data());             // NOLINT: bytes
  return {bytes + offsets[length_ - 1], bytes + offsets[length_]};
}

bool ColumnBuilder::last_is_null() const {
  FIRN_CHECK(length_ > 0);
  return type_ == TypeId::null ||
         (has_nulls_ && !bit_at(validity_.data(), static_cast<std::size_t>(length_) - 1));
}

/// Called before length_ grows by one.
void ColumnBuilder::grow_validity(bool valid) {
  if (!has_nulls_) {
    has_nulls_ = true;
    append_ones(validity_, 0, static_cast<std::size_t>(length_));
  }
  push_bit(validity_, static_cast<std::size_t>(length_), valid);
}

void ColumnBuilder::append_null() {
  if (type_ != TypeId::null) grow_validity(false);
  ++null_count_;
  if (is_variable(type_)) {
    offsets_.push(static_cast<std::int32_t>(values_.size()));
  } else if (type_ == TypeId::boolean) {
    push_bit(values_, static_cast<std::size_t>(length_), false);
  } else {
    values_.resize(values_.size() + width_of(type_));
  }
  ++length_;
}

void ColumnBuilder::append_bool(bool v) {
  push_bit(values_, static_cast<std::size_t>(length_), v);
  if (has_nulls_) grow_validity(true);
  ++length_;
}

void ColumnBuilder::expect_as_much() {
  if (last_values_ == 0) return;
  values_.reserve(std::exchange(last_values_, 0));
  offsets_.reserve(std::exchange(last_offsets_, 0));
}

Result<void> ColumnBuilder::append_text(std::string_view v) {
  if (length_ == 0) expect_as_much();
  if (put(v)) return {};
  if (type_ != TypeId::utf8 || v.size() > kBytesMax - values_.size() || !is_utf8(v)) return append(Value(v));
  append_bytes(v);
  return {};
}

Result<void> ColumnBuilder::append_integer(std::int64_t v) {
  if (length_ == 0) expect_as_much();
  return put(v) ? Result<void>() : append(Value(v));
}

Result<void> ColumnBuilder::append_double(double v) {
  if (length_ == 0) expect_as_much();
  return put(v) ? Result<void>() : append(Value(v));
}

Result<void> ColumnBuilder::append(const Value& v) {
  if (v.is_null()) {
    append_null();
    return {};
  }
  if (length_ == 0) expect_as_much();
  if (v.type() == type_ && type_ != TypeId::utf8) return append_same(v);
  const Result<Value> coerced = coerce(v, type_);
  return coerced ? append_same(*coerced) : coerced.error();
}

/// A value of the column's own type.
Result<void> ColumnBuilder::append_same(const Value& c) {
  switch (type_) {
    case TypeId::boolean:
      append_bool(c.as_bool());
      break;
    case TypeId::i8:
      append_fixed(static_cast<std::int8_t>(c.as_signed()));
      break;
    case TypeId::i16:
      append_fixed(static_cast<std::int16_t>(c.as_signed()));
      break;
    case TypeId::date:
    case TypeId::i32:
      append_fixed(static_cast<std::int32_t>(c.as_signed()));
      break;
    case TypeId::timestamp:
    case TypeId::i64:
      append_fixed(c.as_signed());
      break;
    case TypeId::u8:
      append_fixed(static_cast<std::uint8_t>(c.as_unsigned()));
      break;
    case TypeId::u16:
      append_fixed(static_cast<std::uint16_t>(c.as_unsigned()));
      break;
    case TypeId::u32:
      append_fixed(static_cast<std::uint32_t>(c.as_unsigned()));
      break;
    case TypeId::u64:
      append_fixed(c.as_unsigned());
      break;
    case TypeId::f32:
      append_fixed(static_cast<float>(c.as_double()));
      break;
    case TypeId::f64:
      append_fixed(c.as_double());
      break;
    default:
      if (c.as_bytes().size() > kBytesMax - values_.size()) {
        return Error(ErrorCode::out_of_range,
                     "a column of one batch holds at most 2 GiB of text; write it in parts");
      }
      append_bytes(c.as_bytes());
  }
  return {};
}

void ColumnBuilder::append_from(const Column& from, std::size_t i) {
  FIRN_CHECK(from.type == type_);
  if (from.is_null(i)) return append_null();
  if (from.dictionary) return append_from(*from.dictionary, from.codes()[i]);
  if (is_variable(type_)) return append_bytes(from.bytes_at(i));
  if (type_ == TypeId::boolean) return append_bool(from.bool_at(i));
  switch (width_of(type_)) {
    case 1:
      return append_fixed(from.as<std::uint8_t>()[i]);
    case 2:
      return append_fixed(from.as<std::uint16_t>()[i]);
    case 4:
      return append_fixed(from.as<std::uint32_t>()[i]);
    default:
      return append_fixed(from.as<std::uint64_t>()[i]);
  }
}

void ColumnBuilder::append_column(const Column& from) {
  FIRN_CHECK(from.type == type_);
  if (from.dictionary) return append_column(from.to_plain());
  const auto at = static_cast<std::size_t>(length_), count = static_cast<std::size_t>(from.length);
  if (count == 0) return;
  if (is_variable(type_)) {
    const std::int32_t* o = reinterpret_cast<const std::int32_t*>(from.offsets.data());  // NOLINT: aligned
    const auto bytes = static_cast<std::size_t>(o[count] - o[0]);
    if (bytes > kBytesMax - values_.size()) {
      throw Error(ErrorCode::out_of_range,
                  "a column would hold more than 2 GiB of text; use fewer rows at a time");
    }
    const std::int32_t shift = static_cast<std::int32_t>(values_.size()) - o[0];
    if (bytes != 0) values_.append(from.values.data() + o[0], bytes);
    offsets_.resize_uninitialized((at + count + 1) * sizeof(std::int32_t));
    std::int32_t* to = offsets_.as<std::int32_t>() + at + 1;
    for (std::size_t i = 0; i < count; ++i) to[i] = o[i + 1] + shift;
  } else if (type_ == TypeId::boolean) {
    append_bits(values_, at, from.values.data(), count);
  } else {
    values_.append(from.values.data(), count * width_of(type_));
  }
  const bool nulls = from.null_count != 0 && !from.validity.empty();
  if (nulls && !has_nulls_) {
    has_nulls_ = true;
    append_ones(validity_, 0, at);
  }
  if (nulls) {
    append_bits(validity_, at, from.validity.data(), count);
  } else if (has_nulls_) {
    append_ones(validity_, at, count);
  }
  null_count_ += type_ == TypeId::null ? from.length : nulls ? from.null_count : 0;
  length_ += from.length;
}

void ColumnBuilder::truncate(std::int64_t length) {
  FIRN_CHECK(length >= 0 && length <= length_);
  const auto rows = static_cast<std::size_t>(length);
  if (is_variable(type_)) {
    values_.resize(static_cast<std::size_t>(offsets_.as<std::int32_t>()[rows]));
    offsets_.resize((rows + 1) * sizeof(std::int32_t));
  } else if (type_ == TypeId::boolean) {
    values_.resize(bitmap_bytes(rows));
  } else {
    values_.resize(rows * width_of(type_));
  }
  if (type_ == TypeId::null) null_count_ = length;
  if (has_nulls_) {
    null_count_ = length - static_cast<std::int64_t>(count_ones(validity_.data(), 0, rows));
    has_nulls_ = null_count_ != 0;
    validity_.resize(has_nulls_ ? bitmap_bytes(rows) : 0);
  }
  length_ = length;
}

Column ColumnBuilder::finish() {
  Column c;
  c.type = type_;
  c.length = length_;
  c.null_count = null_count_;
  last_values_ = values_.size();
  last_offsets_ = offsets_.size();
  if (has_nulls_) c.validity = validity_.freeze();
  c.values = values_.freeze();
  c.offsets = offsets_.freeze();
  length_ = null_count_ = 0;
  has_nulls_ = false;
  if (is_variable(type_)) offsets_.push(std::int32_t{0});
  return c;
}

}  // namespace firn
