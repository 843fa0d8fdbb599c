// pattern: u8 fields, fields + 1 literals {u16 length, bytes}, u32 exceptions, [child positions, child
// strings], then per field u8 kind, u8 width, child. A string is literal, field, literal ... field, literal;
// exceptions stand apart. Point reads cost a few shifts a field: no block is decompressed unless a field is
// free text.
#include "storage/cold/codecs/pattern_finder.hpp"

#include <algorithm>
#include <charconv>

#include "storage/cold/codecs/codecs.hpp"

namespace firn::storage::cold {
namespace {

constexpr std::size_t kSamples = 512;
constexpr std::size_t kDecimalDigitsMax = 18, kHexDigitsMax = 16;

struct FieldType {
  FieldKind kind = FieldKind::text;
  std::size_t width = 0;
};

bool parse_digits(std::string_view s, unsigned radix, std::uint64_t& v) {
  v = 0;
  for (const char c : s) {
    unsigned d = 99;
    if (c >= '0' && c <= '9')
      d = static_cast<unsigned>(c - '0');
    else if (c >= 'a' && c <= 'f')
      d = static_cast<unsigned>(c - 'a') + 10;
    if (d >= radix) return false;
    v = v * radix + d;
  }
  return !s.empty();
}

/// The number that a field of this type holds, if its text is exactly what the reader would print.
bool number_of(std::string_view s, const FieldType& t, std::uint64_t& v) {
  switch (t.kind) {
    case FieldKind::decimal:
      return s.size() <= kDecimalDigitsMax && (s.size() < 2 || s[0] != '0') && parse_digits(s, 10, v);
    case FieldKind::padded_decimal:
      return s.size() == t.width && parse_digits(s, 10, v);
    case FieldKind::hex:
      return s.size() == t.width && parse_digits(s, 16, v);
    default:
      return true;
  }
}

/// Prints it; nullptr if the number has no such text.
char* print(std::uint64_t v, const FieldType& t, char* to) {
  if (t.kind == FieldKind::decimal) return std::to_chars(to, to + 20, v).ptr;
  if (t.kind == FieldKind::hex) {
    for (std::size_t i = t.width; i-- > 0; v >>= 4) to[i] = "0123456789abcdef"[v & 15];
  } else {
    for (std::size_t i = t.width; i-- > 0; v /= 10) to[i] = static_cast<char>('0' + v % 10);
  }
  return v == 0 ? to + t.width : nullptr;
}

std::vector<std::string_view> sample_texts(Strings v) {
  std::vector<std::string_view> s;
  const std::size_t step = std::max<std::size_t>(1, v.size() / kSamples);
  for (std::size_t i = 0; i < v.size(); i += step) s.push_back(v[i]);
  return s;
}

/// Rows as fields; rows of another shape are exceptions.
struct Table {
  std::size_t width = 0;
  std::vector<std::string_view> fields;  ///< row by row
  std::vector<bool> exception;
  std::size_t exceptions = 0;
  std::string_view at(std::size_t row, std::size_t field) const { return fields[row * width + field]; }
  void except(std::size_t row) {
    if (!exception[row]) exception[row] = true, ++exceptions;
  }
};

Table table_of(Strings v, const Pattern& p) {
  Table t;
  t.width = p.fields();
  t.fields.resize(v.size() * t.width);
  t.exception.resize(v.size());
  for (std::size_t i = 0; i < v.size(); ++i) {
    if (!p.match(v[i], &t.fields[i * t.width])) t.except(i);
  }
  return t;
}

/// The first type that fits all but a few rows; these become exceptions.
FieldType type_of(Table& t, std::size_t field) {
  const std::size_t rows = t.exception.size(), few = rows / 50;
  std::size_t first = 0;
  while (first < rows && t.exception[first]) ++first;
  if (first == rows) return {};
  const std::size_t width = t.at(first, field).size();
  for (const FieldKind kind : {FieldKind::decimal, FieldKind::padded_decimal, FieldKind::hex}) {
    if (kind != FieldKind::decimal && width > (kind == FieldKind::hex ? kHexDigitsMax : kDecimalDigitsMax))
      continue;
    const FieldType type{kind, kind == FieldKind::decimal ? 0 : width};
    std::vector<std::size_t> failed;
    std::uint64_t v = 0;
    for (std::size_t i = 0; i < rows && failed.size() <= few; ++i) {
      if (!t.exception[i] && !number_of(t.at(i, field), type, v)) failed.push_back(i);
    }
    if (failed.size() > few) continue;
    for (const std::size_t i : failed) t.except(i);
    return type;
  }
  return {};
}

const char* name_of(FieldKind k) {
  switch (k) {
    case FieldKind::decimal:
      return "number";
    case FieldKind::padded_decimal:
      return "padded";
    case FieldKind::hex:
      return "hex";
    default:
      return "text";
  }
}

Encoded encode_field(const Table& t, std::size_t field, const FieldType& type, const EncodeContext& context) {
  const std::size_t rows = t.exception.size();
  if (type.kind == FieldKind::text) {
    std::vector<std::string_view> texts(rows);
    for (std::size_t i = 0; i < rows; ++i)
      texts[i] = t.exception[i] ? (i > 0 ? texts[i - 1] : "") : t.at(i, field);
    return encode_strings(texts, context.below(Encoding::pattern));
  }
  std::vector<std::uint64_t> numbers(rows);
  for (std::size_t i = 0; i < rows; ++i) {
    numbers[i] = i > 0 ? numbers[i - 1] : 0;
    if (!t.exception[i]) (void)number_of(t.at(i, field), type, numbers[i]);
  }
  return encode_ints(numbers, EncodeContext{context.options, context.depth + 1, 0});
}

void encode_exceptions(Strings v, const Table& t, const EncodeContext& context, ByteString& out) {
  put(out, static_cast<std::uint32_t>(t.exceptions));
  if (t.exceptions == 0) return;
  std::vector<std::uint64_t> positions;
  std::vector<std::string_view> texts;
  for (std::size_t i = 0; i < v.size(); ++i) {
    if (!t.exception[i]) continue;
    positions.push_back(i);
    texts.push_back(v[i]);
  }
  put_child(out, encode_ints(positions, context.searched()).bytes);
  put_child(out, encode_strings(texts, context.below(Encoding::pattern)).bytes);
}

struct Field {
  FieldType type;
  IntReaderPtr numbers;
  StringReaderPtr texts;
};

class PatternReader final : public StringReader {
 public:
  std::vector<std::string> literals;
  std::vector<Field> fields;
  std::size_t exceptions = 0;
  IntReaderPtr positions;
  StringReaderPtr exception_texts;

