#include "storage/hot/row_codec.hpp"

#include <cstring>

namespace firn::storage::hot {
namespace {

constexpr std::size_t kVersionBytes = 2;

std::size_t fixed_width(TypeId type) {
  if (is_variable(type)) return 4;
  return type == TypeId::boolean ? 1 : width_of(type);
}

template <class T>
T load(const char* p) {
  T v;
  std::memcpy(&v, p, sizeof v);
  return v;
}

template <class T>
void store(char* p, T v) {
  std::memcpy(p, &v, sizeof v);
}

void store_value(char* p, const Value& v) {
  switch (v.type()) {
    case TypeId::boolean:
      *p = v.as_bool() ? 1 : 0;
      break;
    case TypeId::i8:
      store(p, static_cast<std::int8_t>(v.as_signed()));
      break;
    case TypeId::i16:
      store(p, static_cast<std::int16_t>(v.as_signed()));
      break;
    case TypeId::i32:
    case TypeId::date:
      store(p, static_cast<std::int32_t>(v.as_signed()));
      break;
    case TypeId::i64:
    case TypeId::timestamp:
      store(p, v.as_signed());
      break;
    case TypeId::u8:
      store(p, static_cast<std::uint8_t>(v.as_unsigned()));
      break;
    case TypeId::u16:
      store(p, static_cast<std::uint16_t>(v.as_unsigned()));
      break;
    case TypeId::u32:
      store(p, static_cast<std::uint32_t>(v.as_unsigned()));
      break;
    case TypeId::u64:
      store(p, v.as_unsigned());
      break;
    case TypeId::f32:
      store(p, static_cast<float>(v.as_double()));
      break;
    case TypeId::f64:
      store(p, v.as_double());
      break;
    default:
      break;
  }
}

}  // namespace

RowLayout::RowLayout(const Schema& schema, std::uint16_t version) : schema_(schema), version_(version) {
  fixed_at_ = kVersionBytes + bitmap_bytes(schema.size());
  std::size_t at = fixed_at_, last_var = 0;
  for (const ColumnSchema& c : schema.columns()) {
    at_.push_back(at);
    previous_var_.push_back(last_var);
    if (is_variable(c.type)) last_var = at;
    at += fixed_width(c.type);
  }
  bytes_at_ = at;
}

void RowLayout::encode(const Batch& batch, std::size_t row, std::string& out) const {
  const std::size_t base = out.size();
  out.resize(base + bytes_at_);
  store(out.data() + base, version_);
  std::uint32_t end = 0;
  for (std::size_t i = 0; i < at_.size(); ++i) {
    const Column& column = batch[i];
    const bool null = column.is_null(row);
    if (null) set_bit(reinterpret_cast<std::uint8_t*>(out.data()) + base + kVersionBytes, i);
    const TypeId type = schema_[i].type;
    if (is_variable(type)) {
      if (!null) {
        const std::string_view bytes = column.bytes_at(row);
        out.append(bytes);
        end += static_cast<std::uint32_t>(bytes.size());
      }
      store(out.data() + base + at_[i], end);
    } else if (!null) {
      if (column.dictionary) {
        store_value(out.data() + base + at_[i], column.value_at(row));
      } else if (type == TypeId::boolean) {
        out[base + at_[i]] = column.bool_at(row) ? 1 : 0;
      } else {
        const std::size_t width = width_of(type);
        std::memcpy(out.data() + base + at_[i], column.values.data() + row * width, width);
      }
    }
  }
}

void RowLayout::encode(std::span<const Value> row, std::string& out) const {
  const std::size_t base = out.size();
  out.resize(base + bytes_at_);
  store(out.data() + base, version_);
  std::uint32_t end = 0;
  for (std::size_t i = 0; i < at_.size(); ++i) {
    const Value& v = row[i];
    if (v.is_null()) set_bit(reinterpret_cast<std::uint8_t*>(out.data()) + base + kVersionBytes, i);
    if (is_variable(schema_[i].type)) {
      if (!v.is_null()) {
        out.append(v.as_bytes());
        end += static_cast<std::uint32_t>(v.as_bytes().size());
      }
      store(out.data() + base + at_[i], end);
    } else if (!v.is_null()) {
      store_value(out.data() + base + at_[i], v);
    }
  }
}

Result<void> RowLayout::check(std::string_view row) const {
  if (row.size() < bytes_at_ || load<std::uint16_t>(row.data()) != version_)
    return Error(ErrorCode::corrupt, "a hot row does not fit its schema version");
  std::uint32_t end = 0;
  for (std::size_t i = 0; i < at_.size(); ++i) {
    if (!is_variable(schema_[i].type)) continue;
    const auto next = load<std::uint32_t>(row.data() + at_[i]);
    if (next < end || next > row.size() - bytes_at_)
      return Error(ErrorCode::corrupt, "a hot row has a length beyond its end in column " + schema_[i].name);
    end = next;
  }
  return {};
}

RowLayout::Cell RowLayout::cell(std::string_view row, std::size_t column) const {
  if (bit_at(reinterpret_cast<const std::uint8_t*>(row.data()) + kVersionBytes, column)) return {true, {}};
  if (!is_variable(schema_[column].type))
    return {false, row.substr(at_[column], fixed_width(schema_[column].type))};
  const std::size_t begin =
      previous_var_[column] == 0 ? 0 : load<std::uint32_t>(row.data() + previous_var_[column]);
  const std::size_t end = load<std::uint32_t>(row.data() + at_[column]);
  return {false, row.substr(bytes_at_ + begin, end - begin)};
}

Value RowLayout::value(std::string_view row, std::size_t column) const {
  const Cell c = cell(row, column);
  if (c.null) return {};
  const TypeId type = schema_[column].type;
  const char* p = c.bytes.data();
  switch (type) {
    case TypeId::boolean:
      return Value(*p != 0);
    case TypeId::i8:
      return Value::of_signed(type, load<std::int8_t>(p));
    case TypeId::i16:
      return Value::of_signed(type, load<std::int16_t>(p));
    case TypeId::i32:
    case TypeId::date:
      return Value::of_signed(type, load<std::int32_t>(p));
    case TypeId::i64:
    case TypeId::timestamp:
      return Value::of_signed(type, load<std::int64_t>(p));
    case TypeId::u8:
      return Value::of_unsigned(type, load<std::uint8_t>(p));
    case TypeId::u16:
      return Value::of_unsigned(type, load<std::uint16_t>(p));
    case TypeId::u32:
      return Value::of_unsigned(type, load<std::uint32_t>(p));
    case TypeId::u64:
      return Value::of_unsigned(type, load<std::uint64_t>(p));
    case TypeId::f32:
      return Value::of_float(type, static_cast<double>(load<float>(p)));
    case TypeId::f64:
      return Value::of_float(type, load<double>(p));
    default:
      return Value::of_bytes(type, std::string(c.bytes));
  }
}

std::optional<std::uint16_t> version_of_row(std::string_view row) {
  if (row.size() < kVersionBytes) return std::nullopt;
  return load<std::uint16_t>(row.data());
}

void RowLayout::append_to(std::string_view row, std::size_t column, ColumnBuilder& out) const {
  const Cell c = cell(row, column);
  if (c.null) return out.append_null();
  const char* p = c.bytes.data();
  switch (width_of(schema_[column].type)) {
    case 1:
      return out.append_fixed(load<std::uint8_t>(p));
    case 2:
      return out.append_fixed(load<std::uint16_t>(p));
    case 4:
      return out.append_fixed(load<std::uint32_t>(p));
    case 8:
      return out.append_fixed(load<std::uint64_t>(p));
    default:
      break;
  }
  if (schema_[column].type == TypeId::boolean) return out.append_bool(*p != 0);
  out.append_bytes(c.bytes);
}

}  // namespace firn::storage::hot
