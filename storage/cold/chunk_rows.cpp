// Some rows of a chunk. Block by block: a stretch of it at once where many of its rows are asked for, else one by one.
#include <algorithm>

#include "storage/cold/column_chunk.hpp"

namespace firn::storage::cold {
namespace {

using RowNumbers = std::span<const std::uint32_t>;

constexpr std::size_t kOneByOne =
    16;  // decoding so many values of a block costs as much as finding one by itself
constexpr std::size_t kMostOfAll = 16;  // more than one row in so many touches about all bytes of a chunk

/// Those of the rows that lie in the first one's block.
RowNumbers in_block(RowNumbers rows) {
  const auto end = static_cast<std::uint32_t>((rows.front() / kBlockValues + 1) * kBlockValues);
  const auto most = rows.begin() + static_cast<std::ptrdiff_t>(std::min(rows.size(), kBlockValues));
  const RowNumbers part{rows.begin(), std::lower_bound(rows.begin(), most, end)};
  FIRN_CHECK(part.front() <= part.back());  // they ascend
  return part;
}

bool one_by_one(RowNumbers part) { return part.size() * kOneByOne <= part.back() - part.front() + 1; }

/// Calls take(i, value of rows[i]).
template <class Take>
Result<void> take_rows(const IntReader& reader, RowNumbers rows, Take take) {
  std::uint64_t v[kBlockValues];
  PointScratch scratch;
  for (std::size_t i = 0; i < rows.size();) {
    const RowNumbers part = in_block(rows.subspan(i));
    if (one_by_one(part)) {
      for (const std::uint32_t r : part) {
        FIRN_ASSIGN(const std::uint64_t value, reader.at(r, scratch));
        take(i++, value);
      }
    } else {
      FIRN_TRY(reader.take(part, v));
      for (std::size_t k = 0; k < part.size(); ++k) take(i++, v[k]);
    }
  }
  return {};
}

template <class T>
Result<Buffer> numbers_of_rows(const IntReader& reader, RowNumbers rows) {
  MutableBuffer out;
  out.resize_uninitialized(rows.size() * sizeof(T));
  T* to = out.as<T>();
  FIRN_TRY(take_rows(reader, rows, [to](std::size_t i, std::uint64_t v) { to[i] = static_cast<T>(v); }));
  return out.freeze();
}

Result<Buffer> numbers_of_rows(const IntReader& reader, RowNumbers rows, std::size_t width) {
  switch (width) {
    case 1:
      return numbers_of_rows<std::uint8_t>(reader, rows);
    case 2:
      return numbers_of_rows<std::uint16_t>(reader, rows);
    case 4:
      return numbers_of_rows<std::uint32_t>(reader, rows);
    default:
      return numbers_of_rows<std::uint64_t>(reader, rows);
  }
}

Result<Buffer> bits_of_rows(const IntReader& reader, RowNumbers rows, std::int64_t* zeros) {
  MutableBuffer bits(bitmap_bytes(rows.size()));
  std::size_t ones = 0;
  FIRN_TRY(take_rows(reader, rows, [&](std::size_t i, std::uint64_t v) {
    if ((v & 1) != 0) set_bit(bits.data(), i), ++ones;
  }));
  if (zeros != nullptr) *zeros = static_cast<std::int64_t>(rows.size() - ones);
  return bits.freeze();
}

Result<Buffer> codes_of_rows(const IntReader* reader, RowNumbers rows, std::size_t entries) {
  if (reader == nullptr) return MutableBuffer(rows.size() * sizeof(std::uint32_t)).freeze();
  MutableBuffer out;
  out.resize_uninitialized(rows.size() * sizeof(std::uint32_t));
  auto* to = out.as<std::uint32_t>();
  std::uint64_t most = 0;
  FIRN_TRY(take_rows(*reader, rows, [&](std::size_t i, std::uint64_t v) {
    to[i] = static_cast<std::uint32_t>(v);
    most = std::max(most, v);
  }));
  if (most >= entries) return damaged("code beyond the dictionary");
  return out.freeze();
}

Result<void> take_strings(const StringReader& reader, RowNumbers rows, StringSink& out) {
  StringSink stretch(out.bytes_max());
  PointScratch scratch;
  std::string one;
  while (!rows.empty()) {
    const RowNumbers part = in_block(rows);
    const std::uint32_t first = part.front();
    if (one_by_one(part)) {
      for (const std::uint32_t r : part) {
        one.clear();
        FIRN_TRY(reader.at(r, one, scratch));
        FIRN_TRY(out.append(one));
      }
    } else {
      stretch.clear();
      FIRN_TRY(reader.read(first, part.back() - first + 1, stretch));
      for (const std::uint32_t r : part) FIRN_TRY(out.append(stretch.at(r - first)));
    }
    rows = rows.subspan(part.size());
  }
  return {};
}

}  // namespace

Result<Column> OpenChunk::column(std::span<const std::uint32_t> rows) const {
  if (rows.size() * kMostOfAll > meta_.rows) FIRN_TRY(source_.load_all());
  Column c;
  c.type = meta_.type;
  c.length = static_cast<std::int64_t>(rows.size());
  FIRN_ASSIGN(const Coded coded, this->coded());
  if (coded.entries) {
    c.dictionary = coded.entries;
    FIRN_ASSIGN(c.values, codes_of_rows(coded.codes, rows, static_cast<std::size_t>(coded.entries->length)));
  } else if (strings_) {
    StringSink sink(meta_.logical);
    sink.reserve(rows.size());
    FIRN_TRY(take_strings(*strings_, rows, sink));
    c.values = sink.bytes().freeze();
    c.offsets = sink.offsets().freeze();
  } else if (c.type == TypeId::boolean) {
    FIRN_ASSIGN(c.values, bits_of_rows(*numbers_, rows, nullptr));
  } else {
    FIRN_ASSIGN(c.values, numbers_of_rows(*numbers_, rows, width_of(c.type)));
  }
  if (validity_) {
    FIRN_ASSIGN(c.validity, bits_of_rows(*validity_, rows, &c.null_count));
  }
  return c;
}

}  // namespace firn::storage::cold
