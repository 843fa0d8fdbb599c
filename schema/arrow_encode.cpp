#include "schema/arrow_encode.hpp"

#include <algorithm>

namespace firn::arrow {
namespace fb = arrowfb;
namespace {

using Builder = flatbuffers::FlatBufferBuilder;

const std::uint8_t* zero_bytes() {
  alignas(kIpcAlignment) static constexpr std::uint8_t kZeros[kIpcAlignment] = {};
  return kZeros;
}

std::string json_string_array(const Schema& schema, const std::vector<std::size_t>& positions) {
  std::string out = "[";
  for (std::size_t p : positions) {
    if (out.size() > 1) out += ',';
    out += '"';
    for (char c : schema[p].name) {
      if (c == '"' || c == '\\') out += '\\';
      if (static_cast<unsigned char>(c) < 0x20) {
        constexpr char kHex[] = "0123456789abcdef";
        out += "\\u00";
        out += kHex[(c >> 4) & 15];
        out += kHex[c & 15];
      } else {
        out += c;
      }
    }
    out += '"';
  }
  return out + "]";
}

struct TypeRef {
  fb::Type type;
  flatbuffers::Offset<void> table;
};

TypeRef int_type(Builder& b, int bits, bool is_signed) {
  return {fb::Type::Int, fb::CreateInt(b, bits, is_signed).Union()};
}

TypeRef build_type(Builder& b, TypeId type) {
  switch (type) {
    case TypeId::boolean:
      return {fb::Type::Bool, fb::CreateBool(b).Union()};
    case TypeId::i8:
    case TypeId::i16:
    case TypeId::i32:
    case TypeId::i64:
      return int_type(b, static_cast<int>(width_of(type) * 8), true);
    case TypeId::u8:
    case TypeId::u16:
    case TypeId::u32:
    case TypeId::u64:
      return int_type(b, static_cast<int>(width_of(type) * 8), false);
    case TypeId::f32:
      return {fb::Type::FloatingPoint, fb::CreateFloatingPoint(b, fb::Precision::single).Union()};
    case TypeId::f64:
      return {fb::Type::FloatingPoint, fb::CreateFloatingPoint(b, fb::Precision::double_).Union()};
    case TypeId::utf8:
      return {fb::Type::Utf8, fb::CreateUtf8(b).Union()};
    case TypeId::binary:
      return {fb::Type::Binary, fb::CreateBinary(b).Union()};
    case TypeId::timestamp: {
      auto zone = b.CreateString("UTC");
      return {fb::Type::Timestamp, fb::CreateTimestamp(b, fb::TimeUnit::microsecond, zone).Union()};
    }
    case TypeId::date:
      return {fb::Type::Date, fb::CreateDate(b, fb::DateUnit::day).Union()};
    case TypeId::null:
      return {fb::Type::Null, fb::CreateNull(b).Union()};
    case TypeId::invalid:
      break;
  }
  FIRN_CHECK(false && "column without a type");
  return {};
}

flatbuffers::Offset<fb::KeyValue> key_value(Builder& b, std::string_view key, std::string_view value) {
  auto k = b.CreateString(key);
  auto v = b.CreateString(value);
  return fb::CreateKeyValue(b, k, v);
}

flatbuffers::Offset<fb::Field> build_field(Builder& b, const ColumnSchema& column, const FieldForm& form) {
  auto name = b.CreateString(column.name);
  TypeRef type = build_type(b, column.type);
  flatbuffers::Offset<fb::DictionaryEncoding> dictionary;
  if (form.dictionary_id)
    dictionary = fb::CreateDictionaryEncoding(b, *form.dictionary_id, fb::CreateInt(b, 32, false));
  // Some readers insist on the (empty) list of children.
  auto children = b.CreateVector(std::vector<flatbuffers::Offset<fb::Field>>{});
  flatbuffers::Offset<flatbuffers::Vector<flatbuffers::Offset<fb::KeyValue>>> metadata;
  if (column.id != 0) {
    std::vector<flatbuffers::Offset<fb::KeyValue>> pairs{
        key_value(b, kMetadataId, std::to_string(column.id))};
    metadata = b.CreateVector(pairs);
  }
  return fb::CreateField(b, name, column.nullable, type.type, type.table, dictionary, children, metadata);
}

/// Prefix, the finished message and padding in one buffer.
Buffer frame(Builder& b) {
  std::size_t total = 8 + b.GetSize();
  total = (total + kIpcAlignment - 1) / kIpcAlignment * kIpcAlignment;
  MutableBuffer out(total);
  const auto metadata_length = static_cast<std::uint32_t>(total - 8);
  std::memcpy(out.data(), &kContinuation, 4);
  std::memcpy(out.data() + 4, &metadata_length, 4);
  std::memcpy(out.data() + 8, b.GetBufferPointer(), b.GetSize());
  return out.freeze();
}

Buffer finish_message(Builder& b, fb::MessageHeader kind, flatbuffers::Offset<void> header,
                      std::uint64_t body_length) {
  b.Finish(
      fb::CreateMessage(b, fb::MetadataVersion::V5, kind, header, static_cast<std::int64_t>(body_length)));
  return frame(b);
}

/// Collects the body buffers and where they lie.
class Body {
 public:
  void add(Buffer bytes) {
    refs_.emplace_back(static_cast<std::int64_t>(length_), static_cast<std::int64_t>(bytes.size()));
    if (bytes.empty()) return;
    length_ += bytes.size();
    parts_.push_back(std::move(bytes));
    Buffer pad = padding_for(length_);
    length_ += pad.size();
    if (!pad.empty()) parts_.push_back(std::move(pad));
  }
  std::span<const fb::Buffer> refs() const { return refs_; }
  std::vector<Buffer> take_parts() { return std::move(parts_); }
  std::uint64_t length() const { return length_; }

