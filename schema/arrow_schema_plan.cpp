// From the Arrow schema of any writer to our types.
#include <fmt/format.h>

#include <charconv>

#include "schema/arrow_decode.hpp"

namespace firn::arrow {
namespace fb = arrowfb;
namespace {

Error unsupported(const FieldPlan& f, std::string_view what) {
  return {
      ErrorCode::unsupported,
      fmt::format("column \"{}\" has the Arrow type {}, which firn does not hold; leave it out or cast it",
                  f.name, what)};
}

Error damaged(const FieldPlan& f, std::string_view what) {
  return {ErrorCode::corrupt, fmt::format("Arrow schema: column \"{}\": {}", f.name, what)};
}

std::optional<TypeId> int_type(int bits, bool is_signed) {
  switch (bits) {
    case 8:
      return is_signed ? TypeId::i8 : TypeId::u8;
    case 16:
      return is_signed ? TypeId::i16 : TypeId::u16;
    case 32:
      return is_signed ? TypeId::i32 : TypeId::u32;
    case 64:
      return is_signed ? TypeId::i64 : TypeId::u64;
    default:
      return std::nullopt;
  }
}

Result<void> plan_float(FieldPlan& f, const fb::FloatingPoint& t) {
  switch (t.precision()) {
    case fb::Precision::half:
      f.type = TypeId::f32;
      f.conversion = Conversion::half_float;
      return {};
    case fb::Precision::single:
      f.type = TypeId::f32;
      return {};
    case fb::Precision::double_:
      f.type = TypeId::f64;
      return {};
  }
  return damaged(f, "unknown floating point precision");
}

Result<void> plan_date(FieldPlan& f, const fb::Date& t) {
  f.type = TypeId::date;
  switch (t.unit()) {
    case fb::DateUnit::day:
      return {};
    case fb::DateUnit::millisecond:
      f.conversion = Conversion::milliseconds_to_days;
      return {};
  }
  return damaged(f, "unknown date unit");
}

Result<void> plan_timestamp(FieldPlan& f, const fb::Timestamp& t) {
  f.type = TypeId::timestamp;
  switch (t.unit()) {
    case fb::TimeUnit::second:
      f.conversion = Conversion::seconds_to_us;
      return {};
    case fb::TimeUnit::millisecond:
      f.conversion = Conversion::milliseconds_to_us;
      return {};
    case fb::TimeUnit::microsecond:
      return {};
    case fb::TimeUnit::nanosecond:
      f.conversion = Conversion::nanoseconds_to_us;
      return {};
  }
  return damaged(f, "unknown time unit");
}

Result<void> plan_int(FieldPlan& f, const fb::Int& t) {
  auto type = int_type(t.bit_width(), t.is_signed());
  if (!type) return damaged(f, fmt::format("integer of {} bits", t.bit_width()));
  f.type = *type;
  return {};
}

Result<void> plan_type(FieldPlan& f, const fb::Field& field) {
  if (field.type() == nullptr) return damaged(f, "no type");
  switch (field.type_type()) {
    case fb::Type::Null:
      f.type = TypeId::null;
      return {};
    case fb::Type::Bool:
      f.type = TypeId::boolean;
      return {};
    case fb::Type::Utf8:
      f.type = TypeId::utf8;
      return {};
    case fb::Type::Binary:
      f.type = TypeId::binary;
      return {};
    case fb::Type::Int:
      return plan_int(f, *field.type_as_Int());
    case fb::Type::FloatingPoint:
      return plan_float(f, *field.type_as_FloatingPoint());
    case fb::Type::Date:
      return plan_date(f, *field.type_as_Date());
    case fb::Type::Timestamp:
      return plan_timestamp(f, *field.type_as_Timestamp());
    case fb::Type::LargeUtf8:
    case fb::Type::LargeBinary:
      f.type = field.type_type() == fb::Type::LargeUtf8 ? TypeId::utf8 : TypeId::binary;
      f.conversion = Conversion::large_offsets;
      return {};
    case fb::Type::FixedSizeBinary:
      f.type = TypeId::binary;
      f.conversion = Conversion::fixed_size;
      f.byte_width = field.type_as_FixedSizeBinary()->byte_width();
      if (f.byte_width < 0) return damaged(f, "negative byte width");
      return {};
    default:
      break;
  }
  const char* name =
      field.type_type() <= fb::Type::MAX ? fb::EnumNameType(field.type_type()) : "of a newer format";
  return unsupported(f, name);
}

Result<void> plan_dictionary(FieldPlan& f, const fb::DictionaryEncoding& d) {
  FieldPlan::Index index;
  index.id = d.id();
  if (d.index_type() != nullptr) {
    index.bits = d.index_type()->bit_width();
    index.is_signed = d.index_type()->is_signed();
  }
  if (!int_type(index.bits, index.is_signed))
    return damaged(f, fmt::format("dictionary index of {} bits", index.bits));
  if (f.type == TypeId::null) return unsupported(f, "dictionary of Null");
  f.dictionary = index;
  return {};
}

using KeyValues = flatbuffers::Vector<flatbuffers::Offset<fb::KeyValue>>;

std::optional<std::string_view> metadata_value(const KeyValues* pairs, std::string_view key) {
  if (pairs == nullptr) return std::nullopt;
  for (const fb::KeyValue* p : *pairs)
    if (p != nullptr && p->key() != nullptr && p->value() != nullptr && p->key()->string_view() == key)
      return p->value()->string_view();
  return std::nullopt;
}

Result<FieldPlan> plan_field(const fb::Field* field) {
  FieldPlan f;
  if (field == nullptr) return damaged(f, "missing");
  if (field->name() != nullptr) f.name = field->name()->str();
  f.nullable = field->nullable();
  FIRN_TRY(plan_type(f, *field));
  if (field->children() != nullptr && field->children()->size() != 0)
    return damaged(f, "a flat type with children");
  if (field->dictionary() != nullptr) FIRN_TRY(plan_dictionary(f, *field->dictionary()));
  if (auto id = metadata_value(field->custom_metadata(), kMetadataId))
    std::from_chars(id->data(), id->data() + id->size(), f.column_id);
  return f;
}

/// Reads ["a","b"] as json_string_array() writes it; nothing on any other text.
std::optional<std::vector<std::string>> parse_string_array(std::string_view text) {
  std::vector<std::string> out;
  if (text.size() < 2 || text.front() != '[' || text.back() != ']') return std::nullopt;
  text = text.substr(1, text.size() - 2);
  std::size_t i = 0;
  while (i < text.size()) {
    if (text[i] == ',' && !out.empty()) ++i;
    if (i >= text.size() || text[i] != '"') return std::nullopt;
    std::string name;
    for (++i; i < text.size() && text[i] != '"'; ++i) {
      if (text[i] != '\\') {
        name += text[i];
      } else if (i + 5 < text.size() && text[i + 1] == 'u') {
        unsigned code = 0;
        auto [end, ec] = std::from_chars(text.data() + i + 2, text.data() + i + 6, code, 16);
        if (ec != std::errc{} || end != text.data() + i + 6 || code >= 0x20) return std::nullopt;
        name += static_cast<char>(code);
        i += 5;
      } else if (i + 1 < text.size()) {
        name += text[++i];
      }
    }
    if (i >= text.size()) return std::nullopt;
    ++i;
    out.push_back(std::move(name));
  }
  return out;
}

std::vector<ColumnSchema> columns_of(std::span<const FieldPlan> fields) {
  std::vector<ColumnSchema> out;
  out.reserve(fields.size());
  for (const FieldPlan& f : fields) out.push_back({f.column_id, f.name, f.type, f.nullable});
  return out;
}

Result<Schema> make_schema(std::span<const FieldPlan> fields, const fb::Schema& schema) {
  std::vector<ColumnSchema> columns = columns_of(fields);
  auto key = metadata_value(schema.custom_metadata(), kMetadataKey);
  if (!key) return Schema::for_result(std::move(columns));
  SchemaOptions options;
  auto names = parse_string_array(*key);
  if (!names) return Error(ErrorCode::corrupt, "Arrow schema: the value of firn:key is no array of names");
  options.key = std::move(*names);
  if (auto time = metadata_value(schema.custom_metadata(), kMetadataTime)) options.time = std::string(*time);
  auto made = Schema::make(std::move(columns), options);
  if (!made) return Error(ErrorCode::corrupt, made.error().within("Arrow schema").message());
  return made;
}

}  // namespace

Result<SchemaPlan> plan_schema(const fb::Schema& schema) {
  if (schema.endianness() != fb::Endianness::little)
    return Error(ErrorCode::unsupported, "Arrow schema: big-endian data; let its writer convert it");
  SchemaPlan plan;
  if (schema.fields() != nullptr) {
    plan.fields.reserve(schema.fields()->size());
    for (const fb::Field* field : *schema.fields()) {
      FIRN_ASSIGN(FieldPlan f, plan_field(field));
      plan.fields.push_back(std::move(f));
    }
  }
  FIRN_ASSIGN(plan.schema, make_schema(plan.fields, schema));
  return plan;
}

std::vector<FieldPlan> plan_for(const Schema& schema) {
  std::vector<FieldPlan> out;
  out.reserve(schema.size());
  for (const ColumnSchema& c : schema.columns()) {
    FieldPlan f;
    f.name = c.name;
    f.type = c.type;
    f.nullable = c.nullable;
    out.push_back(std::move(f));
  }
  return out;
}

Result<Schema> decode_schema_message(const Buffer& message) {
  std::uint64_t offset = 0;
  FIRN_ASSIGN(auto view, read_message(message, offset));
  if (!view || view->root->header_as_Schema() == nullptr)
    return Error(ErrorCode::corrupt, "Arrow message: not a schema");
  FIRN_ASSIGN(SchemaPlan plan, plan_schema(*view->root->header_as_Schema()));
  return std::move(plan.schema);
}

}  // namespace firn::arrow
