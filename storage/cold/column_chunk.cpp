#include "storage/cold/column_chunk.hpp"

#include <algorithm>
#include <bit>

#include "storage/cold/column_stats.hpp"

namespace firn::storage::cold {
namespace {

template <class T, class Wide>
std::vector<std::uint64_t> widen(const Column& c) {
  std::vector<std::uint64_t> v(static_cast<std::size_t>(c.length));
  const std::span<const T> from = c.as<T>();
  for (std::size_t i = 0; i < v.size(); ++i) v[i] = static_cast<std::uint64_t>(static_cast<Wide>(from[i]));
  return v;
}

std::vector<std::uint64_t> integers_of(const Column& c) {
  using S = std::int64_t;
  using U = std::uint64_t;
  switch (c.type) {
    case TypeId::i8:
      return widen<std::int8_t, S>(c);
    case TypeId::i16:
      return widen<std::int16_t, S>(c);
    case TypeId::i32:
    case TypeId::date:
      return widen<std::int32_t, S>(c);
    case TypeId::u8:
      return widen<std::uint8_t, U>(c);
    case TypeId::u16:
      return widen<std::uint16_t, U>(c);
    case TypeId::u32:
    case TypeId::f32:
      return widen<std::uint32_t, U>(c);
    case TypeId::boolean: {
      std::vector<std::uint64_t> v(static_cast<std::size_t>(c.length));
      for (std::size_t i = 0; i < v.size(); ++i) v[i] = c.bool_at(i) ? 1 : 0;
      return v;
    }
    default:
      return widen<std::uint64_t, U>(c);
  }
}

template <class T>
void repeat_over_nulls(const Column& c, std::vector<T>& v) {
  if (c.null_count == 0) return;
  T last{};
  for (std::size_t i = 0; i < v.size(); ++i) {
    if (!c.is_null(i)) {
      last = v[i];
      break;
    }
  }
  for (std::size_t i = 0; i < v.size(); ++i) {
    if (c.is_null(i))
      v[i] = last;
    else
      last = v[i];
  }
}

void encode_validity(const Column& c, const EncodeOptions& options, EncodedChunk& out) {
  if (c.null_count == 0) return;
  std::vector<std::uint64_t> bits(static_cast<std::size_t>(c.length));
  for (std::size_t i = 0; i < bits.size(); ++i) bits[i] = c.is_null(i) ? 0 : 1;
  const Encoded node = encode_ints(bits, options);
  out.bytes += node.bytes;
  out.meta.validity = static_cast<std::uint32_t>(node.bytes.size());
  out.meta.tree = "nulls(" + node.tree + ")+";
}

template <class T>
void narrow(const std::uint64_t* from, std::size_t n, std::uint8_t* to) {
  T* out = reinterpret_cast<T*>(to);  // NOLINT: own, aligned buffer
  for (std::size_t i = 0; i < n; ++i) out[i] = static_cast<T>(from[i]);
}

void narrow(const std::uint64_t* from, std::size_t n, std::size_t width, std::uint8_t* to) {
  switch (width) {
    case 1:
      return narrow<std::uint8_t>(from, n, to);
    case 2:
      return narrow<std::uint16_t>(from, n, to);
    case 4:
      return narrow<std::uint32_t>(from, n, to);
    default:
      std::memcpy(to, from, n * 8);
  }
}

/// Bits of values 0 and 1, kBlockValues at a time; counts the zeros.
Result<Buffer> read_bits(const IntReader& reader, std::size_t rows, std::int64_t* zeros) {
  MutableBuffer bits(bitmap_bytes(rows));
  std::uint64_t v[kBlockValues];
  std::uint64_t ones = 0;
  for (std::size_t first = 0; first < rows; first += kBlockValues) {
    const std::size_t n = std::min(kBlockValues, rows - first);
    FIRN_TRY(reader.read(first, n, v));
    for (std::size_t i = 0; i < n; ++i) {
      const std::size_t at = first + i;
      bits.data()[at / 8] = static_cast<std::uint8_t>(bits.data()[at / 8] | (v[i] & 1) << (at % 8));
      ones += v[i] & 1;
    }
  }
  if (zeros != nullptr) *zeros = static_cast<std::int64_t>(rows - ones);
  return bits.freeze();
}

}  // namespace

EncodedChunk encode_chunk(Ints values, const EncodeOptions& options) {
  EncodedChunk out;
  Encoded node = encode_ints(values, options);
  out.bytes = std::move(node.bytes);
  out.meta.type = TypeId::u64;
  out.meta.tree = std::move(node.tree);
  out.meta.rows = static_cast<std::uint32_t>(values.size());
  out.meta.logical = values.size() * 8;
  return out;
}

EncodedChunk encode_chunk(const Column& c, const EncodeOptions& options) {
  EncodedChunk out;
  out.meta.type = c.type;
  out.meta.rows = static_cast<std::uint32_t>(c.length);
  encode_validity(c, options, out);
  Encoded node;
  if (is_variable(c.type)) {
    std::vector<std::string_view> v(static_cast<std::size_t>(c.length));
    for (std::size_t i = 0; i < v.size(); ++i) v[i] = c.is_null(i) ? std::string_view() : c.bytes_at(i);
    out.stats = stats_of(c, v);
    repeat_over_nulls(c, v);
    for (const std::string_view s : v) out.meta.logical += s.size();
    node = encode_strings(v, options);
  } else {
    std::vector<std::uint64_t> v = integers_of(c);
    out.stats = stats_of(c, v);
    repeat_over_nulls(c, v);
    out.meta.logical = c.type == TypeId::boolean ? bitmap_bytes(v.size()) : v.size() * width_of(c.type);
    node = is_float(c.type) ? encode_floats(v, c.type == TypeId::f32, options) : encode_ints(v, options);
  }
  out.bytes += node.bytes;
  out.meta.tree += node.tree;
  return out;
}

OpenChunk::OpenChunk(std::shared_ptr<const CheckedFile> file, const ChunkMeta& meta)
    : meta_(meta), source_(std::move(file), meta.offset, meta.length) {}

Result<std::shared_ptr<const OpenChunk>> OpenChunk::open(std::shared_ptr<const CheckedFile> file,
                                                         const ChunkMeta& meta) {
  std::shared_ptr<OpenChunk> c(new OpenChunk(std::move(file), meta));
  FIRN_TRY(c->open_readers());
  return std::shared_ptr<const OpenChunk>(std::move(c));
}

Result<void> OpenChunk::open_readers() {
  const Bytes values{&source_, meta_.validity, meta_.length - meta_.validity};
  if (meta_.validity != 0) {
    FIRN_ASSIGN(validity_, open_ints({&source_, 0, meta_.validity}, meta_.rows));
  }
  if (is_variable(meta_.type)) {
    FIRN_ASSIGN(strings_, open_strings(values, meta_.rows));
  } else if (is_float(meta_.type)) {
    FIRN_ASSIGN(numbers_, open_floats(values, meta_.type == TypeId::f32, meta_.rows));
  } else {
    FIRN_ASSIGN(numbers_, open_ints(values, meta_.rows));
  }
  return {};
}

Result<Column> OpenChunk::plain(const IntReader& reader, std::size_t rows) const {
  Column c;
  c.type = meta_.type;
  c.length = static_cast<std::int64_t>(rows);
  if (c.type == TypeId::boolean) {
    FIRN_ASSIGN(c.values, read_bits(reader, rows, nullptr));
    return c;
  }
  const std::size_t width = width_of(c.type);
  MutableBuffer out;
  out.resize_uninitialized(rows * width);
  std::uint64_t v[kBlockValues];
  for (std::size_t first = 0; first < rows; first += kBlockValues) {
    const std::size_t n = std::min(kBlockValues, rows - first);
    if (width == 8) {
      FIRN_TRY(reader.read(first, n, out.as<std::uint64_t>() + first));
    } else {
      FIRN_TRY(reader.read(first, n, v));
      narrow(v, n, width, out.data() + first * width);
    }
  }
  c.values = out.freeze();
  return c;
}

Result<Column> OpenChunk::plain(const StringReader& reader, std::size_t rows) const {
  StringSink sink(meta_.logical);
  sink.reserve(rows);
  FIRN_TRY(reader.read(0, rows, sink));
  Column c;
  c.type = meta_.type;
  c.length = static_cast<std::int64_t>(rows);
  c.values = sink.bytes().freeze();
  c.offsets = sink.offsets().freeze();
  return c;
}

/// u32 codes; reader == nullptr: all zero.
Result<Buffer> OpenChunk::codes(const IntReader* reader, std::size_t entries) const {
  MutableBuffer out;
  if (reader == nullptr) {
    out.resize(std::size_t{meta_.rows} * 4);
    return out.freeze();
  }
  out.resize_uninitialized(std::size_t{meta_.rows} * 4);
  std::uint64_t v[kBlockValues];
  for (std::size_t first = 0; first < meta_.rows; first += kBlockValues) {
    const std::size_t n = std::min<std::size_t>(kBlockValues, meta_.rows - first);
    FIRN_TRY(reader->read(first, n, v));
    std::uint64_t most = 0;
    for (std::size_t i = 0; i < n; ++i) most = std::max(most, v[i]);
    if (most >= entries) return damaged("code beyond the dictionary");
    narrow<std::uint32_t>(v, n, out.data() + first * 4);
  }
  return out.freeze();
}

template <class MakeEntries>
Result<std::shared_ptr<const Column>> OpenChunk::dictionary(MakeEntries make) const {
  const std::lock_guard lock(mutex_);
  if (auto held = dictionary_.lock()) return held;
  FIRN_ASSIGN(Column entries, make());
  auto shared = std::make_shared<const Column>(std::move(entries));
  dictionary_ = shared;
  return std::shared_ptr<const Column>(shared);
}

Result<void> OpenChunk::read_validity(Column& out) const {
  if (!validity_) return {};
  FIRN_ASSIGN(out.validity, read_bits(*validity_, meta_.rows, &out.null_count));
  return {};
}

Result<OpenChunk::Coded> OpenChunk::coded() const {
  const StringDictionary s = strings_ ? dictionary_of(*strings_) : StringDictionary{};
  const bool coded_numbers = numbers_ && meta_.type != TypeId::boolean;
  const IntDictionary n = coded_numbers ? dictionary_of(*numbers_) : IntDictionary{};
  Coded out;
  if (s.size != 0) {
    out.codes = s.codes;
    FIRN_ASSIGN(out.entries, dictionary([&] { return plain(*s.entries, s.size); }));
  } else if (n.size != 0) {
    out.codes = n.codes;
    FIRN_ASSIGN(out.entries, dictionary([&] { return plain(*n.entries, n.size); }));
  } else if (coded_numbers && numbers_->constant()) {
    FIRN_ASSIGN(out.entries, dictionary([&] { return plain(*numbers_, 1); }));
  }
  return out;
}

Result<Column> OpenChunk::column() const {
  FIRN_TRY(source_.load_all());
  Column c;
  c.type = meta_.type;
  c.length = meta_.rows;
  FIRN_ASSIGN(const Coded coded, this->coded());
  if (coded.entries) {
    c.dictionary = coded.entries;
    FIRN_ASSIGN(c.values, codes(coded.codes, static_cast<std::size_t>(coded.entries->length)));
  } else if (strings_) {
    FIRN_ASSIGN(c, plain(*strings_, meta_.rows));
  } else {
    FIRN_ASSIGN(c, plain(*numbers_, meta_.rows));
  }
  FIRN_TRY(read_validity(c));
  return c;
}

Result<Value> OpenChunk::value(std::size_t row, PointScratch& scratch) const {
  if (validity_) {
    FIRN_ASSIGN(const std::uint64_t valid, validity_->at(row, scratch));
    if ((valid & 1) == 0) return Value();
  }
  if (strings_) {
    std::string s;
    FIRN_TRY(strings_->at(row, s, scratch));
    scratch.bytes_decoded += s.size();
    return Value::of_bytes(meta_.type, std::move(s));
  }
  FIRN_ASSIGN(const std::uint64_t v, numbers_->at(row, scratch));
  return value_of(meta_.type, v);
}

}  // namespace firn::storage::cold