 private:
  std::vector<fb::Buffer> refs_;
  std::vector<Buffer> parts_;
  std::uint64_t length_ = 0;
};

Buffer first_bytes(const Buffer& b, std::size_t n) {
  FIRN_CHECK(b.size() >= n);
  return b.slice(0, n);
}

/// Offsets that begin at 0 and the bytes that they span.
void add_variable(Body& body, const Column& c) {
  const auto n = static_cast<std::size_t>(c.length);
  if (c.offsets.empty()) {
    FIRN_CHECK(n == 0);
    body.add(Buffer(nullptr, zero_bytes(), 4));
    body.add({});
    return;
  }
  FIRN_CHECK(c.offsets.size() >= (n + 1) * 4);
  const std::span<const std::int32_t> offsets = c.offsets.as<std::int32_t>();
  const std::int32_t first = offsets[0];
  if (first == 0) {
    body.add(c.offsets.slice(0, (n + 1) * 4));
  } else {
    MutableBuffer rebased;
    rebased.resize_uninitialized((n + 1) * 4);
    std::transform(offsets.begin(), offsets.begin() + static_cast<std::ptrdiff_t>(n + 1),
                   rebased.as<std::int32_t>(), [first](std::int32_t o) { return o - first; });
    body.add(rebased.freeze());
  }
  const auto begin = static_cast<std::size_t>(first);
  const auto end = static_cast<std::size_t>(offsets[n]);
  FIRN_CHECK(begin <= end && end <= c.values.size());
  body.add(c.values.slice(begin, end - begin));
}

void add_column(Body& body, const Column& c) {
  if (c.type == TypeId::null) return;
  const auto n = static_cast<std::size_t>(c.length);
  body.add(c.null_count == 0 || c.validity.empty() ? Buffer{} : first_bytes(c.validity, bitmap_bytes(n)));
  if (c.dictionary) {
    body.add(first_bytes(c.values, n * 4));
  } else if (is_variable(c.type)) {
    add_variable(body, c);
  } else if (c.type == TypeId::boolean) {
    body.add(first_bytes(c.values, bitmap_bytes(n)));
  } else {
    body.add(first_bytes(c.values, n * width_of(c.type)));
  }
}

std::int64_t null_count_of(const Column& c) {
  if (c.type == TypeId::null) return c.length;
  return c.validity.empty() ? 0 : c.null_count;
}

flatbuffers::Offset<fb::RecordBatch> build_batch(Builder& b, std::int64_t rows,
                                                 std::span<const Column> columns, Body& body) {
  std::vector<fb::FieldNode> nodes;
  nodes.reserve(columns.size());
  for (const Column& c : columns) {
    nodes.emplace_back(c.length, null_count_of(c));
    add_column(body, c);
  }
  auto node_vector = b.CreateVectorOfStructs(nodes.data(), nodes.size());
  auto buffer_vector = b.CreateVectorOfStructs(body.refs().data(), body.refs().size());
  return fb::CreateRecordBatch(b, rows, node_vector, buffer_vector);
}

}  // namespace

Buffer padding_for(std::uint64_t length) {
  const std::size_t over = length % kIpcAlignment;
  return over == 0 ? Buffer{} : Buffer(nullptr, zero_bytes(), kIpcAlignment - over);
}

Buffer EncodedMessage::join() const {
  MutableBuffer out;
  out.reserve(static_cast<std::size_t>(length()));
  out.append(metadata.data(), metadata.size());
  for (const Buffer& b : body) out.append(b.data(), b.size());
  return out.freeze();
}

flatbuffers::Offset<fb::Schema> build_schema(Builder& b, const Schema& schema,
                                             std::span<const FieldForm> forms) {
  std::vector<flatbuffers::Offset<fb::Field>> fields;
  fields.reserve(schema.size());
  for (std::size_t i = 0; i < schema.size(); ++i)
    fields.push_back(build_field(b, schema[i], forms.empty() ? FieldForm{} : forms[i]));
  auto field_vector = b.CreateVector(fields);
  std::vector<flatbuffers::Offset<fb::KeyValue>> pairs;
  if (!schema.key().empty())
    pairs.push_back(key_value(b, kMetadataKey, json_string_array(schema, schema.key())));
  if (schema.time()) pairs.push_back(key_value(b, kMetadataTime, schema[*schema.time()].name));
  flatbuffers::Offset<flatbuffers::Vector<flatbuffers::Offset<fb::KeyValue>>> metadata;
  if (!pairs.empty()) metadata = b.CreateVector(pairs);
  return fb::CreateSchema(b, fb::Endianness::little, field_vector, metadata);
}

EncodedMessage encode_schema(const Schema& schema, std::span<const FieldForm> forms) {
  Builder b(1024);
  auto header = build_schema(b, schema, forms);
  EncodedMessage out;
  out.metadata = finish_message(b, fb::MessageHeader::Schema, header.Union(), 0);
  return out;
}

EncodedMessage encode_record_batch(std::int64_t rows, std::span<const Column> columns) {
  Builder b(1024);
  Body body;
  auto header = build_batch(b, rows, columns, body);
  EncodedMessage out;
  out.metadata = finish_message(b, fb::MessageHeader::RecordBatch, header.Union(), body.length());
  out.body_length = body.length();
  out.body = body.take_parts();
  return out;
}

EncodedMessage encode_dictionary_batch(std::int64_t id, const Column& values, bool is_delta) {
  Builder b(512);
  Body body;
  auto data = build_batch(b, values.length, {&values, 1}, body);
  auto header = fb::CreateDictionaryBatch(b, id, data, is_delta);
  EncodedMessage out;
  out.metadata = finish_message(b, fb::MessageHeader::DictionaryBatch, header.Union(), body.length());
  out.body_length = body.length();
  out.body = body.take_parts();
  return out;
}

Buffer encode_schema_message(const Schema& schema) { return encode_schema(schema, {}).metadata; }

EncodedMessage encode_batch_parts(const Batch& batch) {
  const auto& columns = batch.columns();
  const bool plain =
      std::none_of(columns.begin(), columns.end(), [](const Column& c) { return c.dictionary; });
  if (plain) return encode_record_batch(batch.rows(), columns);
  std::vector<Column> flat;
  flat.reserve(columns.size());
  for (const Column& c : columns) flat.push_back(c.dictionary ? c.to_plain() : c);
  return encode_record_batch(batch.rows(), flat);
}

Buffer encode_batch_message(const Batch& batch) { return encode_batch_parts(batch).join(); }

}  // namespace firn::arrow
