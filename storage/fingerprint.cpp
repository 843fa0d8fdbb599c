#include "storage/fingerprint.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#define XXH_INLINE_ALL
#include <xxhash.h>

namespace firn::storage {
namespace {

// Odd constants of wyhash (Wang Yi, 2019), whose multiplication folded to 64 bits mixes every bit into every other.
constexpr std::uint64_t kFirst = 0xa0761d6478bd642f, kSecond = 0xe7037ed1a0b428db;
constexpr std::uint64_t kThird = 0x8ebc6af09c88c6e3, kFourth = 0x589965cc75374cc3;

std::uint64_t folded(std::uint64_t a, std::uint64_t b) {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

HashPair mixed(HashPair h, std::uint64_t value) {
  return {folded(h.first ^ value ^ kFirst, kSecond), folded(h.second ^ value ^ kThird, kFourth)};
}

HashPair hash_of_bytes(std::string_view bytes) {
  const XXH128_hash_t h = XXH3_128bits(bytes.data(), bytes.size());
  return {h.low64, h.high64};
}

/// Hashes of the values of one column: the id is part of each, so that columns cannot change places.
class ColumnHash {
 public:
  explicit ColumnHash(std::uint32_t id) : id_(mixed({kSecond, kFourth}, id)) {}
  HashPair of(std::uint64_t value) const { return mixed(id_, value); }
  HashPair of(std::string_view bytes) const {
    const HashPair h = hash_of_bytes(bytes);
    return {folded(h.first ^ id_.first, kSecond), folded(h.second ^ id_.second, kFourth)};
  }

 private:
  HashPair id_;
};

void add_to(HashPair& row, HashPair value) {
  row.first += value.first;
  row.second += value.second;
}

template <class T>
void add_fixed(const Column& column, const ColumnHash& hash, std::vector<HashPair>& rows) {
  const auto values = column.as<T>();
  if (column.validity.empty()) {
    for (std::size_t i = 0; i < rows.size(); ++i)
      add_to(rows[i], hash.of(static_cast<std::uint64_t>(values[i])));
    return;
  }
  for (std::size_t i = 0; i < rows.size(); ++i)
    if (bit_at(column.validity.data(), i)) add_to(rows[i], hash.of(static_cast<std::uint64_t>(values[i])));
}

void add_plain(const Column& column, const ColumnHash& hash, std::vector<HashPair>& rows) {
  switch (width_of(column.type)) {
    case 1:
      return add_fixed<std::uint8_t>(column, hash, rows);
    case 2:
      return add_fixed<std::uint16_t>(column, hash, rows);
    case 4:
      return add_fixed<std::uint32_t>(column, hash, rows);
    case 8:
      return add_fixed<std::uint64_t>(column, hash, rows);
    default:
      break;
  }
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (column.is_null(i)) continue;
    add_to(rows[i], is_variable(column.type) ? hash.of(column.bytes_at(i))
                                             : hash.of(column.bool_at(i) ? std::uint64_t{1} : 0));
  }
}

void add_column(const Column& column, std::uint32_t id, std::vector<HashPair>& rows) {
  const ColumnHash hash(id);
  if (!column.dictionary) return add_plain(column, hash, rows);
  std::vector<HashPair> entries(static_cast<std::size_t>(column.dictionary->length));
  add_plain(*column.dictionary, hash, entries);
  const auto codes = column.codes();
  for (std::size_t i = 0; i < rows.size(); ++i)
    if (!column.is_null(i)) add_to(rows[i], entries[codes[i]]);
}

}  // namespace

std::string Fingerprint::to_string() const {
  std::array<char, 40> digits{};
  std::snprintf(digits.data(), digits.size(), "%016llx%016llx", static_cast<unsigned long long>(first),
                static_cast<unsigned long long>(second));
  return std::string(digits.data()) + " of " + std::to_string(count) + " versions";
}

HashPair hash_of_version(std::string_view encoded_key, std::uint64_t csn, bool tombstone) {
  return mixed(mixed(hash_of_bytes(encoded_key), csn), tombstone ? 2 : 1);
}

std::vector<HashPair> hash_of_rows(const Batch& rows, const Buffer& tombstones) {
  std::vector<HashPair> hashes(static_cast<std::size_t>(rows.rows()));
  const Schema& schema = rows.schema();
  const auto is_key = [&](std::size_t c) {
    return std::find(schema.key().begin(), schema.key().end(), c) != schema.key().end();
  };
  for (const std::size_t c : schema.key()) add_column(rows[c], schema[c].id, hashes);
  std::vector<std::pair<std::size_t, HashPair>> keys_only;
  for (std::size_t i = 0; !tombstones.empty() && i < hashes.size(); ++i)
    if (bit_at(tombstones.data(), i)) keys_only.emplace_back(i, hashes[i]);
  for (std::size_t c = 0; c < schema.size(); ++c)
    if (!is_key(c)) add_column(rows[c], schema[c].id, hashes);
  for (const auto& [row, hash] : keys_only) hashes[row] = hash;
  return hashes;
}

HashPair hash_of_content(HashPair values, std::uint64_t csn, std::uint64_t end, bool tombstone) {
  return mixed(mixed(mixed(values, csn), end), tombstone ? 2 : 1);
}

}  // namespace firn::storage
