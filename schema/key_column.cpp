// The keys of many rows: encoding column-wise, comparing, sorting.
#include <algorithm>
#include <numeric>

#include "schema/bitmap.hpp"
#include "schema/key_bits.hpp"

namespace firn {
namespace {

struct Entry {
  std::uint64_t key;
  std::uint32_t row;
};

std::weak_ordering order_of(std::string_view a, std::string_view b) noexcept { return a.compare(b) <=> 0; }

template <class T>
void encode_values(const Column& c, std::vector<std::uint64_t>& out) {
  const T* from = c.as<T>().data();
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = key_bits(from[i]);
}

/// The u64 forms of a plain column without NULLs.
void encode_fixed(const Column& c, std::vector<std::uint64_t>& out) {
  out.resize(static_cast<std::size_t>(c.length));
  switch (c.type) {
    case TypeId::boolean:
      for (std::size_t i = 0; i < out.size(); ++i) out[i] = c.bool_at(i) ? 1 : 0;
      break;
    case TypeId::i8:
      encode_values<std::int8_t>(c, out);
      break;
    case TypeId::i16:
      encode_values<std::int16_t>(c, out);
      break;
    case TypeId::date:
    case TypeId::i32:
      encode_values<std::int32_t>(c, out);
      break;
    case TypeId::timestamp:
    case TypeId::i64:
      encode_values<std::int64_t>(c, out);
      break;
    case TypeId::u8:
      encode_values<std::uint8_t>(c, out);
      break;
    case TypeId::u16:
      encode_values<std::uint16_t>(c, out);
      break;
    case TypeId::u32:
      encode_values<std::uint32_t>(c, out);
      break;
    case TypeId::f32:
      encode_values<float>(c, out);
      break;
    case TypeId::f64:
      encode_values<double>(c, out);
      break;
    default:
      encode_values<std::uint64_t>(c, out);
      break;
  }
}

/// Dictionary codes become the codes' encodings.
void encode_codes(const Column& c, std::vector<std::uint64_t>& out) {
  std::vector<std::uint64_t> dictionary;
  encode_fixed(*c.dictionary, dictionary);
  const auto codes = c.codes();
  out.resize(codes.size());
  for (std::size_t i = 0; i < codes.size(); ++i) out[i] = dictionary[codes[i]];
}

Result<void> refuse_null(const Schema& schema, std::size_t k, const Column& c) {
  if (c.null_count == 0) return {};
  for (std::size_t i = 0; i < static_cast<std::size_t>(c.length); ++i) {
    if (!c.is_null(i)) continue;
    return Error(ErrorCode::invalid_argument, "row " + std::to_string(i) + ": key column \"" +
                                                  schema[schema.key()[k]].name + "\" is NULL");
  }
  return {};
}

/// Least significant digit first, a byte a pass; passes in which all keys agree are skipped. Stable.
void radix_sort(std::vector<Entry>& entries) {
  constexpr std::size_t kDigits = sizeof(std::uint64_t), kValues = 256;
  std::vector<std::uint32_t> counts(kDigits * kValues);
  for (const Entry& e : entries) {
    for (std::size_t d = 0; d < kDigits; ++d) ++counts[d * kValues + (e.key >> (8 * d) & 255)];
  }
  std::vector<Entry> other(entries.size());
  for (std::size_t d = 0; d < kDigits; ++d) {
    std::uint32_t* count = counts.data() + d * kValues;
    if (count[entries[0].key >> (8 * d) & 255] == entries.size()) continue;
    std::exclusive_scan(count, count + kValues, count, std::uint32_t{0});
    for (const Entry& e : entries) other[count[e.key >> (8 * d) & 255]++] = e;
    entries.swap(other);
  }
}

/// Few entries are not worth 256 counters a digit.
void sort_entries(std::vector<Entry>& entries) {
  constexpr std::size_t kRadixMin = 512;
  if (entries.size() >= kRadixMin) return radix_sort(entries);
  std::stable_sort(entries.begin(), entries.end(),
                   [](const Entry& a, const Entry& b) { return a.key < b.key; });
}

/// Eight bytes from `at` on as a big-endian number, zeros behind the end.
std::uint64_t prefix_at(std::string_view key, std::size_t at) noexcept {
  std::uint64_t word = 0;
  if (at < key.size()) std::memcpy(&word, key.data() + at, std::min(key.size() - at, sizeof word));
  return __builtin_bswap64(word);
}

std::vector<std::uint32_t> rows_of(const std::vector<Entry>& entries) {
  std::vector<std::uint32_t> rows(entries.size());
  for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = entries[i].row;
  return rows;
}

}  // namespace

KeyColumn::KeyColumn(const Schema& schema) : fixed_(has_fixed_key(schema)) {
  if (fixed_) width_ = key_width(schema[schema.key()[0]].type);
}

Result<KeyColumn> KeyColumn::encode(const Schema& schema, std::span<const Column> key_columns,
                                    std::int64_t rows) {
  FIRN_CHECK(key_columns.size() == schema.key().size());
  KeyColumn out(schema);
  std::vector<const Column*> columns;
  for (std::size_t k = 0; k < key_columns.size(); ++k) {
    const Column& c = key_columns[k];
    FIRN_CHECK(c.length == rows && c.type == schema[schema.key()[k]].type);
    FIRN_TRY(refuse_null(schema, k, c));
    columns.push_back(&c);
  }
  out.size_ = static_cast<std::size_t>(rows);
  if (out.fixed_) {
    if (columns[0]->dictionary) {
      encode_codes(*columns[0], out.values_);
    } else {
      encode_fixed(*columns[0], out.values_);
    }
    return out;
  }
  out.offsets_.reserve(out.size_ + 1);
  for (std::size_t i = 0; i < out.size_; ++i) {
    if (auto r = append_key(schema, columns, i, out.bytes_); !r) {
      return r.error().within("row " + std::to_string(i));
    }
    if (out.bytes_.size() > std::numeric_limits<std::uint32_t>::max()) {
      return Error(ErrorCode::out_of_range, "the keys of one batch take more than 4 GiB; write it in parts");
    }
    out.offsets_.push_back(static_cast<std::uint32_t>(out.bytes_.size()));
  }
  return out;
}

std::string_view KeyColumn::at(std::size_t i, std::string& scratch) const {
  if (!fixed_) return std::string_view(bytes_).substr(offsets_[i], offsets_[i + 1] - offsets_[i]);
  scratch.resize(width_);
  for (std::size_t b = 0; b < width_; ++b)
    scratch[b] = static_cast<char>(values_[i] >> (8 * (width_ - 1 - b)));
  return scratch;
}

std::uint64_t KeyColumn::to_fixed(std::string_view encoded) noexcept {
  std::uint64_t v = 0;
  for (const char c : encoded.substr(0, sizeof v)) v = v << 8 | static_cast<unsigned char>(c);
  return v;
}

std::weak_ordering KeyColumn::compare(std::size_t i, const KeyColumn& o, std::size_t j) const noexcept {
  if (fixed_) return values_[i] <=> o.values_[j];
  const std::string_view a(bytes_.data() + offsets_[i], offsets_[i + 1] - offsets_[i]);
  return order_of(a, {o.bytes_.data() + o.offsets_[j], o.offsets_[j + 1] - o.offsets_[j]});
}

std::weak_ordering KeyColumn::compare(std::size_t i, std::string_view encoded) const noexcept {
  if (fixed_) return values_[i] <=> to_fixed(encoded);
  return order_of({bytes_.data() + offsets_[i], offsets_[i + 1] - offsets_[i]}, encoded);
}

bool KeyColumn::is_strictly_ascending() const noexcept {
  for (std::size_t i = 1; i < size_; ++i) {
    if (compare(i - 1, *this, i) >= 0) return false;
  }
  return true;
}

std::vector<std::uint32_t> KeyColumn::sort_permutation() const {
  std::vector<std::uint32_t> rows(size_);
  std::iota(rows.begin(), rows.end(), std::uint32_t{0});
  std::size_t sorted = 1;
  while (sorted < size_ && compare(sorted - 1, *this, sorted) <= 0) ++sorted;
  if (sorted >= size_) return rows;

  std::vector<Entry> entries(size_);
  if (fixed_) {
    for (std::size_t i = 0; i < size_; ++i) entries[i] = {values_[i], rows[i]};
    sort_entries(entries);
    return rows_of(entries);
  }
  // Bytes: by the eight bytes behind what all keys share, then the few that still tie in full.
  std::string scratch;
  const std::string_view first = at(0, scratch);
  std::size_t shared = first.size();
  for (std::size_t i = 1; i < size_ && shared != 0; ++i) {
    const std::string_view key = at(i, scratch);
    const auto end =
        std::mismatch(first.begin(),
                      first.begin() + static_cast<std::ptrdiff_t>(std::min(shared, key.size())), key.begin());
    shared = static_cast<std::size_t>(end.first - first.begin());
  }
  for (std::size_t i = 0; i < size_; ++i) entries[i] = {prefix_at(at(i, scratch), shared), rows[i]};
  sort_entries(entries);
  for (auto begin = entries.begin(); begin != entries.end();) {
    auto end = begin + 1;
    while (end != entries.end() && end->key == begin->key) ++end;
    if (end - begin > 1) {
      std::stable_sort(begin, end,
                       [&](const Entry& a, const Entry& b) { return compare(a.row, *this, b.row) < 0; });
    }
    begin = end;
  }
  return rows_of(entries);
}

std::size_t KeyColumn::byte_size() const noexcept {
  return values_.size() * sizeof(std::uint64_t) + offsets_.size() * sizeof(std::uint32_t) + bytes_.size();
}

void KeyColumn::push_back(std::string_view encoded) {
  if (fixed_) {
    FIRN_CHECK(encoded.size() == width_);
    values_.push_back(to_fixed(encoded));
  } else {
    FIRN_CHECK(bytes_.size() + encoded.size() <= std::numeric_limits<std::uint32_t>::max());
    bytes_.append(encoded);
    offsets_.push_back(static_cast<std::uint32_t>(bytes_.size()));
  }
  ++size_;
}

}  // namespace firn