  Result<void> read(std::size_t first, std::size_t n, StringSink& out) const override {
    PointScratch scratch;
    FIRN_ASSIGN(std::size_t next, exception_at(first, scratch));
    Block block(fields.size(), out.bytes_max());
    while (n > 0) {
      const std::size_t m = std::min(n, kBlockValues);
      FIRN_TRY(load(first, m, block));
      for (std::size_t i = 0; i < m; ++i) {
        if (next < exceptions) {
          FIRN_ASSIGN(const std::uint64_t at, positions->at(next, scratch));
          if (at == first + i) {
            FIRN_TRY(exception_texts->read(next++, 1, out));
            continue;
          }
        }
        FIRN_TRY(join(block, i, out));
      }
      first += m, n -= m;
    }
    return {};
  }

  Result<void> at(std::size_t i, std::string& out, PointScratch& scratch) const override {
    FIRN_ASSIGN(const std::size_t next, exception_at(i, scratch));
    if (next < exceptions) {
      FIRN_ASSIGN(const std::uint64_t position, positions->at(next, scratch));
      if (position == i) return exception_texts->at(next, out, scratch);
    }
    out += literals[0];
    for (std::size_t f = 0; f < fields.size(); ++f) {
      if (fields[f].texts) {
        FIRN_TRY(fields[f].texts->at(i, out, scratch));
      } else {
        FIRN_ASSIGN(const std::uint64_t v, fields[f].numbers->at(i, scratch));
        char text[24];
        const char* end = print(v, fields[f].type, text);
        if (end == nullptr) return damaged("a number is wider than its field");
        out.append(text, static_cast<std::size_t>(end - text));
      }
      out += literals[f + 1];
    }
    return {};
  }

 private:
  struct Block {
    Block(std::size_t fields, std::uint64_t bytes_max) : numbers(fields) {
      for (std::size_t i = 0; i < fields; ++i) texts.emplace_back(bytes_max);
    }
    std::vector<std::vector<std::uint64_t>> numbers;
    std::vector<StringSink> texts;
  };

  Result<void> load(std::size_t first, std::size_t n, Block& block) const {
    for (std::size_t f = 0; f < fields.size(); ++f) {
      if (fields[f].texts) {
        block.texts[f].clear();
        FIRN_TRY(fields[f].texts->read(first, n, block.texts[f]));
      } else {
        block.numbers[f].resize(kBlockValues);
        FIRN_TRY(fields[f].numbers->read(first, n, block.numbers[f].data()));
      }
    }
    return {};
  }

