#include <fmt/format.h>

#include "schema/arrow_c.hpp"
#include "schema/bitmap.hpp"

namespace firn::arrow {
namespace {

std::optional<TypeId> type_of(std::string_view format) {
  if (format.size() == 1) {
    switch (format[0]) {
      case 'n':
        return TypeId::null;
      case 'b':
        return TypeId::boolean;
      case 'c':
        return TypeId::i8;
      case 's':
        return TypeId::i16;
      case 'i':
        return TypeId::i32;
      case 'l':
        return TypeId::i64;
      case 'C':
        return TypeId::u8;
      case 'S':
        return TypeId::u16;
      case 'I':
        return TypeId::u32;
      case 'L':
        return TypeId::u64;
      case 'f':
        return TypeId::f32;
      case 'g':
        return TypeId::f64;
      case 'u':
        return TypeId::utf8;
      case 'z':
        return TypeId::binary;
      default:
        return std::nullopt;
    }
  }
  if (format.starts_with("tsu:")) return TypeId::timestamp;
  if (format == "tdD") return TypeId::date;
  return std::nullopt;
}

/// Releases what a producer handed out.
struct HeldSchema {
  ArrowSchema c{};
  ~HeldSchema() {
    if (c.release != nullptr) c.release(&c);
  }
};
struct HeldArray {
  ArrowArray c{};
  ~HeldArray() {
    if (c.release != nullptr) c.release(&c);
  }
};
struct HeldStream {
  ArrowArrayStream* c;
  ~HeldStream() {
    if (c->release != nullptr) c->release(c);
  }
};

Result<Schema> import_schema(const ArrowSchema& s) {
  if (s.format == nullptr || std::string_view(s.format) != "+s")
    return Error(ErrorCode::invalid_argument, "Arrow stream: its arrays are no structs of columns");
  std::vector<ColumnSchema> columns;
  for (std::int64_t i = 0; i < s.n_children; ++i) {
    const ArrowSchema& c = *s.children[i];
    const std::string name = c.name == nullptr ? "" : c.name;
    const auto type = c.dictionary == nullptr ? type_of(c.format) : std::nullopt;
    if (!type)
      return Error(
          ErrorCode::unsupported,
          fmt::format("column \"{}\" has the Arrow format \"{}\"{}, which firn does not take; cast it", name,
                      c.format, c.dictionary == nullptr ? "" : " with a dictionary"));
    columns.push_back({0, name, *type, (c.flags & ARROW_FLAG_NULLABLE) != 0});
  }
  return Schema::for_result(std::move(columns));
}

/// Bits [offset, offset + n), beginning with a byte.
Buffer import_bits(const std::shared_ptr<const void>& owner, const void* bits, std::size_t offset,
                   std::size_t n) {
  const auto* bytes = static_cast<const std::uint8_t*>(bits);
  if (offset % 8 == 0) return Buffer(owner, bytes + offset / 8, bitmap_bytes(n));
  MutableBuffer copy(bitmap_bytes(n));
  copy_bits(bytes, offset, copy.data(), 0, n);
  return copy.freeze();
}

Result<Column> import_column(const std::shared_ptr<HeldArray>& held, const ArrowArray& a,
                             const ColumnSchema& said, std::int64_t first, std::int64_t rows) {
  auto bad = [&said](std::string_view what) {
    return Error(ErrorCode::invalid_argument,
                 fmt::format("Arrow stream: column \"{}\": {}", said.name, what));
  };
  Column c;
  c.type = said.type;
  c.length = rows;
  if (c.type == TypeId::null) {
    c.null_count = rows;
    return c;
  }
  if (a.offset < 0 || a.length - first < rows) return bad("it is shorter than its batch");
  if (a.n_buffers != (is_variable(c.type) ? 3 : 2)) return bad("a wrong number of buffers");
  const auto n = static_cast<std::size_t>(rows);
  const auto offset = static_cast<std::size_t>(a.offset + first);
  const void* values = a.buffers[a.n_buffers - 1];
  auto view = [&held](const void* p, std::size_t at, std::size_t bytes) {
    return Buffer(held, static_cast<const std::uint8_t*>(p) + at, bytes);
  };
  if (a.null_count != 0 && a.buffers[0] != nullptr) c.validity = import_bits(held, a.buffers[0], offset, n);
  if (n == 0) {
    if (is_variable(c.type)) c.offsets = MutableBuffer(4).freeze();
    return c;
  }
  if (is_variable(c.type)) {
    if (a.buffers[1] == nullptr) return bad("it has no offsets");
    c.offsets = view(a.buffers[1], offset * 4, (n + 1) * 4);
    std::int32_t end = 0;
    std::memcpy(&end, c.offsets.data() + n * 4, 4);
    if (end < 0 || (end != 0 && values == nullptr)) return bad("its offsets are out of bounds");
    if (end != 0) c.values = view(values, 0, static_cast<std::size_t>(end));
    return c;
  }
  if (values == nullptr) return bad("it has no values");
  c.values = c.type == TypeId::boolean ? import_bits(held, values, offset, n)
                                       : view(values, offset * width_of(c.type), n * width_of(c.type));
  return c;
}

Result<Batch> import_batch(const Schema& schema, const std::shared_ptr<HeldArray>& held) {
  const ArrowArray& a = held->c;
  if (a.n_children != static_cast<std::int64_t>(schema.size()) || a.length < 0 || a.offset < 0)
    return Error(ErrorCode::invalid_argument, "Arrow stream: an array that does not fit its schema");
  if (a.null_count > 0 && a.n_buffers > 0 && a.buffers[0] != nullptr)
    return Error(ErrorCode::unsupported, "Arrow stream: rows that are NULL as a whole");
  std::vector<Column> columns;
  for (std::size_t i = 0; i < schema.size(); ++i) {
    FIRN_ASSIGN(Column c, import_column(held, *a.children[i], schema[i], a.offset, a.length));
    columns.push_back(std::move(c));
  }
  if (schema.size() == 0) return Batch(schema, a.length, {});
  return Batch::make(schema, std::move(columns));
}

Error producer_error(ArrowArrayStream* s, int code) {
  const char* text = s->get_last_error == nullptr ? nullptr : s->get_last_error(s);
  return {ErrorCode::io,
          fmt::format("Arrow stream: its producer failed ({}): {}", code, text == nullptr ? "" : text)};
}

}  // namespace

Result<std::vector<Batch>> import_stream(ArrowArrayStream* stream) {
  if (stream == nullptr || stream->release == nullptr)
    return Error(ErrorCode::invalid_argument, "Arrow stream: it was released before");
  HeldStream held_stream{stream};
  HeldSchema held_schema;
  if (const int code = stream->get_schema(stream, &held_schema.c); code != 0)
    return producer_error(stream, code);
  FIRN_ASSIGN(const Schema schema, import_schema(held_schema.c));
  std::vector<Batch> out;
  while (true) {
    auto held = std::make_shared<HeldArray>();
    if (const int code = stream->get_next(stream, &held->c); code != 0) return producer_error(stream, code);
    if (held->c.release == nullptr) return out;
    FIRN_ASSIGN(Batch b, import_batch(schema, held));
    out.push_back(std::move(b));
  }
}

}  // namespace firn::arrow
