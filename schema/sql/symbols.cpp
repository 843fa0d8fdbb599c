#include "schema/sql/symbols.hpp"

#include <cstring>

namespace firn::sql {

namespace {

template <class T>
void append_bits(std::string& key, T v) {
  char bytes[sizeof v];
  std::memcpy(bytes, &v, sizeof v);
  key.append(bytes, sizeof v);
}

// Type and bits of a literal; one string for each distinct literal.
std::string key_of(const Value& v) {
  std::string key(1, static_cast<char>(v.type()));
  switch (v.type()) {
    case TypeId::null:
      break;
    case TypeId::boolean:
      key += v.as_bool() ? '1' : '0';
      break;
    case TypeId::utf8:
    case TypeId::binary:
      key += v.as_bytes();
      break;
    case TypeId::f32:
    case TypeId::f64:
      append_bits(key, v.as_double());
      break;
    case TypeId::u8:
    case TypeId::u16:
    case TypeId::u32:
    case TypeId::u64:
      append_bits(key, v.as_unsigned());
      break;
    default:
      append_bits(key, v.as_signed());
      break;
  }
  return key;
}

}  // namespace

std::uint32_t Symbols::name(std::string_view name) {
  const auto next = static_cast<std::uint32_t>(query_.names.size());
  const auto [it, is_new] = names_.try_emplace(std::string(name), next);
  if (is_new) query_.names.emplace_back(name);
  return it->second;
}

std::uint32_t Symbols::literal(Value value) {
  const auto next = static_cast<std::uint32_t>(query_.literals.size());
  const auto [it, is_new] = literals_.try_emplace(key_of(value), next);
  if (is_new) query_.literals.push_back(std::move(value));
  return it->second;
}

}  // namespace firn::sql