  Result<void> join(const Block& block, std::size_t i, StringSink& out) const {
    std::size_t most = 0;
    for (const std::string& l : literals) most += l.size();
    for (std::size_t f = 0; f < fields.size(); ++f)
      most += fields[f].texts ? block.texts[f].at(i).size() : 24;
    char* to = out.room(most);
    to = std::copy(literals[0].begin(), literals[0].end(), to);
    for (std::size_t f = 0; f < fields.size(); ++f) {
      if (fields[f].texts) {
        const std::string_view s = block.texts[f].at(i);
        to = std::copy(s.begin(), s.end(), to);
      } else {
        to = print(block.numbers[f][i], fields[f].type, to);
        if (to == nullptr) return damaged("a number is wider than its field");
      }
      to = std::copy(literals[f + 1].begin(), literals[f + 1].end(), to);
    }
    if (!out.end_string(to)) return damaged("more string bytes than the chunk claims");
    return {};
  }

  Result<std::size_t> exception_at(std::size_t row, PointScratch& scratch) const {
    std::size_t low = 0, high = exceptions;
    while (low < high) {
      const std::size_t mid = low + (high - low) / 2;
      FIRN_ASSIGN(const std::uint64_t position, positions->at(mid, scratch));
      if (position < row)
        low = mid + 1;
      else
        high = mid;
    }
    return low;
  }
};

Result<FieldType> take_type(NodeParser& in) {
  const auto kind = static_cast<FieldKind>(in.take<std::uint8_t>());
  const std::size_t width = in.take<std::uint8_t>();
  FIRN_TRY(in.check());
  switch (kind) {
    case FieldKind::decimal:
    case FieldKind::text:
      return FieldType{kind, 0};
    case FieldKind::padded_decimal:
    case FieldKind::hex:
      if (width > kDecimalDigitsMax) return damaged("a field is too wide");
      return FieldType{kind, width};
    default:
      return damaged("unknown kind of field");
  }
}

}  // namespace

bool pattern::encode(Strings values, const EncodeContext& context, Encoded& out) {
  if (values.size() < 32) return false;
  const Pattern p = find_pattern(sample_texts(values));
  if (p.fields() == 0) return false;
  Table t = table_of(values, p);
  std::vector<FieldType> types;
  for (std::size_t f = 0; f < p.fields(); ++f) types.push_back(type_of(t, f));
  if (t.exceptions * 16 > values.size()) return false;
  // One field of text between two empty literals is no pattern.
  if (p.fields() == 1 && types[0].kind == FieldKind::text && p.literals[0].empty() && p.literals[1].empty())
    return false;

  out.bytes.push_back(static_cast<char>(Encoding::pattern));
  put(out.bytes, static_cast<std::uint8_t>(p.fields()));
  for (const std::string& l : p.literals) {
    put(out.bytes, static_cast<std::uint16_t>(l.size()));
    out.bytes += l;
  }
  encode_exceptions(values, t, context, out.bytes);
  out.tree = "pattern(";
  for (std::size_t f = 0; f < p.fields(); ++f) {
    const Encoded field = encode_field(t, f, types[f], context);
    put(out.bytes, static_cast<std::uint8_t>(types[f].kind));
    put(out.bytes, static_cast<std::uint8_t>(types[f].width));
    put_child(out.bytes, field.bytes);
    out.tree += (f == 0 ? "" : ",") + std::string(name_of(types[f].kind)) + ":" + field.tree;
  }
  if (t.exceptions > 0) out.tree += ",exceptions[" + std::to_string(t.exceptions) + "]";
  out.tree += ")";
  return true;
}

Result<StringReaderPtr> pattern::open(Bytes body, std::size_t count, int depth) {
  NodeParser in(body);
  auto r = std::make_unique<PatternReader>();
  const std::size_t fields = in.take<std::uint8_t>();
  if (fields == 0 || fields > kPatternFieldsMax) return damaged("number of pattern fields out of range");
  for (std::size_t i = 0; i <= fields; ++i) r->literals.push_back(in.take_string(in.take<std::uint16_t>()));
  r->exceptions = in.take<std::uint32_t>();
  if (r->exceptions > count) return damaged("more exceptions than values");
  if (r->exceptions > 0) {
    const Bytes positions = in.child(), texts = in.child();
    FIRN_TRY(in.check());
    FIRN_ASSIGN(r->positions, open_ints(positions, r->exceptions, depth + 1));
    FIRN_ASSIGN(r->exception_texts, open_strings(texts, r->exceptions, depth + 1));
  }
  for (std::size_t f = 0; f < fields; ++f) {
    Field field;
    FIRN_ASSIGN(field.type, take_type(in));
    const Bytes child = in.child();
    FIRN_TRY(in.check());
    if (field.type.kind == FieldKind::text) {
      FIRN_ASSIGN(field.texts, open_strings(child, count, depth + 1));
    } else {
      FIRN_ASSIGN(field.numbers, open_ints(child, count, depth + 1));
    }
    r->fields.push_back(std::move(field));
  }
  return StringReaderPtr(std::move(r));
}

}  // namespace firn::storage::cold
