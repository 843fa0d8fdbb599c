#include "storage/query/sort_keys.hpp"

namespace firn::storage::query {
namespace {

constexpr std::uint64_t kSign = std::uint64_t{1} << 63U;

std::uint64_t ordered(std::int64_t v) { return static_cast<std::uint64_t>(v) ^ kSign; }
std::uint64_t ordered(std::uint64_t v) { return v; }
std::uint64_t ordered(double d) {
  if (d != d) return ~std::uint64_t{0};
  if (d == 0) d = 0;
  std::uint64_t w = 0;
  std::memcpy(&w, &d, sizeof w);
  return w & kSign ? ~w : w ^ kSign;
}

void append_big_endian(std::string& out, std::uint64_t w) {
  char bytes[8];
  w = __builtin_bswap64(w);
  std::memcpy(bytes, &w, sizeof bytes);
  out.append(bytes, sizeof bytes);
}

void append_text(std::string& out, std::string_view s, bool descending) {
  const std::size_t begin = out.size();
  for (const char c : s) {
    out.push_back(c);
    if (c == 0) out.push_back(static_cast<char>(0xFF));
  }
  out.append(2, '\0');
  if (descending)
    for (std::size_t i = begin; i < out.size(); ++i) out[i] = static_cast<char>(~out[i]);
}

void append_value(std::string& out, const Vector& v, std::size_t i, bool descending) {
  const std::size_t k = v.constant ? 0 : i;
  const std::uint64_t flip = descending ? ~std::uint64_t{0} : 0;
  switch (v.lane) {
    case Lane::boolean:
      out.push_back(static_cast<char>(v.as<std::uint8_t>()[k] ^ (descending ? 1 : 0)));
      break;
    case Lane::i64:
      append_big_endian(out, ordered(v.as<std::int64_t>()[k]) ^ flip);
      break;
    case Lane::u64:
      append_big_endian(out, ordered(v.as<std::uint64_t>()[k]) ^ flip);
      break;
    case Lane::f64:
      append_big_endian(out, ordered(v.as<double>()[k]) ^ flip);
      break;
    case Lane::bytes:
      append_text(out, v.as<std::string_view>()[k], descending);
      break;
  }
}

template <class T>
void prefixes(const Vector& v, const SortOrder& order, std::uint64_t* out) {
  const T* in = v.as<T>();
  const std::uint64_t flip = order.descending ? ~std::uint64_t{0} : 0;
  for (std::size_t i = 0; i < v.size; ++i)
    out[i] = (std::uint64_t{1} << 56U) | ((ordered(in[i]) ^ flip) >> 8U);
  if (!v.valid) return;
  const std::uint64_t absent = order.nulls_first ? 0 : std::uint64_t{2} << 56U;
  for (std::size_t i = 0; i < v.size; ++i)
    if (!v.valid[i]) out[i] = absent;
}

}  // namespace

bool first_prefixes(const Vector& column, const SortOrder& order, std::uint64_t* out) {
  if (column.constant || column.codes) return false;
  switch (column.lane) {
    case Lane::i64:
      prefixes<std::int64_t>(column, order, out);
      return true;
    case Lane::u64:
      prefixes<std::uint64_t>(column, order, out);
      return true;
    case Lane::f64:
      prefixes<double>(column, order, out);
      return true;
    default:
      return false;
  }
}

void encode_sort_keys(std::span<const Vector> columns, std::span<const SortOrder> orders, std::size_t rows,
                      std::string& arena, std::vector<std::size_t>& ends) {
  ends.resize(rows);
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t c = 0; c < columns.size(); ++c) {
      const bool null = columns[c].is_null(i);
      arena.push_back(null ? (orders[c].nulls_first ? '\0' : '\2') : '\1');
      if (!null) append_value(arena, columns[c], i, orders[c].descending);
    }
    ends[i] = arena.size();
  }
}

std::uint64_t key_prefix(std::string_view key) noexcept {
  std::uint64_t w = 0;
  std::memcpy(&w, key.data(), std::min<std::size_t>(key.size(), sizeof w));
  return __builtin_bswap64(w);
}

}  // namespace firn::storage::query
