// Batch::make: columns from outside (messages, Arrow imports, decoded blocks) are believed only after this.
#include <algorithm>
#include <unordered_set>

#include "schema/batch.hpp"
#include "schema/bitmap.hpp"
#include "schema/coerce.hpp"

namespace firn {
namespace {

Error bad(std::string message) { return {ErrorCode::invalid_argument, std::move(message)}; }

/// Buffers that arrive misaligned (in a message, say) are copied: kernels read them as whole values.
void align(Buffer& b, std::size_t width) {
  if (reinterpret_cast<std::uintptr_t>(b.data()) % width == 0) return;  // NOLINT: asks only for the alignment
  MutableBuffer copy;
  copy.append(b.data(), b.size());
  b = copy.freeze();
}

Result<void> check_validity(Column& c) {
  const auto length = static_cast<std::size_t>(c.length);
  if (c.type == TypeId::null) {
    c.null_count = c.length;
    return {};
  }
  c.null_count = 0;
  if (c.validity.empty()) return {};
  if (c.validity.size() < bitmap_bytes(length)) return bad("the validity bitmap is too short");
  c.null_count = c.length - static_cast<std::int64_t>(count_ones(c.validity.data(), 0, length));
  if (c.null_count == 0) c.validity = {};
  return {};
}

/// Offsets ascend and stay within the values.
Result<void> check_offsets(Column& c) {
  const auto length = static_cast<std::size_t>(c.length);
  if (length == 0 && c.offsets.empty()) {  // Arrow allows it; ours always have one
    c.offsets = MutableBuffer(sizeof(std::int32_t)).freeze();
  }
  if (c.offsets.size() / sizeof(std::int32_t) < length + 1) return bad("there are too few offsets");
  align(c.offsets, alignof(std::int32_t));
  const auto offsets = c.offsets.as<std::int32_t>().first(length + 1);
  bool ascending = offsets[0] >= 0;
  for (std::size_t i = 0; i < length; ++i) ascending &= offsets[i] <= offsets[i + 1];
  if (!ascending) return bad("the offsets do not ascend");
  if (static_cast<std::size_t>(offsets[length]) > c.values.size())
    return bad("an offset points behind the values");
  return {};
}

/// One pass over all bytes, then the value boundaries; only if that fails value by value, as bytes that lie
/// under NULLs may be anything.
Result<void> check_utf8(const Column& c) {
  const auto length = static_cast<std::size_t>(c.length);
  const auto offsets = c.offsets.as<std::int32_t>().first(length + 1);
  const auto begin = static_cast<std::size_t>(offsets[0]), end = static_cast<std::size_t>(offsets[length]);
  const std::uint8_t* bytes = c.values.data();
  if (begin == end) return {};
  bool good = is_utf8({reinterpret_cast<const char*>(bytes) + begin, end - begin});  // NOLINT
  for (std::size_t i = 0; good && i < length; ++i) {
    const auto o = static_cast<std::size_t>(offsets[i]);
    good = o == end || (bytes[o] & 0xC0) != 0x80;
  }
  if (good) return {};
  for (std::size_t i = 0; i < length; ++i) {
    if (!c.is_null(i) && !is_utf8(c.bytes_at(i))) return bad("row " + std::to_string(i) + " is not UTF-8");
  }
  return {};
}

Result<void> check_plain(Column& c) {
  const auto length = static_cast<std::size_t>(c.length);
  if (c.type == TypeId::null) return {};
  if (is_variable(c.type)) {
    FIRN_TRY(check_offsets(c));
    return c.type == TypeId::utf8 ? check_utf8(c) : Result<void>();
  }
  const std::size_t width = width_of(c.type);
  if (width == 0) {
    return c.values.size() < bitmap_bytes(length) ? bad("there are too few values") : Result<void>();
  }
  if (c.values.size() / width < length) return bad("there are too few values");
  align(c.values, width);
  return {};
}

Result<void> check_unique(const Column& dictionary) {
  const auto length = static_cast<std::size_t>(dictionary.length);
  if (dictionary.type == TypeId::boolean) {
    const std::size_t ones = count_ones(dictionary.values.data(), 0, length);
    return ones > 1 || length - ones > 1 ? bad("a dictionary value occurs twice") : Result<void>();
  }
  const std::size_t width = width_of(dictionary.type);
  std::unordered_set<std::string_view> seen;
  seen.reserve(length);
  for (std::size_t i = 0; i < length; ++i) {
    const char* fixed = reinterpret_cast<const char*>(dictionary.values.data()) + i * width;  // NOLINT
    const std::string_view v = width == 0 ? dictionary.bytes_at(i) : std::string_view(fixed, width);
    if (!seen.insert(v).second) return bad("a dictionary value occurs twice");
  }
  return {};
}

Result<void> check_codes(Column& c) {
  const auto length = static_cast<std::size_t>(c.length);
  if (c.values.size() / sizeof(std::uint32_t) < length) return bad("there are too few dictionary codes");
  align(c.values, alignof(std::uint32_t));
  if (c.dictionary->length == 0 && c.null_count == c.length) {
    c = c.to_plain();  // codes into nothing, under NULLs
    return {};
  }
  std::uint32_t greatest = 0;
  for (const std::uint32_t code : c.codes()) greatest = std::max(greatest, code);
  if (length != 0 && std::int64_t{greatest} >= c.dictionary->length) {
    return bad("a code points behind the dictionary");
  }
  return {};
}

Result<void> check_dictionary(Column& c) {
  Column d = *c.dictionary;
  if (d.dictionary) return bad("the dictionary is itself dictionary-encoded");
  if (d.type != c.type || c.type == TypeId::null) return bad("the dictionary has another type");
  if (d.length < 0) return bad("the dictionary's length is negative");
  FIRN_TRY(check_validity(d));
  if (d.null_count != 0) return bad("the dictionary holds a NULL");
  FIRN_TRY(check_plain(d));
  FIRN_TRY(check_unique(d));
  c.dictionary = std::make_shared<const Column>(std::move(d));
  return check_codes(c);
}

Result<void> check_column(const ColumnSchema& expected, std::int64_t rows, Column& c) {
  if (c.type != expected.type) {
    return Error(ErrorCode::type_mismatch, "it holds " + std::string(name_of(c.type)) + ", the schema says " +
                                               std::string(name_of(expected.type)));
  }
  if (c.length != rows) {
    return bad("it has " + std::to_string(c.length) + " rows, the first column " + std::to_string(rows));
  }
  FIRN_TRY(check_validity(c));
  if (c.dictionary) {
    FIRN_TRY(check_dictionary(c));
  } else {
    FIRN_TRY(check_plain(c));
  }
  if (!expected.nullable && c.null_count != 0) return bad("there is a NULL in a column that is not null");
  return {};
}

}  // namespace

Result<Batch> Batch::make(Schema schema, std::vector<Column> columns) {
  if (columns.size() != schema.size()) {
    return bad("there are " + std::to_string(columns.size()) + " columns, the schema has " +
               std::to_string(schema.size()));
  }
  const std::int64_t rows = columns.empty() ? 0 : columns[0].length;
  if (rows < 0 || rows > std::int64_t{0xFFFFFFFF}) return bad("a batch has at most 2^32 - 1 rows");
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (auto r = check_column(schema[i], rows, columns[i]); !r) {
      return r.error().within("column \"" + schema[i].name + "\"");
    }
  }
  return Batch(std::move(schema), rows, std::move(columns));
}

}  // namespace firn
