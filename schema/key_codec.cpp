// The encoding of one value and one key; many keys at once are in key_column.cpp. Layout: key_codec.hpp,
// formats/keys.md.
#include "schema/key_codec.hpp"

#include "schema/coerce.hpp"
#include "schema/key_bits.hpp"

namespace firn {
namespace {

constexpr char kEscape = '\xFF';  // behind a 00 byte of the value
constexpr char kEnd = '\0';       // behind the 00 byte that ends the value

Error corrupt(std::string_view what) { return {ErrorCode::corrupt, "an encoded key " + std::string(what)}; }

Error null_key(const ColumnSchema& c) {
  return {ErrorCode::invalid_argument, "key column \"" + c.name + "\" is NULL"};
}

Error too_long(const ColumnSchema& c, std::size_t bytes) {
  return {ErrorCode::invalid_argument, "the key takes " + std::to_string(bytes) + " bytes with column \"" +
                                           c.name + "\"; at most 503 are possible"};
}

/// Big-endian, the lowest `width` bytes.
void append_big_endian(std::uint64_t v, std::size_t width, std::string& out) {
  for (std::size_t i = width; i-- > 0;) out.push_back(static_cast<char>(v >> (8 * i)));
}

std::uint64_t bits_of(const Value& v) {
  switch (v.type()) {
    case TypeId::boolean:
      return v.as_bool() ? 1 : 0;
    case TypeId::f32:
      return key_bits(static_cast<float>(v.as_double()));
    case TypeId::f64:
      return key_bits(v.as_double());
    case TypeId::i8:
      return key_bits(static_cast<std::int8_t>(v.as_signed()));
    case TypeId::i16:
      return key_bits(static_cast<std::int16_t>(v.as_signed()));
    case TypeId::date:
    case TypeId::i32:
      return key_bits(static_cast<std::int32_t>(v.as_signed()));
    case TypeId::timestamp:
    case TypeId::i64:
      return key_bits(v.as_signed());
    default:
      return v.as_unsigned();
  }
}

Value value_of(TypeId type, std::uint64_t bits) {
  switch (type) {
    case TypeId::boolean:
      return bits != 0;
    case TypeId::f32:
      return from_key_bits<float>(bits);
    case TypeId::f64:
      return from_key_bits<double>(bits);
    case TypeId::i8:
      return from_key_bits<std::int8_t>(bits);
    case TypeId::i16:
      return from_key_bits<std::int16_t>(bits);
    case TypeId::i32:
      return from_key_bits<std::int32_t>(bits);
    case TypeId::i64:
      return from_key_bits<std::int64_t>(bits);
    case TypeId::date:
      return Date{from_key_bits<std::int32_t>(bits)};
    case TypeId::timestamp:
      return Timestamp{from_key_bits<std::int64_t>(bits)};
    default:
      return Value::of_unsigned(type, bits);
  }
}

Result<Value> decode_bytes(TypeId type, std::string_view& rest) {
  std::string bytes;
  while (true) {
    const std::size_t zero = rest.find('\0');
    if (zero == std::string_view::npos || zero + 1 == rest.size())
      return corrupt("has a text without an end");
    bytes.append(rest.substr(0, zero));
    const char mark = rest[zero + 1];
    rest.remove_prefix(zero + 2);
    if (mark == kEnd) break;
    if (mark != kEscape) return corrupt("has a text with a wrong escape");
    bytes.push_back('\0');
  }
  if (type == TypeId::utf8 && !is_utf8(bytes)) return corrupt("has a text that is not UTF-8");
  return Value::of_bytes(type, std::move(bytes));
}

Result<Value> decode_value(TypeId type, std::string_view& rest) {
  if (is_variable(type)) return decode_bytes(type, rest);
  const std::size_t width = key_width(type);
  if (rest.size() < width) return corrupt("ends early");
  const std::uint64_t bits = KeyColumn::to_fixed(rest.substr(0, width));
  rest.remove_prefix(width);
  if (type == TypeId::boolean && bits > 1) return corrupt("has a bool that is neither 0 nor 1");
  Value v = value_of(type, bits);
  // Only -0 and the many NaNs have a second form; a key has one form, or look-ups would miss it.
  if (is_float(type) && bits_of(v) != bits) return corrupt("has a float that is not in its one form");
  return v;
}

}  // namespace

void append_key_bytes(std::string_view bytes, std::string& out) {
  for (std::size_t zero = bytes.find('\0'); zero != std::string_view::npos; zero = bytes.find('\0')) {
    out.append(bytes.substr(0, zero + 1)).push_back(kEscape);
    bytes.remove_prefix(zero + 1);
  }
  out.append(bytes).append({'\0', kEnd});
}

void append_key_value(const Column& column, std::size_t row, std::string& out) {
  const Column* c = &column;
  if (c->dictionary) row = c->codes()[row], c = c->dictionary.get();
  if (is_variable(c->type)) return append_key_bytes(c->bytes_at(row), out);
  append_big_endian(bits_of(c->value_at(row)), key_width(c->type), out);
}

Result<void> append_key(const Schema& schema, std::span<const Column* const> columns, std::size_t row,
                        std::string& out) {
  const std::size_t begin = out.size();
  for (std::size_t k = 0; k < columns.size(); ++k) {
    const ColumnSchema& c = schema[schema.key()[k]];
    if (columns[k]->is_null(row)) {
      out.resize(begin);
      return null_key(c);
    }
    append_key_value(*columns[k], row, out);
    if (const std::size_t bytes = out.size() - begin; bytes > kEncodedKeyMax) {
      out.resize(begin);
      return too_long(c, bytes);
    }
  }
  return {};
}

Result<void> encode_key(const Schema& schema, const Batch& batch, std::size_t row, std::string& out) {
  std::vector<const Column*> columns;
  for (const std::size_t at : schema.key()) columns.push_back(&batch[at]);
  return append_key(schema, columns, row, out);
}

Result<std::string> encode_key(const Schema& schema, std::span<const Value> key) {
  if (key.size() != schema.key().size()) {
    return Error(ErrorCode::invalid_argument, "the key has " + std::to_string(schema.key().size()) +
                                                  " columns, not " + std::to_string(key.size()));
  }
  std::string out;
  for (std::size_t k = 0; k < key.size(); ++k) {
    const ColumnSchema& c = schema[schema.key()[k]];
    if (key[k].is_null()) return null_key(c);
    const Result<Value> v = coerce(key[k], c.type);
    if (!v) return v.error().within("key column \"" + c.name + "\"");
    if (is_variable(c.type)) {
      append_key_bytes(v->as_bytes(), out);
    } else {
      append_big_endian(bits_of(*v), key_width(c.type), out);
    }
    if (out.size() > kEncodedKeyMax) return too_long(c, out.size());
  }
  return out;
}

Result<Key> decode_key(const Schema& schema, std::string_view encoded) {
  if (encoded.size() > kEncodedKeyMax) return corrupt("is longer than 503 bytes");
  Key key;
  for (const std::size_t at : schema.key()) {
    Result<Value> v = decode_value(schema[at].type, encoded);
    if (!v) return v.error().within("column \"" + schema[at].name + "\"");
    key.push_back(std::move(*v));
  }
  if (!encoded.empty()) return corrupt("has bytes behind its last column");
  return key;
}

bool has_fixed_key(const Schema& schema) noexcept {
  return schema.key().size() == 1 && key_width(schema[schema.key()[0]].type) != 0;
}

}  // namespace firn
